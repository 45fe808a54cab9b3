//! NAT gateways. They come and go slowly; one that is gone is still listed for an hour.

use std::{net::Ipv4Addr, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{self, combination, missing},
    kind,
    listing::Listing,
    nat_gateway_address::{self, NatAddress, Wanted},
    network_interface_owner::Purpose,
    private_address::FULL,
    tag::{self, TagSpecification},
    view::{View, timestamp},
};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};

/// How long AWS takes to make one.
const CREATION: Duration = Duration::from_secs(90);
/// How long AWS takes to delete one.
const DELETION: Duration = Duration::from_secs(60);
/// How long a deleted or failed one is still listed, at any pace: nobody waits for the end of this.
pub(super) const LISTED_AFTERWARDS: Millis = 60 * 60 * 1000;

/// A NAT gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NatGateway {
    pub(super) nat_gateway_id: String,
    pub(super) vpc_id: String,
    pub(super) subnet_id: String,
    /// `public` or `private`.
    pub(super) connectivity: String,
    client_token: Option<String>,
    created_at: Millis,
    state: State,
    /// What it has, or had while it lived: its interface, none where its subnet was full, and the addresses of that.
    pub(super) network_interface_id: String,
    #[serde(flatten)]
    pub(super) primary: NatAddress,
    #[serde(default)]
    pub(super) secondary: Vec<NatAddress>,
    /// Why it is to fail, where somebody asked for that.
    #[serde(default)]
    doom: Option<String>,
    /// Why it has failed, which is told also when it is deleted: a code and a message.
    #[serde(default)]
    failure: Option<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum State {
    Pending { until: Millis },
    Available,
    Failed { forgotten_at: Millis },
    Deleting { since: Millis, until: Millis },
    Deleted { at: Millis },
}

impl NatGateway {
    /// The state in the API's words.
    pub(super) fn state_name(&self) -> &'static str {
        match self.state {
            State::Pending { .. } => "pending",
            State::Available => "available",
            State::Failed { .. } => "failed",
            State::Deleting { .. } => "deleting",
            State::Deleted { .. } => "deleted",
        }
    }

    /// Whether it is only still listed.
    pub(super) fn is_deleted(&self) -> bool {
        matches!(self.state, State::Deleted { .. })
    }

    /// Whether it never came up.
    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Whether it is not there yet.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self.state, State::Pending { .. })
    }

    /// Its addresses, the primary one first.
    fn addresses(&self) -> impl Iterator<Item = &NatAddress> {
        [&self.primary].into_iter().chain(&self.secondary)
    }

    /// Whether a route to it leads somewhere.
    pub(super) fn carries_traffic(&self) -> bool {
        matches!(self.state, State::Pending { .. } | State::Available)
    }

    fn show(&self, view: &View<'_>) -> Value {
        let (failure_code, failure_message) = self.failure.as_ref().map(|(code, message)| (code, message)).unzip();
        let deleted_at = match self.state {
            State::Deleting { since: at, .. } | State::Deleted { at } => Some(timestamp(at)),
            _ => None,
        };
        json!({
            "NatGatewayId": self.nat_gateway_id,
            "VpcId": self.vpc_id,
            "SubnetId": self.subnet_id,
            "State": self.state_name(),
            "ConnectivityType": self.connectivity,
            "AvailabilityMode": "zonal",
            "CreateTime": timestamp(self.created_at),
            "DeleteTime": deleted_at,
            "FailureCode": failure_code,
            "FailureMessage": failure_message,
            "NatGatewayAddresses": self.addresses().map(|address| address.show(self, view)).collect::<Vec<_>>(),
            "Tags": view.tags(&self.nat_gateway_id),
        })
    }
}

impl Store {
    /// Moves NAT gateways on.
    pub(super) fn settle_nat_gateways(&mut self, now: Millis) {
        for id in self.nat_gateways.keys().cloned().collect::<Vec<_>>() {
            self.settle_nat_addresses(&id, now);
            // Several moves can be due: a gateway created and deleted while nobody called.
            while let Some((next, failure)) =
                self.nat_gateways.get(&id).and_then(|gateway| self.next_state(gateway, now))
            {
                if matches!(next, State::Failed { .. } | State::Deleted { .. }) {
                    self.detach_interfaces(&id);
                }
                if let Some(gateway) = self.nat_gateways.get_mut(&id) {
                    gateway.state = next;
                    gateway.failure = failure.or_else(|| gateway.failure.take());
                }
            }
        }
        let forgotten = |gateway: &NatGateway| match gateway.state {
            State::Failed { forgotten_at, .. } => forgotten_at <= now,
            State::Deleted { at } => at + LISTED_AFTERWARDS <= now,
            _ => false,
        };
        let gone: Vec<String> =
            self.nat_gateways.values().filter(|one| forgotten(one)).map(|one| one.nat_gateway_id.clone()).collect();
        for id in gone {
            self.nat_gateways.remove(&id);
            self.tags.remove(&id);
        }
    }

    /// The state that a gateway has come to, if it is another one, and why where it has failed.
    fn next_state(&self, gateway: &NatGateway, now: Millis) -> Option<(State, Option<(String, String)>)> {
        match gateway.state {
            State::Pending { until } if until <= now => Some(match self.cannot_work(gateway) {
                Some((code, message)) => {
                    (State::Failed { forgotten_at: until + LISTED_AFTERWARDS }, Some((code.to_owned(), message)))
                }
                None => (State::Available, None),
            }),
            State::Deleting { until, .. } if until <= now => Some((State::Deleted { at: until }, None)),
            _ => None,
        }
    }

    /// Why a gateway fails to come up: AWS looks at these only then, not in the creating call.
    fn cannot_work(&self, gateway: &NatGateway) -> Option<(&'static str, String)> {
        if let Some(why) = &gateway.doom {
            return Some(("InternalError", why.clone()));
        }
        if gateway.network_interface_id.is_empty() {
            return Some((FULL, "Subnet has insufficient free addresses to create this NAT gateway".to_owned()));
        }
        gateway.primary.allocation_id.as_ref()?;
        if let Some(message) = gateway.addresses().find_map(|address| self.lost_nat_address(gateway, address)) {
            return Some(("Resource.AlreadyAssociated", message));
        }
        if !self.has_internet_gateway(&gateway.vpc_id) {
            let message = format!("Network {} has no Internet gateway attached", gateway.vpc_id);
            return Some(("Gateway.NotAttached", message));
        }
        None
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct CreateNatGateway {
    subnet_id: Option<String>,
    allocation_id: Option<String>,
    secondary_allocation_ids: Vec<String>,
    private_ip_address: Option<Ipv4Addr>,
    secondary_private_ip_addresses: Vec<Ipv4Addr>,
    secondary_private_ip_address_count: Option<usize>,
    availability_mode: Option<String>,
    connectivity_type: Option<String>,
    client_token: Option<String>,
    tag_specifications: Vec<TagSpecification>,
}

/// `CreateNatGateway`
pub(super) fn create(ctx: &mut Ctx<'_>, input: CreateNatGateway) -> Result<Value, Fault> {
    let id = call::once(ctx, &kind::NAT_GATEWAY, input.client_token.as_ref(), &input, |ctx| {
        let until = ctx.pace.after(ctx.now, CREATION);
        let store = &mut ctx.region.ec2;
        let id = make(store, &input, ctx.now, until)?;
        kind::NAT_GATEWAY.find_mut(&mut store.nat_gateways, &id)?.doom = ctx.doom.take();
        Ok(id)
    })?;
    let view = View::of(ctx);
    let gateway = kind::NAT_GATEWAY.find(&view.store.nat_gateways, &id)?;
    Ok(json!({"ClientToken": gateway.client_token, "NatGateway": gateway.show(&view)}))
}

/// Checks the parameters and makes the gateway.
fn make(store: &mut Store, input: &CreateNatGateway, now: Millis, until: Millis) -> Result<String, Fault> {
    if input.availability_mode.as_deref() == Some("regional") {
        return Err(call::unsupported("AvailabilityMode=regional"));
    }
    let connectivity = input.connectivity_type.as_deref().unwrap_or("public");
    let subnet_id = input.subnet_id.as_deref().ok_or_else(|| missing("SubnetId"))?;
    let subnet = kind::SUBNET.find(&store.subnets, subnet_id)?;
    let vpc_id = subnet.vpc_id.clone();
    let wanted = wanted(input, connectivity)?;
    nat_gateway_address::check_number(connectivity, wanted.len())?;
    let (mut addresses, fits) = match store.nat_addresses(subnet, &wanted, until) {
        // AWS makes the gateway, and tells of it that it has failed.
        Err(fault) if fault.code == FULL => (vec![NatAddress::never(input.allocation_id.as_deref(), until)], false),
        addresses => (addresses?, true),
    };
    let tags = tag::given(&input.tag_specifications, &kind::NAT_GATEWAY)?;
    let id = kind::NAT_GATEWAY.new_id();
    let description = format!("Interface for NAT Gateway {id}");
    let purpose = Purpose {
        owner: &id,
        description: &description,
        requester: "amazon-nat-gateway",
        interface_type: "nat_gateway",
    };
    let private_ips: Vec<Ipv4Addr> = addresses.iter().map(|address| address.private_ip).collect();
    let network_interface_id = match fits {
        true => store.make_interface_at(&purpose, subnet_id, &private_ips, Vec::new(), now)?,
        false => String::new(),
    };
    if fits {
        store.map_nat_addresses(&network_interface_id, &addresses);
    }
    let primary = addresses.remove(0);
    let primary = if fits { primary.primary() } else { primary };
    let gateway = NatGateway {
        nat_gateway_id: id.clone(),
        vpc_id,
        subnet_id: subnet_id.to_owned(),
        connectivity: connectivity.to_owned(),
        client_token: input.client_token.clone(),
        created_at: now,
        state: State::Pending { until },
        network_interface_id,
        primary,
        secondary: addresses,
        doom: None,
        failure: None,
    };
    store.tag(&id, tags);
    store.nat_gateways.insert(id.clone(), gateway);
    Ok(id)
}

/// The addresses that a request asks for, the primary one first.
fn wanted<'a>(input: &'a CreateNatGateway, connectivity: &str) -> Result<Vec<Wanted<'a>>, Fault> {
    let named = &input.secondary_private_ip_addresses;
    let mut secondary = match (connectivity, input.secondary_private_ip_address_count) {
        ("public", Some(_)) => {
            let message = "The SecondaryPrivateIpAddressCount parameter can only be used with a private NAT gateway.";
            return Err(combination(message));
        }
        ("public", None) => nat_gateway_address::with_private(&input.secondary_allocation_ids, named)?,
        (_, count) => nat_gateway_address::private_only(named, count)?,
    };
    let has_elastic = input.allocation_id.is_some() || !input.secondary_allocation_ids.is_empty();
    match (&input.allocation_id, connectivity) {
        (None, "public") => {
            let message = "The request must include the AllocationId parameter. Add the required parameter and retry the request.";
            return Err(Fault::new("MissingParameter", message));
        }
        (_, "private") if has_elastic => {
            return Err(combination("The AllocationId parameter cannot be used with a private NAT gateway."));
        }
        (allocation_id, _) => secondary.insert(0, (allocation_id.as_deref(), input.private_ip_address)),
    }
    Ok(secondary)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteNatGateway {
    nat_gateway_id: String,
}

/// `DeleteNatGateway`: its interface and address are held until it is deleted.
pub(super) fn delete(ctx: &mut Ctx<'_>, DeleteNatGateway { nat_gateway_id }: DeleteNatGateway) -> Result<Value, Fault> {
    let until = ctx.pace.after(ctx.now, DELETION);
    let gateway = kind::NAT_GATEWAY.find_mut(&mut ctx.region.ec2.nat_gateways, &nat_gateway_id)?;
    match gateway.state {
        State::Deleted { .. } => return Err(kind::NAT_GATEWAY.absent(&nat_gateway_id)),
        State::Deleting { .. } => {}
        _ => gateway.state = State::Deleting { since: ctx.now, until },
    }
    Ok(json!({"NatGatewayId": nat_gateway_id}))
}

static NAT_GATEWAYS: Listing = Listing {
    kind: &kind::NAT_GATEWAY,
    items: "NatGateways",
    ids: "NatGatewayIds",
    id: "NatGatewayId",
    filters: &[("nat-gateway-id", "NatGatewayId"), ("state", "State"), ("subnet-id", "SubnetId"), ("vpc-id", "VpcId")],
};

/// `DescribeNatGateways`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    NAT_GATEWAYS.answer(&view, input, view.store.nat_gateways.values().map(|gateway| gateway.show(&view)))
}
