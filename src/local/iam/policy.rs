//! Managed policies and their versions; those of AWS are read-only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store, aws_managed,
    document::{self, Purpose},
    encode, exists, limit, marker, no_such, tag,
};
use crate::local::{
    fault::Fault,
    members::{Tag, Tags, decode, page, tag_list, time},
    pace::Millis,
    world::Ctx,
};

/// A managed policy with its versions, by their numbers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Policy {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) path: String,
    pub(super) description: Option<String>,
    pub(super) created_at: Millis,
    pub(super) updated_at: Millis,
    pub(super) tags: Tags,
    pub(super) versions: BTreeMap<u32, Version>,
    pub(super) default_version: u32,
    /// How many versions were ever made; a number is not given twice.
    pub(super) last_version: u32,
}

/// One version of a policy's document.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Version {
    pub(super) document: String,
    pub(super) created_at: Millis,
}

impl Policy {
    fn summary(&self, store: &Store) -> Value {
        json!({
            "PolicyName": self.name,
            "PolicyId": self.id,
            "Arn": self.arn,
            "Path": self.path,
            "DefaultVersionId": format!("v{}", self.default_version),
            "AttachmentCount": store.roles.values().filter(|role| role.attached.contains(&self.arn)).count(),
            "PermissionsBoundaryUsageCount": store.roles.values()
                .filter(|role| role.permissions_boundary.as_deref() == Some(self.arn.as_str())).count(),
            "IsAttachable": true,
            "CreateDate": time(self.created_at),
            "UpdateDate": time(self.updated_at),
        })
    }

    pub(super) fn details(&self, store: &Store) -> Value {
        let mut members = self.summary(store);
        members["Description"] = json!(self.description);
        members["Tags"] = tag_list(&self.tags);
        members
    }

    /// How many versions there are.
    pub(super) fn version_count(&self) -> usize {
        self.versions.len()
    }

    pub(super) fn version(&self, number: u32) -> Option<Value> {
        let version = self.versions.get(&number)?;
        Some(json!({
            "Document": encode(&version.document),
            "VersionId": format!("v{number}"),
            "IsDefaultVersion": number == self.default_version,
            "CreateDate": time(version.created_at),
        }))
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    policy_arn: String,
    policy_name: String,
    path: Option<String>,
    policy_document: String,
    description: Option<String>,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
    scope: Option<String>,
    only_attached: bool,
    path_prefix: Option<String>,
    set_as_default: bool,
    version_id: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn create_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    check_size(&input.policy_document)?;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    if ctx.iam.policies.values().any(|policy| policy.name.eq_ignore_ascii_case(&input.policy_name)) {
        let message = format!("A policy called {} already exists. Duplicate names are not allowed.", input.policy_name);
        return Err(exists(message));
    }
    let mut tags = Tags::new();
    tag::add(&mut tags, input.tags)?;
    let policy = Policy {
        arn: format!("arn:aws:iam::{}:policy{path}{}", ctx.account, input.policy_name),
        id: format!("ANPA{}", super::role::random_id()),
        name: input.policy_name,
        path,
        description: input.description,
        created_at: ctx.now,
        updated_at: ctx.now,
        tags,
        versions: BTreeMap::from([(1, Version { document: input.policy_document, created_at: ctx.now })]),
        default_version: 1,
        last_version: 1,
    };
    let mut output = policy.summary(ctx.iam);
    if !policy.tags.is_empty() {
        output["Tags"] = tag_list(&policy.tags);
    }
    ctx.iam.policies.insert(policy.arn.clone(), policy);
    Ok(json!({ "Policy": output }))
}

pub(super) fn get_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let policy = ctx.iam.any_policy(&input.policy_arn)?;
    Ok(json!({ "Policy": policy.details(ctx.iam) }))
}

pub(super) fn list_policies(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let scope = input.scope.as_deref().unwrap_or("All");
    let mut policies: Vec<Policy> = Vec::new();
    if scope != "AWS" {
        policies.extend(ctx.iam.policies.values().cloned());
    }
    if scope != "Local" {
        policies.extend(aws_managed::all());
    }
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let attached = |arn: &String| ctx.iam.roles.values().any(|role| role.attached.contains(arn));
    policies.retain(|policy| policy.path.starts_with(prefix) && (!input.only_attached || attached(&policy.arn)));
    let page = page(policies, input.marker.as_deref(), limit(input.max_items), |policy: &Policy| policy.arn.clone())
        .ok_or_else(marker)?;
    let policies: Vec<Value> = page.items.iter().map(|policy| policy.summary(ctx.iam)).collect();
    Ok(json!({ "Policies": policies, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}

pub(super) fn delete_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let versions = ctx.iam.own_policy(&input.policy_arn)?.versions.len();
    let used = |role: &super::Role| {
        role.attached.contains(&input.policy_arn) || role.permissions_boundary.as_ref() == Some(&input.policy_arn)
    };
    if ctx.iam.roles.values().any(used) {
        return Err(conflict("Cannot delete a policy attached to entities."));
    }
    if versions > 1 {
        return Err(conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
             The default version is deleted with the policy.",
        ));
    }
    ctx.iam.policies.remove(&input.policy_arn);
    Ok(json!({}))
}

pub(super) fn create_policy_version(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let now = ctx.now;
    let policy = ctx.iam.own_policy(&input.policy_arn)?;
    check_size(&input.policy_document)?;
    if policy.versions.len() >= 5 {
        let message = "A managed policy can have up to 5 versions. Before you create a new version, you must delete an \
                       existing version.";
        return Err(Fault::new("LimitExceeded", message).with_status(409));
    }
    policy.last_version += 1;
    let number = policy.last_version;
    policy.versions.insert(number, Version { document: input.policy_document, created_at: now });
    if input.set_as_default {
        policy.default_version = number;
    }
    policy.updated_at = now;
    let mut output = policy.version(number).unwrap_or_default();
    if let Some(members) = output.as_object_mut() {
        members.remove("Document");
    }
    Ok(json!({ "PolicyVersion": output }))
}

pub(super) fn get_policy_version(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let policy = ctx.iam.any_policy(&input.policy_arn)?;
    let version = number(&input.version_id).and_then(|number| policy.version(number));
    Ok(json!({ "PolicyVersion": version.ok_or_else(|| unknown_version(&input))? }))
}

pub(super) fn list_policy_versions(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let policy = ctx.iam.any_policy(&input.policy_arn)?;
    let numbers: Vec<u32> = policy.versions.keys().rev().copied().collect();
    let page =
        page(numbers, input.marker.as_deref(), limit(input.max_items), ToString::to_string).ok_or_else(marker)?;
    let mut versions: Vec<Value> = page.items.into_iter().filter_map(|number| policy.version(number)).collect();
    for version in versions.iter_mut().filter_map(Value::as_object_mut) {
        version.remove("Document");
    }
    Ok(json!({ "Versions": versions, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}

pub(super) fn delete_policy_version(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let policy = ctx.iam.own_policy(&input.policy_arn)?;
    let number = number(&input.version_id).filter(|number| policy.versions.contains_key(number));
    let number = number.ok_or_else(|| unknown_version(&input))?;
    if number == policy.default_version {
        return Err(conflict("Cannot delete the default version of a policy."));
    }
    policy.versions.remove(&number);
    Ok(json!({}))
}

pub(super) fn set_default_policy_version(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let now = ctx.now;
    let policy = ctx.iam.own_policy(&input.policy_arn)?;
    let number = number(&input.version_id).filter(|number| policy.versions.contains_key(number));
    policy.default_version = number.ok_or_else(|| unknown_version(&input))?;
    policy.updated_at = now;
    Ok(json!({}))
}

pub(super) fn tag_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tag::add(&mut ctx.iam.own_policy(&input.policy_arn)?.tags, input.tags)?;
    Ok(json!({}))
}

pub(super) fn untag_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tag::remove(&mut ctx.iam.own_policy(&input.policy_arn)?.tags, &input.tag_keys);
    Ok(json!({}))
}

pub(super) fn list_policy_tags(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tag::list(&ctx.iam.any_policy(&input.policy_arn)?.tags, input.marker.as_deref(), input.max_items)
}

/// A version's number out of its id, e.g. `v3`.
fn number(id: &str) -> Option<u32> {
    id.strip_prefix('v')?.parse().ok()
}

fn check_size(document: &str) -> Result<(), Fault> {
    document::parse(document, Purpose::Permissions)?;
    if document.chars().filter(|character| !character.is_whitespace()).count() > 6144 {
        return Err(Fault::new("LimitExceeded", "Cannot exceed quota for PolicySize: 6144").with_status(409));
    }
    Ok(())
}

fn conflict(message: &str) -> Fault {
    Fault::new("DeleteConflict", message).with_status(409)
}

fn unknown_version(input: &Input) -> Fault {
    no_such(format!("Policy {} version {} does not exist or is not attachable.", input.policy_arn, input.version_id))
}

impl Store {
    /// A policy of the account or of AWS.
    pub(super) fn any_policy(&self, arn: &str) -> Result<Policy, Fault> {
        let found = self.policies.get(arn).cloned().or_else(|| aws_managed::by_arn(arn));
        found.ok_or_else(|| no_such(format!("Policy {arn} was not found.")))
    }

    /// A policy of the account, to change it; AWS's own cannot be changed.
    fn own_policy(&mut self, arn: &str) -> Result<&mut Policy, Fault> {
        if aws_managed::by_arn(arn).is_some() {
            let message = format!("Policy {arn} is managed by AWS and cannot be changed.");
            return Err(Fault::new("AccessDenied", message).with_status(403));
        }
        self.policies.get_mut(arn).ok_or_else(|| no_such(format!("Policy {arn} was not found.")))
    }

    /// The document that a managed policy has in force.
    pub(super) fn policy_document(&self, arn: &str) -> Option<Value> {
        let policy = self.any_policy(arn).ok()?;
        serde_json::from_str(&policy.versions.get(&policy.default_version)?.document).ok()
    }
}
