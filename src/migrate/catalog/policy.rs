//! Policies of row level security. A role is a name here: which rights it has is not the migrations' matter.

use super::USERS;
use super::object::Object;
use crate::migrate::quote::identifier;

pub(super) fn query() -> String {
    format!(
        "SELECT 'policy', n.nspname, c.relname, p.polname, p.oid, json_strip_nulls(json_build_object( \
         'as', CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, \
         'for', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' \
         ELSE 'ALL' END, \
         'to', (SELECT json_agg(coalesce(r.rolname, '') ORDER BY r.rolname) FROM unnest(p.polroles) u (oid) LEFT JOIN \
         pg_roles r ON r.oid = u.oid), \
         'using', pg_get_expr(p.polqual, p.polrelid), \
         'check', pg_get_expr(p.polwithcheck, p.polrelid), \
         'comment', obj_description(p.oid, 'pg_policy'))), '{{}}' \
         FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USERS}"
    )
}

pub(super) fn definition(object: &Object) -> String {
    let Object { id, .. } = object;
    let (table, kind, command) = (id.table_sql(), object.text("as"), object.text("for"));
    format!("CREATE POLICY {} ON {table} AS {kind} FOR {command}{}", id.sql(), rest(object))
}

/// What ALTER POLICY takes as well: roles and conditions.
pub(in crate::migrate) fn rest(object: &Object) -> String {
    let roles: Vec<String> = object.list("to").into_iter().map(role).collect();
    let mut sql = format!(" TO {}", roles.join(", "));
    for (keyword, attribute) in [("USING", "using"), ("WITH CHECK", "check")] {
        if !object.text(attribute).is_empty() {
            sql.push_str(&format!("\n  {keyword} ({})", object.text(attribute)));
        }
    }
    sql
}

/// PostgreSQL keeps PUBLIC as a role without a name.
fn role(name: &str) -> String {
    if name.is_empty() { "PUBLIC".to_owned() } else { identifier(name) }
}
