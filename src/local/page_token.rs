//! Page tokens on their way out and in, for every service: what a service knows as a token is sealed with what was asked, so
//! that nobody reads it, and that no other call, account, region or question takes it.

use std::cell::OnceCell;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::model::{Model, Operation};

/// The members of answers that hold tokens.
const GIVEN: &[&str] = &["NextToken", "nextToken", "Marker", "NextMarker", "nextForwardToken", "nextBackwardToken"];

/// The part of an answer in which RDS has the token of two of its actions.
const PART: &str = "EngineDefaults";

/// The members of inputs that hold them.
const TAKEN: &[&str] = &["NextToken", "nextToken", "Marker"];

/// The members that may differ from page to page.
const OF_THE_PAGE: &[&str] = &["MaxResults", "maxResults", "MaxItems", "MaxRecords", "Limit", "limit"];

/// What no service takes for one of its tokens: it refuses it in its own words.
const STRANGE: &str = "?";

/// How many bytes of a token prove that it is ours.
const PROOF: usize = 8;

/// What the tokens of one call are sealed with; nothing, where the action knows no tokens. What was asked is brought into a key
/// only where there is a token: most calls have none.
pub(crate) struct Seal(Option<Bound>);

/// What the tokens of one call are bound to.
struct Bound {
    place: String,
    asked: Vec<(String, Value)>,
    key: OnceCell<Vec<u8>>,
}

impl Bound {
    fn key(&self) -> &[u8] {
        self.key.get_or_init(|| {
            let asked: Vec<String> = self.asked.iter().map(|(name, value)| format!("{name}={value}")).collect();
            Sha256::digest(format!("{} {}", self.place, asked.join("&"))).to_vec()
        })
    }
}

impl Seal {
    /// The seal of a call of an action in a `place`: an account, a region and a service.
    pub(crate) fn of(place: [&str; 3], model: &Model, operation: &Operation, input: &Value) -> Self {
        let gives = |name: &str| operation.output.is_some_and(|output| model.has_member(output, name));
        if !GIVEN.iter().any(|name| gives(name)) && !gives(PART) {
            return Self(None);
        }
        let bound: fn(&str) -> bool = match operation.name.as_str() {
            // Its Marker is a place in a file.
            "DownloadDBLogFilePortion" => return Self(None),
            // Its tokens lead forward and backward from wherever a stream was read.
            "GetLogEvents" => |name| name.starts_with("log"),
            _ => |name| !OF_THE_PAGE.contains(&name) && !TAKEN.contains(&name),
        };
        let members = input.as_object().into_iter().flatten().filter(|(name, _)| bound(name));
        let mut asked: Vec<_> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
        asked.sort_by(|one, other| one.0.cmp(&other.0));
        Self(Some(Bound { place: format!("{} {}", place.join(" "), operation.name), asked, key: OnceCell::new() }))
    }

    /// Puts the service's own tokens in the place of sealed ones in an input.
    pub(crate) fn open(&self, input: &mut Value) {
        let Some(bound) = &self.0 else { return };
        for name in TAKEN {
            if let Some(Value::String(token)) = input.get_mut(name)
                && !token.is_empty()
            {
                *token = opened(bound.key(), token).unwrap_or_else(|| STRANGE.to_owned());
            }
        }
    }

    /// Seals the tokens of an answer.
    pub(crate) fn close(&self, output: &mut Value) {
        let Some(bound) = &self.0 else { return };
        let output = if output.get(PART).is_some() { &mut output[PART] } else { output };
        for name in GIVEN {
            if let Some(Value::String(token)) = output.get_mut(name) {
                *token = sealed(bound.key(), token);
            }
        }
    }
}

/// The directions of a log's tokens stay readable: clients and AWS's documentation know them.
fn direction(token: &str) -> Option<&str> {
    token.get(..2).filter(|begin| ["f/", "b/"].contains(begin))
}

/// The same token is always sealed in the same way: who reads a log to its end sees it by a token that stays.
fn sealed(key: &[u8], token: &str) -> String {
    let mut bytes = Sha256::digest([key, token.as_bytes()].concat())[..PROOF].to_vec();
    bytes.extend(hidden(key, token.as_bytes()));
    let text = URL_SAFE_NO_PAD.encode(bytes);
    direction(token).map_or_else(|| text.clone(), |direction| format!("{direction}{text}/s"))
}

fn opened(key: &[u8], sealed_token: &str) -> Option<String> {
    let text = match direction(sealed_token) {
        Some(direction) => sealed_token.strip_prefix(direction)?.strip_suffix("/s")?,
        None => sealed_token,
    };
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let token = String::from_utf8(hidden(key, bytes.get(PROOF..)?)).ok()?;
    (sealed(key, &token) == sealed_token).then_some(token)
}

/// Hides bytes, and shows hidden ones.
fn hidden(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let block = |number: usize| Sha256::digest([key, &number.to_be_bytes()].concat());
    let blocks = bytes.chunks(32).enumerate();
    blocks
        .flat_map(|(number, chunk)| chunk.iter().zip(block(number)).map(|(byte, mask)| byte ^ mask).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLACE: [&str; 3] = ["000000000000", "eu-central-1", "ssm"];

    fn seal(place: [&str; 3], action: &str, input: &Value) -> Seal {
        let model = Model::of(place[2]).unwrap();
        Seal::of(place, model, model.operation(action).unwrap(), input)
    }

    #[test]
    fn what_has_no_token_is_not_sealed() {
        let asked = json!({ "Path": "/a" });
        let seal_of_a_page = seal(PLACE, "GetParametersByPath", &asked);
        let has_key = || seal_of_a_page.0.as_ref().unwrap().key.get().is_some();
        seal_of_a_page.open(&mut asked.clone());
        seal_of_a_page.close(&mut json!({ "Parameters": [] }));
        assert!(!has_key());
        seal_of_a_page.close(&mut json!({ "NextToken": "3:/a/b" }));
        assert!(has_key());
        // A function's code may have 50 MB.
        let code = json!({ "Code": { "ZipFile": "UEsDBA==" }, "FunctionName": "one" });
        assert!(seal(["000000000000", "eu-central-1", "lambda"], "CreateFunction", &code).0.is_none());
    }

    #[test]
    fn a_token_is_taken_by_the_question_that_it_answers() {
        let asked = json!({ "Path": "/a", "MaxResults": 1 });
        let mut answer = json!({ "NextToken": "3:/a/b", "Parameters": [] });
        seal(PLACE, "GetParametersByPath", &asked).close(&mut answer);
        let token = answer["NextToken"].clone();
        assert!(!token.as_str().unwrap().contains("/a/b"));
        let taken = |place, action, input: &Value| {
            let mut input = input.clone();
            seal(place, action, &input).open(&mut input);
            input["NextToken"].as_str().unwrap().to_owned()
        };
        let same = json!({ "NextToken": token, "MaxResults": 5, "Path": "/a" });
        assert_eq!(taken(PLACE, "GetParametersByPath", &same), "3:/a/b");
        let other = json!({ "NextToken": token, "Path": "/b" });
        assert_eq!(taken(PLACE, "GetParametersByPath", &other), STRANGE);
        assert_eq!(taken(PLACE, "DescribeParameters", &same), STRANGE);
        for place in [["111122223333", PLACE[1], PLACE[2]], [PLACE[0], "us-east-1", PLACE[2]]] {
            assert_eq!(taken(place, "GetParametersByPath", &same), STRANGE);
        }
        for foreign in ["", "x", "3:/a/b", "MzovYS9i"] {
            let asked = json!({ "NextToken": foreign, "Path": "/a" });
            let found = taken(PLACE, "GetParametersByPath", &asked);
            assert_eq!(found, if foreign.is_empty() { "" } else { STRANGE });
        }
    }

    #[test]
    fn the_token_of_the_defaults_is_in_a_part_of_the_answer() {
        let place = ["000000000000", "eu-central-1", "rds"];
        for action in ["DescribeEngineDefaultParameters", "DescribeEngineDefaultClusterParameters"] {
            let asked = json!({ "DBParameterGroupFamily": "aurora-postgresql15" });
            let mut answer = json!({ "EngineDefaults": { "Marker": "after-20" } });
            seal(place, action, &asked).close(&mut answer);
            let mut again = json!({ "DBParameterGroupFamily": "aurora-postgresql15", "Marker": answer["EngineDefaults"]["Marker"] });
            assert_ne!(again["Marker"], "after-20");
            seal(place, action, &again.clone()).open(&mut again);
            assert_eq!(again["Marker"], "after-20");
        }
    }

    #[test]
    fn a_logs_tokens_tell_their_direction_and_stay() {
        let seal = |input: &Value| seal(["000000000000", "eu-central-1", "logs"], "GetLogEvents", input);
        let asked = json!({ "logGroupName": "/a", "logStreamName": "one", "startFromHead": true });
        let inner =
            json!({ "nextForwardToken": format!("f/{:056}/s", 3), "nextBackwardToken": format!("b/{:056}/s", 0) });
        let mut answer = inner.clone();
        seal(&asked).close(&mut answer);
        let token = answer["nextForwardToken"].clone();
        assert!(token.as_str().is_some_and(|token| token.starts_with("f/") && token.ends_with("/s")), "{token}");
        let mut again = inner.clone();
        seal(&asked).close(&mut again);
        assert_eq!(again, answer);
        // Without the first call's direction, and only of this stream.
        let mut next = json!({ "logGroupName": "/a", "logStreamName": "one", "nextToken": token });
        seal(&next.clone()).open(&mut next);
        assert_eq!(next["nextToken"], inner["nextForwardToken"]);
        let mut other = json!({ "logGroupName": "/a", "logStreamName": "two", "nextToken": token });
        seal(&other.clone()).open(&mut other);
        assert_eq!(other["nextToken"], STRANGE);
    }
}
