//! SSM parameters: versions, labels, hierarchies, SecureStrings.

mod filter;
mod label;
mod name;
mod parameter;
mod put;
mod read;
mod reference;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{fault::Fault, inventory::Item, pace::Millis, service::Service};
use parameter::Parameter;

/// The parameters of one region, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    parameters: BTreeMap<String, Parameter>,
}

impl Store {
    /// Nothing about a parameter changes by itself.
    pub(crate) fn settle(&mut self, _now: Millis) {}

    /// The text of a parameter's newest version, decrypted.
    pub(crate) fn parameter_value(&self, arn_or_name: &str) -> Option<&str> {
        self.parameters.get(self.named(arn_or_name)).map(|parameter| parameter.newest.value.0.as_str())
    }

    /// Every parameter.
    pub(crate) fn inventory(&self) -> Vec<Item> {
        let item = |parameter: &Parameter| Item {
            service: "ssm",
            kind: "parameter",
            id: parameter.arn.clone(),
            name: parameter.name.clone(),
            state: "exists".to_owned(),
            tags: parameter.tags.clone(),
        };
        self.parameters.values().map(item).collect()
    }

    /// The name that a name or an ARN means. The ARNs of `one` and of `/one` are the same.
    fn named<'a>(&self, arn_or_name: &'a str) -> &'a str {
        let arn_or_name = arn_or_name.trim();
        let name = name::without_arn(arn_or_name);
        let before = arn_or_name.len() - name.len();
        match arn_or_name.get(before.saturating_sub(1)..) {
            Some(slashed) if before > 0 && !self.parameters.contains_key(name) && slashed.starts_with('/') => slashed,
            _ => name,
        }
    }

    fn find(&mut self, name: &str) -> Result<&mut Parameter, Fault> {
        let key = self.named(name);
        self.parameters.get_mut(key).ok_or_else(|| not_found(name))
    }
}

/// No parameter of that name.
fn not_found(name: &str) -> Fault {
    Fault::new("ParameterNotFound", format!("Parameter {name} not found."))
}

/// The service's actions.
pub(crate) static SERVICE: Service = Service {
    name: "ssm",
    actions: &[
        ("PutParameter", put::put_parameter),
        ("DeleteParameter", put::delete_parameter),
        ("DeleteParameters", put::delete_parameters),
        ("GetParameter", read::get_parameter),
        ("GetParameters", read::get_parameters),
        ("GetParametersByPath", read::get_parameters_by_path),
        ("GetParameterHistory", read::get_parameter_history),
        ("DescribeParameters", read::describe_parameters),
        ("LabelParameterVersion", label::label_parameter_version),
        ("UnlabelParameterVersion", label::unlabel_parameter_version),
        ("AddTagsToResource", label::add_tags_to_resource),
        ("RemoveTagsFromResource", label::remove_tags_from_resource),
        ("GetResourcePolicies", read::get_resource_policies),
        ("ListTagsForResource", label::list_tags_for_resource),
    ],
    runs: &[],
};

#[cfg(test)]
mod tests;
