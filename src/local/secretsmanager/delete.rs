//! DeleteSecret with its recovery window, and RestoreSecret.

use serde::Deserialize;
use serde_json::{Value, json};

use super::secret::Deletion;
use crate::local::{
    fault::Fault,
    members::{decode, time},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    secret_id: String,
    recovery_window_in_days: Option<i64>,
    force_delete_without_recovery: bool,
}

pub(super) fn delete_secret(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if input.force_delete_without_recovery {
        return delete_now(ctx, &input);
    }
    let days = u64::try_from(input.recovery_window_in_days.unwrap_or(30)).ok().filter(|days| (7..=30).contains(days));
    let days = days.ok_or_else(|| {
        Fault::new(
            "InvalidParameterException",
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
        )
    })?;
    let now = ctx.now;
    let secret = ctx.region.secretsmanager.find_own(&input.secret_id)?;
    secret.check_no_replicas()?;
    let due_at = now + days * 24 * 60 * 60 * 1000;
    secret.deletion = Some(Deletion { asked_at: now, due_at });
    Ok(json!({ "ARN": secret.arn, "Name": secret.name, "DeletionDate": time(due_at) }))
}

/// Deletes for good. AWS does not refuse this for a secret that does not exist.
fn delete_now(ctx: &mut Ctx<'_>, input: &Input) -> Result<Value, Fault> {
    if input.recovery_window_in_days.is_some() {
        return Err(Fault::new(
            "InvalidParameterException",
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let deletion_date = time(ctx.now);
    let store = &mut ctx.region.secretsmanager;
    if let Some(secret) = store.secret(&input.secret_id) {
        secret.check_primary()?;
        secret.check_unmanaged()?;
        secret.check_no_replicas()?;
    }
    if let Some(secret) = store.name_of(&input.secret_id).and_then(|name| store.secrets.remove(&name)) {
        return Ok(json!({ "ARN": secret.arn, "Name": secret.name, "DeletionDate": deletion_date }));
    }
    if input.secret_id.starts_with("arn:") {
        return Err(super::secret::not_found());
    }
    let arn = super::create::arn(ctx, &input.secret_id);
    Ok(json!({ "ARN": arn, "Name": input.secret_id, "DeletionDate": deletion_date }))
}

pub(super) fn restore_secret(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find(&input.secret_id)?;
    secret.check_primary()?;
    secret.deletion = None;
    Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
}
