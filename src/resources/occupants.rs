//! What keeps AWS from deleting a part of the network or a cluster, where all that AWS says is that something does.

use aws_sdk_ec2::types::{Filter, NetworkInterface};
use futures::try_join;

use crate::{
    aws::{Result, tags},
    engine::{Occupant, Scope, Tags, identity},
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
    let found = described(scope, "vpc-id", vpc).await?;
    let public = found.iter().filter(|one| one.association().is_some_and(|one| one.public_ip().is_some()));
    Ok(public.map(|one| occupant(scope.stack, one)).collect())
}

/// The instances of a cluster that are not the stack's.
///
/// # Errors
/// RDS's own.
pub(super) async fn of_cluster(scope: &Scope<'_>, id: &str) -> Result<Vec<Occupant>> {
    let of_it = aws_sdk_rds::types::Filter::builder().name("db-cluster-id").values(id).build();
    let pages = scope.aws.rds.describe_db_instances().filters(of_it).into_paginator();
    let found: Vec<_> = pages.items().send().try_collect().await?;
    let foreign = found.iter().filter(|instance| !is_ours(scope, &tags::listed_by_rds(instance.tag_list())));
    Ok(foreign.map(|instance| named(instance.db_instance_identifier(), Some("instance"))).collect())
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn is_ours(scope: &Scope<'_>, tags: &Tags) -> bool {
    tags.get(identity::STACK).is_some_and(|stack| stack == scope.stack)
}

async fn described(scope: &Scope<'_>, name: &str, id: &str) -> Result<Vec<NetworkInterface>> {
    let pages = scope.aws.ec2.describe_network_interfaces().filters(filter(name, id)).into_paginator();
    Ok(pages.items().send().try_collect().await?)
}

async fn interfaces(scope: &Scope<'_>, name: &str, id: &str) -> Result<Vec<Occupant>> {
    Ok(described(scope, name, id).await?.iter().map(|one| occupant(scope.stack, one)).collect())
}

/// How AWS describes the interfaces of functions, which it removes last of all; the function's name follows.
pub(super) const OF_FUNCTIONS: &str = "AWS Lambda VPC ENI-";

/// An interface, by whom it is of: what a service of AWS has made, that service removes, some time after its owner is gone.
fn occupant(stack: &str, interface: &NetworkInterface) -> Occupant {
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
    let of_ours = format!("{OF_FUNCTIONS}{stack}-");
    let goes = interface.requester_managed().unwrap_or_default()
        || interface.description().is_some_and(|text| text.starts_with(&of_ours))
        || interface.tag_set().iter().any(|tag| tag.key() == Some("AWSAppRunnerManaged"));
    Occupant { what: format!("{id}{of}"), stays: !goes }
}

async fn groups(scope: &Scope<'_>, name: &str, id: &str) -> Result<Vec<Occupant>> {
    let pages = scope.aws.ec2.describe_security_groups().filters(filter(name, id)).into_paginator();
    let found: Vec<_> = pages.items().send().try_collect().await?;
    let foreign = found
        .iter()
        .filter(|group| !is_ours(scope, &tags::of_ec2(group.tags())) && group.group_name() != Some("default"))
        .map(|group| named(group.group_id(), group.group_name()));
    Ok(foreign.collect())
}

async fn subnets(scope: &Scope<'_>, vpc: &str) -> Result<Vec<Occupant>> {
    let pages = scope.aws.ec2.describe_subnets().filters(filter("vpc-id", vpc)).into_paginator();
    let found: Vec<_> = pages.items().send().try_collect().await?;
    let foreign = found.iter().filter(|subnet| !is_ours(scope, &tags::of_ec2(subnet.tags())));
    Ok(foreign.map(|subnet| named(subnet.subnet_id(), subnet.cidr_block())).collect())
}

async fn route_tables(scope: &Scope<'_>, vpc: &str) -> Result<Vec<Occupant>> {
    let pages = scope.aws.ec2.describe_route_tables().filters(filter("vpc-id", vpc)).into_paginator();
    let found: Vec<_> = pages.items().send().try_collect().await?;
    // The main one goes with its VPC.
    let foreign = found.iter().filter(|table| {
        !is_ours(scope, &tags::of_ec2(table.tags())) && !table.associations().iter().any(|one| one.main() == Some(true))
    });
    Ok(foreign.map(|table| named(table.route_table_id(), None)).collect())
}

/// Their interfaces are AWS's own, and go with them only.
async fn nat_gateways(scope: &Scope<'_>, name: &str, id: &str) -> Result<Vec<Occupant>> {
    let there = Filter::builder().name("state").values("pending").values("available").build();
    let pages = scope.aws.ec2.describe_nat_gateways().filter(filter(name, id)).filter(there).into_paginator();
    let found: Vec<_> = pages.items().send().try_collect().await?;
    let foreign = found.iter().filter(|gateway| !is_ours(scope, &tags::of_ec2(gateway.tags())));
    Ok(foreign.map(|gateway| named(gateway.nat_gateway_id(), Some("NAT gateway"))).collect())
}

fn named(id: Option<&str>, name: Option<&str>) -> Occupant {
    let id = id.unwrap_or_default();
    Occupant { what: name.map_or_else(|| id.to_owned(), |name| format!("{id} ({name})")), stays: true }
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
        let left = occupant("shop", &interface);
        assert!(!left.stays && left.what.starts_with("eni-1 (AWS Lambda VPC ENI-shop-migrations-1; AWS removes it 20"));
        assert!(occupant("other", &interface).stays, "somebody else's function goes when somebody deletes it");
    }
}
