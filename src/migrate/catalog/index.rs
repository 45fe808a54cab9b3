//! Indexes that are no constraint's and no partition's inheritance.

use super::object::Object;
use super::{USERS, own};

pub(super) fn query() -> String {
    format!(
        "SELECT 'index', n.nspname, t.relname, c.relname, c.oid, json_strip_nulls(json_build_object('definition', \
         pg_get_indexdef(c.oid), 'invalid', NULLIF(NOT x.indisvalid, false), 'comment', obj_description(c.oid, 'pg_class'))), \
         json_build_object('unique', x.indisunique, 'keys', (SELECT json_agg(pg_get_indexdef(c.oid, g, true) ORDER BY g) FROM \
         generate_series(1, x.indnkeyatts) g), 'predicate', pg_get_expr(x.indpred, x.indrelid)) \
         FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON \
         n.oid = c.relnamespace WHERE NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = \
         c.oid AND k.contype IN ('p', 'u', 'x')) AND {USERS} AND {}",
        own("pg_class", "t.oid")
    )
}

pub(super) fn definition(object: &Object) -> String {
    let invalid = if object.flag("invalid") { "  /* INVALID: building it failed */" } else { "" };
    format!("{}{invalid}", object.text("definition"))
}
