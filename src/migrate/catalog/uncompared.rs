//! What migrations can make and nothing compares: counted, so that nobody takes it for compared.

use super::{MADE, USERS, own};

/// What the first column of such a row is.
pub(super) const WORD: &str = "not compared";

pub(super) fn query() -> String {
    let in_schema = |kind: &str, catalog: &str, schema: &str, condition: &str| {
        format!(
            "SELECT '{kind}', count(*) FROM {catalog} x JOIN pg_namespace n ON n.oid = x.{schema} WHERE {USERS} AND {condition} AND {}",
            own(catalog, "x.oid")
        )
    };
    let of_database = |kind: &str, catalog: &str| {
        format!("SELECT '{kind}', count(*) FROM {catalog} x WHERE x.oid >= {MADE} AND {}", own(catalog, "x.oid"))
    };
    let counts = [
        in_schema("foreign table", "pg_class", "relnamespace", "x.relkind = 'f'"),
        in_schema("base type", "pg_type", "typnamespace", "x.typtype = 'b' AND x.typcategory <> 'A'"),
        in_schema("operator class", "pg_opclass", "opcnamespace", "true"),
        in_schema(
            "operator family",
            "pg_opfamily",
            "opfnamespace",
            "NOT EXISTS (SELECT FROM pg_opclass c WHERE c.opcfamily = x.oid)",
        ),
        in_schema("text search parser", "pg_ts_parser", "prsnamespace", "true"),
        in_schema("text search template", "pg_ts_template", "tmplnamespace", "true"),
        in_schema("conversion", "pg_conversion", "connamespace", "true"),
        of_database("language", "pg_language"),
        of_database("transform", "pg_transform"),
        of_database("access method", "pg_am"),
        "SELECT 'security label', count(*) FROM pg_seclabel".to_owned(),
    ];
    format!("SELECT '{WORD}', kind, number FROM ({}) x (kind, number) WHERE number > 0", counts.join(" UNION ALL "))
}
