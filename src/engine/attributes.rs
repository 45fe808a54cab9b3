//! Attributes: a spec as serialized JSON. One comparison serves diff, drift, JSON and rendering.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Address, reference};

/// One attribute that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Where in the spec, e.g. `capacity.max` or `tags.team`.
    pub path: String,
    /// What AWS has; null where it has nothing.
    pub before: Value,
    /// What is wanted; null where nothing is. A reference that is not resolved yet stays a reference object.
    pub after: Value,
}

impl Change {
    /// Whether the change is in the attribute `name` or below it.
    pub fn touches(&self, name: &str) -> bool {
        self.path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The first part of the path.
    pub fn top(&self) -> &str {
        self.path.split('.').next().unwrap_or(&self.path)
    }
}

/// Whether any of `changes` is in the attribute `name` or below it.
pub fn touches(changes: &[Change], name: &str) -> bool {
    changes.iter().any(|change| change.touches(name))
}

/// Puts what references point at in their place, where `lookup` knows it.
pub(crate) fn resolve(value: &Value, lookup: &impl Fn(&Address, &str) -> Option<String>) -> Value {
    match value {
        Value::Object(map) => match reference::read(value) {
            Some((address, output)) => lookup(&address, output).map_or_else(|| value.clone(), Value::String),
            None => map.iter().map(|(key, value)| (key.clone(), resolve(value, lookup))).collect::<Map<_, _>>().into(),
        },
        Value::Array(items) => items.iter().map(|item| resolve(item, lookup)).collect(),
        other => other.clone(),
    }
}

/// Every address that references in `value` point at, in order, each once.
pub(crate) fn references(value: &Value) -> Vec<Address> {
    fn walk(value: &Value, found: &mut Vec<Address>) {
        match value {
            Value::Object(map) => match reference::read(value) {
                Some((address, _)) => found.push(address),
                None => map.values().for_each(|value| walk(value, found)),
            },
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, &mut found);
    found.sort();
    found.dedup();
    found
}

/// Every string in `value`.
pub(crate) fn strings<'a>(value: &'a Value, visit: &mut impl FnMut(&'a str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, visit)),
        Value::Object(map) => map.values().for_each(|item| strings(item, visit)),
        _ => {}
    }
}

/// What would have to change in `live` so that it is `desired`.
///
/// A member that is null in `desired` is not compared: AWS's choice stands. A key that only `live` has is
/// to be removed. What AWS does not tell counts as it should be. Lists are compared without regard to order, since AWS keeps none.
pub fn compare(desired: &Value, live: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    differences("", desired, live, &mut changes);
    changes
}

fn differences(path: &str, desired: &Value, live: &Value, changes: &mut Vec<Change>) {
    match (desired, live) {
        (Value::Null, _) if !path.is_empty() => {}
        (_, live) if reference::is_untold(live) => {}
        (Value::Object(wanted), Value::Object(found)) if reference::read(desired).is_none() => {
            for (key, value) in wanted {
                differences(&join(path, key), value, found.get(key).unwrap_or(&Value::Null), changes);
            }
            for (key, value) in found.iter().filter(|(key, value)| !wanted.contains_key(*key) && !value.is_null()) {
                changes.push(Change { path: join(path, key), before: value.clone(), after: Value::Null });
            }
        }
        (Value::Array(wanted), Value::Array(found)) if same_elements(wanted, found) => {}
        (wanted, found) if same(wanted, found) => {}
        _ => changes.push(Change { path: path.to_owned(), before: live.clone(), after: desired.clone() }),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Equality that takes 1 and 1.0 for one number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => same_elements(a, b),
        (Value::Object(_), Value::Object(_)) if reference::read(a).is_none() => compare(a, b).is_empty(),
        _ => a == b,
    }
}

/// Whether each wanted element can have a found one of its own. One that leaves much open must not take the only
/// one that fits another, so whoever comes later may send earlier ones on.
fn same_elements(wanted: &[Value], found: &[Value]) -> bool {
    fn place(item: usize, wanted: &[Value], found: &[Value], taken: &mut [Option<usize>], asked: &mut [bool]) -> bool {
        (0..found.len()).any(|at| {
            if asked[at] || !same(&wanted[item], &found[at]) {
                return false;
            }
            asked[at] = true;
            let free = taken[at].is_none_or(|other| place(other, wanted, found, taken, asked));
            if free {
                taken[at] = Some(item);
            }
            free
        })
    }
    let mut taken = vec![None; found.len()];
    wanted.len() == found.len()
        && (0..wanted.len()).all(|item| place(item, wanted, found, &mut taken, &mut vec![false; found.len()]))
}

/// What is shown in place of a value that nobody is to see.
pub const HIDDEN: &str = "(hidden)";

/// Whether any of a value is hidden.
pub fn is_hidden(value: &Value) -> bool {
    let mut found = false;
    strings(value, &mut |text| found |= text == HIDDEN);
    found
}

/// The same value with every text in it hidden that is one, but for those with a name that is `open`. References stay: they say
/// where a value comes from, not what it is.
pub(crate) fn hide(value: &Value, open: &[&str]) -> Value {
    let hide_named = |(name, value): (&String, &Value)| {
        let shown = if open.contains(&name.as_str()) { value.clone() } else { hide(value, open) };
        (name.clone(), shown)
    };
    match value {
        Value::Null => Value::Null,
        Value::String(text) if text.is_empty() => value.clone(),
        Value::Object(_) if reference::read(value).is_some() => value.clone(),
        Value::Object(map) => map.iter().map(hide_named).collect::<Map<_, _>>().into(),
        Value::Array(items) => items.iter().map(|item| hide(item, open)).collect(),
        _ => HIDDEN.into(),
    }
}

/// All attributes as changes from nothing, for a resource to be created; those that say nothing are left out.
pub fn creation(desired: &Value) -> Vec<Change> {
    let mut changes = compare(desired, &json!({}));
    changes.retain(|change| !change.after.is_null() && change.after != "");
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(desired: Value, live: Value) -> Vec<String> {
        compare(&desired, &live).into_iter().map(|change| change.path).collect()
    }

    #[test]
    fn comparison() {
        let cases = [
            (json!({"a": 1}), json!({"a": 1.0}), vec![]),
            (json!({"a": null}), json!({"a": "AWS's own"}), vec![]),
            (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1, "c": 3}}), vec!["a.c"]),
            (json!({"env": {}}), json!({"env": {"OLD": "x"}}), vec!["env.OLD"]),
            (json!({"list": ["a", "b"]}), json!({"list": ["b", "a"]}), vec![]),
            (json!({"list": ["a", "a"]}), json!({"list": ["a", "b"]}), vec!["list"]),
            (json!({"list": [{"x": 1, "y": null}]}), json!({"list": [{"x": 1, "y": 5}]}), vec![]),
            (json!({"list": [{"y": null}, {"y": 5}]}), json!({"list": [{"y": 5}, {"y": 6}]}), vec![]),
            (json!({"list": [{"y": 5}, {"y": 5}]}), json!({"list": [{"y": 5}, {"y": 6}]}), vec!["list"]),
            (json!({"vpc": {"$ref": "vpc/main", "output": "id"}}), json!({"vpc": "vpc-1"}), vec!["vpc"]),
            (json!({"a": "1"}), json!({"a": 1}), vec!["a"]),
            (json!({"a": "known"}), json!({"a": {"$untold": true}}), vec![]),
            (json!({"a": {"$ref": "vpc/main", "output": "id"}}), json!({"a": {"$untold": true}}), vec![]),
        ];
        for (desired, live, expected) in cases {
            assert_eq!(paths(desired.clone(), live.clone()), expected, "{desired} against {live}");
        }
    }

    #[test]
    fn hiding_leaves_names_references_and_what_is_open() {
        let env =
            json!({"TOKEN": "abc", "DB_NAME": "app", "DB_HOST": {"$ref": "proxy/database", "output": "endpoint"}});
        let hidden =
            json!({"TOKEN": "(hidden)", "DB_NAME": "app", "DB_HOST": {"$ref": "proxy/database", "output": "endpoint"}});
        assert_eq!(hide(&env, &["DB_NAME"]), hidden);
    }

    #[test]
    fn references_are_found_and_resolved_in_depth() {
        let value = json!({"a": [{"b": {"$ref": "vpc/main", "output": "id"}}, {"$ref": "secret/db", "output": "arn"}]});
        assert_eq!(references(&value), [Address::new("secret", "db"), Address::new("vpc", "main")]);
        let resolved = resolve(&value, &|address, output| (address.kind() == "vpc").then(|| format!("the {output}")));
        assert_eq!(resolved, json!({"a": [{"b": "the id"}, {"$ref": "secret/db", "output": "arn"}]}));
    }
}
