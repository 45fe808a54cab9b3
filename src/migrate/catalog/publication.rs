//! Publications: of what, and of which changes. They are the database's as a whole.

use super::own;

pub(super) fn query() -> String {
    // The filters of rows, the lists of columns and whole schemas came with PostgreSQL 15.
    let tables = "(SELECT format('TABLE %s', string_agg(format('%s%s%s', r.prrelid::regclass, (SELECT format(' (%s)', \
         string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)) FROM pg_attribute a WHERE a.attrelid = r.prrelid AND \
         a.attnum::text = ANY (string_to_array(to_jsonb(r) ->> 'prattrs', ' ')) HAVING count(*) > 0), (SELECT format(' WHERE (%s)', \
         to_jsonb(v) ->> 'rowfilter') FROM pg_publication_tables v WHERE v.pubname = p.pubname AND format('%I.%I', v.schemaname, \
         v.tablename)::regclass = r.prrelid AND to_jsonb(r) ->> 'prqual' IS NOT NULL)), ', ' ORDER BY r.prrelid::regclass::text)) \
         FROM pg_publication_rel r WHERE r.prpubid = p.oid HAVING count(*) > 0)";
    let schemas = "(SELECT format('TABLES IN SCHEMA %s', string_agg(quote_ident(n.nspname), ', ' ORDER BY n.nspname)) FROM pg_depend \
         d JOIN pg_depend e ON e.classid = d.classid AND e.objid = d.objid AND e.refclassid = 'pg_namespace'::regclass JOIN \
         pg_namespace n ON n.oid = e.refobjid WHERE d.classid = to_regclass('pg_catalog.pg_publication_namespace') AND d.refclassid \
         = 'pg_publication'::regclass AND d.refobjid = p.oid HAVING count(*) > 0)";
    format!(
        "SELECT 'publication', '', '', p.pubname, p.oid, json_strip_nulls(json_build_object('definition', concat_ws(' ', \
         format('CREATE PUBLICATION %I', p.pubname), 'FOR ' || CASE WHEN p.puballtables THEN 'ALL TABLES' ELSE \
         nullif(concat_ws(', ', {tables}, {schemas}), '') END, format('WITH (publish = %L%s)', concat_ws(', ', CASE WHEN \
         p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END, CASE \
         WHEN p.pubtruncate THEN 'truncate' END), CASE to_jsonb(p) ->> 'pubviaroot' WHEN 'true' THEN ', \
         publish_via_partition_root = true' END)), 'comment', obj_description(p.oid, 'pg_publication'))), '{{}}' FROM \
         pg_publication p WHERE {}",
        own("pg_publication", "p.oid")
    )
}
