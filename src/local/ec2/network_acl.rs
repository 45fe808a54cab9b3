//! Network ACLs: the default one of each VPC, which lets everything through, and those that users make. They are kept and
//! shown; what security groups let through decides about connections here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{self, in_use, invalid},
    cidr, kind,
    listing::Listing,
    subnet::Subnet,
    tag::{self, TagSpecification},
    view::View,
};
use crate::local::{fault::Fault, world::Ctx};

/// The number of the rule that denies what no other rule allows.
const LAST_RULE: u32 = 32767;

/// A network ACL.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NetworkAcl {
    network_acl_id: String,
    pub(super) vpc_id: String,
    is_default: bool,
    entries: Vec<Entry>,
}

/// A rule: everything of it as the API has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    number: u32,
    egress: bool,
    action: String,
    protocol: String,
    cidr: Option<String>,
    ipv6: Option<String>,
    ports: Option<(i32, i32)>,
    icmp: Option<(i32, i32)>,
}

impl NetworkAcl {
    /// The one that a VPC brings along.
    fn default_of(network_acl_id: &str, vpc_id: &str) -> Self {
        let all = |egress| Entry {
            number: 100,
            egress,
            action: "allow".to_owned(),
            protocol: "-1".to_owned(),
            cidr: Some("0.0.0.0/0".to_owned()),
            ipv6: None,
            ports: None,
            icmp: None,
        };
        let (network_acl_id, vpc_id) = (network_acl_id.to_owned(), vpc_id.to_owned());
        Self { network_acl_id, vpc_id, is_default: true, entries: vec![all(true), all(false)] }
    }

    fn show(&self, view: &View<'_>) -> Value {
        let subnets = view.store.subnets.values().filter(|subnet| view.store.acl_of(subnet) == self.network_acl_id);
        let associations = subnets.map(|subnet| {
            json!({
                "NetworkAclAssociationId": subnet.network_acl_association_id,
                "NetworkAclId": self.network_acl_id,
                "SubnetId": subnet.subnet_id,
            })
        });
        let last = |egress: bool| json!({"RuleNumber": LAST_RULE, "RuleAction": "deny", "Egress": egress, "Protocol": "-1", "CidrBlock": "0.0.0.0/0"});
        let mut entries: Vec<Value> = self.entries.iter().map(Entry::show).collect();
        entries.extend([last(true), last(false)]);
        json!({
            "NetworkAclId": self.network_acl_id,
            "VpcId": self.vpc_id,
            "OwnerId": view.account,
            "IsDefault": self.is_default,
            "Associations": associations.collect::<Vec<_>>(),
            "Entries": entries,
            "Tags": view.tags(&self.network_acl_id),
        })
    }
}

impl Entry {
    fn show(&self) -> Value {
        json!({
            "RuleNumber": self.number,
            "RuleAction": self.action,
            "Egress": self.egress,
            "Protocol": self.protocol,
            "CidrBlock": self.cidr,
            "Ipv6CidrBlock": self.ipv6,
            "PortRange": self.ports.map(|(from, to)| json!({"From": from, "To": to})),
            "IcmpTypeCode": self.icmp.map(|(kind, code)| json!({"Type": kind, "Code": code})),
        })
    }
}

impl Store {
    /// The id of a subnet's ACL: its own, or its VPC's default one.
    fn acl_of<'a>(&'a self, subnet: &'a Subnet) -> &'a str {
        let default = self.vpcs.get(&subnet.vpc_id).map(|vpc| vpc.network_acl_id.as_str());
        subnet.network_acl_id.as_deref().or(default).unwrap_or_default()
    }

    /// Every ACL; a default one that nobody has changed is written down nowhere.
    fn acls(&self) -> BTreeMap<String, NetworkAcl> {
        let mut all = self.network_acls.clone();
        for vpc in self.vpcs.values() {
            let default = || NetworkAcl::default_of(&vpc.network_acl_id, &vpc.vpc_id);
            all.entry(vpc.network_acl_id.clone()).or_insert_with(default);
        }
        all
    }

    /// The ids of the ACLs that users made.
    pub(super) fn made_acls(&self) -> impl Iterator<Item = &String> {
        self.network_acls.iter().filter(|(_, acl)| !acl.is_default).map(|(id, _)| id)
    }

    /// Takes away the default ACL of a VPC that is deleted.
    pub(super) fn forget_acls(&mut self, vpc_id: &str) {
        self.network_acls.retain(|_, acl| acl.vpc_id != vpc_id);
    }
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
        ("entry.icmp.code", "Entries.IcmpTypeCode.Code"),
        ("entry.icmp.type", "Entries.IcmpTypeCode.Type"),
        ("entry.ipv6-cidr", "Entries.Ipv6CidrBlock"),
        ("entry.port-range.from", "Entries.PortRange.From"),
        ("entry.port-range.to", "Entries.PortRange.To"),
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
    NETWORK_ACLS.answer(&view, input, view.store.acls().values().map(|acl| acl.show(&view)))
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Create {
    client_token: Option<String>,
    vpc_id: String,
    tag_specifications: Vec<TagSpecification>,
}

/// `CreateNetworkAcl`
pub(super) fn create(ctx: &mut Ctx<'_>, input: Create) -> Result<Value, Fault> {
    let id = call::once(ctx, &kind::NETWORK_ACL, input.client_token.as_ref(), &input, |ctx| {
        let store = &mut ctx.region.ec2;
        kind::VPC.find(&store.vpcs, &input.vpc_id)?;
        let tags = tag::given(&input.tag_specifications, &kind::NETWORK_ACL)?;
        let (id, vpc_id) = (kind::NETWORK_ACL.new_id(), input.vpc_id.clone());
        store.tag(&id, tags);
        let acl = NetworkAcl { network_acl_id: id.clone(), vpc_id, is_default: false, entries: Vec::new() };
        store.network_acls.insert(id.clone(), acl);
        Ok(id)
    })?;
    let view = View::of(ctx);
    let acl = kind::NETWORK_ACL.find(&view.store.network_acls, &id)?;
    Ok(json!({"NetworkAcl": acl.show(&view), "ClientToken": input.client_token}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    network_acl_id: String,
}

/// `DeleteNetworkAcl`: never the default one, and none that a subnet has.
pub(super) fn delete(ctx: &mut Ctx<'_>, Delete { network_acl_id: id }: Delete) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    if kind::NETWORK_ACL.find(&store.acls(), &id)?.is_default {
        return Err(invalid("cannot delete default network ACL"));
    }
    if store.subnets.values().any(|subnet| store.acl_of(subnet) == id) {
        return Err(in_use(&kind::NETWORK_ACL, &id));
    }
    store.network_acls.remove(&id);
    store.tags.remove(&id);
    Ok(json!({}))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Rule {
    network_acl_id: String,
    rule_number: u32,
    egress: bool,
    rule_action: String,
    protocol: String,
    cidr_block: Option<String>,
    ipv6_cidr_block: Option<String>,
    port_range: Option<Ports>,
    icmp_type_code: Option<Icmp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ports {
    from: i32,
    to: i32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Icmp {
    r#type: i32,
    code: i32,
}

impl Rule {
    /// The rule, as far as AWS takes it.
    fn entry(&self) -> Result<Entry, Fault> {
        if !(1..LAST_RULE).contains(&self.rule_number) {
            return Err(invalid(format!("Value ({}) for parameter ruleNumber is invalid.", self.rule_number)));
        }
        let protocol = match self.protocol.as_str() {
            "tcp" => "6",
            "udp" => "17",
            "icmp" => "1",
            "all" => "-1",
            other => other,
        };
        if !protocol.parse::<i32>().is_ok_and(|number| (-1..=255).contains(&number)) {
            return Err(invalid(format!("Invalid value '{}' for IP protocol. Unknown protocol.", self.protocol)));
        }
        let has_ports = matches!(protocol, "6" | "17");
        if has_ports && self.port_range.is_none() {
            return Err(call::missing("portRange"));
        }
        let ports = self.port_range.as_ref().filter(|_| has_ports).map(|ports| (ports.from, ports.to));
        if let Some((from, to)) = ports.filter(|(from, to)| from > to || *from < 0 || *to > 65535) {
            return Err(invalid(format!("Invalid port range: {from} to {to}.")));
        }
        if matches!(protocol, "1" | "58") && self.icmp_type_code.is_none() {
            return Err(call::missing("icmpTypeCode"));
        }
        if self.cidr_block.is_some() == self.ipv6_cidr_block.is_some() {
            return Err(call::missing("cidrBlock or ipv6CidrBlock"));
        }
        Ok(Entry {
            number: self.rule_number,
            egress: self.egress,
            action: self.rule_action.clone(),
            protocol: protocol.to_owned(),
            cidr: self.cidr_block.as_deref().map(cidr::ipv4).transpose()?.map(|net| net.to_string()),
            ipv6: self.ipv6_cidr_block.as_deref().map(cidr::ipv6).transpose()?.map(|net| net.to_string()),
            ports,
            icmp: self.icmp_type_code.as_ref().map(|icmp| (icmp.r#type, icmp.code)),
        })
    }
}

/// Changes the entries of an ACL, be it a default one.
fn change(
    ctx: &mut Ctx<'_>,
    id: &str,
    work: impl FnOnce(&mut Vec<Entry>) -> Result<(), Fault>,
) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let mut acl = kind::NETWORK_ACL.find(&store.acls(), id)?.clone();
    work(&mut acl.entries)?;
    acl.entries.sort_by_key(|entry| (!entry.egress, entry.number));
    store.network_acls.insert(id.to_owned(), acl);
    Ok(json!({}))
}

/// The place of a rule.
fn place(entries: &[Entry], number: u32, egress: bool) -> Result<usize, Fault> {
    let found = entries.iter().position(|one| one.number == number && one.egress == egress);
    let direction = if egress { "egress" } else { "ingress" };
    let message = format!("The specified {direction} rule with rule number {number} does not exist");
    found.ok_or_else(|| Fault::new("InvalidNetworkAclEntry.NotFound", message))
}

/// `CreateNetworkAclEntry`
pub(super) fn create_entry(ctx: &mut Ctx<'_>, input: Rule) -> Result<Value, Fault> {
    let entry = input.entry()?;
    change(ctx, &input.network_acl_id, |entries| {
        if place(entries, entry.number, entry.egress).is_ok() {
            let message = format!("The network acl entry identified by {} already exists.", entry.number);
            return Err(Fault::new("NetworkAclEntryAlreadyExists", message));
        }
        entries.push(entry);
        Ok(())
    })
}

/// `ReplaceNetworkAclEntry`
pub(super) fn replace_entry(ctx: &mut Ctx<'_>, input: Rule) -> Result<Value, Fault> {
    let entry = input.entry()?;
    change(ctx, &input.network_acl_id, |entries| {
        let at = place(entries, entry.number, entry.egress)?;
        entries[at] = entry;
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteEntry {
    network_acl_id: String,
    rule_number: u32,
    #[serde(default)]
    egress: bool,
}

/// `DeleteNetworkAclEntry`
pub(super) fn delete_entry(ctx: &mut Ctx<'_>, input: DeleteEntry) -> Result<Value, Fault> {
    change(ctx, &input.network_acl_id, |entries| {
        entries.remove(place(entries, input.rule_number, input.egress)?);
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Replace {
    association_id: String,
    network_acl_id: String,
}

/// `ReplaceNetworkAclAssociation`: a subnet always has one.
pub(super) fn replace_association(ctx: &mut Ctx<'_>, input: Replace) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let vpc_id = kind::NETWORK_ACL.find(&store.acls(), &input.network_acl_id)?.vpc_id.clone();
    let subnet = store.subnets.values_mut().find(|one| one.network_acl_association_id == input.association_id);
    let Some(subnet) = subnet else {
        let message = format!("The association ID '{}' does not exist", input.association_id);
        return Err(Fault::new("InvalidAssociationID.NotFound", message));
    };
    if subnet.vpc_id != vpc_id {
        let message =
            format!("Network acl {} and subnet {} belong to different VPCs", input.network_acl_id, subnet.subnet_id);
        return Err(invalid(message));
    }
    subnet.network_acl_association_id = kind::new_id("aclassoc");
    subnet.network_acl_id = Some(input.network_acl_id);
    Ok(json!({"NewAssociationId": subnet.network_acl_association_id}))
}
