//! A cheap look at the database: is everything there that the statements of migrations name, and are their ledger rows?

use tokio_postgres::SimpleQueryRow;

use super::named::{Named, named};
use crate::migrate::connect::{Client, UNCOMPILED};
use crate::migrate::folder::{Folder, Migration};
use crate::migrate::ledger::{Ledger, LedgerError};
use crate::migrate::quote::literal;

/// A look for what one migration makes, from inside of its transaction.
pub(in crate::migrate) struct Presence {
    expected: Vec<Named>,
}

impl Presence {
    /// What the migration's words name for certain, as far as its statements would have succeeded without making it; any other
    /// statement has made what it names, or failed.
    pub(in crate::migrate) fn of(migration: &Migration) -> Self {
        Self { expected: named(&[migration]).into_iter().filter(|it| it.is_guarded).collect() }
    }

    /// What to ask, as one message; none where nothing is certain. It is about catalogs alone and takes no lock that another
    /// session could hold, so no limit of the migration's applies.
    pub(in crate::migrate) fn query(&self) -> Option<String> {
        (!self.expected.is_empty()).then(|| format!("SET LOCAL statement_timeout = 0; {}", query(&self.expected)))
    }

    /// What the answer says is not there.
    pub(in crate::migrate) fn absent(self, answer: Option<&SimpleQueryRow>) -> Vec<Named> {
        without_parts(absent_by(answer, self.expected))
    }
}

/// The migrations of these tags that the ledger has no row of.
pub(in crate::migrate) async fn unrecorded(
    client: &Client,
    folder: &Folder,
    ledger: &Ledger,
    tags: &[String],
) -> Result<Vec<String>, LedgerError> {
    if tags.is_empty() {
        return Ok(Vec::new());
    }
    let rows = ledger.read(client).await?.rows;
    let is_recorded =
        |it: &&Migration| rows.iter().any(|row| row.hash == it.hash && row.created_at == Some(it.when_millis));
    let meant = folder.migrations.iter().filter(|it| tags.contains(&it.tag));
    Ok(meant.filter(|it| !is_recorded(it)).map(|it| it.tag.clone()).collect())
}

/// Those that are not in the database; one round trip.
pub(super) async fn absent(client: &Client, expected: Vec<Named>) -> Result<Vec<Named>, tokio_postgres::Error> {
    if expected.is_empty() {
        return Ok(Vec::new());
    }
    let rows = client.rows(&query(&expected)).await?;
    Ok(absent_by(rows.first(), expected))
}

/// The answer is one row: the numbers of what is absent.
fn absent_by(answer: Option<&SimpleQueryRow>, expected: Vec<Named>) -> Vec<Named> {
    let numbers = answer.and_then(|row| row.get(0)).unwrap_or_default();
    let numbers: Vec<usize> = numbers.split(' ').filter_map(|number| number.parse().ok()).collect();
    let pairs = expected.into_iter().enumerate();
    pairs.filter(|(number, _)| numbers.contains(number)).map(|(_, named)| named).collect()
}

/// Where a table is not there, nothing need be said of its parts.
fn without_parts(absent: Vec<Named>) -> Vec<Named> {
    let lost: Vec<Named> = absent.iter().filter(|it| it.table.is_empty()).cloned().collect();
    let is_part = |it: &Named| lost.iter().any(|table| table.name == it.table && table.schema == it.schema);
    absent.into_iter().filter(|it| !is_part(it)).collect()
}

/// The numbers of those that are not there, in one row. A name without a schema is looked for in those of the search_path.
fn query(expected: &[Named]) -> String {
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
