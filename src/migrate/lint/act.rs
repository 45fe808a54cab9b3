//! What a statement does, as far as the rules care. The one room between them and the parser's tree.

use std::fmt;
use std::ops::Range;

use crate::migrate::quote::folded;
use crate::migrate::sql::{Kind, tokens};

/// One thing that a statement does; an ALTER TABLE does several.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub(super) what: What,
    /// What to point at, in bytes of the file.
    pub(super) span: Range<usize>,
    /// All of it.
    pub(super) whole: Range<usize>,
    pub(super) repeat: Repeat,
}

/// What happens when it runs a second time, and how to make that nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Nothing: it is guarded, or by nature the same.
    Same,
    /// It fails; with this text at this byte of the file it would do nothing.
    Insert(usize, &'static str),
    /// It fails with duplicate_object, which a DO block can catch.
    Catch,
    /// It fails; a DO block can look whether the table has the constraint already. Both as they are written.
    UnlessConstraint { table: String, constraint: String },
    /// It fails, or does it twice; what to do.
    ByHand(&'static str),
}

/// The kinds of objects that the rules tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Object {
    Table,
    View,
    Index,
    Sequence,
    Type,
    Schema,
    Policy,
    Trigger,
    Other(&'static str),
}

#[derive(Debug, Clone)]
pub(super) enum What {
    CreateTable {
        name: Name,
        columns: Vec<Column>,
    },
    CreateIndex {
        name: Option<Name>,
        table: Name,
        /// The columns it is over; none where one is an expression.
        columns: Vec<Name>,
        concurrently: bool,
    },
    Create {
        object: Object,
        name: Option<Name>,
        on: Option<Name>,
    },
    Drop {
        object: Object,
        names: Vec<Name>,
        cascade: bool,
        concurrently: bool,
    },
    AddColumn {
        table: Name,
        column: Name,
        kind: String,
        required: bool,
        fill: Fill,
    },
    DropColumn {
        table: Name,
        column: Name,
    },
    SetType {
        table: Name,
        column: Name,
        kind: String,
        /// Whether USING computes something of the old value, and does not just take it over.
        computed: bool,
    },
    SetNotNull {
        table: Name,
        column: Name,
    },
    AddConstraint {
        table: Name,
        name: Option<Name>,
        check: Constraint,
        deferred: bool,
        /// Whether it comes with a new column, whose lock is greater.
        inline: bool,
    },
    DropConstraint {
        table: Name,
        name: Name,
    },
    Validate {
        table: Name,
        name: Name,
    },
    Rename {
        object: Object,
        name: Name,
        part: Option<Name>,
    },
    Rewrite {
        table: Name,
        how: &'static str,
    },
    AddValue {
        of: Name,
        value: String,
    },
    Set {
        setting: String,
    },
    Reset {
        setting: Option<String>,
    },
    Insert {
        table: Name,
    },
    Empty {
        table: Name,
    },
    /// Nothing that a rule looks at.
    Other,
}

/// A column of a new table.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: Name,
    /// Its type, in lower case.
    pub(super) kind: String,
    pub(super) required: bool,
}

/// What fills a new column in the rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// NULL.
    Nothing,
    /// A value that is the same for all of them, so that no row is touched.
    Constant,
    /// Something of its own for each, so that every row is written.
    Each(&'static str),
}

/// What a constraint makes PostgreSQL do at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Constraint {
    /// Look into every row, and into another table.
    Foreign { to: Name },
    /// Look into every row; of which column it says that it is not NULL.
    Check { not_null: Option<Name> },
    /// Build an index.
    Index,
    /// Neither: an index that is there becomes one. A primary key makes its columns NOT NULL.
    UsingIndex { primary: bool, index: Name },
}

/// A name as PostgreSQL takes it: folded to lower case unless quoted, cut to 63 bytes, `public` left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) schema: Option<String>,
    pub(super) name: String,
    /// How it is written.
    pub(super) written: String,
}

impl Name {
    /// From `name`, `schema.name` or `"Schema"."Name"`.
    pub(super) fn parse(written: &str) -> Self {
        let parts: Vec<String> = tokens(written)
            .iter()
            .filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted))
            .map(|token| folded(token.text(written)))
            .collect();
        let (name, schema) = match parts.as_slice() {
            [] => (written.to_owned(), None),
            [.., schema, name] => (name.clone(), Some(schema.clone()).filter(|schema| schema != "public")),
            [name] => (name.clone(), None),
        };
        Name { schema, name, written: written.to_owned() }
    }

    /// What tells it from others, however it is written.
    pub(super) fn key(&self) -> String {
        self.schema.as_ref().map_or(self.name.clone(), |schema| format!("{schema}.{}", self.name))
    }

    /// Whether both are the same to PostgreSQL.
    pub(super) fn is(&self, other: &Name) -> bool {
        self.name == other.name && self.schema == other.schema
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

impl fmt::Display for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Object::Table => "table",
            Object::View => "view",
            Object::Index => "index",
            Object::Sequence => "sequence",
            Object::Type => "type",
            Object::Schema => "schema",
            Object::Policy => "policy",
            Object::Trigger => "trigger",
            Object::Other(word) => word,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_postgresql_takes_them() {
        let table = [
            ("Users", "users"),
            ("\"Users\"", "Users"),
            ("\"public\".\"users\"", "users"),
            ("public . users", "users"),
            ("audit.\"L\"\"og\"", "audit.L\"og"),
        ];
        for (written, key) in table {
            assert_eq!(Name::parse(written).key(), key, "{written}");
        }
    }
}
