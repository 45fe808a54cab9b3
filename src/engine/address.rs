//! Where a resource stands in a stack: `kind/name`, e.g. `subnet/public-1`.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// A resource's place in its stack; the value of the tag `infra:address`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(Arc<str>);

impl Address {
    /// The address of the resource `name` of `kind`.
    pub fn new(kind: &str, name: &str) -> Self {
        Self(format!("{kind}/{name}").into())
    }

    /// Reads `kind/name`; `None` where that is not what `text` is: anybody can write a tag.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('/')?;
        let is_word = |text: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            text.bytes().all(plain) && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
        };
        (is_word(kind) && is_word(name)).then(|| Self(text.into()))
    }

    /// The part before the slash.
    pub fn kind(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(kind, _)| kind)
    }

    /// The part after the slash.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }

    /// The whole address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_tag_is_an_address_or_none() {
        for text in ["vpc/main", "subnet/public-1", "instance/1", "vpc-endpoint/ecr.api"] {
            assert_eq!(Address::parse(text).map(|address| address.to_string()).as_deref(), Some(text));
        }
        for text in ["", "vpc", "vpc/", "/main", "vpc/../../x", "vpc/..", "vpc/a b", "vpc/\u{1b}[2J", "vpc/main/x"] {
            assert_eq!(Address::parse(text), None, "{text:?}");
        }
    }
}
