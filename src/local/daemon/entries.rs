//! What is in a data folder, and tells it from other people's folders.

use std::{
    fs::{self, Metadata},
    path::Path,
};

use super::LocalError;
use crate::local::disk::{self, DiskError, is_unfinished};

/// The file that says whose the folder is.
pub(super) const MARK: &str = ".infra-local";

/// What it says.
const SAYS: &[u8] =
    b"This folder is a local cloud's: `infra local reset --everything --data FOLDER` deletes what it has made here.\n";

/// What file systems, file managers and version control put into a folder that is otherwise empty.
const NOBODYS: &[&str] = &[
    ".DS_Store",
    ".localized",
    ".directory",
    ".gitignore",
    ".gitkeep",
    ".keep",
    "Thumbs.db",
    "desktop.ini",
    "lost+found",
];

/// Takes a folder for a local cloud, which is made where it is missing; one that has something else in it is left as it is.
pub(crate) fn claim(data: &Path) -> Result<(), LocalError> {
    if !is_data_folder(data) {
        let holds = others(data)?;
        // Another start may have taken it meanwhile.
        if !holds.is_empty() && !is_data_folder(data) {
            return Err(LocalError::Foreign { data: data.to_owned(), holds: told(&holds) });
        }
    }
    disk::private_folder(data)?;
    Ok(mark(data)?)
}

/// Says in the folder whose it is, where nothing says so yet.
pub(super) fn mark(data: &Path) -> Result<(), DiskError> {
    let mark = data.join(MARK);
    if mark.exists() { Ok(()) } else { disk::write(&mark, SAYS) }
}

/// What tells whether builds before the mark may have made something: it is no younger than the mark.
pub(crate) fn is_early(data: &Path) -> impl Fn(&Metadata) -> bool + use<> {
    let marked = fs::metadata(data.join(MARK)).and_then(|mark| mark.modified()).ok();
    move |found| marked.is_none_or(|marked| found.modified().is_ok_and(|then| then <= marked))
}

/// Whether a folder is a local cloud's. Builds before this one did not mark theirs: they are known by what is in them.
pub(crate) fn is_data_folder(data: &Path) -> bool {
    data.join(MARK).is_file() || is_old(data) || disk::has_accounts(data)
}

/// An empty lock, and a log that begins with a moment. Where no start has succeeded yet the log is empty, and only what a start
/// makes first is beside it.
fn is_old(data: &Path) -> bool {
    let is_locked = fs::metadata(data.join("lock")).is_ok_and(|lock| lock.is_file() && lock.len() == 0);
    let log = || fs::read(data.join("daemon.log")).ok();
    let begins = |log: Vec<u8>| {
        let first = log.split(|byte| *byte == b' ').next().unwrap_or_default();
        std::str::from_utf8(first).is_ok_and(|first| first.parse::<jiff::Timestamp>().is_ok())
    };
    let is_first = || others(data).is_ok_and(|all| all.iter().all(|name| FIRST.contains(&name.as_str())));
    is_locked && log().is_some_and(|log| if log.is_empty() { is_first() } else { begins(log) })
}

/// What a start that fails leaves.
const FIRST: &[&str] = &["lock", "daemon.log", "daemon.out"];

/// What is in the folder and is somebody's, by name; nothing where there is no folder.
fn others(data: &Path) -> Result<Vec<String>, DiskError> {
    let is_nobodys = |name: &str| NOBODYS.contains(&name) || name.starts_with("._");
    // What another start is writing, or one that was killed was, is not somebody's either.
    let names = names(data)?.into_iter().filter(|name| !is_nobodys(name) && !is_unfinished(name, &data.join(name)));
    Ok(names.collect())
}

pub(super) fn names(data: &Path) -> Result<Vec<String>, DiskError> {
    let mut names: Vec<String> = disk::list(data)?.into_iter().map(|(name, _)| name).collect();
    names.sort();
    Ok(names)
}

/// The first of these names, and how many more there are.
pub(crate) fn told(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

/// What is in a folder, as errors tell it.
pub(crate) fn held(data: &Path) -> String {
    others(data).map_or_else(|_| "what cannot be read".to_owned(), |names| told(&names))
}

/// What keeps the folder out of version control: keys, passwords and data of a machine are nobody else's.
pub(super) const IGNORED: &[u8] = b"*\n";

/// Keeps the folder out of version control.
pub(crate) fn ignore(data: &Path) -> Result<(), DiskError> {
    let ignored = data.join(".gitignore");
    if ignored.exists() { Ok(()) } else { disk::write(&ignored, IGNORED) }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::local::{Options, client, start};

    fn put(data: &Path, name: &str, text: &str) -> PathBuf {
        let path = data.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    #[tokio::test]
    async fn a_folder_with_somebody_elses_files_is_not_taken_and_not_touched() {
        for name in ["main.c", "lock", "src/main.c"] {
            let folder = tempfile::tempdir().unwrap();
            let data = folder.path().join("project");
            let kept = put(&data, name, "text");
            let mode = || std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&data).unwrap().permissions());
            let before = mode();
            let options = Options::in_test(&data);
            let started = start(options.clone()).await.map(drop).unwrap_err().to_string();
            let launched = client::launch(&options).await.map(drop).unwrap_err().to_string();
            let holds = name.split('/').next().unwrap();
            for refused in [started, launched] {
                assert!(
                    refused.starts_with("Could not start the local cloud in ") && refused.contains(holds),
                    "{refused}"
                );
            }
            assert!(!is_data_folder(&data));
            assert_eq!((mode(), names(&data).unwrap().len(), kept.exists()), (before, 1, true));
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_missing_or_empty_but_for_what_a_system_puts_there_is_taken() {
        for name in ["", ".DS_Store", ".gitignore"] {
            let folder = tempfile::tempdir().unwrap();
            let data = folder.path().join("local");
            if !name.is_empty() {
                put(&data, name, "");
            }
            start(Options::in_test(&data)).await.unwrap().stop().await;
            assert!(is_data_folder(&data));
            let forgotten = client::forget(&data).await.unwrap();
            assert_eq!(
                (forgotten.left, data.exists()),
                ((!name.is_empty()).then(|| name.to_owned()).into_iter().collect(), !name.is_empty())
            );
        }
    }

    #[test]
    fn folders_of_builds_before_this_one_are_known_by_what_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let log = "2026-11-28T07:00:00.123Z Started at http://127.0.0.1:4566, pace instant, pid 7\n";
        for (name, files, is_ours) in [
            ("old", [("lock", ""), ("daemon.log", log), ("daemon.out", "")].as_slice(), true),
            ("restored", &[("state/000000000000/global.json", r#"{"roles":{}}"#)], true),
            ("one whose first start failed", &[("lock", ""), ("daemon.log", ""), ("daemon.out", "no")], true),
            ("another's first", &[("lock", ""), ("daemon.log", ""), ("main.c", "")], false),
            ("another's without a log", &[("lock", ""), ("daemon.out", "")], false),
            ("infrastructure", &[("state/123456789012/terraform.tfstate", r#"{"version":4}"#)], false),
            ("settings", &[("state/123456789012/global.json", r#"{"tags":{}}"#)], false),
            ("not ours", &[("state/123456789012/global.json", "no")], false),
            ("another's", &[("lock", ""), ("daemon.log", "Nov 28 07:00:00 started")], false),
            ("a held one", &[("lock", "4711"), ("daemon.log", log)], false),
            ("a project", &[("lock", ""), ("state/main.c", "")], false),
        ] {
            let data = folder.path().join(name);
            files.iter().for_each(|(file, text)| drop(put(&data, file, text)));
            assert_eq!(is_data_folder(&data), is_ours, "{name}");
            assert_eq!(claim(&data).is_ok(), is_ours, "{name}");
            assert_eq!(data.join(MARK).exists(), is_ours, "{name}");
        }
    }

    #[test]
    fn two_that_take_a_new_folder_at_once_both_have_it() {
        let folder = tempfile::tempdir().unwrap();
        let barrier = std::sync::Barrier::new(2);
        for round in 0..200 {
            let data = folder.path().join(round.to_string());
            let take = || {
                barrier.wait();
                // What comes after it is there before the other one looks.
                claim(&data)
                    .map(|()| fs::write(data.join("daemon.out"), "").unwrap())
                    .map_err(|error| error.to_string())
            };
            let taken =
                std::thread::scope(|scope| [scope.spawn(take), scope.spawn(take)].map(|one| one.join().unwrap()));
            assert_eq!(taken, [Ok(()), Ok(())]);
        }
    }

    #[test]
    fn a_folder_whose_first_start_was_killed_is_taken() {
        let data = tempfile::tempdir().unwrap();
        put(data.path(), ".tmpA1b2C3", "This fol");
        claim(data.path()).unwrap();
        let other = tempfile::tempdir().unwrap();
        put(other.path(), ".tmp-notes", "text");
        assert!(claim(other.path()).is_err());
    }

    #[tokio::test]
    async fn what_somebody_has_put_into_the_folder_outlives_the_cloud() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("local");
        start(Options::in_test(&data)).await.unwrap().stop().await;
        put(&data, "functions/handler.js", "text");
        put(&data, "src/main.c", "text");
        put(&data, ".tmpA1b2C3", "");
        let forgotten = client::forget(&data).await.unwrap();
        assert_eq!(forgotten.left, ["functions/handler.js", "src"]);
        assert_eq!(fs::read_to_string(data.join("src/main.c")).unwrap(), "text");
        // There was one beside it, and there can be again.
        assert!(is_data_folder(&data));
        start(Options::in_test(&data)).await.unwrap().stop().await;
    }
}
