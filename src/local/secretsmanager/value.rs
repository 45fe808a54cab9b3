//! Values: reading, writing, and moving the stages of versions.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    describe::{Filter, matches_all},
    secret::{CURRENT, Content, PREVIOUS, Secret},
};
use crate::local::{
    fault::Fault,
    members::{Sealed, decode, page, random_uuid, time},
    pace::Millis,
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct PutInput {
    secret_id: String,
    client_request_token: Option<String>,
    secret_string: Option<Sealed<String>>,
    secret_binary: Option<Sealed<String>>,
    version_stages: Option<Vec<String>>,
}

pub(super) fn put_secret_value(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: PutInput = decode(input)?;
    let content = Content::given(input.secret_string, input.secret_binary)?.ok_or_else(|| {
        Fault::new("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
    })?;
    let stages = input.version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
    let version = input.client_request_token.unwrap_or_else(random_uuid);
    let now = ctx.now;
    let secret = ctx.region.secretsmanager.find_own(&input.secret_id)?;
    secret.add_version(&version, content, &stages, now)?;
    let stages = secret.versions.get(&version).map(|version| version.stages.clone());
    Ok(json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": version, "VersionStages": stages }))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct GetInput {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

pub(crate) fn get_secret_value(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: GetInput = decode(input)?;
    let now = ctx.now;
    let secret = ctx.region.secretsmanager.find_live(&input.secret_id)?;
    let version = choose(secret, input.version_id.as_deref(), input.version_stage.as_deref())?;
    read(secret, &version, now)
}

/// The version that an id, a stage, both or neither (the current one) stand for.
fn choose(secret: &Secret, id: Option<&str>, stage: Option<&str>) -> Result<String, Fault> {
    let missing = |what: String| {
        Fault::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {what}"),
        )
    };
    let Some(id) = id else {
        let stage = stage.unwrap_or(CURRENT);
        let staged = secret.staged(stage).map(|(id, _)| id.clone());
        return staged.ok_or_else(|| missing(format!("staging label: {stage}")));
    };
    let version = secret.versions.get(id).ok_or_else(|| missing(format!("VersionId: {id}")))?;
    match stage {
        Some(stage) if !version.stages.iter().any(|label| label == stage) => Err(Fault::new(
            "InvalidRequestException",
            "You provided a VersionStage that is not associated to the provided VersionId.",
        )),
        _ => Ok(id.to_owned()),
    }
}

/// One version's value; notes the day of the access, which is all that AWS keeps of it.
fn read(secret: &mut Secret, id: &str, now: Millis) -> Result<Value, Fault> {
    const DAY: Millis = 24 * 60 * 60 * 1000;
    let today = now - now % DAY;
    secret.accessed_at = Some(today);
    let version = secret.versions.get_mut(id).ok_or_else(super::secret::not_found)?;
    version.accessed_at = Some(today);
    Ok(json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": id,
        "SecretString": version.content.string,
        "SecretBinary": version.content.binary,
        "VersionStages": version.stages,
        "CreatedDate": time(version.created_at),
    }))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct BatchInput {
    secret_id_list: Vec<String>,
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn batch_get_secret_value(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: BatchInput = decode(input)?;
    let now = ctx.now;
    let store = &mut ctx.region.secretsmanager;
    if input.secret_id_list.is_empty() == input.filters.is_empty() {
        return Err(Fault::new("InvalidParameterException", "You must include Filters or SecretIdList, but not both."));
    }
    if input.max_results.is_some() && input.filters.is_empty() {
        return Err(Fault::new("InvalidParameterException", "To use MaxResults, you must also use Filters."));
    }
    let wanted = if input.filters.is_empty() {
        input.secret_id_list
    } else {
        let live = store.secrets.values().filter(|secret| secret.deletion.is_none());
        live.filter(|secret| matches_all(secret, &input.filters)).map(|secret| secret.arn.clone()).collect()
    };
    let page = page(wanted, input.next_token.as_deref(), input.max_results.unwrap_or(20), Clone::clone)
        .ok_or_else(super::describe::invalid_token)?;
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for id in page.items {
        let value = store.find_live(&id).and_then(|secret| {
            let version = choose(secret, None, None)?;
            read(secret, &version, now)
        });
        match value {
            Ok(value) => values.push(value),
            Err(fault) => {
                errors.push(json!({ "SecretId": id, "ErrorCode": fault.code, "Message": fault.message }));
            }
        }
    }
    Ok(json!({ "SecretValues": values, "Errors": errors, "NextToken": page.next }))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct StageInput {
    secret_id: String,
    version_stage: String,
    remove_from_version_id: Option<String>,
    move_to_version_id: Option<String>,
}

pub(super) fn update_secret_version_stage(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: StageInput = decode(input)?;
    let stage = input.version_stage.as_str();
    let now = ctx.now;
    let secret = ctx.region.secretsmanager.find_own(&input.secret_id)?;
    for version in [&input.remove_from_version_id, &input.move_to_version_id].into_iter().flatten() {
        choose(secret, Some(version), None)?;
    }
    check_removal(secret, &input)?;
    match &input.move_to_version_id {
        Some(to) => secret.move_stage(stage, to),
        None if stage == CURRENT => {
            return Err(Fault::new(
                "InvalidParameterException",
                "You can only move staging label AWSCURRENT to a different secret version. It can't be completely \
                 removed.",
            ));
        }
        None => secret.strip_stage(stage),
    }
    secret.changed_at = now;
    Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
}

/// A stage that some version carries moves only if the call names that version.
fn check_removal(secret: &Secret, input: &StageInput) -> Result<(), Fault> {
    let stage = &input.version_stage;
    let from = secret.staged(stage).map(|(id, _)| id.as_str());
    let invalid = |message: String| Err(Fault::new("InvalidParameterException", message));
    match (from, input.remove_from_version_id.as_deref()) {
        (Some(from), None) if input.move_to_version_id.as_deref() != Some(from) => invalid(format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version \
             {from}, so you must explicitly reference that version in RemoveFromVersionId."
        )),
        (from, Some(named)) if from != Some(named) => invalid(format!(
            "Staging label {stage} is not attached to version {named}, so it can't be removed from it."
        )),
        (None, None) if input.move_to_version_id.is_none() => invalid(format!(
            "Neither RemoveFromVersionId nor MoveToVersionId is given, so there is nothing to do for staging label \
             {stage}."
        )),
        _ if stage == PREVIOUS && input.move_to_version_id.is_none() && from.is_none() => {
            invalid(format!("No version carries staging label {stage}."))
        }
        _ => Ok(()),
    }
}
