//! Lambda: functions with code in a zip file, their states, and what they answer when they are called.
//!
//! A function's code is unpacked when it is given; each call runs its `bootstrap` as a process of its own ([`environment`]),
//! which fetches the call from the [`runtime`] API as it would in AWS.

mod change;
mod check;
mod code;
mod environment;
mod function;
mod invoke;
mod list;
mod name;
mod network;
mod never;
pub(crate) mod queue;
mod report;
mod runtime;
mod settings;
mod upload;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{fault::Fault, inventory::Item, pace::Millis, service::Service};
pub(crate) use code::{is_code, is_workshop};
use function::Function;

/// AWS's times: a function outside of a VPC, one whose network interfaces have to be made, and new code.
const CREATE: Duration = Duration::from_secs(3);
const CREATE_IN_VPC: Duration = Duration::from_secs(60);
const UPDATE: Duration = Duration::from_secs(3);
/// The one version that a function has here.
const NEWEST: &str = "$LATEST";
/// How long the network interfaces of a function that was deleted hold their subnets and groups.
const LINGER: Duration = Duration::from_secs(20 * 60);

/// The functions of one region.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    /// By name.
    functions: BTreeMap<String, Function>,
    /// What is still to be called; the first was asked for first.
    queue: Vec<queue::Event>,
}

impl Store {
    /// Ends what has taken its time.
    pub(crate) fn settle(&mut self, now: Millis) {
        self.functions.values_mut().for_each(|function| function.settle(now));
    }

    /// Everything that exists.
    pub(crate) fn inventory(&self) -> Vec<Item> {
        let item = |function: &Function| Item {
            service: "lambda",
            kind: "function",
            id: function.arn.clone(),
            name: function.name.clone(),
            state: function.state.name().to_owned(),
            tags: function.tags.clone(),
        };
        self.functions.values().map(item).collect()
    }
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterValueException", message)
}

fn conflict(message: impl Into<String>) -> Fault {
    Fault::new("ResourceConflictException", message)
}

/// The service's actions.
pub(crate) static SERVICE: Service = Service {
    name: "lambda",
    actions: &[
        ("CreateFunction", upload::create),
        ("UpdateFunctionCode", upload::update),
        ("UpdateFunctionConfiguration", change::update_configuration),
        ("DeleteFunction", change::delete),
        ("GetFunction", list::get),
        ("GetFunctionConfiguration", list::get_configuration),
        ("ListFunctions", list::list),
        ("ListVersionsByFunction", list::versions),
        ("Invoke", invoke::invoke),
        ("TagResource", list::tag),
        ("UntagResource", list::untag),
        ("ListTags", list::list_tags),
        ("ListAliases", never::aliases),
        ("GetAlias", never::alias),
        ("ListFunctionUrlConfigs", never::urls),
        ("GetFunctionUrlConfig", never::absent),
        ("DeleteFunctionUrlConfig", never::absent),
        ("ListFunctionEventInvokeConfigs", never::invoke_configurations),
        ("GetFunctionEventInvokeConfig", never::invoke_configuration),
        ("DeleteFunctionEventInvokeConfig", never::invoke_configuration),
        ("GetPolicy", never::absent),
        ("RemovePermission", never::permission),
        ("GetFunctionConcurrency", never::unset),
        ("DeleteFunctionConcurrency", never::remove),
        ("ListProvisionedConcurrencyConfigs", never::provisioned),
        ("GetFunctionCodeSigningConfig", never::unset),
        ("DeleteFunctionCodeSigningConfig", never::remove),
        ("ListCodeSigningConfigs", never::signing_configurations),
        ("ListEventSourceMappings", never::event_sources),
        ("GetEventSourceMapping", never::absent),
        ("DeleteEventSourceMapping", never::absent),
        ("ListLayers", never::layers),
        ("ListLayerVersions", never::layer_versions),
        ("GetRuntimeManagementConfig", never::runtime_updates),
        ("GetFunctionRecursionConfig", never::recursion),
    ],
    runs: &[
        ("CreateFunction", upload::run),
        ("UpdateFunctionCode", upload::run),
        ("DeleteFunction", upload::remove),
        ("Invoke", invoke::run),
    ],
};

#[cfg(test)]
mod tests;
