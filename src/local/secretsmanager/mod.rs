//! Secrets Manager: secrets with versions and stages, scheduled deletion, policies, random passwords.
//!
//! A scheduled deletion takes its days in real time at every pace: a recovery window that passes at once
//! would not let anything be recovered.

mod create;
mod delete;
mod describe;
mod label;
pub(crate) mod managed;
mod password;
mod replica;
mod replication;
mod rotation;
mod secret;
mod value;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{fault::Fault, inventory::Item, pace::Millis, service::Service};
pub(crate) use replication::replicate;
pub(crate) use secret::Secret;
pub(crate) use value::get_secret_value;

/// The secrets of one region, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    secrets: BTreeMap<String, Secret>,
}

impl Store {
    /// Removes the secrets whose recovery window is over.
    pub(crate) fn settle(&mut self, now: Millis) {
        self.secrets.retain(|_, secret| secret.deletion.is_none_or(|deletion| deletion.due_at > now));
    }

    /// Every secret, those scheduled for deletion included: they keep their names.
    pub(crate) fn inventory(&self) -> Vec<Item> {
        let item = |secret: &Secret| Item {
            service: "secretsmanager",
            kind: "secret",
            id: secret.arn.clone(),
            name: secret.name.clone(),
            state: if secret.deletion.is_some() { "scheduled for deletion" } else { "exists" }.to_owned(),
            tags: secret.tags.clone(),
        };
        self.secrets.values().map(item).collect()
    }

    /// The text of a secret's current version, as a service with the right to read it gets it: nothing
    /// while the secret is scheduled for deletion.
    pub(crate) fn current_secret_string(&self, arn_or_name: &str) -> Option<&str> {
        self.secret_string(arn_or_name, None, None)
    }

    /// The same of the version with a stage or an id, where one is given.
    pub(crate) fn secret_string(&self, arn_or_name: &str, stage: Option<&str>, version: Option<&str>) -> Option<&str> {
        let secret = self.secrets.get(&self.name_of(arn_or_name)?).filter(|secret| secret.deletion.is_none())?;
        let version = match version {
            Some(id) => secret.versions.get(id)?,
            None => secret.staged(stage.unwrap_or(secret::CURRENT))?.1,
        };
        version.content.string.as_ref().map(|text| text.0.as_str())
    }

    /// The secret that a name, an ARN or an ARN without its random end means, scheduled for deletion or not.
    pub(crate) fn secret(&self, arn_or_name: &str) -> Option<&Secret> {
        self.secrets.get(&self.name_of(arn_or_name)?)
    }

    /// The name under which the secret of this name, ARN or partial ARN is kept.
    fn name_of(&self, arn_or_name: &str) -> Option<String> {
        if self.secrets.contains_key(arn_or_name) {
            return Some(arn_or_name.to_owned());
        }
        let secret = self.secrets.values().find(|secret| {
            secret.arn == arn_or_name
                || secret.arn.strip_prefix(arn_or_name).is_some_and(|end| end.len() == 7 && end.starts_with('-'))
        })?;
        Some(secret.name.clone())
    }

    /// The secret that a call means, or AWS's refusal.
    fn find(&mut self, arn_or_name: &str) -> Result<&mut Secret, Fault> {
        let name = self.name_of(arn_or_name).ok_or_else(secret::not_found)?;
        self.secrets.get_mut(&name).ok_or_else(secret::not_found)
    }

    /// The same, refused while the secret is scheduled for deletion.
    fn find_live(&mut self, arn_or_name: &str) -> Result<&mut Secret, Fault> {
        let secret = self.find(arn_or_name)?;
        secret.check_live()?;
        Ok(secret)
    }

    /// The same, to be changed: a replica is changed by its primary secret alone.
    fn find_changing(&mut self, arn_or_name: &str) -> Result<&mut Secret, Fault> {
        let secret = self.find_live(arn_or_name)?;
        secret.check_primary()?;
        Ok(secret)
    }

    /// The same, for what a secret holds and whether it is: that of another service is changed by that service alone.
    fn find_own(&mut self, arn_or_name: &str) -> Result<&mut Secret, Fault> {
        let secret = self.find_changing(arn_or_name)?;
        secret.check_unmanaged()?;
        Ok(secret)
    }
}

/// The service's actions.
pub(crate) static SERVICE: Service = Service {
    name: "secretsmanager",
    actions: &[
        ("CreateSecret", create::create_secret),
        ("UpdateSecret", create::update_secret),
        ("PutSecretValue", value::put_secret_value),
        ("GetSecretValue", value::get_secret_value),
        ("BatchGetSecretValue", value::batch_get_secret_value),
        ("UpdateSecretVersionStage", value::update_secret_version_stage),
        ("DescribeSecret", describe::describe_secret),
        ("ListSecrets", describe::list_secrets),
        ("ListSecretVersionIds", describe::list_secret_version_ids),
        ("DeleteSecret", delete::delete_secret),
        ("RestoreSecret", delete::restore_secret),
        ("ReplicateSecretToRegions", replica::replicate_secret_to_regions),
        ("RemoveRegionsFromReplication", replica::remove_regions_from_replication),
        ("StopReplicationToReplica", replica::stop_replication_to_replica),
        ("RotateSecret", rotation::rotate),
        ("CancelRotateSecret", rotation::cancel),
        ("GetRandomPassword", password::get_random_password),
        ("TagResource", label::tag_resource),
        ("UntagResource", label::untag_resource),
        ("PutResourcePolicy", label::put_resource_policy),
        ("GetResourcePolicy", label::get_resource_policy),
        ("DeleteResourcePolicy", label::delete_resource_policy),
        ("ListResourcePolicies", label::list_resource_policies),
        ("ValidateResourcePolicy", label::validate_resource_policy),
    ],
    runs: &[],
};

#[cfg(test)]
mod tests;
