//! The migrations on disk, in either of Drizzle's layouts, read byte by byte as Drizzle reads them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, NamedSource, SourceSpan};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::journal::Journal;

/// What Drizzle splits a file at: this text, wherever it is, even inside a string literal.
pub const BREAKPOINT: &str = "--> statement-breakpoint";

/// How a folder is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `meta/_journal.json` and `<tag>.sql`: drizzle-kit up to 0.31.
    V0,
    /// `<timestamp>_<name>/migration.sql`: drizzle-kit 1.0.
    V1,
}

/// A folder of migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// How it is laid out.
    pub layout: Layout,
    /// In the order they run in.
    pub migrations: Vec<Migration>,
    /// v0: `.sql` files that the journal does not name; Drizzle would never run them.
    pub strays: Vec<PathBuf>,
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// v0: the journal's tag; v1: the folder's name. What users call it.
    pub tag: String,
    /// The name in v1 ledgers. v0: the one that `drizzle-kit up` would give it.
    pub name: String,
    /// Place in the folder, from 0.
    pub idx: usize,
    /// Milliseconds since 1970; `created_at` in the ledger.
    pub when_millis: i64,
    /// SHA-256 of the file in hexadecimal.
    pub hash: String,
    /// The file.
    pub sql: String,
    /// Its path.
    pub path: PathBuf,
}

/// A part of a migration between two breakpoints; sent to PostgreSQL as one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Where it starts in the file, in bytes.
    pub offset: usize,
    /// Nothing trimmed; may hold several statements or none.
    pub text: &'a str,
}

/// Why a folder cannot be used.
#[derive(Debug, Error, Diagnostic)]
pub enum FolderError {
    /// No such folder, or no journal in it.
    #[error("{} holds no migrations: neither meta/_journal.json nor <timestamp>_<name>/migration.sql is there.", path.display())]
    #[diagnostic(help(
        "Give the folder that drizzle-kit writes to (`out` in drizzle.config.ts), or run `drizzle-kit generate` first."
    ))]
    NoJournal {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder that cannot be read.
    #[error("{} cannot be read: {reason}.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The journal is not JSON, or not a journal.
    #[error("{} is broken: {reason}.", path.display())]
    #[diagnostic(help(
        "Take the file from version control again; drizzle-kit writes it, nothing in it is edited by hand."
    ))]
    BrokenJournal {
        /// The journal.
        path: PathBuf,
        /// What the parser said.
        reason: String,
        /// Its text.
        #[source_code]
        text: Arc<NamedSource<String>>,
        /// Where parsing stopped.
        #[label("here")]
        span: SourceSpan,
    },
    /// git stopped in the middle of a merge.
    #[error("{} holds a git conflict marker: a merge was not finished.", path.display())]
    #[diagnostic(help(
        "Keep the entries of both sides, each with its own idx, in the order of `when`; better: take one side, and \
         generate the other's migration again with drizzle-kit."
    ))]
    Conflict {
        /// The journal.
        path: PathBuf,
        /// Its text.
        #[source_code]
        text: Arc<NamedSource<String>>,
        /// The marker.
        #[label("conflict marker")]
        span: SourceSpan,
    },
    /// Migrations of another database.
    #[error("{} is for {dialect}, not for postgresql.", path.display())]
    Dialect {
        /// The journal.
        path: PathBuf,
        /// What it says.
        dialect: String,
    },
    /// Two entries that cannot both be right.
    #[error("{} has {what} twice.", path.display())]
    #[diagnostic(help("Usually two branches were merged: drop one migration and generate it again with drizzle-kit."))]
    Duplicate {
        /// The journal.
        path: PathBuf,
        /// Which tag or idx.
        what: String,
        /// The journal's text.
        #[source_code]
        text: Arc<NamedSource<String>>,
        /// The second entry.
        #[label("the second one")]
        span: SourceSpan,
    },
    /// A tag that is not the name of a file in the folder.
    #[error("{} has the tag {tag:?}, which cannot be the name of a file in the folder.", path.display())]
    BadTag {
        /// The journal.
        path: PathBuf,
        /// The tag.
        tag: String,
        /// The journal's text.
        #[source_code]
        text: Arc<NamedSource<String>>,
        /// The entry.
        #[label("here")]
        span: SourceSpan,
    },
    /// The journal names a file that is not there, or a v1 folder has no migration.sql.
    #[error("The migration {tag} has no file: {} does not exist.", path.display())]
    #[diagnostic(help("Take the file from version control again. Nothing was applied."))]
    MissingFile {
        /// The migration.
        tag: String,
        /// The file that should be there.
        path: PathBuf,
    },
    /// Both layouts in one folder.
    #[error("{} mixes Drizzle's two layouts: {} belongs to v0, {} to v1.", path.display(), v0.display(), v1.display())]
    #[diagnostic(help(
        "Finish the change with `drizzle-kit up` (version 1), which turns every v0 file into a folder and removes meta/."
    ))]
    Mixed {
        /// The folder.
        path: PathBuf,
        /// A file of the v0 layout.
        v0: PathBuf,
        /// A folder of the v1 layout.
        v1: PathBuf,
    },
    /// A v1 folder without its time.
    #[error("{} is not named <YYYYMMDDHHMMSS>_<name>, so its place in the order is unknown.", path.display())]
    #[diagnostic(help("Rename it to a UTC time and a name, such as 20260131235900_add_users."))]
    BadName {
        /// The folder of the migration.
        path: PathBuf,
    },
    /// A file that is not text.
    #[error("{} is not valid UTF-8 (the first bad byte is number {}).", path.display(), byte + 1)]
    #[diagnostic(help(
        "Save the file as UTF-8. Drizzle would put U+FFFD in place of what it cannot read, into the database."
    ))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Offset of the first bad byte.
        byte: usize,
    },
}

/// A migration without its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What users call it.
    pub tag: String,
    /// The name in v1 ledgers.
    pub name: String,
    /// `created_at` in the ledger.
    pub when_millis: i64,
    /// The file that should be there.
    pub path: PathBuf,
}

impl Folder {
    /// Reads the folder; the layout is recognised by what is in it.
    pub fn read(path: &Path) -> Result<Self, FolderError> {
        let (folder, missing) = Self::survey(path)?;
        match missing.into_iter().next() {
            Some(Missing { tag, path, .. }) => Err(FolderError::MissingFile { tag, path }),
            None => Ok(folder),
        }
    }

    /// The same, but a missing file is no error: for looking, not for applying.
    pub fn survey(path: &Path) -> Result<(Self, Vec<Missing>), FolderError> {
        let Inspected { folder, missing, defects } = inspect(path)?;
        defects.into_iter().next().map_or(Ok((folder, missing)), Err)
    }

    /// Reads what can be read, and says everything that is wrong with the rest; an error where nothing can be told at all.
    pub fn inspect(path: &Path) -> Result<(Self, Vec<FolderError>), FolderError> {
        let Inspected { folder, missing, mut defects } = inspect(path)?;
        defects.extend(missing.into_iter().map(|Missing { tag, path, .. }| FolderError::MissingFile { tag, path }));
        Ok((folder, defects))
    }

    /// The path of the v0 layout's journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join("meta").join("_journal.json")
    }
}

/// What there is in a folder, and what is wrong with it.
struct Inspected {
    folder: Folder,
    missing: Vec<Missing>,
    defects: Vec<FolderError>,
}

fn inspect(path: &Path) -> Result<Inspected, FolderError> {
    let journal = path.join("meta").join("_journal.json");
    let entries = Entries::of(path)?;
    match (journal.is_file(), entries.v1.first(), entries.sql.first()) {
        (true, Some(v1), _) => Err(FolderError::Mixed { path: path.into(), v0: journal, v1: v1.clone() }),
        (false, Some(v1), Some(v0)) => Err(FolderError::Mixed { path: path.into(), v0: v0.clone(), v1: v1.clone() }),
        (true, None, _) => inspect_v0(path, &journal, entries.sql),
        (false, Some(_), None) => Ok(inspect_v1(path, &entries.v1)),
        (false, None, _) => Err(FolderError::NoJournal { path: path.into() }),
    }
}

/// What lies directly in a folder of migrations, sorted by name.
struct Entries {
    sql: Vec<PathBuf>,
    v1: Vec<PathBuf>,
}

impl Entries {
    fn of(path: &Path) -> Result<Self, FolderError> {
        let unreadable = |reason| FolderError::Unreadable { path: path.into(), reason };
        let mut found = Entries { sql: Vec::new(), v1: Vec::new() };
        let listing = match std::fs::read_dir(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            listing => listing.map_err(unreadable)?,
        };
        for entry in listing {
            let entry = entry.map_err(unreadable)?.path();
            if entry.is_dir() {
                if entry.join("migration.sql").is_file() || time_of_name(&entry).is_some() {
                    found.v1.push(entry);
                }
            } else if entry.extension().is_some_and(|extension| extension == "sql") {
                found.sql.push(entry);
            }
        }
        found.sql.sort();
        found.v1.sort();
        Ok(found)
    }
}

fn inspect_v0(path: &Path, journal: &Path, files: Vec<PathBuf>) -> Result<Inspected, FolderError> {
    let (Journal { entries }, mut defects) = Journal::survey(journal, &read_text(journal)?)?;
    let (mut migrations, mut missing) = (Vec::with_capacity(entries.len()), Vec::new());
    let mut known = HashSet::with_capacity(entries.len());
    for (idx, entry) in entries.into_iter().enumerate().filter(|(_, entry)| entry.is_file_name()) {
        let file = path.join(format!("{}.sql", entry.tag));
        // Of two entries with one tag the second is a defect.
        if !known.insert(file.clone()) {
            continue;
        }
        let name = name_after_up(&entry.tag, entry.when);
        if !file.is_file() {
            missing.push(Missing { tag: entry.tag, name, when_millis: entry.when, path: file });
            continue;
        }
        match read_text(&file) {
            Ok(sql) => migrations.push(Migration::new(entry.tag, name, idx, entry.when, sql, file)),
            Err(defect) => defects.push(defect),
        }
    }
    let strays = files.into_iter().filter(|file| !known.contains(file)).collect();
    Ok(Inspected { folder: Folder { path: path.into(), layout: Layout::V0, migrations, strays }, missing, defects })
}

fn inspect_v1(path: &Path, folders: &[PathBuf]) -> Inspected {
    let (mut migrations, mut missing, mut defects) = (Vec::with_capacity(folders.len()), Vec::new(), Vec::new());
    for (idx, folder) in folders.iter().enumerate() {
        let Some(when) = time_of_name(folder) else {
            defects.push(FolderError::BadName { path: folder.clone() });
            continue;
        };
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = folder.join("migration.sql");
        if !file.is_file() {
            missing.push(Missing { tag: name.clone(), name, when_millis: when, path: file });
            continue;
        }
        match read_text(&file) {
            Ok(sql) => migrations.push(Migration::new(name.clone(), name, idx, when, sql, file)),
            Err(defect) => defects.push(defect),
        }
    }
    let folder = Folder { path: path.into(), layout: Layout::V1, migrations, strays: Vec::new() };
    Inspected { folder, missing, defects }
}

fn read_text(path: &Path) -> Result<String, FolderError> {
    let bytes = std::fs::read(path).map_err(|reason| FolderError::Unreadable { path: path.into(), reason })?;
    String::from_utf8(bytes)
        .map_err(|error| FolderError::NotUtf8 { path: path.into(), byte: error.utf8_error().valid_up_to() })
}

/// The time that a v1 folder's name starts with, in milliseconds.
fn time_of_name(folder: &Path) -> Option<i64> {
    let name = folder.file_name()?.to_str()?;
    let (digits, rest) = name.split_at_checked(14)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !(rest.is_empty() || rest.starts_with('_')) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| digits[range].parse::<i16>().ok();
    let small = |range: std::ops::Range<usize>| digits[range].parse::<i8>().ok();
    let (hour, minute, second) = (small(8..10)?, small(10..12)?, small(12..14)?);
    let time = jiff::civil::DateTime::new(part(0..4)?, small(4..6)?, small(6..8)?, hour, minute, second, 0).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// The name that `drizzle-kit up` gives a v0 migration: its time, and its tag without what stands before the first `_`.
fn name_after_up(tag: &str, when_millis: i64) -> String {
    let name = tag.split_once('_').map_or("", |(_, name)| name);
    match jiff::Timestamp::from_millisecond(when_millis) {
        Ok(time) => format!("{}_{name}", time.strftime("%Y%m%d%H%M%S")),
        Err(_) => tag.to_owned(),
    }
}

impl Migration {
    fn new(tag: String, name: String, idx: usize, when_millis: i64, sql: String, path: PathBuf) -> Self {
        let hash = Sha256::digest(sql.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
            hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
            hex
        });
        Migration { tag, name, idx, when_millis, hash, sql, path }
    }

    /// The parts that are sent one by one.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk<'_>> {
        let mut offset = 0;
        self.sql.split(BREAKPOINT).map(move |text| {
            let chunk = Chunk { offset, text };
            offset += text.len() + BREAKPOINT.len();
            chunk
        })
    }

    /// The file as miette shows it.
    pub fn source(&self) -> Arc<NamedSource<String>> {
        Arc::new(NamedSource::new(self.path.display().to_string(), self.sql.clone()).with_language("sql"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn migration(tag: &str, when: i64, sql: &str) -> Migration {
        Migration::new(tag.into(), name_after_up(tag, when), 0, when, sql.into(), format!("{tag}.sql").into())
    }

    #[test]
    fn names_are_those_of_drizzle_kit_up() {
        let when = 1_795_334_254_123;
        let table = [
            ("0000_init", "20261122075734_init"),
            ("20261122075732_add_users", "20261122075734_add_users"),
            ("init", "20261122075734_"),
        ];
        for (tag, expected) in table {
            assert_eq!(name_after_up(tag, when), expected);
        }
    }

    #[test]
    fn times_of_v1_names() {
        let table = [
            ("20261122075734_init", Some(1_795_334_254_000)),
            ("20261122075734", Some(1_795_334_254_000)),
            ("20261322075734_init", None),
            ("20261122075734init", None),
            ("meta", None),
            ("ééééééééé", None),
        ];
        for (name, expected) in table {
            assert_eq!(time_of_name(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn hash_is_sha256sum() {
        let hash = migration("a", 1, "abc").hash;
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    proptest! {
        /// Chunks and breakpoints together are the file again, and offsets point at the chunks.
        #[test]
        fn no_byte_is_lost(sql in "((--> statement-breakpoint)|(--> )|[a-zé;'\n]){0,40}") {
            let migration = migration("a", 1, &sql);
            let chunks: Vec<_> = migration.chunks().collect();
            prop_assert_eq!(chunks.iter().map(|chunk| chunk.text).collect::<Vec<_>>().join(BREAKPOINT), sql.clone());
            for chunk in chunks {
                prop_assert!(sql[chunk.offset..].starts_with(chunk.text));
            }
        }
    }
}
