//! What ends and goes: of what belongs to nothing any more, and at the end of all.

use std::{collections::HashSet, fs, sync::Arc};

use futures::future::join_all;

use super::{
    Plane,
    left_behind::{end_at, end_own},
    process::Kind,
    replicas::primary_name,
    system_folder,
};

impl Plane {
    /// Begins to stop and remove what belongs to nothing any more.
    pub(super) async fn remove_orphans(self: &Arc<Self>, folders: &[String]) {
        let known: HashSet<&str> = folders.iter().map(String::as_str).collect();
        let Ok(entries) = fs::read_dir(&self.servers.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = ["cluster-", "prx-", "snapshot-"].iter().any(|prefix| name.starts_with(prefix));
            if !ours || known.contains(name.as_str()) {
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
