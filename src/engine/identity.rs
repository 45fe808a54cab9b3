//! How a resource is known to be ours: three tags, given in the call that creates it.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Address, Change};

pub use crate::aws::tags::Tags;

/// The tag that names the stack.
pub const STACK: &str = "infra:stack";
/// The tag that says where in the stack the resource stands.
pub const ADDRESS: &str = "infra:address";
/// The tag that holds the fingerprint of the spec last applied.
pub const FINGERPRINT: &str = "infra:fingerprint";
/// The tag that AWS's console shows as the name.
const NAME: &str = "Name";

/// All tags of a resource: the stack's own, the three of its identity, and `Name`, which AWS's console shows.
pub fn tags(stack: &str, address: &Address, fingerprint: &str, own: &Tags) -> Tags {
    let mut tags = Tags::from([(NAME.to_owned(), format!("{stack}-{}", address.name()))]);
    tags.extend(own.clone());
    tags.insert(STACK.to_owned(), stack.to_owned());
    tags.insert(ADDRESS.to_owned(), address.to_string());
    tags.insert(FINGERPRINT.to_owned(), fingerprint.to_owned());
    tags
}

/// Why something has no place in the stack, by its tags; half a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stray {
    /// No stack has tagged it.
    Untagged,
    /// Another stack has: its name.
    Anothers(String),
    /// The stack has, and the tag is gone that says where it stands. What its tag `Name` still tells of that: an address's name.
    Unplaced(Option<String>),
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untagged => write!(f, "does not carry this stack's tags"),
            Self::Anothers(stack) => write!(f, "is of the stack {stack}"),
            Self::Unplaced(_) => write!(f, "is of this stack and has lost its tag {ADDRESS}"),
        }
    }
}

/// The address that `tags` claim in `stack` for something of `kind`.
///
/// # Errors
/// Why they claim none.
pub fn place(tags: &Tags, stack: &str, kind: &str) -> Result<Address, Stray> {
    match tags.get(STACK) {
        None => return Err(Stray::Untagged),
        Some(other) if other != stack => return Err(Stray::Anothers(other.clone())),
        Some(_) => {}
    }
    let claimed = tags.get(ADDRESS).and_then(|text| Address::parse(text));
    let name = || tags.get(NAME)?.strip_prefix(stack)?.strip_prefix('-').map(str::to_owned);
    claimed.filter(|address| address.kind() == kind).ok_or_else(|| Stray::Unplaced(name()))
}

/// Whether a tag's key is meant by a pattern: the key itself, or what it begins with and a `*`.
pub fn is_meant(pattern: &str, key: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == key, |beginning| key.starts_with(beginning))
}

/// Where what carries a part without tags keeps the part's fingerprint: in the tag `infra:fingerprint-<kind>`.
#[derive(Debug, Clone, Copy)]
pub struct Stamp(&'static str);

impl Stamp {
    /// The stamp of the parts of a kind; there is one of them on each that carries one.
    pub const fn of(kind: &'static str) -> Self {
        Self(kind)
    }

    /// The tag's key.
    pub fn key(self) -> String {
        format!("{FINGERPRINT}-{}", self.0)
    }

    /// The tags that the part has by the tags of what carries it: its fingerprint, or none.
    pub fn read(self, carrier: &Tags) -> Tags {
        let fingerprint = carrier.get(&self.key()).cloned();
        fingerprint.map(|fingerprint| (FINGERPRINT.to_owned(), fingerprint)).into_iter().collect()
    }

    /// The tags that what carries the part has to get, so that the part has `tags`.
    pub fn write(self, tags: &Tags) -> Tags {
        let fingerprint = tags.get(FINGERPRINT).cloned();
        fingerprint.map(|fingerprint| (self.key(), fingerprint)).into_iter().collect()
    }
}

/// What leads from the tags that are there to those that are wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Retag {
    pub(crate) set: Tags,
    pub(crate) unset: Vec<String>,
}

impl Retag {
    /// AWS's own tags (`aws:…`) are not ours to change; what a kind keeps in a tag (`infra:…`) is its own to take off.
    pub(crate) fn between(wanted: &Tags, found: &Tags) -> Self {
        let is_set = |(key, value): &(&String, &String)| found.get(*key) != Some(*value);
        let is_kept = |key: &str| key.starts_with("aws:") || key.starts_with("infra:");
        let is_unset = |key: &&String| !is_kept(key) && !wanted.contains_key(*key);
        Self {
            set: wanted.iter().filter(is_set).map(|(key, value)| (key.clone(), value.clone())).collect(),
            unset: found.keys().filter(is_unset).cloned().collect(),
        }
    }

    /// The fingerprint alone.
    pub(crate) fn stamp(wanted: &Tags, found: &Tags) -> Self {
        let mut retag = Self::between(wanted, found);
        retag.set.retain(|key, _| key == FINGERPRINT);
        retag.unset.clear();
        retag
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.unset.is_empty()
    }

    /// The same as changes of attributes, for comparing and showing.
    pub(crate) fn changes(&self, found: &Tags) -> Vec<Change> {
        let before = |key: &String| found.get(key).cloned().map_or(Value::Null, Value::String);
        let set = self.set.iter().map(|(key, value)| (key, Value::String(value.clone())));
        let unset = self.unset.iter().map(|key| (key, Value::Null));
        set.chain(unset)
            .map(|(key, after)| Change { path: format!("tags.{key}"), before: before(key), after })
            .collect()
    }
}

/// A versioned hash of a desired spec: it tells "the description changed" from "AWS changed".
///
/// References enter it by address and not by id, so replacing one resource does not change another's fingerprint.
/// What is left to AWS (null) does not enter it, so a new optional attribute changes no fingerprint either.
pub fn fingerprint(attributes: &Value, own: &Tags) -> String {
    let mut hash = Sha256::new();
    hash.update(canonical(attributes).to_string());
    for (key, value) in own {
        hash.update([0]);
        hash.update(key);
        hash.update([0]);
        hash.update(value);
    }
    let digest = hash.finalize();
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("1-{hex}")
}

/// The same value with the keys of its objects in order, and without those that say nothing.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let told = map.iter().filter(|(_, value)| !value.is_null());
            let sorted: BTreeMap<_, _> = told.map(|(key, value)| (key.clone(), canonical(value))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fingerprint_ignores_the_order_of_keys_and_nothing_else() {
        let own = Tags::new();
        assert_eq!(fingerprint(&json!({"a": 1, "b": 2}), &own), fingerprint(&json!({"b": 2, "a": 1}), &own));
        assert_ne!(fingerprint(&json!({"a": 1}), &own), fingerprint(&json!({"a": 2}), &own));
        assert_eq!(fingerprint(&json!({"a": 1, "new": null}), &own), fingerprint(&json!({"a": 1}), &own));
        let team = Tags::from([("team".to_owned(), "web".to_owned())]);
        assert_ne!(fingerprint(&json!({"a": 1}), &own), fingerprint(&json!({"a": 1}), &team));
    }

    #[test]
    fn tags_are_set_and_removed_but_not_those_of_aws() {
        let tags = |pairs: &[(&str, &str)]| -> Tags { pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect() };
        let wanted = tags(&[("same", "1"), ("other", "2"), ("new", "3")]);
        let found = tags(&[
            ("same", "1"),
            ("other", "0"),
            ("old", "4"),
            ("aws:cloudformation:stack-name", "x"),
            ("infra:cluster", "y"),
        ]);
        let retag = Retag::between(&wanted, &found);
        assert_eq!(retag, Retag { set: tags(&[("other", "2"), ("new", "3")]), unset: vec!["old".to_owned()] });
        let paths: Vec<String> = retag.changes(&found).into_iter().map(|change| change.path).collect();
        assert_eq!(paths, ["tags.new", "tags.other", "tags.old"]);
        assert!(Retag::between(&wanted, &wanted).is_empty());
    }

    #[test]
    fn what_carries_a_part_keeps_the_fingerprint_of_it_beside_its_own() {
        let stamp = Stamp::of("proxy-target");
        let tags = |key: &str| Tags::from([(key.to_owned(), "1-00".to_owned())]);
        assert_eq!(stamp.write(&tags(FINGERPRINT)), tags("infra:fingerprint-proxy-target"));
        assert_eq!(stamp.read(&tags("infra:fingerprint-proxy-target")), tags(FINGERPRINT));
        assert_eq!(stamp.read(&tags(FINGERPRINT)), Tags::new(), "that is of the proxy itself");
    }

    #[test]
    fn tags_of_another_stack_or_kind_are_not_ours() {
        let vpc = Address::new("vpc", "main");
        let ours = tags("shop", &vpc, "1-00", &Tags::new());
        assert_eq!(place(&ours, "shop", "vpc"), Ok(vpc));
        assert_eq!(place(&ours, "shop-2", "vpc"), Err(Stray::Anothers("shop".to_owned())));
        assert_eq!(place(&ours, "shop", "subnet"), Err(Stray::Unplaced(Some("main".to_owned()))));
        assert_eq!(place(&Tags::new(), "shop", "vpc"), Err(Stray::Untagged));
    }
}
