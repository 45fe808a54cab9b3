//! Network ACLs: the default one of each VPC, which lets everything through.

use serde_json::{Value, json};

use super::{kind, listing::Listing, view::View, vpc::Vpc};
use crate::local::{fault::Fault, world::Ctx};

/// The number of the rule that denies what no other rule allows.
const LAST_RULE: u32 = 32767;

fn show(vpc: &Vpc, view: &View<'_>) -> Value {
    let subnets = view.store.subnets.values().filter(|subnet| subnet.vpc_id == vpc.vpc_id);
    let associations = subnets.map(|subnet| {
        json!({
            "NetworkAclAssociationId": subnet.network_acl_association_id,
            "NetworkAclId": vpc.network_acl_id,
            "SubnetId": subnet.subnet_id,
        })
    });
    let rules = [(100, "allow", true), (LAST_RULE, "deny", true), (100, "allow", false), (LAST_RULE, "deny", false)];
    let entries = rules.map(|(number, action, egress)| {
        json!({
            "RuleNumber": number,
            "RuleAction": action,
            "Egress": egress,
            "Protocol": "-1",
            "CidrBlock": "0.0.0.0/0",
        })
    });
    json!({
        "NetworkAclId": vpc.network_acl_id,
        "VpcId": vpc.vpc_id,
        "OwnerId": view.account,
        "IsDefault": true,
        "Associations": associations.collect::<Vec<_>>(),
        "Entries": entries,
        "Tags": view.tags(&vpc.network_acl_id),
    })
}

static NETWORK_ACLS: Listing = Listing {
    kind: &kind::NETWORK_ACL,
    items: "NetworkAcls",
    ids: "NetworkAclIds",
    id: "NetworkAclId",
    filters: &[
        ("association.association-id", "Associations.NetworkAclAssociationId"),
        ("association.network-acl-id", "Associations.NetworkAclId"),
        ("association.subnet-id", "Associations.SubnetId"),
        ("default", "IsDefault"),
        ("entry.cidr", "Entries.CidrBlock"),
        ("entry.egress", "Entries.Egress"),
        ("entry.protocol", "Entries.Protocol"),
        ("entry.rule-action", "Entries.RuleAction"),
        ("entry.rule-number", "Entries.RuleNumber"),
        ("network-acl-id", "NetworkAclId"),
        ("owner-id", "OwnerId"),
        ("vpc-id", "VpcId"),
    ],
};

/// `DescribeNetworkAcls`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    NETWORK_ACLS.answer(&view, input, view.store.vpcs.values().map(|vpc| show(vpc, &view)))
}
