//! The master user's password, in a secret that RDS keeps (`ManageMasterUserPassword`): it is made with the cluster or later,
//! rotated when somebody asks, and goes with the cluster.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Cluster;
use crate::local::rds::{
    Store,
    input::{Input, combination},
    phase::{Password, Phase},
    rules, times,
};
use crate::local::{
    fault::Fault,
    members::{Tags, random_text, random_uuid},
    secretsmanager::managed,
    world::Ctx,
};

/// What a new password is made of: everything that RDS takes, but for blanks, quotes and backslashes.
const CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+,-.:;<=>?[]^_{|}~";

/// The secret of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MasterSecret {
    arn: String,
    kms_key_id: String,
}

impl MasterSecret {
    /// `MasterUserSecret`
    pub(super) fn view(&self, phase: &Phase) -> Value {
        let status = match phase.status.as_str() {
            "creating" => "creating",
            "resetting-master-credentials" => "rotating",
            _ => "active",
        };
        json!({"SecretArn": self.arn, "SecretStatus": status, "KmsKeyId": self.kms_key_id})
    }
}

impl Cluster {
    /// The ARN of its secret, if RDS keeps its password.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.master_secret.as_ref().map(|secret| secret.arn.as_str())
    }
}

impl Store {
    /// The secrets of the clusters whose servers have the last password that was made.
    pub(crate) fn settled_secrets(&self) -> impl Iterator<Item = &str> {
        let settled = self.clusters.values().filter(|cluster| cluster.progress.complete());
        settled.filter_map(Cluster::secret)
    }
}

/// What a call asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// RDS takes the password over.
    Begin,
    /// RDS makes another one.
    Rotate,
    /// The password that the call gives is kept by who gave it.
    End,
}

impl Change {
    /// What a call asks of a cluster whose password RDS keeps (`managed`), or does not; refused where it contradicts itself.
    pub(super) fn of(input: &Input, managed: bool) -> Result<Self, Fault> {
        let wanted = input.flag("ManageMasterUserPassword");
        let rotates = input.flag("RotateMasterUserPassword") == Some(true);
        let after = wanted.unwrap_or(managed);
        if after && input.has("MasterUserPassword") {
            return Err(combination("You can't specify MasterUserPassword when ManageMasterUserPassword is enabled."));
        }
        if managed && !after && !input.has("MasterUserPassword") {
            return Err(combination("You must specify MasterUserPassword when ManageMasterUserPassword is disabled."));
        }
        if input.has("MasterUserSecretKmsKeyId") && (managed || !after) {
            return Err(combination(
                "You can specify MasterUserSecretKmsKeyId only when you turn on ManageMasterUserPassword.",
            ));
        }
        if rotates && !(managed && after) {
            return Err(combination(
                "You can specify RotateMasterUserPassword only when the master user password is managed by RDS.",
            ));
        }
        if rotates && input.flag("ApplyImmediately") != Some(true) {
            return Err(combination("You must specify ApplyImmediately when you specify RotateMasterUserPassword."));
        }
        if let Some(key) = input.text("MasterUserSecretKmsKeyId") {
            rules::key(key)?;
        }
        Ok(match (managed, after) {
            (false, true) => Self::Begin,
            (true, false) => Self::End,
            _ if rotates => Self::Rotate,
            _ => Self::None,
        })
    }

    /// Does it, to a cluster that is being made or changed.
    pub(super) fn apply(&self, ctx: &mut Ctx<'_>, cluster: &mut Cluster, input: &Input) -> Result<(), Fault> {
        match self {
            Self::None => Ok(()),
            Self::Begin => begin(ctx, cluster, input.text("MasterUserSecretKmsKeyId")),
            Self::Rotate => rotate(ctx, cluster),
            Self::End => {
                remove(ctx, cluster);
                Ok(())
            }
        }
    }
}

fn begin(ctx: &mut Ctx<'_>, cluster: &mut Cluster, kms_key_id: Option<&str>) -> Result<(), Fault> {
    cluster.password = new_password();
    let tags: Tags =
        [("aws:rds:primaryDBClusterArn", cluster.arn.as_str()), ("aws:secretsmanager:owningService", "rds")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
    let wanted = managed::Wanted {
        service: "rds",
        name: format!("rds!cluster-{}", random_uuid()),
        description: format!("The secret associated with the primary RDS DB cluster: {}", cluster.arn),
        kms_key_id: kms_key_id.map(str::to_owned),
        tags,
        text: text(cluster),
    };
    let kms_key_id = ctx.key_arn(kms_key_id.unwrap_or("alias/aws/secretsmanager"));
    let arn = managed::make(ctx, wanted)?;
    cluster.master_secret = Some(MasterSecret { arn, kms_key_id });
    Ok(())
}

fn rotate(ctx: &mut Ctx<'_>, cluster: &mut Cluster) -> Result<(), Fault> {
    let Some(secret) = cluster.master_secret.clone() else { return Ok(()) };
    cluster.password = new_password();
    managed::renew(ctx, &secret.arn, text(cluster))
}

/// Removes the secret of a cluster that has one.
fn remove(ctx: &mut Ctx<'_>, cluster: &mut Cluster) {
    if let Some(secret) = cluster.master_secret.take() {
        ctx.region.secretsmanager.remove_managed(&secret.arn);
    }
}

/// `RotateSecret` of Secrets Manager, for the secret of a cluster.
pub(crate) fn rotate_master_secret(ctx: &mut Ctx<'_>, arn: &str) -> Result<(), Fault> {
    let kept = |cluster: &&Cluster| cluster.master_secret.as_ref().is_some_and(|secret| secret.arn == arn);
    let Some(cluster) = ctx.region.rds.clusters.values().find(kept) else { return Ok(()) };
    let mut cluster = ctx.region.rds.available_cluster(&cluster.identifier)?.clone();
    rotate(ctx, &mut cluster)?;
    let until = ctx.pace.after(ctx.now, times::PASSWORD);
    cluster.phase = Phase::until("resetting-master-credentials", until, "available");
    cluster.progress.want();
    ctx.region.rds.clusters.insert(cluster.identifier.clone(), cluster);
    Ok(())
}

fn new_password() -> Password {
    Password(random_text(32, CHARACTERS))
}

/// What the secret holds.
fn text(cluster: &Cluster) -> String {
    json!({"username": cluster.username, "password": cluster.password.0}).to_string()
}
