//! Verifying: is what the applied migrations make really in the database?
//!
//! The applied migrations are run again, by the same engine, in a scratch database; then the two catalogs are compared. So
//! nothing has to be understood of the SQL, and PostgreSQL itself writes down both sides. Where the database's server lends
//! no scratch database, a PostgreSQL of this machine does; where there is none, or the migrations do not run again, what
//! their statements name is looked for instead. The report says which way it was.
//!
//! - [`replay`], `reach`: which statements are run again, and which must not be
//! - `notes`: what a reader has to know besides
//! - `scratch`, `own_server`: the database that they are run in, and a server for it
//! - `unreplayed`: why they were not run
//! - [`compare`]: the two catalogs
//! - [`named`], `effect`, `expected`, `words`, [`presence`]: what statements name, and the cheap look for it that follows every apply

mod absent;
pub mod compare;
mod effect;
mod expected;
mod guarded;
pub mod named;
mod notes;
mod own_server;
pub mod presence;
mod reach;
pub mod replay;
mod scratch;
mod unreplayed;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use miette::Diagnostic;
use serde::Serialize;
use thiserror::Error;
use tokio::sync::watch;

use super::apply::apply;
use super::catalog::Catalog;
use super::connect::Client;
use super::event::Event;
use super::failure::Failure;
use super::folder::{Folder, Migration};
use super::ledger::{Ledger, LedgerError};
use super::options::Options;
use super::plan::plan;
use super::target::Target;
use super::transaction::raised;
use compare::{Difference, compare, number, passed_over, touched};
use named::{Named, named, unnamed};
use notes::{note_of, notes};
use own_server::OwnServer;
use replay::Replay;
use scratch::{Likeness, Scratch, said};
pub use unreplayed::Unreplayed;

/// How to verify.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// The schemas to compare; none: those that the migrations touch.
    pub schemas: Vec<String>,
    /// Where to make the scratch database; none: on the server of the database itself.
    pub scratch: Option<Target>,
    /// Where that server lends none, start a PostgreSQL on this machine for it.
    pub own_server: bool,
    /// Make no scratch database: look for what the statements name.
    pub without_replay: bool,
    /// Becomes true when the user wants to stop.
    pub interrupt: Option<watch::Receiver<bool>>,
}

/// Which way it was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "way", rename_all = "kebab-case")]
pub enum Way {
    /// Replayed in a scratch database on the same server.
    SameServer,
    /// Replayed in a scratch database on the server that was named for it.
    NamedServer,
    /// Replayed on a server that was started on this machine for it.
    OwnServer {
        /// Its major version.
        major: String,
        /// Why not on the database's own server.
        because: String,
    },
    /// Object by object, as the statements name them: only what is missing is found.
    Statements {
        /// Why not better.
        because: Unreplayed,
    },
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which way it was found.
    pub way: Way,
    /// How many migrations are applied.
    pub migrations: usize,
    /// How long the replay took, in milliseconds.
    pub millis: u64,
    /// How many objects the migrations make in the schemas that were compared.
    pub objects: usize,
    /// The schemas that were compared.
    pub schemas: BTreeSet<String>,
    /// Whether they were named, and others left out.
    pub chosen: bool,
    /// The differences of the catalogs.
    pub differences: Vec<Difference>,
    /// What the statements name and the database has not; only where nothing was replayed.
    pub absent: Vec<Named>,
    /// How many of each kind the migrations make that nothing looks at.
    pub uncompared: BTreeMap<String, usize>,
    /// What a reader has to know besides, a sentence each.
    pub notes: Vec<String>,
    /// As the database is; empty where nothing was replayed.
    pub live: Catalog,
}

impl Report {
    /// Whether there was nothing to look for: that everything is there would say nothing then.
    pub fn is_empty(&self) -> bool {
        self.objects == 0 && self.is_same()
    }

    /// Whether everything is there as the migrations make it, and nothing else.
    pub fn is_same(&self) -> bool {
        self.differences.is_empty() && self.absent.is_empty()
    }
}

/// Why nothing can be said.
#[derive(Debug, Error, Diagnostic)]
pub enum VerifyError {
    /// The ledger cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Ledger(#[from] LedgerError),
    /// The catalog cannot be read.
    #[error("The database cannot be read: {0}.")]
    Catalog(String),
    /// The server that was named for the scratch database cannot be used for it.
    #[error("The migrations cannot be replayed on the server of --scratch-url: {0}.")]
    #[diagnostic(help(
        "The user of --scratch-url has to have CREATEDB there, and a new database has to be reachable."
    ))]
    Scratch(String),
    /// A schema that was named is nowhere.
    #[error("There is no schema {name}, neither in the database nor among what its migrations make.")]
    #[diagnostic(help("{}", suggestion.as_ref().map_or_else(
        || "Correct --schema, or leave it out: then those that the migrations touch are compared.".to_owned(),
        |it| format!("Did you mean {it}?"),
    )))]
    NoSchema {
        /// What was asked for.
        name: String,
        /// The nearest one.
        suggestion: Option<String>,
    },
    /// Interrupted by the user.
    #[error("Interrupted. The scratch database is removed; the database was not touched.")]
    Interrupted,
}

impl From<tokio_postgres::Error> for VerifyError {
    fn from(error: tokio_postgres::Error) -> Self {
        VerifyError::Catalog(said(&error))
    }
}

/// Compares the database with what its applied migrations make.
pub async fn verify(
    client: &Client,
    folder: &Folder,
    ledger: &Ledger,
    how: &How,
    events: &mut (dyn FnMut(Event) + Send + Sync),
) -> Result<Report, VerifyError> {
    let plan = plan(folder, &ledger.read(client).await?);
    let mut report = of_migrations(client, folder, &replay::applied(folder, &plan), ledger, how, events).await?;
    report.notes.splice(0..0, notes(&plan));
    Ok(report)
}

/// Compares the database with what these migrations make, run in this order.
pub async fn of_migrations(
    client: &Client,
    folder: &Folder,
    migrations: &[&Migration],
    ledger: &Ledger,
    how: &How,
    events: &mut (dyn FnMut(Event) + Send + Sync),
) -> Result<Report, VerifyError> {
    let because = if migrations.is_empty() {
        Unreplayed::Nothing
    } else if how.without_replay {
        Unreplayed::Asked
    } else {
        let work = Work { client, ledger, how };
        match work.replayed(&Replay::of(folder, migrations), events).await? {
            Ok(report) => return Ok(report),
            Err(because) => because,
        }
    };
    let mut expected = named(migrations);
    let uncompared = unnamed(migrations);
    let chosen = !how.schemas.is_empty();
    if chosen {
        let rows = client.rows("SELECT nspname FROM pg_catalog.pg_namespace").await?;
        let live = rows.iter().filter_map(|row| row.get(0)).map(str::to_owned);
        known(&how.schemas, &live.chain(expected.iter().filter_map(|it| it.schema.clone())).collect())?;
        expected.retain(|it| how.schemas.contains(it.schema.as_ref().unwrap_or(&PUBLIC.to_owned())));
    }
    let objects = expected.len();
    let schemas = expected.iter().filter_map(|it| it.schema.clone()).filter(|schema| !schema.is_empty()).collect();
    Ok(Report {
        way: Way::Statements { because },
        migrations: migrations.len(),
        millis: 0,
        objects,
        schemas,
        chosen,
        differences: Vec::new(),
        absent: absent::absent(client, expected).await?,
        notes: note_of(&uncompared, "Not looked for").into_iter().collect(),
        uncompared,
        live: Catalog::default(),
    })
}

struct Work<'a> {
    client: &'a Client,
    ledger: &'a Ledger,
    how: &'a How,
}

impl Work<'_> {
    /// Replays and compares; the inner error is why that could not be done.
    async fn replayed(
        &self,
        replay: &Replay,
        events: &mut (dyn FnMut(Event) + Send + Sync),
    ) -> Result<Result<Report, Unreplayed>, VerifyError> {
        if let Some(statement) = &replay.refused {
            return Ok(Err(Unreplayed::Beyond(statement.clone())));
        }
        let live = Catalog::read(self.client, self.ledger).await?;
        let like = Likeness::of(self.client).await?;
        let Found { mut scratch, way, server } = match self.scratch(&like).await? {
            Ok(found) => found,
            Err(because) => return Ok(Err(Unreplayed::NoScratch(because))),
        };
        let started = Instant::now();
        let mut notes = prepare(&scratch, &like, replay).await;
        let wanted = self.run(&mut scratch, replay, events).await;
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Err(left) = scratch.remove().await {
            notes.push(left);
        }
        if let Some(server) = server {
            server.stop().await;
        }
        let wanted = match wanted? {
            Ok(wanted) => wanted,
            Err(reason) => return Ok(Err(Unreplayed::NotAgain(reason))),
        };
        let schemas = match &self.how.schemas[..] {
            [] => touched(&wanted, self.ledger),
            named => {
                known(named, &wanted.objects.keys().chain(live.objects.keys()).map(|id| id.schema.clone()).collect())?;
                named.iter().cloned().collect()
            }
        };
        if !replay.left_out.is_empty() {
            notes.push(format!(
                "Not run again, because it reaches beyond the database: {}.",
                replay.left_out.join("; ")
            ));
        }
        let chosen = !self.how.schemas.is_empty();
        if !chosen {
            notes.extend(passed_over(&wanted, &live, &schemas));
        }
        notes.extend(note_of(&wanted.uncompared, "Not compared"));
        Ok(Ok(Report {
            way,
            migrations: replay.folder.migrations.len(),
            millis,
            objects: number(&wanted, &schemas),
            differences: compare(&wanted, &live, &schemas),
            absent: Vec::new(),
            schemas,
            chosen,
            uncompared: wanted.uncompared,
            notes,
            live,
        }))
    }

    /// A scratch database, by the first way that there is; the inner error is why there is none.
    async fn scratch(&self, like: &Likeness) -> Result<Result<Found, String>, VerifyError> {
        let found = |scratch, way| Ok(Ok(Found { scratch, way, server: None }));
        if let Some(named) = &self.how.scratch {
            let scratch = Scratch::make(named, like)
                .await
                .map_err(|error| VerifyError::Scratch(error.to_string().trim_end_matches('.').to_owned()))?;
            return found(scratch, Way::NamedServer);
        }
        let because = match Scratch::make(self.client.target(), like).await {
            Ok(scratch) => return found(scratch, Way::SameServer),
            Err(error) => error.to_string(),
        };
        if !self.how.own_server {
            return Ok(Err(because));
        }
        let own = async {
            let server = OwnServer::start(self.client).await?;
            let scratch = Scratch::make(&server.target, &like.of_any_machine()).await;
            Ok::<_, String>((scratch.map_err(|error| error.to_string())?, server))
        };
        let own = tokio::select! {
            own = own => own,
            () = raised(self.how.interrupt.clone()) => return Err(VerifyError::Interrupted),
        };
        Ok(match own {
            Err(neither) => Err(format!("{because}, and {neither}")),
            Ok((scratch, server)) => Ok(Found {
                scratch,
                way: Way::OwnServer { major: server.major.clone(), because },
                server: Some(server),
            }),
        })
    }

    /// The catalog that the migrations make; the inner error is why they do not run.
    async fn run(
        &self,
        scratch: &mut Scratch,
        replay: &Replay,
        events: &mut (dyn FnMut(Event) + Send + Sync),
    ) -> Result<Result<Catalog, String>, VerifyError> {
        let options = Options { interrupt: self.how.interrupt.clone(), ..Options::default() };
        match apply(&mut scratch.client, &replay.folder, self.ledger, &options, events).await {
            Ok(_) => Ok(Ok(Catalog::read(&scratch.client, self.ledger).await?)),
            Err(Failure::Interrupted { .. }) => Err(VerifyError::Interrupted),
            Err(failure) => Ok(Err(reason(&failure))),
        }
    }
}

/// Where a name without a schema is, as Drizzle writes it.
const PUBLIC: &str = "public";

/// An error if one of these schemas is not among those that there are.
fn known(schemas: &[String], there: &BTreeSet<String>) -> Result<(), VerifyError> {
    let Some(name) = schemas.iter().find(|name| !there.contains(*name)) else { return Ok(()) };
    let likeness = |other: &String| strsim::jaro_winkler(other, name);
    let near = there.iter().filter(|other| !other.is_empty() && likeness(other) > 0.7);
    let suggestion = near.max_by(|one, other| likeness(one).total_cmp(&likeness(other))).cloned();
    Err(VerifyError::NoSchema { name: name.clone(), suggestion })
}

/// Where to replay.
struct Found {
    scratch: Scratch,
    way: Way,
    server: Option<OwnServer>,
}

/// One line of why the replay failed.
fn reason(failure: &Failure) -> String {
    let text = match failure {
        Failure::Refused { refusals, .. } => refusals.first().map(ToString::to_string).unwrap_or_default(),
        other => other.to_string(),
    };
    text.trim_end_matches('.').to_owned()
}

/// Makes the extensions that the database has and the migrations rely on without making them.
async fn prepare(scratch: &Scratch, like: &Likeness, replay: &Replay) -> Vec<String> {
    let made = replay.extensions();
    let mut notes = scratch.unlike.clone();
    for (name, schema) in like.extensions.iter().filter(|(name, _)| !made.contains(name)) {
        if let Err(reason) = scratch.extend(name, schema).await {
            notes.push(format!("The extension {name} could not be made in the scratch database: {reason}."));
        }
    }
    notes
}
