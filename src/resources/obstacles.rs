//! What AWS would refuse only on the way, found before anything is done: what no kind can tell of itself, since it is the
//! change of one resource that another one stands against.

use crate::{
    engine::{Address, Desired, Phase, Resource as _, Seen, plan::Refusal},
    resources::{instance::Instance, subnet::Subnet},
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
