//! Checks across fields: what each field allows for itself, and the whole does not. One file a section.

mod database;
mod network;
mod proxy;
mod service;
mod tags;

pub(crate) use proxy::FOLDER;
pub(crate) use service::PROGRAM_FOLDER;

use super::Stack;
use super::finding::Finding;
use super::tree::Node;

/// What the checks look at.
pub(super) struct Ground<'a> {
    pub(super) stack: &'a Stack,
    pub(super) root: &'a Node,
    /// The fields that are wrong by themselves: defaults stand in their places, and nothing may be concluded from those.
    pub(super) failed: &'a [String],
}

/// Everything that is wrong, or doubtful, about the description as a whole.
pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let checks = [network::check, database::check, proxy::check, service::check, tags::check];
    checks.into_iter().flat_map(|check| check(ground)).flatten().collect()
}

/// Each entry of a list that stands in it before. With an item left out as wrong, the places of the ones after it would be off
/// by one.
fn twice<T: PartialEq>(ground: &Ground<'_>, field: &str, list: &[T]) -> Vec<Found> {
    if ground.failed.iter().any(|failed| failed.starts_with(field)) {
        return Vec::new();
    }
    let again = (0..list.len()).filter(|&index| list[..index].contains(&list[index]));
    let told = |index| {
        let found = ground.error(&[&format!("{field}.{index}")], "this is in the list already")?;
        Some(found.help("delete one of them"))
    };
    again.map(told).collect()
}

/// What one check found, if anything.
type Found = Option<Finding>;

impl Ground<'_> {
    /// An error at the first of the fields that it is about which is written; none where one of them is wrong by itself.
    fn error(&self, about: &[&str], message: impl Into<String>) -> Found {
        let path = self.first_written(about)?;
        self.known(about).then(|| Finding::error(self.place(path), path, message))
    }

    /// The same, for what can be deployed all the same.
    fn warning(&self, about: &[&str], message: impl Into<String>) -> Found {
        let path = self.first_written(about)?;
        self.known(about).then(|| Finding::warning(self.place(path), path, message))
    }

    fn first_written<'p>(&self, about: &[&'p str]) -> Option<&'p str> {
        let written = about.iter().find(|path| self.root.has(&path.split('.').collect::<Vec<_>>()));
        written.or(about.first()).copied()
    }

    fn known(&self, about: &[&str]) -> bool {
        let within = |path: &str, failed: &str| {
            path.strip_prefix(failed).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        !about.iter().any(|path| self.failed.iter().any(|failed| within(path, failed)))
    }

    fn place(&self, path: &str) -> super::source::Place {
        self.place_of(&path.split('.').collect::<Vec<_>>())
    }

    /// Where a field is written; keys that hold a dot come as one step.
    fn place_of(&self, path: &[&str]) -> super::source::Place {
        self.root.locate(path, true)
    }

    /// Whether a field is written at all.
    fn is_written(&self, key: &str) -> bool {
        self.root.get(key).is_some_and(|entry| !matches!(entry.value.value, super::tree::Value::Null))
    }
}
