//! The kind `migrations`: the Drizzle folder against its ledger, applied through the proxy, from here or by a function inside the VPC.

mod inside;
mod losses;
mod told;
mod work;

use std::{path::PathBuf, sync::Arc, time::Duration};

use aws_sdk_rds::types::DbProxy;
use serde::Serialize;

pub(crate) use self::inside::inside;
use self::{
    told::{Whence, remedy},
    work::Ledgered,
};
use crate::{
    aws::Result,
    engine::{Address, Change, Live, Obstacle, Phase, Ref, Resource, Scope, Times, attributes::touches},
    migrate::{
        Allow, Folder, Ledger, Plan, State,
        ledger::Contents,
        lint::Rule,
        plan::plan,
        refusal::{groups, refusals},
    },
    resources::{
        function::{self, Function},
        proxy::{self, Proxy},
        proxy_target::{self, ProxyTarget},
        secret::{self, Secret},
    },
    runner::bound,
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
    /// The function that applies them from inside the VPC; without one they are applied from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner: Option<Ref<Function>>,
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
    /// Nobody can tell from here.
    Unknown,
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
    /// In a live one: what the rest of the folder drops.
    pub losses: Vec<String>,
    /// Rules of the linter that are switched off.
    pub allowed: Vec<&'static Rule>,
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
        self.apply(&[], scope).await
    }

    async fn update(&self, live: &Live<Self>, _changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        match &live.spec.applied {
            Applied::Migrations(before) => self.apply(before, scope).await,
            Applied::Unknown => self.apply(&[], scope).await,
        }
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

    fn remark(live: &Live<Self>, changes: &[Change]) -> Option<String> {
        losses::told(&live.spec.settings.losses).filter(|_| touches(changes, "applied"))
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
        let (mut settings, mut phase) = (Settings::default(), Phase::Ready);
        // A proxy without a database that answers takes the connection and says nothing for a minute.
        let targets = proxy_target::ours(scope).await?;
        let is_behind = |target: &&Live<ProxyTarget>| target.spec.proxy.as_value() == proxy.db_proxy_name();
        let behind = targets.iter().find(is_behind);
        let found = match behind {
            None => Ledgered::Unknown("The proxy has no database behind it.".to_owned()),
            Some(Live { phase: Phase::Awaited(what), .. }) => Ledgered::Unknown(format!("not asked, since {what}")),
            // What is in its way is told once, where it is.
            Some(Live { phase: Phase::Blocked { .. }, address: target, .. }) => {
                Ledgered::Unknown(format!("{target} does not reach the database"))
            }
            Some(Live { phase: Phase::Changing(_), address: target, .. }) => {
                Ledgered::Unknown(format!("not asked, since {target} does not reach the database yet"))
            }
            Some(_) => match self.credentials_of(proxy, scope).await? {
                Some(secret) => self.ledger_at(host, &secret, scope).await?,
                None => Ledgered::NoSecret,
            },
        };
        let applied = match found {
            Ledgered::NoSecret => return Ok(None),
            // Nothing was ever applied, and that is all there is to say only where nothing is to be.
            Ledgered::Contents(contents) if contents.rows.is_empty() && !folder.migrations.is_empty() => {
                return Ok(None);
            }
            Ledgered::Unknown(why) => {
                phase = Phase::Unknown(format!("what is applied is unknown: {why}"));
                Applied::Unknown
            }
            Ledgered::Contents(contents) => {
                settings.obstacles = self.against(folder, &contents);
                let applied = applied(&plan(folder, &contents), folder);
                if applied.len() < folder.migrations.len() {
                    settings.losses = losses::losses(folder, &contents, &self.settings);
                }
                Applied::Migrations(applied)
            }
        };
        let live = Self {
            // A target that makes way for another one takes its database along: what is applied there is applied nowhere.
            target: behind.map_or_else(Ref::untold, |target| Ref::value(&target.id)),
            host: Ref::untold(),
            secret: Ref::untold(),
            runner: self.runner.as_ref().map(|_| Ref::untold()),
            ledger: self.ledger.clone(),
            applied,
            settings,
        };
        Ok(Some(Live::new(address.clone(), format!("{host}/{}", self.ledger), live).phase(phase)))
    }

    /// What the ledger says, asked from where it is applied.
    async fn ledger_at(&self, host: &str, secret: &str, scope: &Scope<'_>) -> Result<Ledgered> {
        let Some(runner) = &self.runner else { return self.settings.look(host, secret, scope.aws).await };
        let functions = function::ours(scope).await?;
        match functions.iter().find(|one| Some(&one.address) == runner.address()) {
            Some(one) if !is_bound(&one.spec, host, secret) => Ok(Ledgered::Unknown(format!(
                "The function {}, which asks it, is set for another proxy or secret, or none.",
                one.id
            ))),
            // One that is being changed answers, or does so soon.
            Some(one) if matches!(one.phase, Phase::Ready | Phase::Changing(_)) => {
                self.settings.look_inside(&one.id, scope.aws).await
            }
            Some(one) => Ok(Ledgered::Unknown(format!("The function {}, which asks it, is not ready.", one.id))),
            None => Ok(Ledgered::Unknown("The function that asks it is not there yet.".to_owned())),
        }
    }

    /// What stands against applying the folder to a ledger with these contents.
    fn against(&self, folder: &Folder, contents: &Contents) -> Vec<Obstacle> {
        let Settings { ledger, command, .. } = &self.settings;
        let plan = plan(folder, contents);
        let found = refusals(&plan, folder, ledger, contents.has_name, &Allow::default(), None);
        // The plan names them already: what is the matter with several is told once.
        groups(found, 2)
            .iter()
            .map(|refusal| Obstacle { reason: refusal.to_string(), remedy: remedy(refusal, refusal.option(), command) })
            .collect()
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

    /// Applies what is pending; `before` is what was applied when the ledger was read last.
    async fn apply(&self, before: &[String], scope: &Scope<'_>) -> Result<()> {
        let secret = self.secret.get(scope)?;
        let Some(runner) = &self.runner else {
            let host = self.host.get(scope)?;
            let mut tell = |text: String| scope.tell(text);
            return self.settings.apply(&host, &secret, scope.aws, scope.interrupt(), Whence::Here, &mut tell).await;
        };
        let has_moved = |found: &Ledgered| match (found, &self.settings.folder) {
            (Ledgered::Contents(now), Some(folder)) => applied(&plan(folder, now), folder) != before,
            _ => false,
        };
        self.settings.apply_inside(&runner.get(scope)?, &secret, scope, has_moved).await
    }
}

/// Whether a function works on this proxy with this secret: else it would tell of another ledger.
fn is_bound(function: &Function, host: &str, secret: &str) -> bool {
    let is = |name: &str, value: &str| function.environment.get(name).and_then(Ref::as_value) == Some(value);
    is(bound::HOST, host) && is(bound::SECRET, secret)
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
