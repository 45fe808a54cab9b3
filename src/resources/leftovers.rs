//! What stands in the stack's own subnets without the stack's tags, where another one would be made beside it. Only what
//! stands there tells of it, so it is asked for only where something is to be made there.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, NatGateway as FoundGateway, RouteTable as FoundTable};
use futures::try_join;

use super::{elastic_ip::ElasticIp, nat_gateway::NatGateway, route_table::RouteTable, subnet::Subnet};
use crate::{
    aws::{Result, tags},
    engine::{
        Address, Desired, Phase, Ref, Resource, Scope, Seen, Tags,
        identity::{self, Stray},
        plan::Refusal,
    },
};

/// NAT gateways and route tables without the stack's tags, where the stack is to get one of its own.
///
/// # Errors
/// EC2's own.
pub async fn beside(scope: &Scope<'_>, desired: &[Desired], live: &[Seen]) -> Result<Vec<Refusal>> {
    let ground = Ground { scope, desired, live };
    let (gateways, tables) = try_join!(ground.gateways(), ground.tables())?;
    Ok([gateways, tables].concat())
}

/// What is wanted and what is there.
struct Ground<'a> {
    scope: &'a Scope<'a>,
    desired: &'a [Desired],
    live: &'a [Seen],
}

impl<'a> Ground<'a> {
    async fn gateways(&self) -> Result<Vec<Refusal>> {
        let places = self.places(|gateway: &NatGateway| std::slice::from_ref(&gateway.subnet));
        let Some(here) = among("subnet-id", &places) else { return Ok(Vec::new()) };
        let there = Filter::builder().name("state").values("pending").values("available").build();
        let pages = self.scope.aws.ec2.describe_nat_gateways().filter(here).filter(there).into_paginator();
        let found: Vec<FoundGateway> = pages.items().send().try_collect().await?;
        let told = found.iter().filter_map(|gateway| {
            let whose = self.whose::<NatGateway>(&tags::of_ec2(gateway.tags()))?;
            let (address, subnet) = places.get(gateway.subnet_id()?)?;
            let id = gateway.nat_gateway_id()?;
            let reason = format!("{id} stands in {subnet} and {whose}: another one would be made beside it.");
            let its_address = gateway.nat_gateway_addresses().iter().find_map(|one| one.allocation_id());
            let first = its_address.and_then(|allocation| self.import_of_address(address, allocation));
            let import = format!("{}`infra import {address} {id}`", first.unwrap_or_default());
            Some(refusal(address, reason, &import))
        });
        Ok(told.collect())
    }

    async fn tables(&self) -> Result<Vec<Refusal>> {
        let places = self.places(|table: &RouteTable| &table.subnets);
        let Some(here) = among("association.subnet-id", &places) else { return Ok(Vec::new()) };
        let pages = self.scope.aws.ec2.describe_route_tables().filters(here).into_paginator();
        let found: Vec<FoundTable> = pages.items().send().try_collect().await?;
        let told = found.iter().filter_map(|table| {
            let whose = self.whose::<RouteTable>(&tags::of_ec2(table.tags()))?;
            let subnets = table.associations().iter().filter_map(|one| one.subnet_id());
            let (address, subnet) = subnets.filter_map(|subnet| places.get(subnet)).next()?;
            let id = table.route_table_id()?;
            let reason = format!("{id} leads the traffic of {subnet} and {whose}: another one would take its place.");
            Some(refusal(address, reason, &format!("`infra import {address} {id}`")))
        });
        Ok(told.collect())
    }

    /// The subnets that are there and in which something is to be made, by their ids: what, and which subnet it is.
    fn places<R: Resource>(&self, subnets: impl Fn(&'a R) -> &'a [Ref<Subnet>]) -> BTreeMap<&'a str, Place<'a>> {
        let is_there = |address: &Address| self.live.iter().any(|seen| seen.address == *address);
        let missing = self.desired.iter().filter(|one| one.kind == R::KIND && !is_there(&one.address));
        let places = missing.filter_map(|one| Some((&one.address, subnets(one.spec::<R>()?))));
        let places = places.flat_map(|(address, subnets)| subnets.iter().map(move |subnet| (address, subnet)));
        let found = places.filter_map(|(address, subnet)| {
            let subnet = subnet.address()?;
            let stays = |seen: &&Seen| seen.address == *subnet && !matches!(seen.phase, Phase::Deleting(_));
            let seen = self.live.iter().find(stays)?;
            Some((seen.id.as_str(), (address, &seen.address)))
        });
        found.collect()
    }

    /// Why something is not the stack's; `None` where it is after all: a list is behind, or has shown it without a place.
    fn whose<R: Resource>(&self, tags: &Tags) -> Option<Stray> {
        let why = identity::place(tags, self.scope.stack, R::KIND).err();
        why.filter(|why| !matches!(why, Stray::Unplaced(_)))
    }

    /// How the address of a NAT gateway is taken in before it, where the stack misses one for it.
    fn import_of_address(&self, gateway: &Address, allocation: &str) -> Option<String> {
        let wanted = self.desired.iter().find(|one| one.address == *gateway)?.spec::<NatGateway>()?;
        let address = wanted.elastic_ip.address().filter(|address| address.kind() == ElasticIp::KIND)?;
        let is_there = self.live.iter().any(|seen| seen.address == *address);
        (!is_there).then(|| format!("`infra import {address} {allocation}`, then "))
    }
}

type Place<'a> = (&'a Address, &'a Address);

fn among(name: &str, places: &BTreeMap<&str, Place<'_>>) -> Option<Filter> {
    let ids = places.keys().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    (!ids.is_empty()).then(|| Filter::builder().name(name).set_values(Some(ids)).build())
}

fn refusal(address: &Address, reason: String, import: &str) -> Refusal {
    let remedy = format!(
        "If it is this stack's, take it in: {import}. If it is not, delete it, or, to create another one anyway, name it: \
         `--allow-create {address}`."
    );
    Refusal { address: address.clone(), reason, remedy }
}
