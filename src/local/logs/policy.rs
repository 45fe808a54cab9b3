//! Resource policies of CloudWatch Logs: which services may write into this account's groups. They are kept and shown.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{cut, invalid};
use crate::local::{fault::Fault, members::decode, pace::Millis, world::Ctx};

/// As many as AWS allows in a region.
const MOST: usize = 10;

/// A resource policy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourcePolicy {
    policy_name: String,
    policy_document: String,
    last_updated_time: Millis,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    policy_name: String,
    policy_document: String,
    /// A policy of one log group in place of the region's; none can be made here.
    resource_arn: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn put(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if input.resource_arn.is_some() {
        return Err(invalid("The local cloud does not support the parameter resourceArn."));
    }
    if input.policy_name.is_empty() {
        return Err(invalid("The parameter policyName is required."));
    }
    if !serde_json::from_str::<Value>(&input.policy_document).is_ok_and(|document| document["Statement"].is_array()) {
        return Err(invalid("Unsupported policy document: it is not a JSON object with a list of statements."));
    }
    let policies = &mut ctx.region.logs.policies;
    if policies.len() >= MOST && !policies.contains_key(&input.policy_name) {
        return Err(Fault::new("LimitExceededException", "Resource limit exceeded."));
    }
    let policy = ResourcePolicy {
        policy_name: input.policy_name.clone(),
        policy_document: input.policy_document,
        last_updated_time: ctx.now,
    };
    let answer = json!({ "resourcePolicy": policy });
    policies.insert(input.policy_name, policy);
    Ok(answer)
}

pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let all = ctx.region.logs.policies.values().collect();
    let limit = input.limit.unwrap_or(50);
    let page = cut(all, input.next_token.as_deref(), limit, |policy: &&ResourcePolicy| policy.policy_name.clone())?;
    Ok(json!({ "resourcePolicies": page.items, "nextToken": page.next }))
}

pub(super) fn delete(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let removed = ctx.region.logs.policies.remove(&input.policy_name);
    let absent = || {
        let message = format!("Policy with name [{}] does not exist.", input.policy_name);
        Fault::new("ResourceNotFoundException", message)
    };
    removed.map(|_| json!({})).ok_or_else(absent)
}
