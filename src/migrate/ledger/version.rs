//! Whether a ledger is still as it was read, without reading all of it again.

use tokio_postgres::SimpleQueryRow;

use super::{Contents, Ledger};
use crate::migrate::lease;
use crate::migrate::quote::literal;

/// How a ledger is looked at under its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migrate) enum Look {
    /// Its rows are counted, which takes the longer the more there are.
    Whole,
    /// What came after the row that this version ends with is read. Ids are given out in order, and up to here none is
    /// missing that somebody could hold who has not committed yet.
    Since(Version),
}

/// Distinguishes two states of a ledger without reading all of it: rows are only ever added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Rows.
    pub count: i64,
    /// Greatest id; 0 without rows.
    pub last: i64,
    /// v1's columns.
    pub has_name: bool,
    /// Whether somebody has, or had, a lease.
    pub leased: bool,
}

impl Ledger {
    /// SQL that shows what of the ledger's [`Version`] is to be known.
    pub(in crate::migrate) fn look_query(&self, look: Look) -> String {
        match look {
            Look::Whole => self.version_query(),
            // The names of its columns come with it.
            Look::Since(Version { last, .. }) => {
                format!("SELECT * FROM {} WHERE id > {last} OR id = {}", self.quoted(), lease::ID)
            }
        }
    }

    /// SQL whose one row is the ledger's [`Version`].
    fn version_query(&self) -> String {
        let lease = lease::condition();
        format!(
            "SELECT count(*) FILTER (WHERE NOT {lease}), coalesce(max(id) FILTER (WHERE NOT {lease}), 0), \
             (SELECT count(*) FROM pg_catalog.pg_attribute WHERE attrelid = {}::pg_catalog.regclass AND attname = 'name' \
             AND NOT attisdropped), count(*) FILTER (WHERE {lease}) FROM {}",
            literal(&self.quoted()),
            self.quoted()
        )
    }
}

impl Contents {
    /// The state of the ledger these contents are.
    pub fn version(&self) -> Version {
        Version {
            count: i64::try_from(self.rows.len()).unwrap_or(i64::MAX),
            last: self.rows.iter().map(|row| row.id).max().unwrap_or(0),
            has_name: self.has_name,
            leased: self.lease.is_some(),
        }
    }
}

impl Version {
    /// How to look whether it is still this one, and the row added that this run adds.
    pub(in crate::migrate) fn look(&self) -> Look {
        if self.count == self.last && !self.leased { Look::Since(*self) } else { Look::Whole }
    }

    /// With one more row.
    pub(in crate::migrate) fn with(&self, row: i64) -> Self {
        Version { count: self.count + 1, last: self.last.max(row), ..*self }
    }

    /// What a look has shown: how many rows, and the last of them. None where more has changed than that the next row was
    /// added.
    pub(in crate::migrate) fn seen(look: Look, rows: usize, last: &SimpleQueryRow) -> Option<Self> {
        match look {
            Look::Whole => Version::of_row(last),
            Look::Since(before) => {
                let id: i64 = last.try_get("id").ok()??.parse().ok()?;
                let has_name = last.columns().iter().any(|column| column.name() == "name");
                (rows == 1 && id == before.last + 1 && has_name == before.has_name).then(|| before.with(id))
            }
        }
    }

    /// From the row of [`Ledger::version_query`].
    fn of_row(row: &SimpleQueryRow) -> Option<Self> {
        let number = |column: usize| row.get(column)?.parse::<i64>().ok();
        Some(Version { count: number(0)?, last: number(1)?, has_name: number(2)? > 0, leased: number(3)? > 0 })
    }
}
