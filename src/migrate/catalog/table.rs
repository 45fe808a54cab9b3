//! Tables, without what belongs to them.

use super::object::Object;
use super::{USERS, own};

pub(super) fn query() -> String {
    format!(
        "SELECT 'table', n.nspname, '', c.relname, c.oid, json_strip_nulls(json_build_object( \
         'unlogged', NULLIF(c.relpersistence = 'u', false), \
         'partition by', pg_get_partkeydef(c.oid), \
         'partition of', CASE WHEN c.relispartition THEN i.parents ->> 0 END, \
         'bound', pg_get_expr(c.relpartbound, c.oid), \
         'inherits', CASE WHEN NOT c.relispartition THEN i.parents END, \
         'options', array_to_string(c.reloptions, ', '), \
         'row security', NULLIF(c.relrowsecurity, false), \
         'forced row security', NULLIF(c.relforcerowsecurity, false), \
         'comment', obj_description(c.oid, 'pg_class'))), '{{}}' \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN LATERAL (SELECT \
         json_agg(h.inhparent::regclass::text ORDER BY h.inhseqno) AS parents FROM pg_inherits h WHERE h.inhrelid = c.oid) i \
         ON true WHERE c.relkind IN ('r', 'p') AND {USERS} AND {}",
        own("pg_class", "c.oid")
    )
}

/// Without columns; [`whole`] has them.
pub(super) fn definition(object: &Object) -> String {
    whole(object, &[])
}

/// The table with these lines inside its parentheses, and its row security.
pub(in crate::migrate) fn whole(object: &Object, inside: &[String]) -> String {
    let mut sql = create(object, "", inside);
    for statement in row_security(object) {
        sql.push_str(&format!(";\n{statement}"));
    }
    sql
}

/// CREATE TABLE alone; `guard` is what stands before the name.
pub(in crate::migrate) fn create(object: &Object, guard: &str, inside: &[String]) -> String {
    let unlogged = if object.flag("unlogged") { "UNLOGGED " } else { "" };
    let mut sql = format!("CREATE {unlogged}TABLE {guard}{}", object.id.sql());
    if object.text("partition of").is_empty() {
        let body = if inside.is_empty() { " ()".to_owned() } else { format!(" (\n  {}\n)", inside.join(",\n  ")) };
        sql.push_str(&body);
    } else {
        sql.push_str(&format!(" PARTITION OF {} {}", object.text("partition of"), object.text("bound")));
    }
    if !object.list("inherits").is_empty() {
        sql.push_str(&format!(" INHERITS ({})", object.list("inherits").join(", ")));
    }
    if !object.text("partition by").is_empty() {
        sql.push_str(&format!(" PARTITION BY {}", object.text("partition by")));
    }
    if !object.text("options").is_empty() {
        sql.push_str(&format!(" WITH ({})", object.text("options")));
    }
    sql
}

/// The statements that turn its row level security on.
pub(in crate::migrate) fn row_security(object: &Object) -> Vec<String> {
    let switches = [("row security", "ENABLE"), ("forced row security", "FORCE")];
    let on = switches.iter().filter(|(attribute, _)| object.flag(attribute));
    on.map(|(_, verb)| format!("ALTER TABLE {} {verb} ROW LEVEL SECURITY", object.id.sql())).collect()
}
