//! A program as a group of processes that ends with the daemon, however the daemon ends.
//!
//! A shell stands over the program and holds one end of a pipe whose other end only the daemon has: when the daemon is gone,
//! killed or not, the pipe is closed, and the shell ends the whole group.

use std::{collections::BTreeMap, fmt, io, path::PathBuf, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// Runs `$1`, and ends as it does; ends the group when standard input is at its end: kindly, and after five seconds surely.
const KEEPER: &str = r#"
exec 3<&0
/bin/sh -c "$1" </dev/null 3<&- &
program=$!
( trap '' TERM; exec >/dev/null 2>&1; cat <&3; kill -TERM 0; sleep 5; kill -KILL 0 ) &
exec 3<&-
wait $program
"#;

/// How long a program may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// What to start.
pub(crate) struct Start {
    pub(crate) command: String,
    pub(crate) dir: PathBuf,
    pub(crate) environment: BTreeMap<String, String>,
}

/// A program that was started.
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
    /// Held open as long as the program is to run.
    _lifeline: Option<ChildStdin>,
}

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, with an exit code.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// In a way that nobody can tell more of.
    Other(String),
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(out, "ended with exit code {code}"),
            Self::Signal(number) => write!(out, "was ended by signal {number}"),
            Self::Other(how) => out.write_str(how),
        }
    }
}

impl Process {
    /// Starts a program; also gives what it will say.
    pub(crate) fn start(start: &Start) -> io::Result<(Self, Option<ChildStdout>, Option<ChildStderr>)> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", KEEPER, "infra-service", &start.command]);
        command.current_dir(&start.dir).env_clear().envs(&start.environment);
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let (lifeline, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Ok((Self { child, group, _lifeline: lifeline }, out, err))
    }

    /// The group of the program's processes.
    pub(crate) fn group(&self) -> Option<i32> {
        self.group.map(|group| group.as_raw_nonzero().get())
    }

    /// Waits for the program's end, takes away what it left running, and says how it ended.
    pub(crate) async fn ended(&mut self) -> End {
        let status = self.child.wait().await;
        self.signal(Signal::KILL);
        match status {
            Ok(status) => match status.code() {
                Some(code) if code > 128 => End::Signal(code - 128),
                Some(code) => End::Code(code),
                None => End::Other(status.to_string()),
            },
            Err(error) => End::Other(format!("is lost: {error}")),
        }
    }

    /// Ends the program and all that it started.
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            self.signal(Signal::KILL);
            let _ = self.child.wait().await;
        }
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        // It can only be gone, which is as well.
        let _ = self.group.map(|group| kill_process_group(group, signal));
    }
}
