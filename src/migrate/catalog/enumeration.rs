//! Enums: their labels and the labels' order.

use super::object::Object;
use super::{USERS, own};
use crate::migrate::quote::literal;

pub(super) fn query() -> String {
    format!(
        "SELECT 'enum', n.nspname, '', t.typname, t.oid, json_strip_nulls(json_build_object('labels', (SELECT \
         json_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid), 'comment', \
         obj_description(t.oid, 'pg_type'))), '{{}}' FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
         WHERE t.typtype = 'e' AND {USERS} AND {}",
        own("pg_type", "t.oid")
    )
}

pub(super) fn definition(object: &Object) -> String {
    let labels: Vec<String> = object.list("labels").into_iter().map(|label| format!("  {}", literal(label))).collect();
    format!("CREATE TYPE {} AS ENUM (\n{}\n)", object.id.sql(), labels.join(",\n"))
}
