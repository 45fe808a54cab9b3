//! PostgreSQL's programs: those that are installed, or else those of the image `postgres:MAJOR`, where a Docker daemon runs.
//!
//! A container shares the machine's network and process numbers, and runs as the user that runs installed programs. So a
//! server in one is found, signalled and reached as any other; Docker only brings its files along.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
    time::{Duration, Instant},
};

use tokio::{process::Command, sync::Mutex};

use super::system::{self, User};

/// Where the programs come from.
#[derive(Debug)]
pub(super) enum Programs {
    /// The folder that they are in.
    Installed(PathBuf),
    /// Docker's own program, and the image's name.
    Image { docker: PathBuf, image: String },
}

/// What a program in a container is told of this process's environment.
const TOLD: [&str; 4] = ["PGOPTIONS", "PGSSLMODE", "PGSSLCERT", "PGSSLKEY"];

impl Programs {
    /// The programs of this major version, or why there are none.
    pub(super) async fn find(major: &str) -> Result<Self, String> {
        if let Some(folder) = installed(major) {
            return Ok(Self::Installed(folder));
        }
        let docker = docker().await.ok_or_else(|| {
            format!(
                "PostgreSQL {major} is not installed on this machine, and no Docker daemon answers. Install it (Debian \
                 and Ubuntu: `apt install postgresql-{major}`; macOS: `brew install postgresql@{major}`), or start \
                 Docker (on Linux); the cluster starts as soon as it is there."
            )
        })?;
        Ok(Self::Image { docker: docker.to_owned(), image: format!("postgres:{major}") })
    }

    /// One of the programs, to be run as the user. In a container it sees `folder` and nothing else of the machine.
    pub(super) fn command(&self, user: User, program: &str, folder: &Path) -> Command {
        let (docker, image) = match self {
            Self::Installed(programs) => return user.command(&programs.join(program), folder),
            Self::Image { docker, image } => (docker, image),
        };
        let (owner, group) = user.numbers();
        let mut command = Command::new(docker);
        command.current_dir("/").stdin(Stdio::null());
        command.args(["run", "--rm", "--network=host", "--pid=host", "--user", &format!("{owner}:{group}")]);
        // PostgreSQL wants a name for the number that it runs as.
        command.args(["--volume", "/etc/passwd:/etc/passwd:ro"]);
        command.arg("--volume").arg(format!("{0}:{0}", folder.display()));
        command.arg("--env").arg(format!("HOME={}", folder.display())).args(["--env", "LC_ALL=C"]);
        command.args(TOLD.iter().flat_map(|name| ["--env", name]));
        command.args(["--entrypoint", program]).arg(image);
        command
    }

    /// The folder of the programs, where this machine has them.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Installed(folder) => Some(folder),
            Self::Image { .. } => None,
        }
    }
}

/// The folder of the programs of this major version, where it is installed.
pub(super) fn installed(major: &str) -> Option<PathBuf> {
    let folders = [
        format!("/usr/lib/postgresql/{major}/bin"),
        format!("/usr/pgsql-{major}/bin"),
        format!("/opt/homebrew/opt/postgresql@{major}/bin"),
        format!("/usr/local/opt/postgresql@{major}/bin"),
    ];
    let found = folders.iter().map(PathBuf::from).find(|folder| folder.join("initdb").is_file());
    let in_path = || {
        let server = system::find_program("postgres", &[])?;
        let version = std::process::Command::new(&server).arg("--version").output().ok()?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let right = version.split_whitespace().any(|word| word.split('.').next() == Some(major));
        right.then(|| server.parent().map(Path::to_owned)).flatten()
    };
    found.or_else(in_path)
}

/// How long Docker's daemon has to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// How long one that did not is not asked again.
const SILENCE: Duration = Duration::from_secs(20);

/// Docker's program, if its daemon answers; one that has answered is not asked again.
async fn docker() -> Option<&'static Path> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    static REFUSED: Mutex<Option<Instant>> = Mutex::const_new(None);
    if let Some(found) = FOUND.get() {
        return Some(found);
    }
    // Elsewhere containers run in a machine of their own, with other networks and processes.
    let program = system::find_program("docker", &[]).filter(|_| cfg!(target_os = "linux"))?;
    // Whoever comes meanwhile waits for the same answer.
    let mut refused = REFUSED.lock().await;
    if refused.is_some_and(|at| at.elapsed() < SILENCE) {
        return None;
    }
    if answers(&program).await {
        return Some(FOUND.get_or_init(|| program).as_path());
    }
    *refused = Some(Instant::now());
    None
}

/// Whether the daemon behind Docker's program answers it in time.
async fn answers(program: &Path) -> bool {
    let mut asked = Command::new(program);
    asked.args(["version", "--format", "{{.Server.Version}}"]).kill_on_drop(true);
    asked.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let ended = tokio::time::timeout(ANSWER, asked.status()).await;
    ended.is_ok_and(|status| status.is_ok_and(|status| status.success()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[tokio::test]
    async fn a_docker_that_hangs_does_not_answer_and_holds_nobody_else_up() {
        let folder = tempfile::tempdir().unwrap();
        let says = async |script: &str| {
            let program = folder.path().join("docker");
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
            let begun = Instant::now();
            (answers(&program).await, begun.elapsed() < Duration::from_secs(60))
        };
        assert_eq!(says("echo 27.0").await, (true, true));
        assert_eq!(says("exit 1").await, (false, true));
        let begun = Instant::now();
        let other = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            begun.elapsed()
        };
        let (hanging, other) = tokio::join!(says("exec sleep 120"), other);
        assert_eq!(hanging, (false, true));
        assert!(other < ANSWER, "{other:?}");
        assert!(!answers(&folder.path().join("none")).await);
    }
}
