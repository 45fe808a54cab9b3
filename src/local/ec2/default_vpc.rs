//! The default VPC of a region and its default subnets. AWS gives them to every account; here they are made when they are
//! asked for.

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Store,
    call::{combination, missing, unsupported},
    cidr,
    internet_gateway::InternetGateway,
    kind,
    route::Route,
    subnet::Subnet,
    view::View,
    vpc::{self, Vpc},
    zone,
};
use crate::local::{fault::Fault, world::Ctx};

/// The addresses of every default VPC.
const BLOCK: &str = "172.31.0.0/16";
/// The size of a default subnet.
const SUBNET: u8 = 20;

impl Store {
    /// The default VPC, if somebody has asked for one.
    pub(super) fn default_vpc(&self) -> Option<&Vpc> {
        self.vpcs.values().find(|vpc| vpc.is_default)
    }

    /// The ids of the default subnets, one a zone.
    pub(crate) fn default_subnets(&self) -> Vec<String> {
        self.subnets.values().filter(|subnet| subnet.default_for_az).map(|subnet| subnet.subnet_id.clone()).collect()
    }

    /// Makes the default subnet of a zone, of the first addresses that are free; gives its id.
    fn add_default_subnet(&mut self, vpc_id: &str, zone: String) -> Result<String, Fault> {
        let block = cidr::block(BLOCK, "InvalidVpc.Range")?;
        let taken = |net: Ipv4Net| {
            let mut neighbours = self.subnets.values().filter(|subnet| subnet.vpc_id == vpc_id);
            neighbours.any(|subnet| cidr::overlap(subnet.cidr, net))
        };
        let free = block.subnets(SUBNET).into_iter().flatten().find(|net| !taken(*net));
        let message = "The default VPC has no free block of addresses for a default subnet.";
        let cidr = free.ok_or_else(|| Fault::new("InsufficientCidrBlocks", message))?;
        let subnet = Subnet { default_for_az: true, map_public_ip_on_launch: true, ..Subnet::new(vpc_id, zone, cidr) };
        let id = subnet.subnet_id.clone();
        self.subnets.insert(id.clone(), subnet);
        Ok(id)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {}

/// `CreateDefaultVpc`: with a way to the internet, and a subnet in each zone.
pub(super) fn create(ctx: &mut Ctx<'_>, Create {}: Create) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    if let Some(vpc) = store.default_vpc() {
        let message = format!("A Default VPC already exists for this account in this region: {}.", vpc.vpc_id);
        return Err(Fault::new("DefaultVpcAlreadyExists", message));
    }
    let vpc_id = vpc::make(store, cidr::block(BLOCK, "InvalidVpc.Range")?, "default".to_owned());
    let vpc = kind::VPC.find_mut(&mut store.vpcs, &vpc_id)?;
    (vpc.is_default, vpc.dns_hostnames) = (true, true);
    let gateway_id = kind::INTERNET_GATEWAY.new_id();
    let gateway = InternetGateway { internet_gateway_id: gateway_id.clone(), vpc_id: Some(vpc_id.clone()) };
    store.internet_gateways.insert(gateway_id.clone(), gateway);
    for table in store.route_tables.values_mut().filter(|table| table.vpc_id == vpc_id) {
        table.routes.push(Route::to_the_internet(gateway_id.clone()));
    }
    for zone in zone::names(ctx.region_name) {
        store.add_default_subnet(&vpc_id, zone)?;
    }
    let view = View::of(ctx);
    Ok(json!({"Vpc": kind::VPC.find(&view.store.vpcs, &vpc_id)?.show(&view, "pending")}))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct CreateSubnet {
    availability_zone: Option<String>,
    availability_zone_id: Option<String>,
    ipv6_native: bool,
}

/// `CreateDefaultSubnet`: in a zone whose own was deleted.
pub(super) fn create_subnet(ctx: &mut Ctx<'_>, input: CreateSubnet) -> Result<Value, Fault> {
    let zone = match (input.availability_zone.as_deref(), input.availability_zone_id.as_deref()) {
        (None, None) => return Err(missing("availabilityZone")),
        (Some(_), Some(_)) => {
            return Err(combination("Either AvailabilityZone or AvailabilityZoneId must be specified, but not both."));
        }
        (name, id) => zone::chosen(ctx.region_name, name, id)?,
    };
    if input.ipv6_native {
        return Err(unsupported("Ipv6Native"));
    }
    let store = &mut ctx.region.ec2;
    let absent = || Fault::new("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.");
    let vpc_id = store.default_vpc().ok_or_else(absent)?.vpc_id.clone();
    if store.subnets.values().any(|subnet| subnet.default_for_az && subnet.availability_zone == zone) {
        let message = format!("A default subnet already exists in the Availability Zone {zone}.");
        return Err(Fault::new("DefaultSubnetAlreadyExistsInAvailabilityZone", message));
    }
    let id = store.add_default_subnet(&vpc_id, zone)?;
    let view = View::of(ctx);
    Ok(json!({"Subnet": kind::SUBNET.find(&view.store.subnets, &id)?.show(&view, "pending")}))
}
