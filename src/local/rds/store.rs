//! What exists in RDS in one region, and how it moves on with time.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::{
    clusters::{Cluster, custom_endpoints::CustomEndpoint},
    endings::{Ending, Endings},
    events::Event,
    instances::Instance,
    parameters::groups::ParameterGroup,
    proxies::{Proxy, endpoints::ProxyEndpoint},
    renaming::RENAMING,
    snapshots::Snapshot,
    subnet_groups::SubnetGroup,
    tags::Tags,
};
use crate::local::{inventory::Item, pace::Millis};

/// What exists, in one region; each by its name in lower case.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    /// Keeps the listeners of different local clouds apart.
    pub(super) seed: u64,
    /// How many listeners were given away.
    pub(super) listeners: u64,
    pub(super) subnet_groups: BTreeMap<String, SubnetGroup>,
    pub(super) cluster_parameter_groups: BTreeMap<String, ParameterGroup>,
    pub(super) parameter_groups: BTreeMap<String, ParameterGroup>,
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    pub(super) proxies: BTreeMap<String, Proxy>,
    pub(super) proxy_endpoints: BTreeMap<String, ProxyEndpoint>,
    pub(super) custom_endpoints: BTreeMap<String, CustomEndpoint>,
    pub(super) events: Vec<Event>,
    /// When everything was last looked at by this process.
    #[serde(skip)]
    settled: Millis,
    /// What other regions and accounts have that can be copied here; read anew for each call that may name it.
    #[serde(skip)]
    pub(crate) abroad: Vec<Snapshot>,
    /// The folder of the servers; only where the data plane runs, which tells it.
    #[serde(skip)]
    pub(super) servers: Option<PathBuf>,
    /// How far the logs of servers and poolers have been exported, by the names of their folders; as the lines are, it is saved
    /// with the region.
    pub(super) exported: BTreeMap<String, u64>,
    /// The folders of the clusters and snapshots that were deleted: the data plane removes no other databases. Those that it has
    /// removed are forgotten when a cloud begins.
    pub(super) discarded: BTreeSet<String>,
    /// The ARNs of what is gone and had network interfaces.
    departed: Vec<String>,
    /// The ARNs of the secrets that RDS kept for clusters that are gone.
    orphaned_secrets: Vec<String>,
    /// The former and the new ARNs of what was renamed and has network interfaces.
    pub(super) moved: Vec<(String, String)>,
}

impl Store {
    /// Moves every resource whose time has come into its next state, and tells of it.
    pub(crate) fn settle(&mut self, now: Millis) {
        let mut departed = Vec::new();
        let mut endings = Endings::between(std::mem::replace(&mut self.settled, now), now);
        for snapshot in self.snapshots.values_mut() {
            if let Some(over) = snapshot.phase.settle(now, snapshot.copied) {
                endings.of_snapshot(&over, snapshot);
            }
        }
        self.settle_instances(now, &mut endings);
        self.instances.retain(|_, instance| keep(instance.phase.is("deleted"), &instance.arn, &mut departed));
        self.settle_clusters(now, &mut endings);
        let gone = || self.clusters.values().filter(|one| one.phase.is("deleted"));
        self.orphaned_secrets.extend(gone().filter_map(Cluster::secret).map(str::to_owned));
        self.discarded.extend(gone().map(|one| one.resource_id.clone()));
        let gone: Vec<String> = gone().map(|one| one.identifier.clone()).collect();
        self.clusters.retain(|_, cluster| !cluster.phase.is("deleted"));
        for endpoint in self.custom_endpoints.values_mut() {
            endpoint.phase.settle(now, true);
        }
        let clusters = &self.clusters;
        self.custom_endpoints.retain(|_, one| !one.phase.is("deleted") && clusters.contains_key(&one.cluster));
        // What was made to restore from goes when that is done.
        let done = self.snapshots.extract_if(.., |_, snapshot| {
            let needed =
                |cluster: &Cluster| cluster.origin.as_ref() == Some(&snapshot.data) && !cluster.progress.complete();
            snapshot.automated && !clusters.values().any(needed)
        });
        self.discarded.extend(done.map(|(_, snapshot)| snapshot.data));
        for proxy in self.proxies.values_mut() {
            proxy.targets.retain(|target| !gone.contains(&target.cluster));
            if let Some(over) = proxy.phase.settle(now, proxy.progress.complete()) {
                endings.of_proxy(&over, proxy);
            }
        }
        for Ending { at, kind, arn, category, message } in endings.in_order() {
            self.note(at, kind, &arn, category, message);
        }
        self.proxies.retain(|_, proxy| keep(proxy.phase.is("deleted"), &proxy.arn, &mut departed));
        for endpoint in self.proxy_endpoints.values_mut() {
            endpoint.phase.settle(now, endpoint.progress.complete());
        }
        self.proxy_endpoints.retain(|_, endpoint| keep(endpoint.phase.is("deleted"), &endpoint.arn, &mut departed));
        self.departed.extend(departed);
    }

    fn settle_instances(&mut self, now: Millis, endings: &mut Endings) {
        let mut renamed = Vec::new();
        for instance in self.instances.values_mut() {
            let cluster = self.clusters.get(&instance.cluster);
            let leaves = instance.phase.is("deleting");
            let ready = match cluster.map(|cluster| &cluster.progress) {
                _ if instance.arrives() => instance.progress.complete(),
                // A server that cannot be changed keeps nobody from leaving.
                Some(progress) => progress.complete() || leaves && progress.fault.is_some(),
                None => true,
            };
            let Some(over) = instance.phase.settle(now, ready) else { continue };
            endings.of_instance(&over, instance);
            renamed.extend(Some(instance.identifier.clone()).filter(|_| over.was(RENAMING)));
        }
        renamed.iter().for_each(|name| self.finish_instance(name));
    }

    fn settle_clusters(&mut self, now: Millis, endings: &mut Endings) {
        let mut renamed = Vec::new();
        let (snapshots, instances) = (&self.snapshots, &self.instances);
        for cluster in self.clusters.values_mut() {
            // A cluster goes last: after its members, and after its final snapshot was made.
            let held = cluster.phase.is("deleting")
                && (snapshots.values().any(|one| one.source == cluster.resource_id && one.awaits_copy())
                    || instances.values().any(|one| one.cluster == cluster.identifier));
            let Some(over) = cluster.phase.settle(now, cluster.progress.complete() && !held) else { continue };
            let writer = instances.values().find(|one| one.cluster == cluster.identifier && one.writer);
            endings.of_cluster(&over, cluster, writer);
            if over.was(RENAMING) {
                renamed.push((cluster.identifier.clone(), over));
            }
        }
        for (old, over) in renamed {
            if let Some(arn) = self.finish_cluster(&old) {
                endings.of_renaming(&over, &arn, &old);
            }
        }
    }

    /// The ARNs of what has gone since the last call: their network interfaces go with them.
    pub(crate) fn take_departed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.departed)
    }

    /// The ARNs of the secrets of the clusters that have gone since the last call.
    pub(crate) fn take_orphaned_secrets(&mut self) -> Vec<String> {
        std::mem::take(&mut self.orphaned_secrets)
    }

    /// The folders of the snapshots; of several that share one, each has its name.
    pub(super) fn snapshot_folders(&self) -> impl Iterator<Item = &String> {
        self.snapshots.values().map(|snapshot| &snapshot.data)
    }

    /// Keeps of the deleted databases and snapshots those whose folders are still to go; answers whether any was forgotten.
    pub(super) fn keep_discarded(&mut self, goes: impl Fn(&str) -> bool) -> bool {
        let before = self.discarded.len();
        self.discarded.retain(|name| goes(name));
        self.discarded.len() < before
    }

    /// The ARNs of what RDS needs its own role for.
    pub(crate) fn users_of_the_role(&self) -> Vec<String> {
        let clusters = self.clusters.values().map(|cluster| &cluster.arn);
        let instances = self.instances.values().map(|instance| &instance.arn);
        clusters.chain(instances).chain(self.proxies.values().map(|proxy| &proxy.arn)).cloned().collect()
    }

    /// Every resource that exists.
    pub(crate) fn inventory(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut add = |kind: &'static str, id: &str, state: &str, tags: &Tags| {
            items.push(Item {
                service: "rds",
                kind,
                id: id.to_owned(),
                name: id.to_owned(),
                state: state.to_owned(),
                tags: tags.clone(),
            });
        };
        for group in self.subnet_groups.values() {
            add("db-subnet-group", &group.name, "exists", &group.tags);
        }
        for group in self.cluster_parameter_groups.values() {
            add("db-cluster-parameter-group", &group.name, "exists", &group.tags);
        }
        for group in self.parameter_groups.values() {
            add("db-parameter-group", &group.name, "exists", &group.tags);
        }
        for cluster in self.clusters.values() {
            add("db-cluster", &cluster.identifier, cluster.status(), &cluster.tags);
        }
        for instance in self.instances.values() {
            add("db-instance", &instance.identifier, instance.status(self), &instance.tags);
        }
        for endpoint in self.custom_endpoints.values() {
            add("db-cluster-endpoint", &endpoint.name, &endpoint.phase.status, &endpoint.tags);
        }
        for snapshot in self.snapshots.values().filter(|snapshot| !snapshot.automated) {
            add("db-cluster-snapshot", &snapshot.identifier, &snapshot.phase.status, &snapshot.tags);
        }
        for proxy in self.proxies.values() {
            add("db-proxy", &proxy.name, proxy.status(), &proxy.tags);
        }
        for endpoint in self.proxy_endpoints.values() {
            add("db-proxy-endpoint", &endpoint.name, endpoint.status(), &endpoint.tags);
        }
        items
    }
}

/// Whether a resource stays; one that does not is noted as departed.
fn keep(gone: bool, arn: &str, departed: &mut Vec<String>) -> bool {
    if gone {
        departed.push(arn.to_owned());
    }
    !gone
}
