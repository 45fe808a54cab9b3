//! What a ledger has of a folder that cannot be read: which of its files and entries were applied to this database.

use std::fmt;
use std::path::Path;

use miette::{Diagnostic, LabeledSpan, SourceCode};

use super::inspect::{Entries, migration_at, name_after_up};
use super::{FolderError, Layout, Missing, hash_of_beginning, hash_of_file};
use crate::migrate::failure::list;
use crate::migrate::journal::Entry;
use crate::migrate::ledger::{Contents, Ledger, Row};

/// Why a folder cannot be used, with what a ledger has of it.
#[derive(Debug)]
pub struct Known {
    error: FolderError,
    /// What of it is applied, as a sentence with a blank before it; empty where that is not known.
    standing: String,
    /// What to do, where that follows from it.
    remedy: Option<String>,
}

impl FolderError {
    /// Whether it matters to the way out what a ledger has.
    pub fn is_for_ledger(&self) -> bool {
        use FolderError::*;
        match self {
            Duplicate { .. }
            | NotUtf8 { .. }
            | Nul { .. }
            | BrokenJournal { .. }
            | Conflict { .. }
            | BadName { .. } => true,
            Unreadable { path, .. } => migration_at(path).is_some(),
            NoJournal { path, .. } => Entries::of(path).is_ok_and(|entries| !entries.sql.is_empty()),
            BadTag { .. } | Dialect { .. } | MissingFile { .. } | Mixed { .. } => false,
        }
    }

    /// The migration whose file it is about.
    pub(crate) fn migration(&self) -> Option<Missing> {
        migration_at(self.path()).map(|(migration, _)| migration)
    }

    /// What the ledger has of it, as a sentence with a blank before it, and what to do where that follows from it.
    pub fn standing(&self, ledger: &Ledger, contents: &Contents) -> (String, Option<String>) {
        let Contents { rows, table_exists, .. } = contents;
        if rows.is_empty() {
            let why = if *table_exists { "is empty" } else { "does not exist yet" };
            return (format!(" The ledger {ledger} {why}: nothing of it is applied to this database."), None);
        }
        let (standing, remedy) = match self {
            FolderError::Duplicate { path, entries, .. } => of_two(entries, folder_of(path), ledger, rows),
            FolderError::BadName { path } => of_name(path, ledger, rows),
            FolderError::NoJournal { path, .. } => {
                let remedy = "Restore meta/_journal.json from version control: without it nothing says which of the .sql files run, and \
                              in which order.";
                (of_files(path, ledger, rows), Some(remedy.to_owned()))
            }
            FolderError::Conflict { path, .. } => {
                let standing = of_files(folder_of(path), ledger, rows);
                let help = self.help().map_or_else(String::new, |help| help.to_string());
                (standing, Some(format!("{help} Delete none that the ledger has.")))
            }
            other => match migration_at(other.path()) {
                Some((migration, layout)) => of_content(other, &migration, layout, ledger, rows),
                None => {
                    let remedy = "Restore the file from version control; drizzle-kit writes it.";
                    (of_files(folder_of(other.path()), ledger, rows), Some(remedy.to_owned()))
                }
            },
        };
        (format!(" {standing}"), remedy)
    }

    /// The same with what the ledger has of it.
    pub fn beside(self, ledger: &Ledger, contents: &Contents) -> Known {
        let (standing, remedy) = self.standing(ledger, contents);
        Known { error: self, standing, remedy }
    }

    /// What to do, with the command that says what a ledger has of it; none where that does not matter.
    pub fn asking(&self, status: &str) -> Option<String> {
        let ask = format!("`{status}` says what of it is applied, and what follows from that.");
        self.is_for_ledger().then(|| self.help().map_or(ask.clone(), |help| format!("{help} {ask}")))
    }

    /// The same error, told with that: for where no ledger is asked.
    pub fn to_ask(self, status: &str) -> Known {
        let remedy = self.asking(status);
        Known { error: self, standing: String::new(), remedy }
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
        // Of one time, and the files as they are now do not tell which of them ran.
        (false, false) if first.when == second.when && (has_time(rows, first) || has_time(rows, second)) => (
            format!(
                "The ledger {ledger} has a row of that time, with the hash of neither: one was edited after it was applied."
            ),
            Some(
                "Restore both files from version control as they were, then run this again: it says which of them ran."
                    .to_owned(),
            ),
        ),
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

/// A migration's file that cannot be used. By its hash it is known where Drizzle has applied it as it is, else by its name and time.
fn of_content(
    error: &FolderError,
    migration: &Missing,
    layout: Layout,
    ledger: &Ledger,
    rows: &[Row],
) -> (String, Option<String>) {
    let (tag, path) = (&migration.tag, error.path());
    let hash = hash_of_file(path);
    if let (FolderError::NotUtf8 { .. }, Some(row)) = (error, rows.iter().find(|row| Some(&row.hash) == hash.as_ref()))
    {
        return (
            format!("Drizzle has applied it so: the row {} of the ledger {ledger} has its hash, with U+FFFD in those places.", row.id),
            Some(
                "Save it as UTF-8 with U+FFFD (�) in place of what is none: that is the text that ran, and its hash stays what it \
                 is. What it has put into the database is set right by a new migration."
                    .to_owned(),
            ),
        );
    }
    let Some(row) = rows.iter().find(|row| migration.is_of(row, layout)) else {
        return (format!("{tag} is not applied: the ledger {ledger} has no row of it."), None);
    };
    let applied = format!("{tag} is applied ({})", of_row(row, ledger));
    let broken_from = match error {
        FolderError::NotUtf8 { byte, .. } | FolderError::Nul { byte, .. } => *byte,
        _ => {
            let remedy = "Make the file readable, or restore it from version control: without it nothing is applied or verified.";
            return (format!("{applied}."), Some(remedy.to_owned()));
        }
    };
    if hash_of_beginning(path, broken_from).is_some_and(|hash| hash == row.hash) {
        return (
            format!("{applied}, and what stands before that place is what ran."),
            Some("Delete what comes from there on; or restore the file from version control.".to_owned()),
        );
    }
    let remedy = "Restore the file from version control: of what ran the ledger has the hash alone. What is to change in the \
                  database goes into a new migration.";
    (format!("{applied}, and the file is not what ran."), Some(remedy.to_owned()))
}

/// A v1 folder that has lost its time.
fn of_name(folder: &Path, ledger: &Ledger, rows: &[Row]) -> (String, Option<String>) {
    let hash = hash_of_file(&folder.join("migration.sql"));
    match rows.iter().find(|row| Some(&row.hash) == hash.as_ref()) {
        Some(row) => (
            format!("It is applied: its file has the hash of a row ({}).", of_row(row, ledger)),
            row.name.as_ref().map(|name| format!("Give the folder its name again: {name}.")),
        ),
        None => (format!("No row of the ledger {ledger} has the hash of its file."), None),
    }
}

/// Which row it is, and when it was written as far as that is known.
fn of_row(Row { id, created_at, applied_at, .. }: &Row, ledger: &Ledger) -> String {
    let date = |at: &i64| Some(jiff::Timestamp::from_millisecond(*at).ok()?.strftime("%Y-%m-%d %H:%M UTC").to_string());
    let when = match (applied_at.as_ref().and_then(date), created_at) {
        (Some(applied), _) => format!(", {applied}"),
        (None, Some(at)) => format!(", created_at {at}"),
        (None, None) => String::new(),
    };
    format!("row {id} of the ledger {ledger}{when}")
}

/// The files beside a journal that says nothing: they are known by their hashes alone.
fn of_files(folder: &Path, ledger: &Ledger, rows: &[Row]) -> String {
    let files = Entries::of(folder).map(|entries| entries.sql).unwrap_or_default();
    let hashes: Vec<Option<String>> = files.iter().map(|file| hash_of_file(file)).collect();
    let applied = |hash: &Option<String>| rows.iter().any(|row| Some(&row.hash) == hash.as_ref());
    let stem = |file: &Path| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let names = |wanted: bool| -> Vec<String> {
        let found = files.iter().zip(&hashes).filter(|(_, hash)| applied(hash) == wanted);
        found.map(|(file, _)| stem(file)).collect()
    };
    let (here, not) = (names(true), names(false));
    let others = rows.iter().filter(|row| !hashes.contains(&Some(row.hash.clone()))).count();
    let others = match others {
        0 => String::new(),
        1 => " 1 of its rows is of another file, or of one that was edited since.".to_owned(),
        number => format!(" {number} of its rows are of other files, or of files that were edited since."),
    };
    let said = match (here.is_empty(), not.is_empty()) {
        (true, true) => format!("The ledger {ledger} has rows, and no .sql file is here."),
        (true, false) => format!("The ledger {ledger} has none of the files here as they are: {}.", list(&not)),
        (false, true) => format!("The ledger {ledger} has all of the files here: {}.", list(&here)),
        (false, false) => format!("Of the files here the ledger {ledger} has {}; not {}.", list(&here), list(&not)),
    };
    said + &others
}

impl fmt::Display for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.error, self.standing)
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
