//! Constraints of tables. NOT NULL is the column's, and what a partition inherits is the parent's.

use super::object::Object;
use super::{USERS, own};

pub(super) fn query() -> String {
    let names = |table: &str, columns: &str| {
        format!(
            "(SELECT json_agg(a.attname ORDER BY u.place) FROM unnest({columns}) WITH ORDINALITY u (number, place) JOIN \
             pg_attribute a ON a.attrelid = {table} AND a.attnum = u.number)"
        )
    };
    format!(
        "SELECT 'constraint', n.nspname, c.relname, k.conname, k.oid, json_strip_nulls(json_build_object('definition', \
         pg_get_constraintdef(k.oid), 'comment', obj_description(k.oid, 'pg_constraint'))), \
         json_strip_nulls(json_build_object('kind', k.contype, 'columns', {}, 'foreign table', (SELECT \
         json_build_array(fn.nspname, f.relname) FROM pg_class f JOIN pg_namespace fn ON fn.oid = f.relnamespace WHERE f.oid = \
         k.confrelid), 'foreign columns', {}, 'expression', pg_get_expr(k.conbin, k.conrelid))) \
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE k.contype IN ('p', 'u', 'c', 'f', 'x') AND k.conparentid = 0 AND k.conislocal AND {USERS} AND {}",
        names("k.conrelid", "k.conkey"),
        names("k.confrelid", "k.confkey"),
        own("pg_class", "c.oid")
    )
}

pub(super) fn definition(object: &Object) -> String {
    format!("CONSTRAINT {} {}", object.id.sql(), object.text("definition"))
}
