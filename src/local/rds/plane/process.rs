//! The processes of servers and poolers: found by their pid files, and by their command lines where there is none yet, or none
//! any more.

use std::{
    fs,
    io::ErrorKind,
    num::NonZeroI32,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::process::Child;

use super::system::User;

/// What runs from the folder of a server or pooler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pooler,
    Server,
}

impl Kind {
    /// Where it writes down its process number, in its folder.
    fn pid_file(self) -> &'static str {
        match self {
            Self::Pooler => "run/pid",
            Self::Server => "data/postmaster.pid",
        }
    }

    /// The same in full.
    pub(super) fn pid_file_in(self, home: &Path) -> PathBuf {
        home.join(self.pid_file())
    }

    /// What has it end in good order, without waiting for its clients.
    pub(super) fn end(self) -> Signal {
        match self {
            Self::Pooler => Signal::TERM,
            Self::Server => Signal::INT,
        }
    }

    /// What a command line runs, and from which folder: as these modules start it, with the shell before it as well.
    fn of(command: &str) -> Option<(Self, &Path)> {
        const POOLER: &str = "/pgbouncer ";
        if let Some(file) = command.rfind("/pgbouncer /").and_then(|at| command.get(at + POOLER.len()..)) {
            let file = Path::new(file);
            return file.ends_with("pgbouncer.ini").then(|| Some((Self::Pooler, file.parent()?))).flatten();
        }
        let (_, arguments) = command.rsplit_once("postgres -D ")?;
        let (home, file) = arguments.split_once("/data -c config_file=")?;
        (file.strip_prefix(home) == Some("/postgresql.conf")).then_some((Self::Server, Path::new(home)))
    }
}

/// A server or pooler that runs.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) kind: Kind,
    /// Its folder, whether it is still there or not.
    pub(super) home: PathBuf,
}

impl Running {
    /// Every one of the user that runs servers, whichever cloud it belongs to.
    pub(super) fn all() -> Vec<Self> {
        let Ok(user) = User::choose() else { return Vec::new() };
        let seen = if cfg!(target_os = "linux") { all_in_proc() } else { ps(&["-a", "-x"]) };
        let (user, _) = user.numbers();
        let ours = seen.into_iter().filter(|one| one.owner == user);
        let of = |one: Seen| {
            let (kind, home) = Kind::of(&one.command)?;
            Some(Self { process: Process(Pid::from_raw(one.number.get())?), kind, home: home.to_owned() })
        };
        ours.filter_map(of).collect()
    }

    /// Whether its configuration is gone, and its folder with it: as the process itself sees it, which may be in a container.
    pub(super) fn is_stray(&self) -> bool {
        let file = match self.kind {
            Kind::Pooler => self.home.join("pgbouncer.ini"),
            Kind::Server => self.home.join("postgresql.conf"),
        };
        let mut root = PathBuf::from("/");
        if cfg!(target_os = "linux") {
            root = PathBuf::from(format!("/proc/{}/root", self.process.0.as_raw_nonzero()));
            if !root.join(".").exists() {
                return false;
            }
        }
        let file = root.join(file.strip_prefix("/").unwrap_or(&file));
        fs::symlink_metadata(file).is_err_and(|cause| cause.kind() == ErrorKind::NotFound)
    }
}

/// A process of a server or pooler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process(Pid);

impl Process {
    /// The running process that the pid file in `home` names; a number that now belongs to something else is not it.
    pub(super) fn find(kind: Kind, home: &Path) -> Option<Self> {
        let file = kind.pid_file_in(home);
        let text = fs::read_to_string(&file).ok()?;
        let process = Self(Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?);
        // Who wrote the file can name what is his, and nobody else's.
        let writer = fs::symlink_metadata(file).ok()?.uid();
        (process.lives() && process.is_of(home, writer)).then_some(process)
    }

    /// That of a program that has not been waited for.
    pub(super) fn of(child: &Child) -> Option<Self> {
        Some(Self(Pid::from_raw(i32::try_from(child.id()?).ok()?)?))
    }

    /// Whether it is the user's, and its command line names the folder.
    fn is_of(self, folder: &Path, user: u32) -> bool {
        let number = self.0.as_raw_nonzero();
        let seen = if cfg!(target_os = "linux") { in_proc(number) } else { by_ps(number) };
        let folder = folder.to_string_lossy();
        seen.is_some_and(|seen| seen.owner == user && seen.command.contains(&*folder))
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

/// A process as the system tells of it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    number: NonZeroI32,
    owner: u32,
    /// Its command line, with a blank between its words.
    command: String,
}

/// One process, as Linux tells of it.
fn in_proc(number: NonZeroI32) -> Option<Seen> {
    let place = PathBuf::from(format!("/proc/{number}"));
    let words = fs::read(place.join("cmdline")).ok()?;
    let command = String::from_utf8_lossy(&words).trim_end_matches('\0').replace('\0', " ");
    Some(Seen { number, owner: fs::metadata(&place).ok()?.uid(), command })
}

fn all_in_proc() -> Vec<Seen> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| in_proc(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// One process, as `ps` tells of it everywhere else, macOS included.
fn by_ps(number: NonZeroI32) -> Option<Seen> {
    ps(&["-p", &number.to_string()]).pop()
}

fn ps(which: &[&str]) -> Vec<Seen> {
    let mut ps = Command::new("/bin/ps");
    ps.args(["-ww", "-o", "pid=", "-o", "uid=", "-o", "command="]).args(which).stderr(Stdio::null());
    let said = ps.output().map(|output| output.stdout).unwrap_or_default();
    let seen = |line: &str| {
        let (number, rest) = line.trim().split_once(' ')?;
        let (owner, command) = rest.trim_start().split_once(' ')?;
        Some(Seen { number: number.parse().ok()?, owner: owner.parse().ok()?, command: command.trim().to_owned() })
    };
    String::from_utf8_lossy(&said).lines().filter_map(seen).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_process_is_known_by_its_user_and_its_command_line() {
        let mut child = Command::new("/bin/sh");
        child.args(["-c", "echo; read line", "in /some/folder of ours"]);
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // Linux shows no command line yet when it has only begun.
        child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        let process = Process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap());
        let user = rustix::process::getuid().as_raw();
        assert!(process.is_of(Path::new("/some/folder"), user));
        assert!(!process.is_of(Path::new("/some/folder"), user + 1));
        assert!(!process.is_of(Path::new("/other/folder"), user));
        // What Linux has no need of is the same there.
        let number = process.0.as_raw_nonzero();
        let command = "/bin/sh -c echo; read line in /some/folder of ours".to_owned();
        assert_eq!(by_ps(number), Some(Seen { number, owner: user, command }));
        let seen = by_ps(number).unwrap();
        assert!(ps(&["-a", "-x"]).contains(&seen));
        if cfg!(target_os = "linux") {
            assert!(all_in_proc().contains(&seen));
        }
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(by_ps(number), None);
    }

    #[test]
    fn a_command_line_tells_what_runs_from_which_folder() {
        let of = |command| Kind::of(command).map(|(kind, home)| (kind, home.to_str().unwrap().to_owned()));
        let is = |kind, home: &str| Some((kind, home.to_owned()));
        for (command, runs) in [
            ("/usr/sbin/pgbouncer /a b/prx-1/pgbouncer.ini", is(Kind::Pooler, "/a b/prx-1")),
            (
                r#"/bin/sh -c umask 077; exec "$0" "$@" /usr/sbin/pgbouncer /a/prx-1/pgbouncer.ini"#,
                is(Kind::Pooler, "/a/prx-1"),
            ),
            ("vim /a/prx-1/pgbouncer.ini", None),
            ("grep pgbouncer /a/prx-1/pgbouncer.ini", None),
            ("/usr/sbin/pgbouncer /etc/pgbouncer/other.ini", None),
            (
                "/usr/lib/postgresql/15/bin/postgres -D /a b/cluster-1/data -c config_file=/a b/cluster-1/postgresql.conf",
                is(Kind::Server, "/a b/cluster-1"),
            ),
            ("postgres -D /a/cluster-1/data -c config_file=/etc/postgresql.conf", None),
            ("docker run postgres:15 -D /a/c/data -c config_file=/a/c/postgresql.conf", None),
            ("postgres: checkpointer ", None),
        ] {
            assert_eq!(of(command), runs, "{command}");
        }
    }
}
