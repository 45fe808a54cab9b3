//! Everything that exists in the local cloud: accounts, and in them regions, apart from each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    apprunner, ec2, iam,
    inventory::Item,
    lambda, logs,
    pace::{Millis, Pace},
    rds, secretsmanager,
    service::Service,
    ssm, sts,
};

/// All accounts, by their twelve digits.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct World {
    /// The accounts that were ever called.
    pub(crate) accounts: BTreeMap<String, Account>,
}

/// One account: what is global in it, and its regions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Account {
    /// IAM is global in an account.
    pub(crate) iam: iam::Store,
    /// The regions, by name.
    pub(crate) regions: BTreeMap<String, Region>,
    /// The regions that others changed since they were saved.
    #[serde(skip)]
    pub(crate) unsaved: BTreeSet<String>,
    /// The regions that were saved with what has not happened after all, for others could not be saved.
    #[serde(skip)]
    pub(super) ahead: BTreeSet<String>,
}

impl Account {
    /// Moves on what is global in the account.
    pub(crate) fn settle(&mut self, now: Millis) {
        let regions = &self.regions;
        self.iam.settle(now, |role| {
            let used = |(name, region): (&String, &Region)| region.usage(name, role);
            regions.iter().filter_map(used).collect()
        });
    }

    /// Carries over to other regions what a region's resources have there.
    pub(crate) fn replicate(&mut self, now: Millis) {
        self.unsaved.extend(secretsmanager::replicate(&mut self.regions, now));
    }

    /// A region and those that have to be saved with it. It comes first: what others have of it follows from it, and not the
    /// other way round.
    pub(crate) fn to_be_saved(&self, region: &str) -> Vec<String> {
        let others = self.unsaved.iter().filter(|other| *other != region).cloned();
        [region.to_owned()].into_iter().chain(others).collect()
    }
}

/// One region of one account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Region {
    /// Networks and what is in them.
    pub(crate) ec2: ec2::Store,
    /// Clusters, instances, proxies.
    pub(crate) rds: rds::Store,
    /// Services, connectors, auto scaling configurations.
    pub(crate) apprunner: apprunner::Store,
    /// Secrets and their versions.
    pub(crate) secretsmanager: secretsmanager::Store,
    /// Parameters.
    pub(crate) ssm: ssm::Store,
    /// Log groups.
    pub(crate) logs: logs::Store,
    /// Functions.
    pub(crate) lambda: lambda::Store,
}

impl Region {
    /// What uses a service-linked role here.
    pub(crate) fn usage(&self, name: &str, role: &str) -> Option<iam::Usage> {
        let resources = match role {
            iam::service_linked::OF_RDS => self.rds.users_of_the_role(),
            iam::service_linked::OF_APP_RUNNER => self.apprunner.standing_services(),
            iam::service_linked::OF_APP_RUNNER_NETWORKING => self.apprunner.active_connectors(),
            _ => Vec::new(),
        };
        (!resources.is_empty()).then(|| iam::Usage { region: name.to_owned(), resources })
    }

    /// Moves every resource whose time has come into its next state.
    pub(crate) fn settle(&mut self, now: Millis, iam: &iam::Store) {
        self.ec2.abandon_interfaces(|role| iam.role(role).is_some());
        self.ec2.settle(now);
        self.rds.settle(now);
        for arn in self.rds.settled_secrets() {
            self.secretsmanager.promote(arn, now);
        }
        for arn in self.rds.take_orphaned_secrets() {
            self.secretsmanager.remove_managed(&arn);
        }
        for arn in self.rds.take_departed() {
            self.ec2.detach_interfaces(&arn);
        }
        for (old, new) in self.rds.take_moved() {
            self.ec2.hand_over_interfaces(&old, &new);
        }
        self.apprunner.settle(now);
        for line in self.apprunner.take_lines() {
            self.logs.write(line.destination(), line.at, &line.message);
        }
        self.secretsmanager.settle(now);
        self.ssm.settle(now);
        self.logs.settle(now);
        self.lambda.settle(now);
    }

    /// Every resource that exists.
    pub(crate) fn inventory(&self) -> Vec<Item> {
        [
            self.ec2.inventory(),
            self.rds.inventory(),
            self.apprunner.inventory(),
            self.secretsmanager.inventory(),
            self.ssm.inventory(),
            self.logs.inventory(),
            self.lambda.inventory(),
        ]
        .concat()
    }
}

/// What an action may see and change: one account in one region, at one moment. Every service's store
/// is within reach, for the checks that cross services (a proxy's subnets, a connector's groups).
pub(crate) struct Ctx<'a> {
    /// The account's twelve digits.
    pub(crate) account: &'a str,
    /// The region's name, e.g. `eu-central-1`.
    pub(crate) region_name: &'a str,
    /// The access key that signed the call; empty where no call is answered.
    pub(crate) access_key: String,
    /// Who calls, where this is somebody of another account.
    pub(crate) visitor: Option<sts::Session>,
    /// The account's IAM.
    pub(crate) iam: &'a mut iam::Store,
    /// The region.
    pub(crate) region: &'a mut Region,
    /// Now.
    pub(crate) now: Millis,
    /// How fast changes pass.
    pub(crate) pace: Pace,
    /// Why what this call makes or changes is to fail, where somebody asked for that.
    pub(crate) doom: Option<String>,
    /// The cloud's folder, for what is too large for the state.
    pub(crate) data: &'a Path,
    /// The services that this cloud runs, by their signing names.
    pub(crate) services: &'a [&'static Service],
}

impl Ctx<'_> {
    /// Whether this cloud runs a service. What belongs to one that runs elsewhere cannot be checked here, and is taken
    /// as it is given.
    pub(crate) fn serves(&self, name: &str) -> bool {
        self.services.iter().any(|service| service.name == name)
    }
}
