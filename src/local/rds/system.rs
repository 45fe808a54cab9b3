//! The operating system's side: an unprivileged user, its folders, and processes that outlive the daemon.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::process::Command;

use super::system_folder;
use crate::local::cloud::Cloud;

/// Who runs the servers. PostgreSQL and PgBouncer refuse to run as root; everybody else runs them as oneself.
#[derive(Debug, Clone, Copy)]
pub(super) struct User {
    ids: Option<(u32, u32)>,
}

impl User {
    /// Root takes the system's user `postgres`, or `nobody` where there is none.
    pub(super) fn choose() -> io::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { ids: None });
        }
        let accounts = fs::read_to_string("/etc/passwd")?;
        let ids = |name: &str| {
            let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        };
        let ids = ids("postgres").or_else(|| ids("nobody"));
        let absent = "There is no user `postgres` or `nobody` on this system to run PostgreSQL as; root cannot run it";
        ids.map(|ids| Self { ids: Some(ids) }).ok_or_else(|| io::Error::other(absent))
    }

    /// The folder of this cloud's servers.
    pub(super) fn folder(self, data: &Path) -> io::Result<PathBuf> {
        if self.ids.is_some() {
            return system_folder::open(data);
        }
        let folder = data.join("servers");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(folder)
    }

    /// The folder of what all local clouds of a user share; in `folder` where the user has no home.
    pub(super) fn templates(self, folder: &Path) -> io::Result<PathBuf> {
        if self.ids.is_some() {
            let templates = system_folder::shared()?;
            self.make_folder(&templates)?;
            return Ok(templates);
        }
        let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home);
        let templates = cache.map_or_else(|| folder.join("templates"), |cache| cache.join("infra"));
        self.make_folder(&templates)?;
        Ok(templates)
    }

    /// The user's and the group's number, as containers are told them.
    pub(super) fn numbers(self) -> String {
        let own = || (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let (user, group) = self.ids.unwrap_or_else(own);
        format!("{user}:{group}")
    }

    /// Makes a folder that only the user can enter.
    pub(super) fn make_folder(self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        self.own(path)
    }

    fn own(self, path: &Path) -> io::Result<()> {
        self.ids.map_or(Ok(()), |(user, group)| std::os::unix::fs::chown(path, Some(user), Some(group)))
    }

    /// Writes a file that only the user can read, whole or not at all. Answers whether that changed it.
    pub(super) fn write(self, path: &Path, content: &str) -> io::Result<bool> {
        if fs::read_to_string(path).is_ok_and(|old| old == content) {
            return Ok(false);
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        io::Write::write_all(&mut file, content.as_bytes())?;
        self.own(&new)?;
        fs::rename(&new, path)?;
        Ok(true)
    }

    /// A program to be run as the user, with nothing of this process's environment.
    pub(super) fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
        command.env("HOME", folder).current_dir("/").stdin(Stdio::null());
        if let Some((user, group)) = self.ids {
            command.uid(user).gid(group);
        }
        command
    }

    /// The same for a program whose own files, e.g. that of its process number, others are not to read.
    pub(super) fn closed_command(self, program: &Path, folder: &Path) -> Command {
        let mut command = self.command(Path::new("/bin/sh"), folder);
        command.args(["-c", r#"umask 077; exec "$0" "$@""#]).arg(program);
        command
    }

    /// Starts a server that goes on when the daemon is killed, its output going to `folder`/log. When it ends,
    /// the cloud is woken.
    pub(super) fn start(self, mut command: Command, folder: &Path, cloud: &Arc<Cloud>) -> io::Result<u32> {
        let path = folder.join("log");
        let long = fs::metadata(&path).is_ok_and(|log| log.len() > 10_000_000);
        let log =
            fs::OpenOptions::new().create(true).write(true).append(!long).truncate(long).mode(0o600).open(&path)?;
        self.own(&path)?;
        // A group of its own: the ctrl-C of a terminal is for the daemon, which stops its servers itself.
        let mut child = command.stdout(log.try_clone()?).stderr(log).process_group(0).spawn()?;
        let pid = child.id().unwrap_or_default();
        let cloud = Arc::clone(cloud);
        tokio::spawn(async move {
            // Taking the exit status is all there is to do: the next look at the processes misses it.
            let _ = child.wait().await;
            cloud.changed.notify_one();
        });
        Ok(pid)
    }
}

/// The last lines of a server's log, for an error's text.
pub(super) fn tail(folder: &Path) -> String {
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}

/// A process that a pid file names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process(Pid);

impl Process {
    /// The running process of the first line of `file`; a number that now belongs to something else is not it.
    pub(super) fn find(file: &Path, folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
        let process = Self(pid);
        (process.lives() && process.is_of(folder)).then_some(process)
    }

    fn is_of(self, folder: &Path) -> bool {
        if !cfg!(target_os = "linux") {
            return true;
        }
        let command = fs::read(format!("/proc/{}/cmdline", self.0.as_raw_nonzero())).unwrap_or_default();
        let folder = folder.as_os_str().as_encoded_bytes();
        command.windows(folder.len()).any(|part| part == folder)
    }

    fn lives(self) -> bool {
        test_kill_process(self.0).is_ok()
    }

    pub(super) fn signal(self, signal: Signal) {
        // It can only be gone, which is as well.
        let _ = kill_process(self.0, signal);
    }

    /// Ends it: with `first`, and after five seconds with what cannot be refused.
    pub(super) async fn stop(self, first: Signal) {
        for signal in [first, Signal::QUIT, Signal::KILL] {
            self.signal(signal);
            for _ in 0..250 {
                if !self.lives() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// A program, in one of these folders or in the PATH.
pub(super) fn find_program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = folders.iter().cloned().chain(std::env::split_paths(&path));
    places.map(|folder| folder.join(name)).find(|program| program.is_file())
}
