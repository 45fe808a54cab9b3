//! App Runner: services, connectors, auto scaling configurations.

use serde::{Deserialize, Serialize};

use super::service::Service;

/// What exists, in one region (IAM: in one account).
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {}

impl Store {
    /// Moves every resource whose time has come into its next state.
    pub(crate) fn settle(&mut self, _now: super::pace::Millis) {}

    /// Every resource that exists.
    pub(crate) fn inventory(&self) -> Vec<super::inventory::Item> {
        Vec::new()
    }
}

/// The service's actions.
pub(crate) static SERVICE: Service = Service { name: "apprunner", actions: &[] };
