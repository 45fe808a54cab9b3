//! Secrets that another service makes, keeps and removes; everybody reads them, and nobody else changes what they hold.

use serde_json::{Value, json};

use super::{
    Store, create,
    secret::{CURRENT, Content, PENDING, Secret},
};
use crate::local::{
    fault::Fault,
    members::{Sealed, Tags, optional_time, random_uuid},
    pace::Millis,
    world::Ctx,
};

/// A secret that a service wants to have.
pub(crate) struct Wanted {
    /// The service, as `OwningService` shows it.
    pub(crate) service: &'static str,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) text: String,
}

/// Makes a service's secret, and answers its ARN.
pub(crate) fn make(ctx: &mut Ctx<'_>, wanted: Wanted) -> Result<String, Fault> {
    let mut secret = Secret {
        arn: create::arn(ctx, &wanted.name),
        name: wanted.name.clone(),
        description: Some(wanted.description),
        kms_key_id: wanted.kms_key_id,
        created_at: ctx.now,
        tags: wanted.tags,
        owning_service: Some(wanted.service.to_owned()),
        ..Secret::default()
    };
    secret.add_version(&random_uuid(), content(wanted.text), &[CURRENT.to_owned()], ctx.now)?;
    let arn = secret.arn.clone();
    ctx.region.secretsmanager.secrets.insert(wanted.name, secret);
    Ok(arn)
}

/// Gives a service's secret a new version, which is to become the current one: see [`Store::promote`].
pub(crate) fn renew(ctx: &mut Ctx<'_>, arn: &str, text: String) -> Result<(), Fault> {
    let now = ctx.now;
    let secret = ctx.region.secretsmanager.find(arn)?;
    secret.add_version(&random_uuid(), content(text), &[PENDING.to_owned()], now)
}

impl Store {
    /// Makes the new version of a service's secret the current one, now that it is good for what it opens.
    pub(crate) fn promote(&mut self, arn: &str, now: Millis) {
        let Some(secret) = self.secrets.values_mut().find(|secret| secret.arn == arn) else { return };
        let Some(id) = secret.staged(PENDING).map(|(id, _)| id.clone()) else { return };
        secret.strip_stage(PENDING);
        secret.move_stage(CURRENT, &id);
        secret.rotated_at = Some(now);
        secret.changed_at = now;
    }

    /// Removes a service's secret at once.
    pub(crate) fn remove_managed(&mut self, arn: &str) {
        self.secrets.retain(|_, secret| secret.arn != arn);
    }
}

fn content(text: String) -> Content {
    Content { string: Some(Sealed(text)), binary: None }
}

impl Secret {
    /// Refuses what only the service may do that the secret belongs to.
    pub(super) fn check_unmanaged(&self) -> Result<(), Fault> {
        match &self.owning_service {
            None => Ok(()),
            Some(service) => Err(Fault::new(
                "InvalidRequestException",
                format!(
                    "You can't perform this operation on the secret because it is managed by another service ({service}). \
                     Use that service to change it."
                ),
            )),
        }
    }

    /// What a description shows of a service's secret: it is the service that rotates it.
    pub(super) fn describe_management(&self, members: &mut Value) {
        if let Some(service) = &self.owning_service {
            members["OwningService"] = json!(service);
            members["RotationEnabled"] = json!(true);
            members["RotationRules"] = self.rotation_rules.clone().unwrap_or(json!({ "AutomaticallyAfterDays": 7 }));
            members["LastRotatedDate"] = optional_time(self.rotated_at);
        }
    }
}
