//! Rewrite rules that are not a view's own.

use super::object::Object;
use super::{USERS, own};

pub(super) fn query() -> String {
    format!(
        "SELECT 'rule', n.nspname, c.relname, r.rulename, r.oid, json_strip_nulls(json_build_object('definition', \
         rtrim(pg_get_ruledef(r.oid), ';'), 'enabled', NULLIF(r.ev_enabled, 'O'), 'comment', obj_description(r.oid, \
         'pg_rewrite'))), '{{}}' FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = \
         c.relnamespace WHERE r.rulename <> '_RETURN' AND {USERS} AND {}",
        own("pg_class", "c.oid")
    )
}

pub(super) fn definition(object: &Object) -> String {
    super::trigger::with_firing(object, "RULE")
}
