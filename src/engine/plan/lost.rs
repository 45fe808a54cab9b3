//! What was there and is not seen any more: told, without any record of it, by what still points at it.
//!
//! What points at a cluster (its instances, a secret that says where it is, a proxy's target) can only have been made
//! after it. So where such a thing points at something that is not there, the cluster was there. And what stands in
//! something, as a subnet does in its VPC, keeps it from being deleted: if that is not seen, it has lost its tags.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;

use super::{Action, Step};
use crate::engine::{Address, Desired, Kind, Phase, Seen, reference};

/// Something that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// What still points at it.
    pub witness: Address,
    /// What that calls it: AWS's id or name.
    pub id: String,
    /// Whether it held data.
    pub held_data: bool,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { witness, id, .. } = self;
        if self.held_data {
            write!(f, "It was there and is gone: {witness} still points at {id}.")
        } else {
            write!(f, "{witness} stands in {id}, which does not carry this stack's tags.")
        }
    }
}

/// Says of each creation of something that was there already what points at it. A kind of which a new one is as good
/// as the old one is none of these, unless something stands in the old one.
pub(super) fn mark(steps: &mut [Step], wanted: &BTreeMap<&Address, &Desired>, live: &[Seen], kinds: &[Kind]) {
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
        step.lost = told.min().map(|(witness, id)| Lost { witness, id: id.to_owned(), held_data });
    }
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
