//! How a function is named: its name alone, a partial ARN, a full one, and a version or alias behind each of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{NEWEST, function::Function, invalid};
use crate::local::{fault::Fault, world::Ctx};

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

    /// Refuses what is elsewhere.
    fn check_place(&self, ctx: &Ctx<'_>) -> Result<(), Fault> {
        let here = ctx.region_name;
        if let Some(elsewhere) = self.region.filter(|region| *region != here) {
            return Err(absent(format!("Functions from '{elsewhere}' are not reachable in this region ('{here}')")));
        }
        // Accounts share nothing.
        match self.account.filter(|account| *account != ctx.account) {
            None => Ok(()),
            Some(other) => {
                let message = format!("Nobody in the account {} may do this with functions of {other}.", ctx.account);
                Err(Fault::new("AccessDeniedException", message).with_status(403))
            }
        }
    }
}

/// The name in a text that names a function that is to be made.
pub(super) fn new(ctx: &Ctx<'_>, given: &str) -> Result<Name, Fault> {
    let refused = |what: &str| {
        invalid(format!(
            "1 validation error detected: Value '{given}' at 'functionName' failed to satisfy constraint: {what}"
        ))
    };
    let named = Named::read(given).filter(|named| named.qualifier.is_none());
    let named = named.ok_or_else(|| refused("Member must be the name of a function, without a version or an alias"))?;
    named.check_place(ctx)?;
    let too_long = || refused(&format!("Member must have length less than or equal to {LONGEST}"));
    Name::of(named.name).ok_or_else(too_long)
}

/// The name in an input that names a function.
pub(super) fn meant(input: &Value) -> Result<Name, Fault> {
    let given = given(input);
    Named::read(given).and_then(|named| Name::of(named.name)).ok_or_else(|| missing(given))
}

/// The function that a call names, whose newest version is the only one.
pub(super) fn find<'a>(ctx: &'a mut Ctx<'_>, input: &Value) -> Result<&'a mut Function, Fault> {
    let version = version(input)?;
    let function = unqualified(ctx, given(input), version)?;
    match version.filter(|version| *version != NEWEST) {
        None => Ok(function),
        Some(version) => Err(missing(&format!("{}:{version}", function.arn))),
    }
}

/// The function that a call is to delete; none where it names one of the versions that nobody has published.
pub(super) fn find_deletable<'a>(ctx: &'a mut Ctx<'_>, input: &Value) -> Result<Option<&'a Function>, Fault> {
    let version = version(input)?;
    match version {
        Some(NEWEST) => Err(invalid("$LATEST version cannot be deleted without deleting the function.")),
        Some(version) if !version.bytes().all(|digit| digit.is_ascii_digit()) => {
            Err(invalid("Deletion of aliases is not currently supported."))
        }
        _ => unqualified(ctx, given(input), None).map(|function| version.is_none().then_some(&*function)),
    }
}

/// The function that an ARN in `Resource` names, as the calls about tags have it.
pub(super) fn find_tagged<'a>(ctx: &'a mut Ctx<'_>, input: &Value) -> Result<&'a mut Function, Fault> {
    let given = input["Resource"].as_str().unwrap_or_default();
    if Named::read(given).is_some_and(|named| named.qualifier.is_some()) {
        return Err(invalid("Tags on function aliases and versions are not supported. Please specify a function ARN."));
    }
    unqualified(ctx, given, None)
}

/// The function itself; who does not find it is told of the version that was asked for.
fn unqualified<'a>(ctx: &'a mut Ctx<'_>, given: &str, version: Option<&str>) -> Result<&'a mut Function, Fault> {
    let named = Named::read(given).ok_or_else(|| missing(given))?;
    named.check_place(ctx)?;
    let arn = arn(ctx, named.name);
    let arn = version.map_or_else(|| arn.clone(), |version| format!("{arn}:{version}"));
    ctx.region.lambda.functions.get_mut(named.name).ok_or_else(|| missing(&arn))
}

/// The ARN of a function here.
pub(super) fn arn(ctx: &Ctx<'_>, name: &str) -> String {
    format!("arn:aws:lambda:{}:{}:function:{name}", ctx.region_name, ctx.account)
}

fn given(input: &Value) -> &str {
    input["FunctionName"].as_str().unwrap_or_default()
}

/// The version or alias that a call names: beside the function's name, or behind it.
pub(super) fn version(input: &Value) -> Result<Option<&str>, Fault> {
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
