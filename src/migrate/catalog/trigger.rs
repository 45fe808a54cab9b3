//! Triggers, without those that PostgreSQL makes for constraints and partitions.

use super::object::Object;
use super::{USERS, own};

pub(super) fn query() -> String {
    format!(
        "SELECT 'trigger', n.nspname, c.relname, t.tgname, t.oid, json_strip_nulls(json_build_object('definition', \
         pg_get_triggerdef(t.oid), 'enabled', NULLIF(t.tgenabled, 'O'), 'comment', obj_description(t.oid, 'pg_trigger'))), \
         json_build_object('constraint', t.tgconstraint <> 0) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN \
         pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND {USERS} AND {}",
        own("pg_class", "c.oid")
    )
}

pub(super) fn definition(object: &Object) -> String {
    with_firing(object, "TRIGGER")
}

/// The definition, and when it fires if that is not as usual.
pub(super) fn with_firing(object: &Object, what: &str) -> String {
    match firing(object, what) {
        Some(statement) => format!("{};\n{statement}", object.text("definition")),
        None => object.text("definition").to_owned(),
    }
}

/// The statement that makes it fire when it should; none if that is as usual.
pub(in crate::migrate) fn firing(object: &Object, what: &str) -> Option<String> {
    let verb = match object.text("enabled") {
        "" => return None,
        "D" => "DISABLE",
        "R" => "ENABLE REPLICA",
        _ => "ENABLE ALWAYS",
    };
    Some(format!("ALTER TABLE {} {verb} {what} {}", object.id.table_sql(), object.id.sql()))
}
