//! DescribeSecret, ListSecrets with its filters, ListSecretVersionIds.

use serde::Deserialize;
use serde_json::{Value, json};

use super::secret::Secret;
use crate::local::{
    fault::Fault,
    members::{decode, optional_time, page, time},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    secret_id: String,
    include_deprecated: bool,
    include_planned_deletion: bool,
    filters: Vec<Filter>,
    sort_order: Option<String>,
    sort_by: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// A condition on secrets: any of the values, or with a leading `!` none of them.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Filter {
    key: String,
    values: Vec<String>,
}

pub(super) fn describe_secret(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find(&input.secret_id)?;
    let mut members = secret.describe("VersionIdsToStages");
    members["ReplicationStatus"] = secret.replication_status();
    Ok(members)
}

pub(super) fn list_secrets(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let mut secrets: Vec<&Secret> = ctx
        .region
        .secretsmanager
        .secrets
        .values()
        .filter(|secret| input.include_planned_deletion || secret.deletion.is_none())
        .filter(|secret| matches_all(secret, &input.filters))
        .collect();
    match input.sort_by.as_deref() {
        Some("name") => {}
        Some("last-changed-date") => secrets.sort_by_key(|secret| secret.changed_at),
        Some("last-accessed-date") => secrets.sort_by_key(|secret| secret.accessed_at),
        _ => secrets.sort_by_key(|secret| secret.created_at),
    }
    if input.sort_order.as_deref() == Some("desc") {
        secrets.reverse();
    }
    let limit = input.max_results.unwrap_or(100);
    let page =
        page(secrets, input.next_token.as_deref(), limit, |secret| secret.name.clone()).ok_or_else(invalid_token)?;
    let list: Vec<Value> = page.items.into_iter().map(|secret| secret.describe("SecretVersionsToStages")).collect();
    Ok(json!({ "SecretList": list, "NextToken": page.next }))
}

pub(super) fn list_secret_version_ids(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find(&input.secret_id)?;
    let versions =
        secret.versions.iter().filter(|(_, version)| input.include_deprecated || !version.stages.is_empty()).collect();
    let page = page(versions, input.next_token.as_deref(), input.max_results.unwrap_or(100), |(id, _)| (*id).clone())
        .ok_or_else(invalid_token)?;
    let key = secret.kms_key_id.as_deref().unwrap_or("DefaultEncryptionKey");
    let versions: Vec<Value> = page
        .items
        .into_iter()
        .map(|(id, version)| {
            json!({
                "VersionId": id,
                "VersionStages": if version.stages.is_empty() { Value::Null } else { json!(version.stages) },
                "LastAccessedDate": optional_time(version.accessed_at),
                "CreatedDate": time(version.created_at),
                "KmsKeyIds": [key],
            })
        })
        .collect();
    Ok(json!({ "ARN": secret.arn, "Name": secret.name, "Versions": versions, "NextToken": page.next }))
}

/// Whether a secret passes every filter.
pub(super) fn matches_all(secret: &Secret, filters: &[Filter]) -> bool {
    filters.iter().all(|filter| filter.matches(secret))
}

impl Filter {
    fn matches(&self, secret: &Secret) -> bool {
        let (without, with): (Vec<_>, Vec<_>) = self.values.iter().partition(|value| value.starts_with('!'));
        without.iter().all(|value| !self.matches_value(secret, &value[1..]))
            && (with.is_empty() || with.iter().any(|value| self.matches_value(secret, value)))
    }

    /// Prefixes; only names, tags and regions tell capitals from small letters.
    fn matches_value(&self, secret: &Secret, value: &str) -> bool {
        let description = secret.description.as_deref().unwrap_or_default();
        let lowercase = value.to_lowercase();
        match self.key.as_str() {
            "name" => secret.name.starts_with(value),
            "description" => {
                description.to_lowercase().split_whitespace().any(|word| word.starts_with(&lowercase))
                    || description.to_lowercase().starts_with(&lowercase)
            }
            "tag-key" => secret.tags.keys().any(|key| key.starts_with(value)),
            "tag-value" => secret.tags.values().any(|text| text.starts_with(value)),
            "all" => {
                let tags = secret.tags.iter().flat_map(|(key, text)| [key.as_str(), text.as_str()]);
                let texts: Vec<String> =
                    tags.chain([secret.name.as_str(), description]).map(str::to_lowercase).collect();
                lowercase.split_whitespace().all(|word| texts.iter().any(|text| text.contains(word)))
            }
            "primary-region" => secret.primary_region().is_some_and(|region| region.starts_with(value)),
            "owning-service" => secret.owning_service.as_ref().is_some_and(|service| service.starts_with(value)),
            _ => false,
        }
    }
}

/// A `NextToken` that no answer gave.
pub(super) fn invalid_token() -> Fault {
    Fault::new("InvalidNextTokenException", "The NextToken value is invalid.")
}
