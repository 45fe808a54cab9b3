//! What an account says where the description leaves a choice: its zones, its engine versions.

use std::{path::PathBuf, sync::Arc};

use crate::{
    aws::{Account, Clients, Error, Result},
    engine::{Resource, Seen},
    migrate::Folder,
    resources::{cluster::Cluster, subnet::Subnet},
    stack::{EngineVersion, Stack},
};

/// What the expansion needs to know besides the description.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The region, e.g. `eu-central-1`.
    pub region: String,
    /// The partition of ARNs: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The account's twelve digits.
    pub account: String,
    /// The zones in use, in order: the first subnet of each tier lies in the first one.
    pub zones: Vec<String>,
    /// The engine version the cluster has or is to have, e.g. `15.17`.
    pub engine_version: String,
    /// The migrations' folder, read and checked.
    pub migrations: Option<Arc<Folder>>,
    /// The command that applies them alone, for what only that one lets through.
    pub migrate: String,
    /// A CA to trust besides the public ones when connecting to the database.
    pub ca: Option<PathBuf>,
}

impl Facts {
    /// What is known before anything was asked: enough for expanding what does not depend on the account.
    pub fn of(account: &Account, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            partition: account.partition.clone(),
            account: account.id.clone(),
            ..Self::default()
        }
    }

    /// Completes the facts: what is live stands, and AWS is asked only for the rest.
    ///
    /// # Errors
    /// Where AWS does not answer, has too few zones, or does not offer the engine version.
    pub async fn complete(mut self, description: &Stack, live: &[Seen], aws: &Clients) -> Result<Self> {
        self.zones = zones_in_use(live);
        let wanted = usize::from(description.network.zones);
        if self.zones.len() < wanted {
            let offered = offered_zones(aws).await?;
            for zone in offered {
                if !self.zones.contains(&zone) && self.zones.len() < wanted {
                    self.zones.push(zone);
                }
            }
        }
        if self.zones.len() < wanted {
            return Err(Error::other(format!(
                "The description asks for {wanted} availability zones, and {} offers {}: {}.",
                self.region,
                self.zones.len(),
                self.zones.join(", ")
            ))
            .advise("Set `network.zones` to at most that, or choose another region."));
        }
        if let Some(database) = &description.database {
            self.engine_version = engine_version(&database.engine_version, live, aws).await?;
        }
        Ok(self)
    }
}

/// The zones of the subnets that are there, by the number at the end of their names.
fn zones_in_use(live: &[Seen]) -> Vec<String> {
    let mut numbered: Vec<(usize, String)> = live
        .iter()
        .filter(|seen| seen.address.kind() == Subnet::KIND)
        .filter_map(|seen| {
            let number = seen.address.name().rsplit_once('-')?.1.parse().ok()?;
            Some((number, seen.attributes.get("availability_zone")?.as_str()?.to_owned()))
        })
        .collect();
    numbered.sort();
    numbered.dedup_by_key(|(number, _)| *number);
    // A gap (subnets deleted by hand) must not move the zones behind it.
    let whole = numbered.iter().enumerate().take_while(|(index, (number, _))| index + 1 == *number).count();
    numbered.into_iter().take(whole).map(|(_, zone)| zone).collect()
}

async fn offered_zones(aws: &Clients) -> Result<Vec<String>> {
    let answer = aws.ec2.describe_availability_zones().send().await?;
    let mut zones: Vec<String> = answer
        .availability_zones()
        .iter()
        .filter(|zone| zone.zone_type().is_none_or(|kind| kind == "availability-zone"))
        .filter(|zone| zone.state().is_none_or(|state| state.as_str() == "available"))
        .filter_map(|zone| zone.zone_name().map(str::to_owned))
        .collect();
    zones.sort();
    Ok(zones)
}

/// The version wanted is a floor: AWS upgrades by itself, and refuses to go back.
async fn engine_version(wanted: &EngineVersion, live: &[Seen], aws: &Clients) -> Result<String> {
    let has = live
        .iter()
        .find(|seen| seen.address.kind() == Cluster::KIND)
        .and_then(|seen| seen.attributes.get("engine_version")?.as_str().map(str::to_owned));
    if let Some(has) = has {
        let enough = wanted.minor().is_none_or(|minor| minor_of(&has).is_some_and(|live| live >= u32::from(minor)));
        if enough {
            return Ok(has);
        }
    }
    let answer = aws
        .rds
        .describe_db_engine_versions()
        .engine("aurora-postgresql")
        .filters(aws_sdk_rds::types::Filter::builder().name("engine-mode").values("provisioned").build())
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await?;
    let mut offered: Vec<(u32, String)> = answer
        .iter()
        .filter_map(|version| {
            let version = version.engine_version()?;
            version.strip_prefix("15.")?;
            Some((minor_of(version)?, version.to_owned()))
        })
        .collect();
    offered.sort();
    let list = || offered.iter().map(|(_, version)| version.as_str()).collect::<Vec<_>>().join(", ");
    let chosen = match wanted.minor() {
        None => offered.last(),
        Some(minor) => offered.iter().find(|(offered, _)| *offered == u32::from(minor)),
    };
    match (chosen, wanted.minor()) {
        (Some((_, version)), _) => Ok(version.clone()),
        (None, Some(minor)) => {
            let nearest = offered.iter().find(|(offered, _)| *offered > u32::from(minor)).or(offered.last());
            let nearest = nearest.map_or("15", |(_, version)| version);
            Err(Error::other(format!(
                "`database.engine_version` is \"15.{minor}\", which AWS does not offer in {}. It offers: {}.",
                aws.region,
                list()
            ))
            .advise(format!("Write \"{nearest}\", or \"15\" for the newest.")))
        }
        (None, None) => Err(Error::other(format!("AWS offers no Aurora PostgreSQL 15 in {}.", aws.region))
            .advise("Choose another region.")),
    }
}

fn minor_of(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}
