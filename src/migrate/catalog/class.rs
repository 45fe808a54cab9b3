//! The one list of the classes of objects, in the order in which they can be made.

use std::fmt;

use super::object::Object;
use super::{
    column, constraint, enumeration, extension, function, index, policy, rule, schema, sequence, statistics, table,
    trigger, user_type, view,
};

/// What an object is. The order is that in which they can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A schema.
    Schema,
    /// An extension.
    Extension,
    /// An enum.
    Enum,
    /// A domain, composite type or range.
    Type,
    /// A sequence that is not an identity column's.
    Sequence,
    /// A function or procedure.
    Function,
    /// A table, partitioned or not.
    Table,
    /// A column of a table.
    Column,
    /// A primary key, unique, check, exclusion or foreign key constraint.
    Constraint,
    /// An index that is no constraint's.
    Index,
    /// Extended statistics.
    Statistics,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A rewrite rule that is no view's.
    Rule,
    /// A trigger.
    Trigger,
    /// A policy of row level security.
    Policy,
}

/// How one class of objects is found and written down.
pub(super) struct Description {
    pub(super) class: Class,
    /// What it is called, on the screen and in the query's first column.
    word: &'static str,
    /// How COMMENT ON and ALTER call it.
    keyword: &'static str,
    pub(super) query: fn() -> String,
    definition: fn(&Object) -> String,
}

pub(super) const CLASSES: &[Description] = &[
    description(Class::Schema, "schema", "SCHEMA", schema::query, schema::definition),
    description(Class::Extension, "extension", "EXTENSION", extension::query, extension::definition),
    description(Class::Enum, "enum", "TYPE", enumeration::query, enumeration::definition),
    description(Class::Type, "type", "TYPE", user_type::query, user_type::definition),
    description(Class::Sequence, "sequence", "SEQUENCE", sequence::query, sequence::definition),
    description(Class::Function, "function", "ROUTINE", function::query, function::definition),
    description(Class::Table, "table", "TABLE", table::query, table::definition),
    description(Class::Column, "column", "COLUMN", column::query, column::definition),
    description(Class::Constraint, "constraint", "CONSTRAINT", constraint::query, constraint::definition),
    description(Class::Index, "index", "INDEX", index::query, index::definition),
    description(Class::Statistics, "statistics", "STATISTICS", statistics::query, statistics::definition),
    description(Class::View, "view", "VIEW", view::query, view::definition),
    description(
        Class::MaterializedView,
        "materialized view",
        "MATERIALIZED VIEW",
        view::materialized_query,
        view::definition,
    ),
    description(Class::Rule, "rule", "RULE", rule::query, rule::definition),
    description(Class::Trigger, "trigger", "TRIGGER", trigger::query, trigger::definition),
    description(Class::Policy, "policy", "POLICY", policy::query, policy::definition),
];

const fn description(
    class: Class,
    word: &'static str,
    keyword: &'static str,
    query: fn() -> String,
    definition: fn(&Object) -> String,
) -> Description {
    Description { class, word, keyword, query, definition }
}

impl Class {
    fn description(self) -> &'static Description {
        // A unit test holds that the list has every class at its own place.
        &CLASSES[self as usize]
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        CLASSES.iter().find(|description| description.word == word).map(|description| description.class)
    }

    /// How COMMENT ON and ALTER call it.
    pub(in crate::migrate) fn keyword(self) -> &'static str {
        self.description().keyword
    }

    pub(super) fn define(self, object: &Object) -> String {
        (self.description().definition)(object)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.description().word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_at_its_place() {
        for (index, description) in CLASSES.iter().enumerate() {
            assert_eq!(description.class as usize, index, "{}", description.word);
            assert_eq!(Class::of_word(description.word), Some(description.class));
            assert!((description.query)().contains(&format!("'{}'", description.word)), "{}", description.word);
        }
        assert_eq!(CLASSES.len(), Class::Policy as usize + 1);
    }
}
