//! Calls that are kept waiting, so that a test can act at exactly that moment: kill the client, look at the world.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::sync::{Notify, oneshot};

use super::{Site, rule::Turn};

/// A call at the moment at which it is held.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Moment {
    /// Its number among the held ones; 0 until it has one.
    pub(crate) id: u64,
    /// The rule's number.
    pub(crate) rule: u64,
    /// The account's twelve digits.
    account: String,
    /// The region.
    region: String,
    /// E.g. `ec2.CreateVpc`.
    call: String,
    /// Whether it has been executed.
    at: Turn,
}

impl Moment {
    pub(super) fn new(rule: u64, site: &Site, at: Turn) -> Self {
        Self { id: 0, rule, account: site.account.clone(), region: site.region.clone(), call: site.call(), at }
    }
}

/// All that are held.
#[derive(Default)]
pub(super) struct Held {
    calls: Mutex<Calls>,
    news: Notify,
}

#[derive(Default)]
struct Calls {
    last: u64,
    waiting: BTreeMap<u64, (Moment, oneshot::Sender<()>)>,
}

/// Takes a call off the list when its client has gone: the future that waits is dropped then.
struct Listed<'a>(&'a Held, u64);

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.0.calls().waiting.remove(&self.1);
    }
}

impl Held {
    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a call waiting until it is released.
    pub(super) async fn wait(&self, moment: Moment) {
        let (release, released) = oneshot::channel();
        let id = {
            let mut calls = self.calls();
            calls.last += 1;
            let id = calls.last;
            calls.waiting.insert(id, (Moment { id, ..moment }, release));
            id
        };
        let _listed = Listed(self, id);
        self.news.notify_waiters();
        // An error is a sender that was dropped, which lets it go as well.
        let _ = released.await;
    }

    /// Lets those go that are meant; how many.
    pub(super) fn release(&self, meant: impl Fn(&Moment) -> bool) -> usize {
        let mut calls = self.calls();
        let before = calls.waiting.len();
        calls.waiting.retain(|_, (moment, _)| !meant(moment));
        before - calls.waiting.len()
    }

    /// What is held now that is meant; waits at most `patience` for something to be.
    pub(super) async fn list(&self, patience: Duration, meant: impl Fn(&Moment) -> bool) -> Vec<Moment> {
        let until = tokio::time::Instant::now() + patience;
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            let held: Vec<Moment> = self
                .calls()
                .waiting
                .values()
                .map(|(moment, _)| moment.clone())
                .filter(|moment| meant(moment))
                .collect();
            if !held.is_empty() || tokio::time::timeout_at(until, news).await.is_err() {
                return held;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_call_is_held_until_it_is_released_or_its_client_goes() {
        let held = Arc::new(Held::default());
        let site = Site::new("000000000000", "us-east-1", "ec2", "CreateVpc");
        let begin = |rule| {
            let (held, moment) = (Arc::clone(&held), Moment::new(rule, &site, Turn::After));
            tokio::spawn(async move { held.wait(moment).await })
        };
        let first = begin(1);
        let listed = held.list(Duration::from_secs(10), |_| true).await;
        assert_eq!((listed[0].call.as_str(), listed[0].at, listed[0].rule), ("ec2.CreateVpc", Turn::After, 1));
        assert!(held.list(Duration::from_millis(1), |moment| moment.rule == 2).await.is_empty());
        assert_eq!(held.release(|moment| moment.rule == 1), 1);
        first.await.unwrap();
        let second = begin(2);
        assert_eq!(held.list(Duration::from_secs(10), |_| true).await.len(), 1);
        second.abort();
        assert!(second.await.unwrap_err().is_cancelled());
        assert!(held.list(Duration::ZERO, |_| true).await.is_empty());
    }
}
