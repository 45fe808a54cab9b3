//! A new migration in a folder, in the folder's own layout, as `drizzle-kit generate --custom` writes it.
//!
//! drizzle-kit goes on from what is written here: the journal entry, and a snapshot equal to the one before it.

mod written;

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use miette::Diagnostic;
use serde_json::{Value, json};
use thiserror::Error;

use super::folder::{Folder, Layout, Migration};
pub use written::{Change, File};
use written::{Written, refused};

/// What an empty one begins with: Drizzle's words.
///
/// Drizzle ends the file there. A newline has to follow: what is appended would become a part of the comment.
pub const CUSTOM: &str = "-- Custom SQL migration file, put your code below! --";

/// The parent of a first snapshot.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The migration's tag; in the v1 layout its folder's name.
    pub tag: String,
    /// The SQL file.
    pub path: PathBuf,
    /// The snapshot; none where the migrations before it have none either, as then drizzle-kit could make nothing of it.
    pub snapshot: Option<PathBuf>,
    /// Every file that was written, these among them: that of the SQL first, the journal last.
    pub files: Vec<File>,
}

/// Why nothing was written.
#[derive(Debug, Error, Diagnostic)]
pub enum ComposeError {
    /// A name that cannot be part of a file's name everywhere.
    #[error("{name:?} is no name for a migration: letters, digits, `_` and `-` only, 1 to 100 of them.")]
    #[diagnostic(help("{}", suggestion.as_ref().map_or_else(|| "Such as add_phone_index.".to_owned(), |it| format!("Did you mean {it}?"))))]
    BadName {
        /// What was asked for.
        name: String,
        /// The nearest one that is allowed.
        suggestion: Option<String>,
    },
    /// Another migration has the name.
    #[error("There is a migration of that name: {}.", path.display())]
    #[diagnostic(help("Choose another name; two of one name are told apart by their numbers only."))]
    Exists {
        /// Its file.
        path: PathBuf,
    },
    /// A file that the journal does not know is in the way.
    #[error("{} is in the way: it exists, and no migration of the folder accounts for it.", path.display())]
    #[diagnostic(help("Left by somebody who was stopped, or is at work right now. Remove it, and run this again."))]
    InTheWay {
        /// The file.
        path: PathBuf,
    },
    /// The journal is not what it was a moment ago.
    #[error("{} was changed by somebody else meanwhile; nothing was added.", path.display())]
    #[diagnostic(help("Run it again."))]
    Changed {
        /// The journal.
        path: PathBuf,
    },
    /// A snapshot that is not one.
    #[error("The snapshot {} cannot be read: {reason}.", path.display())]
    #[diagnostic(help("Restore the file from version control; drizzle-kit writes it."))]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refused.
    #[error("{} cannot be written: {reason}.", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
}

/// Adds a migration of this name and content after all others. Either all of its files are there afterwards, or none.
pub fn add(folder: &Folder, name: &str, sql: &str, now: Timestamp) -> Result<Composed, ComposeError> {
    check_name(name)?;
    let called_so = |migration: &&Migration| migration.tag.split_once('_').is_some_and(|(_, rest)| rest == name);
    if let Some(other) = folder.migrations.iter().find(called_so) {
        return Err(ComposeError::Exists { path: other.path.clone() });
    }
    match folder.layout {
        Layout::V0 => add_v0(folder, name, sql, now),
        Layout::V1 => add_v1(folder, name, sql, now),
    }
}

fn check_name(name: &str) -> Result<(), ComposeError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=100).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    let words: Vec<&str> = name.split(|c| !allowed(c)).filter(|word| !word.is_empty()).collect();
    let near = words.join("_").chars().take(100).collect::<String>();
    Err(ComposeError::BadName { name: name.to_owned(), suggestion: Some(near).filter(|near| !near.is_empty()) })
}

/// The SQL file and the snapshot first, the journal last: until then the migration is not there.
fn add_v0(folder: &Folder, name: &str, sql: &str, now: Timestamp) -> Result<Composed, ComposeError> {
    let journal_path = folder.journal();
    if folder.migrations.is_empty() {
        begin(&folder.path.join("meta"))?;
    }
    let before = read_journal(folder)?;
    let broken = |reason: String| ComposeError::Snapshot { path: journal_path.clone(), reason };
    let mut journal: Value = serde_json::from_str(&before).map_err(|error| broken(error.to_string()))?;
    let entries = journal["entries"].as_array_mut().ok_or_else(|| broken("it has no entries".to_owned()))?;

    // Later than every other, whatever the clocks of those who made them said.
    let latest = folder.migrations.iter().map(|migration| migration.when_millis).max();
    let Some(next) = latest.map_or(Some(0), |latest| latest.checked_add(1)) else {
        return Err(broken("a `when` in it is so great that none can follow".to_owned()));
    };
    let when = now.as_millisecond().max(next);
    let last = entries.last();
    let idx = last.map_or(0, |last| last["idx"].as_u64().map_or(entries.len() as u64, |idx| idx + 1));
    let prefix = prefix(last.and_then(|last| last["tag"].as_str()), idx, when);
    let tag = format!("{prefix}_{name}");
    let breakpoints = last.and_then(|last| last.get("breakpoints")).cloned().unwrap_or(Value::Bool(true));
    entries.push(json!({"idx": idx, "version": "7", "when": when, "tag": tag, "breakpoints": breakpoints}));

    let path = folder.path.join(format!("{tag}.sql"));
    let snapshot_path = folder.path.join("meta").join(format!("{prefix}_snapshot.json"));
    let snapshot = snapshot_v0(folder)?;
    let mut written = Written::default();
    if let Some(snapshot) = snapshot.as_ref().filter(|_| !prefix.is_empty()) {
        written.create(&snapshot_path, &pretty(snapshot))?;
    }
    written.create(&path, sql)?;
    if read_journal(folder)? != before {
        return Err(ComposeError::Changed { path: journal_path });
    }
    // With the prefix `none` every snapshot has the same name, and only the last one is kept.
    if let Some(snapshot) = snapshot.as_ref().filter(|_| prefix.is_empty()) {
        written.replace(&snapshot_path, &pretty(snapshot))?;
    }
    written.replace(&journal_path, &pretty(&journal))?;
    Ok(Composed { tag, path, snapshot: snapshot.map(|_| snapshot_path), files: written.keep() })
}

/// What stands before the name, in the style of the entry before it: 0007, 20260131235900, 1769903940 or nothing.
fn prefix(last: Option<&str>, idx: u64, when_millis: i64) -> String {
    let style = last.and_then(|tag| tag.split_once('_')).map_or("0000", |(prefix, _)| prefix);
    let time = Timestamp::from_millisecond(when_millis).unwrap_or_default();
    match style.len() {
        _ if !style.bytes().all(|byte| byte.is_ascii_digit()) => format!("{idx:04}"),
        0 => String::new(),
        14 => time.strftime("%Y%m%d%H%M%S").to_string(),
        10 => time.as_second().to_string(),
        _ => format!("{idx:04}"),
    }
}

/// The last snapshot once more, as the child of itself: a custom migration changes nothing that drizzle-kit knows of.
fn snapshot_v0(folder: &Folder) -> Result<Option<Value>, ComposeError> {
    let meta = folder.path.join("meta");
    let listing = std::fs::read_dir(&meta).map_err(|reason| ComposeError::Io { path: meta.clone(), reason })?;
    let names = listing.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let newest = names.filter(|name| name.ends_with("_snapshot.json")).max();
    let Some(newest) = newest else {
        let first = json!({
            "id": uuid(), "prevId": NOBODY, "version": "7", "dialect": "postgresql", "tables": {}, "enums": {},
            "schemas": {}, "views": {}, "sequences": {}, "roles": {}, "policies": {},
            "_meta": {"columns": {}, "schemas": {}, "tables": {}},
        });
        return Ok(folder.migrations.is_empty().then_some(first));
    };
    let path = meta.join(newest);
    let (mut snapshot, id) = read_snapshot(&path)?;
    snapshot["prevId"] = json!(id);
    snapshot["id"] = json!(uuid());
    snapshot["_meta"] = json!({"columns": {}, "schemas": {}, "tables": {}});
    Ok(Some(snapshot))
}

/// A folder that comes to the others once it is complete: Drizzle takes every one among them with a file in it, so what a
/// killed run leaves must not be there.
fn add_v1(folder: &Folder, name: &str, sql: &str, now: Timestamp) -> Result<Composed, ComposeError> {
    let latest = folder.migrations.iter().map(|migration| migration.when_millis.div_euclid(1000)).max();
    let second = latest.map_or(now.as_second(), |latest| now.as_second().max(latest + 1));
    let time = Timestamp::from_second(second).unwrap_or(now);
    let tag = format!("{}_{name}", time.strftime("%Y%m%d%H%M%S"));
    let snapshot = snapshot_v1(folder)?;

    let finished = folder.path.join(&tag);
    if finished.exists() {
        return Err(ComposeError::InTheWay { path: finished });
    }
    begin(&folder.path)?;
    let place = folder.path.canonicalize().map_err(|reason| refused(&folder.path, reason))?;
    let unfinished = place.parent().unwrap_or(&place).join(format!(".{tag}.{}", std::process::id()));
    let mut written = Written::default();
    written.create_folder(&unfinished)?;
    written.create(&unfinished.join("migration.sql"), sql)?;
    if let Some(snapshot) = &snapshot {
        written.create(&unfinished.join("snapshot.json"), &pretty(snapshot))?;
    }
    std::fs::rename(&unfinished, &finished).map_err(|reason| ComposeError::Io { path: finished.clone(), reason })?;
    let moved = |file: File| File { path: finished.join(file.path.file_name().unwrap_or_default()), ..file };
    let files = written.keep().into_iter().map(moved).collect();
    let snapshot = snapshot.map(|_| finished.join("snapshot.json"));
    Ok(Composed { tag, path: finished.join("migration.sql"), snapshot, files })
}

/// A snapshot without a change whose parents are those that have no child yet: one, or the ends of several branches.
fn snapshot_v1(folder: &Folder) -> Result<Option<Value>, ComposeError> {
    if folder.migrations.is_empty() {
        return Ok(Some(json!({
            "type": "base", "version": "9", "dialect": "postgres", "id": uuid(), "prevIds": [NOBODY], "footprints": [], "ddl": [],
        })));
    }
    let (mut ids, mut parents) = (Vec::new(), Vec::new());
    for migration in &folder.migrations {
        let path = migration.path.with_file_name("snapshot.json");
        if !path.is_file() {
            return Ok(None);
        }
        let (snapshot, id) = read_snapshot(&path)?;
        ids.push(id);
        parents
            .extend(snapshot["prevIds"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    let ends: Vec<String> = ids.into_iter().filter(|id| !parents.contains(id)).collect();
    Ok(Some(json!({
        "type": "diff", "version": "9", "dialect": "postgres", "id": uuid(), "prevIds": ends, "footprints": [], "deltas": [],
    })))
}

fn read_snapshot(path: &Path) -> Result<(Value, String), ComposeError> {
    let unreadable = |reason: String| ComposeError::Snapshot { path: path.to_owned(), reason };
    let snapshot: Value = serde_json::from_str(&read(path)?).map_err(|error| unreadable(error.to_string()))?;
    let id = snapshot["id"].as_str().map(str::to_owned).ok_or_else(|| unreadable("it has no id".to_owned()))?;
    Ok((snapshot, id))
}

/// The journal's text; that of an empty one where a folder begins.
fn read_journal(folder: &Folder) -> Result<String, ComposeError> {
    const EMPTY: &str = r#"{"version": "7", "dialect": "postgresql", "entries": []}"#;
    let path = folder.journal();
    match path.exists() || !folder.migrations.is_empty() {
        true => read(&path),
        false => Ok(EMPTY.to_owned()),
    }
}

fn begin(path: &Path) -> Result<(), ComposeError> {
    std::fs::create_dir_all(path).map_err(|reason| refused(path, reason))
}

fn read(path: &Path) -> Result<String, ComposeError> {
    std::fs::read_to_string(path).map_err(|reason| ComposeError::Io { path: path.to_owned(), reason })
}

/// Two spaces, and no newline at the end: as JSON.stringify, so that drizzle-kit's next change is a small one.
fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// A random UUID of version 4.
fn uuid() -> String {
    let bits = (rand::random::<u128>() & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_follow_the_one_before() {
        let when = 1_795_334_254_123;
        let table = [
            (None, 0, "0000"),
            (Some("0006_a"), 7, "0007"),
            (Some("20260101000000_a"), 1, "20261122075734"),
            (Some("1767225600_a"), 1, "1795334254"),
            (Some("_a"), 1, ""),
            (Some("a"), 1, "0001"),
            (Some("first_a"), 12, "0012"),
        ];
        for (last, idx, expected) in table {
            assert_eq!(prefix(last, idx, when), expected, "{last:?}");
        }
    }

    #[test]
    fn names() {
        assert!(check_name("add_phone-2").is_ok());
        let long = "x".repeat(101);
        let table = [
            ("", None),
            ("add phone", Some("add_phone")),
            ("../a", Some("a")),
            ("é", None),
            (&long, Some(&long[..100])),
        ];
        for (name, expected) in table {
            match check_name(name) {
                Err(ComposeError::BadName { suggestion, .. }) => assert_eq!(suggestion.as_deref(), expected, "{name}"),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn uuids_are_of_version_4() {
        let uuid = uuid();
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!((parts.as_slice(), &uuid[14..15]), (&[8, 4, 4, 4, 12][..], "4"));
        assert!("89ab".contains(&uuid[19..20]));
    }
}
