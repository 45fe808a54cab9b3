//! The stack description becomes resources. Pure: the same description and facts give the same resources.

mod data;
mod network;
mod role;
mod runner;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Kind, Replace, attributes::references},
        resources::KINDS,
        stack,
    };

    fn kind(name: &str) -> &'static Kind {
        KINDS.iter().find(|kind| kind.name == name).expect("every resource is of a kind")
    }

    /// The planner counts on it: nothing else could outlive what it stands in, nor be switched over before that goes.
    #[test]
    fn what_stands_in_something_that_goes_first_goes_first_too() {
        for file in ["stack.example.yaml", "stacks/production.yaml"] {
            let loaded = stack::load(&stack::Sources::new(file, &[])).expect("a good description");
            for one in expand(&loaded.description, &Facts::default()).expect("a network that can be divided") {
                let own = kind(one.kind);
                let parts = own.immutable.iter().filter_map(|attribute| one.attributes.get(attribute));
                for house in parts.flat_map(references) {
                    let goes_first = kind(house.kind()).replace == Replace::DeleteFirst;
                    assert!(!goes_first || own.replace == Replace::DeleteFirst, "{} stands in {house}", one.address);
                }
            }
        }
    }
}
