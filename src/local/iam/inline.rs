//! The policies that are part of a role.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    document::{self, Purpose},
    encode, limit, marker, no_such,
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
    policy_name: String,
    policy_document: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn put_role_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let role = ctx.iam.find_own_role(&input.role_name)?;
    document::parse(&input.policy_document, Purpose::Inline)?;
    let others = role.inline.iter().filter(|(name, _)| **name != input.policy_name).map(|(_, text)| text);
    let size: usize = others.chain([&input.policy_document]).map(|text| without_spaces(text)).sum();
    if size > 10240 {
        let message = format!("Maximum policy size of 10240 bytes exceeded for role {}", role.name);
        return Err(Fault::new("LimitExceeded", message).with_status(409));
    }
    role.inline.insert(input.policy_name, input.policy_document);
    Ok(json!({}))
}

pub(super) fn get_role_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let role = ctx.iam.find_role(&input.role_name)?;
    let document = role.inline.get(&input.policy_name).ok_or_else(|| unknown(&input.policy_name))?;
    Ok(json!({ "RoleName": role.name, "PolicyName": input.policy_name, "PolicyDocument": encode(document) }))
}

pub(super) fn list_role_policies(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let role = ctx.iam.find_role(&input.role_name)?;
    let names: Vec<&String> = role.inline.keys().collect();
    let page =
        page(names, input.marker.as_deref(), limit(input.max_items), |name| (*name).clone()).ok_or_else(marker)?;
    Ok(json!({ "PolicyNames": page.items, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}

pub(super) fn delete_role_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let role = ctx.iam.find_own_role(&input.role_name)?;
    role.inline.remove(&input.policy_name).ok_or_else(|| unknown(&input.policy_name))?;
    Ok(json!({}))
}

fn unknown(policy: &str) -> Fault {
    no_such(format!("The role policy with name {policy} cannot be found."))
}

/// The size of a document as IAM counts it.
fn without_spaces(text: &str) -> usize {
    text.chars().filter(|character| !character.is_whitespace()).count()
}
