//! Functions and procedures, told apart by the types of their arguments, as PostgreSQL does; the names belong to the definition. Aggregates are a class of their own.

use super::{USERS, own};

pub(super) fn query() -> String {
    format!(
        "SELECT 'function', n.nspname, '', format('%I(%s)', p.proname, oidvectortypes(p.proargtypes)), p.oid, \
         json_strip_nulls(json_build_object('definition', rtrim(pg_get_functiondef(p.oid)), 'comment', \
         obj_description(p.oid, 'pg_proc'))), json_build_object('rows of a table', EXISTS (SELECT FROM pg_depend d JOIN \
         pg_type t ON t.oid = d.refobjid AND t.typtype = 'c' JOIN pg_class c ON c.oid = t.typrelid AND c.relkind <> 'c' \
         WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_type'::regclass)) \
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prokind <> 'a' AND {USERS} AND {}",
        own("pg_proc", "p.oid")
    )
}
