//! What a reset deletes of a data folder: what the local cloud has made there, known by its form, and nothing else. Whoever was
//! given a folder in a project may have put files of theirs into what the cloud calls `functions` or `services`.

use std::{
    fs::{self, Metadata},
    io,
    path::Path,
};

use super::entries::{self, IGNORED, MARK, is_data_folder, mark, names};
use crate::local::{
    disk::{self, DiskError, is_temporary, is_unfinished},
    dispatch::is_region,
    lambda, logs,
    members::is_hex,
    rds,
};

/// The files that the local cloud makes in its folder, but for the mark and the lock, which are the last to go.
const FILES: &[&str] =
    &["daemon.json", "daemon.log", "daemon.log.old", "daemon.out", "port", "chosen.json", "ca.pem", "ca.key"];

/// A file of builds before the mark.
const SUPERUSER: &str = "superuser";

/// The folders that it makes there. Root's `servers` is a link.
const FOLDERS: &[&str] = &["state", "servers", "services", "functions"];

/// Whose something in a data folder is.
#[derive(Debug, PartialEq, Eq)]
enum Whose {
    /// The local cloud's, with all that is in it.
    Ours,
    /// A folder in which each thing is somebody's; it goes with the last of them.
    Shared,
    /// Somebody else's.
    Theirs,
}

/// Whose that is which has this path in a data folder. `is_early` tells what builds before the mark may have made.
fn whose(path: &[&str], is_folder: bool, is_early: bool) -> Whose {
    let is_ours = match (path, is_folder) {
        (["servers", home], true) if rds::is_home(home) => true,
        // Where a user has no home.
        (["servers", "templates", one], true) => {
            one.starts_with("postgres-") || one.strip_prefix("new-").is_some_and(|one| is_hex(one, 16))
        }
        (["state", _, "global.json"], false) => true,
        (["state", _, file], false) => file.strip_suffix(".json").is_some_and(is_region) || is_temporary(file),
        (["state", _, _, file], false) => logs::is_own(file),
        (["services", _, _, file], false) => file.ends_with(".log"),
        (["services", file], false) => is_early && file.ends_with(".log"),
        (["functions", "work", one], true) => lambda::is_workshop(one),
        (["functions", account, _, _, code], true) => disk::is_number(account) && lambda::is_code(code),
        _ => false,
    };
    let is_shared = match path {
        [one] => FOLDERS.contains(one),
        ["servers", "templates"] | ["functions", "work"] => true,
        ["state" | "services" | "functions", account] => disk::is_number(account),
        ["state", _, logs] => logs.strip_suffix(".logs").is_some_and(is_region),
        ["services" | "functions", account, region] => disk::is_number(account) && is_region(region),
        ["functions", account, ..] => path.len() == 4 && disk::is_number(account),
        _ => false,
    };
    match (is_ours, is_shared && is_folder) {
        (true, _) => Whose::Ours,
        (false, true) => Whose::Shared,
        (false, false) => Whose::Theirs,
    }
}

/// Deletes what the local cloud has made in its folder, and the folder if that was all. Gives the names of what is left, with
/// the folders of ours that it is in.
pub(crate) fn delete(data: &Path) -> Result<Vec<String>, DiskError> {
    let is_early = entries::is_early(data);
    if is_data_folder(data) {
        // What an older build's is known by goes soon. Where the disk is full it goes all the same.
        let _ = mark(data);
    }
    let mut left = Vec::new();
    for name in FILES {
        delete_file(&data.join(name))?;
    }
    if fs::symlink_metadata(data.join(SUPERUSER)).is_ok_and(|found| is_early(&found)) {
        delete_file(&data.join(SUPERUSER))?;
    }
    for name in FOLDERS {
        let folder = data.join(name);
        match fs::symlink_metadata(&folder) {
            Ok(found) if found.is_dir() => clear(&folder, &mut vec![(*name).to_owned()], &is_early, &mut left)?,
            Ok(found) if found.is_symlink() => delete_file(&folder)?,
            _ => {}
        }
    }
    for (name, path) in disk::list(data)? {
        let is_ignored = name == ".gitignore" && fs::read(&path).is_ok_and(|text| text == IGNORED);
        if is_ignored || is_unfinished(&name, &path) {
            delete_file(&path)?;
        }
    }
    delete_file(&data.join("lock"))?;
    let is_told = |name: &String| left.iter().any(|one| one.split('/').next() == Some(name));
    let more: Vec<String> = names(data)?.into_iter().filter(|name| name != MARK && !is_told(name)).collect();
    left.extend(more);
    left.sort();
    if !left.is_empty() {
        // A local cloud was started beside this, or with it, and can be again.
        return Ok(left);
    }
    delete_file(&data.join(MARK))?;
    match fs::remove_dir(data) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(disk::error("delete", data)(cause)),
        _ => Ok(left),
    }
}

/// Deletes what is ours of a folder, and the folder where that was all; adds what is somebody else's to what is left.
fn clear(
    folder: &Path,
    path: &mut Vec<String>,
    is_early: &impl Fn(&Metadata) -> bool,
    left: &mut Vec<String>,
) -> Result<(), DiskError> {
    let before = left.len();
    for (name, entry) in disk::list(folder)? {
        let Ok(found) = fs::symlink_metadata(&entry) else { continue };
        path.push(name);
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        // A link is nothing that is made here.
        let whose = if found.is_symlink() { Whose::Theirs } else { whose(&names, found.is_dir(), is_early(&found)) };
        match whose {
            Whose::Ours => remove(&entry, &found).map_err(disk::error("delete", &entry))?,
            Whose::Shared => clear(&entry, path, is_early, left)?,
            Whose::Theirs => left.push(path.join("/")),
        }
        path.pop();
    }
    match fs::remove_dir(folder) {
        Err(cause) if left.len() == before && cause.kind() != io::ErrorKind::NotFound => {
            Err(disk::error("delete", folder)(cause))
        }
        _ => Ok(()),
    }
}

fn remove(path: &Path, found: &Metadata) -> io::Result<()> {
    unless_gone(if found.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) })
}

/// Deletes a file or link; a folder in its place is somebody's.
fn delete_file(path: &Path) -> Result<(), DiskError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        _ => unless_gone(fs::remove_file(path)).map_err(disk::error("delete", path)),
    }
}

fn unless_gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        time::{Duration, SystemTime},
    };

    use super::*;
    use crate::local::daemon::entries::claim;

    fn put(data: &Path, name: &str) {
        let path = data.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "text").unwrap();
    }

    /// What the local cloud makes, but for numbers.
    fn ours() -> Vec<String> {
        let (hex, id) = ("0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        let mut all = vec![
            "state/000000000000/global.json".to_owned(),
            "state/000000000000/eu-central-1.json".to_owned(),
            "state/000000000000/.tmpA1b2C3".to_owned(),
            format!("state/000000000000/eu-central-1.logs/{hex}"),
            format!("servers/cluster-{id}/data/PG_VERSION"),
            format!("servers/cluster-{id}-reader/data/PG_VERSION"),
            format!("servers/snapshot-0{hex}/data/PG_VERSION"),
            format!("servers/prx-0{hex}/pgbouncer.ini"),
            format!("servers/prx-endpoint-0{hex}/pgbouncer.ini"),
            "servers/templates/postgres-15.8/PG_VERSION".to_owned(),
            format!("servers/templates/new-{hex}/PG_VERSION"),
            "services/000000000000/eu-central-1/shop.log".to_owned(),
            format!("functions/000000000000/eu-central-1/mail/{hex}{hex}{hex}{hex}/bootstrap"),
            "functions/000000000000/eu-central-1/mail/.tmpA1b2C3/bootstrap".to_owned(),
            "functions/work/4711-a1B2c3/0/bootstrap".to_owned(),
        ];
        all.extend(FILES.iter().map(|name| (*name).to_owned()));
        all
    }

    #[test]
    fn all_goes_that_was_made_in_the_folder_and_the_folder_with_it() {
        let scratch = tempfile::tempdir().unwrap();
        for is_marked in [true, false] {
            let data = scratch.path().join("local");
            // Of builds before the mark.
            for name in ["services/shop.log", SUPERUSER] {
                put(&data, name);
                let early = SystemTime::now() - Duration::from_secs(60);
                File::options().write(true).open(data.join(name)).unwrap().set_modified(early).unwrap();
            }
            put(&data, "state/000000000000/global.json");
            fs::write(data.join("state/000000000000/global.json"), r#"{"roles":{}}"#).unwrap();
            if is_marked {
                claim(&data).unwrap();
            }
            ours().iter().for_each(|name| put(&data, name));
            for folder in ["functions/work", "services/000000000000/us-east-1", "state/000000000000/us-east-1.logs"] {
                fs::create_dir_all(data.join(folder)).unwrap();
            }
            assert_eq!(delete(&data).unwrap(), Vec::<String>::new());
            assert!(!data.exists());
        }
    }

    #[test]
    fn a_folder_of_builds_before_the_mark_is_still_a_local_clouds_where_not_all_of_it_goes() {
        let data = tempfile::tempdir().unwrap();
        put(data.path(), "src/main.c");
        put(data.path(), "functions/handler.js");
        fs::write(data.path().join("lock"), "").unwrap();
        fs::write(data.path().join("daemon.log"), "2026-11-28T07:00:00.123Z Started\n").unwrap();
        for _ in ["by itself", "and what was broken off"] {
            assert_eq!(delete(data.path()).unwrap(), ["functions/handler.js", "src"]);
            assert!(is_data_folder(data.path()));
        }
        claim(data.path()).unwrap();
        // Somebody's is not taken for one by it.
        let other = tempfile::tempdir().unwrap();
        put(other.path(), "src/main.c");
        assert_eq!((delete(other.path()).unwrap(), is_data_folder(other.path())), (vec!["src".to_owned()], false));
    }

    #[test]
    fn what_somebody_has_put_into_folders_that_are_called_like_ours_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("project");
        claim(&data).unwrap();
        ours().iter().for_each(|name| put(&data, name));
        let theirs = [
            "functions/000000000000/README.md",
            "functions/000000000000/eu-central-1/mail/notes.txt",
            "functions/handler.js",
            "functions/work/queue.js",
            "port/usb.c",
            "servers/cluster-1/nginx.conf",
            "servers/cluster-config/nginx.conf",
            "servers/templates/nginx.conf",
            "services/000000000000/eu-central-1/shop.yaml",
            "services/shop.log",
            "services/shop/main.c",
            "src/main.c",
            "state/000000000000/eu-central-1 copy.json",
            "state/000000000000/terraform.tfstate",
            "state/index.ts",
            "superuser",
        ];
        let late = SystemTime::now() + Duration::from_secs(60);
        fs::remove_file(data.join("port")).unwrap();
        for name in theirs {
            put(&data, name);
            File::options().write(true).open(data.join(name)).unwrap().set_modified(late).unwrap();
        }
        std::os::unix::fs::symlink(scratch.path(), data.join("functions/link")).unwrap();
        let left = delete(&data).unwrap();
        assert!(theirs.iter().all(|name| data.join(name).exists()), "{left:?}");
        assert!(data.join("functions/link").is_symlink());
        let told = [
            "functions/000000000000/README.md",
            "functions/000000000000/eu-central-1/mail/notes.txt",
            "functions/handler.js",
            "functions/link",
            "functions/work/queue.js",
            "port",
            "servers/cluster-1",
            "servers/cluster-config",
            "servers/templates/nginx.conf",
            "services/000000000000/eu-central-1/shop.yaml",
            "services/shop",
            "services/shop.log",
            "src",
            "state/000000000000/eu-central-1 copy.json",
            "state/000000000000/terraform.tfstate",
            "state/index.ts",
            "superuser",
        ];
        assert_eq!(left, told);
        // It was a local cloud's beside all that, and can be again.
        claim(&data).unwrap();
        assert!(ours().iter().all(|name| name == "port" || !data.join(name).exists()));
    }
}
