//! New identifiers of clusters and instances: they are `renaming` for a while, and then known by the new one, and no longer by
//! the old one, wherever they are named. Servers and files go by resource ids, which stay.

use serde_json::{Map, Value, json};

use super::{
    Store,
    clusters::{self, Cluster},
    input::{Input, identifier},
    instances::{self, Instance},
    phase::Phase,
};
use crate::local::fault::Fault;

/// The state in between.
pub(super) const RENAMING: &str = "renaming";

/// The members of `PendingModifiedValues` that hold what is to come.
pub(super) const CLUSTER: &str = "DBClusterIdentifier";
pub(super) const INSTANCE: &str = "DBInstanceIdentifier";

/// Takes a new identifier down among what waits. Answers whether it is to be in force at once; else it waits for the
/// maintenance window.
pub(super) fn plan(
    input: &Input,
    (given, member): (&str, &str),
    present: &str,
    pending: &mut Map<String, Value>,
    check_name: impl Fn(&str) -> Result<(), Fault>,
) -> Result<bool, Fault> {
    if let Some(name) = input.text(given) {
        let name = identifier(given, name, 63)?;
        if name == present {
            pending.remove(member);
        } else {
            check_name(&name)?;
            pending.insert(member.to_owned(), json!(name));
        }
    }
    if input.flag("ApplyImmediately") != Some(true) {
        return Ok(false);
    }
    let Some(name) = pending.get(member).and_then(Value::as_str) else { return Ok(false) };
    // Somebody else may have taken it while it waited.
    check_name(name)?;
    Ok(true)
}

/// The ARN of the same resource under another name.
fn renamed_arn(arn: &str, name: &str) -> String {
    arn.rsplit_once(':').map_or_else(|| arn.to_owned(), |(start, _)| format!("{start}:{name}"))
}

/// Whether something that is being renamed is to get this name.
fn is_to_get(name: &str, phase: &Phase, pending: &Map<String, Value>, member: &str) -> bool {
    phase.is(RENAMING) && pending.get(member).is_some_and(|wanted| wanted == name)
}

impl Store {
    /// Refuses a name that a cluster has, or is about to have.
    pub(super) fn check_cluster_name(&self, name: &str) -> Result<(), Fault> {
        let is_promised = |cluster: &Cluster| is_to_get(name, &cluster.phase, &cluster.pending, CLUSTER);
        let is_taken = self.clusters.contains_key(name) || self.clusters.values().any(is_promised);
        if is_taken { Err(clusters::exists(name)) } else { Ok(()) }
    }

    /// Refuses a name that an instance has, or is about to have.
    pub(super) fn check_instance_name(&self, name: &str) -> Result<(), Fault> {
        let is_promised = |instance: &Instance| is_to_get(name, &instance.phase, &instance.pending, INSTANCE);
        let is_taken = self.instances.contains_key(name) || self.instances.values().any(is_promised);
        if is_taken { Err(instances::exists(name)) } else { Ok(()) }
    }

    /// Gives a cluster whose renaming is over its new name; answers the ARN that it then has.
    pub(super) fn finish_cluster(&mut self, old: &str) -> Option<String> {
        let mut cluster = self.clusters.remove(old)?;
        let new = cluster.pending.remove(CLUSTER).and_then(|name| Some(name.as_str()?.to_owned()));
        let new = new.filter(|new| !self.clusters.contains_key(new));
        let renamed = new.is_some();
        if let Some(new) = new {
            cluster.arn = renamed_arn(&cluster.arn, &new);
            let members = self.instances.values_mut().map(|member| &mut member.cluster);
            let targets = self.proxies.values_mut().flat_map(|proxy| &mut proxy.targets);
            let endpoints = self.custom_endpoints.values_mut().map(|endpoint| &mut endpoint.cluster);
            for named in members.chain(targets.map(|target| &mut target.cluster)).chain(endpoints) {
                if *named == old {
                    named.clone_from(&new);
                }
            }
            cluster.identifier = new;
        }
        let arn = renamed.then(|| cluster.arn.clone());
        self.clusters.insert(cluster.identifier.clone(), cluster);
        arn
    }

    /// Gives an instance whose renaming is over its new name.
    pub(super) fn finish_instance(&mut self, old: &str) {
        let Some(mut instance) = self.instances.remove(old) else { return };
        let new = instance.pending.remove(INSTANCE).and_then(|name| Some(name.as_str()?.to_owned()));
        if let Some(new) = new.filter(|new| !self.instances.contains_key(new)) {
            let arn = renamed_arn(&instance.arn, &new);
            self.moved.push((std::mem::replace(&mut instance.arn, arn.clone()), arn));
            for endpoint in self.custom_endpoints.values_mut() {
                endpoint.rename_member(old, &new);
            }
            instance.identifier = new;
        }
        self.instances.insert(instance.identifier.clone(), instance);
    }

    /// The former and the new ARNs of what was renamed since the last call: its network interfaces stay its own.
    pub(crate) fn take_moved(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.moved)
    }
}
