//! What `--fix` writes.

use super::*;

fn fixed(sql: &str) -> String {
    let folder = folder(&[sql]);
    let report = lint(&folder, &[], &Settings { known: Known::NoneApplied, ..Settings::default() }).unwrap();
    fixes(&folder, &report).pop().map_or_else(|| sql.to_owned(), |fix| fix.after)
}

#[test]
fn what_fix_writes() {
    let table: &[(&str, &str)] = &[
        ("create table a (b int); -- why", "create table IF NOT EXISTS a (b int); -- why"),
        ("CREATE /* x */ UNIQUE INDEX i ON a (b)", "CREATE /* x */ UNIQUE INDEX IF NOT EXISTS i ON a (b)"),
        ("CREATE INDEX ON a (b)", "CREATE INDEX ON a (b)"),
        ("CREATE SCHEMA \"audit\"", "CREATE SCHEMA IF NOT EXISTS \"audit\""),
        ("CREATE MATERIALIZED VIEW v AS (SELECT 1)", "CREATE MATERIALIZED VIEW IF NOT EXISTS v AS (SELECT 1)"),
        ("CREATE VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW v AS SELECT 1"),
        ("ALTER TABLE a ADD b int, DROP COLUMN c", "ALTER TABLE a ADD IF NOT EXISTS b int, DROP COLUMN IF EXISTS c"),
        // A name that no migration makes may be a misspelt one, which IF EXISTS would hide.
        (
            "CREATE TABLE IF NOT EXISTS a (name int); ALTER TABLE a DROP COLUMN nam",
            "CREATE TABLE IF NOT EXISTS a (name int); ALTER TABLE a DROP COLUMN nam",
        ),
        (
            "CREATE TABLE IF NOT EXISTS a (name int); ALTER TABLE a DROP COLUMN name",
            "CREATE TABLE IF NOT EXISTS a (name int); ALTER TABLE a DROP COLUMN IF EXISTS name",
        ),
        ("ALTER TABLE a ALTER c DROP IDENTITY", "ALTER TABLE a ALTER c DROP IDENTITY IF EXISTS"),
        ("ALTER TYPE t ADD VALUE 'b' BEFORE 'a'", "ALTER TYPE t ADD VALUE IF NOT EXISTS 'b' BEFORE 'a'"),
        ("DROP INDEX CONCURRENTLY i", "DROP INDEX CONCURRENTLY IF EXISTS i"),
        ("DROP POLICY \"p\" ON \"t\"", "DROP POLICY IF EXISTS \"p\" ON \"t\""),
        ("create schema s create table t (b int)", "create schema s create table t (b int)"),
        ("CREATE SCHEMA s AUTHORIZATION a", "CREATE SCHEMA IF NOT EXISTS s AUTHORIZATION a"),
        ("CREATE SCHEMA AUTHORIZATION a", "CREATE SCHEMA IF NOT EXISTS AUTHORIZATION a"),
        ("CREATE UNLOGGED TABLE a (b int)", "CREATE UNLOGGED TABLE IF NOT EXISTS a (b int)"),
        ("DROP USER MAPPING FOR a SERVER s", "DROP USER MAPPING IF EXISTS FOR a SERVER s"),
        ("DROP TRANSFORM FOR a LANGUAGE b", "DROP TRANSFORM IF EXISTS FOR a LANGUAGE b"),
        ("DROP CAST (a AS b)", "DROP CAST IF EXISTS (a AS b)"),
        (
            "SELECT 1;--> statement-breakpoint\nSELECT 2;SELECT 3; -- c\nSELECT 4;  \nSELECT 5",
            "SELECT 1;--> statement-breakpoint\nSELECT 2;--> statement-breakpoint\nSELECT 3; -- c\n--> statement-breakpoint\nSELECT 4;\
             --> statement-breakpoint  \nSELECT 5",
        ),
        ("\u{feff}SELECT 1", "SELECT 1"),
        ("ALTER TABLE a RENAME b TO c", "ALTER TABLE a RENAME b TO c"),
        ("-- infra: allow not-idempotent\nDROP VIEW a", "-- infra: allow not-idempotent\nDROP VIEW a"),
    ];
    for (sql, expected) in table {
        assert_eq!(&fixed(sql), expected);
    }
    insta::assert_snapshot!(fixed(
        "-- first\nCREATE TYPE \"public\".\"role\" AS ENUM('admin', 'it''s');--> statement-breakpoint\n\
         ALTER TABLE \"audit\".\"Orders\" ADD CONSTRAINT \"o'k\" FOREIGN KEY (\"a\") REFERENCES \"b\"(\"id\"); -- last\n\
         ALTER TABLE t ADD CONSTRAINT c CHECK (a <> $$x$$)\n"
    ), @r#"
    -- first
    DO $$ BEGIN
      CREATE TYPE "public"."role" AS ENUM('admin', 'it''s');
    EXCEPTION
      WHEN duplicate_object THEN NULL;
    END $$;--> statement-breakpoint
    DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conname = 'o''k'::name AND conrelid = '"audit"."Orders"'::regclass) THEN
        ALTER TABLE "audit"."Orders" ADD CONSTRAINT "o'k" FOREIGN KEY ("a") REFERENCES "b"("id");
      END IF;
    END $$; -- last
    --> statement-breakpoint
    DO $infra0$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conname = 'c'::name AND conrelid = 't'::regclass) THEN
        ALTER TABLE t ADD CONSTRAINT c CHECK (a <> $$x$$);
      END IF;
    END $infra0$
    "#);
}

#[test]
fn what_another_migration_makes_as_well_is_not_guarded() {
    let c = "CREATE TABLE c (id int)";
    let folder = folder(&[c, "CREATE TABLE c (id bigint); CREATE TABLE d (id int)"]);
    let report = lint(&folder, &[], &Settings { known: Known::NoneApplied, ..Settings::default() }).unwrap();
    let after = fixes(&folder, &report).pop().unwrap().after;
    assert_eq!(after, "CREATE TABLE c (id bigint); CREATE TABLE IF NOT EXISTS d (id int)");
    assert!(report.findings.iter().any(|finding| finding.fix.contains("created-twice") && !finding.is_fixable()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What `--fix` does to anything that looks like SQL: every byte stays, in its order, and a second time changes nothing.
    #[test]
    fn fixing_loses_nothing(sql in WORDS) {
        let after = fixed(&sql);
        let mut rest = after.chars();
        prop_assert!(sql.chars().all(|c| rest.any(|other| other == c)), "{}", after);
        prop_assert_eq!(fixed(&after), after.clone());
    }
}

/// Pieces of statements, put together at random.
const WORDS: &str = r#"((CREATE |DROP |ALTER )(TABLE |INDEX |TYPE |VIEW |SCHEMA |POLICY )(a |"B" |s\.t |i ON a \(b\) |p ON a )(AS ENUM \('x'\)|AS SELECT 1|\(b int\)|ADD CONSTRAINT c CHECK \(b > 0\)|ADD COLUMN d int|DROP d|USING \(true\))?(;|; -- é\n|--> statement-breakpoint\n|; INSERT INTO a VALUES \('it''s'\);|/\* ; \*/|\$\$)){0,6}"#;
