//! The stack description becomes resources. Pure: the same description and facts give the same resources.

mod data;
mod network;
mod service;

use crate::{
    engine::{Desired, Resource, Tags},
    resources::facts::Facts,
    stack::{NetworkTooSmall, Stack},
};

/// Every resource that the description asks for.
///
/// # Errors
/// Where the network cannot be divided; `infra validate` says that before.
pub fn expand(description: &Stack, facts: &Facts) -> Result<Vec<Desired>, NetworkTooSmall> {
    let mut stack = Expansion {
        description,
        facts,
        name: description.stack.as_str(),
        tags: description.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        resources: Vec::new(),
    };
    stack.network()?;
    stack.data()?;
    stack.service();
    Ok(stack.resources)
}

/// The resources so far.
struct Expansion<'a> {
    description: &'a Stack,
    facts: &'a Facts,
    name: &'a str,
    tags: Tags,
    resources: Vec<Desired>,
}

impl Expansion<'_> {
    fn add<R: Resource>(&mut self, name: &str, spec: R) {
        self.resources.push(Desired::new(name, spec, &self.tags));
    }

    /// `<stack>-<suffix>`.
    fn named(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.name)
    }
}
