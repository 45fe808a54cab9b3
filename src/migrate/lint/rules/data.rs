//! What is lost, and what the running service loses sight of.

use super::super::act::{Object, What};
use super::super::ground::Ground;
use super::super::hit::{Hit, Place};
use super::{Rule, Severity, on_old_tables};

pub(super) const DROP_TABLE: Rule = Rule {
    name: "drop-table",
    severity: Severity::Error,
    finds: "DROP TABLE, DROP SCHEMA … CASCADE.",
    why: "The rows are gone, and the service that is running still asks for them until its new version is live.",
    fix: "Where it is meant, say so above the statement: `-- infra: allow drop-table`. Best in a release after the one that \
          stopped using the table.",
    check: drop_table,
};

fn drop_table(ground: &Ground<'_>) -> Vec<Hit> {
    let mut found = Vec::new();
    for (script, number, statement) in super::numbered(ground) {
        for act in &statement.acts {
            let What::Drop { object, names, cascade, .. } = &act.what else { continue };
            if *object == Object::Schema && *cascade {
                let names: Vec<String> = names.iter().map(ToString::to_string).collect();
                let message = format!("Everything in the schema {} is dropped.", names.join(", "));
                found.push(Hit::new(Place::within(script, act.span.clone()), message, "loses every row"));
            }
            let tables = names.iter().filter(|_| *object == Object::Table);
            for name in tables.filter(|name| !super::is_new(ground, script, number, name)) {
                let message = format!("The table {name} is dropped with all its rows.");
                found.push(Hit::new(Place::within(script, act.span.clone()), message, "loses every row"));
            }
        }
    }
    found
}

pub(super) const DROP_COLUMN: Rule = Rule {
    name: "drop-column",
    severity: Severity::Error,
    finds: "ALTER TABLE … DROP COLUMN, DROP TYPE … CASCADE.",
    why: "The values are gone, and the service that is running still asks for them until its new version is live. Where a column \
          was renamed in the schema, drizzle-kit asks: a wrong answer drops it.",
    fix: "Where it is meant, say so above the statement: `-- infra: allow drop-column`. Best in a release after the one that \
          stopped using the column.",
    check: |ground| {
        on_old_tables(ground, |what| match what {
            What::DropColumn { table, column } => Some((
                Some(table),
                format!("The column {column} of {table} is dropped with all its values."),
                "loses its values".into(),
            )),
            What::Drop { object: Object::Type, names, cascade: true, .. } => {
                let name = names.first().map(ToString::to_string).unwrap_or_default();
                Some((None, format!("Every column of the type {name} is dropped."), "loses columns".into()))
            }
            _ => None,
        })
    },
};

pub(super) const EMPTIES_TABLE: Rule = Rule {
    name: "empties-table",
    severity: Severity::Error,
    finds: "TRUNCATE, DELETE without WHERE.",
    why: "Every row is gone.",
    fix: "Where it is meant, say so above the statement: `-- infra: allow empties-table`.",
    check: |ground| {
        on_old_tables(ground, |what| match what {
            What::Empty { table } => {
                Some((Some(table), format!("Every row of {table} is deleted."), "loses every row".into()))
            }
            _ => None,
        })
    },
};

pub(super) const RENAME: Rule = Rule {
    name: "rename",
    severity: Severity::Warning,
    finds: "A table or a column gets another name or schema.",
    why: "Migrations run before the new version of the service is live: until then, the running one asks for the old name and fails.",
    fix: "Add the new column and fill it, change the service, drop the old one in a later release; or leave a view with the old \
          name (of a table).",
    check: |ground| {
        on_old_tables(ground, |what| match what {
            What::Rename { object: Object::Table, name, part: None } => Some((
                Some(name),
                format!("The table {name} is not found any more under this name."),
                "renamed or moved".into(),
            )),
            What::Rename { object: Object::Table, name, part: Some(column) } => Some((
                Some(name),
                format!("The column {column} of {name} is not found any more under this name."),
                "renamed".into(),
            )),
            _ => None,
        })
    },
};
