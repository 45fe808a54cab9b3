//! What holds others up, or fails, on a table that has rows. Tables that the pending migrations make have none.

use super::super::act::{Constraint, Fill, What};
use super::super::ground::Ground;
use super::super::hit::{Hit, Place};
use super::{Rule, Severity, numbered, on_old_tables};

pub(super) const BLOCKING_INDEX: Rule = Rule {
    name: "blocking-index",
    severity: Severity::Warning,
    finds: "An index that is built without CONCURRENTLY, also for UNIQUE and PRIMARY KEY.",
    why: "While it is built nobody can write to the table (SHARE lock); for a constraint, nobody can read either (ACCESS \
          EXCLUSIVE).",
    fix: "For a large table, build it with CREATE INDEX CONCURRENTLY in a migration of its own that begins with `-- infra: \
          no-transaction`; a constraint takes it over with ADD CONSTRAINT … USING INDEX.",
    check: |ground| {
        on_old_tables(ground, |what| match what {
            What::CreateIndex { table, concurrently: false, .. } => {
                Some((Some(table), format!("Writes to {table} wait until the index is built."), "blocks writes".into()))
            }
            What::AddConstraint { table, check: Constraint::Index, .. } => Some((
                Some(table),
                format!("Reads and writes of {table} wait until the index is built."),
                "blocks reads and writes".into(),
            )),
            What::Rewrite { table, how: how @ "REINDEX" } => {
                Some((Some(table), format!("{how}: writes to {table} wait."), "blocks writes".into()))
            }
            _ => None,
        })
    },
};

pub(super) const VALIDATING_CONSTRAINT: Rule = Rule {
    name: "validating-constraint",
    severity: Severity::Warning,
    finds: "A foreign key or CHECK that is added without NOT VALID, or validated in the same transaction.",
    why: "Every row is looked at while the table is locked: for a foreign key nobody can write to either table (SHARE ROW \
          EXCLUSIVE), for a CHECK nobody can read either (ACCESS EXCLUSIVE).",
    fix: "Add it with NOT VALID, and in the next migration ALTER TABLE … VALIDATE CONSTRAINT …, which locks out nobody.",
    check: validating,
};

fn validating(ground: &Ground<'_>) -> Vec<Hit> {
    let mut found = on_old_tables(ground, |what| match what {
        What::AddConstraint { table, check: Constraint::Foreign { to }, deferred: false, .. } => Some((
            Some(table),
            format!("Writes to {table} and {to} wait while every row is looked at."),
            "no NOT VALID".into(),
        )),
        What::AddConstraint { table, check: Constraint::Check { .. }, deferred: false, .. } => Some((
            Some(table),
            format!("Reads and writes of {table} wait while every row is looked at."),
            "no NOT VALID".into(),
        )),
        _ => None,
    });
    for (script, number, statement) in numbered(ground) {
        for act in &statement.acts {
            let What::Validate { table, name } = &act.what else { continue };
            let added = script.statements[..=number].iter().flat_map(|statement| &statement.acts).any(
                |it| matches!(&it.what, What::AddConstraint { name: Some(other), table: on, .. } if other.is(name) && on.is(table)),
            );
            if added && !super::is_new(ground, script, number, table) {
                let message =
                    format!("{name} is validated in the transaction that adds it, which still holds its lock.");
                found.push(Hit::new(Place::within(script, act.span.clone()), message, "in the same transaction"));
            }
        }
    }
    found
}

pub(super) const SET_NOT_NULL: Rule = Rule {
    name: "set-not-null",
    severity: Severity::Warning,
    finds: "ALTER COLUMN … SET NOT NULL without a validated CHECK.",
    why: "Every row is looked at while nobody can read or write the table (ACCESS EXCLUSIVE); with a NULL in one it fails (23502).",
    fix: "Add CHECK (column IS NOT NULL) NOT VALID, validate it in the next migration, then SET NOT NULL (which trusts it), and \
          drop the CHECK.",
    check: |ground| {
        let mut found = Vec::new();
        for (script, number, statement) in numbered(ground) {
            for act in &statement.acts {
                let What::SetNotNull { table, column } = &act.what else { continue };
                let checked = ground.history.checked_not_null(table, column, (script.index, number));
                if !checked && !super::is_new(ground, script, number, table) {
                    let message = format!("Reads and writes of {table} wait while every row is looked at.");
                    found.push(Hit::new(Place::within(script, act.span.clone()), message, "scans the table"));
                }
            }
        }
        found
    },
};

pub(super) const REQUIRED_COLUMN: Rule = Rule {
    name: "required-column",
    severity: Severity::Warning,
    finds: "ADD COLUMN … NOT NULL without a DEFAULT.",
    why: "It fails on a table that has rows (23502); and the service that is running inserts rows without it.",
    fix: "Give it a DEFAULT, or add it without NOT NULL, fill it, and set NOT NULL in a later migration.",
    check: |ground| {
        on_old_tables(ground, |what| match what {
            What::AddColumn { table, column, required: true, fill: Fill::Nothing, .. } => Some((
                Some(table),
                format!("{column} is required, and the rows of {table} have nothing for it."),
                "no DEFAULT".into(),
            )),
            _ => None,
        })
    },
};

pub(super) const TABLE_REWRITE: Rule = Rule {
    name: "table-rewrite",
    severity: Severity::Warning,
    finds: "A change that writes every row anew: a column's type, a volatile default, serial, a generated column.",
    why: "Nobody can read or write the table meanwhile (ACCESS EXCLUSIVE), and for a time it takes its room twice.",
    fix: "Add a new column without a default, fill it in portions, change the service, and drop the old column later.",
    check: table_rewrites,
};

fn table_rewrites(ground: &Ground<'_>) -> Vec<Hit> {
    let mut found = on_old_tables(ground, |what| match what {
        What::AddColumn { table, fill: Fill::Each(why), .. } => {
            Some((Some(table), format!("Every row of {table} is written anew, for {why}."), "writes every row".into()))
        }
        What::Rewrite { table, how } if *how != "REINDEX" => {
            Some((Some(table), format!("{how}: every row of {table} is written anew."), "writes every row".into()))
        }
        _ => None,
    });
    for (script, number, statement) in numbered(ground) {
        for act in &statement.acts {
            let What::SetType { table, column, kind } = &act.what else { continue };
            let before = ground.history.kind(table, column, (script.index, number));
            if super::is_new(ground, script, number, table) || before.is_some_and(|before| is_wider(before, kind)) {
                continue;
            }
            let from = before.map_or(String::new(), |before| format!(" from {before}"));
            let message =
                format!("Changing {column}{from} to {kind} writes every row of {table} anew, and its indexes.");
            found.push(Hit::new(Place::within(script, act.span.clone()), message, "writes every row"));
        }
    }
    found
}

/// Whether PostgreSQL changes a column of one type to the other without touching a row.
fn is_wider(from: &str, to: &str) -> bool {
    let text = |kind: &str| kind == "text" || kind == "varchar" || kind == "character varying";
    let limit = |kind: &str| -> Option<u32> {
        let (name, rest) = kind.split_once('(')?;
        let known = ["varchar", "character varying"].contains(&name.trim());
        known.then(|| rest.trim_end_matches(')').trim().parse().ok()).flatten()
    };
    if from == to || (text(from) && text(to)) {
        return true;
    }
    match (limit(from), limit(to)) {
        (Some(from), Some(to)) => to >= from,
        (Some(_), None) => text(to),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_wider;

    #[test]
    fn what_needs_no_rewriting() {
        let table = [
            ("varchar(20)", "varchar(40)", true),
            ("varchar(40)", "varchar(20)", false),
            ("varchar(40)", "text", true),
            ("text", "varchar", true),
            ("text", "varchar(40)", false),
            ("integer", "bigint", false),
        ];
        for (from, to, expected) in table {
            assert_eq!(is_wider(from, to), expected, "{from} → {to}");
        }
    }
}
