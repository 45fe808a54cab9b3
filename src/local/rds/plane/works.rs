//! What the data plane does beside each other: one thing after the other for one name, and nothing waits for another name.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::task::JoinSet;

use crate::local::cloud::Cloud;

/// The works that are under way.
pub(super) struct Works {
    cloud: Arc<Cloud>,
    /// By name: whether something was wanted of it meanwhile.
    under_way: Mutex<HashMap<String, bool>>,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

/// Takes a work off the list when it has ended, however that was.
struct Ending {
    works: Arc<Works>,
    name: String,
    news: bool,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let missed = self.works.under_way().remove(&self.name);
        if self.news || missed == Some(true) {
            self.works.cloud.changed.notify_one();
        }
    }
}

impl Works {
    pub(super) fn new(cloud: &Arc<Cloud>) -> Arc<Self> {
        let (under_way, tasks) = (Mutex::default(), tokio::sync::Mutex::default());
        Arc::new(Self { cloud: Arc::clone(cloud), under_way, tasks })
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, bool>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a work that answers whether it had news. Where one of this name is under way this does nothing, and the plane
    /// looks again when that one has ended.
    pub(super) async fn begin(self: &Arc<Self>, name: &str, work: impl Future<Output = bool> + Send + 'static) {
        match self.under_way().entry(name.to_owned()) {
            Entry::Occupied(mut missed) => {
                *missed.get_mut() = true;
                return;
            }
            Entry::Vacant(free) => {
                free.insert(false);
            }
        }
        let ending = Ending { works: Arc::clone(self), name: name.to_owned(), news: false };
        let mut tasks = self.tasks.lock().await;
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let mut ending = ending;
            ending.news = work.await;
            drop(ending);
        });
    }

    /// Returns when everything that was begun has ended.
    pub(super) async fn finish(&self) {
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }
}
