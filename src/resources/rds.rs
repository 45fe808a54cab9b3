//! What the kinds of RDS share: words for states, and the events that explain a failure.

use std::time::Duration;

use aws_sdk_rds::types::SourceType;
use serde::{Serialize as _, Serializer};

use crate::{
    aws::Clients,
    engine::{Anything, Phase, Ref},
};

/// What RDS leaves out of an answer counts as it should be.
pub(super) fn or_untold<S: Serializer>(told: &Option<String>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match told {
        Some(told) => serializer.serialize_str(told),
        None => Ref::<Anything>::untold().serialize(serializer),
    }
}

/// How far back RDS is asked for events, in minutes.
const EVENTS_SINCE: i32 = 24 * 60;

/// How many of them are told.
const EVENTS: usize = 3;

/// States in which a cluster or an instance can be used, although AWS does something beside.
const USABLE: &[&str] = &["available", "backing-up", "storage-optimization"];

/// States that RDS does not leave by itself, and that a new one would come to as well: what has to be mended.
const BLOCKED: &[(&str, &str)] = &[
    (
        "incompatible-parameters",
        "A parameter does not fit the engine or its memory: correct `database.parameters`, deploy, and reboot the instance \
         (`aws rds reboot-db-instance`).",
    ),
    (
        "incompatible-network",
        "RDS cannot use its subnets: see that they are there and have free addresses (`aws ec2 describe-subnets`).",
    ),
    ("incompatible-option-group", "Its option group does not fit the engine."),
    (
        "incompatible-credentials",
        "RDS cannot use the key of its password: see the secret and the key that encrypts it.",
    ),
    ("storage-full", "Its storage is full: delete data, or give it more."),
    (
        "inaccessible-encryption-credentials-recoverable",
        "RDS cannot use the key that encrypts it. Enable that key (`aws kms enable-key`) and let its policy allow RDS, then \
         start the cluster (`aws rds start-db-cluster`) within seven days.",
    ),
    (
        "inaccessible-encryption-credentials",
        "RDS cannot use the key that encrypts it, and has given up on that: what is in it can only be restored from a backup \
         whose key is there.",
    ),
];

/// How long RDS may take to show that such a thing was mended.
const MENDED: Duration = Duration::from_secs(60);

/// States that RDS does not leave by itself, and that a new one may never come to.
const FAILED: &[&str] = &[
    "failed",
    "cloning-failed",
    "migration-failed",
    "restore-error",
    "incompatible-restore",
    "insufficient-capacity",
    "insufficient-resource-limits",
    "suspended",
];

/// What a cluster's, an instance's or a proxy's status means.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html>
fn phase(source: &SourceType, status: &str) -> Phase {
    if let Some((_, remedy)) = BLOCKED.iter().find(|(blocked, _)| *blocked == status) {
        // A proxy stays as it was made; another one looks at its network anew.
        return match source {
            SourceType::DbProxy => Phase::Failed(status.to_owned()),
            _ => Phase::blocked(status, *remedy, MENDED),
        };
    }
    match status {
        _ if USABLE.contains(&status) => Phase::Ready,
        _ if FAILED.contains(&status) => Phase::Failed(status.to_owned()),
        "deleting" => Phase::Deleting(status.to_owned()),
        // RDS refuses every change of it, and starts it by itself only after seven days.
        "stopped" => Phase::Stopped(status.to_owned()),
        _ => Phase::Changing(status.to_owned()),
    }
}

/// The phase; where RDS does not go on, with the last things that it reported of the resource.
pub(super) async fn explained(aws: &Clients, source: SourceType, identifier: &str, status: &str) -> Phase {
    match phase(&source, status) {
        Phase::Failed(_) => {
            let told = events(aws, source, identifier).await;
            Phase::Failed(format!("its state is `{status}`{told}"))
        }
        Phase::Blocked { cause, why, patience } => {
            let told = events(aws, source, identifier).await;
            Phase::blocked(cause, format!("its state is `{status}`. {why}{told}"), patience)
        }
        other => other,
    }
}

/// The last events of the resource, one a line. The explanation is an extra: without it the state itself is still to be
/// reported.
async fn events(aws: &Clients, source: SourceType, identifier: &str) -> String {
    let events = aws.rds.describe_events().source_type(source).source_identifier(identifier).duration(EVENTS_SINCE);
    // From old to new, a hundred a page.
    let pages = events.into_paginator().send().try_collect().await.unwrap_or_default();
    let events: Vec<_> = pages.into_iter().flat_map(|page| page.events.unwrap_or_default()).collect();
    let told: Vec<&str> = events.iter().filter_map(|event| event.message()).collect();
    match told.split_at(told.len().saturating_sub(EVENTS)).1 {
        [] => "\nRDS reports no events of the last day.".to_owned(),
        last => format!("\nRDS reports:\n    {}", last.join("\n    ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        let cases = [
            ("available", Phase::Ready),
            ("creating", Phase::Changing("creating".into())),
            ("configuring-enhanced-monitoring", Phase::Changing("configuring-enhanced-monitoring".into())),
            ("deleting", Phase::Deleting("deleting".into())),
            ("stopped", Phase::Stopped("stopped".into())),
            ("failed", Phase::Failed("failed".into())),
            ("suspended", Phase::Failed("suspended".into())),
            ("suspending", Phase::Changing("suspending".into())),
        ];
        for (status, expected) in cases {
            assert_eq!(phase(&SourceType::DbInstance, status), expected, "{status}");
        }
    }

    #[test]
    fn what_another_one_would_come_to_as_well_is_no_reason_to_replace_it() {
        for (status, _) in BLOCKED {
            for source in [SourceType::DbInstance, SourceType::DbCluster] {
                assert!(matches!(phase(&source, status), Phase::Blocked { .. }), "{status}");
            }
        }
        let proxy = phase(&SourceType::DbProxy, "incompatible-network");
        assert_eq!(proxy, Phase::Failed("incompatible-network".into()));
    }
}
