//! The data folder as a daemon's own: locked while it runs, and the daemon's end where it goes.
//!
//! Once the folder has been removed, moved, or replaced by another, nothing in its place is this daemon's any more: it writes
//! nothing there, removes nothing, and ends no processes but its own.

use std::{
    fs::File,
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use super::{LocalError, Note};
use crate::local::{
    cloud::Cloud,
    disk::{self, DiskError},
};

/// How often a daemon looks whether its folder is still there.
const LOOK: Duration = Duration::from_secs(2);

/// A data folder that is this process's, until it is let go of or the process ends, however that is.
pub(crate) struct Lock {
    data: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the data folder for this process.
    pub(crate) async fn take(data: &Path) -> Result<Self, LocalError> {
        // Who looks whether the folder is locked has it for an instant.
        for _ in 0..3 {
            if let Some(file) = try_lock(data)? {
                return Ok(Self { data: data.to_owned(), file });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(LocalError::InUse { data: data.to_owned(), pid: holder(data) })
    }

    /// Whether the folder is the one that was locked. What cannot be looked at counts as there.
    fn is_there(&self) -> bool {
        let Ok(own) = self.file.metadata() else { return true };
        match std::fs::metadata(self.data.join("lock")) {
            Ok(found) => (found.dev(), found.ino()) == (own.dev(), own.ino()),
            Err(cause) => cause.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Leaves the folder to others.
    pub(super) fn let_go(&self) {
        // It also ends with the file.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl Cloud {
    /// Whether its folder is still its own: to be asked right before anything is written or removed there, or ended.
    pub(crate) fn is_there(&self) -> bool {
        self.lock.as_ref().is_none_or(Lock::is_there)
    }

    /// Ends the cloud where its folder is not: nobody finds it any more, and what it says exists is gone.
    ///
    /// # Errors
    /// Where that is so.
    pub(crate) fn stand(&self) -> Result<(), DiskError> {
        if self.is_there() {
            return Ok(());
        }
        if !self.is_closed() {
            self.log.line(&format!("Stopping: {} is no longer there", self.data.display()));
            self.close();
        }
        Err(DiskError::Gone { data: self.data.clone() })
    }
}

/// Whether a daemon has the data folder.
pub(crate) fn is_locked(data: &Path) -> bool {
    matches!(try_lock(data), Ok(None))
}

/// Takes the data folder, where nobody has it.
pub(crate) fn try_lock(data: &Path) -> Result<Option<File>, DiskError> {
    let path = data.join("lock");
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(disk::error("open", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(cause) => Err(disk::error("lock", &path)(cause.into())),
    }
}

/// The daemon that has the data folder, as far as it can be known: on Linux by its lock, and by its note where the lock does not
/// tell.
pub(crate) fn holder(data: &Path) -> Option<u32> {
    let by_lock = || {
        let lock = std::fs::metadata(data.join("lock")).ok()?;
        holder_among(&std::fs::read_to_string("/proc/locks").ok()?, lock.dev(), lock.ino())
    };
    by_lock().or_else(|| Note::read(data).map(|note| note.pid).filter(|pid| may_be_daemon(*pid)))
}

/// Whether a process may be a daemon, by its name: a killed daemon's number may be another process's by now. In tests a daemon is a
/// part of something else. Only Linux tells the name.
fn may_be_daemon(pid: u32) -> bool {
    let name = |process: &str| std::fs::read_to_string(format!("/proc/{process}/comm")).ok();
    let told = name(&pid.to_string());
    !cfg!(target_os = "linux") || told.is_some_and(|it| it.trim_end() == "infra" || Some(it) == name("self"))
}

/// Who holds the lock on a file, among all that Linux tells of; nobody where that is not clear. A file system may show its files
/// with another device's number than its locks.
fn holder_among(locks: &str, device: u64, inode: u64) -> Option<u32> {
    // 1: FLOCK  ADVISORY  WRITE 1054 fe:00:1835012 0 EOF
    let place = format!("{:02x}:{:02x}:{inode}", rustix::fs::major(device), rustix::fs::minor(device));
    let holds = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, at, ..] = fields[..] else { return None };
        (at == place).then(|| pid.parse().ok().filter(|pid| *pid > 0))
    };
    let mut holders = locks.lines().filter_map(holds);
    holders.next().flatten().filter(|_| holders.next().is_none())
}

/// Ends the cloud where its folder is removed or moved away, or another has come in its place, also if nobody calls it.
pub(super) async fn end_without(cloud: &Cloud) {
    while cloud.stand().is_ok() && !cloud.is_closed() {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = cloud.closed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::{Options, client, pace::Pace, start};

    #[test]
    fn who_holds_a_lock_is_known_by_the_files_device_and_number() {
        let locks = "1: FLOCK  ADVISORY  WRITE 11 00:2a:5 0 EOF\n2: FLOCK  ADVISORY  WRITE 12 00:2b:5 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 13 00:2b:5 0 EOF\n3: POSIX  ADVISORY  WRITE 14 00:2c:5 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 15 fe:00:7 0 EOF\n5: FLOCK  ADVISORY  WRITE 16 fe:00:7 0 EOF\n\
                     6: FLOCK  ADVISORY  WRITE 0 00:2d:5 0 EOF\n7: FLOCK  ADVISORY  WRITE 17 103:02:5 0 EOF\n";
        let holder = |major, minor, inode| holder_among(locks, rustix::fs::makedev(major, minor), inode);
        let asked = [(0, 0x2a, 5), (0, 0x2b, 5), (0, 0x2c, 5), (0, 0x2d, 5), (0, 0x2a, 6), (0xfe, 0, 7), (0x103, 2, 5)];
        let told = asked.map(|(major, minor, inode)| holder(major, minor, inode));
        assert_eq!(told, [Some(11), Some(12), None, None, None, None, Some(17)]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_note_tells_who_has_the_folder_only_where_a_daemon_may_have_that_number() {
        let data = tempfile::tempdir().unwrap();
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        for (pid, told) in [(other.id(), None), (std::process::id(), Some(std::process::id()))] {
            let [url, token] = [String::new(), String::new()];
            Note { pid, port: 0, url, token }.write(data.path()).unwrap();
            assert_eq!(holder(data.path()), told);
        }
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[tokio::test]
    async fn a_daemon_ends_where_its_folder_is_removed() {
        let data = tempfile::tempdir().unwrap();
        let mut running = start(Options::in_test(data.path())).await.unwrap();
        #[cfg(target_os = "linux")]
        assert_eq!(holder(data.path()), Some(std::process::id()));
        std::fs::remove_dir_all(data.path()).unwrap();
        tokio::time::timeout(Duration::from_secs(30), running.wait()).await.unwrap();
    }

    #[tokio::test]
    async fn a_cloud_whose_folder_is_gone_makes_nothing_of_it_anew_and_nothing_in_what_has_come_instead() {
        let data = tempfile::tempdir().unwrap();
        let opened = async || {
            let mut cloud = Cloud::open(data.path(), Pace::Instant, Vec::new()).unwrap();
            cloud.lock = Some(Lock::take(data.path()).await.unwrap());
            cloud.change("000000000000", "us-east-1", |_| ()).unwrap();
            cloud
        };
        let is_refused = |cloud: &Cloud| {
            let change = cloud.change("000000000000", "us-east-1", |_| ());
            let save = cloud.save("000000000000", "us-east-1");
            assert!(cloud.is_closed());
            matches!(change, Err(DiskError::Gone { .. })) && matches!(save, Err(DiskError::Gone { .. }))
        };
        let cloud = opened().await;
        std::fs::remove_dir_all(data.path()).unwrap();
        assert!(is_refused(&cloud));
        assert!(!data.path().exists());
        std::fs::create_dir(data.path()).unwrap();
        let next = Lock::take(data.path()).await.unwrap();
        assert!(is_refused(&cloud));
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 1, "the lock of the next one");
        next.let_go();

        // Where it goes at the very moment.
        let cloud = opened().await;
        let change = cloud.change("000000000000", "us-east-1", |_| std::fs::remove_dir_all(data.path()).unwrap());
        assert!(matches!(change, Err(DiskError::Gone { .. })) && !data.path().exists());
        let nowhere = disk::folder_below(data.path(), &["state"]).unwrap_err().to_string();
        assert!(nowhere.starts_with("Could not create ") && !data.path().exists(), "{nowhere}");
    }

    #[tokio::test]
    async fn a_copy_of_a_folder_whose_daemon_runs_is_not_its() {
        let data = tempfile::tempdir().unwrap();
        let running = start(Options::in_test(data.path())).await.unwrap();
        let copy = tempfile::tempdir().unwrap();
        for name in [".infra-local", "daemon.json", "lock", "port"] {
            std::fs::copy(data.path().join(name), copy.path().join(name)).unwrap();
        }
        assert!(client::get(copy.path(), "calls").await.is_err());
        assert_eq!(client::stop(copy.path()).await.unwrap(), client::Stopped::Nothing);
        assert!(client::get(data.path(), "calls").await.is_ok(), "it goes on");
        running.stop().await;
    }
}
