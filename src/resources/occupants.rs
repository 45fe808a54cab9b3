//! What keeps AWS from deleting a part of the network or a cluster, where all that AWS says is that something does.

use aws_sdk_ec2::types::{Filter, NatGateway as FoundGateway, NetworkInterface};
use futures::try_join;

use super::{
    function, instance::Instance, nat_gateway::NatGateway, route_table::RouteTable, security_group::SecurityGroup,
    subnet::Subnet,
};
use crate::{
    aws::{Result, tags},
    engine::{
        Occupant, Resource, Scope, Tags,
        identity::{self, Stray},
    },
};

/// What stands in a VPC and is not the stack's. What is, goes by steps of its own.
///
/// # Errors
/// EC2's own.
pub(super) async fn of_vpc(scope: &Scope<'_>, id: &str) -> Result<Vec<Occupant>> {
    let (subnets, groups, tables, gateways, interfaces) = try_join!(
        subnets(scope, id),
        groups(scope, "vpc-id", id),
        route_tables(scope, id),
        nat_gateways(scope, "vpc-id", id),
        interfaces(scope, "vpc-id", id),
    )?;
    Ok([subnets, groups, tables, gateways, interfaces].concat())
}

/// What stands in a subnet.
///
/// # Errors
/// EC2's own.
pub(super) async fn of_subnet(scope: &Scope<'_>, id: &str) -> Result<Vec<Occupant>> {
    let (gateways, interfaces) = try_join!(nat_gateways(scope, "subnet-id", id), interfaces(scope, "subnet-id", id))?;
    Ok([gateways, interfaces].concat())
}

/// What carries a security group, and which groups have rules that point at it.
///
/// # Errors
/// EC2's own.
pub(super) async fn of_security_group(scope: &Scope<'_>, id: &str) -> Result<Vec<Occupant>> {
    let (carriers, ingress, egress) = try_join!(
        interfaces(scope, "group-id", id),
        groups(scope, "ip-permission.group-id", id),
        groups(scope, "egress.ip-permission.group-id", id),
    )?;
    let mut pointing = [ingress, egress].concat();
    pointing.retain(|group| !group.what.starts_with(id));
    pointing.dedup();
    Ok([carriers, pointing].concat())
}

/// What has a public address of its own, which keeps an internet gateway in its VPC.
///
/// # Errors
/// EC2's own.
pub(super) async fn of_internet_gateway(scope: &Scope<'_>, vpc: &str) -> Result<Vec<Occupant>> {
    let (gateways, found) = try_join!(nat_gateways(scope, "vpc-id", vpc), described(scope, "vpc-id", vpc))?;
    let public = found.iter().filter(|one| one.association().is_some_and(|one| one.public_ip().is_some()));
    let function = scope.name(function::NAME);
    Ok(gateways.into_iter().chain(public.map(|one| occupant(&function, one))).collect())
}

/// The NAT gateways that have an address and are not the stack's.
///
/// # Errors
/// EC2's own.
pub(super) async fn of_elastic_ip(scope: &Scope<'_>, allocation: &str) -> Result<Vec<Occupant>> {
    let has_it = |gateway: &&FoundGateway| {
        gateway.nat_gateway_addresses().iter().any(|one| one.allocation_id() == Some(allocation))
    };
    let found = standing(scope, None).await?;
    Ok(found.iter().filter(has_it).filter_map(|gateway| foreign_gateway(scope, gateway)).collect())
}

/// The instances of a cluster that are not the stack's.
///
/// # Errors
/// RDS's own.
pub(super) async fn of_cluster(scope: &Scope<'_>, id: &str) -> Result<Vec<Occupant>> {
    let of_it = aws_sdk_rds::types::Filter::builder().name("db-cluster-id").values(id).build();
    let pages = scope.aws.rds.describe_db_instances().filters(of_it).into_paginator();
    let found: Vec<_> = pages.items().send().try_collect().await?;
    let foreign = found.iter().filter_map(|instance| {
        let why = foreign::<Instance>(scope, &tags::listed_by_rds(instance.tag_list()))?;
        Some(named(instance.db_instance_identifier(), Some("instance"), &why))
    });
    Ok(foreign.collect())
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// Why something does not go with the stack, by its tags; `None` where it does, by a step of its own.
fn foreign<R: Resource>(scope: &Scope<'_>, tags: &Tags) -> Option<Stray> {
    identity::place(tags, scope.stack, R::KIND).err()
}

async fn described(scope: &Scope<'_>, name: &str, id: &str) -> Result<Vec<NetworkInterface>> {
    let pages = scope.aws.ec2.describe_network_interfaces().filters(filter(name, id)).into_paginator();
    Ok(pages.items().send().try_collect().await?)
}

async fn interfaces(scope: &Scope<'_>, name: &str, id: &str) -> Result<Vec<Occupant>> {
    let found = described(scope, name, id).await?;
    let function = scope.name(function::NAME);
    let of_it = |one: &NetworkInterface| is_of(&function, one);
    // What goes with the function stays with it where that one stays.
    let stray = if found.iter().any(of_it) { function::stray(scope).await? } else { None };
    let told = found.iter().map(|one| match &stray {
        Some(why) if of_it(one) => named(one.network_interface_id(), Some(&format!("of the function {function}")), why),
        _ => occupant(&function, one),
    });
    Ok(told.collect())
}

/// How AWS describes the interfaces of functions, which it removes last of all; the function's name follows.
pub(super) const OF_FUNCTIONS: &str = "AWS Lambda VPC ENI-";

/// Whether an interface is of the function of this name.
fn is_of(function: &str, interface: &NetworkInterface) -> bool {
    let text = interface.description().and_then(|text| text.strip_prefix(OF_FUNCTIONS)?.strip_prefix(function));
    text.is_some_and(|rest| rest.starts_with('-'))
}

/// An interface, by whom it is of: what a service of AWS has made, that service removes, some time after its owner is gone.
fn occupant(function: &str, interface: &NetworkInterface) -> Occupant {
    let id = interface.network_interface_id().unwrap_or_default();
    let instance = interface.attachment().and_then(|attachment| attachment.instance_id());
    let of = match (instance, interface.description()) {
        (Some(instance), _) => format!(" of the instance {instance}"),
        (None, Some(text)) if text.starts_with(OF_FUNCTIONS) => {
            format!(" ({text}; AWS removes it 20 to 45 minutes after its function)")
        }
        (None, Some(text)) if !text.is_empty() => format!(" ({text})"),
        _ => String::new(),
    };
    // App Runner's are tagged by it; whether AWS calls them managed is not said anywhere.
    // Of Lambda's it says that they are not: those of the stack's function go with it, those of others with theirs.
    let goes = interface.requester_managed().unwrap_or_default()
        || is_of(function, interface)
        || interface.tag_set().iter().any(|tag| tag.key() == Some("AWSAppRunnerManaged"));
    Occupant { what: format!("{id}{of}"), stays: !goes }
}

async fn groups(scope: &Scope<'_>, name: &str, id: &str) -> Result<Vec<Occupant>> {
    let pages = scope.aws.ec2.describe_security_groups().filters(filter(name, id)).into_paginator();
    let found: Vec<_> = pages.items().send().try_collect().await?;
    let foreign = found.iter().filter(|group| group.group_name() != Some("default")).filter_map(|group| {
        let why = foreign::<SecurityGroup>(scope, &tags::of_ec2(group.tags()))?;
        Some(named(group.group_id(), group.group_name(), &why))
    });
    Ok(foreign.collect())
}

async fn subnets(scope: &Scope<'_>, vpc: &str) -> Result<Vec<Occupant>> {
    let pages = scope.aws.ec2.describe_subnets().filters(filter("vpc-id", vpc)).into_paginator();
    let found: Vec<_> = pages.items().send().try_collect().await?;
    let foreign = found.iter().filter_map(|subnet| {
        let why = foreign::<Subnet>(scope, &tags::of_ec2(subnet.tags()))?;
        Some(named(subnet.subnet_id(), subnet.cidr_block(), &why))
    });
    Ok(foreign.collect())
}

async fn route_tables(scope: &Scope<'_>, vpc: &str) -> Result<Vec<Occupant>> {
    let pages = scope.aws.ec2.describe_route_tables().filters(filter("vpc-id", vpc)).into_paginator();
    let found: Vec<_> = pages.items().send().try_collect().await?;
    // The main one goes with its VPC.
    let further = found.iter().filter(|table| !table.associations().iter().any(|one| one.main() == Some(true)));
    let foreign = further.filter_map(|table| {
        let why = foreign::<RouteTable>(scope, &tags::of_ec2(table.tags()))?;
        Some(named(table.route_table_id(), None, &why))
    });
    Ok(foreign.collect())
}

/// Their interfaces are AWS's own, and go with them only.
async fn nat_gateways(scope: &Scope<'_>, name: &str, id: &str) -> Result<Vec<Occupant>> {
    let found = standing(scope, Some(filter(name, id))).await?;
    Ok(found.iter().filter_map(|gateway| foreign_gateway(scope, gateway)).collect())
}

async fn standing(scope: &Scope<'_>, among: Option<Filter>) -> Result<Vec<FoundGateway>> {
    let there = Filter::builder().name("state").values("pending").values("available").build();
    let filters = among.into_iter().chain([there]).collect();
    let pages = scope.aws.ec2.describe_nat_gateways().set_filter(Some(filters)).into_paginator();
    Ok(pages.items().send().try_collect().await?)
}

fn foreign_gateway(scope: &Scope<'_>, gateway: &FoundGateway) -> Option<Occupant> {
    let why = foreign::<NatGateway>(scope, &tags::of_ec2(gateway.tags()))?;
    Some(named(gateway.nat_gateway_id(), Some("NAT gateway"), &why))
}

fn named(id: Option<&str>, name: Option<&str>, why: &Stray) -> Occupant {
    // That it is the stack's all the same, nobody would guess of what AWS names so.
    let lost = matches!(why, Stray::Unplaced(_)).then(|| format!("without its tag {}", identity::ADDRESS));
    let told: Vec<&str> = name.into_iter().chain(lost.as_deref()).collect();
    let id = id.unwrap_or_default();
    let what = if told.is_empty() { id.to_owned() } else { format!("{id} ({})", told.join(", ")) };
    Occupant { what, stays: true }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::NetworkInterfaceType;

    use super::*;

    #[test]
    fn what_a_function_leaves_behind_is_named_with_the_time_it_takes() {
        let interface = NetworkInterface::builder()
            .network_interface_id("eni-1")
            .interface_type(NetworkInterfaceType::Lambda)
            .requester_managed(false)
            .description("AWS Lambda VPC ENI-shop-migrations-1")
            .build();
        let left = occupant("shop-migrations", &interface);
        assert!(!left.stays && left.what.starts_with("eni-1 (AWS Lambda VPC ENI-shop-migrations-1; AWS removes it 20"));
        for other in ["other-migrations", "shop"] {
            assert_eq!(
                occupant(other, &interface).stays,
                other != "shop",
                "somebody else's goes when somebody deletes it"
            );
        }
    }
}
