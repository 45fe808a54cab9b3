//! A question to the catalogs: what of all that statements name is not there? One message, one row. Names are followed as PostgreSQL
//! follows them, and an object that was found once is asked for by its OID.

use std::collections::BTreeMap;

use tokio_postgres::SimpleQueryRow;

use super::named::Named;
use crate::migrate::catalog::Class;
use crate::migrate::connect::{Client, UNCOMPILED};
use crate::migrate::quote::{identifier, literal};

/// What stands for the thing that is asked for, or for the table that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    /// What its name leads to right after its statement: what is made without a schema is made in the first of the search_path.
    Made,
    /// What its name leads to in any session.
    Found,
    /// This one (a relation, or a type), wherever it is by now. If it is gone, nothing is asked of it.
    Known(u32),
}

/// Those that are not in the database; one round trip.
pub(super) async fn absent(client: &Client, expected: Vec<Named>) -> Result<Vec<Named>, tokio_postgres::Error> {
    if expected.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<(&Named, Object)> = expected.iter().map(|it| (it, Object::Found)).collect();
    let rows = client.rows(&query(&asked)).await?;
    let absent = absent_of(rows.first());
    let pairs = expected.into_iter().enumerate();
    Ok(pairs.filter(|(number, _)| absent.contains_key(number)).map(|(_, named)| named).collect())
}

/// The answer is one row: the numbers of what is absent, each with the OID that its name led to, if to any.
pub(super) fn absent_of(answer: Option<&SimpleQueryRow>) -> BTreeMap<usize, Object> {
    let all = answer.and_then(|row| row.get(0)).unwrap_or_default();
    let one = |pair: &str| {
        let (number, oid) = pair.split_once(':')?;
        let object = oid.parse().map_or(Object::Made, Object::Known);
        Some((number.parse().ok()?, object))
    };
    all.split(' ').filter_map(one).collect()
}

/// The numbers of those that are not there, in one row.
pub(super) fn query(asked: &[(&Named, Object)]) -> String {
    let values: Vec<String> = asked
        .iter()
        .enumerate()
        .map(|(number, (it, object))| {
            let (class, name) =
                (class(it, *object), if it.name.is_empty() { it.schema.as_deref() } else { Some(&*it.name) });
            let labels: Vec<String> = it.values.iter().map(|value| literal(value)).collect();
            let (oid, name) = (oid(it, *object), literal(name.unwrap_or_default()));
            let known = matches!(object, Object::Known(_));
            format!("({number}, '{class}', {oid}, {name}, ARRAY[{}]::text[], {known})", labels.join(", "))
        })
        .collect();
    let relation = |kinds: &str| {
        format!("EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = it.object AND c.relkind IN ({kinds}))")
    };
    let part = |catalog: &str, relation: &str, name: &str, more: &str| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.{catalog} x WHERE x.{relation} = it.object AND x.{name} = it.name{more})"
        )
    };
    // An INVALID one is none; but that of a partitioned table is INVALID until its parts are attached.
    let index = "EXISTS (SELECT FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid WHERE x.indrelid = \
                 it.object AND c.relname = it.name AND (x.indisvalid OR c.relkind = 'I'))";
    // A table has a type of its name as well.
    let kind = "EXISTS (SELECT FROM pg_catalog.pg_type x LEFT JOIN pg_catalog.pg_class c ON c.oid = x.typrelid WHERE x.oid = \
                it.object AND coalesce(c.relkind = 'c', true) AND it.labels <@ ARRAY(SELECT e.enumlabel::text FROM \
                pg_catalog.pg_enum e WHERE e.enumtypid = x.oid))";
    let function = "EXISTS (SELECT FROM pg_catalog.pg_proc x WHERE x.proname = it.name AND CASE WHEN it.object IS NULL THEN \
                    pg_catalog.pg_function_is_visible(x.oid) ELSE x.pronamespace = it.object END)";
    let all = [
        ("schema", "EXISTS (SELECT FROM pg_catalog.pg_namespace x WHERE x.nspname = it.name)".to_owned()),
        ("extension", "EXISTS (SELECT FROM pg_catalog.pg_extension x WHERE x.extname = it.name)".to_owned()),
        ("table", relation("'r', 'p', 'f'")),
        ("view", relation("'v', 'm'")),
        (MATERIALIZED, relation("'m'")),
        ("sequence", relation("'S'")),
        ("index", index.to_owned()),
        ("type", kind.to_owned()),
        ("function", function.to_owned()),
        ("column", part("pg_attribute", "attrelid", "attname", " AND NOT x.attisdropped")),
        ("constraint", part("pg_constraint", "conrelid", "conname", "")),
        ("trigger", part("pg_trigger", "tgrelid", "tgname", "")),
        ("policy", part("pg_policy", "polrelid", "polname", "")),
    ];
    // To plan a look costs more than the look: what is not asked for stays out of it.
    let is_asked = |name: &str| asked.iter().any(|(it, object)| class(it, *object) == name);
    let cases: String = all
        .iter()
        .filter(|(class, _)| is_asked(class))
        .map(|(class, look)| format!("WHEN '{class}' THEN {look} "))
        .collect();
    let gone = if asked.iter().any(|(_, object)| matches!(object, Object::Known(_))) { GONE } else { "" };
    format!(
        "{UNCOMPILED}WITH it (number, class, object, name, labels, known) AS (VALUES {}) SELECT pg_catalog.string_agg(number || ':' \
         || coalesce(object::text, ''), ' ') FROM it WHERE NOT CASE class {cases}ELSE true END{gone}",
        values.join(", "),
    )
}

/// For what was known and is there no more, neither as a relation nor as a type.
const GONE: &str = " AND (NOT known OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = it.object) OR EXISTS (SELECT FROM \
                    pg_catalog.pg_type t WHERE t.oid = it.object))";

/// What IF NOT EXISTS of a view is about.
const MATERIALIZED: &str = "materialized view";

fn class(it: &Named, object: Object) -> String {
    match (it.class, object) {
        (Class::View, Object::Made | Object::Known(_)) => MATERIALIZED.to_owned(),
        (class, _) => class.to_string(),
    }
}

/// SQL for the OID of the object; of a function, that of its schema.
fn oid(it: &Named, object: Object) -> String {
    if let Object::Known(oid) = object {
        return format!("{oid}::oid");
    }
    let made = it.is_created && object == Object::Made;
    let schema = match &it.schema {
        Some(schema) => Some(literal(&identifier(schema))),
        None => made.then(|| "pg_catalog.quote_ident(pg_catalog.current_schema())".to_owned()),
    };
    let resolve = match it.class {
        Class::Schema | Class::Extension => return "NULL::oid".to_owned(),
        Class::Function => {
            return schema
                .map_or("NULL::oid".to_owned(), |schema| format!("pg_catalog.to_regnamespace({schema})::oid"));
        }
        Class::Type => "to_regtype",
        _ => "to_regclass",
    };
    let name = if it.table.is_empty() { &it.name } else { &it.table };
    let name = literal(&identifier(name));
    let path = schema.map_or(name.clone(), |schema| format!("{schema} || '.' || {name}"));
    format!("pg_catalog.{resolve}({path})::oid")
}
