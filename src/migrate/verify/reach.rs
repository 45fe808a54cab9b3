//! What reaches beyond the database it runs in: other servers, files, the server as a whole. Running it again beside the
//! verified database would do it a second time, for real. Pure.
//!
//! Some statements do so by themselves (CREATE ROLE), some call a function that does (dblink_exec), and some call what an
//! earlier statement has made of such a function: another function, a view, a table's trigger. Names are followed without
//! their schemas, and looked for in literals too: rather one statement too many is told than one is run.

mod read;

use std::collections::BTreeSet;

use crate::migrate::folder::Migration;
use crate::migrate::sql::{Statement, statements};
use read::{Read, is_global, is_grant_of_the_server, keywords};

/// What of the migrations reaches out, by name.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// When it is called: functions, and types that check their values by one.
    called: BTreeSet<String>,
    /// When its rows are read: foreign tables, and views that call or read such things.
    read: BTreeSet<String>,
    /// When its rows are written: tables with triggers, rules, policies or defaults that do.
    written: BTreeSet<String>,
}

/// What to do with a statement in a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stays in the database.
    Runs,
    /// It reaches out; without it nothing that can be compared is missing, or what is missing is told.
    LeftOut,
    /// It reaches out to make what others build on.
    Refused,
}

/// Functions of PostgreSQL, of its extensions and of RDS that reach out.
const OUTWARD: &[&str] = &[
    "aws_lambda",
    "aws_s3",
    "http_delete",
    "http_get",
    "http_head",
    "http_patch",
    "http_post",
    "http_put",
    "lo_export",
    "lo_import",
    "pg_cancel_backend",
    "pg_create_restore_point",
    "pg_promote",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_stat_reset_shared",
    "pg_stat_reset_slru",
    "pg_stat_statements_reset",
    "pg_switch_wal",
    "pg_terminate_backend",
];

/// How the names of families of them begin.
const FAMILIES: &[&str] = &["dblink", "pg_backup_", "pg_file_", "pg_replication_origin_", "pg_wal_replay_"];

impl Reach {
    /// Follows the names through all of the migrations, whatever their order: a function may call one that is made later.
    pub(super) fn of(migrations: &[&Migration]) -> Self {
        let chunks = migrations.iter().flat_map(|migration| migration.chunks());
        let read: Vec<Read> =
            chunks.flat_map(|chunk| statements(chunk.text).map(|it| Read::of(chunk.text, &it))).collect();
        let mut reach = Reach::default();
        loop {
            let before = reach.size();
            read.iter().for_each(|statement| reach.follow(statement));
            if reach.size() == before {
                return reach;
            }
        }
    }

    fn size(&self) -> usize {
        self.called.len() + self.read.len() + self.written.len()
    }

    /// What to do with the statement.
    pub(super) fn judge(&self, sql: &str, statement: &Statement) -> Verdict {
        let read = Read::of(sql, statement);
        let keywords = keywords(sql, statement);
        let keywords: Vec<&str> = keywords.iter().map(String::as_str).collect();
        let first = keywords.first().copied().unwrap_or_default();
        let out_if = |verdict, reaches_out: bool| if reaches_out { verdict } else { Verdict::Runs };
        match (first, read.what.as_str()) {
            _ if is_global(&keywords) || is_grant_of_the_server(&keywords) => Verdict::LeftOut,
            ("do", _) if read.changes_the_server() => Verdict::LeftOut,
            ("copy", _) if keywords.contains(&"program") => Verdict::LeftOut,
            ("copy", _) if keywords.contains(&"to") && !keywords.contains(&"stdout") => Verdict::LeftOut,
            ("import", _) => Verdict::Refused,
            // Made, and not called by that.
            ("create", "function" | "procedure" | "view" | "trigger" | "rule" | "policy") => Verdict::Runs,
            ("create", "extension" | "server" | "user" | "foreign table") => Verdict::Runs,
            ("create", "table") if !read.is_filled => Verdict::Runs,
            ("create", "table" | "materialized view") => {
                out_if(Verdict::Refused, self.calls(&read) || self.touches(&read))
            }
            ("alter", _) if keywords.windows(2).any(|pair| pair == ["set", "default"]) => Verdict::Runs,
            ("create" | "alter", _) => out_if(Verdict::Refused, self.calls(&read)),
            ("drop" | "comment" | "grant" | "revoke" | "set" | "reset" | "security" | "lock", _) => Verdict::Runs,
            _ => out_if(Verdict::LeftOut, self.calls(&read) || self.touches(&read)),
        }
    }

    /// Notes what the statement makes reach out.
    fn follow(&mut self, read: &Read) {
        let (calls, touches) = (self.calls(read), self.touches(read));
        let (set, name) = match read.what.as_str() {
            "function" | "procedure" if calls || touches || read.changes_the_server() || read.is_untrusted() => {
                (&mut self.called, &read.made)
            }
            "domain" | "type" | "aggregate" if calls => (&mut self.called, &read.made),
            "foreign table" => (&mut self.read, &read.made),
            "view" | "materialized view" if calls || touches => (&mut self.read, &read.made),
            "view" if mentions(read, &self.written) => (&mut self.written, &read.made),
            "table" if calls => (&mut self.written, &read.made),
            "trigger" if calls => (&mut self.written, &read.on),
            "rule" | "policy" if calls || touches => {
                self.read.extend(read.on.clone());
                (&mut self.written, &read.on)
            }
            _ => return,
        };
        set.extend(name.clone());
    }

    /// Whether a function that reaches out is mentioned, other than as what the statement itself makes.
    fn calls(&self, read: &Read) -> bool {
        let outward = |word: &str| {
            let slot = word.starts_with("pg_") && word.contains("replication_slot");
            slot || OUTWARD.contains(&word) || FAMILIES.iter().any(|start| word.starts_with(start))
        };
        mentions(read, &self.called) || read.words.iter().any(|word| outward(word))
    }

    /// Whether rows are read or written that are not this database's, or whose writing calls something that reaches out.
    fn touches(&self, read: &Read) -> bool {
        mentions(read, &self.read) || (read.writes() && mentions(read, &self.written))
    }
}

fn mentions(read: &Read, names: &BTreeSet<String>) -> bool {
    read.words.iter().any(|word| names.contains(word))
}

#[cfg(test)]
mod tests {
    use super::Verdict::{LeftOut, Refused, Runs};
    use super::*;
    use crate::migrate::folder::tests::migration;

    /// The verdict on the last statement.
    fn judged(sql: &str) -> Verdict {
        let migration = migration("0000_a", 1, sql);
        let reach = Reach::of(&[&migration]);
        reach.judge(sql, &statements(sql).last().unwrap())
    }

    #[test]
    fn what_stays_in_the_database() {
        let table = [
            "CREATE TABLE \"role\" (id int)",
            "GRANT SELECT ON users TO app",
            "GRANT SELECT ON \"database\" TO app",
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO app",
            "CREATE USER MAPPING FOR app SERVER s",
            "ALTER TABLE t OWNER TO app",
            "DO $$ BEGIN CREATE TYPE mood AS ENUM ('role'); EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            "DO $$ BEGIN -- create user here\n NULL; END $$",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO app",
            "INSERT INTO t VALUES ('CREATE ROLE app')",
            "DROP TABLE owned",
            "CREATE EXTENSION dblink",
            "CREATE TABLE hooks (http_status int, aws_s3_key text); ALTER TABLE hooks ADD COLUMN language text",
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT dblink_exec('x', 'y') $$",
            "CREATE FOREIGN TABLE far (id int) SERVER s",
            "CREATE FOREIGN TABLE far (id int) SERVER s; DROP FOREIGN TABLE far",
            "CREATE FOREIGN TABLE far (id int) SERVER s; CREATE VIEW v AS SELECT * FROM far",
        ];
        for sql in table {
            assert_eq!(judged(sql), Runs, "{sql}");
        }
    }

    #[test]
    fn what_reaches_out() {
        let table = [
            ("CREATE ROLE app LOGIN PASSWORD 'x'", LeftOut),
            ("create user app", LeftOut),
            ("ALTER ROLE app SET search_path = s", LeftOut),
            ("DROP OWNED BY app", LeftOut),
            ("GRANT admin TO app", LeftOut),
            ("GRANT CONNECT ON DATABASE shop TO app", LeftOut),
            ("ALTER DATABASE shop SET timezone = 'UTC'", LeftOut),
            ("COMMENT ON DATABASE shop IS 'x'", LeftOut),
            ("CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p", LeftOut),
            ("ALTER SYSTEM SET work_mem = '1GB'", LeftOut),
            ("COPY t TO PROGRAM 'sh'", LeftOut),
            ("COPY t TO '/tmp/x'", LeftOut),
            ("DO $$ BEGIN IF true THEN CREATE ROLE app; END IF; END $$", LeftOut),
            ("DO $$ BEGIN EXECUTE 'ALTER  DATABASE ' || current_database() || ' SET x.y = 1'; END $$", LeftOut),
            ("SELECT dblink_exec('host=x', 'DELETE FROM t')", LeftOut),
            ("select PG_CATALOG.pg_create_physical_replication_slot('s')", LeftOut),
            ("INSERT INTO t SELECT * FROM \"dblink\"('x', 'y') AS r (id int)", LeftOut),
            ("DO $a$ BEGIN PERFORM pg_drop_replication_slot('s'); END $a$", LeftOut),
            ("SELECT aws_lambda.invoke('x', '{}')", LeftOut),
            ("IMPORT FOREIGN SCHEMA public FROM SERVER s INTO far", Refused),
            ("CREATE TABLE t AS SELECT * FROM dblink('x', 'y') AS r (id int)", Refused),
            ("CREATE MATERIALIZED VIEW m AS SELECT * FROM dblink('x', 'y') AS r (id int)", Refused),
            ("ALTER TABLE t ADD COLUMN c text DEFAULT dblink_exec('x', 'y')", Refused),
            ("CREATE INDEX i ON t (lower(dblink_exec(a, b)))", Refused),
        ];
        for (sql, verdict) in table {
            assert_eq!(judged(sql), verdict, "{sql}");
        }
    }

    #[test]
    fn names_are_followed() {
        let table = [
            // By functions, also those that are made before what they call.
            (
                "CREATE FUNCTION g() RETURNS text LANGUAGE sql AS $$ SELECT f() $$; CREATE FUNCTION f() RETURNS text LANGUAGE sql AS \
              $$ SELECT dblink_exec('x', 'y') $$; SELECT G()",
                LeftOut,
            ),
            (
                "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE ROLE a; END $$; SELECT f()",
                LeftOut,
            ),
            ("CREATE FUNCTION f() RETURNS void LANGUAGE plpython3u AS $$ import os $$; CALL f()", LeftOut),
            ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$; SELECT f()", Runs),
            // By foreign tables and views of them.
            ("CREATE FOREIGN TABLE s.\"Far\" (id int) SERVER s; INSERT INTO \"Far\" VALUES (1)", LeftOut),
            ("CREATE FOREIGN TABLE far (id int) SERVER s; CREATE VIEW v AS TABLE far; SELECT * FROM v", LeftOut),
            ("CREATE FOREIGN TABLE far (id int) SERVER s; CREATE TABLE t AS TABLE far", Refused),
            // By triggers: a table is harmless until it is written to.
            (
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM dblink_exec('x', 'y'); END $$; CREATE \
              TRIGGER f AFTER INSERT OR UPDATE ON t EXECUTE FUNCTION f(); UPDATE t SET a = 1",
                LeftOut,
            ),
            (
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM dblink_exec('x', 'y'); END $$; CREATE \
              TRIGGER f AFTER INSERT OR UPDATE ON t EXECUTE FUNCTION f(); SELECT * FROM t",
                Runs,
            ),
            (
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM dblink_exec('x', 'y'); END $$; CREATE \
              TRIGGER f AFTER INSERT OR UPDATE ON t EXECUTE FUNCTION f(); DO $$ BEGIN ALTER TABLE u ADD CONSTRAINT k FOREIGN KEY \
              (a) REFERENCES t (id) ON DELETE no action ON UPDATE no action; END $$",
                Runs,
            ),
            ("CREATE DOMAIN d AS text CHECK (dblink_exec('x', VALUE) IS NOT NULL); SELECT 'a'::d", LeftOut),
        ];
        for (sql, verdict) in table {
            assert_eq!(judged(sql), verdict, "{sql}");
        }
    }
}
