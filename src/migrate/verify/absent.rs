//! A question to the catalogs: what of all that statements name is not there? One message, one row.

use std::collections::BTreeSet;

use tokio_postgres::SimpleQueryRow;

use super::named::Named;
use crate::migrate::connect::{Client, UNCOMPILED};
use crate::migrate::quote::literal;

/// Those that are not in the database; one round trip.
pub(super) async fn absent(client: &Client, expected: Vec<Named>) -> Result<Vec<Named>, tokio_postgres::Error> {
    if expected.is_empty() {
        return Ok(Vec::new());
    }
    let rows = client.rows(&query(&expected)).await?;
    let numbers = numbers(rows.first());
    let pairs = expected.into_iter().enumerate();
    Ok(pairs.filter(|(number, _)| numbers.contains(number)).map(|(_, named)| named).collect())
}

/// The answer is one row: the numbers of what is absent.
pub(super) fn numbers(answer: Option<&SimpleQueryRow>) -> BTreeSet<usize> {
    let numbers = answer.and_then(|row| row.get(0)).unwrap_or_default();
    numbers.split(' ').filter_map(|number| number.parse().ok()).collect()
}

/// The numbers of those that are not there, in one row. A name without a schema is looked for in those of the search_path.
pub(super) fn query(expected: &[Named]) -> String {
    let values: Vec<String> = expected
        .iter()
        .enumerate()
        .map(|(number, it)| {
            let schema = it.schema.as_deref().map_or("NULL".to_owned(), literal);
            let (class, table, name) = (it.class.to_string(), literal(&it.table), literal(&it.name));
            let values: Vec<String> = it.values.iter().map(|value| literal(value)).collect();
            format!("({number}, '{class}', {schema}, {table}, {name}, ARRAY[{}]::text[])", values.join(", "))
        })
        .collect();
    let relation = |name: &str, kinds: &str| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.pg_class c JOIN places n ON n.oid = c.relnamespace WHERE c.relname = {name} \
             AND c.relkind IN ({kinds}) AND (it.place = n.nspname OR it.place IS NULL AND n.seen))"
        )
    };
    let part = |catalog: &str, relation: &str, name: &str| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.{catalog} x JOIN pg_catalog.pg_class c ON c.oid = x.{relation} JOIN places n ON \
             n.oid = c.relnamespace WHERE x.{name} = it.name AND c.relname = it.owner AND (it.place = n.nspname OR it.place \
             IS NULL AND n.seen))"
        )
    };
    // An INVALID one is none; but that of a partitioned table is INVALID until its parts are attached.
    // One of another table is another one.
    let index = "'I', CASE WHEN (SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid = c.oid) THEN 'i' END) AND \
                 it.owner = (SELECT o.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class o ON o.oid = i.indrelid WHERE \
                 i.indexrelid = c.oid";
    let alone = |catalog: &str, schema: &str, name: &str, more: &str| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.{catalog} x JOIN places n ON n.oid = x.{schema} WHERE x.{name} = it.name AND \
             (it.place = n.nspname OR it.place IS NULL AND n.seen) AND {more})"
        )
    };
    let labels = "it.labels <@ ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = x.oid)";
    let all = [
        ("schema", "EXISTS (SELECT FROM places n WHERE n.nspname = it.place)".to_owned()),
        ("extension", "EXISTS (SELECT FROM pg_catalog.pg_extension x WHERE x.extname = it.name)".to_owned()),
        ("table", relation("it.name", "'r', 'p', 'f'")),
        ("view", relation("it.name", "'v', 'm'")),
        ("sequence", relation("it.name", "'S'")),
        ("index", relation("it.name", index)),
        ("type", alone("pg_type", "typnamespace", "typname", labels)),
        ("function", alone("pg_proc", "pronamespace", "proname", "true")),
        ("column", part("pg_attribute", "attrelid", "attname")),
        ("constraint", part("pg_constraint", "conrelid", "conname")),
        ("trigger", part("pg_trigger", "tgrelid", "tgname")),
        ("policy", part("pg_policy", "polrelid", "polname")),
    ];
    // To plan a look costs more than the look: what is not asked for stays out of it.
    let is_asked = |class: &str| expected.iter().any(|it| it.class.to_string() == class);
    let cases =
        all.iter().filter(|(class, _)| is_asked(class)).map(|(class, look)| format!("WHEN '{class}' THEN {look} "));
    format!(
        "{UNCOMPILED}WITH places AS MATERIALIZED (SELECT oid, nspname, nspname = ANY (pg_catalog.current_schemas(true)) AND nspname \
         !~ '^pg_temp' AS seen FROM \
         pg_catalog.pg_namespace), it (number, class, place, owner, name, labels) AS (VALUES {}) SELECT \
         pg_catalog.string_agg(number::text, ' ') FROM it WHERE NOT CASE class {}ELSE true END",
        values.join(", "),
        cases.collect::<String>(),
    )
}
