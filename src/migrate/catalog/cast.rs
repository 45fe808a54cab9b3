//! Casts: of the database as a whole, by the types from which and to which.

use super::{MADE, own};

pub(super) fn query() -> String {
    format!(
        "SELECT 'cast', '', '', x.name, c.oid, json_strip_nulls(json_build_object('definition', format('CREATE CAST %s %s%s', \
         x.name, CASE c.castmethod WHEN 'f' THEN 'WITH FUNCTION ' || c.castfunc::regprocedure WHEN 'i' THEN 'WITH INOUT' ELSE \
         'WITHOUT FUNCTION' END, CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' ELSE '' END), \
         'comment', obj_description(c.oid, 'pg_cast'))), '{{}}' FROM pg_cast c CROSS JOIN LATERAL (SELECT format('(%s AS %s)', \
         format_type(c.castsource, NULL), format_type(c.casttarget, NULL)) AS name) x WHERE c.oid >= {MADE} AND {}",
        own("pg_cast", "c.oid")
    )
}
