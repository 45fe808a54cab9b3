//! A YAML document as a tree in which every key and value knows its place.

use super::source::Place;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Nothing was written: `key:` and the end of the line.
    Empty,
    /// `null` or `~`: leaves out what a file below says.
    Null,
    /// Something that could not be found out, and was complained about.
    Unknown,
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// As it is, so that other YAML readers may take it for a number or a truth value.
    Plain,
    /// In quotes or as a block: a text.
    Quoted,
    /// From the environment or `--set`, where quotes would be the shell's: whatever its field wants it to be.
    Given,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Node,
}

impl Node {
    /// The value of a key, where this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Whether a path is written down to its end.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        let Some((step, rest)) = path.split_first() else { return true };
        match &self.value {
            Value::List(items) => {
                step.parse().ok().and_then(|index: usize| items.get(index)).is_some_and(|item| item.has(rest))
            }
            _ => self.get(step).is_some_and(|entry| entry.value.has(rest)),
        }
    }

    /// What this is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Empty | Value::Unknown => "nothing",
            Value::Null => "null",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map of keys",
        }
    }

    /// The place where `path` is written: the value's where `value`, else the key's; of the nearest ancestor where it is not written.
    pub(super) fn locate(&self, path: &[&str], value: bool) -> Place {
        let mut place = self.place;
        let mut node = self;
        for (at, step) in path.iter().enumerate() {
            match &node.value {
                Value::List(items) => match step.parse().ok().and_then(|index: usize| items.get(index)) {
                    Some(item) => (node, place) = (item, item.place),
                    None => break,
                },
                _ => match node.get(step) {
                    Some(entry) => {
                        let last = at + 1 == path.len();
                        let is_text = matches!(entry.value.value, Value::Scalar(_));
                        place = if value && last && is_text { entry.value.place } else { entry.place };
                        node = &entry.value;
                    }
                    None => break,
                },
            }
        }
        place
    }

    /// Puts `upper` over this: maps merge key by key, everything else is replaced.
    pub(super) fn overlay(self, upper: Self) -> Self {
        let place = upper.place;
        let (mut below, above) = match (self.value, upper.value) {
            (Value::Map(below), Value::Map(above)) => (below, above),
            (_, value) => return Self { place, value },
        };
        for entry in above {
            match below.iter().position(|known| known.key == entry.key) {
                Some(at) => {
                    let known = below.remove(at);
                    below.insert(at, Entry { value: known.value.overlay(entry.value), ..entry });
                }
                None => below.push(entry),
            }
        }
        Self { place, value: Value::Map(below) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOWHERE: Place = Place { source: 0, start: 0, end: 0 };

    /// A tree without its places, for comparing.
    fn plain(node: &Node) -> serde_json::Value {
        match &node.value {
            Value::Empty | Value::Unknown => "(empty)".into(),
            Value::Null => serde_json::Value::Null,
            Value::Scalar(scalar) => scalar.text.clone().into(),
            Value::List(items) => items.iter().map(plain).collect(),
            Value::Map(entries) => {
                let mut sorted: Vec<_> = entries.iter().map(|e| (e.key.clone(), plain(&e.value))).collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                serde_json::Value::Object(sorted.into_iter().collect())
            }
        }
    }

    fn tree() -> impl Strategy<Value = Node> {
        let leaf = prop_oneof![
            Just(Value::Null),
            "[a-c]".prop_map(|text| Value::Scalar(Scalar { text, style: Style::Plain })),
        ];
        let node = leaf.prop_map(|value| Node { place: NOWHERE, value });
        node.prop_recursive(3, 24, 4, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..3).prop_map(Value::List);
            let map = prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|map| {
                Value::Map(map.into_iter().map(|(key, value)| Entry { key, place: NOWHERE, value }).collect())
            });
            prop_oneof![list, map].prop_map(|value| Node { place: NOWHERE, value })
        })
    }

    proptest! {
        #[test]
        fn overlaying_twice_is_overlaying_once(below in tree(), above in tree()) {
            let once = below.clone().overlay(above.clone());
            prop_assert_eq!(plain(&once.clone().overlay(above)), plain(&once));
        }

        #[test]
        fn what_is_above_wins(below in tree(), above in tree()) {
            let merged = below.overlay(above.clone());
            if let Value::Map(entries) = &above.value {
                for entry in entries.iter().filter(|e| !matches!(e.value.value, Value::Map(_))) {
                    prop_assert_eq!(plain(&merged.get(&entry.key).unwrap().value), plain(&entry.value));
                }
            } else {
                prop_assert_eq!(plain(&merged), plain(&above));
            }
        }
    }
}
