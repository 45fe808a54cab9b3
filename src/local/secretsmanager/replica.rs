//! ReplicateSecretToRegions, RemoveRegionsFromReplication and StopReplicationToReplica.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    replication::{Replica, Stage},
    secret::Secret,
};
use crate::local::{
    ec2::region_names,
    fault::Fault,
    members::{decode, optional_time, random_uuid},
    pace::Millis,
    world::Ctx,
};

/// About how long AWS takes to make a replica.
const REPLICATION: Duration = Duration::from_secs(5);

/// A region that a secret is to be replicated to.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Wanted {
    #[serde(default)]
    region: String,
    kms_key_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    secret_id: String,
    add_replica_regions: Vec<Wanted>,
    force_overwrite_replica_secret: bool,
    remove_replica_regions: Vec<String>,
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterException", message)
}

impl Secret {
    /// Adds replicas, to be there when their time has come.
    pub(super) fn add_replicas(
        &mut self,
        wanted: Vec<Wanted>,
        overwrites: bool,
        ctx: (&str, Millis),
    ) -> Result<(), Fault> {
        let (home, until) = ctx;
        for (index, one) in wanted.iter().enumerate() {
            let is_twice = wanted[..index].iter().any(|other| other.region == one.region);
            if one.region == home || is_twice || !region_names().any(|name| name == one.region) {
                return Err(invalid("Invalid replica region."));
            }
            let known = self.replicas.get(&one.region);
            if known.is_some_and(|replica| !matches!(replica.stage, Stage::Failed { .. })) {
                return Err(invalid(format!("The secret is already replicated to region {}.", one.region)));
            }
        }
        for Wanted { region, kms_key_id } in wanted {
            let replica = Replica {
                link: random_uuid(),
                kms_key_id: kms_key_id.filter(|key| !key.is_empty()),
                overwrites,
                stage: Stage::InProgress { until },
                accessed_at: None,
            };
            self.replicas.insert(region, replica);
        }
        Ok(())
    }

    /// Where its replicas are and how far; nothing where it has none.
    pub(super) fn replication_status(&self) -> Value {
        let status = |(region, replica): (&String, &Replica)| {
            let (status, message) = match &replica.stage {
                Stage::InProgress { .. } => ("InProgress", None),
                Stage::InSync => ("InSync", Some("Replication succeeded")),
                Stage::Failed { message } => ("Failed", Some(message.as_str())),
            };
            json!({
                "Region": region,
                "KmsKeyId": replica.kms_key_id.as_deref().unwrap_or("alias/aws/secretsmanager"),
                "Status": status,
                "StatusMessage": message,
                "LastAccessedDate": optional_time(replica.accessed_at),
            })
        };
        if self.replicas.is_empty() { Value::Null } else { self.replicas.iter().map(status).collect() }
    }

    /// Refuses to delete a secret before its replicas.
    pub(super) fn check_no_replicas(&self) -> Result<(), Fault> {
        if self.replicas.is_empty() {
            return Ok(());
        }
        let regions: Vec<&str> = self.replicas.keys().map(String::as_str).collect();
        let arn = &self.arn;
        Err(invalid(format!("You can't delete secret {arn} that still has replica regions [{}].", regions.join(", "))))
    }

    /// Refuses what only the primary secret does.
    pub(super) fn check_primary(&self) -> Result<(), Fault> {
        match self.original {
            None => Ok(()),
            Some(_) => Err(invalid(
                "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
            )),
        }
    }
}

/// The moment at which a replica that is asked for now is there.
pub(super) fn due(ctx: &Ctx<'_>) -> Millis {
    ctx.pace.after(ctx.now, REPLICATION)
}

pub(super) fn replicate_secret_to_regions(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let at = (ctx.region_name, due(ctx));
    let secret = ctx.region.secretsmanager.find_changing(&input.secret_id)?;
    secret.add_replicas(input.add_replica_regions, input.force_overwrite_replica_secret, at)?;
    Ok(json!({ "ARN": secret.arn, "ReplicationStatus": secret.replication_status() }))
}

pub(super) fn remove_regions_from_replication(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find_changing(&input.secret_id)?;
    if let Some(strange) = input.remove_replica_regions.iter().find(|region| !secret.replicas.contains_key(*region)) {
        return Err(invalid(format!("The secret is not replicated to region {strange}.")));
    }
    secret.replicas.retain(|region, _| !input.remove_replica_regions.contains(region));
    let status = secret.replication_status();
    Ok(json!({ "ARN": secret.arn, "ReplicationStatus": if status.is_null() { json!([]) } else { status } }))
}

/// `StopReplicationToReplica`: called in the replica's region, which has a secret of its own afterwards.
pub(super) fn stop_replication_to_replica(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find_live(&input.secret_id)?;
    let Some(original) = secret.original.take() else {
        let message = "You can't stop replication to this secret because it is not a replica.";
        return Err(Fault::new("InvalidRequestException", message));
    };
    secret.released = Some(original.link);
    Ok(json!({ "ARN": secret.arn }))
}
