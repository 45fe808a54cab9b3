//! Views and materialized views.

use super::class::Class;
use super::object::Object;
use super::{USERS, own};

pub(super) fn query() -> String {
    of_kind("view", 'v')
}

pub(super) fn materialized_query() -> String {
    of_kind("materialized view", 'm')
}

fn of_kind(word: &str, kind: char) -> String {
    format!(
        "SELECT '{word}', n.nspname, '', c.relname, c.oid, json_strip_nulls(json_build_object('definition', \
         rtrim(btrim(pg_get_viewdef(c.oid)), ';'), 'columns', (SELECT json_agg(format('%I %s', a.attname, \
         format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum \
         > 0), 'options', array_to_string(c.reloptions, ', '), 'comment', obj_description(c.oid, 'pg_class'))), '{{}}' FROM \
         pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = '{kind}' AND {USERS} AND {}",
        own("pg_class", "c.oid")
    )
}

pub(super) fn definition(object: &Object) -> String {
    create(object, if object.id.class == Class::View { "VIEW" } else { "MATERIALIZED VIEW" })
}

/// The statement that makes it; `what` is what follows CREATE.
pub(in crate::migrate) fn create(object: &Object, what: &str) -> String {
    let options = match object.text("options") {
        "" => String::new(),
        options => format!(" WITH ({options})"),
    };
    format!("CREATE {what} {}{options} AS\n{}", object.id.sql(), object.text("definition"))
}
