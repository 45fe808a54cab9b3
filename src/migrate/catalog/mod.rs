//! What a database holds, as definitions that can be compared: read in one round trip, in one snapshot.
//!
//! A class of objects is one file: the query that finds them, and how one is written down as SQL. PostgreSQL itself
//! renders every expression, with an empty search_path and fixed settings, so that equal things are equal texts.
//! Owners, grants, storage parameters of columns, order of columns, and what extensions own are left out.

mod aggregate;
mod cast;
mod class;
mod collation;
pub(super) mod column;
mod constraint;
mod enumeration;
mod event_trigger;
mod extension;
mod foreign;
mod function;
mod index;
mod object;
mod operator;
pub(super) mod policy;
mod publication;
mod rule;
mod schema;
pub(super) mod sequence;
mod statistics;
pub(super) mod table;
mod text_search;
pub(super) mod trigger;
mod uncompared;
mod user_type;
pub(super) mod view;

use std::collections::BTreeMap;

use tokio_postgres::SimpleQueryRow;

pub use class::Class;
pub use object::{Id, Object, Place};

use super::connect::{Client, UNCOMPILED};
use super::ledger::Ledger;
use class::CLASSES;

/// Everything in a database that migrations can make, by what it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The objects.
    pub objects: BTreeMap<Id, Object>,
    /// How many there are besides of each kind that nothing compares.
    pub uncompared: BTreeMap<String, usize>,
}

/// What makes PostgreSQL write the same thing in the same way, whatever the role's and the database's settings.
const SETTINGS: &str = "SET LOCAL search_path = ''; SET LOCAL statement_timeout = 0; SET LOCAL timezone = 'UTC'; \
    SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL bytea_output = 'hex'; \
    SET LOCAL extra_float_digits = 1; SET LOCAL quote_all_identifiers = off; SET LOCAL lc_monetary = 'C'";

impl Catalog {
    /// Reads the database; changes nothing. The ledger itself is left out.
    pub(super) async fn read(client: &Client, ledger: &Ledger) -> Result<Self, tokio_postgres::Error> {
        let queries: Vec<String> = CLASSES.iter().map(|description| (description.query)()).collect();
        let queries = format!("{}; {}", queries.join("; "), uncompared::query());
        let sql = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {UNCOMPILED}{SETTINGS}; {queries}; COMMIT");
        let rows = match client.rows(&sql).await {
            Ok(rows) => rows,
            Err(error) => {
                // If the connection is gone, the server has ended the transaction itself.
                _ = client.rows("ROLLBACK").await;
                return Err(error);
            }
        };
        let objects = rows.iter().filter_map(object).filter(|object| !object.belongs_to(ledger));
        let uncompared = rows.iter().filter(|row| row.get(0) == Some(uncompared::WORD));
        let uncompared = uncompared.filter_map(|row| Some((row.get(1)?.to_owned(), row.get(2)?.parse().ok()?)));
        Ok(Catalog {
            objects: objects.map(|object| (object.id.clone(), object)).collect(),
            uncompared: uncompared.collect(),
        })
    }

    /// The object of this name.
    pub fn get(&self, id: &Id) -> Option<&Object> {
        self.objects.get(id)
    }

    /// Whether there is an object of this class at this place.
    pub fn has(&self, class: Class, (schema, name): &Place) -> bool {
        let id = Id { class, schema: schema.clone(), table: String::new(), name: name.clone() };
        self.objects.contains_key(&id)
    }

    /// Another object that has the name which this one needs: relations of all kinds share theirs.
    pub(super) fn in_the_way(&self, object: &Object) -> Option<&Object> {
        let index = ["p", "u", "x"].contains(&object.fact("kind"));
        let needs = RELATIONS.contains(&object.id.class) || (object.id.class == Class::Constraint && index);
        let other = |it: &&Object| RELATIONS.contains(&it.id.class) && it.id.place() == object.id.place();
        self.objects.values().filter(|_| needs).find(|it| other(it) && it.id != object.id)
    }

    /// What belongs to a table or view: columns, constraints, indexes, triggers, policies, a serial column's sequence.
    pub fn parts<'a>(&'a self, owner: &'a Id) -> impl Iterator<Item = &'a Object> {
        self.objects.values().filter(move |object| object.owner().as_ref() == Some(&owner.place()))
    }
}

/// An object as SQL together with what belongs to it, as one would write it: columns and constraints inside the table's
/// parentheses, the rest after it.
pub fn written(object: &Object, parts: &[Object]) -> String {
    let (inside, after): (Vec<&Object>, Vec<&Object>) =
        parts.iter().partition(|part| [Class::Column, Class::Constraint].contains(&part.id.class));
    let mut statements = match object.id.class {
        Class::Table => {
            let lines: Vec<String> = inside.iter().map(|part| part.id.class.define(part)).collect();
            let mut statements = vec![table::whole(object, &lines)];
            statements.extend(object.comment());
            statements.extend(inside.iter().filter_map(|part| part.comment()));
            statements
        }
        _ => vec![object.definition()],
    };
    statements.extend(after.iter().map(|part| part.definition()));
    // A column or a constraint is no statement of its own.
    let end = if [Class::Column, Class::Constraint].contains(&object.id.class) { "" } else { ";" };
    statements.join(";\n") + end
}

/// A row is: class, schema, table, name, position, attributes, facts. `SET` and `BEGIN` give none.
fn object(row: &SimpleQueryRow) -> Option<Object> {
    let text = |column: usize| row.get(column).unwrap_or_default();
    let map = |column: usize| serde_json::from_str(text(column)).unwrap_or_default();
    Some(Object {
        id: Id {
            class: Class::of_word(text(0))?,
            schema: text(1).to_owned(),
            table: text(2).to_owned(),
            name: text(3).to_owned(),
        },
        position: text(4).parse().unwrap_or_default(),
        attributes: map(5),
        facts: map(6),
    })
}

/// What PostgreSQL keeps in one space of names.
const RELATIONS: [Class; 5] = [Class::Table, Class::View, Class::MaterializedView, Class::Sequence, Class::Index];

/// SQL: whether a schema is the user's.
const USERS: &str = "n.nspname !~ '^(pg_|information_schema$)'";

/// The first oid that is not one of PostgreSQL's own objects.
const MADE: u32 = 16_384;

/// SQL: whether the object is not part of an extension.
fn own(catalog: &str, oid: &str) -> String {
    format!(
        "NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{catalog}'::regclass AND e.objid = {oid} AND e.deptype = 'e')"
    )
}
