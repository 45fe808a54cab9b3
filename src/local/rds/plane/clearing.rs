//! What ends and goes: of what belongs to nothing any more, and at the end of all. Databases that the state does not know because
//! it is not there belong to somebody all the same.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    sync::{Arc, PoisonError},
};

use futures::future::join_all;

use super::{
    Plane,
    left_behind::{end_at, end_own},
    process::Kind,
    replicas::primary_name,
    system_folder::{self, UNKNOWN, is_database, is_home},
    wanted::Wanted,
};

impl Plane {
    /// Where there was no state when the cloud began, but there are databases and snapshots, notes in their folders that they
    /// are not known: the state may have been lost or put aside, and what comes after it does not know them either. When it is
    /// put back, it does not know what was made meanwhile: that is noted as well, where the state of others has been missed.
    pub(super) fn spare_unknown(&self) {
        if !self.cloud().is_there() {
            return;
        }
        let homes = fs::read_dir(&self.servers.folder).into_iter().flatten().flatten();
        let homes = homes.map(|home| (home.file_name().to_string_lossy().into_owned(), home.path()));
        let homes: Vec<_> = homes.filter(|(name, home)| is_database(name) && home.join("data").exists()).collect();
        let is_noted = |home: &Path| home.join(UNKNOWN).exists();
        let found = self.cloud().found;
        if found && !homes.iter().any(|(_, home)| is_noted(home)) {
            return;
        }
        let known: HashSet<String> = Wanted::of(self.cloud()).folders.into_iter().collect();
        // What a reader's server has is its cluster's.
        let is_known = |name: &str| known.contains(name) || known.contains(primary_name(name));
        let mut spared = Vec::new();
        for (name, home) in homes.into_iter().filter(|(name, home)| !found || !(is_known(name) || is_noted(home))) {
            spared.push(match self.servers.user.write(&home.join(UNKNOWN), "") {
                Ok(_) => name,
                Err(cause) => {
                    let told = format!("{name} (only until this local cloud ends: it could not be noted: {cause})");
                    self.spared.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
                    told
                }
            });
        }
        if !spared.is_empty() {
            spared.sort();
            self.cloud().log.line(&format!(
                "There is no state of {}, which are in {} and stay there. Stop the local cloud and put its folder `state` back \
                 to have them again; `infra local reset --everything` deletes them",
                spared.join(", "),
                self.servers.folder.display()
            ));
        }
    }

    /// Begins to stop and remove what belongs to nothing any more.
    pub(super) async fn remove_orphans(self: &Arc<Self>, folders: &[String]) {
        let known: HashSet<&str> = folders.iter().map(String::as_str).collect();
        let Ok(entries) = fs::read_dir(&self.servers.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let unknown = entry.path().join(UNKNOWN);
            let is_noted = unknown.exists();
            if is_noted && known.contains(name.as_str()) {
                // Its state is there again. A note that stays keeps what belongs to nothing, and nothing else.
                let _ = fs::remove_file(unknown);
            }
            let is_spared = is_noted || self.spared.lock().unwrap_or_else(PoisonError::into_inner).contains(&name);
            if !is_home(&name) || is_spared || known.contains(name.as_str()) {
                continue;
            }
            // The servers of a cluster are one thing.
            let work = primary_name(&name).to_owned();
            self.work(&work, |plane| async move { plane.remove(&name).await }).await;
        }
    }

    async fn remove(&self, name: &str) -> bool {
        self.servers.stop(name).await;
        self.servers.stop_pooler(name).await;
        let folder = self.servers.folder.join(name);
        // Nobody would find it once its folder is gone.
        end_at(Kind::Pooler, &folder).await;
        end_at(Kind::Server, &folder).await;
        if !self.cloud().is_there() {
            return false;
        }
        if let Err(cause) = tokio::fs::remove_dir_all(&folder).await {
            self.cloud().log.line(&format!("Could not remove {}: {cause}", folder.display()));
        }
        self.servers.forget_exports(name);
        false
    }

    /// Stops everything that runs.
    pub(super) async fn stop(&self) {
        if self.cloud().is_there() {
            let entries = fs::read_dir(&self.servers.folder).into_iter().flatten().flatten();
            let names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            // Poolers first: a server waits for nobody then.
            join_all(names.iter().map(|name| self.servers.stop_pooler(name))).await;
            join_all(names.iter().map(|name| self.servers.stop(name))).await;
        }
        self.servers.relays.keep("", &[]).await;
        // Also where somebody has removed the folder, and the pid files with it.
        end_own(self.cloud()).await;
        if self.cloud().is_there() {
            system_folder::leave(&self.cloud().data);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::local::{Options, cloud::Cloud, daemon::entries, pace::Pace, rds::plane::system::User, start};

    /// Lets a cloud run until it has removed what belongs to nothing; gives the databases and snapshots that are left.
    async fn left(data: &Path, servers: &Path) -> Vec<String> {
        fs::create_dir_all(servers.join("prx-0c")).unwrap();
        let cloud = start(Options::in_test(data)).await.unwrap();
        let names = || -> Vec<String> {
            let homes = fs::read_dir(servers).unwrap().flatten();
            homes.map(|home| home.file_name().into_string().unwrap()).filter(|name| name != "data-folder").collect()
        };
        tokio::time::timeout(Duration::from_secs(60), async {
            while names().contains(&"prx-0c".to_owned()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap();
        // What is to be removed with it is removed beside it.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut left = names();
        cloud.stop().await;
        left.sort();
        left
    }

    #[tokio::test]
    async fn databases_of_which_there_is_no_state_stay_until_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().canonicalize().unwrap();
        entries::claim(&data).unwrap();
        let servers = User::choose().unwrap().folder(&data).unwrap();
        let all = ["cluster-A", "snapshot-0b"];
        for name in all {
            fs::create_dir_all(servers.join(name).join("data")).unwrap();
        }
        assert_eq!(left(&data, &servers).await, all);
        let log = fs::read_to_string(data.join("daemon.log")).unwrap();
        assert!(log.contains("There is no state of cluster-A, snapshot-0b, which are in "), "{log}");
        assert_eq!(system_folder::unknown_of(&data), all);
        // A new one does not know them either.
        let cloud = Cloud::open(&data, Pace::Instant, Vec::new()).unwrap();
        cloud.change("000000000000", "us-east-1", |_| ()).unwrap();
        drop(cloud);
        assert_eq!(left(&data, &servers).await, all);
        // When their state is put back, it does not know what was made meanwhile.
        let unknown = ["cluster-A", "cluster-D", "snapshot-0b"];
        fs::create_dir_all(servers.join("cluster-D/data")).unwrap();
        assert_eq!(left(&data, &servers).await, unknown);
        assert_eq!(system_folder::unknown_of(&data), unknown);
        // Where no state has been missed, what it does not know has been deleted. What others put there is theirs.
        for name in unknown {
            fs::remove_file(servers.join(name).join(UNKNOWN)).unwrap();
        }
        fs::create_dir_all(servers.join("cluster-config")).unwrap();
        assert_eq!(left(&data, &servers).await, ["cluster-config"]);
        fs::remove_dir_all(servers).unwrap();
    }

    #[tokio::test]
    async fn what_cannot_be_noted_stays_as_long_as_the_cloud_that_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().canonicalize().unwrap();
        entries::claim(&data).unwrap();
        let servers = User::choose().unwrap().folder(&data).unwrap();
        let home = servers.join("cluster-A");
        // In the way of the note.
        fs::create_dir_all(home.join(format!("{UNKNOWN}.new"))).unwrap();
        fs::create_dir_all(home.join("data")).unwrap();
        assert_eq!(left(&data, &servers).await, ["cluster-A"]);
        assert!(!home.join(UNKNOWN).exists());
        let log = fs::read_to_string(data.join("daemon.log")).unwrap();
        assert!(log.contains("There is no state of cluster-A (only until this local cloud ends: "), "{log}");
        fs::remove_dir_all(servers).unwrap();
    }
}
