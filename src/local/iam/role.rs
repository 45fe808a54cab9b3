//! Roles: their life, their trust, their tags.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Context, Store,
    document::{self, Purpose},
    encode, exists, limit, marker, no_such, not_modifiable, tag,
};
use crate::local::{
    fault::Fault,
    members::{Tag, Tags, decode, page, random_text, tag_list, time},
    pace::Millis,
    world::Ctx,
};

/// A role with its inline policies and the ARNs of its attached ones.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(super) id: String,
    pub(super) path: String,
    /// The trust policy as JSON.
    pub(crate) trust_policy: Value,
    /// The trust policy as it was sent, which is how it is given back.
    pub(super) trust_document: String,
    pub(super) description: Option<String>,
    pub(super) max_session_duration: Option<u64>,
    pub(super) permissions_boundary: Option<String>,
    pub(super) tags: Tags,
    pub(super) created_at: Millis,
    /// From when on AWS's services can assume it: a new role takes a while to be known everywhere.
    pub(crate) assumable_at: Millis,
    pub(super) inline: BTreeMap<String, String>,
    pub(super) attached: Vec<String>,
}

impl Role {
    /// Whether the trust policy lets an AWS service, e.g. `tasks.apprunner.amazonaws.com`, assume the role.
    pub(crate) fn trusts_service(&self, service: &str) -> bool {
        document::trusts(&self.trust_policy, "Service", |name| name == service)
    }

    /// Whether the trust policy lets someone of an account, whom IAM knows as `principals`, do something with the role, e.g.
    /// `sts:AssumeRole`.
    pub(crate) fn trusts(&self, action: &str, account: &str, principals: &[&str], request: &Context) -> bool {
        let root = format!("arn:aws:iam::{account}:root");
        let is_one = |name: &str| name == account || name == root || principals.contains(&name);
        document::trusts_request(&self.trust_policy, action, is_one, request)
    }

    /// What its tags say, as condition keys.
    pub(crate) fn describe_tags(&self, request: &mut Context) {
        for (key, value) in &self.tags {
            request.set(&format!("iam:ResourceTag/{key}"), value);
            request.set(&format!("aws:ResourceTag/{key}"), value);
        }
    }

    /// Puts other names in the place of those whom the role trusts.
    fn rename_principals(&mut self, rename: impl Fn(&str) -> Option<String>) {
        if document::rename_principals(&mut self.trust_policy, rename) {
            self.trust_document = self.trust_policy.to_string();
        }
    }

    /// How long a session may last.
    pub(crate) fn max_session_seconds(&self) -> u64 {
        self.max_session_duration.unwrap_or(3600)
    }

    /// The id that is the role's alone, even after another one took its name.
    pub(crate) fn unique_id(&self) -> &str {
        &self.id
    }

    /// Roles that AWS keeps for its own services; nobody else changes them.
    pub(super) fn is_service_linked(&self) -> bool {
        self.path.starts_with("/aws-service-role/")
    }

    /// The members that every answer about a role has; those of one role alone have more.
    pub(super) fn summary(&self) -> Value {
        json!({
            "Path": self.path,
            "RoleName": self.name,
            "RoleId": self.id,
            "Arn": self.arn,
            "CreateDate": time(self.created_at),
            "AssumeRolePolicyDocument": encode(&self.trust_document),
            "Description": self.description,
            "MaxSessionDuration": self.max_session_seconds(),
        })
    }

    pub(super) fn details(&self) -> Value {
        let mut members = self.summary();
        members["RoleLastUsed"] = json!({});
        if !self.tags.is_empty() {
            members["Tags"] = tag_list(&self.tags);
        }
        if let Some(arn) = &self.permissions_boundary {
            members["PermissionsBoundary"] =
                json!({ "PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn });
        }
        members
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    path: Option<String>,
    role_name: String,
    assume_role_policy_document: String,
    policy_document: String,
    description: Option<String>,
    max_session_duration: Option<u64>,
    permissions_boundary: Option<String>,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn create_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    if path.starts_with("/aws-service-role/") {
        return Err(Fault::new(
            "AccessDenied",
            format!("Roles under the path {path} belong to AWS's services; use CreateServiceLinkedRole."),
        )
        .with_status(403));
    }
    if ctx.iam.roles.keys().any(|name| name.eq_ignore_ascii_case(&input.role_name)) {
        return Err(exists(format!("Role with name {} already exists.", input.role_name)));
    }
    let (trust_policy, trust_document) = check_trust(ctx, input.assume_role_policy_document)?;
    if let Some(boundary) = &input.permissions_boundary {
        ctx.iam.check_boundary(boundary)?;
    }
    let mut tags = Tags::new();
    tag::add(&mut tags, input.tags)?;
    let role = Role {
        arn: format!("arn:aws:iam::{}:role{path}{}", ctx.account, input.role_name),
        id: format!("AROA{}", random_id()),
        name: input.role_name.clone(),
        path,
        trust_policy,
        trust_document,
        description: input.description,
        max_session_duration: input.max_session_duration,
        permissions_boundary: input.permissions_boundary,
        tags,
        created_at: ctx.now,
        assumable_at: ctx.pace.after(ctx.now, super::PROPAGATION),
        ..Role::default()
    };
    let mut output = role.details();
    output["RoleLastUsed"] = Value::Null;
    ctx.iam.roles.insert(input.role_name, role);
    Ok(json!({ "Role": output }))
}

pub(super) fn get_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    Ok(json!({ "Role": ctx.iam.find_role(&input.role_name)?.details() }))
}

pub(super) fn list_roles(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let roles = ctx.iam.roles.values().filter(|role| role.path.starts_with(prefix)).collect();
    let page = page(roles, input.marker.as_deref(), limit(input.max_items), |role: &&Role| role.name.clone())
        .ok_or_else(marker)?;
    let roles: Vec<Value> = page.items.into_iter().map(Role::summary).collect();
    Ok(json!({ "Roles": roles, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}

pub(super) fn delete_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let role = ctx.iam.find_own_role(&input.role_name)?;
    let conflict = |message: &str| Err(Fault::new("DeleteConflict", message).with_status(409));
    if !role.attached.is_empty() {
        return conflict("Cannot delete entity, must detach all policies first.");
    }
    if !role.inline.is_empty() {
        return conflict("Cannot delete entity, must delete policies first.");
    }
    if ctx.iam.is_in_profile(&input.role_name) {
        return conflict("Cannot delete entity, must remove roles from instance profile first.");
    }
    if let Some(gone) = ctx.iam.roles.remove(&input.role_name) {
        // Who takes its name later is somebody else.
        for role in ctx.iam.roles.values_mut() {
            role.rename_principals(|name| (name == gone.arn).then(|| gone.id.clone()));
        }
    }
    Ok(json!({}))
}

pub(super) fn update_assume_role_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    ctx.iam.find_own_role(&input.role_name)?;
    let (trust_policy, trust_document) = check_trust(ctx, input.policy_document)?;
    let role = ctx.iam.find_own_role(&input.role_name)?;
    role.trust_policy = trust_policy;
    role.trust_document = trust_document;
    Ok(json!({}))
}

pub(super) fn update_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    // The description of a service-linked role is the users', its sessions are not.
    let role = match input.max_session_duration {
        None => ctx.iam.find_role(&input.role_name)?,
        Some(_) => ctx.iam.find_own_role(&input.role_name)?,
    };
    if input.description.is_some() {
        role.description = input.description;
    }
    if input.max_session_duration.is_some() {
        role.max_session_duration = input.max_session_duration;
    }
    Ok(json!({}))
}

pub(super) fn update_role_description(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let role = ctx.iam.find_role(&input.role_name)?;
    role.description = input.description;
    Ok(json!({ "Role": role.details() }))
}

pub(super) fn put_role_permissions_boundary(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    ctx.iam.find_own_role(&input.role_name)?;
    let boundary = input.permissions_boundary.unwrap_or_default();
    ctx.iam.check_boundary(&boundary)?;
    ctx.iam.find_own_role(&input.role_name)?.permissions_boundary = Some(boundary);
    Ok(json!({}))
}

pub(super) fn delete_role_permissions_boundary(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let role = ctx.iam.find_own_role(&input.role_name)?;
    if role.permissions_boundary.take().is_none() {
        return Err(no_such(format!("The role {} has no permissions boundary.", role.name)));
    }
    Ok(json!({}))
}

pub(super) fn tag_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tag::add(&mut ctx.iam.find_role(&input.role_name)?.tags, input.tags)?;
    Ok(json!({}))
}

pub(super) fn untag_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tag::remove(&mut ctx.iam.find_role(&input.role_name)?.tags, &input.tag_keys);
    Ok(json!({}))
}

pub(super) fn list_role_tags(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tag::list(&ctx.iam.find_role(&input.role_name)?.tags, input.marker.as_deref(), input.max_items)
}

/// A trust policy, read, and as it is given back: as it was sent, unless it names an account by its number alone.
fn check_trust(ctx: &Ctx<'_>, text: String) -> Result<(Value, String), Fault> {
    if text.chars().filter(|character| !character.is_whitespace()).count() > 2048 {
        let message = "Cannot exceed quota for ACLSizePerRole: 2048";
        return Err(Fault::new("LimitExceeded", message).with_status(409));
    }
    let mut policy = document::parse(&text, Purpose::Trust)?;
    let user = crate::local::sts::caller(ctx.account);
    document::check_own_principals(&policy, ctx.account, |arn| arn == user || ctx.iam.role(arn).is_some())?;
    let renamed = document::rename_principals(&mut policy, document::root_of);
    let text = if renamed { policy.to_string() } else { text };
    Ok((policy, text))
}

/// The random part of an IAM id.
pub(super) fn random_id() -> String {
    random_text(17, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
}

impl Store {
    pub(super) fn find_role(&mut self, name: &str) -> Result<&mut Role, Fault> {
        let unknown = || no_such(format!("The role with name {name} cannot be found."));
        self.roles.get_mut(name).ok_or_else(unknown)
    }

    /// A role that users may change.
    pub(super) fn find_own_role(&mut self, name: &str) -> Result<&mut Role, Fault> {
        let role = self.find_role(name)?;
        if role.is_service_linked() { Err(not_modifiable(name)) } else { Ok(role) }
    }

    fn check_boundary(&self, arn: &str) -> Result<(), Fault> {
        match self.policy_document(arn) {
            Some(_) => Ok(()),
            None => Err(no_such(format!("Scope ARN: {arn} does not exist or is not attachable."))),
        }
    }
}
