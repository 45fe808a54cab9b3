//! What the folder's statements make of its tables, in order: whether a table is new, and what is known of its columns.

use std::collections::HashMap;

use super::act::{Act, Constraint, Name, Object, What};
use super::ground::Script;

/// A statement's place in the folder: which migration, which statement of it.
pub(super) type At = (usize, usize);

/// What happened to each table.
#[derive(Debug, Default)]
pub(super) struct History {
    tables: HashMap<String, Vec<(At, Change)>>,
    /// The table and columns of each index, by the index's own name.
    indexes: HashMap<String, (Name, Vec<Name>)>,
}

#[derive(Debug)]
enum Change {
    Created,
    Gone,
    Column(String, String),
    Required(String),
    NotNullCheck { column: String, name: String, valid: bool },
    Validated(String),
}

impl History {
    pub(super) fn of(scripts: &[Script<'_>]) -> Self {
        let mut history = History::default();
        for script in scripts {
            for (number, statement) in script.statements.iter().enumerate() {
                statement.acts.iter().for_each(|act| history.note((script.index, number), act));
            }
        }
        history
    }

    fn note(&mut self, at: At, act: &Act) {
        if let What::CreateIndex { name: Some(name), table, columns, .. } = &act.what {
            self.indexes.insert(name.name.clone(), (table.clone(), columns.clone()));
        }
        let mut push = |table: &Name, change| self.tables.entry(table.key()).or_default().push((at, change));
        match &act.what {
            What::CreateTable { name, columns } => {
                push(name, Change::Created);
                for column in columns {
                    push(name, Change::Column(column.name.name.clone(), column.kind.clone()));
                    if column.required {
                        push(name, Change::Required(column.name.name.clone()));
                    }
                }
            }
            What::Create { object: Object::View, name: Some(name), .. } => push(name, Change::Created),
            What::AddColumn { table, column, kind, required, .. } => {
                push(table, Change::Column(column.name.clone(), kind.clone()));
                if *required {
                    push(table, Change::Required(column.name.clone()));
                }
            }
            What::SetType { table, column, kind, .. } => {
                push(table, Change::Column(column.name.clone(), kind.clone()));
            }
            What::SetNotNull { table, column } => push(table, Change::Required(column.name.clone())),
            What::AddConstraint {
                table, name, check: Constraint::Check { not_null: Some(column) }, deferred, ..
            } => {
                let name = name.as_ref().map_or(String::new(), |name| name.name.clone());
                push(table, Change::NotNullCheck { column: column.name.clone(), name, valid: !deferred });
            }
            What::Validate { table, name } => push(table, Change::Validated(name.name.clone())),
            What::Drop { names, .. } => names.iter().for_each(|name| push(name, Change::Gone)),
            What::Rename { object: Object::Table, name, part: None } => push(name, Change::Gone),
            _ => {}
        }
    }

    fn before(&self, table: &Name, at: At) -> std::slice::Iter<'_, (At, Change)> {
        let changes = self.tables.get(&table.key()).map_or(&[][..], Vec::as_slice);
        changes[..changes.partition_point(|(when, _)| *when <= at)].iter()
    }

    /// The migration that made the table, if one before `at` did and nothing took it away since.
    pub(super) fn maker(&self, table: &Name, at: At) -> Option<usize> {
        let last = self.before(table, at).rfind(|(when, change)| match change {
            Change::Created => true,
            Change::Gone => *when < at,
            _ => false,
        });
        last.and_then(|((script, _), change)| matches!(change, Change::Created).then_some(*script))
    }

    /// The type that a column had before `at`.
    pub(super) fn kind(&self, table: &Name, column: &Name, at: At) -> Option<&str> {
        self.before(table, at).rev().find_map(|(when, change)| match change {
            Change::Column(name, kind) if *name == column.name && *when < at => Some(kind.as_str()),
            _ => None,
        })
    }

    /// The table of an index.
    pub(super) fn table_of(&self, index: &Name) -> Option<&Name> {
        self.indexes.get(&index.name).map(|(table, _)| table)
    }

    /// Whether every column of the index is known to be NOT NULL before `at`, or trusted to be.
    pub(super) fn is_required(&self, table: &Name, index: &Name, at: At) -> bool {
        let Some((_, columns)) = self.indexes.get(&index.name).filter(|(_, columns)| !columns.is_empty()) else {
            return false;
        };
        let made = |column: &Name| {
            let mut changes = self.before(table, at);
            changes.any(|(when, change)| *when < at && matches!(change, Change::Required(it) if *it == column.name))
        };
        columns.iter().all(|column| made(column) || self.checked_not_null(table, column, at))
    }

    /// The columns of a table with their types, in the order in which they came.
    pub(super) fn columns(&self, table: &Name) -> Vec<(&str, &str)> {
        let mut columns: Vec<(&str, &str)> = Vec::new();
        for (_, change) in self.tables.get(&table.key()).into_iter().flatten() {
            let Change::Column(name, kind) = change else { continue };
            match columns.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1 = kind,
                None => columns.push((name, kind)),
            }
        }
        columns
    }

    /// The types that columns of this name have had, in whatever table.
    pub(super) fn kinds<'a>(&'a self, column: &'a str) -> impl Iterator<Item = &'a str> {
        self.tables.values().flatten().filter_map(move |(_, change)| match change {
            Change::Column(name, kind) if name == column => Some(kind.as_str()),
            _ => None,
        })
    }

    /// Whether a validated CHECK says before `at` that the column is not NULL.
    pub(super) fn checked_not_null(&self, table: &Name, column: &Name, at: At) -> bool {
        self.before(table, at).any(|(_, change)| match change {
            Change::NotNullCheck { column: of, name, valid } if *of == column.name => {
                *valid || self.before(table, at).any(|(_, other)| matches!(other, Change::Validated(it) if it == name))
            }
            _ => false,
        })
    }
}
