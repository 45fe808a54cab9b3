//! What does not go with the transaction that a migration runs in.

use super::super::act::{Name, What};
use super::super::ground::{Ground, Script};
use super::super::hit::{Hit, Place};
use super::super::statement::Statement;
use super::{Rule, Severity, excerpt};
use crate::migrate::guard::{self, Reason};
use crate::migrate::quote::folded;
use crate::migrate::sql::{self, Kind, Token, statements, tokens};

pub(super) const TRANSACTION_CONTROL: Rule = Rule {
    name: "transaction-control",
    severity: Severity::Error,
    finds: "BEGIN, COMMIT, ROLLBACK and their like in a migration.",
    why: "What follows would be applied without the migration's ledger row: after a failure nobody knows what is there.",
    fix: "Remove the statement: the migration and its ledger row are committed together, or not at all.",
    check: |ground| {
        use Reason::{EndsTransaction, NoTransaction, Session, Temporary};
        guarded(ground, |it| matches!(it, EndsTransaction | NoTransaction | Session | Temporary))
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
    finds: "COPY … FROM STDIN, COPY … TO STDOUT.",
    why: "It exchanges rows with the client, and a migration neither has nor takes any.",
    fix: "Write rows that are to be read as INSERT statements.",
    check: |ground| guarded(ground, |reason| reason == Reason::ReadsInput),
};

pub(super) const STOPS_DRIZZLE: Rule = Rule {
    name: "stops-drizzle-kit",
    severity: Severity::Note,
    finds: "A migration that infra can apply, and drizzle-kit cannot.",
    why: "To drizzle-kit `-- infra: no-transaction` is a comment: it runs the file in a transaction, where PostgreSQL refuses the \
          statement (25001), and takes back everything that was pending.",
    fix: "Apply it with `infra migrate apply`, everywhere: once it is recorded drizzle-kit passes over it, and goes on with what \
          comes after.",
    check: |ground| {
        let alone = ground.linted().filter(|script| guard::without_transaction(&script.migration.sql));
        let found = alone.filter_map(|script| {
            let sql = &script.migration.sql;
            let statement = statements(sql).find(|statement| guard::is_outside_only(sql, statement))?;
            let message = format!("drizzle-kit stops at {}.", script.migration.tag);
            Some(Hit::new(Place::within(script, statement.span()), message, "refused in a transaction"))
        });
        found.collect()
    },
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
                let mut uses = rest.chain(later).filter_map(|(script, statement)| {
                    let (span, surely) = used(ground, script, statement, of, value)?;
                    Some((script, span, surely))
                });
                if let Some((user, span, surely)) = uses.next() {
                    let elsewhere = if user.index == script.index { "above" } else { "in the same transaction" };
                    let (what, label) = match surely {
                        true => ("and used before that is committed", "not usable yet"),
                        false => {
                            ("and cannot be used before that is committed, if that is what this is", "that value?")
                        }
                    };
                    let message = format!("{value} is added to {of} {elsewhere}, {what}.");
                    found.push(Hit::new(Place::within(user, span), message, label).doubt(!surely));
                }
            }
        }
    }
    found
}

/// Where the statement uses the value, or a text that is the same; and whether it is the value for certain.
fn used(
    ground: &Ground<'_>,
    script: &Script<'_>,
    statement: &Statement,
    of: &Name,
    value: &str,
) -> Option<(std::ops::Range<usize>, bool)> {
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
            let surely = match kind_of(ground, sql, statement, literal) {
                Some(kind) if kind.is(of) => true,
                Some(_) => return None,
                None => false,
            };
            return Some((literal.clone(), surely));
        }
        let inside = text.starts_with('$').then(|| text.find(value)).flatten()?;
        Some((literal.start + inside..literal.start + inside + value.len(), false))
    })
}

/// The type of a literal: that of its cast, or of the column that it is compared with, set to or the default of; none
/// where it is not known.
fn kind_of(ground: &Ground<'_>, sql: &str, statement: &Statement, literal: &std::ops::Range<usize>) -> Option<Name> {
    let after = sql[literal.end..statement.span.end].trim_start();
    if let Some(kind) = after.strip_prefix("::") {
        let end = kind.find(|c: char| !(c.is_alphanumeric() || "_.\"".contains(c))).unwrap_or(kind.len());
        return Some(Name::parse(&kind[..end]));
    }
    let before = &sql[statement.span.start..literal.start];
    let tokens = tokens(before);
    let inserts = statement.acts.iter().find_map(|act| match &act.what {
        What::Insert { table } => Some(table),
        _ => None,
    });
    if let Some((table, values)) = inserts.zip(tokens.iter().position(|token| token.is(before, "values"))) {
        let (into, row) = tokens.split_at(values);
        let number = place(before, row)?;
        let columns = ground.history.columns(table);
        let mut named = into.iter().skip_while(|token| token.text(before) != "(");
        let kind = match named.next() {
            Some(_) => {
                let mut names = named.filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted));
                let name = folded(names.nth(number)?.text(before));
                columns.iter().find(|(column, _)| *column == name)
            }
            None => columns.get(number),
        };
        return kind.map(|(_, kind)| Name::parse(kind));
    }
    let between = |token: &&Token| {
        token.kind == Kind::Literal
            || ["=", "<", ">", "!", "(", ","].contains(&token.text(before))
            || ["set", "default", "in", "not", "any"].iter().any(|word| token.is(before, word))
    };
    let column = tokens.iter().rev().find(|token| !between(token)).filter(|it| it.kind != Kind::Other)?;
    let name = folded(column.text(before));
    let mut kinds = ground.history.kinds(&name).map(|kind| Name::parse(kind.trim_end_matches("[]")));
    let first = kinds.next()?;
    kinds.all(|other| other.is(&first)).then_some(first)
}

/// Which value of its row comes after these tokens of VALUES (…), (…; none where it is a part of one.
fn place(text: &str, tokens: &[Token]) -> Option<usize> {
    let (mut depth, mut number) = (0_usize, 0);
    for token in tokens {
        match token.text(text) {
            "(" => (depth, number) = (depth + 1, if depth == 0 { 0 } else { number }),
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 1 => number += 1,
            _ => {}
        }
    }
    let begins = tokens.last().is_some_and(|last| ["(", ","].contains(&last.text(text)));
    (depth == 1 && begins).then_some(number)
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

pub(super) const LEAKING_TABLE: Rule = Rule {
    name: "leaking-table",
    severity: Severity::Warning,
    finds: "A temporary table that holds on after the migration.",
    why: "drizzle-kit runs what is pending on one connection: in the later migrations its name means the temporary table, and \
          through a pooler it stays on a connection that others get. (infra discards it after each migration.)",
    fix: "Make it with ON COMMIT DROP, or drop it at the end of the migration.",
    check: leaking_tables,
};

fn leaking_tables(ground: &Ground<'_>) -> Vec<Hit> {
    let mut found = Vec::new();
    for script in ground.linted().filter(|script| !guard::without_transaction(&script.migration.sql)) {
        let sql = &script.migration.sql;
        let statements: Vec<_> = statements(sql).collect();
        for (number, statement) in statements.iter().enumerate() {
            let mut words = statement.tokens.iter().skip_while(|token| !token.is(sql, "table")).skip(1);
            let name = words.find(|token| !["if", "not", "exists"].iter().any(|word| token.is(sql, word)));
            let Some(name) = name.filter(|_| guard::is_temporary(sql, statement)) else { continue };
            let drops = |later: &&sql::Statement| {
                let named = || later.tokens.iter().any(|token| folded(token.text(sql)) == folded(name.text(sql)));
                (later.starts_with(sql, &["drop", "table"]) && named()) || later.starts_with(sql, &["discard", "temp"])
            };
            let on_commit = statement.mentions(sql, "commit") && statement.mentions(sql, "drop");
            if !on_commit && !statements[number..].iter().any(|later| drops(&later)) {
                let message = format!("The temporary table {} holds on after the migration.", name.text(sql));
                found.push(Hit::new(Place::within(script, statement.span()), message, "until the session ends"));
            }
        }
    }
    found
}

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
