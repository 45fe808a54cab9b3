//! The kind `vpc-connector`: the service's way into the VPC.

use aws_sdk_apprunner::types::{VpcConnector as Found, VpcConnectorStatus};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{apprunner, security_group::SecurityGroup, subnet::Subnet};
use crate::{
    aws::{Error, Result, each, tags},
    engine::{Change, Live, Ref, Resource, Scope, Tags, Times},
};

/// Attaches services to subnets. Nothing about it can be changed: a change makes another one, to which the service is
/// switched before the old one goes.
///
/// Two of one name cannot exist at once, so AWS gets the name with a hash of what the connector is attached to behind it.
///
/// As CDK's `AWS::AppRunner::VpcConnector`. APIs: ListVpcConnectors, CreateVpcConnector, DeleteVpcConnector. Its id is its ARN.
#[derive(Debug, Clone, Serialize)]
pub struct VpcConnector {
    /// The name without its hash, of at most 31 characters.
    pub name: String,
    /// Where its network interfaces stand.
    pub subnets: Vec<Ref<Subnet>>,
    /// What they belong to.
    pub security_groups: Vec<Ref<SecurityGroup>>,
}

impl Resource for VpcConnector {
    const KIND: &'static str = "vpc-connector";
    const IMMUTABLE: &'static [&'static str] = &["name", "subnets", "security_groups"];

    const TIMES: Times = Times::seconds(5, 5, 5);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let pages = scope.aws.apprunner.list_vpc_connectors().into_paginator().send().try_collect().await?;
        let connectors: Vec<Found> = pages.into_iter().flat_map(|page| page.vpc_connectors).collect();
        let ours = connectors.iter().filter(|connector| scope.is_named(connector.vpc_connector_name()));
        let active = ours.filter(|connector| connector.status() != Some(&VpcConnectorStatus::Inactive));
        // The list has neither a filter nor tags.
        let found = each(active.map(|connector| observe_one(connector, scope))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let subnets = Ref::get_all(&self.subnets, scope)?;
        let groups = Ref::get_all(&self.security_groups, scope)?;
        let name = hashed(&self.name, &subnets, &groups);
        let call = scope.aws.apprunner.create_vpc_connector().vpc_connector_name(name);
        let call = call.set_subnets(Some(subnets)).set_security_groups(Some(groups));
        call.set_tags(Some(tags::apprunner(scope.tags()))).send().await.map_err(apprunner::refused)?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, _changes: &[Change], _scope: &Scope<'_>) -> Result<()> {
        Err(Error::internal(format!("{} has nothing that can be updated.", live.address)))
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        scope.aws.apprunner.delete_vpc_connector().vpc_connector_arn(&live.id).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_apprunner(scope.aws, &live.id, set, unset).await
    }
}

async fn observe_one(connector: &Found, scope: &Scope<'_>) -> Result<Option<Live<VpcConnector>>> {
    let Some(arn) = connector.vpc_connector_arn() else { return Ok(None) };
    let tags = tags::of_apprunner(scope.aws, arn).await?;
    let Some(address) = scope.address::<VpcConnector>(&tags, arn) else { return Ok(None) };
    let spec = VpcConnector {
        name: without_hash(connector.vpc_connector_name().unwrap_or_default()).to_owned(),
        subnets: connector.subnets().iter().map(Ref::value).collect(),
        security_groups: connector.security_groups().iter().map(Ref::value).collect(),
    };
    let created = connector.created_at().map(aws_smithy_types::DateTime::secs);
    Ok(Some(Live::new(address, arn, spec).output("arn", Some(arn)).tags(tags).created(created)))
}

/// How many characters the hash has.
const HASH: usize = 8;

/// The name under which AWS knows a connector to these subnets and groups.
fn hashed(name: &str, subnets: &[String], groups: &[String]) -> String {
    let mut ids: Vec<&String> = subnets.iter().chain(groups).collect();
    ids.sort();
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id);
        hash.update([0]);
    }
    let hex: String = hash.finalize().iter().take(HASH / 2).map(|byte| format!("{byte:02x}")).collect();
    format!("{name}-{hex}")
}

/// The other way round; a name that somebody else gave stays as it is.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((name, hash)) if hash.len() == HASH && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_is_another_name_and_the_order_does_not_matter() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let name = hashed("shop-app", &ids(&["subnet-1", "subnet-2"]), &ids(&["sg-1"]));
        assert_eq!(name, hashed("shop-app", &ids(&["subnet-2", "subnet-1"]), &ids(&["sg-1"])));
        assert_ne!(name, hashed("shop-app", &ids(&["subnet-1", "subnet-2"]), &ids(&["sg-2"])));
        assert_eq!((without_hash(&name), name.len()), ("shop-app", "shop-app".len() + 1 + HASH));
        assert_eq!(without_hash("shop-by-hand"), "shop-by-hand");
    }
}
