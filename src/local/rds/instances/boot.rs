//! What an instance's server read when it last started, and whether a reboot would have it read something else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Instance;
use crate::local::rds::{
    Store,
    clusters::Cluster,
    parameters::{self, groups::ParameterGroup},
};

/// The parameter groups of an instance and of its cluster, as far as only a start takes them over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Boot {
    cluster: Statics,
    own: Statics,
}

/// A group's name, and what it sets of the static parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Statics {
    group: String,
    values: BTreeMap<String, String>,
}

/// Whether a server takes a parameter over only when it starts.
pub(crate) fn is_static(name: &str) -> bool {
    parameters::find(name, true).is_ok_and(|parameter| parameter.is_static)
}

/// A group's dynamic parameters, and of the static ones those that were read when the server started.
fn to_read(group: Option<&ParameterGroup>, read: Option<&Statics>) -> BTreeMap<String, String> {
    let values = group.into_iter().flat_map(|group| &group.values);
    let set = values.map(|(name, setting)| (name.clone(), setting.value.clone()));
    let Some(read) = read else { return set.collect() };
    set.filter(|(name, _)| !is_static(name)).chain(read.values.clone()).collect()
}

impl Statics {
    fn of(groups: &BTreeMap<String, ParameterGroup>, name: &str) -> Self {
        let all = groups.get(name).into_iter().flat_map(|group| &group.values);
        let values =
            all.filter(|(name, _)| is_static(name)).map(|(name, setting)| (name.clone(), setting.value.clone()));
        Self { group: name.to_owned(), values: values.collect() }
    }

    /// In the words of `ParameterApplyStatus` and `DBClusterParameterGroupStatus`.
    fn status(&self, read: Option<&Self>) -> &'static str {
        if read.is_some_and(|read| read != self) { "pending-reboot" } else { "in-sync" }
    }
}

impl Store {
    /// What an instance's server reads when it starts now.
    pub(super) fn boot(&self, instance: &Instance) -> Boot {
        let cluster = self.clusters.get(&instance.cluster).map(|cluster| cluster.parameter_group.as_str());
        Boot {
            cluster: Statics::of(&self.cluster_parameter_groups, cluster.unwrap_or_default()),
            own: Statics::of(&self.parameter_groups, &instance.parameter_group),
        }
    }

    /// What a server is to read, started again or not, of its cluster's parameter group and of the group of the instance that it
    /// stands for, which has the last word: all but static parameters that have been changed since that instance was last
    /// rebooted. Those wait, also where the local cloud itself is stopped and started.
    pub(crate) fn parameters(&self, cluster: &Cluster, member: Option<&Instance>) -> Vec<(String, String)> {
        let boot = member.map(|member| member.boot.clone().unwrap_or_else(|| self.boot(member)));
        let group = self.cluster_parameter_groups.get(&cluster.parameter_group);
        let mut read = to_read(group, boot.as_ref().map(|boot| &boot.cluster));
        if let Some(own) = boot.as_ref().map(|boot| &boot.own) {
            // Another group than that is nothing to the instance before it is rebooted, dynamic parameters included.
            read.extend(to_read(self.parameter_groups.get(&own.group), Some(own)));
        }
        read.into_iter().collect()
    }

    /// Notes that the servers of all members of a cluster start now.
    pub(crate) fn boot_members(&mut self, cluster: &str) {
        let boots: Vec<(String, Boot)> =
            self.members(cluster).map(|member| (member.identifier.clone(), self.boot(member))).collect();
        for (name, boot) in boots {
            if let Some(member) = self.instances.get_mut(&name) {
                member.boot = Some(boot);
            }
        }
    }

    /// Whether the cluster's parameter group waits for a reboot of this member.
    pub(crate) fn cluster_group_status(&self, member: &Instance) -> &'static str {
        self.boot(member).cluster.status(member.boot.as_ref().map(|boot| &boot.cluster))
    }

    /// Whether the instance's own parameter group does.
    pub(super) fn instance_group_status(&self, member: &Instance) -> &'static str {
        self.boot(member).own.status(member.boot.as_ref().map(|boot| &boot.own))
    }
}
