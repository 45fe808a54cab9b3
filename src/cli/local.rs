//! `infra local`: starts, asks and stops the local cloud.

mod database;
mod environment;
mod everything;
mod fault;
mod ready;
mod shell;
mod show;
mod start;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use clap_complete::Shell;

use crate::{
    local::{
        LocalError,
        client::{self, Stopped},
        service_log::{self, Unclear},
    },
    render::output::{print, tell},
};

pub(super) use shell::tools;
pub use start::Start;

/// Which commands start it.
pub(super) const WHO_STARTS: &str = "Of these, only `infra local start` starts the local cloud; the others say so if it is not running. Outside of them, every \
command with --local starts it: `infra deploy --local`, and also `infra diff --local` or `infra status --local`. It runs \
until `infra local stop`.";

/// The verbs of `infra local`.
#[derive(Debug, Subcommand)]
pub enum Local {
    /// Start the local cloud, or say where it is already running
    #[command(after_help = "Examples:
  infra local start
  infra local start --pace 60        changes take a sixtieth of the time that they take in AWS
  aws --endpoint-url http://127.0.0.1:4566 ec2 describe-vpcs")]
    Start(Start),
    /// Stop the local cloud and its databases; everything is kept for the next start
    Stop(Folder),
    /// Show whether the local cloud is running, where, and what is in it
    Status(Query),
    /// Drop the database, create it again and apply the migrations; with --everything, delete the whole local cloud
    #[command(after_help = "Examples:
  infra local reset                drops, creates and migrates the database
  infra local reset --empty        drops and creates it; needs no description
  infra local reset --everything   deletes the whole local cloud

Without --everything, only the database itself is dropped: its cluster, snapshots and all other resources stay.")]
    Reset(Reset),
    /// Show how often each API action was called
    Calls(Calls),
    /// List every resource in the local cloud, in all accounts and regions
    #[command(
        after_help = "Log groups that AWS services created by themselves are left out: `aws logs describe-log-groups` lists them. That command finds the local cloud after `eval \"$(infra local env --shell)\"`."
    )]
    Inventory(Query),
    /// Make calls fail, to see how a deploy or your own program copes
    #[command(subcommand, after_help = fault::EXAMPLES)]
    Fault(fault::Fault),
    /// Show every call to the local cloud, one per line; with --service, what a service's program printed
    #[command(after_help = "Examples:
  infra local logs -f                      calls, as they come
  infra local logs --service -f            what the only service prints
  infra local logs --service web --events  what App Runner reports about web")]
    Logs(Logs),
    /// Print the environment variables for programs and AWS tools that use the local cloud
    #[command(after_help = "Examples:
  infra local env > .env.local          for programs that read such a file
  eval \"$(infra local env --shell)\"     for this shell (bash, zsh)
  eval \"$(infra local env --unset)\"     back to what the shell had before

Other shells:
  fish         infra local env --shell fish | source
  elvish       eval (infra local env --shell elvish | slurp)
  PowerShell   infra local env --shell powershell | Out-String | iex

Until --unset, the shell has credentials for the local cloud instead of yours: if a tool ignores AWS_ENDPOINT_URL, AWS refuses \
its calls, and nothing happens in your account.")]
    Env(Env),
    /// Open a psql prompt on the database, through its proxy
    Psql(Psql),
}

/// Where the local cloud lives.
#[derive(Debug, Clone, Args)]
pub struct Folder {
    /// The local cloud's folder, which holds everything that survives a restart
    #[arg(long, value_name = "DIR", default_value = client::DATA, env = "INFRA_LOCAL_DATA", hide_env_values = true)]
    data: PathBuf,
}

/// Arguments of the verbs that show something.
#[derive(Debug, Args)]
pub struct Query {
    #[command(flatten)]
    folder: Folder,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `infra local calls`.
#[derive(Debug, Args)]
pub struct Calls {
    #[command(flatten)]
    query: Query,
    /// Reset the counts to zero after showing them
    #[arg(long)]
    reset: bool,
}

/// Arguments of `infra local reset`.
#[derive(Debug, Args)]
pub struct Reset {
    #[command(flatten)]
    choice: Choice,
    /// The stack description whose migrations are applied
    #[arg(value_name = "FILE", default_value = "stack.yaml")]
    file: PathBuf,
    /// Leave the database empty
    #[arg(long)]
    empty: bool,
    /// Stop the local cloud and delete all its resources, databases and snapshots included
    #[arg(long)]
    everything: bool,
    /// Do not ask before `--everything` deletes snapshots, or the databases of several stacks
    #[arg(long, short)]
    yes: bool,
}

/// Arguments of `infra local logs`.
#[derive(Debug, Args)]
pub struct Logs {
    #[command(flatten)]
    folder: Folder,
    /// Show what the program of this service printed; the name can be left out if there is only one service. REGION/NAME if
    /// several have the name
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    service: Option<String>,
    /// Show what App Runner reports about the service instead: its deployments, and why they failed
    #[arg(long)]
    events: bool,
    /// Keep showing lines as they are added
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines to show first
    #[arg(short = 'n', long, default_value_t = 50)]
    lines: usize,
}

/// Which database is meant.
#[derive(Debug, Args)]
pub struct Choice {
    #[command(flatten)]
    folder: Folder,
    /// The stack whose database is meant, if there are several
    #[arg(long)]
    stack: Option<String>,
    /// The cluster's identifier, if there are several
    #[arg(long)]
    cluster: Option<String>,
}

/// The way to it.
#[derive(Debug, Args)]
pub struct Way {
    #[command(flatten)]
    choice: Choice,
    /// Bypass the proxy and connect to the cluster directly
    #[arg(long)]
    direct: bool,
}

/// Arguments of `infra local env`.
#[derive(Debug, Args)]
pub struct Env {
    #[command(flatten)]
    way: Way,
    /// Print commands that set the variables in this shell [default: the one in $SHELL]
    #[arg(long, value_name = "SHELL", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "clap's type for an option whose value may be left out")]
    shell: Option<Option<Shell>>,
    /// Print commands that undo `--shell` and restore the shell's own variables
    #[arg(long)]
    unset: bool,
}

/// Arguments of `infra local psql`.
#[derive(Debug, Args)]
pub struct Psql {
    #[command(flatten)]
    way: Way,
    /// Arguments for psql, e.g. `-- -c 'select 1'`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error("{0}")]
    Told(String),
    /// There is none at all in this cloud.
    #[error("{0}")]
    NoDatabase(String),
    /// These, of which none was chosen.
    #[error("There are several databases. Choose one with --stack or --cluster: {0}")]
    Databases(String),
    #[error("{}", .0.render(100, false))]
    Invalid(crate::stack::Invalid),
    #[error("{0:?}")]
    Report(miette::Report),
    #[error("Could not {what}: {cause}")]
    System { what: String, cause: std::io::Error },
}

impl Local {
    /// Does what was asked.
    pub fn run(self) -> ExitCode {
        let outcome = runtime(matches!(&self, Self::Start(start) if start.serves()))
            .map_err(|cause| Failure::System { what: "start the runtime".to_owned(), cause })
            .and_then(|runtime| runtime.block_on(self.perform()));
        match outcome {
            Ok(code) => code,
            // Whole pages of their own.
            Err(failure @ (Failure::Invalid(_) | Failure::Report(_))) => {
                tell(&failure.to_string());
                ExitCode::FAILURE
            }
            Err(failure) => {
                tell(&format!("{failure}."));
                ExitCode::FAILURE
            }
        }
    }

    async fn perform(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Start(start) => start.run().await?,
            Self::Stop(folder) => match client::stop(&folder.data).await? {
                Stopped::Daemon => {
                    print("The local cloud has stopped. Everything is kept for the next `infra local start`.")
                }
                Stopped::LeftBehind(servers) => everything::tell_left_behind(servers),
                Stopped::Nothing => print(&format!("No local cloud is running in {}.", folder.data.display())),
            },
            Self::Status(query) => return show::status(&query.folder.data, query.json).await,
            Self::Reset(reset) if reset.everything => {
                everything::forget(&reset.choice.folder.data, reset.yes).await?;
            }
            Self::Reset(reset) => database::reset(reset).await?,
            Self::Calls(calls) => {
                let data = &calls.query.folder.data;
                let counts = match calls.reset {
                    true => client::post(data, "calls/reset").await?,
                    false => client::get(data, "calls").await?,
                };
                show::calls(&counts, calls.query.json);
            }
            Self::Inventory(query) => {
                let items = client::get(&query.folder.data, "inventory").await?;
                show::inventory(&items, query.json);
            }
            Self::Fault(fault) => fault.run().await?,
            Self::Logs(logs) => {
                let data = &logs.folder.data;
                let path = match logs.service.as_deref().or(logs.events.then_some("")) {
                    Some(name) if logs.events => {
                        show::events(data, name, logs.lines, logs.follow).await?;
                        return Ok(ExitCode::SUCCESS);
                    }
                    Some(name) => service_log(data, name)?,
                    None => client::log_file(data)?,
                };
                show::logs(&path, logs.lines, logs.follow).await?;
            }
            Self::Env(env) => environment::env(&env).await?,
            Self::Psql(psql) => return database::psql(&psql.way, &psql.arguments).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn runtime(serving: bool) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = if serving {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2);
        builder
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    builder.enable_all().build()
}

/// The file with what the program of a service said: of this one, or of the only one there is.
fn service_log(data: &Path, name: &str) -> Result<PathBuf, Failure> {
    let all = service_log::all(data);
    let chosen = service_log::choose(&all, name).map_err(|unclear| match unclear {
        Unclear::Nothing => Failure::Told(
            "No program has run for a service yet. `service.local` in a description names the program to run"
                .to_owned(),
        ),
        Unclear::Unknown(names) => {
            Failure::Told(format!("No program has run for a service {name:?}. There are: {}", names.join(", ")))
        }
        Unclear::Several(names) => several(&names.join(", ")),
    })?;
    Ok(chosen.file(data))
}

fn several(names: &str) -> Failure {
    Failure::Told(format!("There are several services; name one of them with --service: {names}"))
}
