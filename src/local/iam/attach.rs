//! Which managed policies a role has, and what it may therefore do.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Role, Store,
    document::{self, Decision},
    limit, marker, no_such,
};
use crate::local::{
    fault::Fault,
    members::{decode, page},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    role_name: String,
    policy_arn: String,
    path_prefix: Option<String>,
    entity_filter: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn attach_role_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let Ok(policy) = ctx.iam.any_policy(&input.policy_arn) else {
        return Err(no_such(format!("Policy {} does not exist or is not attachable.", input.policy_arn)));
    };
    let role = ctx.iam.find_own_role(&input.role_name)?;
    if policy.path.starts_with("/aws-service-role/") {
        return Err(Fault::new("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role."));
    }
    if role.attached.contains(&input.policy_arn) {
        return Ok(json!({}));
    }
    if role.attached.len() >= 10 {
        return Err(Fault::new("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10").with_status(409));
    }
    role.attached.push(input.policy_arn);
    Ok(json!({}))
}

pub(super) fn detach_role_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let role = ctx.iam.find_own_role(&input.role_name)?;
    let before = role.attached.len();
    role.attached.retain(|arn| *arn != input.policy_arn);
    if role.attached.len() == before {
        return Err(no_such(format!("Policy {} was not found.", input.policy_arn)));
    }
    Ok(json!({}))
}

pub(super) fn list_attached_role_policies(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let attached = ctx.iam.find_role(&input.role_name)?.attached.clone();
    let policies = attached
        .iter()
        .filter_map(|arn| ctx.iam.any_policy(arn).ok())
        .filter(|policy| policy.path.starts_with(prefix))
        .map(|policy| (policy.name, policy.arn))
        .collect();
    let page =
        page(policies, input.marker.as_deref(), limit(input.max_items), |(_, arn)| arn.clone()).ok_or_else(marker)?;
    let policies: Vec<Value> =
        page.items.into_iter().map(|(name, arn)| json!({ "PolicyName": name, "PolicyArn": arn })).collect();
    Ok(json!({ "AttachedPolicies": policies, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}

pub(super) fn list_entities_for_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    ctx.iam.any_policy(&input.policy_arn)?;
    let wanted = matches!(input.entity_filter.as_deref(), None | Some("Role"));
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let roles = ctx
        .iam
        .roles
        .values()
        .filter(|role| wanted && role.path.starts_with(prefix) && role.attached.contains(&input.policy_arn));
    let page = page(roles.collect(), input.marker.as_deref(), limit(input.max_items), |role: &&Role| role.name.clone())
        .ok_or_else(marker)?;
    let roles: Vec<Value> = page.items.iter().map(|role| json!({ "RoleName": role.name, "RoleId": role.id })).collect();
    Ok(json!({
        "PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": roles,
        "IsTruncated": page.next.is_some(), "Marker": page.next,
    }))
}

/// What several documents decide together.
pub(super) fn decide(documents: &[Value], action: &str, resource: &str) -> Decision {
    documents
        .iter()
        .map(|document| document::decide(document, action, resource))
        .max()
        .unwrap_or(Decision::ImplicitDeny)
}

impl Store {
    /// Whether a role's inline and attached policies, within its permissions boundary, allow `action` on `resource`.
    pub(crate) fn role_allows(&self, arn: &str, action: &str, resource: &str) -> bool {
        let Some(role) = self.role(arn) else { return false };
        let bounded = role.permissions_boundary.as_ref().is_none_or(|boundary| {
            let boundary = self.policy_document(boundary);
            boundary.is_some_and(|boundary| document::decide(&boundary, action, resource) == Decision::Allowed)
        });
        bounded && decide(&self.documents(role), action, resource) == Decision::Allowed
    }

    /// Every document that says what a role may do.
    pub(super) fn documents(&self, role: &Role) -> Vec<Value> {
        let inline = role.inline.values().filter_map(|text| serde_json::from_str(text).ok());
        inline.chain(role.attached.iter().filter_map(|arn| self.policy_document(arn))).collect()
    }
}
