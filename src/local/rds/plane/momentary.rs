//! A PostgreSQL for a moment: in a temporary folder, reachable on 127.0.0.1 with a password that nobody else has.
//!
//! A shell stands between: it reads from a pipe whose other end is held here. When this process ends, in whatever way, the
//! pipe closes, and the shell stops the server and removes its files.

use std::{fs, net::TcpListener, path::Path, process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::process::{Child, ChildStdin};

use super::{
    programs,
    system::{self, User},
};
use crate::local::members::random_hex;

/// Makes the server, runs it until the pipe closes, and leaves nothing behind.
///
/// Two signals: what a shell runs in the background ignores SIGQUIT until PostgreSQL has set its own handlers, and once it has,
/// SIGTERM alone would wait for what runs.
const SCRIPT: &str = r#"
"$BIN/initdb" --pgdata="$DIR/data" --username="$WHO" --pwfile="$DIR/password" --auth=scram-sha-256 --encoding=UTF8 \
    --locale=C --no-sync --no-instructions >"$DIR/log" 2>&1 || { tail -n 2 "$DIR/log" >&2; rm -rf "$DIR"; exit 1; }
"$BIN/postgres" -D "$DIR/data" -c listen_addresses=127.0.0.1 -c port="$PORT" -c unix_socket_directories= -c fsync=off \
    -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB -c max_connections=20 -c jit=off \
    >>"$DIR/log" 2>&1 & server=$!
read -r _
kill -TERM $server 2>/dev/null
kill -QUIT $server 2>/dev/null
wait
rm -rf "$DIR"
"#;

/// How long it may take until the server answers.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look.
const LOOK: Duration = Duration::from_millis(20);

/// A server that ends with this value.
pub(crate) struct Momentary {
    /// Closed, it tells the shell to clear away.
    pipe: Option<ChildStdin>,
    shell: Child,
    folder: TempDir,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    /// The superuser's.
    pub(crate) password: String,
}

impl Momentary {
    /// Starts PostgreSQL of this major version, with this superuser.
    ///
    /// # Errors
    /// Why there is none, as a part of a sentence.
    pub(crate) async fn start(major: &str, superuser: &str) -> Result<Self, String> {
        let installed =
            programs::installed(major).ok_or_else(|| format!("PostgreSQL {major} is not installed on this machine"))?;
        let failed = |error: std::io::Error| format!("no PostgreSQL can be started on this machine ({error})");
        let user = User::choose().map_err(failed)?;
        let folder = tempfile::Builder::new().prefix("infra-postgres-").tempdir().map_err(failed)?;
        let password = random_hex(32);
        user.write(&folder.path().join("password"), &password).map_err(failed)?;
        user.make_folder(folder.path()).map_err(failed)?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(failed)?.port();
        let mut shell = user.command(Path::new("/bin/sh"), folder.path());
        shell.arg("-c").arg(SCRIPT).env("BIN", &installed).env("DIR", folder.path());
        shell.env("WHO", superuser).env("PORT", port.to_string());
        // A group of its own: a terminal's ctrl-C is for this process, which then closes the pipe.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let mut shell = shell.spawn().map_err(failed)?;
        let pipe = shell.stdin.take();
        let mut server = Momentary { pipe, shell, folder, port, password };
        server.ready().await?;
        Ok(server)
    }

    async fn ready(&mut self) -> Result<(), String> {
        let (log, status) = (self.folder.path().join("log"), self.folder.path().join("data/postmaster.pid"));
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            // Its eighth line is the postmaster's own word for how far it is.
            if fs::read_to_string(&status).is_ok_and(|text| text.lines().nth(7).is_some_and(|it| it.trim() == "ready"))
            {
                return Ok(());
            }
            if self.shell.try_wait().is_ok_and(|ended| ended.is_some()) {
                return Err(not_started(&self.last_words().await));
            }
            if fs::read_to_string(&log).is_ok_and(|text| text.contains("FATAL:")) {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(not_started(&system::tail(self.folder.path())))
    }

    /// What the shell said before it ended.
    async fn last_words(&mut self) -> String {
        let mut said = Vec::new();
        if let Some(mut stderr) = self.shell.stderr.take() {
            // What cannot be read is not there to be told.
            _ = tokio::io::AsyncReadExt::read_to_end(&mut stderr, &mut said).await;
        }
        let said = String::from_utf8_lossy(&said);
        said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" / ")
    }

    /// Stops it, and waits until its files are gone.
    pub(crate) async fn stop(mut self) {
        drop(self.pipe.take());
        // If the shell takes longer, it goes on alone.
        _ = tokio::time::timeout(Duration::from_secs(10), self.shell.wait()).await;
    }
}

fn not_started(why: &str) -> String {
    format!("PostgreSQL did not start on this machine ({})", why.trim_end_matches('.'))
}
