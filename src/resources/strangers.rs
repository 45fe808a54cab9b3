//! What is not the stack's and stands where something of the stack is to stand: found before anything is done, since AWS would
//! refuse it only on the way.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    engine::{
        Address, Desired, Resource as _, Seen,
        identity::Stray,
        plan::{Refusal, Strays},
        reference,
        scope::Stranger,
    },
    resources::{cluster::Cluster, instance::Instance, route_table::RouteTable, subnet::Subnet},
};

/// Names that something to be made is to have, and that something without the stack's tags has already: AWS would refuse it,
/// after all that comes before it was made.
pub(crate) fn taken(desired: &[Desired], live: &[Seen], strangers: &[Stranger]) -> Vec<Refusal> {
    let taken = desired.iter().filter_map(|one| {
        let name = name(&one.attributes)?;
        let has_it = |seen: &Seen| seen.address == one.address && self::name(&seen.attributes) == Some(name);
        if live.iter().any(has_it) {
            return None;
        }
        let holds = |stranger: &&Stranger| {
            let Stranger { kind, id, .. } = *stranger;
            let is_it = live.iter().any(|seen| seen.id == *id && seen.address.kind() == *kind);
            *kind == one.kind && is_called(id, name) && !is_it
        };
        let Stranger { id, why, .. } = strangers.iter().find(holds)?;
        let address = one.address.clone();
        let remedy = match why {
            Stray::Anothers(_) => "Give one of the two another name.".to_owned(),
            Stray::Unplaced(_) => format!("Give it its place back: `infra import {address} {id}`."),
            Stray::Untagged => format!(
                "Delete or rename it; or, if it is yours to adopt, `infra import {address} {id}` takes it into the stack."
            ),
        };
        let reason = format!("{id} holds the name {name} and {why}.");
        Some(Refusal { address, reason, remedy })
    });
    taken.collect()
}

/// Those that may be the stack's own without their tags.
pub(crate) fn strays(strangers: &[Stranger]) -> Strays {
    let ours = strangers.iter().filter(|one| !matches!(one.why, Stray::Anothers(_)));
    ours.map(|Stranger { kind, id, why }| (((*kind).to_owned(), id.clone()), why.to_string())).collect()
}

/// Clusters that are there without a place in the stack, but with an instance that has one: a destruction would take away what they
/// are reached by and the password that they have, and would get no further, for they stand in the rest.
pub(crate) fn abandoned(live: &[Seen], strangers: &[Stranger]) -> Vec<Refusal> {
    let strays = strays(strangers);
    let instances = live.iter().filter(|seen| seen.address.kind() == Instance::KIND);
    let found = instances.filter_map(|instance| {
        let id = instance.attributes.get("cluster")?.as_str()?;
        let is_here = live.iter().any(|seen| seen.address.kind() == Cluster::KIND && seen.id == id);
        let why = strays.get(&(Cluster::KIND.to_owned(), id.to_owned())).filter(|_| !is_here)?;
        let address = Address::new(Cluster::KIND, "database");
        let reason = format!("{id} is there and {why}; {} would be taken from it.", instance.address);
        let remedy = format!("Take it back into the stack first: `infra import {address} {id}`.");
        Some(Refusal { address, reason, remedy })
    });
    found.take(1).collect()
}

/// The name that AWS has once in an account and region, where the kind has one.
fn name(attributes: &Value) -> Option<&str> {
    ["name", "identifier"].iter().find_map(|key| attributes.get(key)?.as_str())
}

/// Whether `name` alone stands for what has this id. Of a connector it does not: a new one is made beside the others.
fn is_called(id: &str, name: &str) -> bool {
    let of_secret = |rest: &str| rest.strip_prefix(name).is_some_and(|rest| rest.len() == 7 && rest.starts_with('-'));
    // The next revision of a scaling's configuration would be made under the name that is somebody else's.
    let of_service = |rest: &str| rest.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    id == name
        || id.split_once(":secret:").is_some_and(|(_, rest)| of_secret(rest))
        || [":service/", ":autoscalingconfiguration/"]
            .iter()
            .any(|kind| id.split_once(kind).is_some_and(|(_, rest)| of_service(rest)))
}

/// What is to be made where one that the stack made has lost its place: another one would stand beside it, and the first would
/// be nobody's.
pub(crate) fn unplaced(
    desired: &[Desired],
    live: &[Seen],
    strangers: &[Stranger],
    allowed: &BTreeSet<Address>,
) -> Vec<Refusal> {
    let is_live = |address: &Address| live.iter().any(|seen| seen.address == *address);
    let missing = |kind: &'static str| desired.iter().filter(move |one| one.kind == kind && !is_live(&one.address));
    let found = strangers.iter().flat_map(|Stranger { kind, id, why }| {
        let Stray::Unplaced(name) = why else { return Vec::new() };
        let named = name.as_ref().map(|name| Address::new(kind, name));
        // Where its name is an address's no more, it may have stood at any of them.
        let named = named.filter(|address| desired.iter().any(|one| one.address == *address));
        let places = missing(kind).filter(|one| named.as_ref().is_none_or(|named| one.address == *named));
        let refusal = |one: &Desired| {
            let address = one.address.clone();
            let reason = format!("{id} {why}: another one would be made beside it.");
            let remedy = format!(
                "Give it its place back: `infra import {address} {id}`. If it is not to stand there, delete it, or name what is \
                 to be made all the same: `--allow-create {address}`."
            );
            Refusal { address, reason, remedy }
        };
        places.filter(|one| !allowed.contains(&one.address)).map(refusal).collect()
    });
    found.collect()
}

/// Subnets to be made where one that lost its tags still has their place: a table of the stack's serves it.
pub fn untagged(desired: &[Desired], live: &[Seen], allowed: &BTreeSet<Address>) -> Vec<Refusal> {
    let here = |seen: &Seen| seen.address.kind() == Subnet::KIND;
    let known: BTreeSet<&str> = live.iter().filter(|seen| here(seen)).map(|seen| seen.id.as_str()).collect();
    let is_live = |address: &Address| live.iter().any(|seen| seen.address == *address);
    let tables = desired.iter().filter(|one| one.kind == RouteTable::KIND).filter_map(|one| {
        let table = live.iter().find(|seen| seen.address == one.address)?;
        let served = texts(table.attributes.get("subnets")?).filter(|subnet| !known.contains(subnet));
        Some((one, served.collect::<Vec<_>>())).filter(|(_, served)| !served.is_empty())
    });
    let found = tables.flat_map(|(table, served)| {
        let wanted = table.attributes.get("subnets").and_then(Value::as_array).into_iter().flatten();
        let missing = wanted.filter_map(|subnet| reference::read(subnet).map(|(address, _)| address));
        let missing = missing.filter(|address| !is_live(address) && !allowed.contains(address));
        let refusal = |address: Address| {
            let ids = served.join(" or ");
            let reason = format!("{} serves {ids}, which does not carry this stack's tags.", table.address);
            let id = if served.len() == 1 { served[0] } else { "ID" };
            let remedy = format!(
                "If that is it, take it in: `infra import {address} {id}`. Or, if it is gone for good, name it: \
                 `--allow-create {address}`."
            );
            Refusal { address, reason, remedy }
        };
        missing.map(refusal).collect::<Vec<_>>()
    });
    found.collect()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_by_the_id_only_where_it_is_unique() {
        let arn = |rest: &str| format!("arn:aws:x:us-east-1:1:{rest}");
        assert!(is_called("shop-database", "shop-database"));
        assert!(is_called(&arn("secret:shop/database-AbCdEf"), "shop/database"));
        assert!(is_called(&arn("service/shop-service/0123"), "shop-service"));
        assert!(is_called(&arn("autoscalingconfiguration/shop-scaling/1/0123"), "shop-scaling"));
        for id in ["shop-database-1", &arn("secret:shop/database-two-AbCdEf"), &arn("vpcconnector/shop/1/0123")] {
            assert!(
                !is_called(id, "shop-database") && !is_called(id, "shop/database") && !is_called(id, "shop"),
                "{id}"
            );
        }
    }
}
