//! `migrate verify` and `migrate repair`, the kinds of objects that few migrations make; and what is not compared, which is said.

use infra::migrate::Ledger;
use infra::migrate::repair::{repair, text, write};
use infra::migrate::verify::How;
use infra::migrate::verify::compare::Change;

use super::command::{infra, shown};
use super::server::{Database, Way};
use super::verifying::{applied, report, short};
use super::{Written, tags};

const KINDS: &str = r#"CREATE SCHEMA app;
CREATE TABLE app.a (id integer PRIMARY KEY, name text NOT NULL, part integer);
CREATE UNIQUE INDEX a_name ON app.a (name);
ALTER TABLE app.a REPLICA IDENTITY USING INDEX a_name;
CREATE FUNCTION app.add(a integer, b integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE AGGREGATE app.total(integer) (SFUNC = app.add, STYPE = integer, INITCOND = '0', PARALLEL = SAFE);
CREATE AGGREGATE app.number(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
CREATE AGGREGATE app.middle(double precision ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal,
  FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
COMMENT ON AGGREGATE app.total(integer) IS 'all of it';
CREATE OPERATOR app.|+| (FUNCTION = app.add, LEFTARG = integer, RIGHTARG = integer, COMMUTATOR = OPERATOR(app.|+|));
CREATE TYPE app.pair AS (a integer, b integer);
CREATE FUNCTION app.first(p app.pair) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT (p).a';
CREATE CAST (app.pair AS integer) WITH FUNCTION app.first(app.pair) AS ASSIGNMENT;
CREATE COLLATION app.plain (PROVIDER = libc, LOCALE = 'C');
CREATE TEXT SEARCH DICTIONARY app.short (TEMPLATE = pg_catalog.simple, STOPWORDS = 'english');
CREATE TEXT SEARCH CONFIGURATION app.brief (PARSER = pg_catalog."default");
ALTER TEXT SEARCH CONFIGURATION app.brief ADD MAPPING FOR asciiword, word WITH app.short, simple;
CREATE FOREIGN DATA WRAPPER far;
CREATE SERVER away TYPE 'x' FOREIGN DATA WRAPPER far OPTIONS (host 'a', password 'hunter2');
CREATE USER MAPPING FOR PUBLIC SERVER away OPTIONS (password 'hunter2');
CREATE PUBLICATION news FOR TABLE app.a (id, name) WHERE (id > 0) WITH (publish = 'insert, update');
CREATE FUNCTION app.note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER noted ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION app.note();"#;

/// What happens behind the back, what is found, and whether repair makes all of it good.
const LOST: &[(&str, &[&str], bool)] = &[
    ("DROP AGGREGATE app.total(integer)", &["Missing aggregate app.total(integer)"], true),
    ("DROP AGGREGATE app.number(*)", &["Missing aggregate app.number()"], true),
    (
        "DROP AGGREGATE app.middle(double precision ORDER BY anyelement)",
        &["Missing aggregate app.middle(double precision, anyelement)"],
        true,
    ),
    (
        "CREATE OR REPLACE AGGREGATE app.total(integer) (SFUNC = app.add, STYPE = integer, INITCOND = '1')",
        &["Different aggregate app.total(integer)"],
        false,
    ),
    ("DROP OPERATOR app.|+| (integer, integer)", &["Missing operator app.|+| (integer, integer)"], true),
    ("DROP CAST (app.pair AS integer)", &["Missing cast (app.pair AS integer)"], true),
    ("DROP COLLATION app.plain", &["Missing collation app.plain"], true),
    (
        "DROP TEXT SEARCH DICTIONARY app.short CASCADE",
        &["Missing text search configuration app.brief", "Missing text search dictionary app.short"],
        true,
    ),
    (
        "ALTER TEXT SEARCH CONFIGURATION app.brief DROP MAPPING FOR word",
        &["Different text search configuration app.brief"],
        false,
    ),
    ("DROP USER MAPPING FOR PUBLIC SERVER away", &["Missing user mapping FOR PUBLIC SERVER away"], false),
    ("ALTER SERVER away OPTIONS (SET host 'b')", &["Different server away"], false),
    ("ALTER SERVER away OPTIONS (SET password 'other')", &[], true),
    ("DROP PUBLICATION news", &["Missing publication news"], true),
    ("ALTER PUBLICATION news SET TABLE app.a", &["Different publication news"], false),
    ("CREATE PUBLICATION gossip FOR ALL TABLES", &["Extra publication gossip"], true),
    ("DROP EVENT TRIGGER noted", &["Missing event trigger noted"], true),
    ("ALTER EVENT TRIGGER noted DISABLE", &["Different event trigger noted"], false),
    ("ALTER TABLE app.a REPLICA IDENTITY DEFAULT", &["Different table app.a"], true),
    ("DROP TABLE app.a CASCADE", &["Different publication news", "Missing table app.a"], false),
];

#[tokio::test]
async fn each_seldom_kind() {
    let folder = || Written::new(&[("0000_kinds", KINDS)]);
    let database = applied(Way::Direct, &folder().folder()).await;
    let found = report(&database.client().await, &folder().folder(), &How::default()).await;
    assert_eq!((short(&found), found.notes), (Vec::new(), Vec::new()));
    let hidden = found.live.objects.values().find(|it| it.definition().contains("hunter2"));
    assert!(hidden.is_none(), "{hidden:?}");
    let mut wrong = Vec::new();
    for (sql, expected, mends) in LOST {
        let copy = database.copy();
        copy.psql(sql);
        let written = folder();
        let client = copy.client().await;
        let found = report(&client, &written.folder(), &How::default()).await;
        let plan = repair(&client, &found).await;
        if short(&found) != *expected || plan.obstacles.is_empty() != *mends {
            wrong.push(format!("{sql}: {:?} {:?}", short(&found), plan.obstacles));
        }
        if plan.steps.is_empty() {
            continue;
        }
        let contents = Ledger::default().read(&client).await.unwrap();
        write(&written.folder(), &contents, &text(&plan)).unwrap();
        let made = tags(&copy, &written.folder()).await;
        if made.as_ref().map_err(ToString::to_string) != Ok(&vec!["0001_repair".to_owned()]) {
            wrong.push(format!("{sql}: {made:?}"));
            continue;
        }
        copy.psql(&text(&plan));
        let after = report(&client, &written.folder(), &How::default()).await;
        if *mends && after.differences.iter().any(|it| it.change != Change::Extra) {
            wrong.push(format!("{sql}: {:?}", short(&after)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is not compared is no reason for an unqualified ✓.
#[test]
fn what_is_not_compared_is_said() {
    let written = Written::new(&[(
        "0000_a",
        "CREATE TABLE a (id int); CREATE OPERATOR CLASS odd FOR TYPE int4 USING btree AS STORAGE int4; \
         CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);",
    )]);
    let database = Database::new(Way::Direct);
    let run = |arguments: &[&str]| shown(&infra(&database, written.path(), arguments).output().unwrap());
    assert!(run(&["apply"]).starts_with("exit 0"));
    let said = run(&["verify"]);
    assert!(
        said.contains("Not compared: 1 operator class.") && said.contains(", as far as it was compared."),
        "{said}"
    );
    let said = run(&["repair"]);
    assert!(
        said.contains("Not compared: 1 operator class.") && said.contains("Nothing is missing, as far as"),
        "{said}"
    );
    let said = run(&["verify", "--no-replay"]);
    assert!(said.contains("Not looked for: 1 aggregate, 1 operator class."), "{said}");
    assert!(said.contains("what they stand for was not compared") && !said.contains("The database is"), "{said}");
    let json: serde_json::Value = serde_json::from_str(run(&["verify", "--json"]).split_once('\n').unwrap().1).unwrap();
    assert_eq!(json["not_compared"], serde_json::json!({"operator class": 1}));

    database
        .psql("DROP AGGREGATE total(int); CREATE SCHEMA theirs; CREATE TABLE theirs.x (id int); CREATE PUBLICATION p");
    let said = run(&["verify"]);
    assert!(said.starts_with("exit 1") && said.contains("aggregate public.total(integer)  missing"), "{said}");
    assert!(said.contains("Not compared, as no migration makes anything there: schema theirs."), "{said}");
    assert!(said.contains("Not compared, as no migration makes one: 1 publication."), "{said}");
}
