//! Which migration each row of the ledger is of, as Drizzle finds it. Pure.

use std::collections::HashMap;

use super::super::folder::{Folder, Layout, Migration};
use super::super::ledger::Row;

/// For each row the migration that it is of, as an index into the folder's.
pub(super) fn owners(folder: &Folder, rows: &[Row]) -> Vec<Option<usize>> {
    let mut search = Search::new(folder);
    let certain: Vec<Option<usize>> = rows.iter().map(|row| search.certain(row)).collect();
    rows.iter().zip(certain).map(|(row, owner)| owner.or_else(|| search.last_resort(row))).collect()
}

struct Search<'f> {
    layout: Layout,
    migrations: &'f [Migration],
    by_name: HashMap<&'f str, usize>,
    by_time: HashMap<i64, Vec<usize>>,
    by_hash: HashMap<&'f str, Vec<usize>>,
    /// Whether a row of it was found.
    owned: Vec<bool>,
}

impl<'f> Search<'f> {
    fn new(folder: &'f Folder) -> Self {
        let Folder { layout, ref migrations, .. } = *folder;
        let (mut by_name, mut by_time, mut by_hash) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (index, migration) in migrations.iter().enumerate() {
            by_name.entry(migration.name.as_str()).or_insert(index);
            by_time.entry(unit(layout, migration.when_millis)).or_insert_with(Vec::new).push(index);
            by_hash.entry(migration.hash.as_str()).or_insert_with(Vec::new).push(index);
        }
        Search { layout, migrations, by_name, by_time, by_hash, owned: vec![false; migrations.len()] }
    }

    /// By name; else by time, and where several have that time, by hash.
    fn certain(&mut self, row: &Row) -> Option<usize> {
        if let Some(index) = row.name.as_deref().and_then(|name| self.by_name.get(name).copied()) {
            return self.take(Some(index));
        }
        // Drizzle 1 looks at nothing but the name of a row that has one.
        if self.layout == Layout::V1 && row.name.is_some() {
            return None;
        }
        let found = match (self.layout, self.of_its_time(row)) {
            (Layout::V1, [only]) => Some(*only),
            (_, several) => self.of_its_hash(several, row),
        };
        self.take(found)
    }

    /// What is left when every row has been looked at so: in v1, where no migration has the row's time, the one with its hash,
    /// as Drizzle's upgrade has it; in v0, the one of that time that is still without a row, which was edited then.
    fn last_resort(&mut self, row: &Row) -> Option<usize> {
        let found = match (self.layout, self.of_its_time(row)) {
            (Layout::V0, several) => {
                let mut free = several.iter().copied().filter(|index| !self.owned[*index]);
                free.next().filter(|_| free.next().is_none())
            }
            (Layout::V1, []) if row.name.is_none() => {
                self.of_its_hash(self.by_hash.get(row.hash.as_str()).map_or(&[], Vec::as_slice), row)
            }
            (Layout::V1, _) => None,
        };
        self.take(found)
    }

    fn of_its_time(&self, row: &Row) -> &[usize] {
        let at = row.created_at.map(|at| unit(self.layout, at));
        at.and_then(|at| self.by_time.get(&at)).map_or(&[], Vec::as_slice)
    }

    /// Of those with the row's hash, one that no row was found of, if there is one.
    fn of_its_hash(&self, candidates: &[usize], row: &Row) -> Option<usize> {
        let same = || candidates.iter().copied().filter(|index| self.migrations[*index].hash == row.hash);
        same().find(|index| !self.owned[*index]).or_else(|| same().next())
    }

    fn take(&mut self, found: Option<usize>) -> Option<usize> {
        if let Some(index) = found {
            self.owned[index] = true;
        }
        found
    }
}

/// A time as far as it tells migrations apart: the name of a v1 folder keeps seconds only.
fn unit(layout: Layout, millis: i64) -> i64 {
    match layout {
        Layout::V0 => millis,
        Layout::V1 => millis.div_euclid(1000),
    }
}
