//! Security groups. A new one lets everything out and nothing in; a VPC's default one lets its members
//! talk to each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{invalid, missing},
    kind,
    listing::{self, Listing},
    permission::{self, Peer, Traffic, is_plain},
    security_group_vpc::Association,
    tag::{self, TagSpecification},
    view::View,
};
use crate::local::{fault::Fault, shared::Shared, world::Ctx};

/// The name of the group that a VPC brings along, and that no other may have.
const DEFAULT: &str = "default";

/// A security group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SecurityGroup {
    pub(crate) group_id: String,
    pub(crate) vpc_id: String,
    pub(super) group_name: String,
    pub(super) description: String,
    pub(super) rules: Shared<Vec<Rule>>,
    /// The other VPCs in which it is used.
    #[serde(default)]
    pub(super) associations: BTreeMap<String, Association>,
}

/// One rule of a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rule {
    pub(super) rule_id: String,
    /// Whether it is about packets that leave.
    pub(super) egress: bool,
    #[serde(flatten)]
    pub(super) traffic: Traffic,
    pub(super) description: Option<String>,
}

impl Rule {
    pub(super) fn new(egress: bool, traffic: Traffic, description: Option<String>) -> Self {
        Self { rule_id: kind::SECURITY_GROUP_RULE.new_id(), egress, traffic, description }
    }
}

impl SecurityGroup {
    fn new(vpc_id: &str, group_name: String, description: String) -> Self {
        let anywhere = Peer::Ipv4(ipnet::Ipv4Net::default());
        let rules = vec![Rule::new(true, Traffic::all(anywhere), None)];
        Self {
            group_id: kind::SECURITY_GROUP.new_id(),
            vpc_id: vpc_id.to_owned(),
            group_name,
            description,
            rules: Shared::new(rules),
            associations: BTreeMap::new(),
        }
    }

    /// The group that a new VPC brings along.
    pub(super) fn default_of(vpc_id: &str) -> Self {
        let mut group = Self::new(vpc_id, DEFAULT.to_owned(), "default VPC security group".to_owned());
        let members = Peer::Group(group.group_id.clone());
        group.rules.push(Rule::new(false, Traffic::all(members), None));
        group
    }

    /// Whether the VPC brought it along.
    pub(super) fn is_default(&self) -> bool {
        self.group_name == DEFAULT
    }

    /// Whether a rule of it points at another group.
    pub(super) fn references(&self, group_id: &str) -> bool {
        self.rules.iter().any(|rule| matches!(&rule.traffic.peer, Peer::Group(id) if id == group_id))
    }

    /// The rules of one direction, in the nested form.
    fn permissions(&self, egress: bool, account: &str) -> Vec<Value> {
        let rules = self.rules.iter().filter(|rule| rule.egress == egress);
        permission::nest(rules.map(|rule| (&rule.traffic, rule.description.as_deref())), account)
    }

    fn show(&self, view: &View<'_>) -> Value {
        json!({
            "GroupId": self.group_id,
            "GroupName": self.group_name,
            "Description": self.description,
            "VpcId": self.vpc_id,
            "OwnerId": view.account,
            "SecurityGroupArn": view.arn(&kind::SECURITY_GROUP, &self.group_id),
            "IpPermissions": self.permissions(false, view.account),
            "IpPermissionsEgress": self.permissions(true, view.account),
            "Tags": view.tags_if_any(&self.group_id),
        })
    }
}

/// How many groups AWS lets an interface have, where nobody has asked it for more.
pub(super) const MOST_OF_INTERFACE: usize = 5;

impl Store {
    /// The security group with this id.
    pub(crate) fn security_group(&self, id: &str) -> Option<&SecurityGroup> {
        self.security_groups.get(id)
    }

    /// The groups that a request names for something in a VPC; its default group where it names none.
    pub(super) fn groups_of_vpc(&self, vpc_id: &str, group_ids: Vec<String>) -> Result<Vec<String>, Fault> {
        if group_ids.len() > MOST_OF_INTERFACE {
            let message = "The maximum number of security groups per interface has been reached.";
            return Err(Fault::new("SecurityGroupsPerInterfaceLimitExceeded", message));
        }
        for id in &group_ids {
            if !kind::SECURITY_GROUP.find(&self.security_groups, id)?.serves(vpc_id) {
                let message = format!("The security group '{id}' does not exist in VPC '{vpc_id}'");
                return Err(Fault::new("InvalidGroup.NotFound", message));
            }
        }
        if !group_ids.is_empty() {
            return Ok(group_ids);
        }
        let default = self.security_groups.values().find(|group| group.vpc_id == vpc_id && group.is_default());
        Ok(default.map(|group| group.group_id.clone()).into_iter().collect())
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct CreateSecurityGroup {
    group_name: String,
    description: String,
    vpc_id: Option<String>,
    tag_specifications: Vec<TagSpecification>,
}

/// `CreateSecurityGroup`
pub(super) fn create(ctx: &mut Ctx<'_>, input: CreateSecurityGroup) -> Result<Value, Fault> {
    let CreateSecurityGroup { group_name, description, vpc_id, tag_specifications } = input;
    // AWS drops the spaces at its end.
    let group_name = group_name.trim_end_matches(' ').to_owned();
    check_texts(&group_name, &description)?;
    let store = &mut ctx.region.ec2;
    let no_default = || Fault::new("VPCIdNotSpecified", "No default VPC for this user");
    let default = || store.default_vpc().map(|vpc| vpc.vpc_id.clone());
    let vpc_id = vpc_id.or_else(default).ok_or_else(no_default)?;
    kind::VPC.find(&store.vpcs, &vpc_id)?;
    let tags = tag::given(&tag_specifications, &kind::SECURITY_GROUP)?;
    let is_taken = |group: &SecurityGroup| group.vpc_id == vpc_id && group.group_name.eq_ignore_ascii_case(&group_name);
    if store.security_groups.values().any(is_taken) {
        let message = format!("The security group '{group_name}' already exists for VPC '{vpc_id}'");
        return Err(Fault::new("InvalidGroup.Duplicate", message));
    }
    let group = SecurityGroup::new(&vpc_id, group_name, description);
    let id = group.group_id.clone();
    store.tag(&id, tags);
    store.security_groups.insert(id.clone(), group);
    let view = View::of(ctx);
    Ok(json!({"GroupId": id, "SecurityGroupArn": view.arn(&kind::SECURITY_GROUP, &id), "Tags": view.tags_if_any(&id)}))
}

fn check_texts(group_name: &str, description: &str) -> Result<(), Fault> {
    if group_name.is_empty() {
        return Err(missing("groupName"));
    }
    if description.is_empty() {
        return Err(missing("groupDescription"));
    }
    if group_name.eq_ignore_ascii_case(DEFAULT) {
        return Err(invalid("Cannot use reserved security group name: default"));
    }
    if group_name.starts_with("sg-") {
        return Err(invalid(format!("Invalid value '{group_name}' for groupName. The name cannot begin with sg-.")));
    }
    if !is_plain(group_name) {
        let message = format!(
            "Value ({group_name}) for parameter GroupName is invalid. Valid names are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*"
        );
        return Err(invalid(message));
    }
    if !is_plain(description) {
        let message = format!(
            "Value ({description}) for parameter GroupDescription is invalid. Invalid security group description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*"
        );
        return Err(invalid(message));
    }
    Ok(())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct DeleteSecurityGroup {
    group_id: Option<String>,
    group_name: Option<String>,
}

/// `DeleteSecurityGroup`: refused while an interface is in it, another group points at it, or another VPC uses it.
pub(super) fn delete(ctx: &mut Ctx<'_>, input: DeleteSecurityGroup) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let id = chosen(store, input.group_id, input.group_name)?;
    let group = kind::SECURITY_GROUP.find(&store.security_groups, &id)?;
    if group.is_default() {
        let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(Fault::new("CannotDelete", message));
    }
    let mut others = store.security_groups.values().filter(|other| other.group_id != id);
    let in_endpoint = store.endpoints.values().any(|endpoint| endpoint.group_ids.contains(&id));
    let in_vpc = !group.associations.is_empty();
    if store.is_group_in_use(&id) || in_endpoint || in_vpc || others.any(|other| other.references(&id)) {
        return Err(Fault::new("DependencyViolation", format!("resource {id} has a dependent object")));
    }
    if let Some(group) = store.security_groups.remove(&id) {
        group.rules.iter().for_each(|rule| drop(store.tags.remove(&rule.rule_id)));
    }
    store.tags.remove(&id);
    Ok(json!({"Return": true, "GroupId": id}))
}

/// The group that a request names. Names alone lead into the default VPC.
pub(super) fn chosen(store: &Store, group_id: Option<String>, group_name: Option<String>) -> Result<String, Fault> {
    match (group_id, group_name) {
        (Some(id), _) => Ok(id),
        (None, Some(name)) => {
            let vpc_id = store.default_vpc().map(|vpc| vpc.vpc_id.as_str());
            let mut groups = store.security_groups.values().filter(|group| vpc_id == Some(&*group.vpc_id));
            let found = groups.find(|group| group.group_name == name).map(|group| group.group_id.clone());
            let message = || {
                let vpc_id = vpc_id.unwrap_or("none");
                format!("The security group '{name}' does not exist in default VPC '{vpc_id}'")
            };
            found.ok_or_else(|| Fault::new("InvalidGroup.NotFound", message()))
        }
        (None, None) => Err(missing("groupId")),
    }
}

static SECURITY_GROUPS: Listing = Listing {
    kind: &kind::SECURITY_GROUP,
    items: "SecurityGroups",
    ids: "GroupIds",
    id: "GroupId",
    filters: &[
        ("description", "Description"),
        ("egress.ip-permission.cidr", "IpPermissionsEgress.IpRanges.CidrIp"),
        ("egress.ip-permission.from-port", "IpPermissionsEgress.FromPort"),
        ("egress.ip-permission.group-id", "IpPermissionsEgress.UserIdGroupPairs.GroupId"),
        ("egress.ip-permission.ipv6-cidr", "IpPermissionsEgress.Ipv6Ranges.CidrIpv6"),
        ("egress.ip-permission.prefix-list-id", "IpPermissionsEgress.PrefixListIds.PrefixListId"),
        ("egress.ip-permission.protocol", "IpPermissionsEgress.IpProtocol"),
        ("egress.ip-permission.to-port", "IpPermissionsEgress.ToPort"),
        ("egress.ip-permission.user-id", "IpPermissionsEgress.UserIdGroupPairs.UserId"),
        ("group-id", "GroupId"),
        ("group-name", "GroupName"),
        ("ip-permission.cidr", "IpPermissions.IpRanges.CidrIp"),
        ("ip-permission.from-port", "IpPermissions.FromPort"),
        ("ip-permission.group-id", "IpPermissions.UserIdGroupPairs.GroupId"),
        ("ip-permission.ipv6-cidr", "IpPermissions.Ipv6Ranges.CidrIpv6"),
        ("ip-permission.prefix-list-id", "IpPermissions.PrefixListIds.PrefixListId"),
        ("ip-permission.protocol", "IpPermissions.IpProtocol"),
        ("ip-permission.to-port", "IpPermissions.ToPort"),
        ("ip-permission.user-id", "IpPermissions.UserIdGroupPairs.UserId"),
        ("owner-id", "OwnerId"),
        ("vpc-id", "VpcId"),
    ],
};

/// Has the filters by the name of a group that a rule names look for its id, which alone is shown.
fn name_by_id(store: &Store, input: &mut Value) {
    for filter in input.get_mut("Filters").and_then(Value::as_array_mut).into_iter().flatten() {
        let name = filter["Name"].as_str().unwrap_or_default();
        let Some(direction) = name.strip_suffix("ip-permission.group-name") else { continue };
        let name = format!("{direction}ip-permission.group-id");
        let given = filter["Values"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let patterns: Vec<&[u8]> = given.map(str::as_bytes).collect();
        let meant = |group: &&SecurityGroup| {
            patterns.iter().any(|pattern| listing::matches(pattern, group.group_name.as_bytes()))
        };
        let ids: Vec<&str> =
            store.security_groups.values().filter(meant).map(|group| group.group_id.as_str()).collect();
        *filter = json!({"Name": name, "Values": ids});
    }
}

/// `DescribeSecurityGroups`
pub(super) fn describe(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let names = input.as_object_mut().and_then(|members| members.shift_remove("GroupNames")).unwrap_or_default();
    let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
    let named: Vec<String> =
        names.map(|name| chosen(view.store, None, Some(name.to_owned()))).collect::<Result<_, _>>()?;
    name_by_id(view.store, &mut input);
    let all = view.store.security_groups.values().filter(|group| named.is_empty() || named.contains(&group.group_id));
    SECURITY_GROUPS.answer(&view, input, all.map(|group| group.show(&view)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeReferences {
    group_id: Vec<String>,
}

/// `DescribeSecurityGroupReferences`: only those across peered VPCs count, and nothing is peered here.
pub(super) fn describe_references(ctx: &mut Ctx<'_>, input: DescribeReferences) -> Result<Value, Fault> {
    for id in &input.group_id {
        kind::SECURITY_GROUP.find(&ctx.region.ec2.security_groups, id)?;
    }
    Ok(json!({"SecurityGroupReferenceSet": []}))
}

static GROUPS_FOR_VPC: Listing = Listing {
    kind: &kind::SECURITY_GROUP,
    items: "SecurityGroupForVpcs",
    ids: "",
    id: "GroupId",
    filters: &[
        ("description", "Description"),
        ("group-id", "GroupId"),
        ("group-name", "GroupName"),
        ("owner-id", "OwnerId"),
        ("primary-vpc-id", "PrimaryVpcId"),
    ],
};

/// `GetSecurityGroupsForVpc`
pub(super) fn for_vpc(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let vpc_id = input.as_object_mut().and_then(|members| members.shift_remove("VpcId")).unwrap_or_default();
    let vpc_id = vpc_id.as_str().ok_or_else(|| missing("vpcId"))?;
    kind::VPC.find(&view.store.vpcs, vpc_id)?;
    let groups = view.store.security_groups.values().filter(|group| group.serves(vpc_id));
    let all = groups.map(|group| {
        json!({
            "GroupId": group.group_id,
            "GroupName": group.group_name,
            "Description": group.description,
            "OwnerId": view.account,
            "PrimaryVpcId": group.vpc_id,
            "Tags": view.tags(&group.group_id),
        })
    });
    GROUPS_FOR_VPC.answer(&view, input, all)
}
