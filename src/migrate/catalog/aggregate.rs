//! Aggregates, told apart by the types of their arguments. PostgreSQL writes none down, so that their parts are put together here.

use super::{USERS, own};

pub(super) fn query() -> String {
    let finish = |word: &str, function: &str, extra: &str, modify: &str| {
        format!(
            "CASE WHEN a.{function} <> 0 THEN '{word} = ' || a.{function}::regproc END, \
             CASE WHEN a.{extra} THEN '{word}_EXTRA' END, \
             CASE WHEN a.{function} <> 0 THEN '{word}_MODIFY = ' || CASE a.{modify} WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN \
             'SHAREABLE' ELSE 'READ_WRITE' END END"
        )
    };
    let function =
        |word: &str, column: &str| format!("CASE WHEN a.{column} <> 0 THEN '{word} = ' || a.{column}::regproc END");
    let space = |word: &str, column: &str| format!("CASE WHEN a.{column} <> 0 THEN '{word} = ' || a.{column} END");
    let parts = [
        "'SFUNC = ' || a.aggtransfn::regproc".to_owned(),
        "'STYPE = ' || format_type(a.aggtranstype, NULL)".to_owned(),
        space("SSPACE", "aggtransspace"),
        finish("FINALFUNC", "aggfinalfn", "aggfinalextra", "aggfinalmodify"),
        function("COMBINEFUNC", "aggcombinefn"),
        function("SERIALFUNC", "aggserialfn"),
        function("DESERIALFUNC", "aggdeserialfn"),
        "'INITCOND = ' || quote_literal(a.agginitval)".to_owned(),
        function("MSFUNC", "aggmtransfn"),
        function("MINVFUNC", "aggminvtransfn"),
        "CASE WHEN a.aggmtransfn <> 0 THEN 'MSTYPE = ' || format_type(a.aggmtranstype, NULL) END".to_owned(),
        space("MSSPACE", "aggmtransspace"),
        finish("MFINALFUNC", "aggmfinalfn", "aggmfinalextra", "aggmfinalmodify"),
        "'MINITCOND = ' || quote_literal(a.aggminitval)".to_owned(),
        "(SELECT format('SORTOP = OPERATOR(%I.%s)', sn.nspname, so.oprname) FROM pg_operator so JOIN pg_namespace sn ON sn.oid = \
         so.oprnamespace WHERE so.oid = a.aggsortop)"
            .to_owned(),
        "CASE p.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END".to_owned(),
        "CASE a.aggkind WHEN 'h' THEN 'HYPOTHETICAL' END".to_owned(),
    ];
    format!(
        "SELECT 'aggregate', n.nspname, '', format('%I(%s)', p.proname, oidvectortypes(p.proargtypes)), p.oid, \
         json_strip_nulls(json_build_object('definition', format(E'CREATE AGGREGATE %I.%I(%s) (\\n  %s\\n)', n.nspname, p.proname, \
         CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_get_function_arguments(p.oid) END, concat_ws(E',\\n  ', {})), 'comment', \
         obj_description(p.oid, 'pg_proc'))), '{{}}' FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_namespace n \
         ON n.oid = p.pronamespace WHERE {USERS} AND {}",
        parts.join(", "),
        own("pg_proc", "p.oid")
    )
}
