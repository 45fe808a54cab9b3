//! What statements make, told from their words alone: the names that must be in the database after them. Pure.
//!
//! Only what is certain is named. What a statement may have removed or renamed in a way that its words do not tell (a DO block
//! that is no guard, SELECT of a function, CASCADE, RENAME) is expected no longer.

use std::collections::BTreeMap;
use std::fmt;

use super::effect::Effect;
use super::expected::Expected;
use super::words::Words;
use crate::migrate::catalog::Class;
use crate::migrate::folder::Migration;
use crate::migrate::position::Lines;
use crate::migrate::quote::{identifier, literal};
use crate::migrate::sql::statements;

/// Something that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What it is. [`Class::Type`] stands for every type, [`Class::View`] for materialized ones too.
    pub class: Class,
    /// Its schema, or its table's, where the statement says it.
    pub schema: Option<String>,
    /// The table that it belongs to; empty if it stands alone.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The values that an enum must have.
    pub values: Vec<String>,
    /// Whether its statement makes it where things are made, or its table with it: without a schema, in the first one of the
    /// search_path. Otherwise its table is the first that the search_path has of that name.
    pub is_created: bool,
    /// The migration that makes it.
    pub tag: String,
    /// The line of the statement.
    pub line: usize,
    /// Where it begins in the file, in bytes.
    pub at: usize,
}

impl Named {
    /// Whether its own name is one of these, or that of the table that it is made with.
    pub(super) fn is_asked_for(&self, names: &[String]) -> bool {
        let own = if self.name.is_empty() { self.schema.as_ref() } else { Some(&self.name) };
        let with = Some(&self.table).filter(|_| self.is_created);
        own.into_iter().chain(with).any(|own| names.contains(own))
    }

    /// Whether it, its table or its schema is called so.
    fn is_one_of(&self, names: &[String]) -> bool {
        let parts = [Some(&self.name), Some(&self.table), self.schema.as_ref()];
        parts.into_iter().flatten().any(|part| names.contains(part))
    }
}

/// As a reader would name it: `table "users"`, `column "users"."email"`, `type "mood" with the values 'sad', 'ok'`.
impl fmt::Display for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [self.schema.as_deref().unwrap_or_default(), &self.table, &self.name];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).map(identifier).collect();
        write!(formatter, "{} {}", self.class, parts.join("."))?;
        match &*self.values {
            [] => Ok(()),
            values => write!(
                formatter,
                " with the values {}",
                values.iter().map(|it| literal(it)).collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

/// Whether a name without a schema may lead elsewhere after the statement: the search_path goes by itself and by the role.
fn may_lead_elsewhere(words: Words<'_>) -> bool {
    let mentions =
        |keywords: &[&str]| words.tokens.iter().any(|token| keywords.iter().any(|it| token.is(words.sql, it)));
    words.starts(&["call", "with", "execute"])
        || words.starts(&["set", "reset"]) && mentions(&["search_path", "role", "authorization", "schema", "all"])
}

/// What these migrations, run in this order, leave behind with certainty.
pub fn named(migrations: &[&Migration]) -> Vec<Named> {
    let mut expected = Expected::default();
    for migration in migrations {
        let before = expected.found.len();
        // Where a name without a schema leads depends on the search_path and the role, which these may change.
        let mut settled = true;
        migration.tag.clone_into(&mut expected.tag);
        let mut lines = Lines::of(&migration.sql);
        for chunk in migration.chunks() {
            for statement in statements(chunk.text) {
                expected.at = chunk.offset + statement.span().start;
                expected.line = lines.at(expected.at);
                match Effect::of(chunk.text, &statement) {
                    Effect::Plain => {
                        let words = Words { sql: chunk.text, tokens: &statement.tokens };
                        settled &= !may_lead_elsewhere(words);
                        expected.take(words, &statement);
                    }
                    Effect::Runs { body, statements, asked } => {
                        expected.take_guarded(body, &statements, asked.as_deref());
                    }
                    Effect::Doubts(names) => expected.found.retain(|it| !it.is_one_of(&names)),
                    Effect::Unknown => {
                        settled = false;
                        expected.found.clear();
                    }
                }
            }
        }
        if !settled {
            let kept = expected.found.split_off(before.min(expected.found.len()));
            expected.found.extend(kept.into_iter().filter(|it| it.schema.is_some()));
        }
    }
    expected.found
}

/// Kinds of objects that are made by CREATE and never named, as in the statement.
const UNNAMED: &[&str] = &[
    "access method",
    "aggregate",
    "cast",
    "collation",
    "conversion",
    "event trigger",
    "foreign data wrapper",
    "language",
    "operator class",
    "operator family",
    "operator",
    "publication",
    "rule",
    "server",
    "statistics",
    "text search configuration",
    "text search dictionary",
    "text search parser",
    "text search template",
    "transform",
    "user mapping",
];

/// How many statements of these migrations make something of a kind that is never named.
pub(super) fn unnamed(migrations: &[&Migration]) -> BTreeMap<String, usize> {
    let mut numbers = BTreeMap::new();
    for chunk in migrations.iter().flat_map(|migration| migration.chunks()) {
        for statement in statements(chunk.text) {
            let mut words = Words { sql: chunk.text, tokens: &statement.tokens };
            if !words.eat("create") {
                continue;
            }
            words.eat_all(&["or", "replace"]);
            let is_it = |kind: &&&str| Words { ..words }.eat_all(&kind.split(' ').collect::<Vec<_>>());
            if let Some(kind) = UNNAMED.iter().find(is_it) {
                *numbers.entry((*kind).to_owned()).or_insert(0) += 1;
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    #[test]
    fn what_is_never_named_is_counted() {
        let sql = "CREATE OR REPLACE AGGREGATE a(int) (SFUNC = f, STYPE = int); CREATE OPERATOR CLASS c FOR TYPE t USING btree AS \
                   STORAGE int; CREATE OPERATOR + (FUNCTION = f); CREATE TABLE rule (id int); CREATE OPERATOR - (FUNCTION = f)";
        let numbers = unnamed(&[&migration("0000_a", 1, sql)]);
        let numbers: Vec<_> = numbers.iter().map(|(kind, number)| (kind.as_str(), *number)).collect();
        assert_eq!(numbers, [("aggregate", 1), ("operator", 2), ("operator class", 1)]);
    }

    /// As `table s.a`, `column a.id`.
    fn short(sql: &str) -> Vec<String> {
        let migration = migration("0000_a", 1, sql);
        let dotted = |it: &Named| {
            let parts = [it.schema.as_deref().unwrap_or_default(), &it.table, &it.name];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
        };
        let mut found: Vec<String> =
            named(&[&migration]).iter().map(|it| format!("{} {}", it.class, dotted(it))).collect();
        found.sort();
        found
    }

    #[test]
    fn each_statement_names_what_it_makes() {
        let table: &[(&str, &[&str])] = &[
            (
                "CREATE TABLE \"a\" (id int); create table if not exists s.\"B c\" (x numeric(1, 2), y int[])",
                &["column a.id", "column s.B c.x", "column s.B c.y", "table a", "table s.B c"],
            ),
            (
                "CREATE TABLE a (id int, CONSTRAINT k CHECK (id > 0), PRIMARY KEY (id))",
                &["column a.id", "constraint a.k", "table a"],
            ),
            ("CREATE UNIQUE INDEX \"i\" ON ONLY s.t USING btree (x)", &["index s.t.i"]),
            ("CREATE INDEX ON t (x)", &[]),
            ("CREATE TYPE s.\"T\" AS ENUM ('a'); CREATE DOMAIN d AS text", &["type d", "type s.T"]),
            ("CREATE SCHEMA \"S\"; CREATE SCHEMA AUTHORIZATION x", &["schema S"]),
            ("CREATE OR REPLACE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW m AS SELECT 1", &["view m", "view v"]),
            ("CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'", &["function f"]),
            ("CREATE TRIGGER g BEFORE INSERT OR UPDATE ON s.t EXECUTE FUNCTION f()", &["trigger s.t.g"]),
            ("CREATE POLICY p ON t USING (true)", &["policy t.p"]),
            (
                "ALTER TABLE a ADD COLUMN b int, ADD CONSTRAINT k CHECK (b > 0), ADD c text",
                &["column a.b", "column a.c", "constraint a.k"],
            ),
            ("CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\"", &["extension uuid-ossp"]),
            ("CREATE TEMP TABLE a (id int)", &[]),
            ("CREATE TABLE a AS SELECT 1", &["table a"]),
            ("INSERT INTO t VALUES ('CREATE TABLE a (id int)')", &[]),
        ];
        for (sql, expected) in table {
            assert_eq!(&short(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_may_be_gone_is_not_expected() {
        let table: &[(&str, &[&str])] = &[
            ("CREATE TABLE a (id int); ALTER TABLE a RENAME TO b", &[]),
            ("CREATE TABLE a (id int); DROP TABLE a; CREATE TABLE b (id int)", &["column b.id", "table b"]),
            (
                "CREATE TABLE a (id int); CREATE TABLE b (id int); DROP TABLE IF EXISTS s.x, a",
                &["column b.id", "table b"],
            ),
            ("CREATE TABLE a (id int); DROP TABLE b CASCADE", &[]),
            ("CREATE TABLE a (id int, x int); ALTER TABLE a DROP COLUMN x", &["column a.id", "table a"]),
            ("CREATE TABLE a (x int); CREATE INDEX i ON a (x); ALTER TABLE a DROP COLUMN x", &["table a"]),
            ("CREATE TABLE a (x int); CREATE INDEX i ON a (x); DROP INDEX i", &["column a.x", "table a"]),
            ("CREATE TABLE a (id int); DO $$ BEGIN END $$", &["column a.id", "table a"]),
            (
                "CREATE TABLE a (id int); CREATE TABLE b (id int); DO $$ BEGIN IF now() > '2000-01-01' THEN DROP TABLE a; END IF; END $$",
                &["column b.id", "table b"],
            ),
            (
                "CREATE TABLE a (id int); DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_class WHERE relname = 'i') THEN CREATE INDEX i ON a (id); END IF; END $$",
                &["column a.id", "index a.i", "table a"],
            ),
            // Not asked for, so not certain.
            (
                "CREATE TABLE a (id int); DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'x') THEN CREATE INDEX i ON b (id); END IF; END $$",
                &["column a.id", "table a"],
            ),
            ("CREATE TABLE a (id int); DO $$ BEGIN EXECUTE 'DROP TABLE ' || x; END $$", &[]),
            (
                "DO $$ BEGIN CREATE TYPE t AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END $$; CREATE TABLE a (x t); SELECT setval('s', 1)",
                &["column a.x", "table a", "type t"],
            ),
            ("CREATE TABLE a (id int); INSERT INTO a VALUES (1)", &["column a.id", "table a"]),
            (
                "SET search_path TO s; CREATE TABLE a (id int); CREATE TABLE s.b (id int)",
                &["column s.b.id", "table s.b"],
            ),
            ("CREATE TABLE a (id int); SELECT set_config('search_path', 's', true)", &[]),
            ("CREATE TYPE t AS ENUM ('a'); ALTER TYPE t ADD VALUE 'b'", &["type t"]),
            ("CREATE TYPE t AS ENUM ('a'); ALTER TYPE t RENAME TO u", &[]),
            // The index has the constraint's name now.
            (
                "CREATE TABLE a (id int); CREATE UNIQUE INDEX i ON a (id); ALTER TABLE a ADD CONSTRAINT k PRIMARY KEY USING INDEX \"i\"",
                &["column a.id", "constraint a.k", "table a"],
            ),
            ("ALTER TABLE IF EXISTS a ADD COLUMN id int", &[]),
            (
                "CREATE TABLE a (x int); CREATE VIEW v AS TABLE a; ALTER TABLE a ADD y int, DROP COLUMN x CASCADE",
                &["column a.y"],
            ),
            (
                "CREATE TABLE a (x int); ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES b ON DELETE CASCADE",
                &["column a.x", "constraint a.f", "table a"],
            ),
            // What is temporary, and what belongs to it.
            (
                "CREATE TEMP TABLE a (x int) ON COMMIT DROP; CREATE INDEX i ON a (x); ALTER TABLE a ADD y int; CREATE TABLE b (x int)",
                &["column b.x", "table b"],
            ),
            ("CREATE LOCAL TEMPORARY TABLE IF NOT EXISTS a (x int); CREATE INDEX i ON pg_temp.a (x)", &[]),
            ("CREATE TABLE pg_temp.a (x int); CREATE INDEX i ON a (x)", &[]),
            // What goes with its owner, its parent or its view.
            (
                "CREATE TABLE a (x int); CREATE SEQUENCE s; ALTER SEQUENCE s OWNED BY a.x; CREATE SEQUENCE t OWNED BY a.x; \
                 ALTER TABLE a DROP COLUMN x",
                &["table a"],
            ),
            ("CREATE TABLE a (x int) PARTITION BY RANGE (x); CREATE TABLE b PARTITION OF a DEFAULT; DROP TABLE a", &[]),
            ("CREATE MATERIALIZED VIEW m AS SELECT 1; CREATE INDEX i ON m (x); DROP MATERIALIZED VIEW m", &[]),
            ("SAVEPOINT s; CREATE TABLE a (x int); ROLLBACK TO s", &[]),
        ];
        for (sql, expected) in table {
            assert_eq!(&short(sql), expected, "{sql}");
        }
    }
}
