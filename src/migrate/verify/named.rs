//! What statements make, told from their words alone: the names that must be in the database after them. Pure.
//!
//! Only what is certain is named. What a statement may have removed or renamed in a way that its words do not tell (a DO block
//! that is no guard, SELECT of a function, CASCADE, RENAME) is expected no longer.

use std::fmt;

use super::effect::Effect;
use crate::migrate::catalog::Class;
use crate::migrate::folder::Migration;
use crate::migrate::ledger::identifier;
use crate::migrate::position::Position;
use crate::migrate::quote::folded;
use crate::migrate::sql::{Kind, Statement, Token, statements};

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
    /// The migration that makes it.
    pub tag: String,
    /// The line of the statement.
    pub line: usize,
}

impl Named {
    /// Whether it, its table or its schema is called so.
    fn is_one_of(&self, names: &[String]) -> bool {
        let parts = [Some(&self.name), Some(&self.table), self.schema.as_ref()];
        parts.into_iter().flatten().any(|part| names.contains(part))
    }
}

/// As a reader would name it: `table "users"`, `column "users"."email"`.
impl fmt::Display for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [self.schema.as_deref().unwrap_or_default(), &self.table, &self.name];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).map(identifier).collect();
        write!(formatter, "{} {}", self.class, parts.join("."))
    }
}

/// What these migrations, run in this order, leave behind with certainty.
pub fn named(migrations: &[&Migration]) -> Vec<Named> {
    let mut expected = Expected::default();
    for migration in migrations {
        let before = expected.found.len();
        // Where a name without a schema leads depends on the search_path and the role, which these may change.
        let mut settled = true;
        migration.tag.clone_into(&mut expected.tag);
        for chunk in migration.chunks() {
            for statement in statements(chunk.text) {
                expected.line = Position::of(&migration.sql, chunk.offset + statement.span().start).line;
                match Effect::of(chunk.text, &statement) {
                    Effect::Plain => {
                        let words = Words { sql: chunk.text, tokens: &statement.tokens };
                        settled &= !words.starts(&["set", "reset", "call", "with", "execute"]);
                        expected.take(words, &statement);
                    }
                    Effect::Runs { body, statements, asked } => {
                        let known = expected.found.len();
                        statements.iter().for_each(|it| expected.take(Words { sql: body, tokens: &it.tokens }, it));
                        if let Some(asked) = asked {
                            let made = expected.found.split_off(known.min(expected.found.len()));
                            expected.found.extend(made.into_iter().filter(|it| it.is_one_of(&asked)));
                        }
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

#[derive(Default)]
struct Expected {
    found: Vec<Named>,
    /// Temporary tables: what belongs to them goes with the session, if not with the transaction.
    temporary: Vec<String>,
    /// Whether there are partitions, which go with their parents.
    partitions: bool,
    tag: String,
    line: usize,
}

type Name = (Option<String>, String);

impl Expected {
    fn take(&mut self, words: Words<'_>, statement: &Statement) {
        let mentions = |keyword: &str| statement.mentions(words.sql, keyword);
        let moves = mentions("rename") || mentions("schema");
        let (mut create, mut alter) = (words, words);
        let understood = if create.eat("create") {
            // What is not understood here names nothing, and removes nothing.
            _ = self.create(create);
            Some(())
        } else if alter.eat_all(&["alter", "table"]) && !moves {
            self.alter_table(alter)
        } else if alter.eat_all(&["alter", "sequence"]) && !moves {
            self.alter_sequence(alter)
        } else if words.starts(&["drop"]) && !mentions("cascade") {
            self.drop(words)
        } else {
            let may_remove = words.starts(&["drop", "call", "with", "execute", "rollback", "abort"]);
            let may_move = words.starts(&["alter"]) && moves;
            (!may_remove && !may_move).then_some(())
        };
        if understood.is_none() {
            self.found.clear();
        }
    }

    fn create(&mut self, mut words: Words<'_>) -> Option<()> {
        words.eat_all(&["or", "replace"]);
        let mut temporary = words;
        let scope = temporary.eat("global") || temporary.eat("local");
        if scope || words.starts(&["temp", "temporary", "recursive"]) {
            let is_table = temporary.word().is_some() && temporary.eat("table");
            temporary.eat_all(&["if", "not", "exists"]);
            self.temporary.extend(temporary.name().filter(|_| is_table).map(|(_, name)| name));
            return None;
        }
        for skipped in ["unlogged", "unique", "constraint", "materialized"] {
            words.eat(skipped);
        }
        let what = words.word()?;
        words.eat("concurrently");
        words.eat_all(&["if", "not", "exists"]);
        match what.as_str() {
            "table" => {
                let name = words.name()?;
                if name.0.as_deref() == Some("pg_temp") {
                    self.temporary.push(name.1);
                    return None;
                }
                self.partitions |= words.starts(&["partition"]);
                self.columns(&name, words);
                self.add(Class::Table, &name);
            }
            "index" => {
                let (_, index) = words.name().filter(|(_, name)| name != "on")?;
                self.add_part(Class::Index, words, index)?;
            }
            "trigger" | "policy" => {
                let class = if what == "trigger" { Class::Trigger } else { Class::Policy };
                let (_, name) = words.name()?;
                self.add_part(class, words, name)?;
            }
            "schema" => {
                let (_, name) = words.name().filter(|(_, name)| name != "authorization")?;
                self.add(Class::Schema, &(Some(name), String::new()));
            }
            "extension" => self.add(Class::Extension, &(Some(String::new()), words.name()?.1)),
            "type" | "domain" => self.add(Class::Type, &words.name()?),
            // What is owned goes with its column.
            "sequence" if words.tokens.iter().any(|token| token.is(words.sql, "owned")) => {}
            "sequence" => self.add(Class::Sequence, &words.name()?),
            "view" => self.add(Class::View, &words.name()?),
            "function" | "procedure" => self.add(Class::Function, &words.name()?),
            _ => {}
        }
        Some(())
    }

    /// The columns and named constraints between the parentheses of CREATE TABLE.
    fn columns(&mut self, (schema, table): &Name, mut words: Words<'_>) {
        if !words.eat_other("(") {
            return;
        }
        let table = (schema.clone(), table.clone());
        for mut item in words.items() {
            if item.eat("constraint") {
                if let Some((_, name)) = item.name() {
                    self.part(Class::Constraint, &table, name);
                }
            } else if !item.starts(&["primary", "unique", "check", "foreign", "exclude", "like"])
                && let Some((_, name)) = item.name()
            {
                self.part(Class::Column, &table, name);
            }
        }
    }

    fn alter_table(&mut self, mut words: Words<'_>) -> Option<()> {
        let perhaps = words.eat_all(&["if", "exists"]);
        words.eat("only");
        let table = words.name()?;
        for mut action in words.items() {
            if action.eat("add") {
                if perhaps {
                    continue;
                }
                let constraint = action.eat("constraint");
                if !constraint && action.starts(&["primary", "unique", "check", "foreign", "exclude"]) {
                    continue;
                }
                action.eat("column");
                action.eat_all(&["if", "not", "exists"]);
                let (_, name) = action.name()?;
                if let Some(index) = action.after(&["using", "index"]).and_then(|mut rest| rest.identifier()) {
                    // The constraint's name is the index's now.
                    self.found.retain(|it| it.class != Class::Index || it.name != index);
                }
                self.part(if constraint { Class::Constraint } else { Class::Column }, &table, name);
            } else if action.eat("drop") {
                if action.tokens.last().is_some_and(|last| last.is(action.sql, "cascade")) {
                    return None;
                }
                let constraint = action.eat("constraint");
                action.eat("column");
                action.eat_all(&["if", "exists"]);
                let (_, name) = action.name()?;
                self.found.retain(|it| {
                    let same = it.table == table.1 && may_be(&it.schema, &table.0);
                    // With a column go the indexes and constraints that have it.
                    let gone = if constraint { it.name == name } else { it.name == name || it.class != Class::Column };
                    !(same && gone)
                });
            } else if action.starts(&["attach", "detach", "inherit", "no"]) {
                self.partitions |= action.starts(&["attach"]);
                return None;
            }
        }
        Some(())
    }

    /// A sequence that gets an owner goes with it.
    fn alter_sequence(&mut self, mut words: Words<'_>) -> Option<()> {
        words.eat_all(&["if", "exists"]);
        let (_, name) = words.name()?;
        let owned = words.after(&["owned", "by"]).is_some();
        self.found.retain(|it| !(owned && it.class == Class::Sequence && it.name == name));
        Some(())
    }

    fn drop(&mut self, mut words: Words<'_>) -> Option<()> {
        words.eat("drop");
        words.eat("materialized");
        let what = words.word()?;
        words.eat("concurrently");
        words.eat_all(&["if", "exists"]);
        let classes: &[Class] = match what.as_str() {
            "table" if self.partitions => return None,
            "table" => &[Class::Table],
            "index" => &[Class::Index],
            "type" | "domain" => &[Class::Type],
            "sequence" => &[Class::Sequence],
            "view" => &[Class::View],
            "function" | "procedure" | "routine" => &[Class::Function],
            "trigger" | "policy" | "rule" => &[Class::Trigger, Class::Policy],
            _ => return None,
        };
        for mut item in words.items() {
            let (schema, name) = item.name()?;
            self.found.retain(|it| {
                let part = ["table", "view"].contains(&what.as_str()) && it.table == name;
                !((part || classes.contains(&it.class) && it.name == name) && may_be(&it.schema, &schema))
            });
        }
        Some(())
    }

    /// Something that belongs to the table after the next ON.
    fn add_part(&mut self, class: Class, mut words: Words<'_>, name: String) -> Option<()> {
        while !words.eat("on") {
            words = Words { tokens: words.tokens.get(1..)?, ..words };
        }
        words.eat("only");
        let table = words.name()?;
        self.part(class, &table, name);
        Some(())
    }

    fn part(&mut self, class: Class, (schema, table): &Name, name: String) {
        if schema.as_ref().is_none_or(|schema| schema == "pg_temp") && self.temporary.contains(table) {
            return;
        }
        let (schema, table) = (schema.clone(), table.clone());
        self.found.push(Named { class, schema, table, name, tag: self.tag.clone(), line: self.line });
    }

    fn add(&mut self, class: Class, (schema, name): &Name) {
        let (schema, name) = (schema.clone(), name.clone());
        self.found.push(Named { class, schema, table: String::new(), name, tag: self.tag.clone(), line: self.line });
    }
}

/// Whether two names of schemas, left out or not, may mean the same one.
fn may_be(one: &Option<String>, other: &Option<String>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// The rest of a statement.
#[derive(Clone, Copy)]
struct Words<'a> {
    sql: &'a str,
    tokens: &'a [Token],
}

impl<'a> Words<'a> {
    fn starts(&self, keywords: &[&str]) -> bool {
        self.tokens.first().is_some_and(|token| keywords.iter().any(|keyword| token.is(self.sql, keyword)))
    }

    fn eat(&mut self, keyword: &str) -> bool {
        self.eat_all(&[keyword])
    }

    fn eat_all(&mut self, keywords: &[&str]) -> bool {
        let there = self.tokens.len() >= keywords.len()
            && keywords.iter().zip(self.tokens).all(|(keyword, token)| token.is(self.sql, keyword));
        if there {
            self.tokens = &self.tokens[keywords.len()..];
        }
        there
    }

    fn eat_other(&mut self, text: &str) -> bool {
        let there = self.tokens.first().is_some_and(|token| token.text(self.sql) == text);
        if there {
            self.tokens = &self.tokens[1..];
        }
        there
    }

    /// What follows these keywords, wherever they are.
    fn after(&self, keywords: &[&str]) -> Option<Self> {
        (0..self.tokens.len()).find_map(|start| {
            let mut rest = Words { tokens: &self.tokens[start..], ..*self };
            rest.eat_all(keywords).then_some(rest)
        })
    }

    fn word(&mut self) -> Option<String> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        (first.kind == Kind::Word).then(|| first.text(self.sql).to_ascii_lowercase())
    }

    /// `name` or `schema.name`.
    fn name(&mut self) -> Option<Name> {
        let first = self.identifier()?;
        if self.eat_other(".") { Some((Some(first), self.identifier()?)) } else { Some((None, first)) }
    }

    fn identifier(&mut self) -> Option<String> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        let text = first.text(self.sql);
        match first.kind {
            // U&"…" would have to be decoded.
            Kind::Word => Some(folded(text)),
            Kind::Quoted if text.starts_with('"') && first.closed => Some(folded(text)),
            _ => None,
        }
    }

    /// What is between commas, up to the parenthesis that closes the one before.
    fn items(self) -> Vec<Words<'a>> {
        let (mut depth, mut start, mut items) = (0_usize, 0, Vec::new());
        for (index, token) in self.tokens.iter().enumerate() {
            match token.text(self.sql) {
                "(" | "[" => depth += 1,
                ")" | "]" if depth == 0 => {
                    items.push(&self.tokens[start..index]);
                    return items.into_iter().map(|tokens| Words { tokens, ..self }).collect();
                }
                ")" | "]" => depth -= 1,
                "," if depth == 0 => {
                    items.push(&self.tokens[start..index]);
                    start = index + 1;
                }
                _ => {}
            }
        }
        items.push(&self.tokens[start..]);
        items.into_iter().map(|tokens| Words { tokens, ..self }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

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
            ("CREATE TABLE a (x int); CREATE VIEW v AS TABLE a; ALTER TABLE a ADD y int, DROP COLUMN x CASCADE", &[]),
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
