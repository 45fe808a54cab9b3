//! A secret, its versions and their stages, and how a call names a secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::replication::{Original, Replica};
use crate::local::{
    fault::Fault,
    members::{Sealed, Tags, optional_time, tag_list, time},
    pace::Millis,
};

/// The stage of the version that is in force.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The stage of the version that is about to become the current one.
pub(super) const PENDING: &str = "AWSPENDING";
/// The stage of the version that was in force before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";

/// A secret with all its versions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Secret {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) created_at: Millis,
    pub(super) changed_at: Millis,
    pub(super) accessed_at: Option<Millis>,
    /// When the deletion was asked for, and when it happens.
    pub(super) deletion: Option<Deletion>,
    pub(super) tags: Tags,
    pub(super) versions: BTreeMap<String, Version>,
    pub(super) resource_policy: Option<String>,
    /// Its replicas, by region; a replica has none.
    pub(super) replicas: BTreeMap<String, Replica>,
    /// What it is a replica of.
    pub(super) original: Option<Original>,
    /// The service that it belongs to, where that is another one.
    pub(super) owning_service: Option<String>,
    pub(super) rotated_at: Option<Millis>,
    /// The schedule that somebody gave it, as it was given.
    pub(super) rotation_rules: Option<serde_json::Value>,
    /// The link that it had to a primary secret before it became one itself.
    pub(super) released: Option<String>,
}

/// A scheduled deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Deletion {
    pub(super) asked_at: Millis,
    pub(super) due_at: Millis,
}

/// One version of a secret's value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Version {
    pub(super) content: Content,
    pub(super) stages: Vec<String>,
    pub(super) created_at: Millis,
    pub(super) accessed_at: Option<Millis>,
}

/// What a version holds: text or, in Base64, bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Content {
    pub(super) string: Option<Sealed<String>>,
    pub(super) binary: Option<Sealed<String>>,
}

impl Content {
    /// What a call gives; `None` if it gives nothing.
    pub(super) fn given(string: Option<Sealed<String>>, binary: Option<Sealed<String>>) -> Result<Option<Self>, Fault> {
        match (string, binary) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Fault::new(
                "InvalidParameterException",
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            )),
            (string, binary) => Ok(Some(Self { string, binary })),
        }
    }
}

impl Secret {
    /// The version that carries `stage`.
    pub(super) fn staged(&self, stage: &str) -> Option<(&String, &Version)> {
        self.versions.iter().find(|(_, version)| version.stages.iter().any(|label| label == stage))
    }

    /// Moves `stage` to version `to`; what was current before becomes the previous one.
    pub(super) fn move_stage(&mut self, stage: &str, to: &str) {
        let from = self.staged(stage).map(|(id, _)| id.clone());
        if from.as_deref() == Some(to) {
            return;
        }
        self.strip_stage(stage);
        if stage == CURRENT {
            self.strip_stage(PREVIOUS);
            if let Some(before) = from.and_then(|id| self.versions.get_mut(&id)) {
                before.stages.push(PREVIOUS.to_owned());
            }
        }
        if let Some(version) = self.versions.get_mut(to) {
            version.stages.push(stage.to_owned());
        }
    }

    /// Takes `stage` off whichever version carries it.
    pub(super) fn strip_stage(&mut self, stage: &str) {
        for version in self.versions.values_mut() {
            version.stages.retain(|label| label != stage);
        }
    }

    /// Adds a version, or finds the one that an earlier call with the same token made. The version becomes
    /// the current one if the secret has none yet, whatever stages were asked for.
    pub(super) fn add_version(
        &mut self,
        id: &str,
        content: Content,
        stages: &[String],
        now: Millis,
    ) -> Result<(), Fault> {
        if let Some(version) = self.versions.get(id) {
            return if version.content == content { Ok(()) } else { Err(token_in_use(id, &self.arn)) };
        }
        let first = self.staged(CURRENT).is_none();
        self.versions.insert(id.to_owned(), Version { content, created_at: now, ..Version::default() });
        for stage in stages {
            self.move_stage(stage, id);
        }
        if first {
            self.move_stage(CURRENT, id);
        }
        self.changed_at = now;
        self.forget_deprecated();
        Ok(())
    }

    /// Drops the oldest versions without a stage beyond the hundred that AWS keeps.
    fn forget_deprecated(&mut self) {
        let mut deprecated: Vec<(Millis, String)> = self
            .versions
            .iter()
            .filter(|(_, version)| version.stages.is_empty())
            .map(|(id, version)| (version.created_at, id.clone()))
            .collect();
        deprecated.sort();
        let surplus = deprecated.len().saturating_sub(100);
        for (_, id) in deprecated.into_iter().take(surplus) {
            self.versions.remove(&id);
        }
    }

    /// Refuses what a secret that is scheduled for deletion does not do.
    pub(super) fn check_live(&self) -> Result<(), Fault> {
        match self.deletion {
            None => Ok(()),
            Some(_) => Err(Fault::new(
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.",
            )),
        }
    }

    /// The region of the primary secret, where there is more than this one.
    pub(super) fn primary_region(&self) -> Option<&str> {
        let own = || self.arn.split(':').nth(3).filter(|_| !self.replicas.is_empty());
        self.original.as_ref().map(|original| original.region.as_str()).or_else(own)
    }

    /// The members that DescribeSecret and ListSecrets share; `versions` is the stage map's name.
    pub(super) fn describe(&self, versions: &str) -> Value {
        let stages: serde_json::Map<String, Value> = self
            .versions
            .iter()
            .filter(|(_, version)| !version.stages.is_empty())
            .map(|(id, version)| (id.clone(), json!(version.stages)))
            .collect();
        let mut members = json!({
            "ARN": self.arn,
            "Name": self.name,
            "Description": self.description,
            "KmsKeyId": self.kms_key_id,
            "LastChangedDate": time(self.changed_at),
            "LastAccessedDate": optional_time(self.accessed_at),
            "DeletedDate": optional_time(self.deletion.map(|deletion| deletion.asked_at)),
            "Tags": tag_list(&self.tags),
            "CreatedDate": time(self.created_at),
            "PrimaryRegion": self.primary_region(),
        });
        self.describe_management(&mut members);
        if !stages.is_empty() {
            members[versions] = Value::Object(stages);
        }
        members
    }
}

/// A client token that stands for another value already.
fn token_in_use(token: &str, arn: &str) -> Fault {
    Fault::new(
        "ResourceExistsException",
        format!(
            "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}."
        ),
    )
}

/// No secret of that name or ARN.
pub(super) fn not_found() -> Fault {
    Fault::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}
