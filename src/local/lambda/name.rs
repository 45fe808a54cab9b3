//! How a function is named: its name alone, a partial ARN, a full one, and a version or alias behind each of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{NEWEST, Store, function::Function, invalid};
use crate::local::fault::Fault;

/// The most letters that a name has, which the model's limit, an ARN's, does not say.
const LONGEST: usize = 64;

/// A function's name: letters, digits, `-` and `_`, so that a folder can be called so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Name(String);

impl Name {
    /// The name, where it is one.
    pub(super) fn of(text: &str) -> Option<Self> {
        (is_name(text) && text.len() <= LONGEST).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::of(&text).ok_or_else(|| format!("{text:?} is not a function's name"))
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_'))
}

/// A text that names a function, in its parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named<'a> {
    region: Option<&'a str>,
    account: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) qualifier: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// Takes a text apart as the API's pattern does, in which every part but the name may be missing:
    /// `arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER`. What comes before the name is that only where a name
    /// follows, for a name may look like it.
    pub(super) fn read(given: &'a str) -> Option<Self> {
        let mut parts: Vec<&str> = given.split(':').collect();
        if let ["arn", partition, "lambda", _, ..] = parts[..]
            && partition.starts_with("aws")
        {
            parts.drain(..3);
        }
        let mut before_the_name = |is: fn(&str) -> bool| match parts[..] {
            [first, second, ..] if is(first) && is_name(second) => Some(parts.remove(0)),
            _ => None,
        };
        let region = before_the_name(crate::local::dispatch::is_region);
        let account = before_the_name(|part| part.len() == 12 && part.bytes().all(|digit| digit.is_ascii_digit()));
        before_the_name(|part| part == "function");
        match parts[..] {
            [name] if is_name(name) => Some(Self { region, account, name, qualifier: None }),
            [name, qualifier] if is_name(name) && !qualifier.is_empty() => {
                Some(Self { region, account, name, qualifier: Some(qualifier) })
            }
            _ => None,
        }
    }
}

/// The name in a text that names a function that is to be made.
pub(super) fn new(given: &str) -> Result<Name, Fault> {
    let refused = |what: &str| {
        invalid(format!(
            "1 validation error detected: Value '{given}' at 'functionName' failed to satisfy constraint: {what}"
        ))
    };
    match Named::read(given) {
        Some(Named { name, qualifier: None, .. }) => {
            Name::of(name).ok_or_else(|| refused(&format!("Member must have length less than or equal to {LONGEST}")))
        }
        _ => Err(refused("Member must be the name of a function, without a version or an alias")),
    }
}

/// The name in a text that names a function.
pub(super) fn meant(input: &Value) -> Result<Name, Fault> {
    Named::read(given(input)).and_then(|named| Name::of(named.name)).ok_or_else(|| missing(given(input)))
}

impl Store {
    /// The function that a call names, whose newest version is the only one.
    pub(super) fn find(&mut self, input: &Value) -> Result<&mut Function, Fault> {
        let (given, version) = (given(input), version(input)?);
        let function = self.unqualified(given)?;
        match version.filter(|version| *version != NEWEST) {
            None => Ok(function),
            Some(version) => Err(missing(&format!("{}:{version}", function.arn))),
        }
    }

    /// The function that a call is to delete; none where it names one of the versions that nobody has published.
    pub(super) fn find_deletable(&mut self, input: &Value) -> Result<Option<&Function>, Fault> {
        let version = version(input)?;
        match version {
            Some(NEWEST) => Err(invalid("$LATEST version cannot be deleted without deleting the function.")),
            Some(version) if !version.bytes().all(|digit| digit.is_ascii_digit()) => {
                Err(invalid("Deletion of aliases is not currently supported."))
            }
            _ => self.unqualified(given(input)).map(|function| version.is_none().then_some(&*function)),
        }
    }

    /// The function that an ARN in `Resource` names, as the calls about tags have it.
    pub(super) fn find_tagged(&mut self, input: &Value) -> Result<&mut Function, Fault> {
        let given = input["Resource"].as_str().unwrap_or_default();
        if Named::read(given).is_some_and(|named| named.qualifier.is_some()) {
            return Err(invalid(
                "Tags on function aliases and versions are not supported. Please specify a function ARN.",
            ));
        }
        self.unqualified(given)
    }

    fn unqualified(&mut self, given: &str) -> Result<&mut Function, Fault> {
        let named = Named::read(given).ok_or_else(|| missing(given))?;
        let function = self.functions.get_mut(named.name).ok_or_else(|| missing(given))?;
        let mut arn = function.arn.split(':').skip(3);
        let (here, account) = (arn.next().unwrap_or_default(), arn.next().unwrap_or_default());
        if let Some(elsewhere) = named.region.filter(|region| *region != here) {
            return Err(absent(format!("Functions from '{elsewhere}' are not reachable in this region ('{here}')")));
        }
        // Accounts share nothing, so nobody may look whether another one has it.
        if named.account.is_some_and(|other| other != account) {
            return Err(missing(given));
        }
        Ok(function)
    }
}

fn given(input: &Value) -> &str {
    input["FunctionName"].as_str().unwrap_or_default()
}

/// The version or alias that a call names: beside the function's name, or behind it.
fn version(input: &Value) -> Result<Option<&str>, Fault> {
    let derived = Named::read(given(input)).and_then(|named| named.qualifier);
    let asked = input["Qualifier"].as_str();
    if derived.is_some() && asked.is_some() && derived != asked {
        return Err(invalid("The derived qualifier from the function name does not match the specified qualifier."));
    }
    Ok(asked.or(derived))
}

fn missing(what: &str) -> Fault {
    absent(format!("Function not found: {what}"))
}

fn absent(message: String) -> Fault {
    Fault::new("ResourceNotFoundException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_behind_what_may_come_before_it() {
        let at = |region, account, name, qualifier| Some(Named { region, account, name, qualifier });
        let (here, owner) = (Some("eu-central-1"), Some("123456789012"));
        for (given, expected) in [
            ("one", at(None, None, "one", None)),
            ("one:7", at(None, None, "one", Some("7"))),
            ("function", at(None, None, "function", None)),
            ("function:$LATEST", at(None, None, "function", Some("$LATEST"))),
            ("function:one", at(None, None, "one", None)),
            ("function:function:live", at(None, None, "function", Some("live"))),
            ("123456789012", at(None, None, "123456789012", None)),
            ("123456789012:one", at(None, owner, "one", None)),
            ("123456789012:function", at(None, owner, "function", None)),
            ("123456789012:function:one", at(None, owner, "one", None)),
            ("123456789012:function:function", at(None, owner, "function", None)),
            ("arn:aws:lambda:eu-central-1:123456789012:function:one", at(here, owner, "one", None)),
            ("arn:aws:lambda:eu-central-1:123456789012:function:function:7", at(here, owner, "function", Some("7"))),
            ("", None),
            ("function:", None),
            ("arn:aws:lambda:eu-central-1:123456789012:function:", None),
            ("..", None),
            ("a/b", None),
            ("one:two:three", None),
        ] {
            assert_eq!(Named::read(given), expected, "{given}");
        }
    }

    #[test]
    fn what_is_no_name_is_no_folder() {
        for text in ["", ".", "..", "a/b", "a.b", "$LATEST", &"x".repeat(65)] {
            assert_eq!(Name::of(text), None, "{text}");
            assert!(serde_json::from_value::<Name>(Value::from(text)).is_err(), "{text}");
        }
    }
}
