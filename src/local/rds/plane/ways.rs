//! The ways into the databases that run, for those who ask on this machine.

use super::{
    certificates,
    wanted::{Aim, Wanted},
};
use crate::local::{cloud::Cloud, databases::Database};

/// Every way into every database that runs, proxies before clusters.
pub(crate) fn databases(cloud: &Cloud) -> Vec<Database> {
    let wanted = Wanted::of(&mut cloud.world());
    let authority = certificates::ca_path(&cloud.data).display().to_string();
    let world = cloud.world();
    let (mut proxies, mut clusters) = (Vec::new(), Vec::new());
    for item in wanted.servers.iter().filter(|item| item.aim == Aim::Run) {
        let region =
            world.accounts.get(&item.place.account).and_then(|account| account.regions.get(&item.place.region));
        let Some(store) = region.map(|region| &region.rds) else { continue };
        let Some(cluster) = store.clusters.get(&item.id).filter(|cluster| cluster.is_reachable(store)) else {
            continue;
        };
        let direct = Database {
            account: item.place.account.clone(),
            region: item.place.region.clone(),
            stack: cluster.tags.get("infra:stack").cloned().unwrap_or_default(),
            cluster_id: item.id.clone(),
            proxy_name: None,
            host: cluster.listener.address.clone(),
            port: cluster.listener.port,
            name: cluster.default_database().to_owned(),
            username: cluster.username.clone(),
            password: cluster.password.0.clone(),
            ca_file: Some(authority.clone()),
        };
        for check in wanted.checks.iter().filter(|check| check.place == item.place && check.cluster == item.id) {
            let Some((username, password)) = check.pooler.users.first() else { continue };
            proxies.push(Database {
                proxy_name: Some(check.proxy.clone()),
                host: check.pooler.listener.address.clone(),
                port: check.pooler.listener.port,
                username: username.clone(),
                password: password.0.clone(),
                ..direct.clone()
            });
        }
        clusters.push(direct);
    }
    proxies.extend(clusters);
    proxies
}
