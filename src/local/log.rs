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
pub(crate) struct Log {
    path: PathBuf,
    /// With its length in bytes.
    file: Mutex<(File, u64)>,
}

/// A log longer than this is put aside.
const LONGEST: u64 = 8 << 20;

impl Log {
    /// Where the log of a data folder is.
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join("daemon.log")
    }

    /// Opens the log of a data folder for more lines.
    pub(crate) fn open(data: &Path) -> std::io::Result<Self> {
        let path = Self::path(data);
        let file = File::options().create(true).append(true).mode(0o600).open(&path)?;
        let length = file.metadata()?.len();
        Ok(Self { path, file: Mutex::new((file, length)) })
    }

    /// Adds one line. A disk that takes no more lines stops the log and not the cloud.
    pub(crate) fn line(&self, text: &str) {
        let now = jiff::Timestamp::now();
        let line = format!("{} {text}\n", now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"));
        let mut log = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, length) = &mut *log;
        if *length > LONGEST && put_aside(&self.path, file).is_ok() {
            *length = 0;
        }
        let written = file.write_all(line.as_bytes());
        *length += written.map_or(0, |()| line.len() as u64);
    }
}

/// Copies a log beside itself and empties it, in place: who follows it, or writes to it, goes on with the same file, which is
/// open for appending.
pub(crate) fn put_aside(path: &Path, file: &File) -> std::io::Result<()> {
    let mut old = path.as_os_str().to_owned();
    old.push(".old");
    // Made anew, so that it is never what somebody put there.
    let old = PathBuf::from(old);
    match fs::remove_file(&old) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut copy = File::options().create_new(true).write(true).mode(0o600).open(old)?;
    std::io::copy(&mut File::open(path)?, &mut copy)?;
    file.set_len(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_is_put_aside_and_followed_on() {
        let data = tempfile::tempdir().unwrap();
        let path = Log::path(data.path());
        let log = Log::open(data.path()).unwrap();
        log.line("first");
        let length = |path: &Path| fs::metadata(path).unwrap().len();
        let before = length(&path);
        log.file.lock().unwrap().1 = LONGEST + 1;
        log.line("second");
        assert_eq!((length(&path), length(&data.path().join("daemon.log.old"))), (before + 1, before));
        assert!(fs::read_to_string(&path).unwrap().ends_with(" second\n"));
        log.line("third");
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }
}
