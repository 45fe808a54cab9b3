//! Domains, composite types and ranges.

use super::object::Object;
use super::{USERS, own};

pub(super) fn query() -> String {
    format!(
        "SELECT 'type', n.nspname, '', t.typname, t.oid, json_strip_nulls(json_build_object('comment', \
         obj_description(t.oid, 'pg_type'), \
         'domain', CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END, \
         'collation', CASE WHEN t.typtype = 'd' AND t.typcollation <> (SELECT b.typcollation FROM pg_type b WHERE b.oid = \
         t.typbasetype) THEN (SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_collation co JOIN pg_namespace cn ON \
         cn.oid = co.collnamespace WHERE co.oid = t.typcollation) END, \
         'default', CASE t.typtype WHEN 'd' THEN t.typdefault END, \
         'not null', NULLIF(t.typnotnull, false), \
         'checks', (SELECT json_agg(format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)) ORDER BY k.conname) \
         FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), \
         'columns', CASE t.typtype WHEN 'c' THEN (SELECT json_agg(format('%I %s', a.attname, format_type(a.atttypid, \
         a.atttypmod)) ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT \
         a.attisdropped) END, \
         'subtype', (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid))), '{{}}' \
         FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid \
         WHERE (t.typtype IN ('d', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')) AND {USERS} AND {} AND {}",
        own("pg_type", "t.oid"),
        own("pg_class", "t.typrelid")
    )
}

pub(super) fn definition(object: &Object) -> String {
    let name = object.id.sql();
    if !object.text("subtype").is_empty() {
        return format!("CREATE TYPE {name} AS RANGE (SUBTYPE = {})", object.text("subtype"));
    }
    if object.text("domain").is_empty() {
        return format!("CREATE TYPE {name} AS (\n  {}\n)", object.list("columns").join(",\n  "));
    }
    let mut sql = format!("CREATE DOMAIN {name} AS {}", object.text("domain"));
    for (keyword, attribute) in [("COLLATE", "collation"), ("DEFAULT", "default")] {
        if !object.text(attribute).is_empty() {
            sql.push_str(&format!(" {keyword} {}", object.text(attribute)));
        }
    }
    if object.flag("not null") {
        sql.push_str(" NOT NULL");
    }
    for check in object.list("checks") {
        sql.push_str(&format!("\n  {check}"));
    }
    sql
}
