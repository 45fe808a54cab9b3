//! The one list of the classes of objects, in the order in which they can be made.

use std::fmt;

use super::object::Object;
use super::{
    aggregate, cast, collation, column, constraint, enumeration, event_trigger, extension, foreign, function, index,
    operator, policy, publication, rule, schema, sequence, statistics, table, text_search, trigger, user_type, view,
};

/// What an object is. The order is that in which they can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A schema.
    Schema,
    /// An extension.
    Extension,
    /// A foreign data wrapper that is no extension's.
    ForeignDataWrapper,
    /// A foreign server.
    Server,
    /// Whose rights somebody has on a foreign server.
    UserMapping,
    /// A collation.
    Collation,
    /// An enum.
    Enum,
    /// A domain, composite type or range.
    Type,
    /// A sequence that is not an identity column's.
    Sequence,
    /// A function or procedure.
    Function,
    /// An aggregate.
    Aggregate,
    /// An operator.
    Operator,
    /// A cast.
    Cast,
    /// A dictionary of text search.
    TextSearchDictionary,
    /// A configuration of text search.
    TextSearchConfiguration,
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
    /// A publication.
    Publication,
    /// An event trigger.
    EventTrigger,
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
    rendered(Class::ForeignDataWrapper, "foreign data wrapper", "FOREIGN DATA WRAPPER", foreign::wrappers),
    rendered(Class::Server, "server", "SERVER", foreign::servers),
    rendered(Class::UserMapping, "user mapping", "USER MAPPING", foreign::mappings),
    rendered(Class::Collation, "collation", "COLLATION", collation::query),
    description(Class::Enum, "enum", "TYPE", enumeration::query, enumeration::definition),
    description(Class::Type, "type", "TYPE", user_type::query, user_type::definition),
    description(Class::Sequence, "sequence", "SEQUENCE", sequence::query, sequence::definition),
    rendered(Class::Function, "function", "ROUTINE", function::query),
    rendered(Class::Aggregate, "aggregate", "ROUTINE", aggregate::query),
    rendered(Class::Operator, "operator", "OPERATOR", operator::query),
    rendered(Class::Cast, "cast", "CAST", cast::query),
    rendered(
        Class::TextSearchDictionary,
        "text search dictionary",
        "TEXT SEARCH DICTIONARY",
        text_search::dictionaries,
    ),
    rendered(
        Class::TextSearchConfiguration,
        "text search configuration",
        "TEXT SEARCH CONFIGURATION",
        text_search::configurations,
    ),
    description(Class::Table, "table", "TABLE", table::query, table::definition),
    description(Class::Column, "column", "COLUMN", column::query, column::definition),
    description(Class::Constraint, "constraint", "CONSTRAINT", constraint::query, constraint::definition),
    description(Class::Index, "index", "INDEX", index::query, index::definition),
    rendered(Class::Statistics, "statistics", "STATISTICS", statistics::query),
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
    rendered(Class::Publication, "publication", "PUBLICATION", publication::query),
    rendered(Class::EventTrigger, "event trigger", "EVENT TRIGGER", event_trigger::query),
];

/// What its query has written down as a whole.
const fn rendered(class: Class, word: &'static str, keyword: &'static str, query: fn() -> String) -> Description {
    description(class, word, keyword, query, |object| object.text("definition").to_owned())
}

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

    /// Whether it is the database's as a whole, and in no schema.
    pub(in crate::migrate) fn is_of_database(self) -> bool {
        matches!(
            self,
            Class::Extension
                | Class::ForeignDataWrapper
                | Class::Server
                | Class::UserMapping
                | Class::Cast
                | Class::Publication
                | Class::EventTrigger
        )
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
        assert_eq!(CLASSES.len(), Class::EventTrigger as usize + 1);
    }
}
