//! What does not go with the transaction that a migration runs in.

use super::super::act::What;
use super::super::ground::{Ground, Script};
use super::super::hit::{Hit, Place};
use super::super::statement::Statement;
use super::{Rule, Severity, excerpt};
use crate::migrate::guard::{self, Reason};

pub(super) const TRANSACTION_CONTROL: Rule = Rule {
    name: "transaction-control",
    severity: Severity::Error,
    finds: "BEGIN, COMMIT, ROLLBACK and their like in a migration.",
    why: "What follows would be applied without the migration's ledger row: after a failure nobody knows what is there.",
    fix: "Remove the statement: the migration and its ledger row are committed together, or not at all.",
    check: |ground| {
        guarded(ground, |it| matches!(it, Reason::EndsTransaction | Reason::NoTransaction | Reason::Session))
    },
};

pub(super) const OUTSIDE_TRANSACTION: Rule = Rule {
    name: "outside-transaction",
    severity: Severity::Error,
    finds: "CREATE INDEX CONCURRENTLY, VACUUM and what else cannot run inside a transaction.",
    why: "Every migration runs in a transaction; PostgreSQL refuses the statement there (25001).",
    fix: "Put it in a migration of its own that begins with `-- infra: no-transaction`.",
    check: |ground| guarded(ground, |reason| matches!(reason, Reason::OutsideOnly | Reason::Nameless)),
};

pub(super) const READS_INPUT: Rule = Rule {
    name: "reads-input",
    severity: Severity::Error,
    finds: "COPY … FROM STDIN.",
    why: "It reads rows from the client, and a migration has none to send.",
    fix: "Write the rows as INSERT statements.",
    check: |ground| guarded(ground, |reason| reason == Reason::ReadsInput),
};

/// What `apply` would refuse, found as it finds it.
fn guarded(ground: &Ground<'_>, wanted: fn(Reason) -> bool) -> Vec<Hit> {
    let mut found = Vec::new();
    for script in ground.linted() {
        for offence in guard::offences(script.migration).into_iter().filter(|offence| wanted(offence.reason)) {
            let message = format!("This statement {}.", offence.reason.explanation());
            found.push(Hit::new(Place::within(script, offence.span), message, "here").fix(offence.reason.remedy()));
        }
    }
    found
}

pub(super) const ENUM_VALUE_IN_USE: Rule = Rule {
    name: "enum-value-in-use",
    severity: Severity::Error,
    finds: "A new value of an enum that is used in the transaction that adds it.",
    why: "PostgreSQL refuses the value until it is committed (55P04).",
    fix: "Put what uses the value into a migration of its own after this one. (drizzle-kit runs everything that is pending in \
          one transaction: there this one has to be applied before.)",
    check: enum_values,
};

fn enum_values(ground: &Ground<'_>) -> Vec<Hit> {
    let mut found = Vec::new();
    for script in ground.linted().filter(|script| !guard::without_transaction(&script.migration.sql)) {
        for (number, statement) in script.statements.iter().enumerate() {
            let values = statement.acts.iter().filter_map(|act| match &act.what {
                What::AddValue { of, value } => Some((of, value)),
                _ => None,
            });
            for (of, value) in values {
                let rest = script.statements[number + 1..].iter().map(|statement| (script, statement));
                let later =
                    ground.scripts.iter().filter(|other| ground.together && other.linted && other.index > script.index);
                let later = later.flat_map(|script| script.statements.iter().map(move |statement| (script, statement)));
                let used =
                    rest.chain(later).find_map(|(script, statement)| Some((script, used(script, statement, value)?)));
                if let Some((user, span)) = used {
                    let elsewhere = if user.index == script.index { "above" } else { "in the same transaction" };
                    let message = format!("{value} is added to {of} {elsewhere}, and used before that is committed.");
                    found.push(Hit::new(Place::within(user, span), message, "not usable yet"));
                }
            }
        }
    }
    found
}

/// Where the statement uses the value.
fn used(script: &Script<'_>, statement: &Statement, value: &str) -> Option<std::ops::Range<usize>> {
    let sql = &script.migration.sql;
    let adds = statement.acts.iter().any(|act| matches!(act.what, What::AddValue { .. }));
    let inert = ["comment", "create function", "create or replace function"];
    let start = sql[statement.span.clone()].to_ascii_lowercase();
    if adds || value.is_empty() || inert.iter().any(|words| start.starts_with(words)) {
        return None;
    }
    statement.literals.iter().find_map(|literal| {
        let text = &sql[literal.clone()];
        if text == value {
            return Some(literal.clone());
        }
        let inside = text.starts_with('$').then(|| text.find(value)).flatten()?;
        Some(literal.start + inside..literal.start + inside + value.len())
    })
}

pub(super) const LEAKING_SETTING: Rule = Rule {
    name: "leaking-setting",
    severity: Severity::Warning,
    finds: "SET search_path, SET ROLE or another setting that holds on after the migration.",
    why: "drizzle-kit runs what is pending on one connection: the setting changes where the later migrations put their tables. \
          (infra puts the session back after each.)",
    fix: "Write names with their schema, or RESET it at the end of the migration.",
    check: leaking_settings,
};

fn leaking_settings(ground: &Ground<'_>) -> Vec<Hit> {
    let mut found = Vec::new();
    for script in ground.linted() {
        let acts: Vec<_> = script.statements.iter().flat_map(|statement| &statement.acts).collect();
        for (number, act) in acts.iter().enumerate() {
            let What::Set { setting } = &act.what else { continue };
            let reset = acts[number..].iter().any(|later| match &later.what {
                What::Reset { setting: None } => true,
                What::Reset { setting: Some(name) } => name == setting,
                _ => false,
            });
            if !reset {
                let message = format!("{} holds on after the migration.", excerpt(&script.migration.sql, &act.span));
                found.push(Hit::new(Place::within(script, act.span.clone()), message, format!("sets {setting}")));
            }
        }
    }
    found
}
