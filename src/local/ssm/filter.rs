//! Filters on parameters.

use serde::Deserialize;

use super::parameter::Parameter;
use crate::local::fault::Fault;

/// A condition: any of the values, compared as the option says.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Filter {
    key: String,
    option: Option<String>,
    values: Vec<String>,
}

/// Refuses the filters that an action does not know. A key that ends in a colon stands for all that begin with it.
pub(super) fn check(filters: &[Filter], keys: &[&str]) -> Result<(), Fault> {
    for filter in filters {
        let known = |key: &&str| filter.key == *key || key.ends_with(':') && filter.key.starts_with(key);
        if !keys.iter().any(known) {
            let message = format!(
                "The following filter key is not valid: {}. Valid filter keys include: [{}]",
                filter.key,
                keys.join(", ")
            );
            return Err(Fault::new("InvalidFilterKey", message));
        }
        let options: &[&str] = match filter.key.as_str() {
            "Path" => &["OneLevel", "Recursive"],
            "Name" => &["BeginsWith", "Contains", "Equals"],
            _ => &["BeginsWith", "Equals"],
        };
        if let Some(option) = &filter.option
            && !options.contains(&option.as_str())
        {
            let message = format!(
                "The following filter option is not valid: {option}. Valid options include: [{}]",
                options.join(", ")
            );
            return Err(Fault::new("InvalidFilterOption", message));
        }
        if filter.values.is_empty() && !filter.key.starts_with("tag:") {
            let message = "The following filter values are missing : null for filter key ".to_owned() + &filter.key;
            return Err(Fault::new("InvalidFilterValue", message));
        }
    }
    Ok(())
}

/// The label that a filter asks for.
pub(super) fn label(filters: &[Filter]) -> Option<&str> {
    filters.iter().find(|filter| filter.key == "Label").and_then(|filter| filter.values.first()).map(String::as_str)
}

/// Whether a parameter passes every filter.
pub(super) fn matches_all(parameter: &Parameter, filters: &[Filter]) -> bool {
    filters.iter().all(|filter| filter.matches(parameter))
}

/// The same for `Filters`, which knows prefixes of names only.
pub(super) fn matches_all_old(parameter: &Parameter, filters: &[Filter]) -> bool {
    filters.iter().all(|filter| match filter.key.as_str() {
        "Name" => filter.values.iter().any(|value| parameter.name.starts_with(value.as_str())),
        _ => filter.matches(parameter),
    })
}

impl Filter {
    fn matches(&self, parameter: &Parameter) -> bool {
        let newest = &parameter.newest;
        match self.key.as_str() {
            "Name" => self.fits(&parameter.name) || self.fits(parameter.name.trim_start_matches('/')),
            "Type" => self.fits(&parameter.kind),
            "KeyId" => newest.key_id.as_deref().is_some_and(|key| self.fits(key)),
            "Tier" => self.fits(&newest.tier),
            "DataType" => self.fits(&newest.data_type),
            "Label" => self.values.iter().any(|label| parameter.version(Some(label)).is_some()),
            "Path" => self.values.iter().any(|path| {
                let prefix = format!("{}/", path.trim_end_matches('/'));
                let rest = parameter.name.strip_prefix(&prefix);
                rest.is_some_and(|rest| self.option.as_deref() == Some("Recursive") || !rest.contains('/'))
            }),
            key => parameter
                .tags
                .get(key.trim_start_matches("tag:"))
                .is_some_and(|value| self.values.is_empty() || self.fits(value)),
        }
    }

    fn fits(&self, text: &str) -> bool {
        self.values.iter().any(|value| match self.option.as_deref() {
            Some("BeginsWith") => text.starts_with(value.as_str()),
            Some("Contains") => text.contains(value.as_str()),
            _ => text == value,
        })
    }
}
