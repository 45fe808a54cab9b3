//! What a ledger has of a folder that cannot be read: which of its files and entries were applied to this database.

use std::fmt;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, LabeledSpan, SourceCode};

use super::inspect::{Entries, name_after_up};
use super::{FolderError, hash_of_file};
use crate::migrate::failure::list;
use crate::migrate::journal::Entry;
use crate::migrate::ledger::{Contents, Ledger, Row};

/// Why a folder cannot be used, with what a ledger has of it.
#[derive(Debug)]
pub struct Known {
    error: FolderError,
    /// What of it is applied, as a sentence.
    standing: String,
    /// What to do, where that follows from it.
    remedy: Option<String>,
}

impl FolderError {
    /// Whether it matters to the way out what a ledger has.
    pub fn is_for_ledger(&self) -> bool {
        use FolderError::*;
        matches!(self, Duplicate { .. } | NotUtf8 { .. } | BrokenJournal { .. } | Conflict { .. })
    }

    /// The same with what the ledger has of it.
    pub fn beside(self, ledger: &Ledger, contents: &Contents) -> Known {
        let Contents { rows, table_exists, .. } = contents;
        if rows.is_empty() {
            let why = if *table_exists { "is empty" } else { "does not exist yet" };
            let standing = format!("The ledger {ledger} {why}: nothing of it is applied to this database.");
            return Known { error: self, standing, remedy: None };
        }
        let (standing, remedy) = match &self {
            FolderError::Duplicate { path, entries, .. } => of_two(entries, folder_of(path), ledger, rows),
            FolderError::NotUtf8 { path, .. } => of_bytes(path, ledger, rows),
            FolderError::Conflict { path, .. } => {
                let standing = of_files(folder_of(path), ledger, rows);
                let help = self.help().map_or_else(String::new, |help| help.to_string());
                (standing, Some(format!("{help} Delete none that the ledger has.")))
            }
            other => (of_files(folder_of(other.path()), ledger, rows), None),
        };
        Known { error: self, standing, remedy }
    }
}

/// The folder of a file in `meta`.
fn folder_of(journal: &Path) -> &Path {
    journal.parent().and_then(Path::parent).unwrap_or(journal)
}

/// Two entries of the journal of which one has to go.
fn of_two(entries: &[Entry; 2], folder: &Path, ledger: &Ledger, rows: &[Row]) -> (String, Option<String>) {
    let [first, second] = entries;
    if (first.when, &first.tag) == (second.when, &second.tag) {
        let has = if has_time(rows, first) { "has" } else { "does not have" };
        return (format!("The ledger {ledger} {has} it."), Some("Both say the same: delete either entry.".to_owned()));
    }
    let one_file = first.tag == second.tag;
    // Only one of time and file tells the two apart, where they have the other in common.
    let here = |entry: &Entry| {
        (first.when != second.when && has_time(rows, entry)) || (!one_file && has_file(rows, folder, entry))
    };
    let name = |entry: &Entry| if one_file { format!("the one of `when` {}", entry.when) } else { entry.tag.clone() };
    let of_one = |applied: &Entry, other: &Entry| {
        let (applied, other) = (name(applied), name(other));
        let remedy = match one_file {
            true => format!("Keep {applied}, which is applied, and delete the other entry."),
            false => format!(
                "Usually two branches were merged. Delete {other} (its entry, its .sql file and its snapshot), unless another \
                 database has applied it, and run `drizzle-kit generate` again: it then comes after {applied}."
            ),
        };
        (format!("The ledger {ledger} has {applied}, and not {other}."), Some(remedy))
    };
    match (here(first), here(second)) {
        (true, false) => of_one(first, second),
        (false, true) => of_one(second, first),
        (false, false) => (format!("The ledger {ledger} has neither."), None),
        (true, true) => {
            let remedy = match one_file {
                true => {
                    "It ran twice: look at what it did twice. Delete the second entry, and apply with --allow-unknown-rows."
                }
                false => {
                    "Neither can be deleted, as both are applied: give the second an idx of its own. Drizzle goes by `when` and tag."
                }
            };
            (format!("The ledger {ledger} has both."), Some(remedy.to_owned()))
        }
    }
}

fn has_time(rows: &[Row], entry: &Entry) -> bool {
    let name = name_after_up(&entry.tag, entry.when);
    rows.iter().any(|row| row.name.as_ref().map_or(row.created_at == Some(entry.when), |it| *it == name))
}

fn has_file(rows: &[Row], folder: &Path, entry: &Entry) -> bool {
    let hash = hash_of_file(&folder.join(format!("{}.sql", entry.tag)));
    rows.iter().any(|row| Some(&row.hash) == hash.as_ref())
}

/// A file that Drizzle reads all the same.
fn of_bytes(path: &Path, ledger: &Ledger, rows: &[Row]) -> (String, Option<String>) {
    let hash = hash_of_file(path);
    match rows.iter().find(|row| Some(&row.hash) == hash.as_ref()) {
        Some(row) => (
            format!("Drizzle has applied it so: the row {} of the ledger {ledger} has its hash, with U+FFFD in those places.", row.id),
            Some(
                "Save it as UTF-8 with U+FFFD (�) in place of what is none: that is the text that ran, and its hash stays what it \
                 is. What it has put into the database is set right by a new migration."
                    .to_owned(),
            ),
        ),
        None => (format!("No row of the ledger {ledger} has its hash: as it is, it was not applied."), None),
    }
}

/// The files beside a journal that says nothing.
fn of_files(folder: &Path, ledger: &Ledger, rows: &[Row]) -> String {
    let files = Entries::of(folder).map(|entries| entries.sql).unwrap_or_default();
    let applied = |path: &PathBuf| {
        let hash = hash_of_file(path);
        rows.iter().any(|row| Some(&row.hash) == hash.as_ref())
    };
    let (here, not): (Vec<_>, Vec<_>) = files.into_iter().partition(applied);
    let names = |paths: Vec<PathBuf>| -> String {
        let stems = paths.iter().filter_map(|path| path.file_stem()).map(|stem| stem.to_string_lossy().into_owned());
        list(&stems.collect::<Vec<_>>())
    };
    match (here.is_empty(), not.is_empty()) {
        (true, true) => format!("The ledger {ledger} has rows, and no .sql file is here."),
        (true, false) => format!("The ledger {ledger} has none of the files here: {}.", names(not)),
        (false, true) => format!("The ledger {ledger} has all of the files here: {}.", names(here)),
        (false, false) => format!("Of the files here the ledger {ledger} has {}; not {}.", names(here), names(not)),
    }
}

impl fmt::Display for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.error, self.standing)
    }
}

impl std::error::Error for Known {}

impl Diagnostic for Known {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match &self.remedy {
            Some(remedy) => Some(Box::new(remedy)),
            None => self.error.help(),
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.error.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.error.labels()
    }
}
