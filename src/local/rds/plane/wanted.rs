//! What the API wants of the data plane, read off the world in one go.

use std::collections::HashSet;

use super::{
    member_endpoints::Member,
    pooler, postgres,
    replicas::{primary_name, replica_name},
    settings,
};
use crate::local::rds::{
    Store,
    clusters::{Cluster, custom_endpoints::CustomEndpoint},
    engine,
    instances::Instance,
    phase::{Password, Phase},
    proxies::{Proxy, targets::Target},
};
use crate::local::{
    cloud::now,
    iam,
    pace::Millis,
    world::{Region, World},
};

/// The account and region that something is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) region: String,
}

/// What is to become of a server or a pooler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// It runs.
    Run,
    /// It is ready to be started: its data is there. So is a cluster until it has an instance, and one that is stopped.
    Rest,
    /// It does not run, and is about to be removed.
    End,
}

/// Something that is to run, or not to.
#[derive(Debug, Clone)]
pub(crate) struct Item<T> {
    pub(super) place: Place,
    /// Its name in the API.
    pub(crate) id: String,
    /// The number of the change that this would reach.
    pub(crate) wanted: u64,
    pub(crate) aim: Aim,
    pub(crate) spec: T,
    /// The resource ids of the instances that are served as soon as it is so.
    pub(crate) members: Vec<String>,
}

/// A snapshot to be made.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    pub(super) place: Place,
    pub(super) id: String,
    /// The name of the snapshot's folder.
    pub(super) data: String,
    pub(super) server: postgres::Wanted,
}

/// A target whose health is to be found out.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub(super) place: Place,
    pub(crate) proxy: String,
    pub(crate) cluster: String,
    /// What is wrong before a connection is tried: AWS's reason, and a description.
    pub(super) wrong: Option<(&'static str, String)>,
    /// The proxy's folder, credentials and settings.
    pub(super) pooler: pooler::Wanted,
    pub(super) database: String,
    /// Whether everything in between is up.
    pub(super) ready: bool,
}

/// Everything that is wanted.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) servers: Vec<Item<postgres::Wanted>>,
    pub(crate) poolers: Vec<Item<pooler::Wanted>>,
    pub(crate) copies: Vec<Copy>,
    pub(super) checks: Vec<Check>,
    /// The folders that belong to something.
    pub(super) folders: HashSet<String>,
    /// The folders of databases and snapshots that were deleted.
    pub(super) discarded: HashSet<String>,
    /// Whether a cluster may soon be made.
    pub(super) expects: bool,
    /// Whether something is under way whose end only the data plane sees.
    pub(super) restless: bool,
}

impl Wanted {
    /// What everything wants now.
    pub(super) fn of(world: &mut World) -> Self {
        let now = now();
        let mut wanted = Self::default();
        for (account, content) in &mut world.accounts {
            content.settle(now);
            for (name, region) in &mut content.regions {
                region.settle(now, &content.iam);
                let place = Place { account: account.clone(), region: name.clone() };
                wanted.add_region(&place, &content.iam, region, now);
            }
        }
        wanted
    }

    /// Whether the state has, or has deleted, what is in a folder of this name. What a reader's server has is its cluster's.
    pub(super) fn knows(&self, name: &str) -> bool {
        let is_said = |name: &str| self.folders.contains(name) || self.discarded.contains(name);
        is_said(name) || is_said(primary_name(name))
    }

    pub(crate) fn add_region(&mut self, place: &Place, iam: &iam::Store, region: &Region, now: Millis) {
        let store = &region.rds;
        self.expects |= !store.subnet_groups.is_empty();
        self.discarded.extend(store.discarded.iter().cloned());
        for cluster in store.clusters.values() {
            self.folders.insert(cluster.resource_id.clone());
            if store.members(&cluster.identifier).any(|member| !member.writer && member.is_sound()) {
                self.folders.insert(replica_name(&cluster.resource_id));
            }
            // What it is made from may be another account's, who may delete it meanwhile.
            self.folders.extend(cluster.origin.clone().filter(|_| cluster.progress.reached == 0));
            let mut origins = store.snapshots.values().filter(|one| cluster.origin.as_ref() == Some(&one.data));
            if !cluster.phase.is("deleting")
                && let Some(origin) = origins.find(|one| !one.copied)
            {
                // What it is made from is not there yet, or never will be.
                self.restless |= origin.awaits_copy();
                continue;
            }
            let aim = cluster.aim(store, now);
            let is_copied = store.is_being_copied(&cluster.resource_id);
            let (id, spec) = (cluster.identifier.clone(), server(store, cluster, now));
            self.restless |= aim != Aim::End && !cluster.progress.complete();
            self.restless |= store.members(&id).any(Instance::arrives);
            let served = store.members(&id).filter(|member| aim == Aim::Run && member.is_served(now));
            let members = served.map(|member| member.resource_id.clone()).collect();
            // One that runs only to be copied has not reached its aim by that.
            let lingers = is_copied && aim != Aim::Run;
            let wanted = if lingers { cluster.progress.reached } else { cluster.progress.wanted };
            let aim = if is_copied { Aim::Run } else { aim };
            self.servers.push(Item { place: place.clone(), id, wanted, aim, spec, members });
        }
        for (id, snapshot) in &store.snapshots {
            self.folders.insert(snapshot.data.clone());
            let source = store.clusters.values().find(|cluster| cluster.resource_id == snapshot.source);
            if let Some(cluster) = source.filter(|_| snapshot.awaits_copy()) {
                let (id, data) = (id.clone(), snapshot.data.clone());
                self.copies.push(Copy { place: place.clone(), id, data, server: server(store, cluster, now) });
            }
        }
        for proxy in store.proxies.values() {
            self.add_proxy(place, iam, region, proxy, now);
        }
    }

    fn add_proxy(&mut self, place: &Place, iam: &iam::Store, region: &Region, proxy: &Proxy, now: Millis) {
        let store = &region.rds;
        let (users, unreadable) = credentials(iam, region, proxy);
        let target = proxy.targets.first();
        let cluster = target.and_then(|target| store.clusters.get(&target.cluster));
        let is_reached = |cluster: &&Cluster| reaches(region, proxy, cluster);
        let upstream = cluster.filter(is_reached).map(|cluster| {
            let connections = settings::max_connections(&store.parameters(cluster, writer(store, cluster)));
            (cluster.listener.clone(), connections)
        });
        let spec = pooler::Wanted {
            name: folder(&proxy.arn),
            proxy: proxy.name.clone(),
            debug: proxy.debug_logging,
            listener: proxy.listener.clone(),
            require_tls: proxy.require_tls,
            idle_timeout: proxy.idle_timeout,
            pool: proxy.pool.clone(),
            users,
            server: upstream,
        };
        let mut add = |id: &str, phase: &Phase, wanted: u64, complete: bool, spec: pooler::Wanted| {
            self.folders.insert(spec.name.clone());
            let aim = if phase.is("deleting") { Aim::End } else { Aim::Run };
            self.restless |= aim == Aim::Run && !complete;
            self.poolers.push(Item { place: place.clone(), id: id.to_owned(), wanted, aim, spec, members: Vec::new() });
        };
        add(&proxy.name, &proxy.phase, proxy.progress.wanted, proxy.progress.complete(), spec.clone());
        for endpoint in store.proxy_endpoints.values().filter(|endpoint| endpoint.proxy == proxy.name) {
            let name = folder(&endpoint.arn);
            let reader = cluster.and_then(|cluster| cluster.reader.clone()).filter(|_| endpoint.is_read_only());
            // The cluster's own readers' endpoint falls back to the writer; a proxy's leads nowhere without readers.
            let leads = !endpoint.is_read_only() || cluster.is_some_and(|cluster| has_reader(store, cluster, now));
            let server = spec.server.clone().filter(|_| leads);
            let server = server.map(|(server, connections)| (reader.unwrap_or(server), connections));
            let spec = pooler::Wanted { name, listener: endpoint.listener.clone(), server, ..spec.clone() };
            add(&endpoint.name, &endpoint.phase, endpoint.progress.wanted, endpoint.progress.complete(), spec);
        }
        if let (Some(target), Some(cluster)) = (target, cluster) {
            self.restless |= target.health.is_none() || now < target.ready_at;
            self.checks.push(check(place, region, proxy, target, cluster, spec, unreadable));
        }
    }
}

/// The instance that the cluster's first server stands for.
fn writer<'a>(store: &'a Store, cluster: &Cluster) -> Option<&'a Instance> {
    store.members(&cluster.identifier).find(|member| member.writer)
}

/// The first of a cluster's readers that are to answer, and with them a server that refuses writes.
fn reader<'a>(store: &'a Store, cluster: &Cluster, now: Millis) -> Option<&'a Instance> {
    let reads = |member: &&Instance| !member.writer && member.is_served(now);
    cluster.reader.as_ref().and_then(|_| store.members(&cluster.identifier).find(reads))
}

/// Whether a cluster has a reader, if only one that will answer again: a proxy's clients wait for that.
fn has_reader(store: &Store, cluster: &Cluster, now: Millis) -> bool {
    let reads = |member: &Instance| !member.writer && member.is_sound() && (!member.arrives() || member.is_served(now));
    store.members(&cluster.identifier).any(reads)
}

/// What a cluster's server is to be.
fn server(store: &Store, cluster: &Cluster, now: Millis) -> postgres::Wanted {
    let family = engine::family(&cluster.version);
    let reader = reader(store, cluster, now);
    let endpoint = |one: &Instance| Some(Member { address: one.address.clone()?, writer: one.writer });
    let (poolers, reading_poolers) = poolers(store, cluster);
    let served = || store.members(&cluster.identifier).filter(|member| member.is_served(now));
    let chosen = |one: &CustomEndpoint| Some(Member { address: one.address()?, writer: one.is_writer_s(served())? });
    let custom = store.custom_endpoints.values().filter(|one| one.cluster == cluster.identifier);
    postgres::Wanted {
        name: cluster.resource_id.clone(),
        major: family.trim_start_matches(engine::ENGINE).to_owned(),
        listener: cluster.listener.clone(),
        username: cluster.username.clone(),
        password: cluster.password.clone(),
        passwords: cluster.passwords,
        database: cluster.database.clone(),
        parameters: store.parameters(cluster, writer(store, cluster)),
        readers_parameters: reader.map(|reader| store.parameters(cluster, Some(reader))).unwrap_or_default(),
        restarts: cluster.restarts,
        made: cluster.progress.reached > 0,
        origin: cluster.origin.clone(),
        reader: cluster.reader.clone(),
        replicated: reader.is_some(),
        members: served().filter_map(endpoint).chain(custom.filter_map(chosen)).collect(),
        poolers,
        reading_poolers,
        source: None,
    }
}

/// The poolers that lead to a cluster's server, and those that lead to its readers' endpoint.
fn poolers(store: &Store, cluster: &Cluster) -> (Vec<String>, Vec<String>) {
    let (mut writing, mut reading) = (Vec::new(), Vec::new());
    let leads = |proxy: &&Proxy| proxy.targets.first().is_some_and(|target| target.cluster == cluster.identifier);
    for proxy in store.proxies.values().filter(leads) {
        writing.push(folder(&proxy.arn));
        for endpoint in store.proxy_endpoints.values().filter(|endpoint| endpoint.proxy == proxy.name) {
            let reads = endpoint.is_read_only() && cluster.reader.is_some();
            if reads { &mut reading } else { &mut writing }.push(folder(&endpoint.arn));
        }
    }
    (writing, reading)
}

/// The name of the folder of a proxy, or of an endpoint of one.
fn folder(arn: &str) -> String {
    arn.rsplit(':').next().unwrap_or_default().to_owned()
}

/// The credentials in a proxy's secrets, or why they cannot be read; as the proxy's role sees them.
fn credentials(iam: &iam::Store, region: &Region, proxy: &Proxy) -> (Vec<(String, Password)>, Option<String>) {
    let (mut users, mut wrong) = (Vec::new(), None);
    for arn in proxy.secrets() {
        let secret = region.secretsmanager.current_secret_string(arn);
        let parsed = secret.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
        let member = |name: &str| Some(parsed.as_ref()?.get(name)?.as_str()?.to_owned());
        if !iam.role_allows(&proxy.role, "secretsmanager:GetSecretValue", arn) {
            wrong = Some(format!(
                "The role {} may not read the secret {arn}: it needs secretsmanager:GetSecretValue.",
                proxy.role
            ));
        } else if secret.is_none() {
            wrong = Some(format!("The secret {arn} does not exist, has no value, or is scheduled for deletion."));
        } else if let (Some(username), Some(password)) = (member("username"), member("password")) {
            if !pooler::can_list(&username, &password) {
                wrong = Some(format!(
                    "The secret {arn} has a username or a password with control characters, or one too long."
                ));
                continue;
            }
            users.push((username, Password(password)));
        } else {
            wrong = Some(format!("The secret {arn} is not a JSON object with `username` and `password`."));
        }
    }
    (users, wrong)
}

/// Whether a cluster's security groups let a proxy in.
fn reaches(region: &Region, proxy: &Proxy, cluster: &Cluster) -> bool {
    region.ec2.admits(&cluster.security_groups, &proxy.security_groups, &proxy.subnets, cluster.port)
}

fn check(
    place: &Place,
    region: &Region,
    proxy: &Proxy,
    target: &Target,
    cluster: &Cluster,
    pooler: pooler::Wanted,
    unreadable: Option<String>,
) -> Check {
    let members = region.rds.members(&cluster.identifier);
    let up = members.into_iter().any(|member| member.writer && member.answers());
    let wrong = match () {
        () if pooler.users.is_empty() => {
            unreadable.map(|why| ("AUTH_FAILURE", format!("Proxy does not have any registered credentials. {why}")))
        }
        () if !reaches(region, proxy, cluster) => Some((
            "UNREACHABLE",
            format!(
                "The security groups of DB cluster {} ({}) do not allow connections on port {} from the security groups of \
                 the proxy ({}).",
                cluster.identifier,
                cluster.security_groups.join(", "),
                cluster.port,
                proxy.security_groups.join(", ")
            ),
        )),
        () if !cluster.runs() || !up => {
            let status = cluster.status();
            Some((
                "UNREACHABLE",
                format!("DB cluster {} has no writer that answers; it is {status}.", cluster.identifier),
            ))
        }
        () => None,
    };
    Check {
        place: place.clone(),
        proxy: proxy.name.clone(),
        cluster: target.cluster.clone(),
        wrong,
        pooler,
        database: cluster.default_database().to_owned(),
        ready: cluster.progress.complete() && proxy.progress.complete(),
    }
}
