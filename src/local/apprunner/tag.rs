//! Tags of everything that has an ARN here.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Status, Store, invalid, not_found};
use crate::local::{
    fault::Fault,
    members::{Tag, Tags, decode, is_reserved, merge_tags, tag_list},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    resource_arn: String,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
}

pub(super) fn tag_resource(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    check(&input.tags)?;
    let tags = ctx.region.apprunner.tags(&input.resource_arn)?;
    let mut all = tags.clone();
    merge_tags(&mut all, input.tags);
    if all.len() > 50 {
        return Err(invalid("A resource can have no more than 50 tags."));
    }
    *tags = all;
    Ok(json!({}))
}

pub(super) fn untag_resource(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if let Some(key) = input.tag_keys.iter().find(|key| is_reserved(key)) {
        return Err(invalid(format!("The tag key {key} is invalid: keys that begin with aws: are reserved for AWS.")));
    }
    ctx.region.apprunner.tags(&input.resource_arn)?.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

pub(super) fn list_tags_for_resource(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    Ok(json!({ "Tags": tag_list(ctx.region.apprunner.tags(&input.resource_arn)?) }))
}

/// Refuses AWS's own tag keys and too many tags.
pub(super) fn check(tags: &[Tag]) -> Result<(), Fault> {
    if let Some(tag) = tags.iter().find(|tag| is_reserved(&tag.key)) {
        return Err(invalid(format!(
            "The tag key {} is invalid: keys that begin with aws: are reserved for AWS.",
            tag.key
        )));
    }
    if tags.len() > 50 {
        return Err(invalid("A resource can have no more than 50 tags."));
    }
    Ok(())
}

impl Store {
    /// The tags of what exists under an ARN.
    fn tags(&mut self, arn: &str) -> Result<&mut Tags, Fault> {
        let services = self.services.get_mut(arn).filter(|it| it.status != Status::Deleted).map(|it| &mut it.tags);
        services
            .or_else(|| {
                self.connectors
                    .get_mut(arn)
                    .map(|it| &mut it.revision)
                    .filter(|it| it.is_active())
                    .map(|it| &mut it.tags)
            })
            .or_else(|| {
                self.scaling.get_mut(arn).map(|it| &mut it.revision).filter(|it| it.is_active()).map(|it| &mut it.tags)
            })
            .or_else(|| {
                self.observability
                    .get_mut(arn)
                    .map(|it| &mut it.revision)
                    .filter(|it| it.is_active())
                    .map(|it| &mut it.tags)
            })
            .or_else(|| self.ingress.get_mut(arn).filter(|it| !it.is_deleted()).map(|it| &mut it.tags))
            .or_else(|| self.connections.get_mut(arn).map(|it| &mut it.tags))
            .ok_or_else(|| not_found("resource", arn))
    }
}
