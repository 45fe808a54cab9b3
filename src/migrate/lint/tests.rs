//! SQL → findings, a rule at a time; and that neither linting nor fixing breaks anything.

mod fixing;

use proptest::prelude::*;

use super::fix::fixes;
use super::*;
use crate::migrate::folder::tests::migration;
use crate::migrate::folder::{BREAKPOINT, Layout};
use crate::migrate::lease::Lease;

/// Files of a folder, one a second.
fn folder(files: &[&str]) -> Folder {
    let migrations = files.iter().enumerate().map(|(idx, sql)| {
        let when = 1_000 * (i64::try_from(idx).unwrap() + 1);
        Migration { idx, ..migration(&format!("000{idx}_m"), when, sql) }
    });
    Folder { path: "m".into(), layout: Layout::V0, migrations: migrations.collect(), strays: Vec::new() }
}

fn linted(files: &[&str], settings: &Settings) -> Report {
    lint(&folder(files), &[], settings).unwrap()
}

/// Each finding as "rule text", of the rules that are asked for (none: of all).
fn found(files: &[&str], rules: &[&str]) -> Vec<String> {
    let report = linted(files, &Settings::default());
    let wanted = report.findings.iter().filter(|it| rules.is_empty() || rules.contains(&it.rule.name));
    wanted
        .map(|finding| {
            let text = finding.source.as_ref().zip(finding.span.clone()).map_or("", |(text, span)| &text.inner()[span]);
            format!("{}: {}", finding.rule.name, text.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect()
}

#[track_caller]
fn expect(rules: &[&str], table: &[(&[&str], &[&str])]) {
    for (files, expected) in table {
        assert_eq!(&found(files, rules), expected, "{files:?}");
    }
}

const OLD: &str = "CREATE TABLE old (id int, a varchar(20), b int)";

#[test]
fn names_are_unique_and_every_rule_says_all_of_it() {
    for (index, rule) in RULES.iter().enumerate() {
        assert!(RULES[..index].iter().all(|other| other.name != rule.name), "{}", rule.name);
        for text in [rule.finds, rule.why, rule.fix] {
            assert!(text.ends_with('.') || text.ends_with(')'), "{}: {text}", rule.name);
        }
    }
    assert_eq!(find("drop-colum").unwrap_err(), Some("drop-column"));
    assert_eq!(find("xyzzy").unwrap_err(), None);
}

#[test]
fn statements_that_cannot_run_twice() {
    let table: &[(&str, bool)] = &[
        ("CREATE TABLE a (id int)", true),
        ("CREATE TABLE IF NOT EXISTS a (id int)", false),
        ("CREATE TEMP TABLE a (id int)", false),
        ("CREATE TABLE a AS SELECT 1", true),
        ("CREATE INDEX i ON a (id)", true),
        ("CREATE INDEX ON a (id)", true),
        ("CREATE INDEX IF NOT EXISTS i ON a (id)", false),
        ("CREATE TYPE t AS ENUM ('a')", true),
        ("ALTER TYPE t ADD VALUE 'b'", true),
        ("ALTER TYPE t ADD VALUE IF NOT EXISTS 'b'", false),
        ("CREATE VIEW v AS SELECT 1", true),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", false),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$", true),
        ("CREATE POLICY p ON a USING (true)", true),
        ("ALTER TABLE a ADD COLUMN b int", true),
        ("ALTER TABLE a ADD COLUMN IF NOT EXISTS b int", false),
        ("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0)", true),
        ("ALTER TABLE a ALTER COLUMN b SET NOT NULL", false),
        ("ALTER TABLE a ALTER COLUMN b ADD GENERATED ALWAYS AS IDENTITY", true),
        ("ALTER TABLE a RENAME COLUMN b TO c", true),
        ("ALTER TABLE a ENABLE ROW LEVEL SECURITY", false),
        ("DROP TABLE a", true),
        ("DROP TABLE IF EXISTS a", false),
        ("DROP FUNCTION f(int)", true),
        ("DROP POLICY p ON a", true),
        ("DO $$ BEGIN CREATE TYPE t AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN null; END $$", false),
        ("UPDATE a SET b = 1", false),
        ("GRANT SELECT ON a TO b", false),
    ];
    for (sql, expected) in table {
        assert_eq!(!found(&[sql], &["not-idempotent"]).is_empty(), *expected, "{sql}");
    }
    expect(
        &["repeated-insert"],
        &[
            (&["INSERT INTO a VALUES (1)"], &["repeated-insert: INSERT"]),
            (&["INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING"], &[]),
            (&["INSERT INTO a SELECT 1 WHERE NOT EXISTS (SELECT FROM a)"], &[]),
        ],
    );
}

#[test]
fn what_two_migrations_make() {
    let c = "CREATE TABLE \"c\" (\"id\" int)";
    expect(
        &["created-twice"],
        &[
            (&[c, "CREATE TABLE public.c (id int)"], &["created-twice: CREATE TABLE public.c"]),
            (&[c, "CREATE TABLE audit.c (id int)"], &[]),
            (&[c, "DROP TABLE c", c], &[]),
            (&[c, "ALTER TABLE c RENAME TO d", c], &[]),
            (&[c, "DO $$ BEGIN DROP TABLE c; END $$", c], &[]),
            // Guarded and the same: it does nothing, as it says. Guarded and different: it does nothing, and says otherwise.
            (&[c, "CREATE TABLE IF NOT EXISTS \"c\" (\"id\" INT)"], &[]),
            (&[c, "CREATE TABLE IF NOT EXISTS c (id bigint)"], &["created-twice: CREATE TABLE IF NOT EXISTS c"]),
            (&["CREATE TYPE t AS ENUM ('a')", "CREATE TYPE t AS ENUM ('b')"], &["created-twice: CREATE TYPE t"]),
            (&[c, "ALTER TABLE c ADD COLUMN x int", "ALTER TABLE c ADD x int"], &["created-twice: ADD x int"]),
            (&[c, "ALTER TABLE c ADD x int", "ALTER TABLE c DROP x", "ALTER TABLE c ADD x int"], &[]),
            (&[c, "CREATE INDEX i ON c (id)", "CREATE INDEX i ON c (id)"], &["created-twice: CREATE INDEX i"]),
            (&[c, "CREATE VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW v AS SELECT 2"], &[]),
            (
                &[
                    "SET search_path TO a",
                    "SET search_path TO a; CREATE TABLE t ()",
                    "SET search_path TO b; CREATE TABLE t ()",
                ],
                &[],
            ),
        ],
    );
}

#[test]
fn transactions() {
    let rules = &[
        "transaction-control",
        "outside-transaction",
        "reads-input",
        "stops-drizzle-kit",
        "enum-value-in-use",
        "leaking-setting",
        "leaking-table",
    ];
    expect(
        rules,
        &[
            (&["SELECT 1; COMMIT"], &["transaction-control: COMMIT"]),
            (&["CREATE INDEX CONCURRENTLY i ON a (b)"], &["outside-transaction: CREATE INDEX CONCURRENTLY i ON a (b)"]),
            (&["COPY a FROM STDIN"], &["reads-input: COPY a FROM STDIN"]),
            (&["-- infra: no-transaction\nVACUUM a"], &["stops-drizzle-kit: VACUUM a"]),
            (&["-- infra: no-transaction\nSELECT 1"], &[]),
            (&["ALTER TYPE m ADD VALUE 'ok'; INSERT INTO c VALUES ('ok')"], &["enum-value-in-use: 'ok'"]),
            (
                &["ALTER TYPE m ADD VALUE 'ok'; ALTER TABLE c ALTER COLUMN m SET DEFAULT 'ok'::m"],
                &["enum-value-in-use: 'ok'"],
            ),
            (&["ALTER TYPE m ADD VALUE 'ok'; DO $$ BEGIN UPDATE c SET m = 'ok'; END $$"], &["enum-value-in-use: 'ok'"]),
            (&["ALTER TYPE m ADD VALUE 'ok'; ALTER TYPE m ADD VALUE 'no' AFTER 'ok'"], &[]),
            (&["ALTER TYPE m ADD VALUE 'ok'; COMMENT ON TYPE m IS 'ok'"], &[]),
            (&["ALTER TYPE m ADD VALUE 'ok'", "INSERT INTO c VALUES ('ok')"], &[]),
            (&["SET search_path TO a"], &["leaking-setting: SET search_path TO a"]),
            (
                &["SELECT pg_catalog.set_config('search_path', '', false)"],
                &["leaking-setting: SELECT pg_catalog.set_config('search_path', '', false)"],
            ),
            (&["SELECT set_config('search_path', '', true)"], &[]),
            (&["SET LOCAL search_path TO a"], &[]),
            (
                &["CREATE TEMP TABLE IF NOT EXISTS a AS SELECT 1; DROP TABLE b"],
                &["leaking-table: CREATE TEMP TABLE IF NOT EXISTS a AS SELECT 1"],
            ),
            (&["CREATE TEMPORARY TABLE a (x int) ON COMMIT DROP"], &[]),
            (&["CREATE TEMP TABLE \"a\" (x int); SELECT 1; DROP TABLE a"], &[]),
            (&["SET ROLE a; RESET ROLE"], &[]),
            (&["SET search_path TO a; RESET ALL"], &[]),
        ],
    );
    let severity = |files: &[&str]| {
        let report = linted(files, &Settings::default());
        report.findings.iter().find(|finding| finding.rule.name == "enum-value-in-use").map(|finding| finding.severity)
    };
    let (m, add) = ("CREATE TABLE c (m public.m, t text)", "ALTER TYPE m ADD VALUE 'ok'; ");
    let table = [
        ("UPDATE c SET m = 'ok'", Some(Severity::Error)),
        ("SELECT * FROM c WHERE m IN ('no', 'ok')", Some(Severity::Error)),
        ("ALTER TABLE c ALTER m SET DEFAULT 'ok'", Some(Severity::Error)),
        ("SELECT 'ok'::\"public\".\"m\"", Some(Severity::Error)),
        // Another type, or one that nobody knows.
        ("UPDATE c SET t = 'ok'", None),
        ("SELECT 'ok' :: text", None),
        ("INSERT INTO c VALUES ('no', 'ok'), ('ok', 'ok')", Some(Severity::Error)),
        ("INSERT INTO c (t, m) VALUES (lower('a'), 'ok')", Some(Severity::Error)),
        ("INSERT INTO c (t) VALUES ('ok')", None),
        ("INSERT INTO c VALUES ('no', 'ok')", None),
        ("INSERT INTO c VALUES (f('ok'))", Some(Severity::Warning)),
        ("INSERT INTO unknown VALUES ('ok')", Some(Severity::Warning)),
        ("UPDATE c SET unknown = 'ok'", Some(Severity::Warning)),
    ];
    for (sql, expected) in table {
        assert_eq!(severity(&[m, &format!("{add}{sql}")]), expected, "{sql}");
    }
    let together = Settings { together: true, ..Settings::default() };
    let report = linted(&["ALTER TYPE m ADD VALUE 'ok'", "INSERT INTO c VALUES ('ok')"], &together);
    assert!(report.findings.iter().any(|finding| finding.rule.name == "enum-value-in-use"));
}

#[test]
fn tables_that_may_have_rows() {
    let rules = &["blocking-index", "validating-constraint", "set-not-null", "required-column", "table-rewrite"];
    let table: &[(&str, &str)] = &[
        ("CREATE INDEX i ON old (a)", "blocking-index: CREATE INDEX i"),
        ("ALTER TABLE old ADD CONSTRAINT u UNIQUE (a)", "blocking-index: ADD CONSTRAINT u UNIQUE (a)"),
        ("ALTER TABLE old ADD CONSTRAINT u UNIQUE USING INDEX i", ""),
        ("ALTER TABLE old ADD CONSTRAINT c CHECK (b > 0)", "validating-constraint: ADD CONSTRAINT c CHECK (b > 0)"),
        ("ALTER TABLE old ADD CONSTRAINT c CHECK (b > 0) NOT VALID", ""),
        (
            "ALTER TABLE old ADD CONSTRAINT c CHECK (b > 0) NOT VALID; ALTER TABLE old VALIDATE CONSTRAINT c",
            "validating-constraint: VALIDATE CONSTRAINT c",
        ),
        (
            "DO $$ BEGIN ALTER TABLE old ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES t (id); END $$",
            "validating-constraint: ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES t (id)",
        ),
        ("ALTER TABLE old ALTER COLUMN b SET NOT NULL", "set-not-null: ALTER COLUMN b SET NOT NULL"),
        ("ALTER TABLE old ADD COLUMN c int NOT NULL", "required-column: ADD COLUMN c int NOT NULL"),
        ("ALTER TABLE old ADD COLUMN c int NOT NULL DEFAULT 0", ""),
        ("ALTER TABLE old ADD COLUMN c timestamp NOT NULL DEFAULT now()", ""),
        (
            "ALTER TABLE old ADD COLUMN c uuid DEFAULT gen_random_uuid()",
            "table-rewrite: ADD COLUMN c uuid DEFAULT gen_random_uuid()",
        ),
        ("ALTER TABLE old ADD COLUMN c serial", "table-rewrite: ADD COLUMN c serial"),
        ("ALTER TABLE old ALTER COLUMN b SET DATA TYPE bigint", "table-rewrite: ALTER COLUMN b SET DATA TYPE bigint"),
        ("ALTER TABLE old ALTER COLUMN a SET DATA TYPE varchar(40)", ""),
        ("ALTER TABLE old ALTER COLUMN a SET DATA TYPE text", ""),
        ("ALTER TABLE old SET LOGGED", "table-rewrite: SET LOGGED"),
    ];
    for (sql, expected) in table {
        assert_eq!(found(&[OLD, sql], rules).join("; "), *expected, "{sql}");
        // A table that the same migration makes has no rows.
        assert_eq!(found(&[&format!("{OLD}; {sql}")], rules).join("; "), "", "{sql}");
        let fresh = Settings { known: Known::NoneApplied, ..Settings::default() };
        let report = linted(&[OLD, sql], &fresh);
        assert!(report.findings.iter().all(|finding| !rules.contains(&finding.rule.name)), "{sql}");
    }
    let checked = "ALTER TABLE old ADD CONSTRAINT n CHECK (b IS NOT NULL) NOT VALID";
    let set = "ALTER TABLE old ALTER COLUMN b SET NOT NULL";
    assert!(found(&[OLD, checked, "ALTER TABLE old VALIDATE CONSTRAINT n", set], rules).is_empty());
    assert_eq!(found(&[OLD, checked, set], rules).len(), 1);
}

#[test]
fn what_is_lost() {
    let rules = &["drop-table", "drop-column", "empties-table", "rename"];
    expect(
        rules,
        &[
            (&[OLD, "DROP TABLE old"], &["drop-table: DROP TABLE old"]),
            (&[OLD, "DROP TABLE IF EXISTS \"old\" CASCADE"], &["drop-table: DROP TABLE IF EXISTS \"old\" CASCADE"]),
            (&["CREATE TABLE t (a int); DROP TABLE t"], &[]),
            (&["DROP SCHEMA s CASCADE"], &["drop-table: DROP SCHEMA s CASCADE"]),
            (&["DROP SCHEMA s"], &[]),
            (&["DROP TYPE t CASCADE"], &["drop-column: DROP TYPE t CASCADE"]),
            (&["DROP TYPE t"], &[]),
            (&[OLD, "ALTER TABLE old DROP COLUMN a, DROP b"], &["drop-column: DROP COLUMN a", "drop-column: DROP b"]),
            (&["TRUNCATE a, b"], &["empties-table: TRUNCATE a, b", "empties-table: TRUNCATE a, b"]),
            (&["DELETE FROM a"], &["empties-table: DELETE FROM a"]),
            (&["DELETE FROM a WHERE b"], &[]),
            (&[OLD, "ALTER TABLE old RENAME TO new"], &["rename: RENAME TO new"]),
            (&[OLD, "ALTER TABLE old RENAME a TO c"], &["rename: RENAME a TO c"]),
            (&["ALTER INDEX i RENAME TO j"], &[]),
        ],
    );
}

#[test]
fn the_files_themselves() {
    let long = format!("CREATE TABLE t (\"{}\" int)", "x".repeat(64));
    let rules = &[
        "byte-order-mark",
        "conflict-marker",
        "breakpoint-in-string",
        "missing-breakpoint",
        "empty-migration",
        "name-too-long",
        "not-understood",
    ];
    let quoted = format!("name-too-long: \"{}\"", "x".repeat(64));
    let cut = format!("INSERT INTO t VALUES ('a {BREAKPOINT} b')");
    expect(
        rules,
        &[
            (&["\u{feff}SELECT 1"], &["byte-order-mark: \u{feff}"]),
            (&["<<<<<<< HEAD\nSELECT 1"], &["conflict-marker: <<<<<<< HEAD"]),
            (&[&cut], &["breakpoint-in-string: --> statement-breakpoint"]),
            (&["SELECT 1; SELECT 2"], &[]),
            (&["SELECT 1;--> statement-breakpoint\nSELECT 2; SELECT 3"], &["missing-breakpoint: SELECT"]),
            (&["-- nothing yet\n"], &["empty-migration: -- nothing yet"]),
            (&[""], &["empty-migration: "]),
            (&[&long], &[&quoted]),
            (&["CREATE TABEL t (a int)"], &["not-understood: "]),
            // What a function's body says is PostgreSQL's business.
            (&["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELEC 1 $$"], &[]),
        ],
    );
    assert_eq!(linted(&["SELEKT 1"], &Settings::default()).count(Severity::Error), 0);
}

#[test]
fn what_is_switched_off_and_what_switches_off_nothing() {
    let drop = "ALTER TABLE old DROP COLUMN a";
    let allowed = format!("-- infra: allow drop-column, not-idempotent it is meant\n{drop}");
    let rules = &["drop-column", "not-idempotent", "unknown-rule", "unused-allow"];
    expect(
        rules,
        &[
            (&[&allowed], &[]),
            (&[&format!("{drop}; -- infra: allow drop-column")], &["not-idempotent: DROP COLUMN a"]),
            (&[&format!("-- infra: allow-file drop-column\nSELECT 1;{drop}")], &["not-idempotent: DROP COLUMN a"]),
            (&["-- infra: allow drop-column\nSELECT 1"], &["unused-allow: drop-column"]),
            (&["SELECT 1;\n-- infra: allow drop-column"], &["unused-allow: drop-column"]),
            (&["-- infra: allow drop-colum\nSELECT 1"], &["unknown-rule: drop-colum"]),
            (&["-- infra: alow drop-column\nSELECT 1"], &["unknown-rule: -- infra: alow drop-column"]),
            (&["-- infra: allow\nSELECT 1"], &["unknown-rule: -- infra: allow"]),
            (&["-- infra: no-transaction\nVACUUM t"], &[]),
        ],
    );
    let off = Settings { off: vec![find("drop-column").unwrap()], ..Settings::default() };
    assert!(linted(&[drop], &off).findings.iter().all(|finding| finding.rule.name != "drop-column"));
    let deny = Settings { deny_warnings: true, ..Settings::default() };
    assert_eq!(linted(&["SELEKT 1; DROP VIEW a"], &deny).count(Severity::Warning), 0);
}

#[test]
fn only_what_is_not_applied_is_linted_and_rewritten() {
    let files = ["CREATE TABLE a (b int)", "CREATE TABLE c (b int)"];
    let report = linted(&files, &Settings { known: Known::AppliedUpTo("0000_m".into()), ..Settings::default() });
    assert_eq!((report.linted, report.migrations, report.applied), (1, 2, Some(1)));
    let fixed = fixes(&folder(&files), &report);
    let after: Vec<&str> = fixed.iter().map(|fix| fix.after.as_str()).collect();
    assert_eq!(after, ["CREATE TABLE IF NOT EXISTS c (b int)"]);
    let all = Settings { known: Known::AppliedUpTo("0000_m".into()), all: true, ..Settings::default() };
    let report = linted(&files, &all);
    assert_eq!((report.linted, fixes(&folder(&files), &report).len()), (2, 1));
    let report = linted(&files, &Settings::default());
    assert!(fixes(&folder(&files), &report).is_empty(), "nothing is known of the database");
}

/// Of a migration without a transaction that is half done, the committed statements are known by their texts.
#[test]
fn what_is_begun_is_not_rewritten() {
    let folder = folder(&["-- infra: no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b); CREATE TABLE c (d int)"]);
    let fixes = |lease: Option<Lease>| {
        let contents = Contents { lease, ..Contents::default() };
        let known = Known::Ledger(Ledger::default(), Box::new(contents));
        fixes(&folder, &lint(&folder, &[], &Settings { known, ..Settings::default() }).unwrap()).len()
    };
    assert_eq!(fixes(None), 1);
    let lease = serde_json::json!({"token": "t", "tag": "0000_m", "done": 1, "of": 2, "digest": "d", "holder": "me", "stopped": true});
    assert_eq!(fixes(Some(serde_json::from_value(lease).unwrap())), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn never_panics(files in prop::collection::vec(any::<String>(), 0..3)) {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        linted(&files, &Settings::default());
    }
}
