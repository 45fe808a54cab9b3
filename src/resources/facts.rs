//! What an account says where the description leaves a choice: its zones, its engine versions.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_sdk_ec2::types::AvailabilityZone;
use aws_sdk_rds::types::DbEngineVersion;

use crate::{
    aws::{Account, Clients, Error, Result},
    engine::{Phase, Resource, Seen, observe::patiently},
    migrate::Folder,
    resources::{
        cluster::Cluster,
        secret::{self, Scheduled, Secret},
        subnet::Subnet,
    },
    runner::{
        bound::LARGEST_CA,
        package::{self, Package},
    },
    stack::{EngineVersion, Runner, Stack},
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
    /// The stack's secret, where it is scheduled for deletion, and so to be restored.
    pub scheduled_secret: Option<Scheduled>,
    /// The migrations' folder, read and checked.
    pub migrations: Option<Arc<Folder>>,
    /// The code of the function that applies them, where one does.
    pub package: Option<Arc<Package>>,
    /// The command that applies them alone, for what only that one lets through.
    pub migrate: String,
    /// A CA to trust besides the public ones when connecting to the database.
    pub ca: Option<PathBuf>,
    /// What is in it, where a function is to trust it.
    pub authorities: Option<String>,
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

    /// The name under which a service calls others in the caller's place, as `kms:ViaService` tells it.
    pub fn endpoint_of(&self, service: &str) -> String {
        let china = if self.partition == "aws-cn" { ".cn" } else { "" };
        format!("{service}.{}.amazonaws.com{china}", self.region)
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
            self.scheduled_secret = scheduled_secret(description, live, aws).await?;
        }
        if description.migrations.as_ref().is_some_and(|migrations| migrations.runner == Runner::Lambda) {
            let packed = package::own().await;
            self.package = Some(packed.map_err(|error| Error::other(error.to_string()).advise(error.advice()))?);
            // As libpq does, `system` means the public ones.
            let file = self.ca.as_deref().filter(|path| path.as_os_str() != "system");
            self.authorities = file.map(authorities).transpose()?;
        }
        Ok(self)
    }
}

/// The authorities in a file, if a function's variables can hold them.
fn authorities(path: &Path) -> Result<String> {
    let pem = std::fs::read_to_string(path).map_err(|cause| {
        Error::other(format!("The certificate authorities in {} cannot be read: {cause}.", path.display()))
    })?;
    if pem.len() > LARGEST_CA {
        return Err(Error::other(format!(
            "The certificate authorities in {} are {} bytes, and a function can be given {LARGEST_CA}.",
            path.display(),
            pem.len(),
        ))
        .advise("Unset PGSSLROOTCERT: the public authorities and those of RDS are known to the function. Or name a file with just the one that is needed."));
    }
    Ok(pem)
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

/// Zones, by the id that is the same in every account, in which AWS makes neither RDS Proxies nor VPC connectors.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy.html#rds-proxy.limitations>
const LACKING: &[&str] = &["use1-az3"];

async fn offered_zones(aws: &Clients) -> Result<Vec<String>> {
    let answer = patiently(0, async || Ok(aws.ec2.describe_availability_zones().send().await?)).await?;
    Ok(in_order(answer.availability_zones()))
}

/// The names of the zones that can be used, those first in which everything can be made.
fn in_order(zones: &[AvailabilityZone]) -> Vec<String> {
    let usable = zones
        .iter()
        .filter(|zone| zone.zone_type().is_none_or(|kind| kind == "availability-zone"))
        .filter(|zone| zone.state().is_none_or(|state| state.as_str() == "available"));
    let lacks = |zone: &AvailabilityZone| zone.zone_id().is_some_and(|id| LACKING.contains(&id));
    let mut zones: Vec<(bool, String)> =
        usable.filter_map(|zone| Some((lacks(zone), zone.zone_name()?.to_owned()))).collect();
    zones.sort();
    zones.into_iter().map(|(_, zone)| zone).collect()
}

/// The stack's secret, where it is not there for the only reason that it is scheduled for deletion.
async fn scheduled_secret(description: &Stack, live: &[Seen], aws: &Clients) -> Result<Option<Scheduled>> {
    if live.iter().any(|seen| seen.address.kind() == Secret::KIND) {
        return Ok(None);
    }
    let name = description.secret.name_in(&description.stack);
    patiently(0, async || secret::scheduled(aws, &name, description.stack.as_str()).await).await
}

/// The major version of a new cluster.
pub(super) const MAJOR: u32 = 15;

/// The version wanted is a floor: AWS upgrades by itself, at the end of a major version's support also to the next one, and
/// refuses to go back.
async fn engine_version(wanted: &EngineVersion, live: &[Seen], aws: &Clients) -> Result<String> {
    let has = live
        .iter()
        // One that is on its way out has no say in what comes after it.
        .find(|seen| seen.address.kind() == Cluster::KIND && !matches!(seen.phase, Phase::Deleting(_)))
        .and_then(|seen| seen.attributes.get("engine_version")?.as_str().map(str::to_owned));
    if let Some(has) = has
        && stands(&has, wanted)?
    {
        return Ok(has);
    }
    let provisioned = aws_sdk_rds::types::Filter::builder().name("engine-mode").values("provisioned").build();
    let answer: Vec<DbEngineVersion> = patiently(0, async || {
        let call = aws.rds.describe_db_engine_versions().engine("aurora-postgresql").filters(provisioned.clone());
        Ok(call.into_paginator().items().send().try_collect().await?)
    })
    .await?;
    let mut offered: Vec<(u32, String)> = answer
        .iter()
        .filter_map(|version| {
            let version = version.engine_version()?;
            let (major, minor) = numbers(version)?;
            (major == MAJOR).then(|| (minor, version.to_owned()))
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

/// Whether a cluster's version is one to stay at.
///
/// # Errors
/// Where it is of a major version before ours: AWS takes such an upgrade only from somebody who asks for it in so many words.
fn stands(has: &str, wanted: &EngineVersion) -> Result<bool> {
    // A version in other words is none that we could choose a better one for.
    let Some((major, minor)) = numbers(has) else { return Ok(true) };
    if major < MAJOR {
        return Err(Error::other(format!("The cluster has PostgreSQL {has}, and infra deploys {MAJOR} and later ones."))
            .advise(
                "Upgrade it yourself, after a snapshot: `aws rds modify-db-cluster --allow-major-version-upgrade \
                 --apply-immediately --engine-version …` (`aws rds describe-db-engine-versions` tells to which it can go).",
            ));
    }
    Ok((major, minor) >= (MAJOR, wanted.minor().map_or(0, u32::from)))
}

/// Major and minor number.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_never_goes_back() {
        let stays = |has: &str, wanted: &str| stands(has, &wanted.parse().unwrap()).map_err(|_| ());
        let cases = [
            ("15.17", "15", Ok(true)),
            ("15.10", "15.12", Ok(false)),
            ("15.12", "15.12", Ok(true)),
            // AWS has upgraded it.
            ("16.4", "15.10", Ok(true)),
            ("17.0", "15", Ok(true)),
            ("14.22", "15", Err(())),
            ("15.10-limitless", "15.12", Ok(true)),
        ];
        for (has, wanted, expected) in cases {
            assert_eq!(stays(has, wanted), expected, "{has} where {wanted} is described");
        }
    }

    #[test]
    fn zones_that_lack_something_come_last() {
        let zone = |name: &str, id: &str, kind: &str| {
            AvailabilityZone::builder().zone_name(name).zone_id(id).zone_type(kind).build()
        };
        let zones = [
            zone("us-east-1c", "use1-az4", "availability-zone"),
            zone("us-east-1a", "use1-az3", "availability-zone"),
            zone("us-east-1-bos-1a", "use1-bos1-az1", "local-zone"),
            zone("us-east-1b", "use1-az2", "availability-zone"),
        ];
        assert_eq!(in_order(&zones), ["us-east-1b", "us-east-1c", "us-east-1a"]);
    }
}
