//! The rules of security groups: authorize, revoke, modify, describe.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Store,
    call::{invalid, missing},
    kind,
    listing::Listing,
    permission::{self, Flat, IpPermission, Peer, RuleRequest, Scope, Traffic},
    security_group::{self, Rule, SecurityGroup},
    tag::{self, TagSpecification},
    view::View,
};
use crate::local::{fault::Fault, world::Ctx};

/// AWS's limit of rules a group and direction; a prefix list counts as the entries that it may have.
const MOST: usize = 60;

fn show(rule: &Rule, group: &SecurityGroup, view: &View<'_>) -> Value {
    let peer = &rule.traffic.peer;
    let cidr = |wanted: bool| wanted.then(|| peer.text());
    let reference = match peer {
        Peer::Group(id) => Some(json!({"GroupId": id, "UserId": view.account, "VpcId": group.vpc_id})),
        _ => None,
    };
    json!({
        "SecurityGroupRuleId": rule.rule_id,
        "SecurityGroupRuleArn": view.arn(&kind::SECURITY_GROUP_RULE, &rule.rule_id),
        "GroupId": group.group_id,
        "GroupOwnerId": view.account,
        "IsEgress": rule.egress,
        "IpProtocol": rule.traffic.protocol,
        "FromPort": rule.traffic.from_port.unwrap_or(-1),
        "ToPort": rule.traffic.to_port.unwrap_or(-1),
        "CidrIpv4": cidr(matches!(peer, Peer::Ipv4(_))),
        "CidrIpv6": cidr(matches!(peer, Peer::Ipv6(_))),
        "PrefixListId": cidr(matches!(peer, Peer::PrefixList(_))),
        "ReferencedGroupInfo": reference,
        "Description": rule.description,
        "Tags": view.tags(&rule.rule_id),
    })
}

/// Authorize and revoke, in either direction: the nested form, the flat one, or (to revoke) ids of rules.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Permissions {
    group_id: Option<String>,
    group_name: Option<String>,
    ip_permissions: Vec<IpPermission>,
    ip_protocol: Option<String>,
    from_port: Option<i64>,
    to_port: Option<i64>,
    cidr_ip: Option<String>,
    security_group_rule_ids: Vec<String>,
    tag_specifications: Vec<TagSpecification>,
}

impl Permissions {
    /// The group, and the permissions in the nested form.
    fn read(&mut self, store: &Store) -> Result<(String, Vec<IpPermission>), Fault> {
        let group_id = security_group::chosen(store, self.group_id.take(), self.group_name.take())?;
        let flat = Flat {
            ip_protocol: self.ip_protocol.take(),
            from_port: self.from_port,
            to_port: self.to_port,
            cidr_ip: self.cidr_ip.take(),
        };
        let mut permissions = std::mem::take(&mut self.ip_permissions);
        if let Some(permission) = flat.nested() {
            if !permissions.is_empty() {
                return Err(super::call::combination(
                    "The parameter ipPermissions cannot be used with ipProtocol or cidrIp",
                ));
            }
            permissions.push(permission);
        }
        Ok((group_id, permissions))
    }
}

/// The single rules that `permissions` of a group stand for.
fn expand(ctx: &Ctx<'_>, id: &str, permissions: &[IpPermission]) -> Result<Vec<(Traffic, Option<String>)>, Fault> {
    let store = &ctx.region.ec2;
    let group = kind::SECURITY_GROUP.find(&store.security_groups, id)?;
    permission::expand_all(permissions, Scope { store, region: ctx.region_name, group })
}

/// `AuthorizeSecurityGroupIngress`
pub(super) fn authorize_ingress(ctx: &mut Ctx<'_>, input: Permissions) -> Result<Value, Fault> {
    authorize(ctx, input, false)
}

/// `AuthorizeSecurityGroupEgress`
pub(super) fn authorize_egress(ctx: &mut Ctx<'_>, input: Permissions) -> Result<Value, Fault> {
    authorize(ctx, input, true)
}

fn authorize(ctx: &mut Ctx<'_>, mut input: Permissions, egress: bool) -> Result<Value, Fault> {
    let (id, permissions) = input.read(&ctx.region.ec2)?;
    if permissions.is_empty() {
        return Err(missing("ipPermissions"));
    }
    let tags = tag::given(&input.tag_specifications, &kind::SECURITY_GROUP_RULE)?;
    let wanted = expand(ctx, &id, &permissions)?;
    let store = &mut ctx.region.ec2;
    let rules = &kind::SECURITY_GROUP.find(&store.security_groups, &id)?.rules;
    let present = || rules.iter().filter(|rule| rule.egress == egress).map(|rule| &rule.traffic);
    if let Some((traffic, _)) = wanted.iter().find(|(one, _)| present().any(|traffic| traffic == one)) {
        return Err(traffic.duplicate());
    }
    if !fit(store, ctx.region_name, present().chain(wanted.iter().map(|(traffic, _)| traffic))) {
        return Err(too_many());
    }
    let group = kind::SECURITY_GROUP.find_mut(&mut store.security_groups, &id)?;
    let made: Vec<Rule> =
        wanted.into_iter().map(|(traffic, description)| Rule::new(egress, traffic, description)).collect();
    group.rules.extend(made.iter().cloned());
    for rule in &made {
        store.tag(&rule.rule_id, tags.clone());
    }
    let view = View::of(ctx);
    let group = kind::SECURITY_GROUP.find(&view.store.security_groups, &id)?;
    let shown: Vec<Value> = made.iter().map(|rule| show(rule, group, &view)).collect();
    Ok(json!({"Return": true, "SecurityGroupRules": shown}))
}

/// Whether AWS lets a group have these rules of one direction.
pub(super) fn fit<'a>(store: &Store, region: &str, rules: impl Iterator<Item = &'a Traffic>) -> bool {
    rules.map(|rule| store.weight(region, &rule.peer)).sum::<usize>() <= MOST
}

fn too_many() -> Fault {
    let message = "The maximum number of rules per security group has been reached.";
    Fault::new("RulesPerSecurityGroupLimitExceeded", message)
}

/// `RevokeSecurityGroupIngress`
pub(super) fn revoke_ingress(ctx: &mut Ctx<'_>, input: Permissions) -> Result<Value, Fault> {
    revoke(ctx, input, false)
}

/// `RevokeSecurityGroupEgress`
pub(super) fn revoke_egress(ctx: &mut Ctx<'_>, input: Permissions) -> Result<Value, Fault> {
    revoke(ctx, input, true)
}

fn revoke(ctx: &mut Ctx<'_>, mut input: Permissions, egress: bool) -> Result<Value, Fault> {
    let (id, permissions) = input.read(&ctx.region.ec2)?;
    if permissions.is_empty() == input.security_group_rule_ids.is_empty() {
        let message = "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.";
        return Err(Fault::new("MissingParameter", message));
    }
    let unwanted = expand(ctx, &id, &permissions)?;
    let store = &mut ctx.region.ec2;
    let group = kind::SECURITY_GROUP.find_mut(&mut store.security_groups, &id)?;
    let mut doomed = Vec::new();
    for rule_id in input.security_group_rule_ids {
        let found = group.rules.iter().find(|rule| rule.egress == egress && rule.rule_id == rule_id);
        doomed.push(found.ok_or_else(|| kind::SECURITY_GROUP_RULE.absent(&rule_id))?.clone());
    }
    for (traffic, _) in unwanted {
        let found = group.rules.iter().find(|rule| rule.egress == egress && rule.traffic == traffic);
        let message = "The specified rule does not exist in this security group.";
        doomed.push(found.ok_or_else(|| Fault::new("InvalidPermission.NotFound", message))?.clone());
    }
    group.rules.retain(|rule| !doomed.iter().any(|one| one.rule_id == rule.rule_id));
    store.tags.retain(|id, _| !doomed.iter().any(|one| one.rule_id == *id));
    let view = View::of(ctx);
    let group = kind::SECURITY_GROUP.find(&view.store.security_groups, &id)?;
    let revoked = doomed.iter().map(|rule| revoked(show(rule, group, &view)));
    Ok(json!({"Return": true, "RevokedSecurityGroupRules": revoked.collect::<Vec<_>>(), "UnknownIpPermissions": []}))
}

/// A rule that was revoked is shown in another shape than one that exists.
fn revoked(mut shown: Value) -> Value {
    let reference = shown["ReferencedGroupInfo"]["GroupId"].take();
    if let Some(members) = shown.as_object_mut() {
        for member in ["SecurityGroupRuleArn", "GroupOwnerId", "ReferencedGroupInfo", "Tags"] {
            members.shift_remove(member);
        }
        members.insert("ReferencedGroupId".to_owned(), reference);
    }
    shown
}

static RULES: Listing = Listing {
    kind: &kind::SECURITY_GROUP_RULE,
    items: "SecurityGroupRules",
    ids: "SecurityGroupRuleIds",
    id: "SecurityGroupRuleId",
    filters: &[("group-id", "GroupId"), ("security-group-rule-id", "SecurityGroupRuleId")],
};

/// `DescribeSecurityGroupRules`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let groups = view.store.security_groups.values();
    RULES.answer(&view, input, groups.flat_map(|group| group.rules.iter().map(|rule| show(rule, group, &view))))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    group_id: String,
    security_group_rules: Vec<Update>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Update {
    security_group_rule_id: String,
    security_group_rule: Option<RuleRequest>,
}

/// `ModifySecurityGroupRules`: rules keep their ids.
pub(super) fn modify(ctx: &mut Ctx<'_>, input: Modify) -> Result<Value, Fault> {
    let store = &ctx.region.ec2;
    let group = kind::SECURITY_GROUP.find(&store.security_groups, &input.group_id)?;
    let scope = Scope { store, region: ctx.region_name, group };
    let mut rules = group.rules.clone();
    for update in input.security_group_rules {
        let id = update.security_group_rule_id;
        let (traffic, description) =
            update.security_group_rule.ok_or_else(|| missing("securityGroupRule"))?.read(scope)?;
        let position = rules.iter().position(|rule| rule.rule_id == id);
        let position = position.ok_or_else(|| kind::SECURITY_GROUP_RULE.absent(&id))?;
        let egress = rules[position].egress;
        if std::mem::discriminant(&rules[position].traffic.peer) != std::mem::discriminant(&traffic.peer) {
            let message = format!("The type of the security group rule {id} cannot be changed.");
            return Err(invalid(message));
        }
        if rules.iter().any(|rule| rule.rule_id != id && rule.egress == egress && rule.traffic == traffic) {
            return Err(traffic.duplicate());
        }
        rules[position] = Rule { rule_id: id, egress, traffic, description };
    }
    for egress in [true, false] {
        if !fit(store, ctx.region_name, rules.iter().filter(|rule| rule.egress == egress).map(|rule| &rule.traffic)) {
            return Err(too_many());
        }
    }
    kind::SECURITY_GROUP.find_mut(&mut ctx.region.ec2.security_groups, &input.group_id)?.rules = rules;
    Ok(json!({"Return": true}))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Descriptions {
    group_id: Option<String>,
    group_name: Option<String>,
    ip_permissions: Vec<IpPermission>,
    security_group_rule_descriptions: Vec<RuleDescription>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct RuleDescription {
    security_group_rule_id: String,
    description: Option<String>,
}

/// `UpdateSecurityGroupRuleDescriptionsIngress`
pub(super) fn describe_ingress_anew(ctx: &mut Ctx<'_>, input: Descriptions) -> Result<Value, Fault> {
    describe_anew(ctx, input, false)
}

/// `UpdateSecurityGroupRuleDescriptionsEgress`
pub(super) fn describe_egress_anew(ctx: &mut Ctx<'_>, input: Descriptions) -> Result<Value, Fault> {
    describe_anew(ctx, input, true)
}

fn describe_anew(ctx: &mut Ctx<'_>, input: Descriptions, egress: bool) -> Result<Value, Fault> {
    let id = security_group::chosen(&ctx.region.ec2, input.group_id, input.group_name)?;
    let by_content = expand(ctx, &id, &input.ip_permissions)?;
    let by_id = input.security_group_rule_descriptions;
    if by_content.is_empty() && by_id.is_empty() {
        return Err(missing("ipPermissions"));
    }
    let store: &mut Store = &mut ctx.region.ec2;
    let group = kind::SECURITY_GROUP.find_mut(&mut store.security_groups, &id)?;
    let mut rules = group.rules.clone();
    for (traffic, description) in by_content {
        let found = rules.iter_mut().find(|rule| rule.egress == egress && rule.traffic == traffic);
        let message = "The specified rule does not exist in this security group.";
        found.ok_or_else(|| Fault::new("InvalidPermission.NotFound", message))?.description = description;
    }
    for RuleDescription { security_group_rule_id, description } in by_id {
        permission::check_description(description.as_deref())?;
        let found = rules.iter_mut().find(|rule| rule.egress == egress && rule.rule_id == security_group_rule_id);
        found.ok_or_else(|| kind::SECURITY_GROUP_RULE.absent(&security_group_rule_id))?.description = description;
    }
    group.rules = rules;
    Ok(json!({"Return": true}))
}
