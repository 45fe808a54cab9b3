//! CreateSecret and UpdateSecret.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    replica::{self, Wanted},
    secret::{CURRENT, Content, Secret},
};
use crate::local::{
    fault::Fault,
    kms,
    members::{Sealed, Tag, decode, merge_tags, random_text, random_uuid},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    name: String,
    secret_id: String,
    client_request_token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    secret_string: Option<Sealed<String>>,
    secret_binary: Option<Sealed<String>>,
    tags: Vec<Tag>,
    add_replica_regions: Vec<Wanted>,
    force_overwrite_replica_secret: bool,
}

pub(super) fn create_secret(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    check_name(&input.name)?;
    check_key(input.kms_key_id.as_deref())?;
    super::label::check_tags(&input.tags)?;
    let content = Content::given(input.secret_string, input.secret_binary)?;
    let version = input.client_request_token.unwrap_or_else(random_uuid);
    if let Some(secret) = ctx.region.secretsmanager.secrets.get(&input.name) {
        return existing(secret, &version, content.as_ref());
    }
    let mut secret = Secret {
        arn: arn(ctx, &input.name),
        name: input.name.clone(),
        description: input.description,
        kms_key_id: input.kms_key_id.filter(|key| !key.is_empty()),
        created_at: ctx.now,
        changed_at: ctx.now,
        ..Secret::default()
    };
    merge_tags(&mut secret.tags, input.tags);
    let at = (ctx.region_name, replica::due(ctx));
    secret.add_replicas(input.add_replica_regions, input.force_overwrite_replica_secret, at)?;
    let mut output =
        json!({ "ARN": secret.arn, "Name": secret.name, "ReplicationStatus": secret.replication_status() });
    if let Some(content) = content {
        secret.add_version(&version, content, &[CURRENT.to_owned()], ctx.now)?;
        output["VersionId"] = json!(version);
    }
    ctx.region.secretsmanager.secrets.insert(input.name, secret);
    Ok(output)
}

/// The answer when the name is taken: the same secret again if this is the same request again.
fn existing(secret: &Secret, version: &str, content: Option<&Content>) -> Result<Value, Fault> {
    if secret.deletion.is_some() {
        return Err(Fault::new(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ));
    }
    match (secret.versions.get(version), content) {
        (Some(known), Some(content)) if known.content == *content => {
            let status = secret.replication_status();
            Ok(json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": version, "ReplicationStatus": status }))
        }
        _ => Err(Fault::new(
            "ResourceExistsException",
            format!("The operation failed because the secret {} already exists.", secret.name),
        )),
    }
}

/// `UpdateSecret`: of a replica the key alone.
pub(super) fn update_secret(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    check_key(input.kms_key_id.as_deref())?;
    let content = Content::given(input.secret_string, input.secret_binary)?;
    let now = ctx.now;
    let secret = ctx.region.secretsmanager.find_live(&input.secret_id)?;
    secret.check_unmanaged()?;
    if content.is_some() || input.description.is_some() || input.kms_key_id.is_none() {
        secret.check_primary()?;
    }
    let mut output = json!({ "ARN": secret.arn, "Name": secret.name });
    if let Some(content) = content {
        let version = input.client_request_token.unwrap_or_else(random_uuid);
        secret.add_version(&version, content, &[CURRENT.to_owned()], now)?;
        output["VersionId"] = json!(version);
    }
    if input.description.is_some() {
        secret.description = input.description;
    }
    if input.kms_key_id.is_some() {
        secret.kms_key_id = input.kms_key_id.filter(|key| !key.is_empty());
    }
    if secret.original.is_none() {
        secret.changed_at = now;
    }
    Ok(output)
}

/// Letters, digits and `/_+=.@-!`, at most 512, as AWS writes it down for secret names.
fn check_name(name: &str) -> Result<(), Fault> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "/_+=.@-!".contains(character);
    if !name.is_empty() && name.len() <= 512 && name.chars().all(allowed) {
        return Ok(());
    }
    Err(Fault::new(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    ))
}

/// Refuses what cannot be the name of a key.
fn check_key(key: Option<&str>) -> Result<(), Fault> {
    match key.filter(|key| !key.is_empty() && !kms::is_key(key)) {
        None => Ok(()),
        Some(key) => Err(Fault::new(
            "EncryptionFailure",
            format!(
                "Secrets Manager can't encrypt the protected secret text using the KMS key {key}. Check that the key is \
                 available, enabled, and not in an invalid state."
            ),
        )),
    }
}

/// A new secret's ARN: its name and six random characters, so that a successor is not taken for it.
pub(super) fn arn(ctx: &Ctx<'_>, name: &str) -> String {
    let end = random_text(6, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    format!("arn:aws:secretsmanager:{}:{}:secret:{name}-{end}", ctx.region_name, ctx.account)
}
