//! Which live resource refers to which, read off what AWS says of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{Seen, attributes::strings};

/// Attributes that say what a resource itself is called.
pub(super) const OWN: &[&str] = &["name", "identifier"];

/// Who refers to whom among the live resources.
pub(super) struct Uses<'a> {
    live: &'a [Seen],
    /// By the place in `live`: what that resource refers to, and by which attributes.
    targets: Vec<BTreeMap<usize, BTreeSet<&'a str>>>,
    used: Vec<bool>,
    places: BTreeMap<(&'a str, &'a str), usize>,
}

impl<'a> Uses<'a> {
    pub(super) fn among(live: &'a [Seen]) -> Self {
        let mut names: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, seen) in live.iter().enumerate() {
            // A URL is for people, a port is one of many, and many stand in a zone: AWS points at nothing by them.
            let outputs = seen
                .outputs
                .iter()
                .filter(|(name, _)| !matches!(**name, "url" | "port" | "zone"))
                .map(|(_, value)| value.as_str());
            for name in outputs.chain([seen.id.as_str()]) {
                names.entry(name).or_default().push(place);
            }
        }
        let mut uses = Self {
            live,
            targets: vec![BTreeMap::new(); live.len()],
            used: vec![false; live.len()],
            places: live.iter().enumerate().map(|(place, seen)| (key(seen), place)).collect(),
        };
        for (place, seen) in live.iter().enumerate() {
            // Two kinds may have resources of one name: by its own name nothing refers to anything.
            let pointing =
                seen.attributes.as_object().into_iter().flatten().filter(|(key, _)| !OWN.contains(&key.as_str()));
            for (attribute, value) in pointing {
                strings(value, &mut |text| {
                    for &target in names.get(text).into_iter().flatten().filter(|&&target| target != place) {
                        uses.targets[place].entry(target).or_default().insert(attribute);
                        uses.used[target] = true;
                    }
                });
            }
        }
        uses
    }

    /// Whether any live resource refers to `seen`.
    pub(super) fn is_used(&self, seen: &Seen) -> bool {
        self.place(seen).is_some_and(|place| self.used[place])
    }

    /// What `seen` refers to.
    pub(super) fn by(&self, seen: &Seen) -> impl Iterator<Item = &'a Seen> {
        let targets = self.place(seen).map(|place| &self.targets[place]);
        targets.into_iter().flatten().map(|(&target, _)| &self.live[target])
    }

    /// What `seen` refers to by one of `attributes`.
    pub(super) fn through(&self, seen: &Seen, attributes: &[&str]) -> impl Iterator<Item = &'a Seen> {
        let targets = self.place(seen).map(|place| &self.targets[place]);
        let through = move |by: &BTreeSet<&str>| attributes.iter().any(|attribute| by.contains(attribute));
        targets.into_iter().flatten().filter(move |(_, by)| through(by)).map(|(&target, _)| &self.live[target])
    }

    fn place(&self, seen: &Seen) -> Option<usize> {
        self.places.get(&key(seen)).copied()
    }
}

/// What tells one live resource from all others.
pub(super) fn key(seen: &Seen) -> (&str, &str) {
    (seen.address.kind(), &seen.id)
}
