//! VPCs and what each brings along: a main route table, a default security group, a default network ACL
//! and the region's default DHCP options.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{Flag, combination, in_use, missing, unsupported},
    cidr, kind,
    listing::Listing,
    route_table::RouteTable,
    security_group::SecurityGroup,
    tag::{self, TagSpecification},
    view::{View, no_block},
};
use crate::local::{fault::Fault, world::Ctx};

/// A VPC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Vpc {
    pub(super) vpc_id: String,
    /// The primary block first, then those associated later.
    pub(super) cidr_blocks: Vec<CidrBlock>,
    pub(super) instance_tenancy: String,
    pub(super) dns_support: bool,
    pub(super) dns_hostnames: bool,
    pub(super) address_usage_metrics: bool,
    pub(super) network_acl_id: String,
    pub(super) dhcp_options_id: String,
    /// Whether it is the region's default one.
    #[serde(default)]
    pub(super) is_default: bool,
}

/// A block of addresses of a VPC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CidrBlock {
    pub(super) association_id: String,
    pub(super) cidr: Ipv4Net,
}

impl CidrBlock {
    pub(super) fn new(cidr: Ipv4Net) -> Self {
        Self { association_id: kind::new_id("vpc-cidr-assoc"), cidr }
    }

    pub(super) fn show(&self, state: &str) -> Value {
        json!({
            "AssociationId": self.association_id,
            "CidrBlock": self.cidr.to_string(),
            "CidrBlockState": {"State": state},
        })
    }
}

impl Vpc {
    /// Whether the whole of `cidr` lies in one of the VPC's blocks.
    pub(super) fn contains(&self, cidr: Ipv4Net) -> bool {
        self.cidr_blocks.iter().any(|block| block.cidr.contains(&cidr))
    }

    /// Whether this is one of the VPC's blocks.
    pub(super) fn has_block(&self, cidr: Ipv4Net) -> bool {
        self.cidr_blocks.iter().any(|block| block.cidr == cidr)
    }

    pub(super) fn show(&self, view: &View<'_>, state: &str) -> Value {
        json!({
            "VpcId": self.vpc_id,
            "OwnerId": view.account,
            "State": state,
            "CidrBlock": self.cidr_blocks.first().map(|block| block.cidr.to_string()),
            "CidrBlockAssociationSet": self.cidr_blocks.iter().map(|block| block.show("associated")).collect::<Vec<_>>(),
            "DhcpOptionsId": self.dhcp_options_id,
            "InstanceTenancy": self.instance_tenancy,
            "IsDefault": self.is_default,
            "BlockPublicAccessStates": no_block(),
            "Tags": view.tags_if_any(&self.vpc_id),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct CreateVpc {
    cidr_block: Option<String>,
    instance_tenancy: Option<String>,
    amazon_provided_ipv6_cidr_block: bool,
    tag_specifications: Vec<TagSpecification>,
}

/// `CreateVpc`
pub(super) fn create(ctx: &mut Ctx<'_>, input: CreateVpc) -> Result<Value, Fault> {
    if input.amazon_provided_ipv6_cidr_block {
        return Err(unsupported("AmazonProvidedIpv6CidrBlock"));
    }
    let instance_tenancy = input.instance_tenancy.unwrap_or_else(|| "default".to_owned());
    if instance_tenancy == "host" {
        let message = "Tenancy value host is not valid for a VPC. Use default or dedicated.";
        return Err(super::call::invalid(message));
    }
    let cidr = cidr::of_vpc(&input.cidr_block.ok_or_else(|| missing("cidrBlock"))?)?;
    let tags = tag::given(&input.tag_specifications, &kind::VPC)?;
    let vpc_id = make(&mut ctx.region.ec2, cidr, instance_tenancy);
    ctx.region.ec2.tag(&vpc_id, tags);
    let view = View::of(ctx);
    let mut vpc = kind::VPC.find(&view.store.vpcs, &vpc_id)?.show(&view, "pending");
    vpc["Ipv6CidrBlockAssociationSet"] = json!([]);
    Ok(json!({"Vpc": vpc}))
}

/// Makes a VPC with what it brings along; gives its id.
pub(super) fn make(store: &mut Store, cidr: Ipv4Net, instance_tenancy: String) -> String {
    let vpc = Vpc {
        vpc_id: kind::VPC.new_id(),
        cidr_blocks: vec![CidrBlock::new(cidr)],
        instance_tenancy,
        dns_support: true,
        dns_hostnames: false,
        address_usage_metrics: false,
        network_acl_id: kind::NETWORK_ACL.new_id(),
        dhcp_options_id: store.default_dhcp_options(),
        is_default: false,
    };
    let vpc_id = vpc.vpc_id.clone();
    let main = RouteTable::main(&vpc_id);
    store.route_tables.insert(main.route_table_id.clone(), main);
    let group = SecurityGroup::default_of(&vpc_id);
    store.security_groups.insert(group.group_id.clone(), group);
    store.vpcs.insert(vpc_id.clone(), vpc);
    vpc_id
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteVpc {
    vpc_id: String,
}

/// `DeleteVpc`
pub(super) fn delete(ctx: &mut Ctx<'_>, DeleteVpc { vpc_id }: DeleteVpc) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    kind::VPC.find(&store.vpcs, &vpc_id)?;
    if store.is_inhabited(&vpc_id) {
        return Err(in_use(&kind::VPC, &vpc_id));
    }
    let mut gone: Vec<String> = store.vpcs.remove(&vpc_id).into_iter().map(|vpc| vpc.network_acl_id).collect();
    gone.push(vpc_id.clone());
    gone.extend(store.route_tables.values().filter(|one| one.vpc_id == vpc_id).map(|one| one.route_table_id.clone()));
    for group in store.security_groups.values().filter(|group| group.vpc_id == vpc_id) {
        gone.push(group.group_id.clone());
        gone.extend(group.rules.iter().map(|rule| rule.rule_id.clone()));
    }
    store.forget_acls(&vpc_id);
    store.route_tables.retain(|_, table| table.vpc_id != vpc_id);
    store.security_groups.retain(|_, group| group.vpc_id != vpc_id);
    store.tags.retain(|id, _| !gone.contains(id));
    Ok(json!({}))
}

impl Store {
    /// Whether anything but what the VPC brought along lives in it.
    fn is_inhabited(&self, vpc_id: &str) -> bool {
        self.subnets.values().any(|subnet| subnet.vpc_id == vpc_id)
            || self.internet_gateways.values().any(|gateway| gateway.vpc_id.as_deref() == Some(vpc_id))
            || self.route_tables.values().any(|table| table.vpc_id == vpc_id && table.main.is_none())
            || self.security_groups.values().any(|group| group.vpc_id == vpc_id && !group.is_default())
            || self.endpoints.values().any(|endpoint| endpoint.vpc_id == vpc_id)
            || self.made_acls().any(|id| self.network_acls[id].vpc_id == vpc_id)
            || self.interfaces.values().any(|interface| interface.vpc_id == vpc_id)
            || self.has_associated_groups(vpc_id)
    }
}

static VPCS: Listing = Listing {
    kind: &kind::VPC,
    items: "Vpcs",
    ids: "VpcIds",
    id: "VpcId",
    filters: &[
        ("cidr", "CidrBlock"),
        ("cidr-block", "CidrBlock"),
        ("cidr-block-association.association-id", "CidrBlockAssociationSet.AssociationId"),
        ("cidr-block-association.cidr-block", "CidrBlockAssociationSet.CidrBlock"),
        ("cidr-block-association.state", "CidrBlockAssociationSet.CidrBlockState.State"),
        ("dhcp-options-id", "DhcpOptionsId"),
        ("ipv6-cidr-block-association.association-id", "Ipv6CidrBlockAssociationSet.AssociationId"),
        ("ipv6-cidr-block-association.ipv6-cidr-block", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock"),
        ("ipv6-cidr-block-association.ipv6-pool", "Ipv6CidrBlockAssociationSet.Ipv6Pool"),
        ("ipv6-cidr-block-association.state", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State"),
        ("is-default", "IsDefault"),
        ("isDefault", "IsDefault"),
        ("owner-id", "OwnerId"),
        ("state", "State"),
        ("vpc-id", "VpcId"),
    ],
};

/// `DescribeVpcs`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    VPCS.answer(&view, input, view.store.vpcs.values().map(|vpc| vpc.show(&view, "available")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeAttribute {
    vpc_id: String,
    attribute: String,
}

/// `DescribeVpcAttribute`
pub(super) fn describe_attribute(ctx: &mut Ctx<'_>, input: DescribeAttribute) -> Result<Value, Fault> {
    let vpc = kind::VPC.find(&ctx.region.ec2.vpcs, &input.vpc_id)?;
    let (name, value) = match input.attribute.as_str() {
        "enableDnsSupport" => ("EnableDnsSupport", vpc.dns_support),
        "enableDnsHostnames" => ("EnableDnsHostnames", vpc.dns_hostnames),
        "enableNetworkAddressUsageMetrics" => ("EnableNetworkAddressUsageMetrics", vpc.address_usage_metrics),
        other => return Err(super::call::invalid(format!("Value ({other}) for parameter attribute is invalid."))),
    };
    Ok(json!({"VpcId": vpc.vpc_id, name: {"Value": value}}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyAttribute {
    vpc_id: String,
    enable_dns_support: Option<Flag>,
    enable_dns_hostnames: Option<Flag>,
    enable_network_address_usage_metrics: Option<Flag>,
}

/// `ModifyVpcAttribute`: one attribute a call, as in AWS.
pub(super) fn modify_attribute(ctx: &mut Ctx<'_>, input: ModifyAttribute) -> Result<Value, Fault> {
    let vpc = kind::VPC.find_mut(&mut ctx.region.ec2.vpcs, &input.vpc_id)?;
    match (input.enable_dns_support, input.enable_dns_hostnames, input.enable_network_address_usage_metrics) {
        (Some(support), None, None) => vpc.dns_support = support.value,
        (None, Some(hostnames), None) if hostnames.value && !vpc.dns_support => {
            return Err(combination("DNS hostnames can only be enabled where DNS support is enabled."));
        }
        (None, Some(hostnames), None) => vpc.dns_hostnames = hostnames.value,
        (None, None, Some(metrics)) => vpc.address_usage_metrics = metrics.value,
        (None, None, None) => return Err(missing("attribute")),
        _ => return Err(combination("Fields for multiple attribute types specified")),
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyTenancy {
    vpc_id: String,
    instance_tenancy: String,
}

/// `ModifyVpcTenancy`: to `default`, which is all that AWS's model lets through.
pub(super) fn modify_tenancy(ctx: &mut Ctx<'_>, input: ModifyTenancy) -> Result<Value, Fault> {
    kind::VPC.find_mut(&mut ctx.region.ec2.vpcs, &input.vpc_id)?.instance_tenancy = input.instance_tenancy;
    Ok(json!({"ReturnValue": true}))
}
