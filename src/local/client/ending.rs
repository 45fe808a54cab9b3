//! The end of a daemon, and of all that it has made.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hyper::Method;
use serde_json::Value;

use super::{find, is_data_folder, request};
use crate::local::{
    daemon::{LocalError, Note, deletion, folder},
    disk, end_left_behind, rds,
};

/// How long a daemon may take until it has stopped its databases.
const STOP: Duration = Duration::from_secs(60);
/// How long one may that did not take the request.
const REFUSED: Duration = Duration::from_secs(5);

/// What there was to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The daemon, and the databases behind it.
    Daemon,
    /// So many servers that a daemon had left running when it was killed.
    LeftBehind(usize),
    /// Nothing.
    Nothing,
}

/// Tells the daemon to stop, and returns when it has. Where one was killed, ends what it left running.
///
/// # Errors
/// When it does not stop.
pub async fn stop(data: &Path) -> Result<Stopped, LocalError> {
    let Ok(data) = data.canonicalize() else { return Ok(Stopped::Nothing) };
    if !is_data_folder(&data) {
        return Ok(Stopped::Nothing);
    }
    let begun = Instant::now();
    while begun.elapsed() < STOP {
        if let Some(note) = find(&data).await {
            return shut_down(&data, &note).await;
        }
        // Kept until the end, so that no new daemon goes on with a server that is about to end. Who has it and does not
        // answer has just begun, or is about to end.
        if let Some(_lock) = folder::try_lock(&data)? {
            Note::remove(&data);
            return Ok(match end_left_behind(&data).await {
                0 => Stopped::Nothing,
                servers => Stopped::LeftBehind(servers),
            });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(LocalError::Silent { pid: folder::holder(&data), data })
}

/// What a cloud left that was deleted.
#[derive(Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// What there was to stop.
    pub stopped: Stopped,
    /// What is still in its folder, by name: it is somebody else's.
    pub left: Vec<String>,
    /// What is still among root's servers: it is somebody else's as well.
    pub elsewhere: Vec<PathBuf>,
}

/// Stops the cloud, ends what it left running, and deletes its databases and what it has made in its folder, with the folder if
/// nothing else is in it. Also of a folder that is gone, where its databases were elsewhere.
///
/// # Errors
/// When it does not stop, or something cannot be deleted.
pub async fn forget(data: &Path) -> Result<Forgotten, LocalError> {
    let stopped = stop(data).await?;
    let data = data.canonicalize().or_else(|_| std::path::absolute(data)).map_err(disk::error("find", data))?;
    // Kept until the end: no other daemon makes databases in what is about to go.
    let lock = if data.exists() { Some(folder::try_lock(&data)?) } else { None };
    if lock.as_ref().is_some_and(Option::is_none) {
        return Err(LocalError::StartedAgain { data });
    }
    let servers = rds::forget(&data).await.map_err(disk::error("delete the databases of", &data))?;
    let stopped = if servers.ended > 0 { Stopped::LeftBehind(servers.ended) } else { stopped };
    Ok(Forgotten { stopped, left: deletion::delete(&data)?, elsewhere: servers.left })
}

async fn shut_down(data: &Path, note: &Note) -> Result<Stopped, LocalError> {
    let mut refused = request(note, &Method::POST, "shutdown", &Value::Null).await.err();
    let begun = Instant::now();
    // The note is the last thing that a daemon takes away, but for its lock.
    while Note::read(data).is_some_and(|left| left.pid == note.pid) || folder::is_locked(data) {
        // One that is told to stop by somebody else at the same time answers no more, and ends.
        if begun.elapsed() > REFUSED
            && let Some(refused) = refused.take()
        {
            return Err(refused);
        }
        if begun.elapsed() > STOP {
            let reason = format!("it still runs after {STOP:?} (pid {})", note.pid);
            return Err(LocalError::Unanswered { url: note.url.clone(), what: "its end".to_owned(), reason });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(Stopped::Daemon)
}
