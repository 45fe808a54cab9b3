//! The data plane: the PostgreSQL servers behind the clusters and the poolers behind the proxies.
//!
//! A loop compares what the API wants ([`Wanted`]) with what runs, makes the difference real, and writes back
//! how far that is; a resource becomes `available` only then. What runs is found by pid files, so a daemon
//! that was killed is followed by one that adopts its servers.

mod asking;
mod backup;
mod begun;
pub(super) mod certificates;
pub(super) mod clearing;
mod connection;
mod extensions;
mod follower;
mod following;
mod health;
mod holding;
mod known_password;
pub(super) mod left_behind;
pub(super) mod listener;
mod log_exports;
mod master_user;
mod member_endpoints;
pub(super) mod momentary;
mod own_database;
mod pooler;
mod postgres;
mod process;
mod programs;
mod relay;
pub(super) mod replicas;
mod settings;
mod system;
pub(super) mod system_folder;
mod templates;
pub(super) mod wanted;
pub(super) mod ways;
mod works;

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    clusters::Cluster,
    instances::incompatible::Failures,
    phase::Progress,
    proxies::{Proxy, targets::Health},
};
use crate::local::{cloud::Cloud, world::Ctx};
use certificates::Authority;
use follower::FOLLOWER;
use holding::Holding;
use postgres::{SUPERUSER, Servers};
use relay::Relays;
use replicas::replica_name;
use system::User;
use wanted::{Aim, Check, Copy, Item, Place, Wanted};
use works::Works;

/// How long to wait for the next look when nothing wakes the plane: while something is under way, and else.
const RESTLESS: Duration = Duration::from_millis(200);
const QUIET: Duration = Duration::from_secs(2);

/// How long a target that was found healthy counts as such.
const HEALTHY: Duration = Duration::from_secs(20);

/// Keeps what runs in step with what the rds and secretsmanager stores say, until the cloud closes; then
/// stops everything it started, and returns.
pub(crate) async fn run(cloud: Arc<Cloud>) {
    let Some(servers) = open(&cloud).await else { return };
    // One may have the port that a pooler here is to have.
    left_behind::end_strays().await;
    let plane = Arc::new(Plane {
        servers,
        checked: Mutex::default(),
        works: Works::new(&cloud),
        failures: Failures::default(),
        warmed: AtomicBool::new(false),
    });
    plane.end_unknown().await;
    loop {
        let restless = plane.pass().await;
        tokio::select! {
            () = cloud.closed() => break,
            () = cloud.changed.notified() => {}
            () = tokio::time::sleep(if restless { RESTLESS } else { QUIET }) => {}
        }
    }
    // Never broken off: a server that was started a moment ago has no pid file yet, and nothing would stop it.
    plane.works.finish().await;
    plane.stop().await;
}

/// Tries until it can be done, which is never where the cloud closes before.
async fn open(cloud: &Arc<Cloud>) -> Option<Servers> {
    let mut told = String::new();
    loop {
        if cloud.stand().is_err() {
            return None;
        }
        let why = match Servers::open(cloud) {
            Ok(servers) => return Some(servers),
            Err(cause) => format!("The databases cannot run: {cause}"),
        };
        if why != told {
            cloud.log.line(&why);
            told = why;
        }
        tokio::select! {
            () = cloud.closed() => return None,
            () = tokio::time::sleep(QUIET) => {}
        }
    }
}

impl Servers {
    fn open(cloud: &Arc<Cloud>) -> io::Result<Self> {
        let user = User::choose()?;
        let authority = Authority::open(&cloud.data)?;
        let folder = user.folder(&cloud.data)?;
        cloud.servers.get_or_init(|| folder.clone());
        Ok(Self {
            user,
            folder,
            superuser: authority.sign_client(SUPERUSER)?,
            follower: authority.sign_client(FOLLOWER)?,
            authority,
            making_template: tokio::sync::Mutex::new(()),
            relays: Relays::default(),
            followers: following::Followers::default(),
            holding: Holding::default(),
            cloud: Arc::clone(cloud),
        })
    }
}

struct Plane {
    servers: Servers,
    checked: Mutex<Checked>,
    works: Arc<Works>,
    failures: Failures,
    /// Whether the template has been begun.
    warmed: AtomicBool,
}

/// By place and proxy: the circumstances of the last examination, when it was, and what it found.
type Checked = HashMap<(Place, String), (String, Instant, Health)>;

impl Plane {
    fn cloud(&self) -> &Arc<Cloud> {
        &self.servers.cloud
    }

    /// One comparison, and the beginning of what follows from it. Answers whether something is still under way.
    async fn pass(self: &Arc<Self>) -> bool {
        if self.cloud().stand().is_err() {
            return false;
        }
        self.keep_shared();
        let mut wanted = Wanted::of(&mut self.cloud().world());
        if wanted.expects && wanted.servers.is_empty() && !self.warmed.swap(true, Ordering::Relaxed) {
            // The next thing to come is a cluster: what takes longest is made by then.
            let make = |plane: Arc<Self>| async move {
                plane.servers.warm("15").await;
                false
            };
            self.work("template", make).await;
        }
        for item in std::mem::take(&mut wanted.servers) {
            let copies: Vec<Copy> =
                wanted.copies.iter().filter(|one| one.server.name == item.spec.name).cloned().collect();
            self.work(&item.spec.name.clone(), |plane| async move { plane.server(&item, &copies).await }).await;
        }
        for item in std::mem::take(&mut wanted.poolers) {
            let check = wanted.checks.iter().find(|check| check.pooler.name == item.spec.name).cloned();
            let name = item.spec.name.clone();
            self.work(&name, |plane| async move { plane.pooler(&item).await | plane.examine(check).await }).await;
        }
        self.remove_orphans(&wanted).await;
        wanted.restless
    }

    /// Begins what has to do with the folder `name`.
    async fn work<F>(self: &Arc<Self>, name: &str, work: impl FnOnce(Arc<Self>) -> F + Send + 'static)
    where
        F: Future<Output = bool> + Send + 'static,
    {
        let plane = Arc::clone(self);
        // What is in the place of a folder that has gone is another cloud's. Large, it is kept apart from what begins it.
        let work = Box::pin(async move { plane.cloud().is_there() && work(plane).await });
        self.works.begin(name, work).await;
    }

    /// Brings a cluster's servers to where they are to be, and copies their data where that is wanted.
    async fn server(&self, item: &Item<postgres::Wanted>, copies: &[Copy]) -> bool {
        if item.aim != Aim::Run {
            self.servers.hold_all(&item.spec);
            self.servers.stop(&replica_name(&item.spec.name)).await;
            self.servers.stop(&item.spec.name).await;
        }
        let outcome = match item.aim {
            Aim::Run => self.run(&item.spec).await,
            Aim::Rest => self.servers.prepare(&item.spec).await,
            Aim::End => Ok(()),
        };
        let done = outcome.is_ok();
        // What is wrong with a readers' server, or with an endpoint, keeps nobody from copying the data.
        let running = outcome.clone().or_else(|why| if self.servers.runs(&item.spec.name) { Ok(()) } else { Err(why) });
        let news = done && self.arrive(item);
        let news = news
            | self.report(&item.place, "db-cluster", item.wanted, outcome, |ctx| {
                ctx.region.rds.servers = Some(self.servers.folder.clone());
                let cluster = ctx
                    .region
                    .rds
                    .clusters
                    .get_mut(&item.id)
                    .filter(|found: &&mut Cluster| found.resource_id == item.spec.name)?;
                Some((cluster.arn.clone(), &mut cluster.progress))
            });
        if self.servers.export_logs(&item.place, &item.id) {
            self.save(&item.place);
        }
        news | self.copy(copies, running).await
    }

    /// Has a cluster's servers run; what has just failed is not tried again at once.
    async fn run(&self, wanted: &postgres::Wanted) -> Result<(), String> {
        let circumstances = format!("{wanted:?}");
        if let Some(why) = self.failures.recent(&wanted.name, &circumstances) {
            return Err(why);
        }
        let mut outcome = self.servers.ensure(wanted).await;
        if self.servers.runs(&wanted.name) {
            outcome = outcome.and(self.servers.lead_members(wanted).await);
        }
        self.failures.note(&wanted.name, circumstances, &outcome);
        outcome
    }

    /// Notes which instances have a server that answers for them. Answers whether that is news.
    fn arrive(&self, item: &Item<postgres::Wanted>) -> bool {
        let news = self.cloud().region(&item.place.account, &item.place.region, |ctx| {
            let instances = ctx.region.rds.instances.values_mut();
            let served = instances.filter(|one| item.members.contains(&one.resource_id) && !one.progress.complete());
            served.map(|one| one.progress.reached = one.progress.wanted).count() > 0
        });
        if news {
            self.save(&item.place);
        }
        news
    }

    async fn pooler(&self, item: &Item<pooler::Wanted>) -> bool {
        let outcome = match item.aim {
            Aim::Run => self.servers.ensure_pooler(&item.spec).await,
            Aim::Rest | Aim::End => {
                self.servers.stop_pooler(&item.spec.name).await;
                Ok(())
            }
        };
        let news = self.report(&item.place, "db-proxy", item.wanted, outcome, |ctx| {
            let store = &mut ctx.region.rds;
            let name = &item.spec.name;
            let proxy = store.proxies.get_mut(&item.id).filter(|proxy: &&mut Proxy| proxy.arn.ends_with(name.as_str()));
            if let Some(proxy) = proxy {
                return Some((proxy.arn.clone(), &mut proxy.progress));
            }
            let endpoint = store.proxy_endpoints.get_mut(&item.id)?;
            Some((endpoint.arn.clone(), &mut endpoint.progress))
        });
        if self.servers.export_pooler_log(&item.place, &item.spec) {
            self.save(&item.place);
        }
        news
    }

    /// Writes back how far something is, and answers whether that is news; only news reach the disk.
    fn report<F>(&self, place: &Place, kind: &str, reached: u64, outcome: Result<(), String>, find: F) -> bool
    where
        F: for<'a> FnOnce(&'a mut Ctx<'_>) -> Option<(String, &'a mut Progress)>,
    {
        if outcome.is_err() && self.cloud().is_closed() {
            // Broken off: it is nobody's fault.
            return false;
        }
        let news = self.cloud().region(&place.account, &place.region, |ctx| {
            let now = ctx.now;
            let (arn, progress) = find(ctx)?;
            let fault = outcome.err();
            if progress.fault == fault && (fault.is_some() || progress.reached == reached) {
                return None;
            }
            // The same trouble is told in other words at each attempt.
            let known = progress.fault.is_some();
            progress.fault.clone_from(&fault);
            match fault {
                None => progress.reached = reached,
                Some(why) => {
                    self.cloud().log.line(&format!("{arn}: {why}"));
                    if !known {
                        ctx.region.rds.note_incompatible(now, &arn, &why);
                        ctx.region.rds.note(now, kind, &arn, "failure", why);
                    }
                }
            }
            Some(())
        });
        if news.is_some() {
            self.save(place);
        }
        news.is_some()
    }

    fn save(&self, place: &Place) {
        if let Err(cause) = self.cloud().save(&place.account, &place.region) {
            self.cloud().log.line(&cause.to_string());
        }
    }

    /// Makes the copies of a cluster's data, if its server runs (`running`); what has just failed is not tried again at once.
    async fn copy(&self, copies: &[Copy], running: Result<(), String>) -> bool {
        let mut news = false;
        for copy in copies {
            if self.failures.recent(&copy.data, "").is_some() {
                continue;
            }
            let outcome = match &running {
                Err(why) if !self.servers.has_copied(&copy.data) => Err(why.clone()),
                _ => self.servers.copy(&copy.server, &copy.data).await,
            };
            if outcome.is_err() && self.cloud().is_closed() {
                // Broken off: it is nobody's fault.
                return news;
            }
            self.failures.note(&copy.data, String::new(), &outcome);
            let told = self.cloud().region(&copy.place.account, &copy.place.region, |ctx| {
                ctx.region.rds.note_copy(ctx.now, &copy.id, outcome)
            });
            told.iter().for_each(|line| self.cloud().log.line(line));
            self.save(&copy.place);
            news |= !told.is_empty();
        }
        news
    }

    fn checked(&self) -> std::sync::MutexGuard<'_, Checked> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds out a target's health. Attempts to connect may take long, and leave nothing behind.
    async fn examine(&self, check: Option<Check>) -> bool {
        let Some(check) = check else { return false };
        tokio::select! {
            news = self.check(&check) => news,
            () = self.cloud().closed() => false,
        }
    }

    async fn check(&self, check: &Check) -> bool {
        if !check.ready && check.wrong.is_none() {
            return false;
        }
        // Debug output hides passwords; their changes show by the number of users' secrets read anew.
        let key = (check.place.clone(), check.proxy.clone());
        let circumstances = format!("{check:?} {}", fingerprint(check));
        let last = self.checked().get(&key).cloned();
        let same = last.as_ref().is_some_and(|(before, _, _)| *before == circumstances);
        if same && last.is_some_and(|(_, when, health)| health == Health::Available && when.elapsed() < HEALTHY) {
            return false;
        }
        let health = self.servers.examine(check, same).await;
        self.checked().insert(key, (circumstances, Instant::now(), health.clone()));
        let news = self.cloud().region(&check.place.account, &check.place.region, |ctx| {
            let proxy = ctx.region.rds.proxies.get_mut(&check.proxy)?;
            let target = proxy.targets.iter_mut().find(|target| target.cluster == check.cluster)?;
            (target.health.as_ref() != Some(&health)).then(|| target.health = Some(health))
        });
        if news.is_some() {
            self.save(&check.place);
        }
        news.is_some()
    }
}

/// A number that changes with a check's credentials, which its debug output hides.
fn fingerprint(check: &Check) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    check.pooler.users.hash(&mut hasher);
    hasher.finish()
}
