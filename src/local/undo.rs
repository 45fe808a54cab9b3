//! What a call may change of an account, as it was before: one region, what is global, and the secrets of the other regions, where
//! replicas are. The rest is not copied.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    iam, secretsmanager,
    world::{Account, Region},
};

/// An account before a call.
pub(super) struct Before {
    iam: iam::Store,
    unsaved: BTreeSet<String>,
    /// None where nobody had called the region.
    region: Option<Region>,
    /// By the other regions' names.
    secrets: BTreeMap<String, secretsmanager::Store>,
}

impl Before {
    /// Of a call in this region.
    pub(super) fn of(account: &Account, region: &str) -> Self {
        let others = account.regions.iter().filter(|(name, _)| *name != region);
        Self {
            iam: account.iam.clone(),
            unsaved: account.unsaved.clone(),
            region: account.regions.get(region).cloned(),
            secrets: others.map(|(name, place)| (name.clone(), place.secretsmanager.clone())).collect(),
        }
    }

    /// Takes back what the call did.
    pub(super) fn restore(self, account: &mut Account, region: &str) {
        account.iam = self.iam;
        account.unsaved = self.unsaved;
        account.regions.remove(region);
        account.regions.retain(|name, _| self.secrets.contains_key(name));
        for (name, secrets) in self.secrets {
            account.regions.entry(name).or_default().secretsmanager = secrets;
        }
        if let Some(place) = self.region {
            account.regions.insert(region.to_owned(), place);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_call_did_is_taken_back_in_its_region_and_in_those_of_replicas() {
        let secrets = |names: &[&str]| {
            let all: BTreeMap<_, _> = names.iter().map(|name| ((*name).to_owned(), json!({"name": name}))).collect();
            serde_json::from_value::<secretsmanager::Store>(json!({"secrets": all})).unwrap()
        };
        let named = |names: &[&str]| Region { secretsmanager: secrets(names), ..Region::default() };
        for was_called in [true, false] {
            let mut account = Account::default();
            account.regions.insert("other".into(), named(&["kept", "gone"]));
            if was_called {
                account.regions.insert("here".into(), named(&["old"]));
            }
            let states = |account: &Account| serde_json::to_value(account).unwrap();
            let expected = states(&account);
            let before = Before::of(&account, "here");
            account.regions.insert("here".into(), named(&["new"]));
            account.regions.insert("new".into(), named(&["replica"]));
            account.regions.insert("other".into(), named(&["kept"]));
            account.unsaved.insert("new".into());
            before.restore(&mut account, "here");
            assert_eq!((states(&account), account.unsaved.len()), (expected, 0));
        }
    }
}
