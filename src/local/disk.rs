//! The cloud on the disk: one file a region, one for what is global in an account; written whole and atomically.
//!
//! ```text
//! DATA/state/000000000000/global.json
//! DATA/state/000000000000/eu-central-1.json
//! ```
//!
//! The events of a region's logs are beside it, in `eu-central-1.logs`. What else is there is somebody's, and left alone.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use tempfile::NamedTempFile;

use super::{
    dispatch::is_region,
    world::{Account, World},
};

/// Why the cloud could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// A file or folder could not be used.
    #[error("Could not {verb} {}: {cause}. {}", path.display(), advice(cause))]
    Io {
        /// What was attempted: `read`, `write`, `create`.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The data folder is not the one any more on which the cloud was started.
    #[error(
        "The folder of this local cloud, {}, has been removed, moved or replaced, so it is ending. Start another one with `infra \
         local start`",
        data.display()
    )]
    Gone {
        /// The data folder.
        data: PathBuf,
    },
    /// A state file is not what this version writes.
    #[error(
        "Could not read the local cloud's state in {}: {cause}. If nothing in it is needed, `infra local reset --everything` \
         starts over",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        cause: serde_json::Error,
    },
}

fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "The disk is full: free some space and repeat the call"
        }
        io::ErrorKind::PermissionDenied => "Check who owns it, or choose another folder with --data",
        _ => "Check the folder, or choose another one with --data",
    }
}

/// What turns an error of the system into one that says what was attempted on what.
pub(crate) fn error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    let path = path.to_owned();
    move |cause| DiskError::Io { verb, path, cause }
}

/// Makes `folder` and its parents where missing; `folder` itself is readable by its owner only.
pub(crate) fn private_folder(folder: &Path) -> Result<(), DiskError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(error("create", folder))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(error("protect", folder))
}

/// Makes a folder of which these are the names below `data`, where missing. `data` itself never is: where it has been removed,
/// nothing comes back of it.
pub(crate) fn folder_below(data: &Path, names: &[&str]) -> Result<PathBuf, DiskError> {
    let mut folder = data.to_owned();
    for name in names {
        folder.push(name);
        inner_folder(&folder)?;
    }
    Ok(folder)
}

/// Makes a folder where it is missing, in one that is there.
pub(crate) fn inner_folder(folder: &Path) -> Result<(), DiskError> {
    make_inner(folder).map_err(error("create", folder))
}

/// The same, for who says otherwise what was attempted.
pub(crate) fn make_inner(folder: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

/// Replaces `path` by `content`, readable by its owner only; a reader finds the old content or the new.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), DiskError> {
    place(path, written(path, content)?)
}

/// What is to replace `path`, beside it.
fn written(path: &Path, content: &[u8]) -> Result<NamedTempFile, DiskError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // `tempfile` creates with 0600.
    let mut file = NamedTempFile::new_in(folder).map_err(error("write", path))?;
    file.write_all(content).map_err(error("write", path))?;
    Ok(file)
}

/// Whether a name is one that `tempfile` gives to what is written and then put in its place.
pub(crate) fn is_temporary(name: &str) -> bool {
    let letters = name.strip_prefix(".tmp");
    letters.is_some_and(|letters| letters.len() == 6 && letters.bytes().all(|letter| letter.is_ascii_alphanumeric()))
}

/// Whether this is what a process is writing, or was when it was killed.
pub(crate) fn is_unfinished(name: &str, path: &Path) -> bool {
    is_temporary(name) && path.symlink_metadata().is_ok_and(|found| found.is_file())
}

fn place(path: &Path, file: NamedTempFile) -> Result<(), DiskError> {
    file.persist(path).map(drop).map_err(|refused| error("write", path)(refused.error))
}

/// What the folder is called that has the state.
const STATE: &str = "state";

fn state(data: &Path) -> PathBuf {
    data.join(STATE)
}

/// Whether there is the state of an account in `data`, whatever else there is. Others number their folders by accounts as well:
/// what is global in one is always saved, and always with its roles.
pub(crate) fn has_accounts(data: &Path) -> bool {
    let has_global =
        |path: &Path| read::<serde_json::Value>(&global(path)).is_ok_and(|content| content["roles"].is_object());
    list(&state(data)).is_ok_and(|all| all.iter().any(|(name, path)| is_account(name, path) && has_global(path)))
}

fn is_account(name: &str, path: &Path) -> bool {
    is_number(name) && path.is_dir()
}

/// Whether this is an account's number.
pub(crate) fn is_number(name: &str) -> bool {
    name.len() == 12 && name.bytes().all(|digit| digit.is_ascii_digit())
}

/// Whether anything was saved in `data`; what others have put there is not. What cannot be looked into counts: it may be.
pub(crate) fn is_saved(data: &Path) -> bool {
    let has_files = |folder: &Path| {
        list(folder).map_or(true, |all| all.iter().any(|(name, file)| stem(name).is_some() && file.is_file()))
    };
    let accounts =
        list(&state(data)).map(|all| all.iter().any(|(name, path)| is_account(name, path) && has_files(path)));
    accounts.unwrap_or_else(|_| state(data).exists())
}

/// What a file of the state is named by: a region, or `global`.
fn stem(name: &str) -> Option<&str> {
    name.strip_suffix(".json").filter(|stem| *stem == GLOBAL || is_region(stem))
}

/// Everything that was saved in `data`.
pub(crate) fn load(data: &Path) -> Result<World, DiskError> {
    let mut world = World::default();
    for (account, folder) in list(&state(data))?.into_iter().filter(|(name, path)| is_account(name, path)) {
        let mut content = Account::default();
        for (name, file) in list(&folder)?.into_iter().filter(|(_, path)| path.is_file()) {
            match stem(&name) {
                Some(GLOBAL) => content.iam = read(&file)?,
                Some(region) => {
                    content.regions.insert(region.to_owned(), read(&file)?);
                }
                _ if is_unfinished(&name, &file) => fs::remove_file(&file).map_err(error("remove", &file))?,
                _ => {}
            }
        }
        for (region, place) in &mut content.regions {
            place.logs.read_events(&logs(&folder, region))?;
        }
        world.accounts.insert(account, content);
    }
    Ok(world)
}

/// Saves regions, in this order, and what is global in their account.
pub(crate) fn save(data: &Path, world: &mut World, account: &str, regions: &[String]) -> Result<(), DiskError> {
    let Some(content) = world.accounts.get_mut(account) else { return Ok(()) };
    let mut made = BTreeMap::new();
    let folder = folder_below(data, &[STATE, account])?;
    let saved = save_account(&folder, content, regions, &mut made);
    if saved.is_err() {
        // No state names these: a disk that is full is not to become fuller. What they have is written again with the next save,
        // unless the caller takes it back.
        for (region, files) in made.into_iter().filter(|(_, files)| !files.is_empty()) {
            for file in files {
                let _ = fs::remove_file(file);
            }
            if let Some(content) = content.regions.get_mut(region) {
                content.logs.begin_anew();
            }
        }
    }
    saved
}

/// The same; `made` has the files that are new and that no state on the disk names yet, by their regions.
fn save_account<'a>(
    folder: &Path,
    content: &mut Account,
    regions: &'a [String],
    made: &mut BTreeMap<&'a str, Vec<PathBuf>>,
) -> Result<(), DiskError> {
    let global = global(folder);
    // All of it is written before any is placed: a disk that has no room for all keeps what it has.
    let mut files = vec![(packed(&global, &content.iam)?, global, None)];
    for region in regions {
        let is_ahead = content.ahead.contains(region);
        if let Some(content) = content.regions.get_mut(region) {
            if is_ahead {
                content.logs.begin_anew();
            }
            content.logs.write_events(&logs(folder, region), made.entry(region).or_default())?;
            let local = local(folder, region);
            files.push((packed(&local, content)?, local, Some(region)));
        }
    }
    let mut placed = Vec::new();
    for (file, path, region) in files {
        if let Err(error) = place(&path, file) {
            // The caller takes back what they have. What is global is written again whatever is saved next.
            content.ahead.extend(placed);
            return Err(error);
        }
        if let Some(region) = region {
            made.remove(region.as_str());
            placed.push(region.clone());
        }
    }
    for region in regions {
        content.ahead.remove(region);
        if let Some(content) = content.regions.get_mut(region) {
            content.logs.sweep(&logs(folder, region));
        }
    }
    Ok(())
}

/// What the file of what is global in an account is named by.
const GLOBAL: &str = "global";

/// What is global in an account.
fn global(folder: &Path) -> PathBuf {
    local(folder, GLOBAL)
}

/// A region of an account.
fn local(folder: &Path, region: &str) -> PathBuf {
    folder.join(format!("{region}.json"))
}

/// What the folders end with that have the events of logs.
const LOGS: &str = ".logs";

/// The events of a region's logs.
fn logs(folder: &Path, region: &str) -> PathBuf {
    folder.join(format!("{region}{LOGS}"))
}

fn packed(path: &Path, content: &impl Serialize) -> Result<NamedTempFile, DiskError> {
    let format = |cause| DiskError::Format { path: path.to_owned(), cause };
    written(path, &serde_json::to_vec(content).map_err(format)?)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, DiskError> {
    let content = fs::read(path).map_err(error("read", path))?;
    serde_json::from_slice(&content).map_err(|cause| DiskError::Format { path: path.to_owned(), cause })
}

/// The entries of a folder, by name; none where it does not exist.
pub(crate) fn list(folder: &Path) -> Result<Vec<(String, PathBuf)>, DiskError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(error("read", folder)(cause)),
    };
    let named = |entry: fs::DirEntry| (entry.file_name().to_string_lossy().into_owned(), entry.path());
    entries.map(|entry| entry.map(named)).collect::<io::Result<_>>().map_err(error("read", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_put_beside_the_state_is_neither_read_nor_removed() {
        let data = tempfile::tempdir().unwrap();
        let mut world = World::default();
        world.accounts.entry("000000000000".to_owned()).or_default().regions.entry("us-east-1".to_owned()).or_default();
        save(data.path(), &mut world, "000000000000", &["us-east-1".to_owned()]).unwrap();
        let state = data.path().join("state");
        let files = [
            ".DS_Store",
            "notes.txt",
            "backup/us-east-1.json",
            "000000000000/us-east-1.json.bak",
            "000000000000/us-east-1 copy.json",
            "000000000000/backup/global.json",
            "000000000000/.DS_Store",
            "000000000000/.tmp-notes",
        ];
        let unfinished = state.join("000000000000/.tmpA1b2C3");
        for file in files.map(|name| state.join(name)).iter().chain([&unfinished]) {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "not ours").unwrap();
        }
        assert!(is_saved(data.path()));
        let world = load(data.path()).unwrap();
        let places: Vec<_> =
            world.accounts.iter().map(|(name, account)| (name, account.regions.keys().collect::<Vec<_>>())).collect();
        assert_eq!(places, [(&"000000000000".to_owned(), vec![&"us-east-1".to_owned()])]);
        assert_eq!(files.map(|name| state.join(name).exists()), [true; 8]);
        assert!(!unfinished.exists());
        for file in ["global.json", "us-east-1.json"] {
            assert!(is_saved(data.path()));
            fs::remove_file(state.join("000000000000").join(file)).unwrap();
        }
        assert!(!is_saved(data.path()), "what is left is somebody's");
    }
}
