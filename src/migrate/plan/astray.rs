//! Migrations that have lost their file, and rows that have lost their migration. Pure.

use super::{MissingStatus, Plan};
use crate::migrate::folder::{Folder, Layout, Migration, Missing};
use crate::migrate::ledger::Row;

impl Plan {
    /// Rows that nothing accounts for and that have the hash of a migration without a row: it was renamed, or its time was changed
    /// or lost. An empty file's hash tells nothing.
    pub fn moved<'a>(&self, folder: &'a Folder) -> Vec<(&Row, &'a Migration)> {
        let mut found: Vec<(&Row, &'a Migration)> = Vec::new();
        for row in &self.unknown {
            let taken = |migration: &Migration| found.iter().any(|(_, other)| *other == migration);
            let free = |migration: &&Migration| self.is_recorded(&migration.tag) == Some(false) && !taken(migration);
            let mut same = folder.migrations.iter().filter(|it| it.hash == row.hash && !it.is_empty());
            if let Some(migration) = same.find(free) {
                found.push((row, migration));
            }
        }
        found
    }

    /// Takes migrations into account whose files are missing: their rows are not unknown.
    pub fn account_for(&mut self, missing: Vec<Missing>, layout: Layout) {
        for it in missing {
            let index = self.unknown.iter().position(|row| it.is_of(row, layout));
            let row = index.map(|index| self.unknown.remove(index));
            let Missing { tag, when_millis, path, .. } = it;
            self.missing.push(MissingStatus { tag, path, when_millis, applied: row.is_some() });
        }
    }
}
