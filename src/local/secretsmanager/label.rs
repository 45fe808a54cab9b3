//! Tags and resource policies.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::local::{
    fault::Fault,
    members::{Tag, decode, is_reserved, merge_tags},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    secret_id: String,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
    resource_policy: String,
    block_public_policy: bool,
}

pub(super) fn tag_resource(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    check_tags(&input.tags)?;
    let secret = ctx.region.secretsmanager.find_changing(&input.secret_id)?;
    let mut tags = secret.tags.clone();
    merge_tags(&mut tags, input.tags);
    if tags.len() > 50 {
        return Err(Fault::new("InvalidParameterException", "The number of tags on a secret can't exceed 50."));
    }
    secret.tags = tags;
    Ok(json!({}))
}

pub(super) fn untag_resource(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find_changing(&input.secret_id)?;
    if let Some(key) = input.tag_keys.iter().find(|key| is_reserved(key)) {
        let message = format!("The tag key {key} is invalid: keys that begin with aws: are reserved for AWS.");
        return Err(Fault::new("InvalidParameterException", message));
    }
    secret.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

/// Refuses AWS's own tag keys, keys given twice, and too many tags.
pub(super) fn check_tags(tags: &[Tag]) -> Result<(), Fault> {
    let invalid = |message: String| Err(Fault::new("InvalidParameterException", message));
    if let Some(tag) = tags.iter().find(|tag| is_reserved(&tag.key)) {
        return invalid(format!("The tag key {} is invalid: keys that begin with aws: are reserved for AWS.", tag.key));
    }
    if tags.len() > 50 {
        return invalid("The number of tags on a secret can't exceed 50.".to_owned());
    }
    for (index, tag) in tags.iter().enumerate() {
        if tags[..index].iter().any(|other| other.key == tag.key) {
            return invalid(format!("The tag key {} is given more than once.", tag.key));
        }
    }
    Ok(())
}

pub(super) fn put_resource_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    ctx.region.secretsmanager.find_changing(&input.secret_id)?;
    check_policy(ctx, &input.resource_policy)?;
    if input.block_public_policy && is_public(&input.resource_policy) {
        return Err(Fault::new(
            "PublicPolicyException",
            "The resource policy grants broad access to the secret, and BlockPublicPolicy is set.",
        ));
    }
    let secret = ctx.region.secretsmanager.find_changing(&input.secret_id)?;
    secret.resource_policy = Some(input.resource_policy);
    Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
}

pub(super) fn get_resource_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find_live(&input.secret_id)?;
    Ok(json!({ "ARN": secret.arn, "Name": secret.name, "ResourcePolicy": secret.resource_policy }))
}

/// `ListResourcePolicies`: a secret's one policy is its default one.
pub(super) fn list_resource_policies(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    if input["NextToken"].is_string() {
        return Err(super::describe::invalid_token());
    }
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find_live(&input.secret_id)?;
    let policies: Vec<Value> = secret.resource_policy.iter().map(|_| json!({ "PolicyName": "default" })).collect();
    Ok(json!({ "ResourcePolicies": policies }))
}

pub(super) fn delete_resource_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find_changing(&input.secret_id)?;
    secret.resource_policy = None;
    Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
}

pub(super) fn validate_resource_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if !input.secret_id.is_empty() {
        ctx.region.secretsmanager.find_live(&input.secret_id)?;
    }
    check_policy(ctx, &input.resource_policy)?;
    let mut errors = Vec::new();
    if is_public(&input.resource_policy) {
        errors.push(json!({
            "CheckName": "PUBLIC_POLICY",
            "ErrorMessage": "The resource policy grants broad access to the secret.",
        }));
    }
    Ok(json!({ "PolicyValidationPassed": errors.is_empty(), "ValidationErrors": errors }))
}

/// A resource policy is JSON with statements that have an effect, a principal that there is, and an action.
fn check_policy(ctx: &Ctx<'_>, policy: &str) -> Result<(), Fault> {
    let malformed = |message: &str| Err(Fault::new("MalformedPolicyDocumentException", message));
    let statements = statements(policy).unwrap_or_default();
    let valid = !statements.is_empty()
        && statements.iter().all(|statement| {
            matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"))
                && (statement.get("Principal").is_some() || statement.get("NotPrincipal").is_some())
                && (statement.get("Action").is_some() || statement.get("NotAction").is_some())
        });
    if !valid {
        return malformed("This resource policy contains a syntax error.");
    }
    let mut principals = statements.iter().flat_map(|one| [&one["Principal"], &one["NotPrincipal"]]);
    if ctx.serves("iam") && !principals.all(|principal| ctx.iam.knows(ctx.account, principal)) {
        return malformed("This resource policy contains an unsupported principal.");
    }
    Ok(())
}

/// Whether a statement lets everyone in, without a condition.
fn is_public(policy: &str) -> bool {
    statements(policy).unwrap_or_default().iter().any(|statement| {
        let principal = &statement["Principal"];
        statement["Effect"] == "Allow"
            && statement.get("Condition").is_none()
            && (principal == "*" || principal["AWS"] == "*")
    })
}

/// A policy's statements; one alone may stand without its list.
fn statements(policy: &str) -> Option<Vec<Value>> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    match policy.get("Statement")? {
        Value::Array(statements) => Some(statements.clone()),
        statement @ Value::Object(_) => Some(vec![statement.clone()]),
        _ => None,
    }
}
