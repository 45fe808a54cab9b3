//! Whether a cluster's readers' server can go on following, and a new copy of the data for it where it never will.
//!
//! It follows by the writer's log, of whose past the writer keeps only so much (`wal_keep_size`). One that was away for longer, as
//! after a crash, asks again and again for a part that is not there any more, and answers what it knew then.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    follower::FOLLOWER,
    own_database::OWN,
    postgres::{Outcome, Servers, Wanted},
};

/// How often it is looked whether a server follows.
const LOOK: Duration = Duration::from_secs(5);

/// How long one whose data was copied anew is left alone after that, and at most, where it is lost each time: a writer may be faster
/// than any reader.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(16 * 60);

/// By the name of the server that follows.
#[derive(Debug, Default)]
pub(super) struct Followers(Mutex<HashMap<String, Follower>>);

#[derive(Debug)]
struct Follower {
    looked: Instant,
    /// When its data was last copied anew, and how long it is left alone since then.
    renewed: Option<(Instant, Duration)>,
}

impl Followers {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Follower>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time to look; not at once, where a server is new.
    fn is_due(&self, name: &str, now: Instant) -> bool {
        let mut all = self.all();
        let follower = all.entry(name.to_owned()).or_insert(Follower { looked: now, renewed: None });
        let rested = follower.renewed.is_none_or(|(when, pause)| now.duration_since(when) >= pause);
        let due = rested && now.duration_since(follower.looked) >= LOOK;
        if due {
            follower.looked = now;
        }
        due
    }

    fn note_renewal(&self, name: &str, now: Instant) {
        if let Some(follower) = self.all().get_mut(name) {
            // A long time without one begins from the beginning.
            let before = follower.renewed.filter(|(when, _)| now.duration_since(*when) < 2 * LONGEST);
            follower.renewed = Some((now, before.map_or(FIRST, |(_, pause)| (pause * 2).min(LONGEST))));
        }
    }
}

/// As far as it has read. Nothing where it has not asked for more yet: it reads what it has itself, however long that takes.
const RECEIVED: &str = "SELECT pg_last_wal_receive_lsn()::text";

/// Whether a server has a follower. A copy that is under way is another program's.
const FOLLOWED: &str = "SELECT EXISTS (SELECT FROM pg_stat_replication
    WHERE usename = $1 AND application_name = 'walreceiver' AND state IN ('catchup', 'streaming'))";

/// Whether what comes after that is no more in its log. Its name is that of the part which the next byte is in.
const GONE: &str = "SELECT pg_walfile_name($1::text::pg_lsn + 1) < min(name) FROM pg_ls_waldir()
    WHERE name ~ '^[0-9A-F]{24}$'";

impl Servers {
    /// Where the readers' server can never catch up, takes its data away, so that it is made anew. Until then the readers' endpoint
    /// leads to the writer.
    pub(super) async fn forget_lost(&self, writer: &Wanted, replica: &Wanted) -> Outcome<()> {
        let is_due = self.runs(&replica.name) && self.followers.is_due(&replica.name, Instant::now());
        let lost = tokio::time::timeout(LOOK, async { is_due && self.is_lost(writer, replica).await == Some(true) });
        if !lost.await.unwrap_or_default() {
            return Ok(());
        }
        self.followers.note_renewal(&replica.name, Instant::now());
        let line = "is so far behind that the writer has no more what it lacks: its data is copied anew.";
        self.cloud.log.line(&format!("The readers' server of {} {line}", writer.name));
        self.hold(&replica.poolers);
        self.stop(&replica.name).await;
        self.put_away(&self.folder.join(&replica.name)).await?;
        self.lead_readers(writer).await
    }

    /// Whether it lacks what the writer has no more. Nothing is known where either does not answer: a writer that is about to start
    /// again still has its log.
    async fn is_lost(&self, writer: &Wanted, replica: &Wanted) -> Option<bool> {
        let followed = self.enter(writer, OWN).await.ok()?;
        if followed.query_one(FOLLOWED, &[&FOLLOWER]).await.ok()?.try_get(0).ok()? {
            return Some(false);
        }
        let follower = self.enter(replica, OWN).await.ok()?;
        let received: Option<String> = follower.query_one(RECEIVED, &[]).await.ok()?.try_get(0).ok()?;
        followed.query_one(GONE, &[&received?]).await.ok()?.try_get(0).ok()?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_not_copied_anew_again_and_again() {
        let (followers, start) = (Followers::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!followers.is_due("one", at(0)), "it has only begun");
        assert!(!followers.is_due("one", at(4)));
        assert!(followers.is_due("one", at(5)));
        assert!(!followers.is_due("one", at(9)), "it has just been looked at");
        // Lost each time that it is looked at, for two hours.
        let renewals: Vec<u64> = (10..7200)
            .filter(|second| {
                let due = followers.is_due("one", at(*second));
                if due {
                    followers.note_renewal("one", at(*second));
                }
                due
            })
            .collect();
        assert_eq!(renewals, [10, 70, 190, 430, 910, 1870, 2830, 3790, 4750, 5710, 6670]);
        assert!(followers.is_due("one", at(20_000)));
        followers.note_renewal("one", at(20_000));
        assert!(followers.is_due("one", at(20_060)), "the pauses of long ago count no more");
    }
}
