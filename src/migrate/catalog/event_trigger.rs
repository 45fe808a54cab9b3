//! Event triggers: of the database as a whole.

use super::own;

pub(super) fn query() -> String {
    format!(
        "SELECT 'event trigger', '', '', t.evtname, t.oid, json_strip_nulls(json_build_object('definition', concat_ws(E';\\n', \
         concat_ws(' ', format('CREATE EVENT TRIGGER %I ON %s', t.evtname, t.evtevent), (SELECT format('WHEN TAG IN (%s)', \
         string_agg(quote_literal(tag), ', ' ORDER BY tag)) FROM unnest(t.evttags) tag HAVING count(*) > 0), format('EXECUTE \
         FUNCTION %s()', t.evtfoid::regproc)), CASE t.evtenabled WHEN 'O' THEN NULL ELSE format('ALTER EVENT TRIGGER %I %s', \
         t.evtname, CASE t.evtenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END) END), \
         'comment', obj_description(t.oid, 'pg_event_trigger'))), '{{}}' FROM pg_event_trigger t WHERE {}",
        own("pg_event_trigger", "t.oid")
    )
}
