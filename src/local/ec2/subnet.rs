//! Subnets: a part of a VPC's addresses in one availability zone.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{Flag, combination, in_use, invalid, missing, unsupported},
    cidr, kind,
    listing::Listing,
    tag::{self, TagSpecification},
    view::{View, no_block},
    zone,
};
use crate::local::{fault::Fault, world::Ctx};

/// A subnet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Subnet {
    pub(crate) subnet_id: String,
    pub(crate) vpc_id: String,
    /// The zone's name, e.g. `eu-central-1a`.
    pub(crate) availability_zone: String,
    pub(super) cidr: Ipv4Net,
    pub(super) map_public_ip_on_launch: bool,
    pub(super) dns64: bool,
    /// `ip-name` or `resource-name`.
    pub(super) hostname_type: String,
    pub(super) resource_name_a_record: bool,
    pub(super) network_acl_association_id: String,
    /// Its network ACL; none for the VPC's default one.
    #[serde(default)]
    pub(super) network_acl_id: Option<String>,
    /// Whether it is the default subnet of its zone.
    #[serde(default)]
    pub(super) default_for_az: bool,
}

impl Subnet {
    pub(super) fn new(vpc_id: &str, availability_zone: String, cidr: Ipv4Net) -> Self {
        Self {
            subnet_id: kind::SUBNET.new_id(),
            vpc_id: vpc_id.to_owned(),
            availability_zone,
            cidr,
            map_public_ip_on_launch: false,
            dns64: false,
            hostname_type: "ip-name".to_owned(),
            resource_name_a_record: false,
            network_acl_association_id: kind::new_id("aclassoc"),
            network_acl_id: None,
            default_for_az: false,
        }
    }

    pub(super) fn show(&self, view: &View<'_>, state: &str) -> Value {
        let taken = view.store.addresses_in(&self.subnet_id).len();
        json!({
            "SubnetId": self.subnet_id,
            "SubnetArn": view.arn(&kind::SUBNET, &self.subnet_id),
            "VpcId": self.vpc_id,
            "OwnerId": view.account,
            "State": state,
            "CidrBlock": self.cidr.to_string(),
            "AvailableIpAddressCount": cidr::capacity(self.cidr).saturating_sub(taken),
            "AvailabilityZone": self.availability_zone,
            "AvailabilityZoneId": zone::id(&self.availability_zone),
            "MapPublicIpOnLaunch": self.map_public_ip_on_launch,
            "MapCustomerOwnedIpOnLaunch": false,
            "AssignIpv6AddressOnCreation": false,
            "Ipv6CidrBlockAssociationSet": [],
            "Ipv6Native": false,
            "EnableDns64": self.dns64,
            "DefaultForAz": self.default_for_az,
            "PrivateDnsNameOptionsOnLaunch": {
                "HostnameType": self.hostname_type,
                "EnableResourceNameDnsARecord": self.resource_name_a_record,
                "EnableResourceNameDnsAAAARecord": false,
            },
            "BlockPublicAccessStates": no_block(),
            "Tags": view.tags_if_any(&self.subnet_id),
        })
    }
}

impl Store {
    /// The subnet with this id.
    pub(crate) fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.get(id)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct CreateSubnet {
    vpc_id: String,
    cidr_block: Option<String>,
    availability_zone: Option<String>,
    availability_zone_id: Option<String>,
    ipv6_native: bool,
    tag_specifications: Vec<TagSpecification>,
}

/// `CreateSubnet`
pub(super) fn create(ctx: &mut Ctx<'_>, input: CreateSubnet) -> Result<Value, Fault> {
    if input.ipv6_native {
        return Err(unsupported("Ipv6Native"));
    }
    let store = &mut ctx.region.ec2;
    let vpc = kind::VPC.find(&store.vpcs, &input.vpc_id)?;
    let availability_zone =
        zone::chosen(ctx.region_name, input.availability_zone.as_deref(), input.availability_zone_id.as_deref())?;
    let text = input.cidr_block.ok_or_else(|| missing("cidrBlock"))?;
    let cidr = cidr::block(&text, "InvalidSubnet.Range")?;
    if !vpc.contains(cidr) {
        return Err(Fault::new("InvalidSubnet.Range", format!("The CIDR '{text}' is invalid.")));
    }
    let mut neighbours = store.subnets.values().filter(|subnet| subnet.vpc_id == input.vpc_id);
    if neighbours.any(|subnet| cidr::overlap(subnet.cidr, cidr)) {
        let message = format!("The CIDR '{text}' conflicts with another subnet");
        return Err(Fault::new("InvalidSubnet.Conflict", message));
    }
    let tags = tag::given(&input.tag_specifications, &kind::SUBNET)?;
    let subnet = Subnet::new(&input.vpc_id, availability_zone, cidr);
    let subnet_id = subnet.subnet_id.clone();
    store.tag(&subnet_id, tags);
    store.subnets.insert(subnet_id.clone(), subnet);
    let view = View::of(ctx);
    Ok(json!({"Subnet": kind::SUBNET.find(&view.store.subnets, &subnet_id)?.show(&view, "pending")}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteSubnet {
    subnet_id: String,
}

/// `DeleteSubnet`: refused while an interface is in it; its association with a route table goes with it.
pub(super) fn delete(ctx: &mut Ctx<'_>, DeleteSubnet { subnet_id }: DeleteSubnet) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    kind::SUBNET.find(&store.subnets, &subnet_id)?;
    if store.interfaces.values().any(|interface| interface.subnet_id == subnet_id) {
        return Err(in_use(&kind::SUBNET, &subnet_id));
    }
    for table in store.route_tables.values_mut() {
        table.associations.retain(|_, associated| *associated != subnet_id);
    }
    store.subnet_reservations.retain(|_, one| one.subnet_id != subnet_id);
    store.subnets.remove(&subnet_id);
    store.tags.remove(&subnet_id);
    Ok(json!({}))
}

static SUBNETS: Listing = Listing {
    kind: &kind::SUBNET,
    items: "Subnets",
    ids: "SubnetIds",
    id: "SubnetId",
    filters: &[
        ("availability-zone", "AvailabilityZone"),
        ("availabilityZone", "AvailabilityZone"),
        ("availability-zone-id", "AvailabilityZoneId"),
        ("availabilityZoneId", "AvailabilityZoneId"),
        ("available-ip-address-count", "AvailableIpAddressCount"),
        ("cidr", "CidrBlock"),
        ("cidr-block", "CidrBlock"),
        ("cidrBlock", "CidrBlock"),
        ("customer-owned-ipv4-pool", "CustomerOwnedIpv4Pool"),
        ("default-for-az", "DefaultForAz"),
        ("defaultForAz", "DefaultForAz"),
        ("enable-dns64", "EnableDns64"),
        ("enable-lni-at-device-index", "EnableLniAtDeviceIndex"),
        ("ipv6-cidr-block-association.association-id", "Ipv6CidrBlockAssociationSet.AssociationId"),
        ("ipv6-cidr-block-association.ipv6-cidr-block", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock"),
        ("ipv6-cidr-block-association.state", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State"),
        ("ipv6-native", "Ipv6Native"),
        ("map-customer-owned-ip-on-launch", "MapCustomerOwnedIpOnLaunch"),
        ("map-public-ip-on-launch", "MapPublicIpOnLaunch"),
        ("outpost-arn", "OutpostArn"),
        ("owner-id", "OwnerId"),
        (
            "private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
            "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord",
        ),
        (
            "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
            "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsAAAARecord",
        ),
        ("private-dns-name-options-on-launch.hostname-type", "PrivateDnsNameOptionsOnLaunch.HostnameType"),
        ("state", "State"),
        ("subnet-arn", "SubnetArn"),
        ("subnet-id", "SubnetId"),
        ("vpc-id", "VpcId"),
    ],
};

/// `DescribeSubnets`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    SUBNETS.answer(&view, input, view.store.subnets.values().map(|subnet| subnet.show(&view, "available")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyAttribute {
    subnet_id: String,
    map_public_ip_on_launch: Option<Flag>,
    enable_dns64: Option<Flag>,
    private_dns_hostname_type_on_launch: Option<String>,
    enable_resource_name_dns_a_record_on_launch: Option<Flag>,
    assign_ipv6_address_on_creation: Option<Flag>,
}

/// `ModifySubnetAttribute`: one attribute a call, as in AWS.
pub(super) fn modify_attribute(ctx: &mut Ctx<'_>, input: ModifyAttribute) -> Result<Value, Fault> {
    let subnet = kind::SUBNET.find_mut(&mut ctx.region.ec2.subnets, &input.subnet_id)?;
    let given = [
        input.map_public_ip_on_launch.is_some(),
        input.enable_dns64.is_some(),
        input.private_dns_hostname_type_on_launch.is_some(),
        input.enable_resource_name_dns_a_record_on_launch.is_some(),
        input.assign_ipv6_address_on_creation.is_some(),
    ];
    match given.into_iter().filter(|given| *given).count() {
        0 => return Err(missing("attribute")),
        1 => {}
        _ => return Err(combination("Fields for multiple attribute types specified")),
    }
    if input.assign_ipv6_address_on_creation.is_some_and(|flag| flag.value) {
        let message = "Invalid value 'true' for assignIpv6AddressOnCreation. The subnet has no IPv6 CIDR block.";
        return Err(invalid(message));
    }
    if let Some(flag) = input.map_public_ip_on_launch {
        subnet.map_public_ip_on_launch = flag.value;
    }
    if let Some(flag) = input.enable_dns64 {
        subnet.dns64 = flag.value;
    }
    if let Some(hostname_type) = input.private_dns_hostname_type_on_launch {
        subnet.hostname_type = hostname_type;
    }
    if let Some(flag) = input.enable_resource_name_dns_a_record_on_launch {
        subnet.resource_name_a_record = flag.value;
    }
    Ok(json!({}))
}
