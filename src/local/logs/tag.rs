//! Tags of log groups, by the old calls and the new ones.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{group::Group, invalid};
use crate::local::{
    fault::Fault,
    members::{Tags, decode, is_reserved},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    resource_arn: String,
    log_group_name: String,
    tags: Tags,
    tag_keys: Vec<String>,
}

/// UntagLogGroup calls its keys `tags`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct OldUntagInput {
    log_group_name: String,
    tags: Vec<String>,
}

fn group<'a>(ctx: &'a mut Ctx<'_>, input: &Input) -> Result<&'a mut Group, Fault> {
    let name = if input.resource_arn.is_empty() { &input.log_group_name } else { &input.resource_arn };
    ctx.region.logs.find(name)
}

pub(super) fn tag_resource(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let mut input: Input = decode(input)?;
    check(&input.tags)?;
    let given = std::mem::take(&mut input.tags);
    let group = group(ctx, &input)?;
    let mut tags = group.tags.clone();
    tags.extend(given);
    if tags.len() > 50 {
        return Err(Fault::new("TooManyTagsException", "A resource can have no more than 50 tags."));
    }
    group.tags = tags;
    Ok(json!({}))
}

pub(super) fn untag_resource(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    group(ctx, &input)?.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

pub(super) fn untag_log_group(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: OldUntagInput = decode(input)?;
    ctx.region.logs.find(&input.log_group_name)?.tags.retain(|key, _| !input.tags.contains(key));
    Ok(json!({}))
}

pub(super) fn list_tags(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    Ok(json!({ "tags": group(ctx, &input)?.tags }))
}

/// Refuses AWS's own tag keys.
pub(super) fn check(tags: &Tags) -> Result<(), Fault> {
    match tags.keys().find(|key| is_reserved(key)) {
        Some(key) => {
            Err(invalid(format!("The tag key {key} is invalid: keys that begin with aws: are reserved for AWS.")))
        }
        None => Ok(()),
    }
}
