//! The operating system's side: an unprivileged user, its folders, and processes that outlive the daemon.

use std::{
    fs,
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
    task::JoinHandle,
};

use super::{postgres::STOPPING, process::Process, system_folder};
use crate::local::{cloud::Cloud, disk::make_inner, log::put_aside};

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
        make_inner(&folder)?;
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
        if let Some(cache) = &cache {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(cache)?;
        }
        let templates = cache.map_or_else(|| folder.join("templates"), |cache| cache.join("infra"));
        self.make_folder(&templates)?;
        Ok(templates)
    }

    /// The user's and the group's number.
    pub(super) fn numbers(self) -> (u32, u32) {
        self.ids.unwrap_or_else(|| (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()))
    }

    /// Makes a folder that only the user can enter, in one that is there: of a data folder that is removed while something is
    /// under way nothing comes back.
    pub(super) fn make_folder(self, path: &Path) -> io::Result<()> {
        make_inner(path)?;
        self.own(path)
    }

    /// Makes the folder of one server, likewise, which it can pass through, and where it can change nothing: what root writes,
    /// moves and reads there is what root has put there.
    pub(super) fn make_home(self, path: &Path) -> io::Result<()> {
        make_inner(path)?;
        let Some((_, group)) = self.ids else { return Ok(()) };
        lchown(path, Some(0), Some(group))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o710))
    }

    fn own(self, path: &Path) -> io::Result<()> {
        self.ids.map_or(Ok(()), |(user, group)| lchown(path, Some(user), Some(group)))
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

    /// Puts a server's log aside when it has become long, while the server writes on.
    pub(super) fn shorten(self, folder: &Path) -> io::Result<()> {
        let path = folder.join("log");
        if fs::metadata(&path).is_ok_and(|log| log.len() > LONGEST) {
            put_aside(&path, &fs::OpenOptions::new().append(true).open(&path)?)?;
        }
        Ok(())
    }

    /// Runs a program to its end, in which the cloud's own is not waited for: it is told to end, made to where it does not, and
    /// what it has begun is begun anew by the next daemon.
    pub(super) async fn finish(mut command: Command, cloud: &Cloud) -> io::Result<Output> {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn()?;
        let group = Process::of(&child);
        let output = output(child, group);
        tokio::pin!(output);
        tokio::select! {
            output = &mut output => return output,
            () = cloud.closed() => {}
        }
        for signal in [Signal::TERM, Signal::KILL] {
            group.iter().for_each(|group| group.signal_group(signal));
            if let Ok(output) = tokio::time::timeout(PATIENCE, &mut output).await {
                return output;
            }
        }
        output.await
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
    /// the cloud is woken, and what is given here tells it.
    ///
    /// None outlives the cloud's end: who ends what runs then sees it, or it is told to end here.
    pub(super) fn start(self, mut command: Command, folder: &Path, cloud: &Arc<Cloud>) -> io::Result<Started> {
        let path = folder.join("log");
        let log = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        self.own(&path)?;
        if cloud.is_closed() {
            return Err(io::Error::other(STOPPING.trim_end_matches('.')));
        }
        // A group of its own: the ctrl-C of a terminal is for the daemon, which stops its servers itself.
        let mut child = command.stdout(log.try_clone()?).stderr(log).process_group(0).spawn()?;
        let process = Process::of(&child).ok_or_else(|| io::Error::other("it ended at once"))?;
        if cloud.is_closed() {
            process.signal(Signal::TERM);
        }
        let cloud = Arc::clone(cloud);
        let ended = tokio::spawn(async move {
            // Taking the exit status is all there is to do: the next look at the processes misses it.
            let _ = child.wait().await;
            cloud.changed.notify_one();
        });
        Ok(Started { process, ended })
    }
}

/// What a program says until it ends. Where it fails, all of its group ends with it: pg_basebackup has a second process, which
/// would go on for ever, and have the server keep for it whatever is written.
async fn output(mut child: Child, group: Option<Process>) -> io::Result<Output> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let status = child.wait().await?;
        if !status.success() {
            group.iter().for_each(|group| group.signal_group(Signal::TERM));
        }
        Ok(status)
    };
    let (status, stdout, stderr) = tokio::try_join!(ended, all_of(stdout), all_of(stderr))?;
    Ok(Output { status, stdout, stderr })
}

async fn all_of(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut said = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut said).await?;
    }
    Ok(said)
}

/// How long what is told to end may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that has been started, of which nothing else may be known yet.
pub(super) struct Started {
    process: Process,
    ended: JoinHandle<()>,
}

impl Started {
    pub(super) fn runs(&self) -> bool {
        !self.ended.is_finished()
    }

    pub(super) async fn stop(self, first: Signal) {
        self.process.stop(first).await;
        // Its number is nobody else's until then.
        let _ = self.ended.await;
    }
}

/// The last lines of a server's log, for an error's text; without what clients sent it, which may hold anything.
pub(super) fn tail(folder: &Path) -> String {
    let mut log = Vec::new();
    let read = fs::File::open(folder.join("log")).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        file.read_to_end(&mut log)
    });
    // A log that cannot be read says nothing.
    let log = read.map(|_| String::from_utf8_lossy(&log)).unwrap_or_default();
    let is_sent =
        |line: &str| ["statement:", "STATEMENT:", "execute ", "parameters:"].iter().any(|mark| line.contains(mark));
    let told = |line: &&str| !line.trim().is_empty() && !line.starts_with('\t') && !is_sent(line);
    let lines: Vec<&str> = log.lines().rev().filter(told).take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}

/// A log of a server that is longer than this is put aside.
const LONGEST: u64 = 64 << 20;

/// How many bytes of a log are looked at.
const TAIL: u64 = 16_384;

/// A program, in one of these folders or in the PATH.
pub(super) fn find_program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = folders.iter().cloned().chain(std::env::split_paths(&path));
    places.map(|folder| folder.join(name)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_back_of_a_folder_that_has_been_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("local");
        let user = User { ids: None };
        let make = || {
            let home = data.join("servers/cluster-1");
            [user.folder(&data).map(drop), user.make_home(&home), user.make_folder(&home.join("run"))]
        };
        assert!(make().iter().all(Result::is_err) && !data.exists());
        fs::create_dir(&data).unwrap();
        for _ in ["new", "there"] {
            assert!(make().iter().all(Result::is_ok));
        }
        fs::write(data.join("file"), "").unwrap();
        assert!(user.make_folder(&data.join("file")).is_err());
    }

    #[test]
    fn the_end_of_a_log_tells_why_and_not_what_was_sent() {
        let folder = tempfile::tempdir().unwrap();
        let log = "LOG:  statement: ALTER ROLE app PASSWORD 'secret'\nFATAL:  no space\n\tsecret, second line\nSTATEMENT:  \
                   SELECT 'secret'\nHINT:  make some\n\n";
        fs::write(folder.path().join("log"), "noise\n".repeat(100_000) + log).unwrap();
        assert_eq!(tail(folder.path()), "noise / FATAL:  no space / HINT:  make some");
    }
}
