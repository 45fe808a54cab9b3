//! Columns of tables. A partition's and an heir's own columns only: the others are the parent's, and what is changed of them is
//! the table's.

use super::object::Object;
use super::sequence::PARAMETERS;
use super::{USERS, own};

pub(super) fn query() -> String {
    format!(
        "SELECT 'column', n.nspname, c.relname, a.attname, a.attnum, json_strip_nulls(json_build_object( \
         'type', format_type(a.atttypid, a.atttypmod), \
         'collation', CASE WHEN a.attcollation <> t.typcollation THEN (SELECT format('%I.%I', cn.nspname, co.collname) FROM \
         pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END, \
         'default', CASE a.attgenerated WHEN '' THEN pg_get_expr(d.adbin, d.adrelid) END, \
         'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END, \
         'not null', NULLIF(a.attnotnull, false), \
         'identity', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END, \
         'sequence', i.sequence, \
         'comment', col_description(c.oid, a.attnum))), '{{}}' \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t \
         ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum LEFT JOIN LATERAL (SELECT \
         format('SEQUENCE NAME %s ', q.oid::regclass) || {PARAMETERS} AS sequence FROM pg_depend p JOIN pg_class q ON q.oid = \
         p.objid JOIN pg_sequence s ON s.seqrelid = q.oid WHERE p.classid = 'pg_class'::regclass AND p.refclassid = \
         'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid = a.attnum AND p.deptype = 'i') i ON true \
         WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attinhcount = 0 AND c.relkind IN ('r', 'p') AND {USERS} AND {}",
        own("pg_class", "c.oid")
    )
}

pub(super) fn definition(object: &Object) -> String {
    let nullability = if object.flag("not null") { " NOT NULL" } else { "" };
    format!("{} {}{}{nullability}", object.id.sql(), typed(object), value(object))
}

/// Its type and collation.
pub(in crate::migrate) fn typed(object: &Object) -> String {
    match object.text("collation") {
        "" => object.text("type").to_owned(),
        collation => format!("{} COLLATE {collation}", object.text("type")),
    }
}

/// What a new row gets: a default, an identity or a generated value, with a space before it.
pub(in crate::migrate) fn value(object: &Object) -> String {
    if !object.text("identity").is_empty() {
        return format!(" {}", identity(object));
    }
    match (object.text("default"), object.text("generated")) {
        ("", "") => String::new(),
        ("", generated) => format!(" GENERATED ALWAYS AS ({generated}) STORED"),
        (default, _) => format!(" DEFAULT {default}"),
    }
}

/// An identity with its sequence.
pub(in crate::migrate) fn identity(object: &Object) -> String {
    format!("GENERATED {} AS IDENTITY ({})", object.text("identity"), object.text("sequence"))
}
