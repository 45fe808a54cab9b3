//! Operators, told apart by the types of their sides.

use super::{USERS, own};

pub(super) fn query() -> String {
    let function =
        |word: &str, column: &str| format!("CASE WHEN o.{column} <> 0 THEN '{word} = ' || o.{column}::regproc END");
    let side = |word: &str, column: &str| {
        format!("CASE WHEN o.{column} <> 0 THEN '{word} = ' || format_type(o.{column}, NULL) END")
    };
    let other = |word: &str, column: &str| {
        format!(
            "(SELECT format('{word} = OPERATOR(%I.%s)', xn.nspname, x.oprname) FROM pg_operator x JOIN pg_namespace xn ON xn.oid = \
             x.oprnamespace WHERE x.oid = o.{column})"
        )
    };
    let parts = [
        function("FUNCTION", "oprcode"),
        side("LEFTARG", "oprleft"),
        side("RIGHTARG", "oprright"),
        other("COMMUTATOR", "oprcom"),
        other("NEGATOR", "oprnegate"),
        function("RESTRICT", "oprrest"),
        function("JOIN", "oprjoin"),
        "CASE WHEN o.oprcanhash THEN 'HASHES' END".to_owned(),
        "CASE WHEN o.oprcanmerge THEN 'MERGES' END".to_owned(),
    ];
    // What is only promised as another's commutator or negator has no function.
    format!(
        "SELECT 'operator', n.nspname, '', format('%s (%s, %s)', o.oprname, CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE \
         format_type(o.oprleft, NULL) END, CASE WHEN o.oprright = 0 THEN 'NONE' ELSE format_type(o.oprright, NULL) END), o.oid, \
         json_strip_nulls(json_build_object('definition', format(E'CREATE OPERATOR %I.%s (\\n  %s\\n)', n.nspname, o.oprname, \
         concat_ws(E',\\n  ', {})), 'comment', obj_description(o.oid, 'pg_operator'))), '{{}}' FROM pg_operator o JOIN \
         pg_namespace n ON n.oid = o.oprnamespace WHERE o.oprcode <> 0 AND {USERS} AND {}",
        parts.join(", "),
        own("pg_operator", "o.oid")
    )
}
