//! Every `Describe…` call: which ids, which filters, which page.

use std::ops::RangeInclusive;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    call::{combination, invalid, unsupported},
    kind::Kind,
    view::View,
};
use crate::local::fault::Fault;

/// How one kind of resource is listed. A filter is a name and a path into the answer's item: what can be
/// filtered by is what is shown. Every kind has the filters `tag:KEY` and `tag-key` as well.
pub(super) struct Listing {
    pub(super) kind: &'static Kind,
    /// The member of the answer that holds the list, e.g. `Subnets`.
    pub(super) items: &'static str,
    /// The member of the input that holds ids, e.g. `SubnetIds`.
    pub(super) ids: &'static str,
    /// The member of an item that is its id, e.g. `SubnetId`.
    pub(super) id: &'static str,
    /// Filters and the paths they look at; lists on the path are looked through.
    pub(super) filters: &'static [(&'static str, &'static str)],
}

/// One filter of a request: any of the values, each with `*` and `?` as wildcards.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Filter {
    pub(super) name: String,
    values: Vec<String>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { name: "null".to_owned(), values: Vec::new() }
    }
}

/// What a request asks to see.
struct Request {
    ids: Vec<String>,
    filters: Vec<Filter>,
    max_results: Option<usize>,
    /// The id of the last item of the page before.
    after: Option<String>,
}

impl Listing {
    /// The answer to `input` out of `all` items of the kind, in pages of 5 to 1000.
    pub(super) fn answer(
        &self,
        view: &View<'_>,
        input: Value,
        all: impl IntoIterator<Item = Value>,
    ) -> Result<Value, Fault> {
        self.answer_pages_of(5..=1000, view, input, all)
    }

    /// The answer to `input` out of `all` items of the kind, in pages of these sizes.
    pub(super) fn answer_pages_of(
        &self,
        sizes: RangeInclusive<usize>,
        view: &View<'_>,
        input: Value,
        all: impl IntoIterator<Item = Value>,
    ) -> Result<Value, Fault> {
        let request = self.request(sizes, input)?;
        let all: Vec<Value> = all.into_iter().collect();
        if let Some(unknown) = request.ids.iter().find(|id| !all.iter().any(|item| self.id_of(item) == *id)) {
            return Err(self.kind.absent(unknown));
        }
        let mut items: Vec<Value> = all
            .into_iter()
            .filter(|item| request.ids.is_empty() || request.ids.iter().any(|id| id == self.id_of(item)))
            .filter(|item| request.filters.iter().all(|filter| self.passes(view, filter, item)))
            .collect();
        items.sort_by(|one, other| self.id_of(one).cmp(self.id_of(other)));
        if let Some(after) = &request.after {
            items.retain(|item| self.id_of(item) > after.as_str());
        }
        let mut answer = Map::new();
        if let Some(size) = request.max_results
            && items.len() > size
        {
            items.truncate(size);
            let last = items.last().map(|item| self.id_of(item)).unwrap_or_default();
            answer.insert("NextToken".to_owned(), json!(BASE64_STANDARD.encode(last)));
        }
        answer.insert(self.items.to_owned(), Value::Array(items));
        Ok(Value::Object(answer))
    }

    /// Reads the request and refuses what it may not ask for.
    fn request(&self, sizes: RangeInclusive<usize>, input: Value) -> Result<Request, Fault> {
        let mut request = Request { ids: Vec::new(), filters: Vec::new(), max_results: None, after: None };
        let Value::Object(members) = input else { return Ok(request) };
        for (name, value) in members {
            match name.as_str() {
                "Filters" | "Filter" => request.filters = read_filters(value)?,
                "MaxResults" => request.max_results = Some(page_size(&sizes, &value)?),
                "NextToken" => request.after = Some(read_token(&value)?),
                name if name == self.ids => request.ids = decode(value)?,
                other => return Err(unsupported(other)),
            }
        }
        if request.max_results.is_some() && !request.ids.is_empty() {
            let ids = lower_first(self.ids);
            return Err(combination(format!("The parameter {ids} cannot be used with the parameter maxResults")));
        }
        for Filter { name, .. } in &request.filters {
            let of_tags = name.starts_with("tag:") || (name == "tag-key" && !self.lists_tags());
            if self.path(name).is_none() && !of_tags {
                return Err(unknown_filter(name));
            }
        }
        Ok(request)
    }

    /// Whether an item passes a filter.
    fn passes(&self, view: &View<'_>, filter: &Filter, item: &Value) -> bool {
        let found: Vec<String> = match filter.name.strip_prefix("tag:") {
            Some(key) if self.lists_tags() => {
                item["Value"].as_str().filter(|_| item["Key"] == key).into_iter().map(str::to_owned).collect()
            }
            Some(key) => {
                let tags = view.store.tags.get(self.id_of(item));
                tags.and_then(|tags| tags.get(key)).cloned().into_iter().collect()
            }
            None if filter.name == "tag-key" => {
                view.store.tags.get(self.id_of(item)).into_iter().flatten().map(|(key, _)| key.clone()).collect()
            }
            None => {
                let mut found = Vec::new();
                collect(item, self.path(&filter.name).unwrap_or_default(), &mut found);
                found
            }
        };
        found.iter().any(|value| filter.values.iter().any(|pattern| matches(pattern.as_bytes(), value.as_bytes())))
    }

    fn path(&self, filter: &str) -> Option<&'static str> {
        self.filters.iter().find(|(name, _)| *name == filter).map(|(_, path)| *path)
    }

    /// Whether the items are tags themselves: `tag:KEY` means the item then, and `tag-key` is no filter.
    fn lists_tags(&self) -> bool {
        self.items == "Tags"
    }

    fn id_of<'a>(&self, item: &'a Value) -> &'a str {
        item[self.id].as_str().unwrap_or_default()
    }
}

/// The filters of a call, as many and as long as EC2 takes them.
pub(super) fn read_filters(value: Value) -> Result<Vec<Filter>, Fault> {
    let filters: Vec<Filter> = decode(value)?;
    let values = || filters.iter().flat_map(|filter| &filter.values);
    if values().count() > 200 {
        let message = "The maximum number of filter values specified on a single call is 200";
        return Err(Fault::new("FilterLimitExceeded", message));
    }
    if values().any(|value| value.chars().count() > 255) {
        return Err(invalid("The maximum length for a filter value is 255 characters"));
    }
    Ok(filters)
}

/// The refusal of a filter that a call does not have.
pub(super) fn unknown_filter(name: &str) -> Fault {
    invalid(format!("The filter '{name}' is invalid"))
}

fn decode<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Fault> {
    serde_json::from_value(value).map_err(|error| invalid(error.to_string()))
}

/// How many items a page is to have.
pub(super) fn page_size(sizes: &RangeInclusive<usize>, value: &Value) -> Result<usize, Fault> {
    let size = value.as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
    if sizes.contains(&size) {
        return Ok(size);
    }
    let (least, most) = (sizes.start(), sizes.end());
    let bound = if size < *least { format!("greater than {least}") } else { format!("less than {most}") };
    Err(invalid(format!("Value ( {value} ) for parameter maxResults is invalid. Expecting a value {bound}.")))
}

fn read_token(value: &Value) -> Result<String, Fault> {
    let text = value.as_str().unwrap_or_default();
    let id = BASE64_STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    id.ok_or_else(|| Fault::new("InvalidNextToken", "The specified NextToken is not valid."))
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Every scalar under `path`, lists looked through.
fn collect(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, found)),
        Value::Object(members) => {
            let (head, rest) = path.split_once('.').unwrap_or((path, ""));
            if let Some(member) = members.get(head) {
                collect(member, rest, found);
            }
        }
        Value::String(text) => found.push(text.clone()),
        Value::Bool(_) | Value::Number(_) => found.push(value.to_string()),
        Value::Null => {}
    }
}

/// Whether `text` matches `pattern`: `*` is any run, `?` any one character, a backslash takes the next
/// literally. Only the last star is ever tried again, so that no pattern takes more than its length times
/// the text's.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    let mut last_star: Option<(&[u8], &[u8])> = None;
    loop {
        (pattern, text) = match (pattern, text) {
            ([], []) => return true,
            ([b'*', after @ ..], _) => {
                last_star = Some((after, text));
                (after, text)
            }
            ([b'?', rest @ ..], [_, text @ ..]) => (rest, text),
            ([b'\\', literal, rest @ ..], [first, text @ ..]) if literal == first => (rest, text),
            ([literal, rest @ ..], [first, text @ ..]) if literal == first && *literal != b'\\' => (rest, text),
            _ => match last_star {
                Some((after, [_, text @ ..])) => {
                    last_star = Some((after, text));
                    (after, text)
                }
                _ => return false,
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_in_ec2() {
        let table = [
            ("web", "web", true),
            ("web", "webs", false),
            ("*", "", true),
            ("w*b", "we are the web", true),
            ("w?b", "web", true),
            ("w?b", "wb", false),
            (r"\*", "*", true),
            (r"\*", "x", false),
            ("", "x", false),
            ("*ab*ab", "xabyabzab", true),
            ("*ab*ac", "xabyabzab", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn paths_look_through_lists() {
        let item = json!({"Sets": [{"Id": "a", "Main": true}, {"Id": "b"}], "Count": 3});
        let found = |path: &str| {
            let mut found = Vec::new();
            collect(&item, path, &mut found);
            found
        };
        assert_eq!(found("Sets.Id"), ["a", "b"]);
        assert_eq!(found("Sets.Main"), ["true"]);
        assert_eq!(found("Count"), ["3"]);
        assert!(found("Sets.None").is_empty());
    }
}
