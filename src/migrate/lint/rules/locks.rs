//! What holds others up, or fails, on a table that has rows. Tables that the pending migrations make have none.

use super::super::act::{Constraint, Fill, Object, What};
use super::super::ground::Ground;
use super::super::hit::{Hit, Place};
use super::{Rule, Severity, numbered, on_old_tables};

pub(super) const BLOCKING_INDEX: Rule = Rule {
    name: "blocking-index",
    severity: Severity::Warning,
    finds: "An index that is built, rebuilt or dropped without CONCURRENTLY, also for UNIQUE and PRIMARY KEY.",
    why: "While it is built nobody can write to the table (SHARE lock). For a constraint, a REINDEX or a DROP nobody can read either \
          (ACCESS EXCLUSIVE, on the table or on the index, which every query looks at); and whoever comes later waits behind what this \
          one waits for.",
    fix: "For a large table, use CREATE, REINDEX or DROP INDEX CONCURRENTLY in a migration of its own that begins with `-- infra: \
          no-transaction`; a constraint takes a new index over with ADD CONSTRAINT … USING INDEX.",
    check: blocking_indexes,
};

fn blocking_indexes(ground: &Ground<'_>) -> Vec<Hit> {
    on_old_tables(ground, |what| match what {
        What::CreateIndex { table, concurrently: false, .. } => {
            Some((Some(table), format!("Writes to {table} wait until the index is built."), "blocks writes".into()))
        }
        What::AddConstraint { table, check: Constraint::Index, .. } => Some((
            Some(table),
            format!("Reads and writes of {table} wait until the index is built."),
            "blocks reads and writes".into(),
        )),
        What::Rewrite { table, how: how @ "REINDEX" } => Some((
            Some(ground.history.table_of(table).unwrap_or(table)),
            format!("{how}: reads and writes wait until {table} is rebuilt."),
            "blocks reads and writes".into(),
        )),
        What::Drop { object: Object::Index, names, concurrently: false, .. } => {
            let table = names.iter().find_map(|name| ground.history.table_of(name));
            let of = table.map_or("its table".to_owned(), ToString::to_string);
            let message = format!("Reads and writes of {of} wait, behind every query of it that runs.");
            Some((table, message, "blocks reads and writes".into()))
        }
        _ => None,
    })
}

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
        What::AddConstraint { table, check: Constraint::Foreign { to }, deferred: false, inline, .. } => {
            let wait = match inline {
                true => format!("Reads and writes of {table}, and writes to {to},"),
                false => format!("Writes to {table} and {to}"),
            };
            Some((Some(table), format!("{wait} wait while every row is looked at."), "no NOT VALID".into()))
        }
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
    finds: "ALTER COLUMN … SET NOT NULL without a validated CHECK; also by a PRIMARY KEY that takes an index over.",
    why: "Every row is looked at while nobody can read or write the table (ACCESS EXCLUSIVE); with a NULL in one it fails (23502).",
    fix: "Add CHECK (column IS NOT NULL) NOT VALID, validate it in the next migration, then SET NOT NULL (which trusts it), and \
          drop the CHECK.",
    check: |ground| {
        let mut found = Vec::new();
        for (script, number, statement) in numbered(ground) {
            for act in &statement.acts {
                let at = (script.index, number);
                let (table, trusted) = match &act.what {
                    What::SetNotNull { table, column } => (table, ground.history.checked_not_null(table, column, at)),
                    What::AddConstraint { table, check: Constraint::UsingIndex { primary: true, index }, .. } => {
                        (table, ground.history.is_required(table, index, at))
                    }
                    _ => continue,
                };
                if !trusted && !super::is_new(ground, script, number, table) {
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
            let What::SetType { table, column, kind, computed } = &act.what else { continue };
            let before = ground.history.kind(table, column, (script.index, number));
            if super::is_new(ground, script, number, table)
                || (!computed && before.is_some_and(|before| is_wider(before, kind)))
            {
                continue;
            }
            let from = before.map_or(String::new(), |before| format!(" from {before}"));
            let unless = if !computed && before.is_some_and(|before| is_other_clock(before, kind)) {
                ", unless the session's TimeZone is UTC"
            } else {
                ""
            };
            let message =
                format!("Changing {column}{from} to {kind} writes every row of {table} anew, and its indexes{unless}.");
            found.push(Hit::new(Place::within(script, act.span.clone()), message, "writes every row"));
        }
    }
    found
}

/// Whether PostgreSQL changes a column of one type to the other without touching a row.
fn is_wider(from: &str, to: &str) -> bool {
    let ((from, had), (to, has)) = (parts(from), parts(to));
    let text = |name: &str| ["text", "varchar"].contains(&name);
    match (from.as_str(), to.as_str()) {
        // What has no length is text: nothing is cut off.
        (one, other) if text(one) && text(other) => has.is_empty() || (!had.is_empty() && has >= had),
        ("cidr", "inet") => true,
        _ if from != to => false,
        // More digits before the point; another number of them after it is another value.
        ("numeric", _) => has.is_empty() || (has.get(1) == had.get(1) && has.first() >= had.first() && !had.is_empty()),
        // Six digits of a second are all that is stored.
        ("timestamp" | "timestamptz" | "time" | "timetz" | "interval", _) => {
            let digits = |parts: &[u32]| parts.first().copied().unwrap_or(6);
            digits(&has) >= digits(&had)
        }
        ("varbit", _) => has.is_empty() || (!had.is_empty() && has >= had),
        _ => has == had,
    }
}

/// Whether one is a timestamp with a time zone, and the other one without.
fn is_other_clock(from: &str, to: &str) -> bool {
    let ((from, had), (to, has)) = (parts(from), parts(to));
    let kept = has.first().copied().unwrap_or(6) >= had.first().copied().unwrap_or(6);
    kept && [("timestamp", "timestamptz"), ("timestamptz", "timestamp")].contains(&(from.as_str(), to.as_str()))
}

/// A type's name, by its shortest alias, and the numbers in its parentheses: `numeric(10, 2)` → `numeric`, 10 and 2.
fn parts(kind: &str) -> (String, Vec<u32>) {
    let (name, rest) = kind.split_once('(').unwrap_or((kind, ""));
    let (numbers, after) = rest.split_once(')').unwrap_or(("", rest));
    let mut numbers: Vec<u32> = numbers.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    let words: Vec<&str> = name.split_whitespace().chain(after.split_whitespace()).collect();
    let name = match words.join(" ").as_str() {
        "character varying" => "varchar".to_owned(),
        "decimal" | "dec" => "numeric".to_owned(),
        "timestamp without time zone" => "timestamp".to_owned(),
        "timestamp with time zone" => "timestamptz".to_owned(),
        "time without time zone" => "time".to_owned(),
        "time with time zone" => "timetz".to_owned(),
        "bit varying" => "varbit".to_owned(),
        "int" | "int4" => "integer".to_owned(),
        other => other.trim_start_matches("pg_catalog.").to_owned(),
    };
    if name == "numeric" && numbers.len() == 1 {
        numbers.push(0);
    }
    (name, numbers)
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
            ("int", "int4", true),
            ("numeric(10,2)", "numeric(12, 2)", true),
            ("numeric(10,2)", "decimal", true),
            ("numeric(10,2)", "numeric(12,3)", false),
            ("numeric(10)", "numeric(12,0)", true),
            ("numeric", "numeric(12,2)", false),
            ("timestamp(3)", "timestamp", true),
            ("timestamptz", "timestamp(3) with time zone", false),
            ("timestamp", "timestamptz", false),
            ("varchar", "varchar(9)", false),
            ("cidr", "inet", true),
        ];
        for (from, to, expected) in table {
            assert_eq!(is_wider(from, to), expected, "{from} → {to}");
        }
    }
}
