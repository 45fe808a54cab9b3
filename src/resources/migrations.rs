//! The kind `migrations`: the Drizzle folder against its ledger, applied through the proxy.

use std::{path::PathBuf, sync::Arc, time::Duration};

use aws_sdk_rds::types::DbProxy;
use miette::GraphicalReportHandler;
use serde::Serialize;

use crate::{
    aws::{Class, Error, Result},
    engine::{Address, Change, Live, Obstacle, Phase, Ref, Resource, Scope, Times},
    migrate::{
        self, Allow, Client, ConnectError, Event, Failure, Folder, Ledger, Plan, Refusal, Roots, Secret as Password,
        State, Target, Tls, ledger::Contents, plan::plan, refusal::refusals,
    },
    resources::{
        proxy::{self, Proxy},
        proxy_target::{self, ProxyTarget},
        secret::{self, Secret, content::Content},
    },
};

/// The migrations of a folder, in one database. CDK has no such resource; there it is a Lambda custom resource.
///
/// Desired is the folder, live is the ledger; creating and updating apply what is pending. Nothing is ever undone.
#[derive(Debug, Clone, Serialize)]
pub struct Migrations {
    /// The proxy's target; migrations can be applied when it is available.
    pub target: Ref<ProxyTarget>,
    /// The proxy's endpoint: what is connected to.
    pub host: Ref<Proxy>,
    /// The secret with the credentials.
    pub secret: Ref<Secret>,
    /// The ledger, as `schema.table`.
    pub ledger: String,
    /// Every migration with the beginning of its hash: of the folder, or of the ledger.
    pub applied: Applied,
    /// What is not an attribute of a database.
    #[serde(skip)]
    pub settings: Settings,
}

/// What the ledger says.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Applied {
    /// One line a migration.
    Migrations(Vec<String>),
    /// Why nobody can tell from here.
    Unknown(String),
}

/// How to reach the database, and how to apply.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The folder, read and checked.
    pub folder: Option<Arc<Folder>>,
    /// The command that applies the folder alone.
    pub command: String,
    /// In a live one: what stands against applying the rest of the folder.
    pub obstacles: Vec<Obstacle>,
    /// The database.
    pub dbname: String,
    /// The port of the proxy.
    pub port: u16,
    /// The CA to trust in place of the public ones: the local cloud's, or PGSSLROOTCERT.
    pub ca: Option<PathBuf>,
    /// Where the ledger is.
    pub ledger: Ledger,
    /// How long a statement waits for a lock.
    pub lock_timeout: Duration,
    /// How long a statement may run.
    pub statement_timeout: Option<Duration>,
    /// All that is pending in one transaction.
    pub together: bool,
}

/// How far the way to the database leads.
enum Reached {
    Database(Box<Client>),
    /// There is no secret (yet).
    NoSecret,
    /// The secret cannot be read, or there is no use in what it holds.
    Not(Error),
    Unconnected(ConnectError),
}

/// How much of a hash is shown.
const HASH: usize = 8;

/// What the folder asks for, one line a migration.
pub fn wanted(folder: &Folder) -> Applied {
    Applied::Migrations(folder.migrations.iter().map(|one| line(&one.tag, &one.hash)).collect())
}

fn line(tag: &str, hash: &str) -> String {
    format!("{tag} {}", hash.get(..HASH).unwrap_or(hash))
}

impl Resource for Migrations {
    const KIND: &'static str = "migrations";
    const AFTER: &'static [&'static str] = &["secret-attachment"];
    const READS_SECRETS: bool = true;
    const TAGGED: bool = false;
    const TIMES: Times = Times::seconds(10, 10, 0);

    /// There is no list of migrations in AWS: what the description names is looked up in its ledger.
    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let mut live = Vec::new();
        for desired in scope.described.iter().filter(|desired| desired.kind == Self::KIND) {
            if let Some(spec) = desired.spec::<Self>() {
                live.extend(spec.look(&desired.address, scope).await?);
            }
        }
        Ok(live)
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let host = self.host.get(scope)?;
        let secret = self.secret.get(scope)?;
        self.apply(&host, &secret, scope).await
    }

    async fn update(&self, _live: &Live<Self>, _changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        self.create(scope).await
    }

    /// What the migrator will refuse, said before anything is done. A ledger that cannot be read says nothing.
    fn obstacles(&self, live: Option<&Live<Self>>) -> Vec<Obstacle> {
        match live {
            Some(live) => live.spec.settings.obstacles.clone(),
            None => {
                self.settings.folder.as_ref().map_or_else(Vec::new, |folder| self.against(folder, &Contents::default()))
            }
        }
    }

    /// What is in the database goes with the database.
    async fn delete(_live: &Live<Self>, _scope: &Scope<'_>) -> Result<()> {
        Ok(())
    }
}

impl Migrations {
    /// Reads the ledger, if there is a proxy to read it through.
    async fn look(&self, address: &Address, scope: &Scope<'_>) -> Result<Option<Live<Self>>> {
        let proxies = proxy::ours(scope).await?;
        let is_ready = |proxy: &DbProxy| proxy.status().is_some_and(|status| status.as_str() == "available");
        let ours = proxies.iter().filter(|one| Some(&one.address) == self.host.address());
        let Some(proxy) = ours.map(|one| &one.proxy).find(|proxy| is_ready(proxy)) else { return Ok(None) };
        let (Some(host), Some(folder)) = (proxy.endpoint(), &self.settings.folder) else { return Ok(None) };
        let mut settings = Settings::default();
        // A proxy without a database takes the connection and says nothing for a minute.
        let targets = proxy_target::ours(scope).await?;
        let is_behind = |target: &&Live<ProxyTarget>| target.spec.proxy.as_value() == proxy.db_proxy_name();
        let behind = targets.iter().find(is_behind);
        let reached = match behind {
            None => Reached::Not(Error::other("The proxy has no database behind it.")),
            Some(Live { phase: Phase::Blocked { why, .. }, .. }) => Reached::Not(Error::other(why)),
            Some(_) => match self.credentials_of(proxy, scope).await? {
                Some(secret) => self.connect(host, &secret, scope).await?,
                None => Reached::NoSecret,
            },
        };
        let applied = match reached {
            Reached::NoSecret => return Ok(None),
            Reached::Not(error) => Applied::Unknown(format!("unknown: {}", error.message)),
            Reached::Unconnected(error) => Applied::Unknown(format!("unknown: {error}")),
            Reached::Database(client) => match self.settings.ledger.read(&client).await {
                // Nothing was ever applied.
                Ok(contents) if contents.rows.is_empty() => return Ok(None),
                Ok(contents) => {
                    settings.obstacles = self.against(folder, &contents);
                    Applied::Migrations(applied(&plan(folder, &contents), folder))
                }
                Err(error) => Applied::Unknown(format!("unknown: {error}")),
            },
        };
        let live = Self {
            // A target that makes way for another one takes its database along: what is applied there is applied nowhere.
            target: behind.map_or_else(Ref::untold, |target| Ref::value(&target.id)),
            host: Ref::untold(),
            secret: Ref::untold(),
            ledger: self.ledger.clone(),
            applied,
            settings,
        };
        Ok(Some(Live::new(address.clone(), format!("{host}/{}", self.ledger), live)))
    }

    /// What stands against applying the folder to a ledger with these contents.
    fn against(&self, folder: &Folder, contents: &Contents) -> Vec<Obstacle> {
        let Settings { ledger, command, .. } = &self.settings;
        let plan = plan(folder, contents);
        let found = refusals(&plan, folder, ledger, contents.has_name, Allow::default(), None);
        found.iter().map(|refusal| Obstacle { reason: refusal.to_string(), remedy: remedy(refusal, command) }).collect()
    }

    /// The ARN of the stack's own secret, whatever its name: where there are two, while one takes the other's place, the one
    /// that the proxy logs in with.
    async fn credentials_of(&self, proxy: &DbProxy, scope: &Scope<'_>) -> Result<Option<String>> {
        let secrets = secret::ours(scope).await?;
        let here = secrets.iter().filter(|(address, _)| Some(address) == self.secret.address());
        let of_proxy = |arn: &&str| proxy.auth().iter().any(|auth| auth.secret_arn() == Some(arn));
        let arn = here.filter_map(|(_, secret)| secret.arn()).max_by_key(of_proxy);
        Ok(arn.map(str::to_owned))
    }

    /// A connection with the secret's credentials.
    async fn connect(&self, host: &str, secret: &str, scope: &Scope<'_>) -> Result<Reached> {
        let call = scope.aws.secretsmanager.get_secret_value().secret_id(secret).send().await;
        let answer = match call.map_err(Error::from) {
            Ok(answer) => answer,
            // Scheduled for deletion counts as gone.
            Err(error) if error.class == Class::NotFound || error.is("InvalidRequestException") => {
                return Ok(Reached::NoSecret);
            }
            Err(error) if error.class == Class::Denied => return Ok(Reached::Not(error)),
            Err(error) => return Err(error),
        };
        let Some((user, password)) = credentials(answer.secret_string().unwrap_or_default()) else {
            let error = format!("The secret {secret} does not hold a JSON object with `username` and `password`.");
            return Ok(Reached::Not(Error::other(error).advise(
                "Store {\"username\": …, \"password\": …} of the master user in it, and run the same command again.",
            )));
        };
        let target = Target {
            host: host.to_owned(),
            port: self.settings.port,
            dbname: self.settings.dbname.clone(),
            user,
            password,
            tls: Tls::Verify(Roots::of(self.settings.ca.clone())),
            connect_timeout: migrate::target::CONNECT_TIMEOUT,
        };
        Ok(match Client::connect(&target).await {
            Ok(client) => Reached::Database(Box::new(client)),
            Err(error) => Reached::Unconnected(error),
        })
    }

    async fn apply(&self, host: &str, secret: &str, scope: &Scope<'_>) -> Result<()> {
        let Some(folder) = &self.settings.folder else { return Ok(()) };
        let mut client = match self.connect(host, secret, scope).await? {
            Reached::Database(client) => client,
            Reached::Unconnected(error @ ConnectError::Unreachable { .. }) => return Err(outside(&error)),
            Reached::Unconnected(error) => return Err(report(&error)),
            Reached::Not(error) => return Err(error),
            Reached::NoSecret => {
                return Err(Error::new(Class::NotYet, format!("The secret {secret} cannot be read yet.")));
            }
        };
        let options = migrate::Options {
            lock_timeout: self.settings.lock_timeout,
            statement_timeout: self.settings.statement_timeout,
            together: self.settings.together,
            interrupt: scope.interrupt(),
            ..migrate::Options::default()
        };
        let mut tell = |event: Event| scope.tell(told(event));
        match migrate::apply(&mut client, folder, &self.settings.ledger, &options, &mut tell).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(told_failure(&failure, &self.settings.command)),
        }
    }
}

/// What to do about a refusal, with the command that has the option for it.
fn remedy(refusal: &Refusal, command: &str) -> String {
    let help = miette::Diagnostic::help(refusal).map(|help| help.to_string()).unwrap_or_default();
    match refusal.option() {
        Some(option) => format!("{help} Here that is: {command} {option}"),
        None => help,
    }
}

/// What the ledger holds, in the same words as what the folder asks for. Rows of migrations that are not in the folder are
/// left out: with nothing to apply, an older folder is how a service is rolled back; else they are an obstacle.
fn applied(plan: &Plan, folder: &Folder) -> Vec<String> {
    let known = plan.migrations.iter().filter_map(|one| match &one.state {
        State::Applied { .. } => {
            let migration = folder.migrations.iter().find(|migration| migration.tag == one.tag)?;
            Some(line(&one.tag, &migration.hash))
        }
        State::Edited { applied_hash, .. } => Some(line(&one.tag, applied_hash)),
        _ => None,
    });
    known.collect()
}

fn credentials(text: &str) -> Option<(String, Password)> {
    let content = Content::parse(text)?;
    Some((content.username()?.to_owned(), Password::new(content.password()?.reveal())))
}

fn told(event: Event) -> String {
    match event {
        Event::Waiting => "waiting for another migrator".to_owned(),
        Event::Held { by } => format!("waiting for {by}"),
        Event::Started { tag } => format!("applying {tag}"),
        Event::Empty { tag, .. } => format!("{tag} has no statement: nothing ran"),
        Event::Accepted { tag } => format!("{tag}: its hash in the ledger is now that of the edited file"),
        Event::Late { tag, after } => format!("{tag} runs although {after} after it is applied"),
        Event::Together { count, apart } => format!("{} migrations in one transaction", count - apart.len()),
        Event::Twice { tag, rows } => format!("{tag} is recorded {} times: two migrators ran it at once", rows.len()),
        // The whole statement may hold what is no one's business (CREATE ROLE … PASSWORD).
        Event::Statement { tag, number, of, text } => {
            let verb: Vec<&str> = text.split_whitespace().take(2).collect();
            format!("{tag} {number}/{of}: {}", verb.join(" "))
        }
        Event::Applied { tag, millis } => format!("applied {tag} in {millis} ms"),
        Event::Retrying { tag, attempt, of, message, .. } => format!("{tag}: {message}; attempt {attempt} of {of}"),
        Event::Resumed { tag, done, of } => format!("going on with {tag} after statement {done} of {of}"),
        Event::Dropped { tag, index } => format!("{tag}: dropped the INVALID index {index} of a failed attempt"),
        Event::Notice { severity, message } => format!("{severity}: {message}"),
    }
}

/// A private proxy and a laptop.
fn outside(error: &ConnectError) -> Error {
    Error::other(format!(
        "{error} An RDS Proxy can only be reached from inside its VPC, and this command runs outside of it."
    ))
    .advise(
        "Run the same command inside the VPC (a CI runner, a bastion, CloudShell in the VPC), and let that machine in: its \
         address range or security group goes into `proxy.allow_from`. Or give --skip-migrations, and apply them from there \
         with `infra migrate apply`. Everything before this stands.",
    )
}

/// Why not everything was applied.
fn told_failure(failure: &Failure, command: &str) -> Error {
    match failure {
        Failure::Refused { refusals, .. } => {
            let reasons: Vec<String> =
                refusals.iter().map(|refusal| format!("{refusal}\n    {}", remedy(refusal, command))).collect();
            Error::other(format!("{failure}\n{}", reasons.join("\n")))
        }
        Failure::Statement(_) => report(failure)
            .advise("What was applied before it stands. Mend the migration and run the same command again."),
        Failure::Busy { .. } => {
            let unlock = command.replacen("migrate apply", "migrate unlock", 1);
            report(failure).advise(format!("Here that is: {unlock}"))
        }
        other => report(other).advise("What was applied before it stands. Run the same command again."),
    }
}

/// The migrator's own report, with the file, the line and the statement.
fn report(error: &dyn miette::Diagnostic) -> Error {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor());
    if handler.render_report(&mut text, error).is_err() {
        text = error.to_string();
    }
    Error::other(text.trim().to_owned())
}
