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

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
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
        let of = |(process, command): (Process, String)| {
            let (kind, home) = Kind::of(&command)?;
            Some(Self { process, kind, home: home.to_owned() })
        };
        commands().into_iter().filter_map(of).collect()
    }

    /// Whether its folder is this machine's, and not one of the same name in somebody else's container: a container's processes
    /// are seen from outside, with the same users' numbers and their own paths.
    pub(super) fn is_here(&self) -> bool {
        self.process.has(&self.home)
    }

    /// Whether this process started it.
    pub(super) fn is_child(&self) -> bool {
        let own = i32::try_from(std::process::id()).ok().and_then(NonZeroI32::new);
        own.is_some() && parent(self.process.0.as_raw_nonzero()) == own
    }

    /// Whether the daemon that started it is still there: it has not been handed on to the system's first process.
    pub(super) fn is_led(&self) -> bool {
        let Some(leader) = parent(self.process.0.as_raw_nonzero()).and_then(name) else { return false };
        // In tests a daemon is a part of something else.
        leader == "infra"
            || i32::try_from(std::process::id()).ok().and_then(NonZeroI32::new).and_then(name) == Some(leader)
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
        fs::symlink_metadata(below(&root, &file)).is_err_and(|cause| cause.kind() == ErrorKind::NotFound)
    }
}

/// A path as it is below another root.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// A process of a server or pooler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process(pub(super) Pid);

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

    /// Whether a folder in its command line is this machine's; see [`Running::is_here`].
    pub(super) fn has(self, folder: &Path) -> bool {
        let place = PathBuf::from(format!("/proc/{}", self.0.as_raw_nonzero()));
        let root = place.join("root");
        // Who may not look, as root in a container may not, sees no other container's processes either.
        if !cfg!(target_os = "linux") || !root.join(".").exists() {
            return true;
        }
        let number = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
        match number(folder) {
            Some(own) => number(&below(&root, folder)) == Some(own),
            None => {
                let files = |place: &Path| fs::read_link(place.join("ns/mnt")).ok();
                // What an image runs here has been given its folder, and nothing else.
                let given = || {
                    let mounts = fs::read_to_string(place.join("mountinfo")).unwrap_or_default();
                    let home = folder.to_string_lossy().replace(' ', "\\040");
                    mounts.lines().any(|line| line.split(' ').nth(4) == Some(&*home))
                };
                files(&place) == files(Path::new("/proc/self")) || given()
            }
        }
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
        !crate::process::is_gone(self.0)
    }

    pub(super) fn signal(self, signal: Signal) {
        // It can only be gone, which is as well.
        let _ = kill_process(self.0, signal);
    }

    /// Tells everything in the group that it leads.
    pub(super) fn signal_group(self, signal: Signal) {
        let _ = kill_process_group(self.0, signal);
    }

    /// Ends it: with `first`, five seconds later with QUIT, and after as many again with what cannot be refused.
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

/// Every process of the user that runs servers, with its command line.
pub(super) fn commands() -> Vec<(Process, String)> {
    let Ok(user) = User::choose() else { return Vec::new() };
    let seen = if cfg!(target_os = "linux") { all_in_proc() } else { ps(&["-a", "-x"]) };
    let (user, _) = user.numbers();
    let ours = seen.into_iter().filter(|one| one.owner == user);
    ours.filter_map(|one| Some((Process(Pid::from_raw(one.number.get())?), one.command))).collect()
}

/// The number of the process that a process belongs to.
pub(super) fn parent(number: NonZeroI32) -> Option<NonZeroI32> {
    if !cfg!(target_os = "linux") {
        return asked(number, "ppid=")?.parse().ok();
    }
    // The program's name stands in brackets before it, and can hold anything.
    let told = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    told.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The name of the program that a process runs, without its folder.
pub(super) fn name(number: NonZeroI32) -> Option<String> {
    let told = if cfg!(target_os = "linux") {
        fs::read_to_string(format!("/proc/{number}/comm")).ok()?
    } else {
        asked(number, "comm=")?
    };
    told.trim().rsplit('/').next().map(str::to_owned)
}

/// What `ps` says of a process.
fn asked(number: NonZeroI32, what: &str) -> Option<String> {
    let said =
        Command::new("/bin/ps").args(["-o", what, "-p", &number.to_string()]).stderr(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&said.stdout).trim().to_owned())
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

    #[test]
    fn a_process_belongs_to_another_one_that_has_a_name() {
        let own = NonZeroI32::new(i32::try_from(std::process::id()).unwrap()).unwrap();
        let mut child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let number = NonZeroI32::new(i32::try_from(child.id()).unwrap()).unwrap();
        assert_eq!(parent(number), Some(own));
        assert_eq!(asked(number, "ppid="), Some(own.to_string()));
        assert!(name(own).is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((parent(number), name(number)), (None, None));
    }

    #[cfg(target_os = "linux")]
    #[expect(clippy::print_stderr, reason = "a test that tests nothing says so")]
    #[test]
    fn a_folder_of_the_same_name_in_a_container_is_another_one() {
        // What says that it has begun, waits, and is called as a server is.
        const WAITS: &str = "exec setpriv --reuid $2 --regid $3 --clear-groups /bin/sh -c 'echo; read line' \"$1\"";
        const OWN: &str = "exec /bin/sh -c 'echo; read line' \"$1\"";
        let Ok(user) = User::choose() else { return };
        let (user, group) = user.numbers();
        let root = rustix::process::geteuid().is_root();
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().canonicalize().unwrap().join("servers");
        let home = folder.join("cluster-1");
        fs::create_dir_all(&home).unwrap();
        let called = format!("postgres -D {0}/data -c config_file={0}/postgresql.conf", home.display());
        let run = |before: &str| {
            let mut command = Command::new("unshare");
            let (more, waits) = if root { (None, WAITS) } else { (Some("--map-root-user"), OWN) };
            let script = format!("{before} {waits}");
            command.arg("--mount").args(more);
            command.args(["/bin/sh", "-c", &script]).arg(&folder).arg(&called);
            command.args([user.to_string(), group.to_string()]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()
        };
        let begin = |before| {
            let mut child = run(before)?;
            child.stdout.take()?.read_exact(&mut [0]).ok()?;
            Some(child)
        };
        let begun = ["", "mount -t tmpfs none \"$0\" && mkdir \"$0/cluster-1\" &&"].into_iter().map(begin);
        let Some(begun) = begun.collect::<Option<Vec<_>>>() else {
            eprintln!("NOT TESTED: this system allows no namespaces in which a folder is another one.");
            return;
        };
        let here = |child: &std::process::Child| {
            let all = Running::all();
            let is = |one: &&Running| u32::try_from(one.process.0.as_raw_nonzero().get()) == Ok(child.id());
            let one = all.iter().find(is).unwrap();
            assert_eq!(one.home, home);
            one.is_here()
        };
        assert_eq!(begun.iter().map(here).collect::<Vec<_>>(), [true, false]);
        // Where it is gone, nothing but the container's own files tells.
        fs::remove_dir(&home).unwrap();
        assert_eq!(begun.iter().map(here).collect::<Vec<_>>(), [false, false]);
        for mut child in begun {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }
}
