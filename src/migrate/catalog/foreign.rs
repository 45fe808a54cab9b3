//! Foreign data wrappers, servers and user mappings: of the database as a whole. Options that may hold a secret are not read,
//! and of a user mapping none at all: only its owner sees them.

use super::own;

/// SQL: the clause of the options whose names do not sound like a secret's.
fn options(column: &str) -> String {
    format!(
        "(SELECT format('OPTIONS (%s)', string_agg(format('%I %L', o.option_name, o.option_value), ', ' ORDER BY o.option_name)) \
         FROM pg_options_to_table({column}) o WHERE o.option_name !~* 'pass|secret|token|key' HAVING count(*) > 0)"
    )
}

pub(super) fn wrappers() -> String {
    format!(
        "SELECT 'foreign data wrapper', '', '', w.fdwname, w.oid, json_strip_nulls(json_build_object('definition', concat_ws(' ', \
         format('CREATE FOREIGN DATA WRAPPER %I', w.fdwname), CASE WHEN w.fdwhandler <> 0 THEN 'HANDLER ' || \
         w.fdwhandler::regproc END, CASE WHEN w.fdwvalidator <> 0 THEN 'VALIDATOR ' || w.fdwvalidator::regproc END, {}), \
         'comment', obj_description(w.oid, 'pg_foreign_data_wrapper'))), '{{}}' FROM pg_foreign_data_wrapper w WHERE {}",
        options("w.fdwoptions"),
        own("pg_foreign_data_wrapper", "w.oid")
    )
}

pub(super) fn servers() -> String {
    format!(
        "SELECT 'server', '', '', s.srvname, s.oid, json_strip_nulls(json_build_object('definition', concat_ws(' ', \
         format('CREATE SERVER %I', s.srvname), 'TYPE ' || quote_literal(s.srvtype), 'VERSION ' || quote_literal(s.srvversion), \
         format('FOREIGN DATA WRAPPER %I', w.fdwname), {}), 'comment', obj_description(s.oid, 'pg_foreign_server'))), '{{}}' \
         FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE {}",
        options("s.srvoptions"),
        own("pg_foreign_server", "s.oid")
    )
}

pub(super) fn mappings() -> String {
    "SELECT 'user mapping', '', '', x.name, m.umid, json_build_object('definition', 'CREATE USER MAPPING ' || x.name), '{}' FROM \
     pg_user_mappings m CROSS JOIN LATERAL (SELECT format('FOR %s SERVER %I', CASE WHEN m.umuser = 0 THEN 'PUBLIC' ELSE \
     quote_ident(m.usename) END, m.srvname) AS name) x"
        .to_owned()
}
