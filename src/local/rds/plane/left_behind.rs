//! The servers that a killed daemon left running, ended where no other daemon is to go on with them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use futures::future::join_all;
use rustix::process::Signal;

use super::{pooler, system::Process};

/// Ends the servers and poolers of a data folder, which the caller has locked; answers how many there were. `data` is the
/// folder's canonical path, as their arguments have it.
pub(crate) async fn end_left_behind(data: &Path) -> usize {
    let place = data.join("servers");
    // Root's are elsewhere.
    let folder = fs::read_link(&place).unwrap_or(place);
    let homes: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let mut ended = 0;
    // Poolers first: a server waits for nobody then.
    for (file, signal) in [(pooler::PID, Signal::TERM), ("data/postmaster.pid", Signal::INT)] {
        let found: Vec<Process> = homes.iter().filter_map(|home| Process::find(&home.join(file), home)).collect();
        ended += found.len();
        join_all(found.into_iter().map(|process| process.stop(signal))).await;
    }
    ended
}
