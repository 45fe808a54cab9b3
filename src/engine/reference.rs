//! A reference from one resource's spec to another resource's output.

use std::{fmt, marker::PhantomData};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::{Address, Resource, Scope};
use crate::aws::{Error, Result};

/// The key that marks a reference among serialized attributes.
pub(crate) const MARK: &str = "$ref";

/// The key that marks what AWS does not tell.
const UNTOLD: &str = "$untold";

/// Stands for `R` where a reference may point at any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anything;

/// Points at an output of a resource of kind `R`, or holds a value from outside the stack (or from AWS).
///
/// Serialized, the former is `{"$ref": "vpc/main", "output": "id"}` until it is resolved, the latter a string.
pub struct Ref<R> {
    target: Target,
    kind: PhantomData<fn() -> R>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Output { address: Address, output: &'static str },
    Value(String),
    Untold,
}

impl<R> Ref<R> {
    /// For a live resource: nobody tells what this points at. Equal to anything.
    pub fn untold() -> Self {
        Self { target: Target::Untold, kind: PhantomData }
    }

    /// A literal: what AWS says of a live resource, or an id outside the stack.
    pub fn value(value: impl Into<String>) -> Self {
        Self { target: Target::Value(value.into()), kind: PhantomData }
    }

    /// The same reference, to another output than the id.
    #[must_use]
    pub fn output(mut self, name: &'static str) -> Self {
        if let Target::Output { output, .. } = &mut self.target {
            *output = name;
        }
        self
    }

    /// The same reference where any kind may be pointed at.
    pub fn erase(self) -> Ref<Anything> {
        Ref { target: self.target, kind: PhantomData }
    }

    /// The value, now that it is needed.
    ///
    /// # Errors
    /// When the resource pointed at does not exist (yet): a defect of the graph.
    pub fn get(&self, scope: &Scope<'_>) -> Result<String> {
        match &self.target {
            Target::Value(value) => Ok(value.clone()),
            Target::Untold => Err(Error::internal("Something was asked that AWS does not tell.")),
            Target::Output { address, output } => scope.output(address, output).ok_or_else(|| {
                Error::internal(format!("The output `{output}` of {address} was needed before it was known."))
            }),
        }
    }

    /// The values of many.
    ///
    /// # Errors
    /// As [`Ref::get`].
    pub fn get_all(references: &[Self], scope: &Scope<'_>) -> Result<Vec<String>> {
        references.iter().map(|reference| reference.get(scope)).collect()
    }

    /// Which resource of the stack it points at, if at any.
    pub fn address(&self) -> Option<&Address> {
        match &self.target {
            Target::Output { address, .. } => Some(address),
            Target::Value(_) | Target::Untold => None,
        }
    }

    /// The literal, if this is one.
    pub fn as_value(&self) -> Option<&str> {
        match &self.target {
            Target::Value(value) => Some(value),
            Target::Output { .. } | Target::Untold => None,
        }
    }
}

impl<R: Resource> Ref<R> {
    /// The id of the resource `name` of kind `R`.
    pub fn to(name: &str) -> Self {
        Self { target: Target::Output { address: Address::new(R::KIND, name), output: "id" }, kind: PhantomData }
    }
}

impl<R> Clone for Ref<R> {
    fn clone(&self) -> Self {
        Self { target: self.target.clone(), kind: PhantomData }
    }
}

impl<R> PartialEq for Ref<R> {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target
    }
}

impl<R> Eq for Ref<R> {}

impl<R> PartialOrd for Ref<R> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> Ord for Ref<R> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.target.cmp(&other.target)
    }
}

impl<R> fmt::Debug for Ref<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Output { address, output } => write!(f, "{address}.{output}"),
            Target::Value(value) => write!(f, "{value:?}"),
            Target::Untold => f.write_str("(not known)"),
        }
    }
}

impl<R> Serialize for Ref<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match &self.target {
            Target::Value(value) => serializer.serialize_str(value),
            Target::Output { address, output } => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry(MARK, address)?;
                map.serialize_entry("output", output)?;
                map.end()
            }
            Target::Untold => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(UNTOLD, &true)?;
                map.end()
            }
        }
    }
}

/// The address and output that a serialized reference points at.
pub(crate) fn read(value: &Value) -> Option<(Address, &str)> {
    let map = value.as_object()?;
    let address = Address::parse(map.get(MARK)?.as_str()?)?;
    Some((address, map.get("output")?.as_str()?))
}

/// Whether `value` stands for something that AWS does not tell.
pub(crate) fn is_untold(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.contains_key(UNTOLD))
}
