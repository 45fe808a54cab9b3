//! What held data and was deleted behind our back: told, without any record of it, by what still points at it.
//!
//! What points at a cluster (its instances, a secret that says where it is, a proxy's target) can only have been made
//! after it. So where such a thing points at something that is not there, the cluster was there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Action, Step};
use crate::engine::{Address, Desired, Kind, Phase, Seen, reference};

/// Says of each creation of something that was there already what points at it. A kind of which a new one is as good
/// as the old one is none of these.
pub(super) fn mark(steps: &mut [Step], wanted: &BTreeMap<&Address, &Desired>, live: &[Seen], kinds: &[Kind]) {
    let stays = |seen: &&Seen| !matches!(seen.phase, Phase::Deleting(_));
    let irreplaceable = |name: &str| kinds.iter().any(|kind| kind.name == name && kind.holds_data && !kind.renewable);
    for step in steps.iter_mut().filter(|step| step.action == Action::Create && irreplaceable(step.kind())) {
        let others = live.iter().filter(stays).filter(|seen| seen.address.kind() == step.kind());
        let others: BTreeSet<&str> = others.map(|seen| seen.id.as_str()).collect();
        let told = live.iter().filter(stays).filter_map(|seen| {
            let desired = wanted.get(&seen.address).filter(|desired| desired.references.contains(&step.address))?;
            let name = pointing(&desired.attributes, &seen.attributes, &step.address)?;
            (!others.contains(name)).then(|| (seen.address.clone(), name))
        });
        let first = told.min();
        step.lost = first.map(|(witness, name)| format!("It was there and is gone: {witness} still points at {name}."));
    }
}

/// What `live` has in the place where `desired` refers to `to`.
fn pointing<'a>(desired: &Value, live: &'a Value, to: &Address) -> Option<&'a str> {
    match (desired, live) {
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().find_map(|(key, wanted)| pointing(wanted, found.get(key)?, to))
        }
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
