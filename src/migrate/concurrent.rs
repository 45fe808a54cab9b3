//! CREATE INDEX CONCURRENTLY, and the INVALID index that a failed one leaves behind.

use super::ledger::literal;
use super::sql::{Statement, after_if_not_exists, name};

/// The index that a CREATE INDEX CONCURRENTLY makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcurrentIndex {
    /// Its name, as PostgreSQL stores it.
    pub name: String,
    /// Its table, as written.
    pub table: String,
}

impl ConcurrentIndex {
    /// The index of `CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY] table`.
    pub fn of(sql: &str, statement: &Statement) -> Option<Self> {
        let unique = usize::from(statement.starts_with(sql, &["create", "unique"]));
        let words = ["create", "unique", "index", "concurrently"];
        let words: Vec<&str> = words.into_iter().filter(|word| unique == 1 || *word != "unique").collect();
        if !statement.starts_with(sql, &words) {
            return None;
        }
        let rest = after_if_not_exists(sql, &statement.tokens[words.len()..]);
        let (index, rest) = rest.split_first().filter(|(index, _)| !index.is(sql, "on"))?;
        let rest = rest.split_first().filter(|(on, _)| on.is(sql, "on"))?.1;
        let only = usize::from(rest.first().is_some_and(|word| word.is(sql, "only")));
        let index = name(sql, std::slice::from_ref(index))?;
        Some(ConcurrentIndex { name: stored(&index), table: name(sql, &rest[only..])? })
    }

    /// SQL whose row, where there is such an index, has its name with its schema and whether it is good: not so if it is
    /// INVALID and nobody is making it at this moment.
    pub(super) fn query(&self) -> String {
        format!(
            "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), i.indisvalid OR EXISTS (SELECT FROM \
             pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid) FROM pg_catalog.pg_index i \
             JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE i.indrelid = pg_catalog.to_regclass({}) AND c.relname = {}",
            literal(&self.table),
            literal(&self.name)
        )
    }
}

/// A name as PostgreSQL stores it: lower case unless quoted, at most 63 bytes.
fn stored(written: &str) -> String {
    let mut name = match written.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => written.to_ascii_lowercase(),
    };
    let mut end = name.len().min(63);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::sql::statements;

    #[test]
    fn names_and_tables() {
        let table = [
            ("CREATE INDEX CONCURRENTLY a ON t (x)", Some(("a", "t"))),
            (
                "create unique index concurrently if not exists \"A \"\"b\" on only s.\"T\" using btree (x)",
                Some(("A \"b", "s.\"T\"")),
            ),
            ("CREATE INDEX CONCURRENTLY Users_Email ON users (email)", Some(("users_email", "users"))),
            ("CREATE INDEX CONCURRENTLY ON t (x)", None),
            ("CREATE INDEX a ON t (x)", None),
            ("CREATE INDEX CONCURRENTLY", None),
            ("REINDEX INDEX CONCURRENTLY a", None),
        ];
        for (sql, expected) in table {
            let found = ConcurrentIndex::of(sql, &statements(sql)[0]);
            let found = found.as_ref().map(|index| (index.name.as_str(), index.table.as_str()));
            assert_eq!(found, expected, "{sql}");
        }
    }

    #[test]
    fn long_names_are_cut_as_postgresql_cuts_them() {
        assert_eq!(stored(&"é".repeat(40)).len(), 62);
        assert_eq!(stored(&"A".repeat(70)), "a".repeat(63));
    }
}
