//! Labels of versions and tags of parameters.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::parameter::Parameter;
use crate::local::{
    fault::Fault,
    members::{Tag, decode, is_reserved, merge_tags, tag_list},
    world::Ctx,
};

/// How many labels a version has at most.
const MOST: usize = 10;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    name: String,
    parameter_version: Option<i64>,
    labels: Vec<String>,
    resource_type: String,
    resource_id: String,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
}

pub(super) fn label_parameter_version(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let parameter = ctx.region.ssm.find(&input.name)?;
    let newest = parameter.newest.number;
    let number = input.parameter_version.map_or(Ok(newest), |wanted| known_version(parameter, wanted))?;
    let (labels, invalid): (Vec<String>, Vec<String>) = input.labels.into_iter().partition(|label| {
        let start = label.starts_with(|character: char| character.is_ascii_digit());
        let lowercase = label.to_ascii_lowercase();
        let allowed = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        !start && !lowercase.starts_with("aws") && !lowercase.starts_with("ssm") && label.chars().all(allowed)
    });
    let labels: BTreeSet<String> = labels.into_iter().collect();
    let version = parameter.versions().find(|version| version.number == number);
    let others = version.map_or(0, |version| version.labels.iter().filter(|label| !labels.contains(*label)).count());
    if others + labels.len() > MOST {
        return Err(Fault::new(
            "ParameterVersionLabelLimitExceeded",
            "A parameter version can have maximum 10 labels. Move one or more labels to another version and try again.",
        ));
    }
    for version in parameter.versions_mut() {
        version.labels.retain(|label| !labels.contains(label));
        if version.number == number {
            version.labels.extend(labels.iter().cloned());
        }
    }
    Ok(json!({ "InvalidLabels": invalid, "ParameterVersion": number }))
}

pub(super) fn unlabel_parameter_version(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let parameter = ctx.region.ssm.find(&input.name)?;
    let number = known_version(parameter, input.parameter_version.unwrap_or_default())?;
    let version = parameter.versions_mut().find(|version| version.number == number);
    let Some(version) = version else { return Err(super::not_found(&input.name)) };
    let (removed, invalid): (Vec<String>, Vec<String>) =
        input.labels.into_iter().partition(|label| version.labels.contains(label));
    version.labels.retain(|label| !removed.contains(label));
    Ok(json!({ "RemovedLabels": removed, "InvalidLabels": invalid }))
}

/// The number of a version that the parameter has.
fn known_version(parameter: &Parameter, wanted: i64) -> Result<u64, Fault> {
    let mut numbers = parameter.versions().map(|version| version.number);
    numbers.find(|number| i64::try_from(*number) == Ok(wanted)).ok_or_else(|| {
        let message = format!(
            "Systems Manager could not find version {wanted} of {}. Verify the version and try again.",
            parameter.name
        );
        Fault::new("ParameterVersionNotFound", message)
    })
}

pub(super) fn add_tags_to_resource(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    check_tags(&input.tags)?;
    let parameter = tagged(ctx, &input)?;
    let mut tags = parameter.tags.clone();
    merge_tags(&mut tags, input.tags);
    if tags.len() > 50 {
        return Err(Fault::new("TooManyTagsError", "The number of tags on a parameter can't exceed 50."));
    }
    parameter.tags = tags;
    Ok(json!({}))
}

pub(super) fn remove_tags_from_resource(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tagged(ctx, &input)?.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

pub(super) fn list_tags_for_resource(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    Ok(json!({ "TagList": tag_list(&tagged(ctx, &input)?.tags) }))
}

fn tagged<'a>(ctx: &'a mut Ctx<'_>, input: &Input) -> Result<&'a mut Parameter, Fault> {
    if input.resource_type != "Parameter" {
        let message = format!("{} is not a resource type that the local cloud has; Parameter is.", input.resource_type);
        return Err(Fault::new("InvalidResourceType", message));
    }
    ctx.region.ssm.find(&input.resource_id).map_err(|_| {
        Fault::new(
            "InvalidResourceId",
            format!("The resource ID \"{}\" is not valid. Verify the ID and try again.", input.resource_id),
        )
    })
}

/// Refuses AWS's own tag keys and too many tags.
pub(super) fn check_tags(tags: &[Tag]) -> Result<(), Fault> {
    if let Some(tag) = tags.iter().find(|tag| is_reserved(&tag.key)) {
        let message = format!("The tag key {} is invalid: keys that begin with aws: are reserved for AWS.", tag.key);
        return Err(Fault::new("ValidationException", message));
    }
    if tags.len() > 50 {
        return Err(Fault::new("ValidationException", "The number of tags on a parameter can't exceed 50."));
    }
    Ok(())
}
