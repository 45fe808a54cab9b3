//! Extended statistics.

use super::{USERS, own};

pub(super) fn query() -> String {
    format!(
        "SELECT 'statistics', n.nspname, c.relname, s.stxname, s.oid, json_strip_nulls(json_build_object('definition', \
         pg_get_statisticsobjdef(s.oid), 'comment', obj_description(s.oid, 'pg_statistic_ext'))), '{{}}' \
         FROM pg_statistic_ext s JOIN pg_class c ON c.oid = s.stxrelid JOIN pg_namespace n ON n.oid = s.stxnamespace \
         WHERE {USERS} AND {}",
        own("pg_class", "c.oid")
    )
}
