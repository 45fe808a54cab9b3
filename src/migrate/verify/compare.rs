//! What the migrations make × what the database has → the differences. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::excerpt::printable;
use crate::migrate::catalog::{Catalog, Class, Id, Object, written};
use crate::migrate::ledger::Ledger;

/// In which way something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The migrations make it, the database does not have it.
    Missing,
    /// The database has it otherwise than the migrations make it.
    Different,
    /// The database has it, no migration makes it.
    Extra,
}

/// One object that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// In which way.
    pub change: Change,
    /// What it is called.
    pub id: Id,
    /// As the migrations make it.
    pub wanted: Option<Object>,
    /// As the database has it.
    pub live: Option<Object>,
    /// What belongs to a table or view that is missing or extra as a whole.
    pub parts: Vec<Object>,
}

impl Difference {
    /// As the migrations make it, as SQL; empty if they do not.
    pub fn wanted_sql(&self) -> String {
        self.written(self.wanted.as_ref(), self.live.as_ref())
    }

    /// As the database has it, as SQL; empty if it has not.
    pub fn live_sql(&self) -> String {
        self.written(self.live.as_ref(), self.wanted.as_ref())
    }

    /// What SQL does not say (which types a view's columns have) follows as a comment where nothing else tells the two apart.
    fn written(&self, object: Option<&Object>, other: Option<&Object>) -> String {
        let Some(object) = object else { return String::new() };
        let mut sql = written(object, &self.parts);
        if let Some(other) = other.filter(|other| written(other, &self.parts) == sql) {
            let apart = object.attributes.iter().filter(|(name, value)| other.attributes.get(*name) != Some(value));
            for (name, value) in apart {
                for item in value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice) {
                    let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                    sql.push_str(&format!("\n-- {name}: {text}"));
                }
            }
        }
        sql
    }
}

/// The schemas in which the migrations leave something; where no schema is named, these are compared.
pub fn touched(wanted: &Catalog, ledger: &Ledger) -> BTreeSet<String> {
    // Every new database has `public`, and the replay makes the ledger's schema.
    let made = |id: &&Id| id.class != Class::Schema || (id.schema != "public" && id.schema != ledger.schema);
    let schemas = wanted.objects.keys().filter(made).map(|id| id.schema.clone());
    schemas.filter(|schema| !schema.is_empty()).collect()
}

/// Every difference in these schemas, in the order in which things can be made.
pub fn compare(wanted: &Catalog, live: &Catalog, schemas: &BTreeSet<String>) -> Vec<Difference> {
    let mut found = Vec::new();
    for (id, object) in &wanted.objects {
        let in_scope = id.class.is_of_database() || schemas.contains(&id.schema);
        match live.get(id) {
            _ if !in_scope => {}
            None => found.extend(whole(Change::Missing, object, wanted, live)),
            Some(other) if other.attributes != object.attributes => found.push(Difference {
                change: Change::Different,
                id: id.clone(),
                wanted: Some(object.clone()),
                live: Some(other.clone()),
                parts: Vec::new(),
            }),
            Some(_) => {}
        }
    }
    // What is in no schema is somebody else's as long as the migrations make nothing of its kind.
    let kinds: BTreeSet<Class> = wanted.objects.keys().map(|id| id.class).filter(|class| owned(*class)).collect();
    for (id, object) in &live.objects {
        let in_scope = kinds.contains(&id.class) || schemas.contains(&id.schema);
        if in_scope && wanted.get(id).is_none() {
            found.extend(whole(Change::Extra, object, live, wanted));
        }
    }
    found.sort_by_key(|difference| (difference.change as u8, difference.id.clone()));
    found
}

/// Whether it is of the database as a whole and nothing that the server brings along.
fn owned(class: Class) -> bool {
    class.is_of_database() && class != Class::Extension
}

/// How many of the objects that the migrations make are compared.
pub(super) fn number(wanted: &Catalog, schemas: &BTreeSet<String>) -> usize {
    wanted.objects.keys().filter(|id| owned(id.class) || schemas.contains(&id.schema)).count()
}

/// What is in the database, and is not looked at because no migration makes anything like it, a sentence each.
pub(super) fn passed_over(wanted: &Catalog, live: &Catalog, schemas: &BTreeSet<String>) -> Vec<String> {
    let theirs = live.objects.keys().filter(|id| !id.class.is_of_database() && !schemas.contains(&id.schema));
    // Every database has these, and what is in them counts.
    let bare = |id: &&Id| id.class == Class::Schema && wanted.get(id).is_some();
    let others: BTreeSet<String> = theirs.filter(|id| !bare(id)).map(|id| id.schema.clone()).collect();
    let made: BTreeSet<Class> = wanted.objects.keys().map(|id| id.class).collect();
    let kinds = live.objects.keys().map(|id| id.class).filter(|class| owned(*class) && !made.contains(class));
    let mut numbers = BTreeMap::new();
    kinds.for_each(|class| *numbers.entry(class.to_string()).or_insert(0) += 1);
    let mut passed = Vec::new();
    if !others.is_empty() {
        let names: Vec<String> = others.iter().map(|name| printable(name).into_owned()).collect();
        passed.push(format!("Not compared, as no migration makes anything there: schema {}.", names.join(", ")));
    }
    if !numbers.is_empty() {
        passed.push(format!("Not compared, as no migration makes one: {}.", counted(&numbers)));
    }
    passed
}

/// `1 cast, 2 operator classes`.
pub(super) fn counted(numbers: &BTreeMap<String, usize>) -> String {
    let each = numbers.iter().map(|(kind, number)| match (number, kind.strip_suffix('y')) {
        (1, _) => format!("1 {kind}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) if kind.ends_with('s') => format!("{number} {kind}es"),
        (_, None) => format!("{number} {kind}s"),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// An object of `here` that `there` has not; none if its table, which is not there either, shows it as a part.
fn whole(change: Change, object: &Object, here: &Catalog, there: &Catalog) -> Option<Difference> {
    let lacks = |place| TABLES.iter().any(|class| here.has(*class, &place) && !there.has(*class, &place));
    if object.owner().is_some_and(lacks) {
        return None;
    }
    let mut parts: Vec<Object> = Vec::new();
    if TABLES.contains(&object.id.class) {
        parts.extend(here.parts(&object.id).cloned());
        parts.sort_by_key(|part| (part.id.class, part.position));
    }
    let (wanted, live) = match change {
        Change::Extra => (None, Some(object.clone())),
        _ => (Some(object.clone()), None),
    };
    Some(Difference { change, id: object.id.clone(), wanted, live, parts })
}

/// What other objects can belong to.
const TABLES: [Class; 3] = [Class::Table, Class::View, Class::MaterializedView];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn catalog(objects: &[(Class, &str, &str, &str, &str)]) -> Catalog {
        let objects = objects.iter().map(|(class, schema, table, name, definition)| {
            let id = Id { class: *class, schema: (*schema).into(), table: (*table).into(), name: (*name).into() };
            let attributes = json!({"definition": definition}).as_object().cloned().unwrap();
            (id.clone(), Object { id, position: 0, attributes, facts: serde_json::Map::new() })
        });
        Catalog { objects: objects.collect(), ..Catalog::default() }
    }

    /// As `M table public.a(2)`: the letter of the change, the object, the number of its parts.
    fn short(wanted: &Catalog, live: &Catalog) -> Vec<String> {
        let differences = compare(wanted, live, &touched(wanted, &Ledger::default()));
        let line = |it: &Difference| format!("{:.1} {}({})", format!("{:?}", it.change), it.id, it.parts.len());
        differences.iter().map(line).collect()
    }

    #[test]
    fn a_table_comes_with_its_parts() {
        let full = catalog(&[
            (Class::Schema, "public", "", "", ""),
            (Class::Table, "public", "", "a", ""),
            (Class::Column, "public", "a", "id", "int"),
            (Class::Index, "public", "a", "a_idx", "x"),
            (Class::Table, "public", "", "b", ""),
        ]);
        let less = catalog(&[(Class::Schema, "public", "", "", ""), (Class::Table, "public", "", "b", "")]);
        assert_eq!(short(&full, &less), ["M table public.a(2)"]);
        assert_eq!(short(&less, &full), ["E table public.a(2)"]);
        assert!(short(&full, &full).is_empty());
    }

    #[test]
    fn each_change_is_found() {
        let wanted = catalog(&[
            (Class::Table, "public", "", "a", ""),
            (Class::Column, "public", "a", "id", "int"),
            (Class::Column, "public", "a", "name", "text"),
        ]);
        let live = catalog(&[
            (Class::Table, "public", "", "a", ""),
            (Class::Column, "public", "a", "id", "bigint"),
            (Class::Column, "public", "a", "more", "text"),
        ]);
        let expected = ["M column public.a.name(0)", "D column public.a.id(0)", "E column public.a.more(0)"];
        assert_eq!(short(&wanted, &live), expected);
    }

    #[test]
    fn two_that_are_the_same_sql_are_told_apart() {
        let view = |columns: &[&str]| {
            let mut view = catalog(&[(Class::View, "public", "", "v", "SELECT a.x, a.y FROM a")]);
            let object = view.objects.values_mut().next().unwrap();
            object.attributes.insert("columns".to_owned(), json!(columns));
            view
        };
        let (wanted, live) = (view(&["x integer", "y text"]), view(&["x bigint", "y text"]));
        let found = compare(&wanted, &live, &touched(&wanted, &Ledger::default()));
        let of_columns = |sql: String| sql.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of_columns(found[0].wanted_sql()), ["-- columns: x integer", "-- columns: y text"]);
        assert_eq!(of_columns(found[0].live_sql()), ["-- columns: x bigint", "-- columns: y text"]);
    }

    #[test]
    fn only_schemas_that_the_migrations_touch() {
        let wanted = catalog(&[(Class::Schema, "public", "", "", ""), (Class::Table, "app", "", "a", "")]);
        let live = catalog(&[(Class::Table, "app", "", "a", ""), (Class::Table, "public", "", "theirs", "")]);
        assert!(short(&wanted, &live).is_empty());
        let all = BTreeSet::from(["public".to_owned()]);
        assert_eq!(compare(&wanted, &live, &all).len(), 2);
    }
}
