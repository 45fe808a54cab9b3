//! What lies in a folder: which layout, which migrations, and everything that is wrong.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Folder, FolderError, Layout, Migration, Missing, Stray};
use crate::excerpt::Text;
use crate::migrate::journal::{Entry, Journal, conflict_marker};
use crate::migrate::position::Position;

/// What there is in a folder, and what is wrong with it.
pub(super) struct Inspected {
    pub(super) folder: Folder,
    pub(super) missing: Vec<Missing>,
    pub(super) defects: Vec<FolderError>,
}

/// The path of the v0 layout's journal.
pub(super) fn journal(path: &Path) -> PathBuf {
    path.join("meta").join("_journal.json")
}

pub(super) fn inspect(path: &Path) -> Result<Inspected, FolderError> {
    let journal = journal(path);
    let entries = Entries::of(path)?;
    match (journal.is_file(), entries.v1.first(), entries.sql.first()) {
        (true, Some(v1), _) => Err(FolderError::Mixed { path: path.into(), v0: journal, v1: v1.clone() }),
        (false, Some(v1), Some(v0)) => Err(FolderError::Mixed { path: path.into(), v0: v0.clone(), v1: v1.clone() }),
        (true, None, _) => inspect_v0(path, &journal, entries.sql),
        (false, Some(_), None) => Ok(inspect_v1(path, &entries.v1)),
        (false, None, _) => {
            let near = if path.exists() { inside(path, 2) } else { beside(path) };
            Err(FolderError::NoJournal { path: path.into(), near })
        }
    }
}

/// What is wrong with a folder that has nothing of migrations in it; none where it has.
pub(super) fn bare(path: &Path) -> Option<FolderError> {
    let entries = Entries::of(path).ok()?;
    let bare = !journal(path).is_file() && entries.v1.is_empty() && entries.sql.is_empty();
    bare.then(|| FolderError::NoJournal { path: path.into(), near: inside(path, 2) })
}

/// The folder of migrations that is meant by a name that no folder has.
fn beside(path: &Path) -> Option<PathBuf> {
    let (name, parent) = (path.file_name()?.to_string_lossy(), path.parent()?);
    let listed = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let likeness =
        |other: &Path| other.file_name().map_or(0.0, |other| strsim::jaro_winkler(&other.to_string_lossy(), &name));
    let others = folders(listed)?.into_iter().filter(|other| holds(other)).map(|other| (likeness(&other), other));
    let (_, best) = others.filter(|(likeness, _)| *likeness > 0.8).max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    Some(parent.join(best.file_name()?))
}

/// Whether a folder holds migrations.
fn holds(path: &Path) -> bool {
    journal(path).is_file() || Entries::of(path).is_ok_and(|entries| !entries.v1.is_empty())
}

/// The folders in a folder, sorted by name, without what no migrations are looked for in.
fn folders(path: &Path) -> Option<Vec<PathBuf>> {
    let listing = std::fs::read_dir(path).ok()?.flatten();
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let folders = listing.map(|entry| entry.path()).filter(|path| path.is_dir() && !hidden(path));
    let mut folders: Vec<PathBuf> = folders.filter(|path| !path.ends_with("node_modules")).collect();
    folders.sort();
    Some(folders)
}

/// The first folder of migrations in a folder that is none, no deeper than that.
fn inside(path: &Path, depth: usize) -> Option<PathBuf> {
    let folders = folders(path)?;
    let here = folders.iter().find(|path| holds(path)).cloned();
    here.or_else(|| folders.iter().filter(|_| depth > 1).find_map(|path| inside(path, depth - 1)))
}

/// What lies directly in a folder of migrations, sorted by name.
pub(super) struct Entries {
    pub(super) sql: Vec<PathBuf>,
    v1: Vec<PathBuf>,
}

impl Entries {
    pub(super) fn of(path: &Path) -> Result<Self, FolderError> {
        let unreadable = |reason| FolderError::Unreadable { path: path.into(), reason };
        let mut found = Entries { sql: Vec::new(), v1: Vec::new() };
        let listing = match std::fs::read_dir(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            listing => listing.map_err(unreadable)?,
        };
        for entry in listing {
            let entry = entry.map_err(unreadable)?;
            // The listing tells what is what; only what a link leads to has to be asked for.
            let (kind, entry) = (entry.file_type().map_err(unreadable)?, entry.path());
            if kind.is_dir() || (kind.is_symlink() && entry.is_dir()) {
                if entry.join("migration.sql").is_file() || time_of_name(&entry).is_some() {
                    found.v1.push(entry);
                }
            } else if entry.extension().is_some_and(|extension| extension == "sql")
                && (kind.is_file() || entry.is_file())
            {
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
    let listed: HashSet<&Path> = files.iter().map(PathBuf::as_path).collect();
    for (idx, entry) in entries.into_iter().enumerate().filter(|(_, entry)| entry.is_file_name()) {
        let file = path.join(format!("{}.sql", entry.tag));
        // Of two entries with one tag the second is a defect.
        if !known.insert(file.clone()) {
            continue;
        }
        let name = name_after_up(&entry.tag, entry.when);
        // A folder of that name is read as a file, and so is an error of its own.
        if !listed.contains(file.as_path()) && !file.is_file() && !file.is_dir() {
            missing.push(Missing { tag: entry.tag, name, when_millis: entry.when, path: file });
            continue;
        }
        match read_text(&file) {
            Ok(sql) => migrations.push(Migration::new(entry.tag, name, idx, entry.when, sql, file)),
            Err(defect) => defects.push(defect),
        }
    }
    let strays = files.iter().filter(|file| !known.contains(*file)).map(|file| Stray::at(file)).collect();
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
        if !file.is_file() && !file.is_dir() {
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

/// The snapshots in which git has not finished a merge.
pub(super) fn conflicts(folder: &Folder) -> Vec<FolderError> {
    let mut snapshots: Vec<PathBuf> = match folder.layout {
        Layout::V0 => {
            let listing = std::fs::read_dir(folder.path.join("meta")).into_iter().flatten().flatten();
            let is_snapshot = |path: &PathBuf| path.to_string_lossy().ends_with("_snapshot.json");
            listing.map(|entry| entry.path()).filter(is_snapshot).collect()
        }
        Layout::V1 => folder.migrations.iter().map(|it| it.path.with_file_name("snapshot.json")).collect(),
    };
    snapshots.sort();
    let found = snapshots.into_iter().filter_map(|path| {
        let text = std::fs::read_to_string(&path).ok()?;
        let span = conflict_marker(&text)?;
        let text = Arc::new(Text::new(path.display().to_string(), text));
        Some(FolderError::Conflict { path, text, span })
    });
    found.collect()
}

/// The migration whose file this is, by the journal or by the name of its folder; none where neither says so.
pub(super) fn migration_at(file: &Path) -> Option<(Missing, Layout)> {
    let folder = file.parent()?;
    if file.ends_with("migration.sql") {
        let (name, when_millis) = (folder.file_name()?.to_str()?.to_owned(), time_of_name(folder)?);
        return Some((Missing { tag: name.clone(), name, when_millis, path: file.into() }, Layout::V1));
    }
    let journal = journal(folder);
    let (Journal { entries }, _) = Journal::survey(&journal, &read_text(&journal).ok()?).ok()?;
    let Entry { tag, when, .. } =
        entries.into_iter().find(|entry| folder.join(format!("{}.sql", entry.tag)) == file)?;
    Some((Missing { name: name_after_up(&tag, when), tag, when_millis: when, path: file.into() }, Layout::V0))
}

fn read_text(path: &Path) -> Result<String, FolderError> {
    let bytes = std::fs::read(path).map_err(|reason| FolderError::Unreadable { path: path.into(), reason })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        let at = Position::of(&String::from_utf8_lossy(&error.as_bytes()[..byte]), byte);
        FolderError::NotUtf8 { path: path.into(), byte, at }
    })?;
    match text.find('\0') {
        Some(byte) => Err(FolderError::Nul { path: path.into(), byte }),
        None => Ok(text),
    }
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
pub(super) fn name_after_up(tag: &str, when_millis: i64) -> String {
    let name = tag.split_once('_').map_or("", |(_, name)| name);
    match jiff::Timestamp::from_millisecond(when_millis) {
        Ok(time) => format!("{}_{name}", time.strftime("%Y%m%d%H%M%S")),
        Err(_) => tag.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
