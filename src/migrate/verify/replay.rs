//! The migrations as they are run again in a scratch database: in the order they were applied in, and without the
//! statements whose effect is not confined to a database. Pure.

use crate::migrate::folder::{Folder, Layout, Migration};
use crate::migrate::plan::{Plan, State};
use crate::migrate::position::Position;
use crate::migrate::sql::{Kind, Statement, statements};

/// What is replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The migrations, with a time of their own so that nothing is out of order.
    pub folder: Folder,
    /// The statements that are left out, as `0003_roles, line 4: CREATE ROLE app`.
    pub left_out: Vec<String>,
}

/// The migrations of the folder that are applied, in the order of their ledger rows.
pub fn applied<'a>(folder: &'a Folder, plan: &Plan) -> Vec<&'a Migration> {
    let row = |state: &State| match state {
        State::Applied { row, .. } | State::Edited { row, .. } => Some(*row),
        _ => None,
    };
    let pairs = folder.migrations.iter().zip(&plan.migrations);
    let mut rows: Vec<(i64, &Migration)> =
        pairs.filter_map(|(migration, status)| Some((row(&status.state)?, migration))).collect();
    rows.sort_by_key(|(row, _)| *row);
    rows.into_iter().map(|(_, migration)| migration).collect()
}

impl Replay {
    /// Prepares the migrations.
    pub fn of(folder: &Folder, migrations: &[&Migration]) -> Self {
        let mut left_out = Vec::new();
        let migrations = (0..).zip(migrations).map(|(idx, migration)| {
            let mut sql = migration.sql.clone();
            for chunk in migration.chunks() {
                for statement in statements(chunk.text).iter().filter(|it| reaches_out(chunk.text, it)) {
                    let span = statement.span();
                    let text = &chunk.text[span.clone()];
                    let start = chunk.offset + span.start;
                    let line = Position::of(&migration.sql, start).line;
                    let first = text.lines().next().unwrap_or_default();
                    // Not more than what it is: after CREATE ROLE may come a password.
                    let words: Vec<&str> = first.split_whitespace().take(3).collect();
                    left_out.push(format!("{}, line {line}: {} …", migration.tag, words.join(" ")));
                    sql.replace_range(start..start + text.len(), &blank(text));
                }
            }
            let when_millis = i64::try_from(idx).unwrap_or(i64::MAX).saturating_add(1);
            Migration { idx, when_millis, sql, ..(*migration).clone() }
        });
        let migrations = migrations.collect();
        // Whatever the layout, the replay's ledger is v0's: it is thrown away.
        Replay {
            folder: Folder { path: folder.path.clone(), layout: Layout::V0, migrations, strays: Vec::new() },
            left_out,
        }
    }

    /// The extensions that the migrations make themselves.
    pub fn extensions(&self) -> Vec<String> {
        let mut made = Vec::new();
        for migration in &self.folder.migrations {
            for chunk in migration.chunks() {
                for statement in statements(chunk.text) {
                    if statement.starts_with(chunk.text, &["create", "extension"]) {
                        let names = statement.tokens.iter().map(|token| token.text(chunk.text).trim_matches('"'));
                        made.extend(names.map(str::to_owned));
                    }
                }
            }
        }
        made
    }
}

/// As many bytes, with the lines where they were, so that places in the file stay right.
fn blank(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

/// Whether a statement changes the server, or something outside of it, and not just the database it runs in.
fn reaches_out(sql: &str, statement: &Statement) -> bool {
    let words: Vec<String> = statement
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Word)
        .map(|token| token.text(sql).to_ascii_lowercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        // What a DO block runs is a text to PostgreSQL as well.
        ["do", ..] => statement.tokens.iter().filter(|token| token.kind == Kind::Literal).any(|token| {
            let body = token.text(sql).to_ascii_lowercase();
            let words: Vec<&str> =
                body.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
            (0..words.len()).any(|start| is_global(&words[start..]))
        }),
        ["grant" | "revoke", ..] => {
            // Without ON it is about membership in a role.
            let on = words.iter().position(|word| *word == "on");
            on.is_none_or(|on| matches!(words.get(on + 1), Some(&("database" | "tablespace" | "parameter"))))
        }
        ["copy", ..] => words.contains(&"program") || (words.contains(&"to") && !words.contains(&"stdout")),
        _ => is_global(&words),
    }
}

fn is_global(words: &[&str]) -> bool {
    match words {
        ["create" | "alter" | "drop", "user", "mapping", ..] => false,
        ["create" | "alter" | "drop", "role" | "user" | "group" | "database" | "tablespace" | "subscription", ..]
        | ["alter", "system", ..]
        | ["comment", "on", "role" | "database" | "tablespace" | "subscription", ..]
        | ["reassign" | "drop", "owned", ..] => true,
        ["security", "label", rest @ ..] => {
            rest.iter().take(4).any(|word| ["role", "database", "tablespace", "subscription"].contains(word))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    fn replayed(sql: &str) -> (String, usize) {
        let migration = migration("0000_a", 5, sql);
        let folder =
            Folder { path: "m".into(), layout: Layout::V0, migrations: vec![migration.clone()], strays: Vec::new() };
        let replay = Replay::of(&folder, &[&migration]);
        (replay.folder.migrations[0].sql.clone(), replay.left_out.len())
    }

    #[test]
    fn only_what_stays_in_the_database_is_run_again() {
        let kept = [
            "CREATE TABLE \"role\" (id int)",
            "GRANT SELECT ON users TO app",
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO app",
            "CREATE USER MAPPING FOR app SERVER s",
            "ALTER TABLE t OWNER TO app",
            "DO $$ BEGIN CREATE TYPE mood AS ENUM ('role'); EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO app",
            "INSERT INTO t VALUES ('CREATE ROLE app')",
            "DROP TABLE owned",
        ];
        for sql in kept {
            assert_eq!(replayed(sql), (sql.to_owned(), 0));
        }
        let left_out = [
            "CREATE ROLE app LOGIN PASSWORD 'x'",
            "create user app",
            "ALTER ROLE app SET search_path = s",
            "DROP OWNED BY app",
            "GRANT admin TO app",
            "GRANT CONNECT ON DATABASE shop TO app",
            "ALTER DATABASE shop SET timezone = 'UTC'",
            "COMMENT ON DATABASE shop IS 'x'",
            "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p",
            "ALTER SYSTEM SET work_mem = '1GB'",
            "COPY t TO PROGRAM 'sh'",
            "DO $$ BEGIN IF true THEN CREATE ROLE app; END IF; END $$",
            "DO $$ BEGIN EXECUTE 'ALTER  DATABASE ' || current_database() || ' SET x.y = 1'; END $$",
        ];
        for sql in left_out {
            let (rest, number) = replayed(&format!("SELECT 1;\n{sql};\nSELECT 2;"));
            assert_eq!(number, 1, "{sql}");
            assert_eq!(rest.len(), sql.len() + "SELECT 1;\n;\nSELECT 2;".len());
            assert_eq!(rest.split_whitespace().collect::<Vec<_>>().join(" "), "SELECT 1; ; SELECT 2;");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let migration = migration("0000_a", 5, "CREATE ROLE app PASSWORD 'hunter2'");
        let folder = Folder { path: "m".into(), layout: Layout::V0, migrations: Vec::new(), strays: Vec::new() };
        let replay = Replay::of(&folder, &[&migration]);
        assert_eq!(replay.left_out, ["0000_a, line 1: CREATE ROLE app …"]);
    }
}
