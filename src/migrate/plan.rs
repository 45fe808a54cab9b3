//! Folder × ledger → what each migration is, and what stands in the way of applying the rest. Pure.

mod allow;
mod astray;
mod owner;

use std::path::PathBuf;

use serde::Serialize;

use super::folder::{Folder, Layout, Migration};
use super::lease::Lease;
use super::ledger::{Contents, Row};
pub use allow::{Accept, Allow, Unaccepted};
use owner::owners;

/// What a migration is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Its row is in the ledger, with its hash.
    Applied {
        /// The row's id.
        row: i64,
        /// When, in milliseconds; known in v1 ledgers only.
        applied_at: Option<i64>,
    },
    /// Will be applied.
    Pending,
    /// Its row is in the ledger with another hash: the file changed after it was applied.
    Edited {
        /// The row's id.
        row: i64,
        /// The hash of what was applied.
        applied_hash: String,
        /// Whether nothing but its line ends is another: git, or an editor, has written CR LF for LF, or LF for CR LF.
        line_ends: bool,
    },
    /// Not applied, but something later is. Drizzle skips it and reports success.
    OutOfOrder {
        /// The later one.
        after: String,
    },
    /// Not applied, and its `when` is not greater than that of an entry before it in the journal. Drizzle would skip it
    /// wherever that one is applied.
    Misordered {
        /// The entry before it.
        after: String,
    },
}

/// One migration and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Which migration.
    pub tag: String,
    /// Its own time in milliseconds.
    pub when_millis: i64,
    /// What it is.
    #[serde(flatten)]
    pub state: State,
}

/// What there is, and what is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Every migration of the folder, in its order.
    pub migrations: Vec<Status>,
    /// Rows that no migration of the folder accounts for.
    pub unknown: Vec<Row>,
    /// `.sql` files that the journal does not name.
    pub strays: Vec<PathBuf>,
    /// Migrations without a file, where the folder was read for looking only.
    pub missing: Vec<MissingStatus>,
    /// A migration without a transaction that is being applied, or was begun and not finished.
    pub lease: Option<Lease>,
    /// Whether the ledger's table is there at all.
    pub ledger_exists: bool,
    /// Migrations that are recorded more than once: two migrators without a common lock ran them at the same time.
    pub duplicates: Vec<Duplicate>,
    /// Rows of a v1 ledger without a name, and the name they get: v1 would run those migrations again.
    #[serde(skip)]
    pub unnamed: Vec<(i64, String)>,
}

/// A migration with more than one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Which migration.
    pub tag: String,
    /// The rows' ids.
    pub rows: Vec<i64>,
}

/// A migration without a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingStatus {
    /// Which migration.
    pub tag: String,
    /// The file that should be there.
    pub path: PathBuf,
    /// Its own time in milliseconds.
    pub when_millis: i64,
    /// Whether its row is in the ledger.
    pub applied: bool,
}

/// Compares the folder with the ledger.
pub fn plan(folder: &Folder, contents: &Contents) -> Plan {
    let mut accounts: Vec<Vec<&Row>> = vec![Vec::new(); folder.migrations.len()];
    let mut unknown = Vec::new();
    for (row, owner) in contents.rows.iter().zip(owners(folder, &contents.rows)) {
        owner.map_or(&mut unknown, |index| &mut accounts[index]).push(row);
    }
    let (mut matched, mut duplicates, mut unnamed) = (Vec::new(), Vec::new(), Vec::new());
    for (migration, mut rows) in folder.migrations.iter().zip(accounts) {
        let row = rows.iter().copied().find(|row| row.hash == migration.hash).or(rows.first().copied());
        matched.push(row);
        let Some(row) = row else { continue };
        // Two Drizzles at once leave the same row twice.
        let same =
            |other: &&Row| other.created_at == row.created_at && other.hash == row.hash && other.name == row.name;
        let twice: Vec<i64> = rows.iter().copied().filter(same).map(|it| it.id).collect();
        if twice.len() > 1 {
            duplicates.push(Duplicate { tag: migration.tag.clone(), rows: twice });
        }
        // Drizzle 1 goes by names alone, whatever else such a row says.
        if folder.layout == Layout::V0 {
            unknown.extend(rows.extract_if(.., |it| !same(&&**it)));
        }
        unnamed.extend(rows.iter().filter(|it| it.name.is_none()).map(|it| (it.id, migration.name.clone())));
    }
    unknown.sort_by_key(|row| row.id);
    Plan {
        migrations: states(folder, &matched, contents),
        unknown: unknown.into_iter().cloned().collect(),
        strays: folder.strays.iter().map(|stray| stray.path.clone()).collect(),
        missing: Vec::new(),
        lease: contents.lease.clone(),
        ledger_exists: contents.table_exists,
        duplicates,
        unnamed: if contents.has_name || folder.layout == Layout::V1 { unnamed } else { Vec::new() },
    }
}

fn states(folder: &Folder, matched: &[Option<&Row>], contents: &Contents) -> Vec<Status> {
    let newest = contents.rows.iter().filter_map(|row| row.created_at).max();
    let last_applied = matched.iter().rposition(Option::is_some);
    let mut latest: Option<&Migration> = None;
    let mut statuses = Vec::with_capacity(folder.migrations.len());
    for (index, (migration, row)) in folder.migrations.iter().zip(matched).enumerate() {
        let state = match row {
            Some(row) if row.hash == migration.hash => State::Applied { row: row.id, applied_at: row.applied_at },
            Some(row) => State::Edited {
                row: row.id,
                applied_hash: row.hash.clone(),
                line_ends: migration.has_other_line_ends(&row.hash),
            },
            None => unapplied(folder, migration, latest, last_applied.filter(|last| *last > index), newest),
        };
        if latest.is_none_or(|latest| latest.when_millis < migration.when_millis) {
            latest = Some(migration);
        }
        statuses.push(Status { tag: migration.tag.clone(), when_millis: migration.when_millis, state });
    }
    statuses
}

fn unapplied(
    folder: &Folder,
    migration: &Migration,
    latest: Option<&Migration>,
    later_applied: Option<usize>,
    newest: Option<i64>,
) -> State {
    // v1 goes by names; two migrations of one second are in order by name.
    let too_old = |at: i64| match folder.layout {
        Layout::V0 => at >= migration.when_millis,
        Layout::V1 => at.div_euclid(1000) > migration.when_millis.div_euclid(1000),
    };
    if let Some(later) = later_applied {
        State::OutOfOrder { after: folder.migrations[later].tag.clone() }
    } else if let Some(at) = newest.filter(|at| too_old(*at)) {
        let after = folder.migrations.iter().find(|other| other.when_millis == at).map(|other| other.tag.clone());
        State::OutOfOrder { after: after.unwrap_or_else(|| format!("a row with created_at {at}")) }
    } else {
        match latest.filter(|latest| folder.layout == Layout::V0 && latest.when_millis >= migration.when_millis) {
            Some(latest) => State::Misordered { after: latest.tag.clone() },
            None => State::Pending,
        }
    }
}

impl Plan {
    /// The migrations that would run now, in order, none after `to`.
    pub fn to_apply<'a>(&self, folder: &'a Folder, allow: &Allow, to: Option<&str>) -> Vec<&'a Migration> {
        let runs = |status: &Status| match status.state {
            State::Pending => true,
            State::OutOfOrder { .. } | State::Misordered { .. } => allow.out_of_order,
            _ => false,
        };
        self.up_to(folder, to).filter(|(_, status)| runs(status)).map(|(migration, _)| migration).collect()
    }

    /// Every migration and what it is, none after `to`.
    pub(super) fn up_to<'a, 'p>(
        &'p self,
        folder: &'a Folder,
        to: Option<&str>,
    ) -> impl Iterator<Item = (&'a Migration, &'p Status)> {
        let last = to.and_then(|to| folder.migrations.iter().position(|migration| migration.tag == to));
        let limit = last.map_or(folder.migrations.len(), |last| last + 1);
        folder.migrations.iter().zip(&self.migrations).take(limit)
    }

    /// Whether the migration's row is in the ledger; none if it is not in the folder.
    pub(super) fn is_recorded(&self, tag: &str) -> Option<bool> {
        let status = self.migrations.iter().find(|status| status.tag == tag)?;
        Some(matches!(status.state, State::Applied { .. } | State::Edited { .. }))
    }

    /// How many migrations of the folder are applied, as they are or edited since.
    pub fn applied(&self) -> usize {
        let applied = |status: &&Status| matches!(status.state, State::Applied { .. } | State::Edited { .. });
        self.migrations.iter().filter(applied).count()
    }

    /// Whether everything in the folder is applied as it is written there.
    pub fn is_current(&self) -> bool {
        self.missing.is_empty() && self.migrations.iter().all(|status| matches!(status.state, State::Applied { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    fn folder(layout: Layout, migrations: &[(&str, i64)]) -> Folder {
        let migrations = migrations.iter().enumerate().map(|(idx, (tag, when))| {
            let mut migration = migration(tag, *when, tag);
            if layout == Layout::V1 {
                migration.name = (*tag).into();
            }
            Migration { idx, ..migration }
        });
        Folder { path: "m".into(), layout, migrations: migrations.collect(), strays: Vec::new() }
    }

    /// Rows as (what was applied, created_at, name).
    fn rows(rows: &[(&str, Option<i64>, Option<&str>)]) -> Contents {
        let rows: Vec<Row> = rows
            .iter()
            .zip(1..)
            .map(|((content, created_at, name), id)| Row {
                id,
                hash: migration("x", 0, content).hash,
                created_at: *created_at,
                name: name.map(str::to_owned),
                applied_at: None,
            })
            .collect();
        let has_name = rows.iter().any(|row| row.name.is_some());
        Contents { schema_exists: true, table_exists: true, has_name, rows, lease: None }
    }

    /// One letter a migration, then the number of unknown rows.
    fn short(folder: &Folder, contents: &Contents) -> String {
        let plan = plan(folder, contents);
        let letters = plan.migrations.iter().map(|status| match status.state {
            State::Applied { .. } => 'A',
            State::Pending => 'P',
            State::Edited { .. } => 'E',
            State::OutOfOrder { .. } => 'O',
            State::Misordered { .. } => 'M',
        });
        format!("{}{}", letters.collect::<String>(), plan.unknown.len())
    }

    #[test]
    fn v0_by_time() {
        let abc = folder(Layout::V0, &[("0_a", 10), ("1_b", 20), ("2_c", 30)]);
        let (a, b, c) = (("0_a", Some(10), None), ("1_b", Some(20), None), ("2_c", Some(30), None));
        let table: &[(Contents, &str)] = &[
            (Contents::default(), "PPP0"),
            (rows(&[a]), "APP0"),
            (rows(&[a, b, c]), "AAA0"),
            (rows(&[c, a, b]), "AAA0"),
            (rows(&[a, c]), "AOA0"),
            (rows(&[a, ("changed", Some(20), None)]), "AEP0"),
            (rows(&[a, a, b]), "AAP0"),
            (rows(&[a, ("z", Some(15), None)]), "APP1"),
            (rows(&[a, ("z", Some(25), None)]), "AOP1"),
            (rows(&[a, ("z", Some(99), None)]), "AOO1"),
            (rows(&[a, ("z", None, None)]), "APP1"),
        ];
        for (contents, expected) in table {
            assert_eq!(&short(&abc, contents), expected, "{contents:?}");
        }
    }

    #[test]
    fn v0_journal_out_of_order() {
        let swapped = folder(Layout::V0, &[("0_a", 10), ("1_b", 30), ("2_c", 20)]);
        assert_eq!(short(&swapped, &Contents::default()), "PPM0");
        assert_eq!(short(&swapped, &rows(&[("0_a", Some(10), None), ("1_b", Some(30), None)])), "AAO0");
        let all = rows(&[("0_a", Some(10), None), ("1_b", Some(30), None), ("2_c", Some(20), None)]);
        assert_eq!(short(&swapped, &all), "AAA0");
        let equal = folder(Layout::V0, &[("0_a", 10), ("1_b", 10)]);
        assert_eq!(short(&equal, &Contents::default()), "PM0");
        assert_eq!(short(&equal, &rows(&[("1_b", Some(10), None), ("0_a", Some(10), None)])), "AA0");
    }

    #[test]
    fn v1_by_name() {
        let (a, b) = ("20260101000000_a", "20260102000000_b");
        let (at_a, at_b) = (1_767_225_600_000, 1_767_312_000_000);
        let ab = folder(Layout::V1, &[(a, at_a), (b, at_b)]);
        let table: &[(Contents, &str)] = &[
            (rows(&[(a, Some(at_a), Some(a))]), "AP0"),
            (rows(&[(b, Some(at_b), Some(b))]), "OA0"),
            (rows(&[("changed", Some(at_a), Some(a))]), "EP0"),
            // Written by v0 after the table was upgraded: v1 itself would run it again.
            (rows(&[(a, Some(at_a), Some(a)), (b, Some(at_b + 123), None)]), "AA0"),
            // A v0 table that is not upgraded yet.
            (rows(&[(a, Some(at_a + 456), None)]), "AP0"),
            (rows(&[("z", Some(5), None)]), "PP1"),
            // Another time than the folder's, as after an edit of `when`: Drizzle's upgrade goes by the hash then.
            (rows(&[(a, Some(5), None), (b, None, None)]), "AA0"),
            (rows(&[("z", Some(5), None), (b, Some(at_b), None)]), "OA1"),
            // Names alone count where there are any.
            (rows(&[(a, Some(at_a), Some("20260101000000_z"))]), "PP1"),
            (rows(&[("changed", Some(at_a), Some(a)), (a, Some(at_a), Some(a))]), "AP0"),
        ];
        for (contents, expected) in table {
            assert_eq!(&short(&ab, contents), expected, "{contents:?}");
        }
    }

    #[test]
    fn one_of_two_of_the_same_time() {
        let at = 1_767_225_600_000;
        for (layout, [a, b]) in [(Layout::V0, ["0_a", "1_b"]), (Layout::V1, ["20260101000000_a", "20260101000000_b"])] {
            let both = folder(layout, &[(a, at), (b, at)]);
            assert_eq!(short(&both, &rows(&[(b, Some(at), None)])), "OA0", "{layout:?}");
            assert_eq!(short(&both, &rows(&[(b, Some(at), None), (a, Some(at), None)])), "AA0", "{layout:?}");
        }
        let both = folder(Layout::V0, &[("0_a", at), ("1_b", at)]);
        assert_eq!(short(&both, &rows(&[("changed", Some(at), None), ("1_b", Some(at), None)])), "EA0");
        assert_eq!(short(&both, &rows(&[("changed", Some(at), None)])), "OO1");
        let twice = rows(&[("changed", Some(at), None), ("changed", Some(at), None)]);
        assert_eq!(short(&folder(Layout::V0, &[("0_a", at)]), &twice), "E1");
    }

    #[test]
    fn rows_without_a_name_get_one_in_v1_tables_only() {
        let v0 = folder(Layout::V0, &[("0_a", 10), ("1_b", 20)]);
        let row = ("1_b", Some(20), None);
        assert!(plan(&v0, &rows(&[row])).unnamed.is_empty());
        let mixed = rows(&[("0_a", Some(0), Some("19700101000000_a")), row]);
        assert_eq!(short(&v0, &mixed), "AA0");
        assert_eq!(plan(&v0, &mixed).unnamed, vec![(2, "19700101000000_b".to_owned())]);
    }
}
