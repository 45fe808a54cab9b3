//! New identifiers of clusters and instances: they are `renaming` for a while, and then known by the new one, and no longer by
//! the old one, wherever they are named. Servers and files go by resource ids, which stay.

use serde_json::{Map, Value, json};

use super::{
    Store,
    input::{Input, identifier},
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
    is_taken: impl Fn(&str) -> Option<Fault>,
) -> Result<bool, Fault> {
    if let Some(name) = input.text(given) {
        let name = identifier(given, name, 63)?;
        if name == present {
            pending.remove(member);
        } else if let Some(fault) = is_taken(&name) {
            return Err(fault);
        } else {
            pending.insert(member.to_owned(), json!(name));
        }
    }
    Ok(pending.contains_key(member) && input.flag("ApplyImmediately") == Some(true))
}

/// The ARN of the same resource under another name.
fn renamed_arn(arn: &str, name: &str) -> String {
    arn.rsplit_once(':').map_or_else(|| arn.to_owned(), |(start, _)| format!("{start}:{name}"))
}

impl Store {
    /// Gives a cluster whose renaming is over its new name.
    pub(super) fn finish_cluster(&mut self, old: &str) {
        let Some(mut cluster) = self.clusters.remove(old) else { return };
        let new = cluster.pending.remove(CLUSTER).and_then(|name| Some(name.as_str()?.to_owned()));
        // Somebody may have come by the name meanwhile.
        if let Some(new) = new.filter(|new| !self.clusters.contains_key(new)) {
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
        self.clusters.insert(cluster.identifier.clone(), cluster);
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
