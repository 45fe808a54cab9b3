//! How the copying of a snapshot's data ends, which the data plane tells: with the data, or after some attempts in vain.
//!
//! AWS puts a snapshot that could not be made into `failed`. What waited for its data does not wait on: a cluster that was to be
//! made from it has failed, and one that was to go only after it stays, with all that it holds.

use super::Snapshot;
use crate::local::{
    pace::Millis,
    rds::{Store, phase::Phase},
};

/// How often it is tried, at growing intervals: for half a minute, or longer where an attempt takes long.
pub(crate) const ATTEMPTS: u32 = 6;

impl Snapshot {
    /// Whether its data is still to be copied.
    pub(crate) fn awaits_copy(&self) -> bool {
        !self.copied && !self.phase.is("failed")
    }
}

impl Store {
    /// Takes down how an attempt to copy the data of the snapshot `id` ended. Answers what is to be said of it.
    pub(crate) fn note_copy(&mut self, now: Millis, id: &str, outcome: Result<(), String>) -> Vec<String> {
        let Some(snapshot) = self.snapshots.get_mut(id).filter(|snapshot| snapshot.awaits_copy()) else {
            return Vec::new();
        };
        let arn = snapshot.arn.clone();
        let Err(why) = outcome else {
            snapshot.copied = true;
            snapshot.fault = None;
            // Its event comes when it is available.
            return vec![format!("{arn}: The data is copied")];
        };
        snapshot.attempts += 1;
        if snapshot.attempts >= ATTEMPTS {
            return self.fail_copy(now, id, &why);
        }
        // The same trouble is told once.
        let known = snapshot.fault.replace(why.clone()).is_some_and(|before| before == why);
        if known { Vec::new() } else { vec![self.tell(now, "db-cluster-snapshot", &arn, "backup", why)] }
    }

    /// Gives a copy up, and what waited for it.
    fn fail_copy(&mut self, now: Millis, id: &str, why: &str) -> Vec<String> {
        let Some(snapshot) = self.snapshots.get_mut(id) else { return Vec::new() };
        snapshot.phase = Phase::lasting("failed");
        snapshot.fault = Some(why.to_owned());
        let (arn, data, name) = (snapshot.arn.clone(), snapshot.data.clone(), snapshot.identifier.clone());
        let message = format!("Cluster snapshot failed after {ATTEMPTS} attempts. {why}");
        let mut told = vec![self.tell(now, "db-cluster-snapshot", &arn, "notification", message)];
        let mut waited = Vec::new();
        for cluster in self.clusters.values_mut() {
            let is_final = cluster.final_snapshot.as_deref() == Some(id) && cluster.phase.is("deleting");
            if is_final {
                cluster.phase = Phase::lasting("available");
                cluster.final_snapshot = None;
                let message = format!("Unable to delete the DB cluster: its final snapshot {name} failed. {why}");
                waited.push((cluster.arn.clone(), message));
            } else if cluster.origin.as_ref() == Some(&data) && cluster.phase.is("creating") {
                let message = format!("Unable to create the DB cluster: the snapshot of its source failed. {why}");
                cluster.progress.fault = Some(message.clone());
                waited.push((cluster.arn.clone(), message));
            }
        }
        told.extend(waited.into_iter().map(|(arn, message)| self.tell(now, "db-cluster", &arn, "failure", message)));
        told
    }

    /// Notes an event where somebody may see it, and answers the line that says the same.
    fn tell(&mut self, now: Millis, kind: &str, arn: &str, category: &str, message: String) -> String {
        let line = format!("{arn}: {message}");
        // What a restore copies the data by is no snapshot of anybody's.
        if !self.snapshots.values().any(|one| one.automated && one.arn == arn) {
            self.note(now, kind, arn, category, message);
        }
        line
    }
}
