//! The daemon's log: one line a call and one a change of what runs, in `DATA/daemon.log`.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// A log file that only its owner can read. Lines never hold secrets: of a refused call the code is
/// logged, not the message.
pub(crate) struct Log(Mutex<File>);

/// A log longer than this is put aside when the daemon starts.
const LONGEST: u64 = 8 << 20;

impl Log {
    /// Where the log of a data folder is.
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join("daemon.log")
    }

    /// Opens the log of a data folder for more lines.
    pub(crate) fn open(data: &Path) -> std::io::Result<Self> {
        let path = Self::path(data);
        if fs::metadata(&path).is_ok_and(|found| found.len() > LONGEST) {
            fs::rename(&path, data.join("daemon.log.old"))?;
        }
        File::options().create(true).append(true).mode(0o600).open(path).map(|file| Self(Mutex::new(file)))
    }

    /// Adds one line. A disk that takes no more lines stops the log and not the cloud.
    pub(crate) fn line(&self, text: &str) {
        let now = jiff::Timestamp::now();
        let line = format!("{} {text}\n", now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"));
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.write_all(line.as_bytes());
    }
}
