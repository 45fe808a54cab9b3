//! Collations. Their versions are the server's matter and are not compared.

use super::{USERS, own};

pub(super) fn query() -> String {
    // Which columns there are is another thing with each version of PostgreSQL.
    let text = |word: &str, columns: &str| {
        format!("(SELECT '{word} = ' || quote_literal(v) FROM coalesce({columns}) v WHERE v IS NOT NULL)")
    };
    format!(
        "SELECT 'collation', n.nspname, '', c.collname, c.oid, json_strip_nulls(json_build_object('definition', \
         format('CREATE COLLATION %I.%I (%s)', n.nspname, c.collname, concat_ws(', ', 'PROVIDER = ' || CASE c.collprovider WHEN \
         'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END, {}, {}, {}, {}, CASE WHEN NOT c.collisdeterministic THEN \
         'DETERMINISTIC = false' END)), 'comment', obj_description(c.oid, 'pg_collation'))), '{{}}' \
         FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace CROSS JOIN LATERAL (SELECT to_jsonb(c) AS j) row \
         WHERE {USERS} AND {}",
        text(
            "LOCALE",
            "j ->> 'colllocale', j ->> 'colliculocale', CASE c.collprovider WHEN 'i' THEN c.collcollate END"
        ),
        text("LC_COLLATE", "CASE c.collprovider WHEN 'c' THEN c.collcollate END"),
        text("LC_CTYPE", "CASE c.collprovider WHEN 'c' THEN c.collctype END"),
        text("RULES", "j ->> 'collicurules'"),
        own("pg_collation", "c.oid")
    )
}
