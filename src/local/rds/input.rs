//! Reading an action's input, and the refusals that every action shares.

use serde_json::{Map, Value, json};

use super::defaults::is_default;
use crate::local::fault::Fault;

/// An action's input; the model has checked names and types.
pub(super) struct Input(pub(super) Value);

impl Input {
    pub(super) fn text(&self, member: &str) -> Option<&str> {
        self.0.get(member)?.as_str()
    }

    /// A member that the model requires.
    pub(super) fn required(&self, member: &str) -> Result<&str, Fault> {
        let missing = || Fault::new("MissingParameter", format!("The request must contain the parameter {member}"));
        self.text(member).filter(|text| !text.is_empty()).ok_or_else(missing)
    }

    pub(super) fn number(&self, member: &str) -> Option<i64> {
        self.0.get(member)?.as_i64()
    }

    pub(super) fn flag(&self, member: &str) -> Option<bool> {
        self.0.get(member)?.as_bool()
    }

    /// A list of texts; `None` where the member is absent, which is not the same as an empty list.
    pub(super) fn texts(&self, member: &str) -> Option<Vec<String>> {
        let list = self.0.get(member)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    pub(super) fn list(&self, member: &str) -> &[Value] {
        self.0.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// A nested structure.
    pub(super) fn part(&self, member: &str) -> Option<Self> {
        self.0.get(member).filter(|value| value.is_object()).map(|value| Self(value.clone()))
    }

    pub(super) fn has(&self, member: &str) -> bool {
        self.0.get(member).is_some_and(|value| !value.is_null())
    }

    /// Refuses every member that is not `known`: what the local cloud cannot do, it does not accept.
    pub(super) fn only(&self, action: &str, known: &[&str]) -> Result<(), Fault> {
        let given = self.0.as_object().into_iter().flat_map(Map::keys);
        let is_kept = |member: &String| known.contains(&member.as_str()) || is_default(action, member, &self.0[member]);
        match given.filter(|member| self.has(member)).find(|member| !is_kept(member)) {
            Some(member) => Err(Fault::new(
                "InvalidParameterCombination",
                format!("The parameter {member} of {action} is not supported by the local cloud"),
            )),
            None => Ok(()),
        }
    }

    /// Copies members into `kept` under the name that the answer uses.
    pub(super) fn keep(&self, members: &[(&str, &str)], kept: &mut Map<String, Value>) {
        for (given, answered) in members {
            if let Some(value) = self.0.get(*given).filter(|value| !value.is_null()) {
                kept.insert((*answered).to_owned(), value.clone());
            }
        }
    }
}

/// `InvalidParameterValue`.
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterValue", message)
}

/// `InvalidParameterCombination`.
pub(super) fn combination(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterCombination", message)
}

/// The 404 that RDS answers for what does not exist.
pub(super) fn missing(code: &str, message: impl Into<String>) -> Fault {
    Fault::new(code, message).with_status(404)
}

/// An identifier in RDS's one form, lower case; refused where AWS refuses it.
pub(super) fn identifier(member: &str, given: &str, longest: usize) -> Result<String, Fault> {
    let letters = given.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let begins = given.starts_with(|letter: char| letter.is_ascii_alphabetic());
    if !letters || !begins || given.ends_with('-') || given.contains("--") {
        return Err(invalid(format!(
            "The parameter {member} is not a valid identifier. Identifiers must begin with a letter; must contain only \
             ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
        )));
    }
    if given.len() > longest {
        return Err(invalid(format!(
            "The parameter {member} is not a valid identifier because it is longer than {longest} characters."
        )));
    }
    Ok(given.to_ascii_lowercase())
}

/// A parsed `Filters` member.
pub(super) struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// The filters of a describe call; a name that is not `known` is refused.
    pub(super) fn of(input: &Input, known: &[&str]) -> Result<Self, Fault> {
        let mut filters = Vec::new();
        for filter in input.list("Filters") {
            let filter = Input(filter.clone());
            let name = filter.required("Name")?;
            if !known.contains(&name) {
                return Err(invalid(format!("Unrecognized filter name: {name}")));
            }
            let values = filter.texts("Values").unwrap_or_default();
            if values.is_empty() {
                return Err(invalid(format!("The filter {name} needs at least one value")));
            }
            filters.push((name.to_owned(), values));
        }
        Ok(Self(filters))
    }

    /// Whether a resource with these values of the filter `name` passes; an ARN is compared by its last part too.
    pub(super) fn pass(&self, name: &str, values: &[&str]) -> bool {
        let matches =
            |wanted: &String| values.iter().any(|value| wanted == value || wanted.rsplit(':').next() == Some(value));
        self.0.iter().filter(|(filter, _)| filter == name).all(|(_, wanted)| wanted.iter().any(matches))
    }
}

/// One page of a list under `member`, with the marker of the next one. RDS allows 20 to 100 records a page.
pub(super) fn page(input: &Input, member: &str, items: Vec<Value>) -> Result<Value, Fault> {
    page_of(100, input, member, items)
}

/// The same, where RDS allows more records a page.
pub(super) fn page_of(most: i64, input: &Input, member: &str, items: Vec<Value>) -> Result<Value, Fault> {
    let size = input.number("MaxRecords").unwrap_or(100);
    if !(20..=most).contains(&size) {
        return Err(invalid(format!("Invalid value {size} for MaxRecords. Must be between 20 and {most}")));
    }
    let start = match input.text("Marker").filter(|marker| !marker.is_empty()) {
        None => 0,
        Some(marker) => marker
            .strip_prefix("after-")
            .and_then(|number| number.parse::<usize>().ok())
            .filter(|number| *number <= items.len())
            .ok_or_else(|| invalid("The parameter Marker has an invalid value."))?,
    };
    let end = items.len().min(start + usize::try_from(size).unwrap_or(100));
    let marker = (end < items.len()).then(|| format!("after-{end}"));
    Ok(json!({ member: items.get(start..end).unwrap_or_default(), "Marker": marker }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_follow_the_rules_of_rds() {
        assert_eq!(identifier("X", "Shop-DB1", 63).as_deref(), Ok("shop-db1"));
        for wrong in ["1shop", "shop-", "sh--op", "sh_op", "", &"a".repeat(64)] {
            assert_eq!(identifier("X", wrong, 63).unwrap_err().code, "InvalidParameterValue", "{wrong}");
        }
    }

    #[test]
    fn pages_join_to_the_whole_list() {
        let items: Vec<Value> = (0..45).map(Value::from).collect();
        let (mut seen, mut marker) = (Vec::new(), Value::Null);
        for _ in 0..3 {
            let input = Input(json!({"MaxRecords": 20, "Marker": marker}));
            let answer = page(&input, "Things", items.clone()).unwrap();
            seen.extend(answer["Things"].as_array().unwrap().clone());
            marker = answer["Marker"].clone();
        }
        assert_eq!((seen, marker), (items, Value::Null));
        assert!(page(&Input(json!({"MaxRecords": 19})), "Things", vec![]).is_err());
        assert!(page(&Input(json!({"MaxRecords": 101})), "Things", vec![]).is_err());
        assert!(page_of(1000, &Input(json!({"MaxRecords": 1000})), "Things", vec![]).is_ok());
        assert!(page(&Input(json!({"Marker": "after-9"})), "Things", vec![]).is_err());
    }

    #[test]
    fn an_unknown_filter_is_refused_by_name() {
        let input = Input(json!({"Filters": [{"Name": "colour", "Values": ["red"]}]}));
        let refused = Filters::of(&input, &["engine"]).err().unwrap();
        assert_eq!(refused.message, "Unrecognized filter name: colour");
    }
}
