//! DB subnet groups: subnets of one VPC in at least two zones.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    input::{Filters, Input, invalid, missing, page},
    tags::{self, Tags},
};
use crate::local::{ec2, fault::Fault, world::Ctx};

/// A DB subnet group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SubnetGroup {
    pub(super) name: String,
    pub(super) arn: String,
    description: String,
    pub(super) vpc_id: String,
    /// Id and zone of each subnet.
    pub(super) subnets: Vec<(String, String)>,
    pub(super) tags: Tags,
}

impl SubnetGroup {
    pub(super) fn view(&self) -> Value {
        let subnet = |(id, zone): &(String, String)| {
            json!({"SubnetIdentifier": id, "SubnetAvailabilityZone": {"Name": zone}, "SubnetOutpost": {},
                "SubnetStatus": "Active"})
        };
        json!({
            "DBSubnetGroupName": self.name, "DBSubnetGroupArn": self.arn,
            "VpcId": Some(&self.vpc_id).filter(|vpc| *vpc != ELSEWHERE),
            "DBSubnetGroupDescription": self.description, "SubnetGroupStatus": "Complete",
            "Subnets": self.subnets.iter().map(subnet).collect::<Vec<_>>(), "SupportedNetworkTypes": ["IPV4"],
        })
    }

    /// The zones it covers, in order.
    pub(super) fn zones(&self) -> Vec<String> {
        let zones: BTreeSet<&String> = self.subnets.iter().map(|(_, zone)| zone).collect();
        zones.into_iter().cloned().collect()
    }
}

fn absent(name: &str) -> Fault {
    missing("DBSubnetGroupNotFoundFault", format!("DB subnet group '{name}' does not exist."))
}

impl Store {
    pub(super) fn subnet_group(&self, name: &str) -> Result<&SubnetGroup, Fault> {
        self.subnet_groups.get(&name.to_ascii_lowercase()).ok_or_else(|| absent(name))
    }
}

/// The subnets that a call names, each once.
pub(super) fn given(input: &Input, member: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for id in input.texts(member).unwrap_or_default() {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// The subnets with their zones and their one VPC, as subnet groups and proxies need them.
pub(super) fn place(ctx: &Ctx<'_>, ids: &[String]) -> Result<(String, Vec<(String, String)>), Fault> {
    if !ctx.serves("ec2") {
        return Ok(elsewhere(ctx.region_name, ids));
    }
    let network = &ctx.region.ec2;
    let unknown: Vec<&str> = ids.iter().filter(|id| network.subnet(id).is_none()).map(String::as_str).collect();
    if ids.is_empty() || !unknown.is_empty() {
        return Err(Fault::new(
            "InvalidSubnet",
            format!("Some input subnets in :[{}] are invalid.", unknown.join(", ")),
        ));
    }
    let found: Vec<_> = ids.iter().filter_map(|id| network.subnet(id)).collect();
    let vpcs: BTreeSet<&str> = found.iter().map(|subnet| subnet.vpc_id.as_str()).collect();
    if vpcs.len() > 1 {
        let message = "The subnets are in different VPCs: all of them have to be in the same one.";
        return Err(Fault::new("InvalidSubnet", message));
    }
    let zones = found.iter().map(|subnet| subnet.availability_zone.as_str());
    check_coverage("DBSubnetGroupDoesNotCoverEnoughAZs", zones)?;
    let vpc = vpcs.into_iter().next().unwrap_or_default().to_owned();
    let places = found.iter().map(|subnet| (subnet.subnet_id.clone(), subnet.availability_zone.clone())).collect();
    Ok((vpc, places))
}

/// Refuses what is in fewer than two zones.
fn check_coverage<'a>(code: &str, zones: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
    let zones: BTreeSet<&str> = zones.collect();
    if zones.len() >= 2 {
        return Ok(());
    }
    let covered = zones.into_iter().collect::<Vec<_>>().join(", ");
    let message = format!(
        "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: {covered}. Add \
         subnets to cover at least 2 AZs."
    );
    Err(Fault::new(code, message))
}

/// The subnets of a group that are still there: EC2 lets those go in which there is nothing. Refused where the rest of them
/// is no place for a database any more.
pub(super) fn present(ctx: &Ctx<'_>, group: &SubnetGroup) -> Result<Vec<(String, String)>, Fault> {
    if !ctx.serves("ec2") {
        return Ok(group.subnets.clone());
    }
    let is_there = |(id, _): &&(String, String)| ctx.region.ec2.subnet(id).is_some();
    let subnets: Vec<(String, String)> = group.subnets.iter().filter(is_there).cloned().collect();
    check_coverage("InvalidVPCNetworkStateFault", subnets.iter().map(|(_, zone)| zone.as_str()))?;
    Ok(subnets)
}

/// The VPC of subnets that another cloud knows; a group does not tell it.
const ELSEWHERE: &str = "vpc-elsewhere";

/// Subnets of a cloud that knows them, taken as they are given: each in the next zone, and all in one VPC.
fn elsewhere(region: &str, ids: &[String]) -> (String, Vec<(String, String)>) {
    let zones: Vec<String> = ec2::zone_names(region).collect();
    let subnets = ids.iter().zip(zones.into_iter().cycle()).map(|(id, zone)| (id.clone(), zone));
    (ELSEWHERE.to_owned(), subnets.collect())
}

/// The name of the group that AWS makes of the default VPC's subnets, and that nobody else may make.
pub(super) const DEFAULT: &str = "default";

/// Makes the default group where there is a default VPC and no such group yet.
pub(super) fn make_default(ctx: &mut Ctx<'_>) -> Result<(), Fault> {
    let ids = ctx.region.ec2.default_subnets();
    if ids.is_empty() || ctx.region.rds.subnet_groups.contains_key(DEFAULT) {
        return Ok(());
    }
    let (vpc_id, subnets) = place(ctx, &ids)?;
    let (name, description) = (DEFAULT.to_owned(), DEFAULT.to_owned());
    let group =
        SubnetGroup { arn: ctx.rds_arn("subgrp", DEFAULT), description, tags: Tags::default(), name, vpc_id, subnets };
    ctx.region.rds.subnet_groups.insert(DEFAULT.to_owned(), group);
    Ok(())
}

pub(super) fn create(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = input.required("DBSubnetGroupName")?.to_ascii_lowercase();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || " ._-".contains(letter);
    let begins_well = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    if name == DEFAULT || name.len() > 255 || !begins_well || !name.chars().all(allowed) {
        return Err(invalid(format!("The parameter DBSubnetGroupName is not a valid identifier: {name}")));
    }
    if ctx.region.rds.subnet_groups.contains_key(&name) {
        let message = format!("The DB subnet group '{name}' already exists.");
        return Err(Fault::new("DBSubnetGroupAlreadyExists", message));
    }
    let (vpc_id, subnets) = place(ctx, &given(&input, "SubnetIds"))?;
    let group = SubnetGroup {
        arn: ctx.rds_arn("subgrp", &name),
        description: input.required("DBSubnetGroupDescription")?.to_owned(),
        tags: tags::given(&input)?,
        name: name.clone(),
        vpc_id,
        subnets,
    };
    let answer = json!({"DBSubnetGroup": group.view()});
    ctx.region.rds.subnet_groups.insert(name, group);
    Ok(answer)
}

pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    Filters::of(&input, &[])?;
    let store = &ctx.region.rds;
    let groups = match input.text("DBSubnetGroupName") {
        Some(name) => vec![store.subnet_group(name)?.view()],
        None => store.subnet_groups.values().map(SubnetGroup::view).collect(),
    };
    page(&input, "DBSubnetGroups", groups)
}

pub(super) fn modify(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = input.required("DBSubnetGroupName")?.to_ascii_lowercase();
    let mut group = ctx.region.rds.subnet_group(&name)?.clone();
    let (vpc_id, subnets) = place(ctx, &given(&input, "SubnetIds"))?;
    if vpc_id != group.vpc_id {
        let message =
            format!("The new subnets are in {vpc_id}, and the DB subnet group '{name}' is in {}.", group.vpc_id);
        return Err(Fault::new("InvalidSubnet", message));
    }
    let taken = |id: &str| {
        let members = ctx.region.rds.instances.values().filter(|instance| instance.subnet_group == name);
        members.into_iter().any(|instance| instance.subnet_id == id)
    };
    if let Some((id, _)) = group.subnets.iter().find(|(id, _)| taken(id) && !subnets.iter().any(|(new, _)| new == id)) {
        return Err(Fault::new(
            "SubnetAlreadyInUse",
            format!("Subnet {id} of the DB subnet group '{name}' is in use."),
        ));
    }
    group.subnets = subnets;
    if let Some(description) = input.text("DBSubnetGroupDescription") {
        group.description = description.to_owned();
    }
    let answer = json!({"DBSubnetGroup": group.view()});
    ctx.region.rds.subnet_groups.insert(name, group);
    Ok(answer)
}

pub(super) fn delete(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = input.required("DBSubnetGroupName")?.to_ascii_lowercase();
    let store = &mut ctx.region.rds;
    store.subnet_group(&name)?;
    if let Some(cluster) = store.clusters.values().find(|cluster| cluster.subnet_group == name) {
        return Err(Fault::new(
            "InvalidDBSubnetGroupStateFault",
            format!(
                "Cannot delete the subnet group '{name}' because at least one database cluster: {} is still using it.",
                cluster.identifier
            ),
        ));
    }
    store.subnet_groups.remove(&name);
    Ok(json!({}))
}
