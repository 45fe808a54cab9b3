//! Tables, without what belongs to them; but with what a partition or an heir has changed of its parent's columns.

use super::object::Object;
use super::{USERS, own};

/// SQL: what the table `c` has changed of the columns that it has from its parents, as actions of ALTER TABLE.
const OWN_COLUMNS: &str = "(SELECT json_agg(o.action ORDER BY o.attnum, o.action) FROM (SELECT a.attnum, unnest(ARRAY[ \
    CASE WHEN a.attnotnull AND NOT p.attnotnull THEN format('ALTER COLUMN %I SET NOT NULL', a.attname) END, \
    CASE WHEN a.attgenerated <> '' OR pg_get_expr(d.adbin, d.adrelid) IS NOT DISTINCT FROM pg_get_expr(e.adbin, e.adrelid) THEN NULL \
    WHEN d.adbin IS NULL THEN format('ALTER COLUMN %I DROP DEFAULT', a.attname) \
    ELSE format('ALTER COLUMN %I SET DEFAULT %s', a.attname, pg_get_expr(d.adbin, d.adrelid)) END]) AS action \
    FROM pg_attribute a CROSS JOIN LATERAL (SELECT x.* FROM pg_inherits h JOIN pg_attribute x ON x.attrelid = h.inhparent AND \
    x.attname = a.attname AND NOT x.attisdropped WHERE h.inhrelid = c.oid ORDER BY h.inhseqno LIMIT 1) p \
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
    LEFT JOIN pg_attrdef e ON e.adrelid = p.attrelid AND e.adnum = p.attnum \
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attinhcount > 0 AND NOT a.attisdropped) o WHERE o.action IS NOT NULL)";

pub(super) fn query() -> String {
    format!(
        "SELECT 'table', n.nspname, '', c.relname, c.oid, json_strip_nulls(json_build_object( \
         'unlogged', NULLIF(c.relpersistence = 'u', false), \
         'partition by', pg_get_partkeydef(c.oid), \
         'partition of', CASE WHEN c.relispartition THEN i.parents ->> 0 END, \
         'bound', pg_get_expr(c.relpartbound, c.oid), \
         'inherits', CASE WHEN NOT c.relispartition THEN i.parents END, \
         'own columns', CASE WHEN i.parents IS NOT NULL THEN {OWN_COLUMNS} END, \
         'options', array_to_string(c.reloptions, ', '), \
         'row security', NULLIF(c.relrowsecurity, false), \
         'forced row security', NULLIF(c.relforcerowsecurity, false), \
         'replica identity', CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' WHEN 'i' THEN (SELECT \
         format('USING INDEX %I', x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND \
         i.indisreplident) END, \
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
    for statement in own_columns(object).into_iter().chain(row_security(object)).chain(replica_identity(object)) {
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

/// The statements that make columns of its parents its own.
pub(in crate::migrate) fn own_columns(object: &Object) -> Vec<String> {
    object.list("own columns").iter().map(|action| format!("ALTER TABLE {} {action}", object.id.sql())).collect()
}

/// The column that an action lets no NULL into, as SQL.
pub(in crate::migrate) fn required(action: &str) -> Option<&str> {
    action.strip_suffix(" SET NOT NULL")?.strip_prefix("ALTER COLUMN ")
}

/// The statements that turn its row level security on.
pub(in crate::migrate) fn row_security(object: &Object) -> Vec<String> {
    let switches = [("row security", "ENABLE"), ("forced row security", "FORCE")];
    let on = switches.iter().filter(|(attribute, _)| object.flag(attribute));
    on.map(|(_, verb)| format!("ALTER TABLE {} {verb} ROW LEVEL SECURITY", object.id.sql())).collect()
}

/// The statement that says what an update or a deletion is known by to those that the table is replicated to; none if that is
/// the primary key, as usual.
pub(in crate::migrate) fn replica_identity(object: &Object) -> Option<String> {
    let by = object.text("replica identity");
    (!by.is_empty()).then(|| format!("ALTER TABLE {} REPLICA IDENTITY {by}", object.id.sql()))
}
