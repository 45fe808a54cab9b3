//! Schemas.

use super::object::Object;
use super::{USERS, own};

pub(super) fn query() -> String {
    format!(
        "SELECT 'schema', n.nspname, '', '', n.oid, json_strip_nulls(json_build_object('comment', \
         obj_description(n.oid, 'pg_namespace'))), '{{}}' FROM pg_namespace n WHERE {USERS} AND {}",
        own("pg_namespace", "n.oid")
    )
}

pub(super) fn definition(object: &Object) -> String {
    format!("CREATE SCHEMA {}", object.id.sql())
}
