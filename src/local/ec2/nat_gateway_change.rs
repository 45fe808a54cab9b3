//! Secondary addresses of NAT gateways: they are added and taken away while the gateway works, one change at a time.

use std::{net::Ipv4Addr, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Store,
    call::{invalid, missing},
    kind,
    nat_gateway::NatGateway,
    nat_gateway_address::{NatAddress, Stage, Wanted, check_number, private_only, with_private},
    view::View,
};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};

/// About how long AWS takes to give a gateway an address.
const ARRIVAL: Duration = Duration::from_secs(30);
/// About how long it takes to take one away through which no connection goes; a call may set less.
const DEPARTURE: Duration = Duration::from_secs(60);

impl Store {
    /// A gateway whose addresses can be changed now.
    fn changing(&self, id: &str, connectivity: &str) -> Result<&NatGateway, Fault> {
        let gateway = kind::NAT_GATEWAY.find(&self.nat_gateways, id)?;
        if gateway.is_deleted() {
            return Err(kind::NAT_GATEWAY.absent(id));
        }
        if gateway.state_name() != "available" {
            let message = format!("NAT gateway {id} is {}. It must be available.", gateway.state_name());
            return Err(Fault::new("InvalidState", message));
        }
        if gateway.connectivity != connectivity {
            return Err(parameter(format!("NAT gateway {id} is {}, not {connectivity}.", gateway.connectivity)));
        }
        let at_work = |is_leaving: bool| {
            let addresses = gateway.secondary.iter().filter(move |address| match address.stage {
                Stage::Arriving { .. } => !is_leaving,
                Stage::Leaving { .. } => is_leaving,
                _ => false,
            });
            let names = addresses.map(|one| one.allocation_id.clone().unwrap_or_else(|| one.private_ip.to_string()));
            names.collect::<Vec<_>>()
        };
        let (nouns, doing) = match connectivity {
            "public" => ("EIPs", ["ASSOCIATING", "DISASSOCIATING"]),
            _ => ("private IPs", ["ASSIGNING", "UNASSIGNING"]),
        };
        for (names, doing) in [at_work(false), at_work(true)].into_iter().zip(doing) {
            if !names.is_empty() {
                let message = format!("Service is currently {doing} the following {nouns}: [{}].", names.join(", "));
                return Err(Fault::new("OperationInProgress", message));
            }
        }
        Ok(gateway)
    }

    /// Gives a gateway further addresses.
    fn extend_nat_gateway(&mut self, id: &str, wanted: &[Wanted<'_>], until: Millis) -> Result<usize, Fault> {
        let gateway = kind::NAT_GATEWAY.find(&self.nat_gateways, id)?;
        let has = gateway.secondary.iter().filter(|one| !matches!(one.stage, Stage::Failed { .. })).count() + 1;
        check_number(&gateway.connectivity, has + wanted.len())?;
        let interface_id = gateway.network_interface_id.clone();
        let subnet = kind::SUBNET.find(&self.subnets, &gateway.subnet_id)?;
        let addresses = self.nat_addresses(subnet, wanted, until)?;
        let interface = kind::NETWORK_INTERFACE.find_mut(&mut self.interfaces, &interface_id)?;
        interface.secondary.extend(addresses.iter().map(|address| address.private_ip));
        self.map_nat_addresses(&interface_id, &addresses);
        let added = addresses.len();
        kind::NAT_GATEWAY.find_mut(&mut self.nat_gateways, id)?.secondary.extend(addresses);
        Ok(added)
    }
}

/// A parameter that cannot be used with this gateway.
fn parameter(message: String) -> Fault {
    Fault::new("InvalidParameter", message)
}

/// The answer: the addresses that a call is about, the last ones or those that leave.
fn told(ctx: &Ctx<'_>, id: &str, which: impl Fn(usize, &NatAddress) -> bool) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let gateway = kind::NAT_GATEWAY.find(&view.store.nat_gateways, id)?;
    let addresses = gateway.secondary.iter().enumerate().filter(|(index, address)| which(*index, address));
    let shown: Vec<Value> = addresses.map(|(_, address)| address.show(gateway, &view)).collect();
    Ok(json!({"NatGatewayId": id, "NatGatewayAddresses": shown}))
}

fn extend(ctx: &mut Ctx<'_>, id: &str, wanted: &[Wanted<'_>]) -> Result<Value, Fault> {
    let until = ctx.pace.after(ctx.now, ARRIVAL);
    let store = &mut ctx.region.ec2;
    let added = store.extend_nat_gateway(id, wanted, until)?;
    let before = kind::NAT_GATEWAY.find(&store.nat_gateways, id)?.secondary.len() - added;
    told(ctx, id, |index, _| index >= before)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AssociateAddress {
    nat_gateway_id: String,
    #[serde(default)]
    allocation_ids: Vec<String>,
    #[serde(default)]
    private_ip_addresses: Vec<Ipv4Addr>,
}

/// `AssociateNatGatewayAddress`
pub(super) fn associate(ctx: &mut Ctx<'_>, input: AssociateAddress) -> Result<Value, Fault> {
    ctx.region.ec2.changing(&input.nat_gateway_id, "public")?;
    if input.allocation_ids.is_empty() {
        return Err(missing("allocationIds"));
    }
    let wanted = with_private(&input.allocation_ids, &input.private_ip_addresses)?;
    extend(ctx, &input.nat_gateway_id, &wanted)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Assign {
    nat_gateway_id: String,
    #[serde(default)]
    private_ip_addresses: Vec<Ipv4Addr>,
    private_ip_address_count: Option<usize>,
}

/// `AssignPrivateNatGatewayAddress`
pub(super) fn assign(ctx: &mut Ctx<'_>, input: Assign) -> Result<Value, Fault> {
    ctx.region.ec2.changing(&input.nat_gateway_id, "private")?;
    let wanted = private_only(&input.private_ip_addresses, input.private_ip_address_count)?;
    if wanted.is_empty() {
        return Err(missing("privateIpAddresses or privateIpAddressCount"));
    }
    extend(ctx, &input.nat_gateway_id, &wanted)
}

/// Lets those secondary addresses of a gateway leave that `which` says.
fn shrink(
    ctx: &mut Ctx<'_>,
    id: &str,
    drain_seconds: Option<u64>,
    which: impl Fn(&NatAddress) -> bool,
) -> Result<Value, Fault> {
    let longest = drain_seconds.map_or(DEPARTURE, Duration::from_secs);
    let until = ctx.pace.after(ctx.now, DEPARTURE.min(longest));
    let gateway = kind::NAT_GATEWAY.find_mut(&mut ctx.region.ec2.nat_gateways, id)?;
    for address in gateway.secondary.iter_mut().filter(|address| which(address)) {
        address.stage = Stage::Leaving { until };
    }
    told(ctx, id, |_, address| matches!(address.stage, Stage::Leaving { .. }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DisassociateAddress {
    nat_gateway_id: String,
    #[serde(default)]
    association_ids: Vec<String>,
    max_drain_duration_seconds: Option<u64>,
}

/// `DisassociateNatGatewayAddress`: not the primary one.
pub(super) fn disassociate(ctx: &mut Ctx<'_>, input: DisassociateAddress) -> Result<Value, Fault> {
    let store = &ctx.region.ec2;
    let gateway = store.changing(&input.nat_gateway_id, "public")?;
    if input.association_ids.is_empty() {
        return Err(missing("associationIds"));
    }
    let mut leaving = Vec::new();
    for id in &input.association_ids {
        let is_it = |address: &&NatAddress| {
            let found = store.association_at(&gateway.network_interface_id, address.private_ip);
            found.is_some_and(|(_, association)| association.association_id == *id)
        };
        if is_it(&&gateway.primary) {
            let gateway = &input.nat_gateway_id;
            return Err(parameter(format!(
                "{id} is the primary address of NAT gateway {gateway} and cannot be disassociated."
            )));
        }
        let found = gateway.secondary.iter().find(is_it);
        let absent =
            || Fault::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"));
        leaving.push(found.ok_or_else(absent)?.private_ip);
    }
    let which = |address: &NatAddress| leaving.contains(&address.private_ip);
    shrink(ctx, &input.nat_gateway_id, input.max_drain_duration_seconds, which)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Unassign {
    nat_gateway_id: String,
    #[serde(default)]
    private_ip_addresses: Vec<Ipv4Addr>,
    max_drain_duration_seconds: Option<u64>,
}

/// `UnassignPrivateNatGatewayAddress`: not the primary one.
pub(super) fn unassign(ctx: &mut Ctx<'_>, input: Unassign) -> Result<Value, Fault> {
    let gateway = ctx.region.ec2.changing(&input.nat_gateway_id, "private")?;
    let id = &input.nat_gateway_id;
    if input.private_ip_addresses.is_empty() {
        return Err(missing("privateIpAddresses"));
    }
    for address in &input.private_ip_addresses {
        if gateway.primary.private_ip == *address {
            let message =
                format!("{address} is the primary private IP address of NAT gateway {id} and cannot be unassigned.");
            return Err(parameter(message));
        }
        if !gateway.secondary.iter().any(|one| one.private_ip == *address) {
            return Err(invalid(format!("Some of [{address}] are not assigned to NAT gateway {id}")));
        }
    }
    let which = |address: &NatAddress| input.private_ip_addresses.contains(&address.private_ip);
    shrink(ctx, id, input.max_drain_duration_seconds, which)
}
