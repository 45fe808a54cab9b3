//! Text search: dictionaries with their options, and configurations with what each kind of token is looked up in.

use super::{USERS, own};

pub(super) fn dictionaries() -> String {
    format!(
        "SELECT 'text search dictionary', n.nspname, '', d.dictname, d.oid, json_strip_nulls(json_build_object('definition', \
         format('CREATE TEXT SEARCH DICTIONARY %I.%I (%s)', n.nspname, d.dictname, concat_ws(', ', format('TEMPLATE = %I.%I', \
         tn.nspname, t.tmplname), nullif(d.dictinitoption, ''))), 'comment', obj_description(d.oid, 'pg_ts_dict'))), '{{}}' FROM \
         pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace JOIN pg_ts_template t ON t.oid = d.dicttemplate JOIN \
         pg_namespace tn ON tn.oid = t.tmplnamespace WHERE {USERS} AND {}",
        own("pg_ts_dict", "d.oid")
    )
}

pub(super) fn configurations() -> String {
    format!(
        "SELECT 'text search configuration', n.nspname, '', c.cfgname, c.oid, json_strip_nulls(json_build_object('definition', \
         concat_ws(E';\\n', format('CREATE TEXT SEARCH CONFIGURATION %I.%I (PARSER = %I.%I)', n.nspname, c.cfgname, pn.nspname, \
         p.prsname), (SELECT string_agg(format('ALTER TEXT SEARCH CONFIGURATION %I.%I ADD MAPPING FOR %I WITH %s', n.nspname, \
         c.cfgname, t.alias, m.dictionaries), E';\\n' ORDER BY m.maptokentype) FROM (SELECT m.maptokentype, \
         string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno) AS dictionaries FROM pg_ts_config_map m WHERE \
         m.mapcfg = c.oid GROUP BY m.maptokentype) m JOIN ts_token_type(c.cfgparser) t ON t.tokid = m.maptokentype)), 'comment', \
         obj_description(c.oid, 'pg_ts_config'))), '{{}}' FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace JOIN \
         pg_ts_parser p ON p.oid = c.cfgparser JOIN pg_namespace pn ON pn.oid = p.prsnamespace WHERE {USERS} AND {}",
        own("pg_ts_config", "c.oid")
    )
}
