//! The inventory: everything that exists in the local cloud, in every account and region.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::{
    cloud::{Cloud, now},
    daemon::{LocalError, folder::try_lock},
    disk, rds,
    world::World,
};

/// One resource, as its service's store lists it. Resources that AWS brings along by itself and takes away
/// with their owner (a VPC's main route table, default group and network ACL) are not listed: what is left
/// in the inventory was made by somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Item {
    /// The service's signing name, e.g. `ec2`.
    pub(crate) service: &'static str,
    /// The kind in AWS's words, lower case with hyphens, e.g. `subnet`, `db-cluster`, `nat-gateway`.
    pub(crate) kind: &'static str,
    /// What the API calls it by: the id, the identifier or the ARN.
    pub(crate) id: String,
    /// The name a user gave it: its name or identifier, or its tag `Name`; empty where it has none.
    pub(crate) name: String,
    /// The state in the API's words, e.g. `available`; `exists` for kinds without states.
    pub(crate) state: String,
    /// Its tags.
    pub(crate) tags: BTreeMap<String, String>,
}

/// An item and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Located {
    /// The account's twelve digits.
    pub(crate) account: String,
    /// The region; `global` for IAM.
    pub(crate) region: String,
    /// The resource.
    #[serde(flatten)]
    pub(crate) item: Item,
}

impl Cloud {
    /// Everything that exists, by account, region and service.
    pub(crate) fn inventory(&self) -> Vec<Located> {
        of(&mut self.world())
    }
}

/// The same of a cloud that does not run, as it was saved, and the folders of databases and snapshots that are not in it.
///
/// # Errors
/// It cannot be read, or runs after all.
pub(crate) fn saved(data: &Path) -> Result<(Vec<Located>, Vec<String>), LocalError> {
    // Kept until the end: what a daemon is writing is not to be taken for something that a killed one left.
    let Some(_lock) = try_lock(data)? else { return Err(LocalError::InUse { data: data.to_owned(), pid: None }) };
    let mut world = disk::load(data)?;
    Ok((of(&mut world), rds::unknown_in(&mut world, rds::databases_of(data))))
}

fn of(world: &mut World) -> Vec<Located> {
    let now = now();
    let mut found = Vec::new();
    for (account, content) in &mut world.accounts {
        let mut add = |region: &str, items: Vec<Item>| {
            let place = |item| Located { account: account.clone(), region: region.to_owned(), item };
            found.extend(items.into_iter().map(place));
        };
        content.settle(now);
        add("global", content.iam.inventory());
        for (name, region) in &mut content.regions {
            region.settle(now, &content.iam);
            add(name, region.inventory());
        }
    }
    found
}
