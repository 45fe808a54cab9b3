//! What the kinds of RDS share: words for states, and the events that explain a failure.

use aws_sdk_rds::types::SourceType;

use crate::{aws::Clients, engine::Phase};

/// How far back RDS is asked for events, in minutes.
const EVENTS_SINCE: i32 = 24 * 60;

/// States in which a cluster or an instance can be used, although AWS does something beside.
const USABLE: &[&str] = &["available", "backing-up", "storage-optimization"];

/// What a cluster's, an instance's or a proxy's status means.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html>
pub(super) fn phase(status: &str) -> Phase {
    if USABLE.contains(&status) {
        Phase::Ready
    } else if status == "deleting" {
        Phase::Deleting(status.to_owned())
    } else if status == "stopped" {
        // RDS refuses every change of it, and starts it by itself only after seven days.
        Phase::Failed("stopped".to_owned())
    } else if gave_up(status) {
        Phase::Failed(status.to_owned())
    } else {
        Phase::Changing(status.to_owned())
    }
}

/// Whether RDS does not get out of `status` by itself.
fn gave_up(status: &str) -> bool {
    status.starts_with("incompatible-")
        || status.starts_with("inaccessible-encryption-credentials")
        || matches!(
            status,
            "failed"
                | "cloning-failed"
                | "migration-failed"
                | "restore-error"
                | "storage-full"
                | "insufficient-capacity"
                | "insufficient-resource-limits"
                | "suspended"
        )
}

/// The phase, and where RDS gave up, the last things that it reported of the resource.
pub(super) async fn explained(aws: &Clients, source: SourceType, identifier: &str, status: &str) -> Phase {
    let Phase::Failed(word) = phase(status) else { return phase(status) };
    let events = aws.rds.describe_events().source_type(source).source_identifier(identifier).duration(EVENTS_SINCE);
    // The explanation is an extra: without it the state itself is still to be reported.
    let events = events.send().await.map(|answer| answer.events.unwrap_or_default()).unwrap_or_default();
    let last: Vec<&str> = events.iter().rev().take(3).filter_map(|event| event.message()).collect();
    if last.is_empty() {
        return Phase::Failed(format!("its state is `{word}`, and RDS reports no events of the last day"));
    }
    let told: Vec<&str> = last.into_iter().rev().collect();
    Phase::Failed(format!("its state is `{word}`; RDS reports: {}", told.join(" ")))
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
            ("incompatible-network", Phase::Failed("incompatible-network".into())),
            ("suspended", Phase::Failed("suspended".into())),
            ("suspending", Phase::Changing("suspending".into())),
        ];
        for (status, expected) in cases {
            assert_eq!(phase(status), expected, "{status}");
        }
    }
}
