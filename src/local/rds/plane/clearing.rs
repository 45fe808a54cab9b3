//! What ends and goes: of what belongs to nothing any more, and at the end of all. A database goes only where the state says that
//! it was deleted: one that the state does not know belongs to somebody all the same.

use std::{collections::HashSet, fs, sync::Arc};

use futures::future::join_all;

use super::{
    Plane,
    left_behind::{end_at, end_own},
    process::Kind,
    replicas::primary_name,
    system_folder::{self, databases_of, is_database, is_home},
    wanted::{Place, Wanted},
};
use crate::local::{cloud::Cloud, world::World};

/// The names of the folders of a cloud's databases and snapshots that its state neither has nor has deleted.
pub(crate) fn unknown_of(cloud: &Cloud) -> Vec<String> {
    // The disk comes first: nobody waits for it.
    let folders = databases_of(&cloud.data);
    unknown_in(&mut cloud.world(), folders)
}

/// Those of these folders that are not this world's.
pub(crate) fn unknown_in(world: &mut World, mut folders: Vec<String>) -> Vec<String> {
    if !folders.is_empty() {
        let wanted = Wanted::of(world);
        folders.retain(|name| !wanted.knows(name));
    }
    folders
}

/// Keeps of what was deleted only what is still to go. Gives the places where something was forgotten.
fn keep_discarded(world: &mut World, goes: impl Fn(&str) -> bool) -> Vec<Place> {
    let mut places = Vec::new();
    for (account, content) in &mut world.accounts {
        for (region, place) in &mut content.regions {
            if place.rds.keep_discarded(&goes) {
                places.push(Place { account: account.clone(), region: region.clone() });
            }
        }
    }
    places
}

impl Plane {
    /// Ends what still runs of databases that this state does not know, for the addresses may be others' by now, and says that
    /// they are there.
    pub(super) async fn end_unknown(&self) {
        if !self.cloud().is_there() {
            return;
        }
        self.forget_removed();
        let wanted = Wanted::of(&mut self.cloud().world());
        let mut unknown: Vec<String> = self.homes().filter(|name| self.is_spared(name, &wanted)).collect();
        unknown.sort();
        for name in &unknown {
            self.servers.stop(name).await;
            end_at(Kind::Server, &self.servers.folder.join(name)).await;
        }
        if !unknown.is_empty() {
            self.cloud().log.line(&format!(
                "There is no state of {}, which are in {} and stay there. Stop the local cloud and put its folder `state` back \
                 to have them again; `infra local reset --everything` deletes them",
                unknown.join(", "),
                self.servers.folder.display()
            ));
        }
    }

    /// Forgets what was deleted and has been removed; as long as nothing is under way that could make it anew.
    fn forget_removed(&self) {
        let homes: HashSet<String> = self.homes().map(|name| primary_name(&name).to_owned()).collect();
        keep_discarded(&mut self.cloud().world(), |name| homes.contains(name));
    }

    /// Forgets that a snapshot was deleted whose data another one shares, in whichever account and region: it goes with that one.
    /// On the disk too, for the other one's state may be missing the next time.
    pub(super) fn keep_shared(&self) {
        let forgotten = {
            let mut world = self.cloud().world();
            let regions = world.accounts.values().flat_map(|account| account.regions.values());
            let shared: HashSet<String> = regions.flat_map(|region| region.rds.snapshot_folders()).cloned().collect();
            keep_discarded(&mut world, |name| !shared.contains(name))
        };
        forgotten.iter().for_each(|place| self.save(place));
    }

    /// The names of the folders that are made here.
    fn homes(&self) -> impl Iterator<Item = String> {
        let entries = fs::read_dir(&self.servers.folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| is_home(name))
    }

    /// Whether a home holds a database or a snapshot that this state neither has nor has deleted.
    fn is_spared(&self, name: &str, wanted: &Wanted) -> bool {
        is_database(name) && !wanted.knows(name) && self.servers.folder.join(name).join("data").exists()
    }

    /// Begins to stop and remove what belongs to nothing any more.
    pub(super) async fn remove_orphans(self: &Arc<Self>, wanted: &Wanted) {
        for name in self.homes().filter(|name| !wanted.folders.contains(name) && !self.is_spared(name, wanted)) {
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
    use crate::local::{
        Options,
        cloud::Cloud,
        daemon::entries,
        pace::Pace,
        rds::{Store, plane::system::User},
        start,
    };

    const CLUSTER: &str = "cluster-AAAAAAAAAAAAAAAAAAAAAAAAAA";
    const READER: &str = "cluster-AAAAAAAAAAAAAAAAAAAAAAAAAA-reader";
    const OTHER: &str = "cluster-DDDDDDDDDDDDDDDDDDDDDDDDDD";
    const SNAPSHOT: &str = "snapshot-0bbbbbbbbbbbbbbbb";
    const PROXY: &str = "prx-0cccccccccccccccc";

    /// Lets a cloud run until it has removed what belongs to nothing; gives the databases and snapshots that are left.
    async fn left(data: &Path, servers: &Path) -> Vec<String> {
        fs::create_dir_all(servers.join(PROXY)).unwrap();
        let cloud = start(Options::in_test(data)).await.unwrap();
        let names = || -> Vec<String> {
            let homes = fs::read_dir(servers).unwrap().flatten();
            homes.map(|home| home.file_name().into_string().unwrap()).filter(|name| name != "data-folder").collect()
        };
        tokio::time::timeout(Duration::from_secs(60), async {
            while names().contains(&PROXY.to_owned()) {
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
    async fn of_databases_only_those_go_that_the_state_says_were_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().canonicalize().unwrap();
        entries::claim(&data).unwrap();
        let servers = User::choose().unwrap().folder(&data).unwrap();
        let all = [CLUSTER, READER, OTHER, SNAPSHOT];
        for name in all {
            fs::create_dir_all(servers.join(name).join("data")).unwrap();
        }
        // It was broken off before it was whole.
        fs::create_dir_all(servers.join("snapshot-0cccccccccccccccc/data.new")).unwrap();
        assert_eq!(left(&data, &servers).await, all);
        let log = fs::read_to_string(data.join("daemon.log")).unwrap();
        assert!(log.contains(&format!("no state of {CLUSTER}, {READER}, {OTHER}, {SNAPSHOT}, which are in ")), "{log}");
        // As an older state does not.
        let open = || Cloud::open(&data, Pace::Instant, Vec::new()).unwrap();
        let change = |work: fn(&mut Store)| {
            open().change("000000000000", "us-east-1", |ctx| work(&mut ctx.region.rds)).unwrap();
        };
        change(|_| ());
        assert_eq!(left(&data, &servers).await, all);
        assert_eq!(unknown_of(&open()), [CLUSTER, OTHER, SNAPSHOT]);
        // What others put there is theirs.
        fs::create_dir_all(servers.join("cluster-config")).unwrap();
        change(|store| store.discarded.extend([CLUSTER.to_owned(), SNAPSHOT.to_owned()]));
        assert_eq!(left(&data, &servers).await, [OTHER, "cluster-config"]);
        assert_eq!(unknown_of(&open()), [OTHER]);
        fs::remove_dir_all(servers).unwrap();
    }
}
