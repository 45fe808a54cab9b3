//! What outlives its server: a session that is busy when its server is killed ends late or never, and keeps the data in use, so no
//! other server starts on it.
//!
//! PostgreSQL works in the folder of its data, and Linux tells in which one; macOS has no `/proc` to tell it, so nothing is found
//! there. That folder also sets a container's processes apart: the same path in other files is another folder.

use std::{
    collections::HashSet,
    fs,
    io::ErrorKind,
    num::NonZeroI32,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::super::{
    process::{Process, commands, name, parent},
    system::User,
};

/// A folder, whatever it is called.
type Place = (u64, u64);

/// The processes of servers at these homes that have ended.
pub(super) fn of(homes: impl IntoIterator<Item = PathBuf>) -> Vec<Process> {
    let places = homes.into_iter().filter_map(|home| place(&home.join("data")).ok());
    let places: HashSet<Place> = places.collect();
    let Ok(user) = User::choose() else { return Vec::new() };
    if places.is_empty() || !cfg!(target_os = "linux") {
        return Vec::new();
    }
    let processes = commands().into_iter().filter(|(_, command)| command.starts_with("postgres: "));
    let orphans = processes.map(|(process, _)| process).filter(|process| {
        let leader = parent(process.0.as_raw_nonzero()).and_then(name);
        leader.as_deref() != Some("postgres")
            && works_at(user, process.0.as_raw_nonzero()).is_some_and(|place| places.contains(&place))
    });
    orphans.collect()
}

fn place(folder: &Path) -> std::io::Result<Place> {
    fs::metadata(folder).map(|found| (found.dev(), found.ino()))
}

/// Where a process works. Root in a container may not be allowed to look; the user that runs it always is.
fn works_at(user: User, number: NonZeroI32) -> Option<Place> {
    let link = PathBuf::from(format!("/proc/{number}/cwd"));
    match place(&link) {
        Err(cause) if cause.kind() == ErrorKind::PermissionDenied => {
            let mut stat = user.command(Path::new("stat"), Path::new("/"));
            let told = stat.args(["-L", "-c", "%d %i"]).arg(link).as_std_mut().output().ok()?;
            let told = String::from_utf8_lossy(&told.stdout).into_owned();
            let (device, number) = told.trim().split_once(' ')?;
            Some((device.parse().ok()?, number.parse().ok()?))
        }
        place => place.ok(),
    }
}
