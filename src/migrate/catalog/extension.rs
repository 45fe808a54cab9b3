//! Extensions. Their versions are the server's matter and are not compared.

use super::object::Object;
use crate::migrate::quote::identifier;

pub(super) fn query() -> String {
    "SELECT 'extension', '', '', e.extname, e.oid, json_build_object('schema', n.nspname), '{}' FROM pg_extension e JOIN \
     pg_namespace n ON n.oid = e.extnamespace"
        .to_owned()
}

pub(super) fn definition(object: &Object) -> String {
    format!("CREATE EXTENSION {} SCHEMA {}", object.id.sql(), identifier(object.text("schema")))
}
