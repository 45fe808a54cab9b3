//! What AWS would refuse only on the way, found before anything is done: what no kind can tell of itself, since it is the
//! change of one resource that another one stands against.

use crate::{
    engine::{Address, Desired, Phase, Resource as _, Seen, plan::Refusal},
    resources::{cluster::Cluster, instance::Instance, subnet::Subnet},
};

/// Instances that are to stay, in zones that are given up: AWS moves no instance, and takes no subnet from under one.
pub fn stranded(desired: &[Desired], live: &[Seen]) -> Vec<Refusal> {
    let zones: Vec<&str> =
        desired.iter().filter_map(|one| Some(one.spec::<Subnet>()?.availability_zone.as_str())).collect();
    let is_wanted = |address: &Address| desired.iter().any(|one| one.address == *address);
    let staying = live.iter().filter(|seen| {
        seen.address.kind() == Instance::KIND && is_wanted(&seen.address) && !matches!(seen.phase, Phase::Deleting(_))
    });
    let stranded = staying.filter_map(|seen| {
        let zone = seen.outputs.get("zone").filter(|zone| !zones.contains(&zone.as_str()))?;
        let id = &seen.id;
        Some(Refusal {
            address: seen.address.clone(),
            reason: format!("It stands in {zone}, where the description leaves no subnet, and AWS moves no instance."),
            remedy: format!(
                "Leave `network.zones` as it was. Or delete the instance in AWS (`aws rds delete-db-instance \
                 --db-instance-identifier {id}`; where it is the writer, `aws rds failover-db-cluster` first) and run the same \
                 command again: it is made anew in a zone that stays."
            ),
        })
    });
    stranded.collect()
}

/// Clusters with instances of others in them, or in a global database, by their ids: AWS deletes no such cluster, and says so
/// only when the stack's own instances are gone already.
pub fn bound(described: &[Desired], live: &[Seen]) -> Vec<(String, Refusal)> {
    // By its name as well: lists that are behind may still lack, or still have, an instance of ours.
    let is_ours = |identifier: &str| {
        live.iter().any(|seen| seen.address.kind() == Instance::KIND && seen.id == identifier)
            || described.iter().filter_map(|one| one.spec::<Instance>()).any(|one| one.identifier == identifier)
    };
    let there = live.iter().filter(|seen| !matches!(seen.phase, Phase::Deleting(_)));
    there.flat_map(|seen| of_cluster(seen, &is_ours).into_iter().map(|refusal| (seen.id.clone(), refusal))).collect()
}

fn of_cluster(seen: &Seen, is_ours: &impl Fn(&str) -> bool) -> Vec<Refusal> {
    let Some(cluster) = seen.spec::<Cluster>() else { return Vec::new() };
    let refusal = |reason, remedy| Refusal { address: seen.address.clone(), reason, remedy };
    let foreign: Vec<&str> =
        cluster.bonds.instances.iter().map(String::as_str).filter(|identifier| !is_ours(identifier)).collect();
    let mut found = Vec::new();
    if let Some(first) = foreign.first() {
        let (list, are) = (foreign.join(", "), if foreign.len() == 1 { "is" } else { "are" });
        found.push(refusal(
            format!("AWS deletes no cluster that has instances, and of those in it {list} {are} not this stack's."),
            format!(
                "Delete what is not the stack's (`aws rds delete-db-instance --db-instance-identifier {first}`; of a reader \
                 that Aurora Auto Scaling made, take its scaling policy away first), then run the same command again."
            ),
        ));
    }
    if let Some(global) = &cluster.bonds.global_cluster {
        let arn = seen.outputs.get("arn").map_or(seen.id.as_str(), String::as_str);
        found.push(refusal(
            format!("AWS deletes no cluster of a global database, and it is in {global}."),
            format!(
                "Take it out of that (`aws rds remove-from-global-cluster --global-cluster-identifier {global} \
                 --db-cluster-identifier {arn}`), then run the same command again."
            ),
        ));
    }
    found
}
