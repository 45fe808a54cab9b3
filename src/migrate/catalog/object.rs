//! One object of a database: what it is called, and what it is made of.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::class::Class;
use crate::excerpt::printable;
use crate::migrate::ledger::Ledger;
use crate::migrate::quote::folded;
use crate::migrate::quote::{identifier, literal};
use crate::migrate::sql::tokens;

/// What an object is called. Sorted as things can be made: by class first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Id {
    /// What it is.
    pub class: Class,
    /// Its schema; empty for what is the database's as a whole, as an extension is.
    pub schema: String,
    /// The table or view it belongs to; empty where it stands alone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub table: String,
    /// Its name; a function's as SQL and with the types of its arguments, as of others that are told apart by types; a schema's is
    /// empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// A table, view or type as a name in a schema.
pub type Place = (String, String);

/// An object of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is called.
    pub id: Id,
    /// Its place among others of its class: the order of making, a column's place in the table. Not compared.
    pub position: i64,
    /// What is compared, by name. What is off or empty is left out.
    pub attributes: Map<String, Value>,
    /// What is not compared, but needed to make it again.
    pub facts: Map<String, Value>,
}

impl Id {
    /// Where it stands, if it stands alone.
    pub fn place(&self) -> Place {
        (self.schema.clone(), self.name.clone())
    }

    /// Its name as SQL: of what stands alone with its schema, of what belongs to a table without.
    pub fn sql(&self) -> String {
        match self.class {
            Class::Schema => identifier(&self.schema),
            Class::Cast | Class::UserMapping => self.name.clone(),
            class if class.is_of_database() => identifier(&self.name),
            Class::Function | Class::Aggregate | Class::Operator => {
                format!("{}.{}", identifier(&self.schema), self.name)
            }
            Class::Column | Class::Constraint | Class::Trigger | Class::Rule | Class::Policy => identifier(&self.name),
            _ => format!("{}.{}", identifier(&self.schema), identifier(&self.name)),
        }
    }

    /// The name by which others mention it: without schema, table and arguments.
    pub(in crate::migrate) fn local_name(&self) -> String {
        match self.class {
            Class::Schema => self.schema.clone(),
            Class::Function | Class::Aggregate => {
                tokens(&self.name).first().map(|name| folded(name.text(&self.name))).unwrap_or_default()
            }
            _ => self.name.clone(),
        }
    }

    /// The table it belongs to, as SQL.
    pub fn table_sql(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.table))
    }

    /// What COMMENT ON calls it.
    pub(in crate::migrate) fn subject(&self) -> String {
        let keyword = self.class.keyword();
        match self.class {
            Class::Column => format!("{keyword} {}.{}", self.table_sql(), self.sql()),
            Class::Constraint | Class::Trigger | Class::Rule | Class::Policy => {
                format!("{keyword} {} ON {}", self.sql(), self.table_sql())
            }
            _ => format!("{keyword} {}", self.sql()),
        }
    }
}

/// As a reader would name it: `column public.users.email`, `index public.users_email_idx on users`; on one line.
impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Id { class, schema, table, name } = self;
        let [schema, table, name] = [schema, table, name].map(|part| printable(part));
        match class {
            Class::Schema => write!(formatter, "{class} {schema}"),
            class if class.is_of_database() => write!(formatter, "{class} {name}"),
            Class::Column => write!(formatter, "{class} {schema}.{table}.{name}"),
            Class::Index | Class::Statistics => write!(formatter, "{class} {schema}.{name} on {table}"),
            _ if !table.is_empty() => write!(formatter, "{class} {name} on {schema}.{table}"),
            _ => write!(formatter, "{class} {schema}.{name}"),
        }
    }
}

impl Object {
    /// The table or view that it belongs to; of a serial column's sequence too.
    pub fn owner(&self) -> Option<Place> {
        match self.facts("owned by")[..] {
            [schema, table, _] => Some((schema.to_owned(), table.to_owned())),
            _ => (!self.id.table.is_empty()).then(|| (self.id.schema.clone(), self.id.table.clone())),
        }
    }

    /// An attribute that is a text; empty if there is none.
    pub fn text(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).and_then(Value::as_str).unwrap_or_default()
    }

    /// An attribute that is on or off.
    pub fn flag(&self, attribute: &str) -> bool {
        self.attributes.get(attribute).and_then(Value::as_bool).unwrap_or_default()
    }

    /// An attribute that is a list of texts.
    pub fn list(&self, attribute: &str) -> Vec<&str> {
        list(self.attributes.get(attribute))
    }

    /// A fact that is a text; empty if there is none.
    pub fn fact(&self, name: &str) -> &str {
        self.facts.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A fact that is a list of texts.
    pub fn facts(&self, name: &str) -> Vec<&str> {
        list(self.facts.get(name))
    }

    /// The object as SQL, without its comment.
    pub(in crate::migrate) fn definition_alone(&self) -> String {
        self.id.class.define(self)
    }

    /// The object as SQL, with its comment. A column and a constraint are written as in CREATE TABLE.
    pub fn definition(&self) -> String {
        let definition = self.definition_alone();
        match self.comment() {
            Some(comment) => format!("{definition};\n{comment}"),
            None => definition,
        }
    }

    /// COMMENT ON, if it has one.
    pub(in crate::migrate) fn comment(&self) -> Option<String> {
        let text = self.text("comment");
        (!text.is_empty()).then(|| format!("COMMENT ON {} IS {}", self.id.subject(), literal(text)))
    }

    /// Whether it is the ledger, or a part of it. The ledger's schema stays: migrations may use it as well.
    pub(super) fn belongs_to(&self, ledger: &Ledger) -> bool {
        let Id { schema, table, name, .. } = &self.id;
        let of_ledger = *table == ledger.table || (*name == ledger.table && self.id.class == Class::Table);
        let owned = self.facts("owned by");
        (*schema == ledger.schema && of_ledger) || owned.starts_with(&[&ledger.schema, &ledger.table])
    }
}

fn list(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}
