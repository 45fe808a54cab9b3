//! What ends and goes: of what belongs to nothing any more, and at the end of all. Databases that the state does not know because
//! it is not there belong to somebody all the same.

use std::{collections::HashSet, fs, sync::Arc};

use futures::future::join_all;

use super::{
    Plane,
    left_behind::{end_at, end_own},
    process::Kind,
    replicas::primary_name,
    system_folder::{self, UNKNOWN, is_database},
};

impl Plane {
    /// Where there was no state when the cloud began, but there are databases and snapshots, notes in their folders that they
    /// are not known: the state may have been lost or put aside, and what comes after it does not know them either.
    pub(super) fn spare_unknown(&self) {
        if self.cloud().found || !self.cloud().is_there() {
            return;
        }
        let homes = fs::read_dir(&self.servers.folder).into_iter().flatten().flatten();
        let homes = homes.filter(|home| is_database(&home.file_name().to_string_lossy()));
        let mut spared = Vec::new();
        for home in homes.filter(|home| home.path().join("data").exists()) {
            let noted = self.servers.user.write(&home.path().join(UNKNOWN), "");
            let name = home.file_name().to_string_lossy().into_owned();
            spared.push(match noted {
                Ok(_) => name,
                Err(cause) => format!("{name} (not noted: {cause})"),
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
            let ours = ["cluster-", "prx-", "snapshot-"].iter().any(|prefix| name.starts_with(prefix));
            let unknown = entry.path().join(UNKNOWN);
            let is_spared = unknown.exists();
            if is_spared && known.contains(name.as_str()) {
                // Its state is there again. A note that stays keeps what belongs to nothing, and nothing else.
                let _ = fs::remove_file(unknown);
            }
            if !ours || is_spared || known.contains(name.as_str()) {
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
    use std::{path::Path, time::Duration};

    use super::*;
    use crate::local::{Options, cloud::Cloud, daemon::entries, pace::Pace, rds::plane::system::User, start};

    /// Lets a cloud run until it has removed what belongs to nothing; gives the databases and snapshots that are left.
    async fn left(data: &Path, servers: &Path) -> Vec<String> {
        fs::create_dir_all(servers.join("prx-C")).unwrap();
        let cloud = start(Options::in_test(data)).await.unwrap();
        let names = || -> Vec<String> {
            let homes = fs::read_dir(servers).unwrap().flatten();
            homes.map(|home| home.file_name().into_string().unwrap()).filter(|name| name != "data-folder").collect()
        };
        tokio::time::timeout(Duration::from_secs(60), async {
            while names().contains(&"prx-C".to_owned()) {
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
        let all = ["cluster-A", "snapshot-B"];
        for name in all {
            fs::create_dir_all(servers.join(name).join("data")).unwrap();
        }
        assert_eq!(left(&data, &servers).await, all);
        let log = fs::read_to_string(data.join("daemon.log")).unwrap();
        assert!(log.contains("There is no state of cluster-A, snapshot-B, which are in "), "{log}");
        assert_eq!(system_folder::unknown_of(&data), all);
        // A new one does not know them either.
        let cloud = Cloud::open(&data, Pace::Instant, Vec::new()).unwrap();
        cloud.change("000000000000", "us-east-1", |_| ()).unwrap();
        drop(cloud);
        assert_eq!(left(&data, &servers).await, all);
        // What a state that is there does not know has been deleted.
        fs::remove_file(servers.join("cluster-A").join(UNKNOWN)).unwrap();
        assert_eq!(left(&data, &servers).await, ["snapshot-B"]);
        fs::remove_dir_all(servers).unwrap();
    }
}
