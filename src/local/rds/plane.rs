//! The data plane: the PostgreSQL servers behind the clusters and the poolers behind the proxies.
//!
//! A loop compares what the API wants ([`Wanted`]) with what runs, makes the difference real, and writes back
//! how far that is; a resource becomes `available` only then. What runs is found by pid files, so a daemon
//! that was killed is followed by one that adopts its servers.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    certificates::{self, Authority},
    clusters::Cluster,
    phase::Progress,
    postgres::{SUPERUSER, Servers},
    proxies::Proxy,
    relay::Relays,
    replicas::replica_name,
    system::User,
    targets::Health,
    wanted::{Aim, Check, Copy, Item, Place, Wanted},
};
use crate::local::{cloud::Cloud, databases::Database, world::Ctx};
use futures::future::join_all;

/// How long to wait for the next look when nothing wakes the plane: while something is under way, and else.
const RESTLESS: Duration = Duration::from_millis(200);
const QUIET: Duration = Duration::from_secs(2);

/// How long a target that was found healthy counts as such.
const HEALTHY: Duration = Duration::from_secs(20);

/// Keeps what runs in step with what the rds and secretsmanager stores say, until the cloud closes; then
/// stops everything it started, and returns.
pub(crate) async fn run(cloud: Arc<Cloud>) {
    let servers = match Servers::open(&cloud) {
        Ok(servers) => Arc::new(servers),
        Err(cause) => {
            cloud.log.line(&format!("The databases cannot run: {cause}"));
            return cloud.closed().await;
        }
    };
    let plane = Plane { servers, checked: Mutex::new(HashMap::new()) };
    loop {
        // Never broken off: a server that was started a moment ago has no pid file yet, and nothing would stop it.
        let restless = plane.pass().await;
        tokio::select! {
            () = cloud.closed() => break,
            () = cloud.changed.notified() => {}
            () = tokio::time::sleep(if restless { RESTLESS } else { QUIET }) => {}
        }
    }
    plane.stop().await;
}

impl Servers {
    fn open(cloud: &Arc<Cloud>) -> io::Result<Self> {
        let user = User::choose()?;
        let authority = Authority::open(&cloud.data)?;
        Ok(Self {
            user,
            folder: user.folder(&cloud.data)?,
            superuser: authority.sign_client(SUPERUSER)?,
            authority,
            making_template: tokio::sync::Mutex::new(()),
            relays: Relays::default(),
            cloud: Arc::clone(cloud),
        })
    }
}

struct Plane {
    servers: Arc<Servers>,
    checked: Mutex<Checked>,
}

/// By place and proxy: the circumstances of the last examination, when it was, and what it found.
type Checked = HashMap<(Place, String), (String, Instant, Health)>;

impl Plane {
    fn cloud(&self) -> &Arc<Cloud> {
        &self.servers.cloud
    }

    /// One comparison and what follows from it. Answers whether something is still under way.
    async fn pass(&self) -> bool {
        let wanted = Wanted::of(self.cloud());
        if wanted.expects && wanted.servers.is_empty() {
            // The next thing to come is a cluster: what takes longest is made by then.
            let servers = Arc::clone(&self.servers);
            tokio::spawn(async move { servers.warm("15").await });
        }
        let servers = join_all(wanted.servers.iter().map(|item| self.server(item)));
        let poolers = join_all(wanted.poolers.iter().map(|item| self.pooler(item)));
        tokio::join!(servers, poolers);
        join_all(wanted.copies.iter().map(|copy| self.copy(copy))).await;
        // Attempts to connect may take long, and leave nothing behind.
        tokio::select! {
            _ = join_all(wanted.checks.iter().map(|check| self.check(check))) => {}
            () = self.cloud().closed() => return false,
        }
        self.remove_orphans(&wanted).await;
        // What was reached may have ended what was under way; what was not goes on.
        wanted.restless
    }

    async fn server(&self, item: &Item<super::postgres::Wanted>) {
        if item.aim != Aim::Run {
            self.servers.stop(&replica_name(&item.spec.name)).await;
            self.servers.stop(&item.spec.name).await;
        }
        let outcome = match item.aim {
            Aim::Run => self.servers.ensure(&item.spec).await,
            Aim::Rest => self.servers.prepare(&item.spec).await,
            Aim::End => Ok(()),
        };
        self.report(&item.place, "db-cluster", item.wanted, outcome, |ctx| {
            ctx.region.rds.servers = Some(self.servers.folder.clone());
            let cluster = ctx
                .region
                .rds
                .clusters
                .get_mut(&item.id)
                .filter(|found: &&mut Cluster| found.resource_id == item.spec.name)?;
            Some((cluster.arn.clone(), &mut cluster.progress))
        });
    }

    async fn pooler(&self, item: &Item<super::pooler::Wanted>) {
        let outcome = match item.aim {
            Aim::Run => self.servers.ensure_pooler(&item.spec).await,
            Aim::Rest | Aim::End => {
                self.servers.stop_pooler(&item.spec.name).await;
                Ok(())
            }
        };
        self.report(&item.place, "db-proxy", item.wanted, outcome, |ctx| {
            let store = &mut ctx.region.rds;
            let name = &item.spec.name;
            let proxy = store.proxies.get_mut(&item.id).filter(|proxy: &&mut Proxy| proxy.arn.ends_with(name.as_str()));
            if let Some(proxy) = proxy {
                return Some((proxy.arn.clone(), &mut proxy.progress));
            }
            let endpoint = store.proxy_endpoints.get_mut(&item.id)?;
            Some((endpoint.arn.clone(), &mut endpoint.progress))
        });
    }

    /// Writes back how far something is; only news reach the disk.
    fn report<F>(&self, place: &Place, kind: &str, reached: u64, outcome: Result<(), String>, find: F)
    where
        F: for<'a> FnOnce(&'a mut Ctx<'_>) -> Option<(String, &'a mut Progress)>,
    {
        let news = self.cloud().region(&place.account, &place.region, |ctx| {
            let now = ctx.now;
            let (arn, progress) = find(ctx)?;
            let fault = outcome.err();
            if progress.fault == fault && (fault.is_some() || progress.reached == reached) {
                return None;
            }
            progress.fault.clone_from(&fault);
            match fault {
                None => progress.reached = reached,
                Some(why) => {
                    self.cloud().log.line(&format!("{arn}: {why}"));
                    ctx.region.rds.note(now, kind, &arn, "failure", why);
                }
            }
            Some(())
        });
        if news.is_some() {
            self.save(place);
        }
    }

    fn save(&self, place: &Place) {
        if let Err(cause) = self.cloud().save(&place.account, &place.region) {
            self.cloud().log.line(&cause.to_string());
        }
    }

    async fn copy(&self, copy: &Copy) {
        let outcome = self.servers.copy(&copy.server, &copy.data).await;
        self.cloud().region(&copy.place.account, &copy.place.region, |ctx| {
            let now = ctx.now;
            let Some(snapshot) = ctx.region.rds.snapshots.get_mut(&copy.id) else { return };
            let arn = snapshot.arn.clone();
            match outcome {
                Ok(()) => {
                    snapshot.copied = true;
                    ctx.region.rds.note(now, "db-cluster-snapshot", &arn, "backup", "Manual cluster snapshot created");
                }
                Err(why) => self.cloud().log.line(&format!("{arn}: {why}")),
            }
        });
        self.save(&copy.place);
    }

    fn checked(&self) -> std::sync::MutexGuard<'_, Checked> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn check(&self, check: &Check) {
        if !check.ready && check.wrong.is_none() {
            return;
        }
        // Debug output hides passwords; their changes show by the number of users' secrets read anew.
        let key = (check.place.clone(), check.proxy.clone());
        let circumstances = format!("{check:?} {}", fingerprint(check));
        let last = self.checked().get(&key).cloned();
        let same = last.as_ref().is_some_and(|(before, _, _)| *before == circumstances);
        if same && last.is_some_and(|(_, when, health)| health == Health::Available && when.elapsed() < HEALTHY) {
            return;
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
    }

    /// Stops and removes what belongs to nothing any more.
    async fn remove_orphans(&self, wanted: &Wanted) {
        let known: HashSet<&str> = wanted.folders.iter().map(String::as_str).collect();
        let Ok(entries) = fs::read_dir(&self.servers.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = ["cluster-", "prx-", "snapshot-"].iter().any(|prefix| name.starts_with(prefix));
            if !ours || known.contains(name.as_str()) {
                continue;
            }
            self.servers.stop(&name).await;
            self.servers.stop_pooler(&name).await;
            if let Err(cause) = tokio::fs::remove_dir_all(entry.path()).await {
                self.cloud().log.line(&format!("Could not remove {}: {cause}", entry.path().display()));
            }
        }
    }

    /// Stops everything that runs.
    async fn stop(&self) {
        let Ok(entries) = fs::read_dir(&self.servers.folder) else { return };
        let names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        // Poolers first: a server waits for nobody then.
        join_all(names.iter().map(|name| self.servers.stop_pooler(name))).await;
        join_all(names.iter().map(|name| self.servers.stop(name))).await;
        self.servers.user.leave(&self.cloud().data);
    }
}

/// A number that changes with a check's credentials, which its debug output hides.
fn fingerprint(check: &Check) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    check.pooler.users.hash(&mut hasher);
    hasher.finish()
}

/// Every way into every database that runs, proxies before clusters.
pub(crate) fn databases(cloud: &Cloud) -> Vec<Database> {
    let wanted = Wanted::of(cloud);
    let authority = certificates::ca_path(&cloud.data).display().to_string();
    let world = cloud.world();
    let (mut proxies, mut clusters) = (Vec::new(), Vec::new());
    for item in wanted.servers.iter().filter(|item| item.aim == Aim::Run) {
        let region =
            world.accounts.get(&item.place.account).and_then(|account| account.regions.get(&item.place.region));
        let Some(store) = region.map(|region| &region.rds) else { continue };
        let Some(cluster) = store.clusters.get(&item.id).filter(|cluster| cluster.is_reachable(store)) else {
            continue;
        };
        let direct = Database {
            account: item.place.account.clone(),
            region: item.place.region.clone(),
            stack: cluster.tags.get("infra:stack").cloned().unwrap_or_default(),
            cluster_id: item.id.clone(),
            proxy_name: None,
            host: cluster.listener.address.clone(),
            port: cluster.listener.port,
            name: cluster.default_database().to_owned(),
            username: cluster.username.clone(),
            password: cluster.password.0.clone(),
            ca_file: Some(authority.clone()),
        };
        for check in wanted.checks.iter().filter(|check| check.place == item.place && check.cluster == item.id) {
            let Some((username, password)) = check.pooler.users.first() else { continue };
            proxies.push(Database {
                proxy_name: Some(check.proxy.clone()),
                host: check.pooler.listener.address.clone(),
                port: check.pooler.listener.port,
                username: username.clone(),
                password: password.0.clone(),
                ..direct.clone()
            });
        }
        clusters.push(direct);
    }
    proxies.extend(clusters);
    proxies
}
