//! Sequences, a serial column's among them; an identity column's belongs to the column. Where they stand is data.

use super::object::Object;
use super::{USERS, own};
use crate::migrate::quote::identifier;

/// SQL: a sequence's parameters as ALTER SEQUENCE takes them; `s` is pg_sequence.
pub(super) const PARAMETERS: &str = "format('INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s', \
    s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END)";

pub(super) fn query() -> String {
    format!(
        "SELECT 'sequence', n.nspname, '', c.relname, c.oid, json_strip_nulls(json_build_object('type', \
         format_type(s.seqtypid, NULL), 'parameters', {PARAMETERS}, 'owner', o.owner, 'comment', obj_description(c.oid, \
         'pg_class'))), coalesce(o.facts, '{{}}') FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid JOIN pg_namespace n \
         ON n.oid = c.relnamespace LEFT JOIN LATERAL (SELECT format('%I.%I.%I', tn.nspname, t.relname, a.attname) AS owner, \
         json_build_object('owned by', json_build_array(tn.nspname, t.relname, a.attname)) AS facts, d.deptype \
         FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace JOIN \
         pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid WHERE d.classid = 'pg_class'::regclass AND \
         d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) o ON true \
         WHERE o.deptype IS DISTINCT FROM 'i' AND {USERS} AND {}",
        own("pg_class", "c.oid")
    )
}

pub(super) fn definition(object: &Object) -> String {
    let mut sql =
        format!("CREATE SEQUENCE {} AS {} {}", object.id.sql(), object.text("type"), object.text("parameters"));
    if let Some(owner) = owner(object) {
        sql.push_str(&format!("\n  OWNED BY {owner}"));
    }
    sql
}

/// The column that it goes with, as SQL.
pub(in crate::migrate) fn owner(object: &Object) -> Option<String> {
    match object.facts("owned by")[..] {
        [schema, table, column] => Some(format!("{}.{}.{}", identifier(schema), identifier(table), identifier(column))),
        _ => None,
    }
}
