//! The kind `route-table`: where a subnet's traffic goes.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{self, ResourceType, RouteOrigin, RouteTableAssociation, RouteTableAssociationStateCode};
use serde::Serialize;

use super::{ec2, subnet::Subnet, vpc::Vpc};
use crate::{
    aws::{Error, Result, tags},
    engine::{Anything, Change, Live, Ref, Resource, Scope, Tags, attributes::touches},
};

/// A route table with its routes and its subnets (EC2 CreateRouteTable, CreateRoute, AssociateRouteTable); CDK's
/// `AWS::EC2::RouteTable`, `AWS::EC2::Route` and `AWS::EC2::SubnetRouteTableAssociation`.
#[derive(Debug, Clone, Serialize)]
pub struct RouteTable {
    /// The VPC that it routes in.
    pub vpc: Ref<Vpc>,
    /// Its routes, without the local one and those of gateway endpoints, which AWS makes.
    pub routes: Vec<Route>,
    /// The subnets that it is associated with.
    pub subnets: Vec<Ref<Subnet>>,
}

/// One route.
#[derive(Debug, Clone, Serialize)]
pub struct Route {
    /// An IPv4 or IPv6 range, e.g. `0.0.0.0/0`.
    pub destination: String,
    /// An internet gateway or a NAT gateway.
    pub target: Ref<Anything>,
}

impl Resource for RouteTable {
    const KIND: &'static str = "route-table";
    const IMMUTABLE: &'static [&'static str] = &["vpc"];

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let pages =
            scope.aws.ec2.describe_route_tables().filters(ec2::filter(scope, "route-table-id")).into_paginator();
        let tables: Vec<_> = pages.items().send().try_collect().await?;
        Ok(tables.iter().filter_map(|table| live(scope, table)).collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope
            .aws
            .ec2
            .create_route_table()
            .vpc_id(self.vpc.get(scope)?)
            .client_token(scope.token())
            .tag_specifications(tags::ec2(ResourceType::RouteTable, scope.tags()));
        call.send().await?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        // Routes first: a subnet that moves here finds them.
        if touches(changes, "routes") {
            self.route(live, scope).await?;
        }
        if touches(changes, "subnets") {
            let wanted = Ref::get_all(&self.subnets, scope)?.into_iter().collect();
            associate(live, &wanted, scope).await?;
        }
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        associate(live, &BTreeSet::new(), scope).await?;
        scope.aws.ec2.delete_route_table().route_table_id(&live.id).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_ec2(scope.aws, &live.id, set, unset).await
    }
}

impl RouteTable {
    /// Adds, replaces and deletes routes. A destination has one route, so a new target replaces it in one call
    /// and the way is never without one.
    async fn route(&self, live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        let there: BTreeMap<&str, &Ref<Anything>> =
            live.spec.routes.iter().map(|route| (route.destination.as_str(), &route.target)).collect();
        for route in &self.routes {
            let target = route.target.get(scope)?;
            let now = there.get(route.destination.as_str());
            if now.is_none_or(|now| now.as_value() != Some(&target)) {
                lead(&live.id, &route.destination, &target, now.is_some(), scope).await?;
            }
        }
        for destination in there.keys().filter(|there| self.routes.iter().all(|route| route.destination != **there)) {
            let (ipv4, ipv6, prefix_list) = destination_of(destination);
            let call = scope.aws.ec2.delete_route().route_table_id(&live.id);
            let call = call.set_destination_cidr_block(ipv4).set_destination_ipv6_cidr_block(ipv6);
            let call = call.set_destination_prefix_list_id(prefix_list).send();
            match call.await.map_err(Error::from) {
                Err(error) if !error.is("InvalidRoute.NotFound") => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Makes a route, or leads the one that is there for the destination elsewhere.
async fn lead(table: &str, destination: &str, target: &str, is_there: bool, scope: &Scope<'_>) -> Result<()> {
    let (gateway, nat_gateway) = target_of(target)?;
    let (ipv4, ipv6, prefix_list) = destination_of(destination);
    // Both calls take the same, and are of two types.
    macro_rules! send {
        ($call:ident) => {{
            let call = scope.aws.ec2.$call().route_table_id(table);
            let call = call.set_destination_cidr_block(ipv4).set_destination_ipv6_cidr_block(ipv6);
            let call = call.set_destination_prefix_list_id(prefix_list);
            call.set_gateway_id(gateway).set_nat_gateway_id(nat_gateway).send().await?;
        }};
    }
    if is_there {
        send!(replace_route);
    } else {
        send!(create_route);
    }
    Ok(())
}

type Text = Option<String>;

/// The parameter that a target goes into: gateway or NAT gateway.
fn target_of(target: &str) -> Result<(Text, Text)> {
    match target.split('-').next() {
        Some("igw") => Ok((Some(target.to_owned()), None)),
        Some("nat") => Ok((None, Some(target.to_owned()))),
        _ => Err(Error::internal(format!("A route to {target} was wanted, which is no internet or NAT gateway."))),
    }
}

/// The parameter that a destination goes into: IPv4 range, IPv6 range or prefix list.
fn destination_of(destination: &str) -> (Text, Text, Text) {
    let text = Some(destination.to_owned());
    if destination.starts_with("pl-") {
        (None, None, text)
    } else if destination.contains(':') {
        (None, text, None)
    } else {
        (text, None, None)
    }
}

/// Gives the table the subnets that are wanted and no others. A subnet that is with another table is moved, so
/// that it is never without one.
async fn associate(live: &Live<RouteTable>, wanted: &BTreeSet<String>, scope: &Scope<'_>) -> Result<()> {
    let there: BTreeSet<String> =
        live.spec.subnets.iter().filter_map(|subnet| subnet.as_value().map(str::to_owned)).collect();
    let moving: BTreeSet<&String> = wanted.symmetric_difference(&there).collect();
    if moving.is_empty() {
        return Ok(());
    }
    // The ids of associations are not known from the spec, nor which table a subnet is with now.
    let filter = types::Filter::builder()
        .name("association.subnet-id")
        .set_values(Some(moving.iter().map(|subnet| (*subnet).clone()).collect()))
        .build();
    let pages = scope.aws.ec2.describe_route_tables().filters(filter).into_paginator();
    let tables: Vec<types::RouteTable> = pages.items().send().try_collect().await?;
    let now: BTreeMap<&str, &RouteTableAssociation> = tables
        .iter()
        .flat_map(types::RouteTable::associations)
        .filter(|association| is_there(association))
        .filter_map(|association| Some((association.subnet_id()?, association)))
        .collect();
    let ec2 = &scope.aws.ec2;
    for subnet in moving {
        let now = now.get(subnet.as_str()).copied();
        let ours = now.is_some_and(|association| association.route_table_id() == Some(&live.id));
        let id = now.and_then(RouteTableAssociation::route_table_association_id);
        match (wanted.contains(subnet), ours, id) {
            (true, true, _) | (false, false, _) | (false, true, None) => {}
            (true, false, Some(id)) => {
                ec2.replace_route_table_association().association_id(id).route_table_id(&live.id).send().await?;
            }
            (true, false, None) => {
                ec2.associate_route_table().subnet_id(subnet).route_table_id(&live.id).send().await?;
            }
            (false, true, Some(id)) => {
                ec2.disassociate_route_table().association_id(id).send().await?;
            }
        }
    }
    Ok(())
}

fn live(scope: &Scope<'_>, table: &types::RouteTable) -> Option<Live<RouteTable>> {
    let tags = tags::of_ec2(table.tags());
    let address = scope.address::<RouteTable>(&tags, table.route_table_id()?)?;
    let associations = table.associations().iter().filter(|association| is_there(association));
    let spec = RouteTable {
        vpc: Ref::value(table.vpc_id()?),
        routes: table.routes().iter().filter_map(route).collect(),
        subnets: associations.filter_map(|association| association.subnet_id()).map(Ref::value).collect(),
    };
    Some(Live::new(address, table.route_table_id()?, spec).tags(tags))
}

/// A route that somebody made: not the VPC's local one, not a gateway endpoint's, not a propagated one.
fn route(route: &types::Route) -> Option<Route> {
    let made_by_aws =
        matches!(route.origin(), Some(RouteOrigin::CreateRouteTable | RouteOrigin::EnableVgwRoutePropagation));
    let targets = [
        route.gateway_id(),
        route.nat_gateway_id(),
        route.transit_gateway_id(),
        route.vpc_peering_connection_id(),
        route.egress_only_internet_gateway_id(),
        route.instance_id(),
        route.network_interface_id(),
        route.local_gateway_id(),
        route.carrier_gateway_id(),
        route.core_network_arn(),
    ];
    let target = targets.into_iter().flatten().next().unwrap_or("nothing");
    let ranges =
        [route.destination_cidr_block(), route.destination_ipv6_cidr_block(), route.destination_prefix_list_id()];
    let destination = ranges.into_iter().flatten().next()?;
    let ours = !made_by_aws && target != "local" && !target.starts_with("vpce-");
    ours.then(|| Route { destination: destination.to_owned(), target: Ref::value(target) })
}

fn is_there(association: &RouteTableAssociation) -> bool {
    let state = association.association_state().and_then(|state| state.state());
    !matches!(
        state,
        Some(
            RouteTableAssociationStateCode::Disassociating
                | RouteTableAssociationStateCode::Disassociated
                | RouteTableAssociationStateCode::Failed
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_that_aws_makes_are_not_listed() {
        let to = |target: &str| types::Route::builder().gateway_id(target);
        let cases = [
            (to("local").destination_cidr_block("10.0.0.0/16").origin(RouteOrigin::CreateRouteTable), None),
            (to("vpce-1").destination_prefix_list_id("pl-1").origin(RouteOrigin::CreateRoute), None),
            (to("vgw-1").destination_cidr_block("10.9.0.0/16").origin(RouteOrigin::EnableVgwRoutePropagation), None),
            (to("igw-1").destination_cidr_block("0.0.0.0/0"), Some(("0.0.0.0/0", "igw-1"))),
            (
                types::Route::builder().nat_gateway_id("nat-1").destination_cidr_block("0.0.0.0/0"),
                Some(("0.0.0.0/0", "nat-1")),
            ),
            (to("igw-1").destination_ipv6_cidr_block("::/0"), Some(("::/0", "igw-1"))),
        ];
        for (aws, expected) in cases {
            let aws = aws.build();
            let found = route(&aws);
            let found = found.as_ref().map(|route| (route.destination.as_str(), route.target.as_value().unwrap()));
            assert_eq!(found, expected, "{aws:?}");
        }
    }

    #[test]
    fn a_target_goes_into_the_parameter_of_its_kind() {
        assert_eq!(target_of("igw-1").unwrap(), (Some("igw-1".into()), None));
        assert_eq!(target_of("nat-1").unwrap(), (None, Some("nat-1".into())));
        assert!(target_of("subnet-1").is_err());
    }
}
