//! What is told of when something is over. AWS tells of most of what it does only then.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html>

use super::{
    clusters::{Cluster, changes::UPGRADING},
    instances::Instance,
    phase::Over,
    proxies::Proxy,
    renaming::RENAMING,
    snapshots::Snapshot,
};
use crate::local::pace::Millis;

/// An event of something that is over.
pub(super) struct Ending {
    pub(super) at: Millis,
    /// Of what kind it is that it is about.
    pub(super) kind: &'static str,
    pub(super) arn: String,
    pub(super) category: &'static str,
    pub(super) message: String,
}

/// What is over at one look at everything.
pub(super) struct Endings {
    /// When everything was looked at before.
    last: Millis,
    now: Millis,
    told: Vec<Ending>,
}

impl Endings {
    pub(super) fn between(last: Millis, now: Millis) -> Self {
        Self { last, now, told: Vec::new() }
    }

    /// Takes an event down. What was due at the last look and not over then was over only now.
    fn tell(&mut self, over: &Over, kind: &'static str, arn: &str, (category, message): (&'static str, String)) {
        let at = if self.last < over.due { over.due } else { self.now };
        self.told.push(Ending { at, kind, arn: arn.to_owned(), category, message });
    }

    pub(super) fn of_snapshot(&mut self, over: &Over, snapshot: &Snapshot) {
        // What a restore copies the data by is no snapshot of anybody's.
        if over.was("creating") && snapshot.phase.is("available") && !snapshot.automated {
            let said = ("backup", "Manual cluster snapshot created".to_owned());
            self.tell(over, "db-cluster-snapshot", &snapshot.arn, said);
        }
    }

    pub(super) fn of_instance(&mut self, over: &Over, instance: &mut Instance) {
        let resized = std::mem::take(&mut instance.resizing);
        let said = match (over.status.as_str(), instance.phase.status.as_str()) {
            ("creating", "available") => ("creation", "DB instance created"),
            ("deleting", "deleted") => ("deletion", "DB instance deleted"),
            ("rebooting", _) => ("availability", "DB instance restarted"),
            _ if resized => ("configuration change", "Finished applying modification to DB instance class"),
            _ => return,
        };
        self.tell(over, "db-instance", &instance.arn, (said.0, said.1.to_owned()));
    }

    /// Also gives the cluster what it has when that is over.
    pub(super) fn of_cluster(&mut self, over: &Over, cluster: &mut Cluster, writer: Option<&Instance>) {
        let upgraded = [UPGRADING, RENAMING].contains(&over.status.as_str()) && cluster.take_version();
        let said = match (over.status.as_str(), cluster.phase.status.as_str()) {
            ("creating", "available") => ("creation", "DB cluster created".to_owned()),
            ("deleting", "deleted") => ("deletion", "DB cluster deleted".to_owned()),
            ("stopping", "stopped") => ("notification", "DB cluster stopped".to_owned()),
            ("starting", "available") => ("notification", "DB cluster started".to_owned()),
            ("resetting-master-credentials", _) => ("configuration change", "Reset master credentials".to_owned()),
            ("failing-over", "available") => match writer {
                Some(writer) => ("failover", format!("Completed failover to DB instance: {}", writer.identifier)),
                None => return,
            },
            _ if upgraded => ("maintenance", "Database cluster engine version has been upgraded".to_owned()),
            _ => return,
        };
        self.tell(over, "db-cluster", &cluster.arn, said);
    }

    /// A cluster has its new name, and with it this ARN.
    pub(super) fn of_renaming(&mut self, over: &Over, arn: &str, old: &str) {
        let new = arn.rsplit(':').next().unwrap_or_default();
        self.tell(over, "db-cluster", arn, ("notification", format!("Renamed cluster from {old} to {new}")));
    }

    pub(super) fn of_proxy(&mut self, over: &Over, proxy: &Proxy) {
        let (category, did) = match (over.status.as_str(), proxy.phase.status.as_str()) {
            ("creating", "available") => ("creation", "created"),
            ("modifying", "available") => ("configuration change", "modified"),
            ("deleting", "deleted") => ("deletion", "deleted"),
            _ => return,
        };
        self.tell(over, "db-proxy", &proxy.arn, (category, format!("RDS {did} DB proxy {}.", proxy.name)));
    }

    /// What is told, in the order in which it happened.
    pub(super) fn in_order(mut self) -> Vec<Ending> {
        self.told.sort_by_key(|ending| ending.at);
        self.told
    }
}
