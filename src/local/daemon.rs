//! The daemon: one local cloud on one data folder, its endpoint, and the note by which others find it.

pub(crate) mod deletion;
pub(crate) mod entries;
pub(crate) mod folder;

use std::{
    net::Ipv4Addr,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt as _;
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinHandle};

use folder::Lock;

use super::{
    absent, apprunner, client,
    cloud::Cloud,
    control::Control,
    disk::{self, DiskError},
    http, lambda,
    pace::Pace,
    rds,
    service::{SERVICES, Service},
};

/// How to run a local cloud.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes the one that the folder had last, or any that is free.
    pub port: u16,
    /// The folder with everything that survives a restart.
    pub data: PathBuf,
    /// How fast changes pass.
    pub pace: Pace,
    /// The services to run, by their signing names; empty: all.
    pub services: Vec<String>,
    /// Whether it answers every user of this machine, and not its own alone.
    pub other_users: bool,
}

#[cfg(test)]
impl Options {
    /// All services in this folder, at any port, without waiting for anything.
    pub(crate) fn in_test(data: &Path) -> Self {
        Self { port: 0, data: data.to_owned(), pace: Pace::Instant, services: Vec::new(), other_users: false }
    }
}

/// Why the local cloud could not be started, found or stopped.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The data folder could not be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Another daemon has the data folder.
    #[error(
        "Could not start the local cloud: another one is already running in {}{}. Stop it with `infra local stop`, or choose \
         another folder with --data",
        data.display(),
        pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The data folder.
        data: PathBuf,
        /// The other daemon, as far as it is known.
        pid: Option<u32>,
    },
    /// Another daemon has it again that was stopped for its end.
    #[error(
        "Could not delete the local cloud in {}: it was started again meanwhile. Nothing was deleted; `infra local reset \
         --everything` again stops and deletes it",
        data.display()
    )]
    StartedAgain {
        /// The data folder.
        data: PathBuf,
    },
    /// The data folder is somebody's, and not a local cloud's.
    #[error(
        "Could not start the local cloud in {}: this is not a local cloud's folder, and it is not empty: it holds {holds}. Choose a \
         new or an empty folder with --data",
        data.display()
    )]
    Foreign {
        /// The folder.
        data: PathBuf,
        /// What is in it.
        holds: String,
    },
    /// The port is taken.
    #[error(
        "Could not start the local cloud on 127.0.0.1:{port}: {}. Choose another port with --port, or any free one with --port 0",
        match other {
            Some(other) => format!("the local cloud of {} listens there", other.display()),
            None => format!("{cause}; another program may use the port"),
        }
    )]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        cause: std::io::Error,
        /// The data folder of the local cloud that has it, where one does.
        other: Option<PathBuf>,
    },
    /// The data folder is a copy of another one.
    #[error(
        "Could not start the local cloud: {0} is a copy of {1}, and both point to the same databases, which only one local \
         cloud can use. Use {1}; or remove the link {0}/servers, which leaves this local cloud without its databases' content",
        data.display(),
        original.display()
    )]
    Copied {
        /// The data folder.
        data: PathBuf,
        /// What it was copied from.
        original: PathBuf,
    },
    /// There is no such service.
    #[error("The local cloud has no API {name:?}; it has {known}")]
    UnknownService {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The daemon does not run.
    #[error("{}", absent::told(data))]
    NotRunning {
        /// The data folder.
        data: PathBuf,
    },
    /// The daemon was started and ended at once, and said why.
    #[error("{0}")]
    Said(String),
    /// The daemon was started and ended at once, or does not answer.
    #[error("The local cloud in {} did not start: {reason}", data.display())]
    DidNotStart {
        /// The data folder.
        data: PathBuf,
        /// What it said last.
        reason: String,
    },
    /// Something has the data folder, and answers nothing.
    #[error(
        "Could not stop the local cloud in {}: it is running{}, but does not answer. Try again; if that does not help, kill the \
         process, and run `infra local stop` once more to stop its databases",
        data.display(),
        pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    Silent {
        /// The data folder.
        data: PathBuf,
        /// The daemon, as far as it is known.
        pid: Option<u32>,
    },
    /// The daemon runs but does not answer as it should.
    #[error("The local cloud at {url} did not answer the request for {what}: {reason}")]
    Unanswered {
        /// Its URL.
        url: String,
        /// What was asked for.
        what: String,
        /// What went wrong.
        reason: String,
    },
}

/// The note `DATA/daemon.json`: where the daemon is. Readable by its owner only, because of the token.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The daemon's process id.
    pub(crate) pid: u32,
    /// The endpoint's port.
    pub(crate) port: u16,
    /// The endpoint's URL.
    pub(crate) url: String,
    /// What guards the control interface.
    pub(crate) token: String,
}

impl Note {
    fn path(data: &Path) -> PathBuf {
        data.join("daemon.json")
    }

    /// The note in a data folder; one that cannot be read counts as none.
    pub(crate) fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(Self::path(data)).ok()?).ok()
    }

    fn write(&self, data: &Path) -> Result<(), DiskError> {
        let text =
            serde_json::to_vec_pretty(self).map_err(|cause| DiskError::Format { path: Self::path(data), cause })?;
        disk::write(&Self::path(data), &text)
    }

    /// Takes the note away. The caller has locked the folder and it is still that one, so that it cannot be another daemon's.
    pub(crate) fn remove(data: &Path) {
        // One that stays leads to nobody.
        let _ = std::fs::remove_file(Self::path(data));
    }
}

/// A local cloud that runs in this process.
pub struct Running {
    /// The endpoint's URL, e.g. `http://127.0.0.1:4566`.
    pub url: String,
    cloud: Arc<Cloud>,
    ended: Option<JoinHandle<()>>,
}

impl Running {
    /// Ends the cloud: open requests are finished, the databases stopped. The data folder can then be used again.
    pub async fn stop(mut self) {
        self.cloud.close();
        self.wait().await;
    }

    /// Waits until the cloud has ended, by `stop` or because it was told to over its control interface.
    pub async fn wait(&mut self) {
        // Taken only when it is over: who stops waiting, because a signal came first, can wait again.
        if let Some(ended) = &mut self.ended {
            // An error is a panic of the task; it has been reported on standard error.
            let _ = ended.await;
            self.ended = None;
        }
    }

    /// Everything that exists, as `infra local inventory --json` lists it.
    pub fn inventory(&self) -> serde_json::Value {
        serde_json::json!(self.cloud.inventory())
    }

    /// How often each action was called, by service and action.
    pub fn calls(&self) -> serde_json::Value {
        serde_json::json!(self.cloud.calls.counts())
    }

    /// The same, and counts from nothing again.
    pub fn take_calls(&self) -> serde_json::Value {
        serde_json::json!(self.cloud.calls.take())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cloud.close();
        // Where the runtime ends with it, nothing but this would tell them to. As long as it has not ended, nobody else has them.
        if self.ended.as_ref().is_some_and(|ended| !ended.is_finished()) {
            rds::signal_own(&self.cloud);
        }
    }
}

/// Starts a local cloud in this process.
///
/// # Errors
/// When the data folder is in use or unusable, the port is taken, or a service is unknown.
pub async fn start(options: Options) -> Result<Running, LocalError> {
    let services = chosen(&options.services)?;
    entries::claim(&options.data)?;
    let data = options.data.canonicalize().map_err(disk::error("find", &options.data))?;
    let lock = Lock::take(&data).await?;
    if let Some(original) = rds::copied_from(&data) {
        return Err(LocalError::Copied { data, original });
    }
    let mut cloud = Cloud::open(&data, options.pace, services)?;
    cloud.lock = Some(lock);
    let cloud = Arc::new(cloud);
    let listener = match listen(&data, options.port).await {
        Ok(listener) => listener,
        Err(cause) => {
            let other = client::data_at(options.port).await;
            return Err(LocalError::Port { port: options.port, cause, other });
        }
    };
    let taken = |cause| LocalError::Port { port: options.port, cause, other: None };
    let port = listener.local_addr().map_err(taken)?.port();
    disk::write(&last_port(&data), port.to_string().as_bytes())?;
    let url = format!("http://127.0.0.1:{port}");
    let token = format!("{:032x}", rand::rng().random::<u128>());
    Note { pid: std::process::id(), port, url: url.clone(), token: token.clone() }.write(&data)?;
    cloud.log.line(&format!("Started at {url}, pace {}, pid {}", cloud.pace, std::process::id()));
    let control =
        Arc::new(Control { cloud: Arc::clone(&cloud), url: url.clone(), token, other_users: options.other_users });
    let ended = tokio::spawn(run(listener, control));
    Ok(Running { url, cloud, ended: Some(ended) })
}

/// Which port the folder had last.
fn last_port(data: &Path) -> PathBuf {
    data.join("port")
}

/// The port that was asked for. Where any will do, it is the one that the folder had last, as long as that is free: it stands in
/// environments and in profiles.
async fn listen(data: &Path, port: u16) -> std::io::Result<TcpListener> {
    let last = || std::fs::read_to_string(last_port(data)).ok()?.parse::<u16>().ok();
    if port == 0
        && let Some(last) = last()
        && let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, last)).await
    {
        return Ok(listener);
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Longer than PostgreSQL takes for a fast shutdown.
const SHUTDOWN: Duration = Duration::from_secs(30);

async fn run(listener: TcpListener, control: Arc<Control>) {
    let cloud = Arc::clone(&control.cloud);
    let plane = tokio::spawn(lasting("databases", Arc::clone(&cloud), rds::plane::run));
    let url = control.url.clone();
    let programs = move |cloud| apprunner::run::run(cloud, url.clone());
    let services = tokio::spawn(lasting("programs", Arc::clone(&cloud), programs));
    let functions = tokio::spawn(lasting("functions", Arc::clone(&cloud), lambda::queue::run));
    cloud.wake();
    tokio::join!(http::serve(listener, control), folder::end_without(&cloud));
    let stopped = tokio::time::timeout(SHUTDOWN, async { tokio::join!(services, plane, functions) });
    if stopped.await.is_err() {
        let ended = rds::end_own(&cloud).await;
        cloud
            .log
            .line(&format!("The databases and programs did not stop in time; {ended} database processes were ended"));
    }
    if cloud.is_there() {
        Note::remove(&cloud.data);
    }
    cloud.log.line("Stopped");
    cloud.lock.iter().for_each(Lock::let_go);
}

/// Runs what is to run as long as the cloud does, again where it panics.
async fn lasting<F: Future<Output = ()>>(what: &str, cloud: Arc<Cloud>, run: impl Fn(Arc<Cloud>) -> F) {
    while AssertUnwindSafe(run(Arc::clone(&cloud))).catch_unwind().await.is_err() {
        cloud.log.line(&format!("What runs the {what} failed by a mistake of its own, which daemon.out tells"));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Service>, LocalError> {
    if names.is_empty() {
        return Ok(SERVICES.to_vec());
    }
    let find = |name: &String| {
        let known = || SERVICES.iter().map(|service| service.name).collect::<Vec<_>>().join(", ");
        let found = SERVICES.iter().find(|service| service.name == name);
        found.copied().ok_or_else(|| LocalError::UnknownService { name: name.clone(), known: known() })
    };
    names.iter().map(find).collect()
}
