//! VPC connectors. Their network interfaces come with the first service that uses them and go with the connector.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store, cut, invalid, not_found,
    revision::{Revision, check_count},
};
use crate::local::{
    ec2::Purpose,
    fault::Fault,
    iam::service_linked,
    members::{Tag, decode, optional_time, time},
    world::Ctx,
};

/// A connector.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Connector {
    pub(super) revision: Revision,
    pub(super) subnets: Vec<String>,
    pub(super) security_groups: Vec<String>,
    /// Whether its network interfaces were made.
    pub(super) used: bool,
}

impl Connector {
    fn describe(&self) -> Value {
        json!({
            "VpcConnectorName": self.revision.name,
            "VpcConnectorArn": self.revision.arn,
            "VpcConnectorRevision": self.revision.number,
            "Subnets": self.subnets,
            "SecurityGroups": self.security_groups,
            "Status": self.revision.status(),
            "CreatedAt": time(self.revision.created_at),
            "DeletedAt": optional_time(self.revision.deleted_at),
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    vpc_connector_name: String,
    vpc_connector_arn: String,
    subnets: Vec<String>,
    security_groups: Vec<String>,
    tags: Vec<Tag>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn create_vpc_connector(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let active = || ctx.region.apprunner.connectors.values().filter(|connector| connector.revision.is_active());
    if active().any(|connector| connector.revision.name == input.vpc_connector_name) {
        return Err(invalid(format!(
            "VPC connector with the provided name already exists: {}.",
            input.vpc_connector_name
        )));
    }
    check_count(active().count(), 25, "VPC connectors")?;
    let security_groups = check_network(ctx, &input)?;
    let sorted = |groups: &[String]| groups.iter().cloned().collect::<std::collections::BTreeSet<_>>();
    if active().any(|other| sorted(&other.security_groups) == sorted(&security_groups)) {
        return Err(invalid(
            "The security groups combination provided in the request already exists on existing vpc connector",
        ));
    }
    let revision = Revision::next(ctx, "vpcconnector", &input.vpc_connector_name, input.tags)?;
    let connector = Connector { revision, subnets: input.subnets, security_groups, used: false };
    let output = connector.describe();
    ctx.region.apprunner.connectors.insert(connector.revision.arn.clone(), connector);
    service_linked::provide(ctx, service_linked::OF_APP_RUNNER_NETWORKING);
    Ok(json!({ "VpcConnector": output }))
}

/// Subnets and groups exist and share one VPC; without groups the VPC's default one is taken.
fn check_network(ctx: &Ctx<'_>, input: &Input) -> Result<Vec<String>, Fault> {
    let ec2 = &ctx.region.ec2;
    let mut vpc: Option<&str> = None;
    if input.subnets.is_empty() || input.subnets.len() > 16 || input.security_groups.len() > 5 {
        return Err(invalid("A VPC connector takes 1 to 16 subnets and at most 5 security groups."));
    }
    if !ctx.serves("ec2") {
        return Ok(input.security_groups.clone());
    }
    for id in &input.subnets {
        let subnet = ec2.subnet(id).ok_or_else(|| invalid(format!("Subnet ID is invalid: {id} does not exist.")))?;
        if vpc.is_some_and(|vpc| vpc != subnet.vpc_id) {
            return Err(invalid(format!("All subnets must be in the same VPC; {id} is in {}.", subnet.vpc_id)));
        }
        vpc = Some(&subnet.vpc_id);
    }
    if input.security_groups.is_empty() {
        return Ok(vpc.and_then(|vpc| ec2.default_group(vpc)).map(str::to_owned).into_iter().collect());
    }
    for id in &input.security_groups {
        let group = ec2
            .security_group(id)
            .ok_or_else(|| invalid(format!("Security group ID is invalid: {id} does not exist.")))?;
        if vpc.is_some_and(|vpc| !group.serves(vpc)) {
            return Err(invalid(format!(
                "Security groups and subnets must be in the same VPC; {id} is in {}.",
                group.vpc_id
            )));
        }
    }
    Ok(input.security_groups.clone())
}

pub(super) fn describe_vpc_connector(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    Ok(json!({ "VpcConnector": ctx.region.apprunner.connector(&input.vpc_connector_arn)?.describe() }))
}

pub(super) fn list_vpc_connectors(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let active = ctx.region.apprunner.connectors.values().filter(|connector| connector.revision.is_active());
    let page = cut(active.collect(), input.next_token.as_deref(), input.max_results, |connector| {
        connector.revision.arn.clone()
    })?;
    let connectors: Vec<Value> = page.items.into_iter().map(Connector::describe).collect();
    Ok(json!({ "VpcConnectors": connectors, "NextToken": page.next }))
}

pub(super) fn delete_vpc_connector(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let now = ctx.now;
    let store = &mut ctx.region.apprunner;
    let arn = store.connector(&input.vpc_connector_arn)?.revision.arn.clone();
    let message = format!("Provided VPC connector arn is being used by other services. ARN: {arn}");
    store.check_unused(&message, |settings| settings.connector() == Some(&arn))?;
    let connector = store.connectors.get_mut(&arn).ok_or_else(|| not_found("VPC connector", &arn))?;
    connector.revision.deleted_at.get_or_insert(now);
    let output = connector.describe();
    ctx.region.ec2.detach_interfaces(&arn);
    Ok(json!({ "VpcConnector": output }))
}

impl Store {
    /// The connector that an ARN, in full or without its random end, means.
    fn connector(&self, arn: &str) -> Result<&Connector, Fault> {
        let found = super::revision::resolve(self.connectors.values().map(|connector| &connector.revision), arn);
        found.and_then(|arn| self.connectors.get(&arn)).ok_or_else(|| not_found("VPC connector", arn))
    }

    /// The full ARN of a connector that a service may use.
    pub(super) fn usable_connector(&self, arn: &str) -> Result<String, Fault> {
        match self.connector(arn) {
            Ok(connector) if connector.revision.is_active() => Ok(connector.revision.arn.clone()),
            _ => Err(invalid(format!("VPC connector ARN is invalid: {arn} does not exist or is INACTIVE."))),
        }
    }
}

/// Makes the network interfaces of a connector if no service used it before; says whether it did, or why it cannot.
pub(super) fn use_first(ctx: &mut Ctx<'_>, arn: &str) -> Result<bool, String> {
    let now = ctx.now;
    let Some(connector) = ctx.region.apprunner.connectors.get_mut(arn).filter(|connector| !connector.used) else {
        return Ok(false);
    };
    let has_network = ctx.services.iter().any(|service| service.name == "ec2");
    let description = format!("AWS App Runner VPC connector {}", connector.revision.name);
    let purpose = Purpose::of_service(arn, &description, "amazon-apprunner");
    if has_network {
        let attached = ctx.region.ec2.attach_interfaces(&purpose, &connector.subnets, &connector.security_groups, now);
        attached
            .map_err(|full| format!("Failed to create network interfaces for VPC connector {arn}: {}", full.message))?;
    }
    connector.used = true;
    Ok(true)
}
