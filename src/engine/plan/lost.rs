//! What was there and is not seen any more: told, without any record of it, by what still points at it.
//!
//! What points at a cluster (its instances, a secret that says where it is, a proxy's target) can only have been made
//! after it. So where such a thing points at something that is not there, the cluster was there. The same is told by what
//! comes after such a thing and uses what leads to the cluster, as a service does that was told of the proxy. And what
//! stands in something, as a subnet does in its VPC, keeps it from being deleted: if that is not seen, it has lost its tags.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;

use super::{Action, Step, uses::OWN};
use crate::engine::{Address, Desired, Kind, Phase, Seen, reference};

/// What is there without a place in the stack, by kind and id: why it has none.
pub type Strays = BTreeMap<(String, String), String>;

/// Something that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// What still points at it.
    pub witness: Address,
    /// What that calls it: AWS's id or name; of what only uses the way to it, the name that is wanted.
    pub id: String,
    /// The way to it that the witness uses, where it does not point at it itself.
    pub way: Option<Address>,
    /// Whether it held data.
    pub held_data: bool,
    /// Where it is there all the same: why it is not the stack's.
    pub stray: Option<String>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { witness, id, .. } = self;
        if let Some(why) = &self.stray {
            return write!(f, "{id} is there and {why}; {witness} still refers to it.");
        }
        match &self.way {
            _ if !self.held_data => write!(f, "{witness} stands in {id}, which does not carry this stack's tags."),
            Some(way) => {
                write!(f, "It existed before and is gone: {witness} uses {way}, of which it was told only after that.")
            }
            None => write!(f, "It existed before and is gone: {witness} still refers to {id}."),
        }
    }
}

/// Says of each creation of something that was there already what points at it. A kind of which a new one is as good
/// as the old one is none of these, unless something stands in the old one. `strays` are there without a place in the stack.
pub(super) fn mark(
    steps: &mut [Step],
    wanted: &BTreeMap<&Address, &Desired>,
    live: &[Seen],
    kinds: &[Kind],
    strays: &Strays,
) {
    let kind = |name: &str| kinds.iter().find(|kind| kind.name == name);
    for step in steps.iter_mut().filter(|step| step.action == Action::Create) {
        let held_data = kind(step.kind()).is_some_and(|kind| kind.holds_data && !kind.renewable);
        let stays = |seen: &&Seen| !matches!(seen.phase, Phase::Deleting(_));
        // What had data is missed also while AWS is still deleting it.
        let others = live.iter().filter(|seen| !held_data || stays(seen));
        let others: BTreeSet<&str> =
            others.filter(|seen| seen.address.kind() == step.kind()).map(|seen| seen.id.as_str()).collect();
        let told = live.iter().filter(stays).filter_map(|seen| {
            let desired = wanted.get(&seen.address).filter(|desired| desired.references.contains(&step.address))?;
            let id = if held_data {
                pointing(&desired.attributes, &seen.attributes, &step.address)?
            } else {
                // A part without tags comes and goes with its owner.
                let house = kind(seen.address.kind()).filter(|kind| kind.tagged)?;
                house.immutable.iter().find_map(|attribute| {
                    pointing(desired.attributes.get(attribute)?, seen.attributes.get(attribute)?, &step.address)
                })?
            };
            (!others.contains(id)).then(|| (seen.address.clone(), id))
        });
        let stray = |id: &str| strays.get(&(step.kind().to_owned(), id.to_owned())).filter(|_| held_data).cloned();
        let told =
            told.min().map(|(witness, id)| Lost { witness, id: id.to_owned(), way: None, held_data, stray: stray(id) });
        let user = || {
            if held_data {
                live.iter().filter(stays).find_map(|seen| used(seen, step, wanted, live, &kind))
            } else {
                None
            }
        };
        step.lost = told.or_else(user);
    }
}

/// What `seen` tells of the data at the step's address, where it uses a way to it that it was told only after that was there:
/// it comes after a resource that refers to both.
fn used<'k>(
    seen: &Seen,
    step: &Step,
    wanted: &BTreeMap<&Address, &Desired>,
    live: &[Seen],
    kind: &impl Fn(&str) -> Option<&'k Kind>,
) -> Option<Lost> {
    let desired = wanted.get(&seen.address)?;
    let before = before(desired.kind, kind);
    let links = wanted.values().filter(|link| before.contains(link.kind) && link.references.contains(&step.address));
    let way = links.flat_map(|link| &link.references).filter(|way| **way != step.address).find(|way| {
        let Some(value) = pointing(&desired.attributes, &seen.attributes, way) else { return false };
        let is_its = live.iter().any(|other| other.address == **way && other.outputs.values().any(|one| one == value));
        is_its || wanted.get(way).and_then(|one| name(one)).is_some_and(|name| value.contains(name))
    })?;
    let id = name(wanted.get(&step.address)?).unwrap_or_default().to_owned();
    Some(Lost { witness: seen.address.clone(), id, way: Some(way.clone()), held_data: true, stray: None })
}

/// The name that a resource is to have in AWS.
fn name(desired: &Desired) -> Option<&str> {
    OWN.iter().find_map(|key| desired.attributes.get(key)?.as_str())
}

/// Every kind that a kind comes after, though nothing of it may point there.
fn before<'k>(of: &str, kind: &impl Fn(&str) -> Option<&'k Kind>) -> BTreeSet<&'k str> {
    let mut met = BTreeSet::new();
    let mut open: Vec<&'k str> = kind(of).map_or_else(Vec::new, |kind| kind.after.to_vec());
    while let Some(next) = open.pop() {
        if met.insert(next) {
            open.extend(kind(next).map_or(&[][..], |kind| kind.after));
        }
    }
    met
}

/// What `live` has in the place where `desired` refers to `to`.
fn pointing<'a>(desired: &Value, live: &'a Value, to: &Address) -> Option<&'a str> {
    match (desired, live) {
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().find_map(|(key, wanted)| pointing(wanted, found.get(key)?, to))
        }
        // Of several, nothing tells which one stood for which.
        (Value::Array(wanted), Value::Array(found)) => match (&wanted[..], &found[..]) {
            ([wanted], [found]) => pointing(wanted, found, to),
            _ => None,
        },
        (_, Value::String(name)) => {
            let here = reference::read(desired).is_some_and(|(address, _)| address == *to);
            (here && !name.is_empty()).then_some(name.as_str())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_points_at_something_says_at_what() {
        let cluster = Address::new("cluster", "database");
        let desired = json!({"port": 5432, "to": {"cluster": {"$ref": "cluster/database", "output": "id"}}});
        let cases = [
            (json!({"port": 5432, "to": {"cluster": "shop-database"}}), Some("shop-database")),
            (json!({"port": 5432, "to": {"cluster": ""}}), None),
            (json!({"port": 5432, "to": {"cluster": {"$untold": true}}}), None),
            (json!({"port": 5432}), None),
        ];
        for (live, expected) in cases {
            assert_eq!(pointing(&desired, &live, &cluster), expected, "{live}");
        }
        assert_eq!(pointing(&desired, &json!({"to": {"cluster": "x"}}), &Address::new("cluster", "other")), None);
    }
}
