//! The members that actions read and write alike: times, tags, pages, random identifiers, secret text.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::Rng;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{fault::Fault, pace::Millis};

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// Text or data that must never be shown: its `Debug` form says only that it is there.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Sealed<T>(pub(crate) T);

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(sealed)")
    }
}

/// One tag as the services that list them as pairs write it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// The code under which an action refuses an input that it cannot read; each service has its own for the client.
pub(crate) const UNREADABLE: &str = "Unreadable";

/// Reads an action's input. What the model lets pass and the action cannot read is mostly a number below zero. The text leaves
/// the values out because they may be secret.
pub(crate) fn decode<T: DeserializeOwned>(input: Value) -> Result<T, Fault> {
    serde_json::from_value(input).map_err(|error| {
        let kind = match error.classify() {
            serde_json::error::Category::Data => "a member with a value that is none of its kind",
            _ => "an unreadable member",
        };
        Fault::new(UNREADABLE, format!("The input of this action is not valid: it has {kind}."))
    })
}

/// A moment as the protocol layer takes it: RFC 3339 with milliseconds.
pub(crate) fn time(at: Millis) -> Value {
    let milliseconds = i64::try_from(at).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(milliseconds).map_or(Value::Null, |moment| json!(format!("{moment:.3}")))
}

/// A moment that may not have come.
pub(crate) fn optional_time(at: Option<Millis>) -> Value {
    at.map_or(Value::Null, time)
}

/// Takes `given` into `tags`, each replacing the one of the same key.
pub(crate) fn merge_tags(tags: &mut Tags, given: Vec<Tag>) {
    tags.extend(given.into_iter().map(|tag| (tag.key, tag.value)));
}

/// Tags as a list of `Key` and `Value`.
pub(crate) fn tag_list(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// Whether a tag key is reserved for AWS itself.
pub(crate) fn is_reserved(key: &str) -> bool {
    key.to_ascii_lowercase().starts_with("aws:")
}

/// One page of a list, and the token of the next one.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

/// Cuts the page that `token` points at out of `items`, at most `limit` long; `None` if the token is not
/// one of ours. A token names the first item of its page, so that what is created or deleted between two
/// calls neither hides nor repeats another item.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    token: Option<&str>,
    limit: usize,
    key: impl Fn(&T) -> String,
) -> Option<Page<T>> {
    let start = match token {
        None => 0,
        Some(token) => {
            let (index, first) = read_token(token)?;
            items.iter().position(|item| key(item) == first).unwrap_or(index).min(items.len())
        }
    };
    let end = start.saturating_add(limit.max(1)).min(items.len());
    let next = items.get(end).map(|item| URL_SAFE_NO_PAD.encode(format!("{end}:{}", key(item))));
    items.truncate(end);
    Some(Page { items: items.split_off(start), next })
}

/// Reads a page's token: the index and the key of its first item.
fn read_token(token: &str) -> Option<(usize, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (index, key) = text.split_once(':')?;
    Some((index.parse().ok()?, key.to_owned()))
}

/// `length` random characters out of `alphabet`, which must be ASCII.
pub(crate) fn random_text(length: usize, alphabet: &[u8]) -> String {
    let mut random = rand::rng();
    (0..length).map(|_| char::from(alphabet[random.random_range(0..alphabet.len())])).collect()
}

/// `length` random hexadecimal digits.
pub(crate) fn random_hex(length: usize) -> String {
    random_text(length, b"0123456789abcdef")
}

/// Whether this can have come from [`random_hex`].
pub(crate) fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// A random UUID of version 4.
pub(crate) fn random_uuid() -> String {
    let hex = random_hex(32);
    let variant = random_text(1, b"89ab");
    format!("{}-{}-4{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

#[cfg(test)]
pub(crate) mod testing {
    //! One account and region to call actions on.

    use super::super::{fault::Fault, pace::Pace, service::Service, world::*};
    use serde_json::Value;

    /// A region with a clock that is set by hand.
    pub(crate) struct Cloud {
        pub(crate) account: Account,
        pub(crate) region: Region,
        pub(crate) now: u64,
        pub(crate) pace: Pace,
        /// Why what the next call makes is to fail.
        pub(crate) doom: Option<String>,
        /// The access key that signs the next call.
        pub(crate) access_key: String,
        pub(crate) region_name: &'static str,
        data: tempfile::TempDir,
    }

    impl Cloud {
        pub(crate) const ACCOUNT: &'static str = "000000000000";
        pub(crate) const REGION: &'static str = "eu-central-1";

        /// An empty region whose changes take AWS's times.
        pub(crate) fn new() -> Self {
            let now = 1_700_000_000_000;
            let (account, region) = (Account::default(), Region::default());
            let data = tempfile::tempdir().expect("a folder");
            let (access_key, region_name) = (String::new(), Self::REGION);
            Self { account, region, now, pace: Pace::Scaled(1.0), doom: None, access_key, region_name, data }
        }

        /// The folder for what is too large for the state.
        pub(crate) fn data(&self) -> &std::path::Path {
            self.data.path()
        }

        /// Lets time pass.
        pub(crate) fn wait(&mut self, seconds: u64) {
            self.now += seconds * 1000;
        }

        /// Calls one action of `service` as the daemon does: settle first.
        pub(crate) fn call(&mut self, service: &Service, action: &str, input: Value) -> Result<Value, Fault> {
            let (region, name) = (&self.region, self.region_name);
            self.account.iam.settle(self.now, |role| region.usage(name, role).into_iter().collect());
            self.region.settle(self.now, &self.account.iam);
            let (_, answer) = service.actions.iter().find(|(name, _)| *name == action).expect("a known action");
            let mut ctx = Ctx {
                account: Self::ACCOUNT,
                region_name: self.region_name,
                access_key: std::mem::take(&mut self.access_key),
                visitor: None,
                iam: &mut self.account.iam,
                region: &mut self.region,
                now: self.now,
                pace: self.pace,
                doom: self.doom.take(),
                data: self.data.path(),
                services: crate::local::service::SERVICES,
            };
            answer(&mut ctx, input)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_survive_changes_between_two_calls() {
        let first = page(vec!["a", "b", "c", "d"], None, 2, ToString::to_string).unwrap();
        assert_eq!(first.items, ["a", "b"]);
        let token = first.next.unwrap();
        let after_delete = page(vec!["b", "c", "d"], Some(&token), 2, ToString::to_string).unwrap();
        assert_eq!(after_delete.items, ["c", "d"]);
        assert_eq!(after_delete.next, None);
        let start_gone = page(vec!["a", "b", "d"], Some(&token), 9, ToString::to_string).unwrap();
        assert_eq!(start_gone.items, ["d"]);
        assert!(page(vec!["a"], Some("nonsense"), 2, ToString::to_string).is_none());
    }

    #[test]
    fn sealed_text_is_not_shown() {
        assert_eq!(format!("{:?}", Sealed("hunter2")), "(sealed)");
    }

    #[test]
    fn identifiers_have_their_shapes() {
        let uuid = random_uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert_eq!(time(1_700_000_000_123), json!("2023-11-14T22:13:20.123Z"));
    }
}
