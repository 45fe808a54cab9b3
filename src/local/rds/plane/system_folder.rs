//! Root's servers: in a folder of the system, for root's own folders are closed to the user that runs them. A link in the
//! data folder leads there, and a note there names the data folder.
//!
//! No databases are swept away here: what belongs to a data folder that is gone stays as long as it holds one, for the data
//! folder may only have been moved. They go with `infra local reset --everything`, or where the API deletes them.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rand::Rng as _;

use super::{
    left_behind,
    process::{Kind, Process},
    replicas::primary_name,
};
use crate::local::rds::arn::{is_hex_id, is_resource_id};

/// Where root keeps servers.
const SYSTEM: &str = "/var/lib/infra-local";

/// The note in a cloud's folder there that names its data folder.
const OWNER: &str = "data-folder";

/// The link to it in the data folder. Everybody else has the servers themselves in this place.
const LINK: &str = "servers";

/// The folder of the servers of the cloud on `data`, made where it is missing, and signed.
pub(super) fn open(data: &Path) -> io::Result<PathBuf> {
    open_below(Path::new(SYSTEM), data)
}

fn open_below(system: &Path, data: &Path) -> io::Result<PathBuf> {
    let link = data.join(LINK);
    passable(system)?;
    let folder = match fs::read_link(&link) {
        Ok(folder) => folder,
        Err(_) if link.exists() => {
            return Err(io::Error::other(format!(
                "{} has been made by another user than root, who alone can go on with it",
                link.display()
            )));
        }
        Err(_) => {
            let folder = system.join(format!("{:016x}", rand::rng().random::<u64>()));
            // The link comes first: a folder that says whose it is without being linked to counts as abandoned.
            std::os::unix::fs::symlink(&folder, &link)?;
            folder
        }
    };
    passable(&folder)?;
    sign(&folder, data)?;
    sweep(system);
    Ok(folder)
}

/// The folder of what all of root's clouds share.
pub(super) fn shared() -> io::Result<PathBuf> {
    passable(Path::new(SYSTEM))?;
    Ok(Path::new(SYSTEM).join("templates"))
}

/// The data folder that this one was copied from, as long as that one is there with the same servers: two clouds would
/// write to one database.
pub(crate) fn copied_from(data: &Path) -> Option<PathBuf> {
    let folder = fs::read_link(data.join(LINK)).ok()?;
    let owner = owner(&folder)?;
    let number = |path: &Path| fs::metadata(path).map(|data| (data.dev(), data.ino())).ok();
    (is_linked(&owner, &folder) && number(&owner) != number(data)).then_some(owner)
}

/// Takes away the folder of the cloud on `data` if no server or snapshot is left in it.
pub(super) fn leave(data: &Path) {
    let link = data.join(LINK);
    let Ok(folder) = fs::read_link(&link) else { return };
    let entries = || fs::read_dir(&folder).into_iter().flatten().flatten();
    if entries().all(|entry| entry.file_name() == OWNER) {
        // What cannot be removed now, the next daemon takes away when the data folder is gone.
        let _ = fs::remove_dir_all(&folder).and_then(|()| fs::remove_file(&link));
    }
}

/// What has become of a cloud's servers.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    /// How many processes still ran.
    pub(crate) ended: usize,
    /// What is still there, for it is somebody else's.
    pub(crate) left: Vec<PathBuf>,
}

/// Removes the databases of the cloud on `data`, which may be gone itself. The caller has stopped it; what still runs where
/// `data` is gone is ended here.
pub(crate) async fn forget(data: &Path) -> io::Result<Removed> {
    forget_below(Path::new(SYSTEM), data).await
}

async fn forget_below(system: &Path, data: &Path) -> io::Result<Removed> {
    let mut removed = Removed::default();
    for folder in belonging(system, data) {
        removed.ended += left_behind::end_in(&folder).await;
        removed.left.extend(remove(&folder)?);
    }
    Ok(removed)
}

/// Removes what was made in a folder, last of all what says whose it is: who is interrupted finds it again. Gives what is
/// somebody else's, which stays.
fn remove(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut left = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        match entry.file_type()?.is_dir() && is_home(&name.to_string_lossy()) {
            true => fs::remove_dir_all(entry.path())?,
            false if name == OWNER => {}
            false => left.push(entry.path()),
        }
    }
    if left.is_empty() {
        fs::remove_dir_all(folder)?;
    }
    left.sort();
    Ok(left)
}

/// The folders there of the cloud on `data`.
fn belonging(system: &Path, data: &Path) -> Vec<PathBuf> {
    let is_its = |folder: &PathBuf| {
        let ours = owner(folder).is_some_and(|owner| owner == data);
        // Where the data folder is a copy of another one, or another one has been put in its place, they are not its.
        ours && (is_linked(data, folder) || !data.exists())
    };
    folders(system).into_iter().filter(is_its).collect()
}

/// The names of the folders with databases and snapshots that are deleted with the cloud on `data`, which may be gone itself.
pub(crate) fn databases_of(data: &Path) -> Vec<String> {
    let data = data.canonicalize().or_else(|_| std::path::absolute(data));
    data.map(|data| databases_below(Path::new(SYSTEM), &data)).unwrap_or_default()
}

/// Whether a folder of this name is a database's or a snapshot's.
pub(super) fn is_database(name: &str) -> bool {
    is_resource_id(primary_name(name), "cluster-") || is_hex_id(name, "snapshot-")
}

/// Whether a folder of this name is one of those that are made here: others may have put theirs beside them.
pub(crate) fn is_home(name: &str) -> bool {
    is_database(name) || is_hex_id(name, "prx-") || is_hex_id(name, "prx-endpoint-")
}

/// Whether a folder of servers belongs to the cloud on `data` as it was, and what is there now does not lead to it.
pub(super) fn is_abandoned(folder: &Path, data: &Path) -> bool {
    owner(folder).is_some_and(|owner| owner == data) && !is_linked(data, folder)
}

fn databases_below(system: &Path, data: &Path) -> Vec<String> {
    let mut places = belonging(system, data);
    let own = data.join(LINK);
    // What a link leads to is not deleted, but where it is among those.
    places.extend((!own.is_symlink()).then_some(own));
    let entries = places.into_iter().flat_map(fs::read_dir).flatten().flatten();
    // One without data was never whole.
    let entries = entries.filter(|entry| entry.path().join("data").exists());
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    // The servers of a cluster are one thing.
    let names: BTreeSet<String> =
        names.filter(|name| is_database(name)).map(|name| primary_name(&name).to_owned()).collect();
    names.into_iter().collect()
}

/// Removes what belongs to data folders that are gone, where it is no database; servers that still run there stay.
fn sweep(system: &Path) {
    for folder in folders(system) {
        let Some(owner) = owner(&folder) else { continue };
        let inside = fs::read_dir(&folder).into_iter().flatten().flatten();
        let inside = inside.filter(|home| is_home(&home.file_name().to_string_lossy())).map(|home| home.path());
        let inside: Vec<PathBuf> = inside.collect();
        let holds = |home: &PathBuf| home.join("data").exists() || home.join("data.new").exists();
        let runs = |home: &PathBuf| Process::find(Kind::Pooler, home).is_some();
        if !is_linked(&owner, &folder) && !inside.iter().any(|home| holds(home) || runs(home)) {
            // What cannot be removed now is tried again by the next daemon.
            let _ = remove(&folder);
        }
    }
}

fn folders(system: &Path) -> Vec<PathBuf> {
    fs::read_dir(system).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn owner(folder: &Path) -> Option<PathBuf> {
    fs::read_to_string(folder.join(OWNER)).ok().map(PathBuf::from)
}

fn is_linked(data: &Path, folder: &Path) -> bool {
    fs::read_link(data.join(LINK)).is_ok_and(|link| link == folder)
}

/// Makes a folder that others can pass through, but not read.
fn passable(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o711).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o711))
}

/// Notes in a cloud's folder whose it is; nobody else's business.
fn sign(folder: &Path, data: &Path) -> io::Result<()> {
    let path = folder.join(OWNER);
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    // One that was there before keeps its mode.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    io::Write::write_all(&mut file, data.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use tempfile::{TempDir, tempdir};

    use super::*;
    use crate::local::rds::arn::{hex_id, resource_id};

    /// A database's folder.
    const DATABASE: &str = "cluster-AAAAAAAAAAAAAAAAAAAAAAAAAA";

    struct Scene {
        folder: TempDir,
    }

    impl Scene {
        fn new() -> Self {
            Self { folder: tempdir().unwrap() }
        }

        fn system(&self) -> PathBuf {
            self.folder.path().join("system")
        }

        fn data(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// A cloud with a database; gives its folder.
        fn cloud(&self, name: &str) -> PathBuf {
            fs::create_dir_all(self.data(name)).unwrap();
            let folder = open_below(&self.system(), &self.data(name)).unwrap();
            fs::create_dir_all(folder.join(DATABASE).join("data")).unwrap();
            folder
        }
    }

    #[test]
    fn the_databases_of_a_folder_that_is_moved_are_there_for_it_whoever_starts_meanwhile() {
        let scene = Scene::new();
        let servers = scene.cloud("here");
        fs::rename(scene.data("here"), scene.data("there")).unwrap();
        scene.cloud("another");
        assert_eq!(open_below(&scene.system(), &scene.data("there")).unwrap(), servers);
        assert!(servers.join(DATABASE).join("data").exists());
        assert_eq!(copied_from(&scene.data("there")), None, "it was moved");
    }

    #[tokio::test]
    async fn a_copy_of_a_folder_is_known_as_long_as_the_first_one_is_there() {
        let scene = Scene::new();
        let servers = scene.cloud("first");
        fs::create_dir(scene.data("copy")).unwrap();
        std::os::unix::fs::symlink(&servers, scene.data("copy/servers")).unwrap();
        assert_eq!(copied_from(&scene.data("copy")), Some(scene.data("first")));
        assert_eq!(copied_from(&scene.data("first")), None);
        forget_below(&scene.system(), &scene.data("copy")).await.unwrap();
        assert!(servers.join(DATABASE).join("data").exists(), "the copy's end took the first one's databases");
        fs::remove_dir_all(scene.data("first")).unwrap();
        assert_eq!(copied_from(&scene.data("copy")), None);
    }

    #[tokio::test]
    async fn databases_go_when_their_cloud_is_forgotten_and_else_only_empty_folders_do() {
        let scene = Scene::new();
        let (gone, empty, kept) = (scene.cloud("gone"), scene.cloud("empty"), scene.cloud("kept"));
        fs::remove_dir_all(empty.join(DATABASE)).unwrap();
        let snapshot = hex_id("snapshot-");
        for name in [&format!("{DATABASE}-reader"), &snapshot, &hex_id("prx-")] {
            fs::create_dir_all(kept.join(name).join("data")).unwrap();
        }
        for name in ["gone", "empty"] {
            fs::remove_dir_all(scene.data(name)).unwrap();
        }
        sweep(&scene.system());
        assert_eq!([&gone, &empty, &kept].map(|folder| folder.exists()), [true, false, true]);
        let held = |name: &str| databases_below(&scene.system(), &scene.data(name));
        assert_eq!(["gone", "empty", "kept"].map(held), [vec![DATABASE], vec![], vec![DATABASE, &snapshot]]);
        for name in ["gone", "kept"] {
            forget_below(&scene.system(), &scene.data(name)).await.unwrap();
        }
        assert_eq!([&gone, &kept].map(|folder| folder.exists()), [false, false]);
    }

    #[test]
    fn folders_of_servers_are_known_by_the_form_of_their_names() {
        for (name, is) in [
            (resource_id("cluster-"), [true, true]),
            (resource_id("cluster-") + "-reader", [true, true]),
            (hex_id("snapshot-"), [true, true]),
            (hex_id("prx-"), [false, true]),
            (hex_id("prx-endpoint-"), [false, true]),
            ("cluster-config".to_owned(), [false, false]),
            ("cluster-".to_owned(), [false, false]),
            ("cluster-1".to_owned(), [false, false]),
            (resource_id("cluster-") + "A", [false, false]),
            (format!("cluster-{}", "1".repeat(26)), [false, false]),
            ("snapshot-0".to_owned(), [false, false]),
            ("prx-0abc".to_owned(), [false, false]),
            (hex_id("prx-") + "0", [false, false]),
            ("snapshot-2026".to_owned(), [false, false]),
            ("prx-notes".to_owned(), [false, false]),
            ("templates".to_owned(), [false, false]),
        ] {
            assert_eq!([is_database(&name), is_home(&name)], is, "{name}");
        }
    }

    #[tokio::test]
    async fn what_others_put_among_the_databases_stays_and_is_named() {
        let scene = Scene::new();
        let servers = scene.cloud("local");
        let theirs = ["cluster-mine/data", "notes.txt", &format!("{DATABASE}.bak/data")].map(|name| servers.join(name));
        for theirs in &theirs {
            fs::create_dir_all(theirs).unwrap();
        }
        let left = forget_below(&scene.system(), &scene.data("local")).await.unwrap().left;
        let whole = [format!("{DATABASE}.bak"), "cluster-mine".to_owned(), "notes.txt".to_owned()];
        assert_eq!(left, whole.map(|name| servers.join(name)));
        assert!(theirs.iter().all(|theirs| theirs.exists()) && !servers.join(DATABASE).exists());
        fs::remove_dir_all(scene.data("local")).unwrap();
        sweep(&scene.system());
        assert!(theirs.iter().all(|theirs| theirs.exists()), "it was swept away");
        for theirs in left {
            fs::remove_dir_all(theirs).unwrap();
        }
        sweep(&scene.system());
        assert!(!servers.exists());
    }

    #[test]
    fn what_another_user_made_is_not_taken_over() {
        let scene = Scene::new();
        fs::create_dir_all(scene.data("theirs/servers")).unwrap();
        let refused = open_below(&scene.system(), &scene.data("theirs")).unwrap_err();
        assert!(refused.to_string().contains("another user than root"), "{refused}");
    }
}
