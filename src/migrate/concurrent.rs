//! What works CONCURRENTLY on indexes, and the INVALID ones that it leaves behind where it fails.

use tokio_postgres::SimpleQueryRow;

use super::quote::folded;
use super::quote::literal;
use super::sql::{Statement, Token, after_if_not_exists, name};

/// A statement that PostgreSQL carries out in several transactions of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concurrent {
    /// `CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY] table`; a failed one leaves the index INVALID.
    Create {
        /// Its name, as PostgreSQL stores it.
        name: String,
        /// Its table, as written.
        table: String,
    },
    /// `REINDEX … CONCURRENTLY`: a new index grows as `…_ccnew`, and the old one is put aside as `…_ccold`. A failed one
    /// leaves one of them, INVALID.
    Rebuild(Scope),
    /// `DROP INDEX CONCURRENTLY name`, as written; a failed one leaves the index INVALID, and can be repeated.
    Drop {
        /// The index.
        name: String,
    },
}

/// What a REINDEX goes over; names as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One index.
    Index(String),
    /// The indexes of a table.
    Table(String),
    /// Those of a schema.
    Schema(String),
    /// Those of the database.
    Database,
}

/// What there is of an index that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is good.
    Valid,
    /// It is INVALID, and nobody is at work on it: its name with its schema.
    Invalid(String),
    /// It is INVALID as yet: somebody builds it at this moment.
    Building(String),
}

impl Standing {
    /// From the row of [`Concurrent::query`].
    pub(super) fn of_row(row: &SimpleQueryRow) -> Self {
        let name = row.get(0).unwrap_or_default().to_owned();
        match row.get(1) {
            Some("valid") => Standing::Valid,
            Some("building") => Standing::Building(name),
            _ => Standing::Invalid(name),
        }
    }
}

impl Concurrent {
    /// What the statement is, if it is one of these.
    pub fn of(sql: &str, statement: &Statement) -> Option<Self> {
        let after = |keywords: &[&str]| {
            statement.starts_with(sql, keywords).then(|| statement.tokens.get(keywords.len()..).unwrap_or_default())
        };
        let create = after(&["create", "index", "concurrently"])
            .or_else(|| after(&["create", "unique", "index", "concurrently"]));
        if let Some(rest) = create {
            return create_of(sql, rest);
        }
        if let Some(rest) = after(&["drop", "index", "concurrently"]) {
            let exists =
                [0, 1].iter().zip(["if", "exists"]).all(|(at, word)| rest.get(*at).is_some_and(|it| it.is(sql, word)));
            return Some(Concurrent::Drop { name: name(sql, if exists { &rest[2..] } else { rest })? });
        }
        let rest = after(&["reindex"]).filter(|_| statement.mentions(sql, "concurrently"))?;
        rebuild_of(sql, rest).map(Concurrent::Rebuild)
    }

    /// The same of `CREATE [UNIQUE] INDEX IF NOT EXISTS`, which is of one transaction: what it takes for its index.
    pub(super) fn guarded(sql: &str, statement: &Statement) -> Option<Self> {
        let kinds: [&[&str]; 2] = [&["create", "index"], &["create", "unique", "index"]];
        let kind = kinds.into_iter().find(|keywords| statement.starts_with(sql, keywords))?;
        let rest = statement.tokens.get(kind.len()..)?;
        let guarded = after_if_not_exists(sql, rest).len() < rest.len();
        guarded.then(|| create_of(sql, rest)).flatten()
    }

    /// SQL with a row for each index that [`Concurrent::query`] would come across.
    pub(super) fn query_all(&self) -> String {
        self.query().trim_end_matches(ONE).to_owned()
    }

    /// SQL with one row at most, a [`Standing`]: the name of an index with its schema, and how it is. Of several, one that
    /// nobody builds comes first.
    pub(super) fn query(&self) -> String {
        let (condition, valid) = match self {
            Concurrent::Create { name, table } => (
                format!("i.indrelid = pg_catalog.to_regclass({}) AND c.relname = {}", literal(table), literal(name)),
                "i.indisvalid",
            ),
            // Where it is INVALID, dropping it is what the statement is for.
            Concurrent::Drop { name } => (format!("i.indexrelid = pg_catalog.to_regclass({})", literal(name)), "true"),
            Concurrent::Rebuild(scope) => {
                let tables = scope.tables();
                let tables = format!(
                    "i.indrelid IN (WITH t (oid) AS ({tables}) SELECT oid FROM t UNION SELECT r.reltoastrelid FROM \
                     pg_catalog.pg_class r JOIN t ON t.oid = r.oid)"
                );
                let left = "NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'";
                (format!("{left} AND {tables}"), "false")
            }
        };
        format!(
            "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), CASE WHEN {valid} THEN 'valid' WHEN {AT_WORK} THEN \
             'building' ELSE 'invalid' END FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c \
             ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {condition} ORDER BY 2 \
             DESC{ONE}"
        )
    }
}

/// The end of a query that asks for one row.
const ONE: &str = " LIMIT 1";

/// SQL: whether somebody builds an index of that table at the moment. What other roles build is shown without its name,
/// but they hold the table's lock all the while, and locks are shown to everybody.
pub(super) const AT_WORK: &str = "EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p JOIN pg_catalog.pg_locks l ON l.pid = p.pid \
    WHERE p.datname = pg_catalog.current_database() AND l.granted AND l.locktype = 'relation' AND l.database = p.datid AND \
    l.relation = i.indrelid)";

impl Scope {
    /// SQL for the tables, partitions included.
    fn tables(&self) -> String {
        let tree = |name: &str| {
            let root = format!("pg_catalog.to_regclass({})", literal(name));
            format!(
                "SELECT {root}::pg_catalog.oid UNION SELECT relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree({root})"
            )
        };
        match self {
            Scope::Index(name) => {
                format!("SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid IN ({})", tree(name))
            }
            Scope::Table(name) => tree(name),
            Scope::Schema(name) => format!(
                "SELECT r.oid FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace s ON s.oid = r.relnamespace WHERE \
                 s.nspname = {}",
                literal(&folded(name))
            ),
            Scope::Database => "SELECT oid FROM pg_catalog.pg_class".to_owned(),
        }
    }
}

fn create_of(sql: &str, rest: &[Token]) -> Option<Concurrent> {
    let rest = after_if_not_exists(sql, rest);
    let (index, rest) = rest.split_first().filter(|(index, _)| !index.is(sql, "on"))?;
    let rest = rest.split_first().filter(|(on, _)| on.is(sql, "on"))?.1;
    let only = usize::from(rest.first().is_some_and(|word| word.is(sql, "only")));
    let index = name(sql, std::slice::from_ref(index))?;
    Some(Concurrent::Create { name: folded(&index), table: name(sql, &rest[only..])? })
}

/// What follows `REINDEX`: `[(options)] INDEX | TABLE | SCHEMA | DATABASE [CONCURRENTLY] [name]`.
fn rebuild_of(sql: &str, rest: &[Token]) -> Option<Scope> {
    let words = ["index", "table", "schema", "database", "system"];
    let at = rest.iter().position(|token| words.iter().any(|word| token.is(sql, word)))?;
    let (word, rest) = rest[at..].split_first()?;
    let concurrently = usize::from(rest.first().is_some_and(|token| token.is(sql, "concurrently")));
    let name = || name(sql, &rest[concurrently..]);
    match word.text(sql).to_ascii_lowercase().as_str() {
        "index" => name().map(Scope::Index),
        "table" => name().map(Scope::Table),
        "schema" => name().map(Scope::Schema),
        _ => Some(Scope::Database),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::sql::statements;

    #[test]
    fn names_and_tables() {
        let create = |name: &str, table: &str| Some(Concurrent::Create { name: name.into(), table: table.into() });
        let rebuild = |scope| Some(Concurrent::Rebuild(scope));
        let drop = |name: &str| Some(Concurrent::Drop { name: name.into() });
        let table = [
            ("CREATE INDEX CONCURRENTLY a ON t (x)", create("a", "t")),
            (
                "create unique index concurrently if not exists \"A \"\"b\" on only s.\"T\" using btree (x)",
                create("A \"b", "s.\"T\""),
            ),
            ("CREATE INDEX CONCURRENTLY Users_Email ON users (email)", create("users_email", "users")),
            ("CREATE INDEX CONCURRENTLY ON t (x)", None),
            ("CREATE INDEX a ON t (x)", None),
            ("CREATE INDEX CONCURRENTLY", None),
            ("REINDEX INDEX CONCURRENTLY a", rebuild(Scope::Index("a".into()))),
            ("reindex (verbose, concurrently) table s.\"T\"", rebuild(Scope::Table("s.\"T\"".into()))),
            ("REINDEX SCHEMA CONCURRENTLY app", rebuild(Scope::Schema("app".into()))),
            ("REINDEX DATABASE CONCURRENTLY", rebuild(Scope::Database)),
            ("REINDEX TABLE t", None),
            ("DROP INDEX CONCURRENTLY s.a", drop("s.a")),
            ("drop index concurrently if exists a cascade", drop("a")),
            ("DROP INDEX a", None),
        ];
        for (sql, expected) in table {
            assert_eq!(Concurrent::of(sql, &statements(sql).next().unwrap()), expected, "{sql}");
        }
    }
}
