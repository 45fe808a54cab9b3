//! A cheap look at the database: are the ledger rows of these migrations there, and everything that their statements name?

use super::named::{Named, named};
use crate::migrate::connect::{Client, UNCOMPILED};
use crate::migrate::folder::{Folder, Migration};
use crate::migrate::ledger::{Ledger, LedgerError};
use crate::migrate::quote::literal;

/// What should be there after these migrations of the folder and is not: ledger rows and objects, as a reader would name them.
/// Others may have gone on meanwhile, and taken away what these have made.
pub async fn missing(
    client: &Client,
    folder: &Folder,
    ledger: &Ledger,
    tags: &[String],
) -> Result<Vec<String>, LedgerError> {
    let is_meant = |migration: &&Migration| tags.contains(&migration.tag);
    let since: Vec<&Migration> = folder.migrations.iter().skip_while(|it| !is_meant(it)).collect();
    if since.is_empty() {
        return Ok(Vec::new());
    }
    let rows = ledger.read(client).await?.rows;
    let is_recorded =
        |it: &&Migration| rows.iter().any(|row| row.hash == it.hash && row.created_at == Some(it.when_millis));
    let unrecorded = since.iter().filter(|it| is_meant(it) && !is_recorded(it));
    let mut missing: Vec<String> = unrecorded.map(|migration| format!("the ledger row of {}", migration.tag)).collect();
    let done: Vec<&Migration> = since.into_iter().filter(|it| is_meant(it) || is_recorded(it)).collect();
    let expected = named(&done).into_iter().filter(|it| tags.contains(&it.tag)).collect();
    let absent = absent(client, expected).await.map_err(|error| ledger.explain(&error))?;
    let lost = |it: &Named| absent.iter().any(|table| table.table.is_empty() && table.name == it.table);
    missing.extend(absent.iter().filter(|it| !lost(it)).map(|it| format!("the {it}")));
    Ok(missing)
}

/// Those that are not in the database; one round trip.
pub(super) async fn absent(client: &Client, expected: Vec<Named>) -> Result<Vec<Named>, tokio_postgres::Error> {
    if expected.is_empty() {
        return Ok(Vec::new());
    }
    let rows = client.rows(&query(&expected)).await?;
    let numbers: Vec<usize> = rows.iter().filter_map(|row| row.get(0)?.parse().ok()).collect();
    let pairs = expected.into_iter().enumerate();
    Ok(pairs.filter(|(number, _)| numbers.contains(number)).map(|(_, named)| named).collect())
}

/// The numbers of those that are not there. A name without a schema is looked for in those of the search_path.
fn query(expected: &[Named]) -> String {
    let values: Vec<String> = expected
        .iter()
        .enumerate()
        .map(|(number, it)| {
            let schema = it.schema.as_deref().map_or("NULL".to_owned(), literal);
            let (class, table, name) = (it.class.to_string(), literal(&it.table), literal(&it.name));
            format!("({number}, '{class}', {schema}, {table}, {name})")
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
    let alone = |catalog: &str, schema: &str, name: &str| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.{catalog} x JOIN places n ON n.oid = x.{schema} WHERE x.{name} = it.name AND \
             (it.place = n.nspname OR it.place IS NULL AND n.seen))"
        )
    };
    format!(
        "{UNCOMPILED}WITH places AS MATERIALIZED (SELECT oid, nspname, nspname = ANY (pg_catalog.current_schemas(true)) AND nspname \
         !~ '^pg_temp' AS seen FROM \
         pg_catalog.pg_namespace), it (number, class, place, owner, name) AS (VALUES {}) SELECT number FROM it WHERE NOT \
         CASE class WHEN 'schema' THEN EXISTS (SELECT FROM places n WHERE n.nspname = it.place) \
         WHEN 'extension' THEN EXISTS (SELECT FROM pg_catalog.pg_extension x WHERE x.extname = it.name) \
         WHEN 'table' THEN {} WHEN 'view' THEN {} WHEN 'sequence' THEN {} WHEN 'index' THEN {} \
         WHEN 'type' THEN {} WHEN 'function' THEN {} \
         WHEN 'column' THEN {} WHEN 'constraint' THEN {} WHEN 'trigger' THEN {} WHEN 'policy' THEN {} ELSE true END",
        values.join(", "),
        relation("it.name", "'r', 'p', 'f'"),
        relation("it.name", "'v', 'm'"),
        relation("it.name", "'S'"),
        relation("it.name", index),
        alone("pg_type", "typnamespace", "typname"),
        alone("pg_proc", "pronamespace", "proname"),
        part("pg_attribute", "attrelid", "attname"),
        part("pg_constraint", "conrelid", "conname"),
        part("pg_trigger", "tgrelid", "tgname"),
        part("pg_policy", "polrelid", "polname"),
    )
}
