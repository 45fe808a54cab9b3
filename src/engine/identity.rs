//! How a resource is known to be ours: three tags, given in the call that creates it.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Address;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The tag that names the stack.
pub const STACK: &str = "infra:stack";
/// The tag that says where in the stack the resource stands.
pub const ADDRESS: &str = "infra:address";
/// The tag that holds the fingerprint of the spec last applied.
pub const FINGERPRINT: &str = "infra:fingerprint";

/// All tags of a resource: the stack's own, the three of its identity, and `Name`, which AWS's console shows.
pub fn tags(stack: &str, address: &Address, fingerprint: &str, own: &Tags) -> Tags {
    let mut tags = Tags::from([("Name".to_owned(), format!("{stack}-{}", address.name()))]);
    tags.extend(own.clone());
    tags.insert(STACK.to_owned(), stack.to_owned());
    tags.insert(ADDRESS.to_owned(), address.to_string());
    tags.insert(FINGERPRINT.to_owned(), fingerprint.to_owned());
    tags
}

/// The address that `tags` claim in `stack`, if they are of `stack` and of `kind`.
pub fn address(tags: &Tags, stack: &str, kind: &str) -> Option<Address> {
    if tags.get(STACK)? != stack {
        return None;
    }
    Address::parse(tags.get(ADDRESS)?).filter(|address| address.kind() == kind)
}

/// A versioned hash of a desired spec: it tells "the description changed" from "AWS changed".
///
/// References enter it by address and not by id, so replacing one resource does not change another's fingerprint.
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

/// The same value with the keys of its objects in order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().map(|(key, value)| (key.clone(), canonical(value))).collect();
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
        let team = Tags::from([("team".to_owned(), "web".to_owned())]);
        assert_ne!(fingerprint(&json!({"a": 1}), &own), fingerprint(&json!({"a": 1}), &team));
    }

    #[test]
    fn tags_of_another_stack_or_kind_are_not_ours() {
        let vpc = Address::new("vpc", "main");
        let ours = tags("shop", &vpc, "1-00", &Tags::new());
        assert_eq!(address(&ours, "shop", "vpc"), Some(vpc));
        assert_eq!(address(&ours, "shop-2", "vpc"), None);
        assert_eq!(address(&ours, "shop", "subnet"), None);
    }
}
