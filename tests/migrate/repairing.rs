//! `migrate repair`: each class of objects lost behind the back and made again, and what is left for somebody to decide.

use std::path::Path;
use std::process::{Command, Output};

use infra::migrate::repair::{repair, text, write};
use infra::migrate::verify::How;
use infra::migrate::verify::compare::Change;
use infra::migrate::{Folder, Ledger};

use super::drizzle::{Line, kit_on, migrate};
use super::server::{Database, PASSWORD, Way, servers};
use super::tampering::{EVERYTHING, TAMPERING};
use super::verifying::{applied, report, short};
use super::{Written, fixture, ledger_rows, tags};

/// Runs the binary; the folder is an absolute path.
fn infra(database: &Database, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command.arg("migrate").args(arguments).arg("--folder").arg(folder);
    let url = servers().url(database.way, &database.name);
    command.env("DATABASE_URL", url).env("PGSSLROOTCERT", &servers().ca).env("NO_COLOR", "1").output().unwrap()
}

/// Found by verify, made by repair and apply, run once more by hand, clean by verify.
#[tokio::test]
async fn each_class_of_objects() {
    let database = applied(Way::Direct, &Written::new(EVERYTHING).folder()).await;
    for (index, (sql, expected, mends)) in TAMPERING.iter().enumerate() {
        let mut copy = database.copy();
        copy.way = if index % 2 == 0 { Way::Direct } else { Way::Pooled };
        let written = Written::new(EVERYTHING);
        copy.psql(sql);
        let rows = "SELECT count(*) FROM app.users";
        let before = copy.psql("SELECT to_regclass('app.users') IS NULL").eq("f").then(|| copy.psql(rows));

        let client = copy.client().await;
        let found = report(&client, &written.folder(), &How::default()).await;
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(short(&found), expected, "{sql}");

        let plan = repair(&client, &found).await;
        assert_eq!(plan.obstacles.is_empty(), *mends, "{sql}: {:?}", plan.obstacles);
        if !plan.steps.is_empty() {
            let contents = Ledger::default().read(&client).await.unwrap();
            write(&written.folder(), &contents, &text(&plan)).unwrap();
            assert_eq!(tags(&copy, &written.folder()).await.unwrap(), ["0003_repair"], "{sql}");
            copy.psql(&text(&plan));
        }
        let after = report(&client, &written.folder(), &How::default()).await;
        let left = after.differences.iter().filter(|it| it.change != Change::Extra).count();
        assert_eq!(left == 0, *mends, "{sql}: {:?}", short(&after));
        if let Some(before) = before {
            assert_eq!(copy.psql(rows), before, "{sql}");
        }
    }
}

/// A lost sequence goes on after the values that are there.
#[tokio::test]
async fn sequences_do_not_start_again() {
    let written = Written::new(EVERYTHING);
    let database = applied(Way::Pooled, &written.folder()).await;
    database.psql("DROP SEQUENCE app.users_id_seq CASCADE; ALTER TABLE app.posts ALTER id DROP IDENTITY");
    assert_eq!(infra(&database, written.path(), &["repair"]).status.code(), Some(0));
    assert_eq!(infra(&database, written.path(), &["apply"]).status.code(), Some(0));
    database.psql("INSERT INTO app.users (email) VALUES ('c@example.com')");
    database.psql("INSERT INTO app.posts (user_id, title) VALUES (1, 'three')");
    assert_eq!(database.psql("SELECT max(id) FROM app.users"), "3");
    assert_eq!(database.psql("SELECT max(id) FROM app.posts"), "1002");

    // Where nothing is missing, the same migration moves nothing.
    let whole = applied(Way::Direct, &Written::new(EVERYTHING).folder()).await;
    whole.psql("ALTER SEQUENCE app.users_id_seq RESTART WITH 50");
    assert_eq!(infra(&whole, written.path(), &["apply"]).status.code(), Some(0));
    assert_eq!(whole.psql("SELECT last_value, is_called FROM app.users_id_seq"), "50|f");

    let down = "CREATE SEQUENCE down INCREMENT BY -1; CREATE TABLE a (id int DEFAULT nextval('down')); ALTER SEQUENCE down OWNED BY \
                a.id; INSERT INTO a VALUES (DEFAULT), (DEFAULT);";
    let written = Written::new(&[("0000_a", down)]);
    let database = applied(Way::Direct, &written.folder()).await;
    database.psql("DROP SEQUENCE down CASCADE");
    assert_eq!(infra(&database, written.path(), &["repair"]).status.code(), Some(0));
    assert_eq!(infra(&database, written.path(), &["apply"]).status.code(), Some(0));
    assert_eq!(database.psql("INSERT INTO a VALUES (DEFAULT) RETURNING id"), "-3");
}

/// What cannot be made holds up what builds on it, and nothing else that has its name.
#[tokio::test]
async fn only_what_needs_it_waits() {
    let written = Written::new(&[(
        "0000_a",
        "CREATE TABLE a (id int, note text NOT NULL); CREATE VIEW v AS SELECT note FROM a; \
         CREATE TABLE b (id int, note text); CREATE VIEW w AS SELECT note FROM b;",
    )]);
    let database = applied(Way::Direct, &written.folder()).await;
    database.psql(
        "DROP VIEW v, w; ALTER TABLE a DROP COLUMN note; ALTER TABLE b DROP COLUMN note; INSERT INTO a VALUES (1)",
    );
    let output = infra(&database, written.path(), &["repair", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["repaired"], serde_json::json!(["column public.b.note", "view public.w"]));
    let reasons: Vec<&str> =
        object["not_repaired"].as_array().unwrap().iter().map(|it| it["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons[1], "it needs the column public.a.note", "{reasons:?}");
    assert_eq!(infra(&database, written.path(), &["apply"]).status.code(), Some(0));
}

/// A label can be used once it is committed: what needs it comes with a second repair.
#[tokio::test]
async fn labels_of_enums_come_first() {
    let written = Written::new(&[
        ("0000_a", "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE a (id int, m mood);"),
        ("0001_b", "ALTER TYPE mood ADD VALUE 'sad' BEFORE 'ok'; ALTER TYPE mood ADD VALUE 'glad';"),
        ("0002_c", "ALTER TABLE a ALTER m SET DEFAULT 'glad'; CREATE INDEX i ON a (id);"),
    ]);
    let database = applied(Way::Direct, &written.folder()).await;
    database.psql("DROP TABLE a; DROP TYPE mood; CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE a (id int, m mood)");
    let first = infra(&database, written.path(), &["repair"]);
    let shown = String::from_utf8_lossy(&first.stdout).into_owned();
    assert_eq!(first.status.code(), Some(1), "{shown}");
    assert!(shown.contains("✗ column public.a.m is not repaired: it uses 'glad', a new label"), "{shown}");
    assert_eq!(infra(&database, written.path(), &["apply"]).status.code(), Some(0));
    assert_eq!(infra(&database, written.path(), &["repair"]).status.code(), Some(0));
    assert_eq!(infra(&database, written.path(), &["apply"]).status.code(), Some(0));
    assert_eq!(infra(&database, written.path(), &["verify"]).status.code(), Some(0));
    assert_eq!(tags(&database, &written.folder()).await.unwrap(), Vec::<String>::new());
    assert_eq!(written.folder().migrations.last().unwrap().tag, "0004_repair_2");
}

#[tokio::test]
async fn shown_written_and_written_once() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int, name text NOT NULL);")]);
    let database = applied(Way::Pooled, &written.folder()).await;
    let output = infra(&database, written.path(), &["repair"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("Nothing is missing."), "{output:?}");

    database.psql("ALTER TABLE a DROP COLUMN id, ALTER name TYPE varchar(9); CREATE TABLE theirs ()");
    let files = || std::fs::read_dir(written.path()).unwrap().count();
    let before = files();
    let output = infra(&database, written.path(), &["repair", "--dry-run"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!((output.status.code(), files()), (Some(1), before), "{shown}");
    assert!(shown.contains("ADD COLUMN IF NOT EXISTS \"id\" integer;"), "{shown}");
    assert!(shown.contains("-- Not repaired: column public.a.name: its type is another one"), "{shown}");
    assert!(shown.contains("1 object is extra. What no migration makes is left alone"), "{shown}");

    let output = infra(&database, written.path(), &["repair", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((object["result"].as_str(), object["tag"].as_str()), (Some("written"), Some("0001_repair")));
    assert_eq!(object["repaired"], serde_json::json!(["column public.a.id"]));
    assert_eq!(object["not_repaired"][0]["object"], "column public.a.name");
    // A second run before it is applied adds nothing.
    let output = infra(&database, written.path(), &["repair"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("0001_repair is there already"), "{output:?}");
    assert_eq!((files(), written.folder().migrations.len()), (before + 1, 2));
}

/// What is pending runs before a repair: on a new database it would drop what the repair then makes again, for good.
#[tokio::test]
async fn nothing_is_written_beside_what_is_pending() {
    let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int, phone text);")]);
    let database = applied(Way::Pooled, &written.folder()).await;
    database.psql("ALTER TABLE a DROP COLUMN phone");
    written.add("0001_drop_phone", "ALTER TABLE a DROP COLUMN phone;");
    let output = infra(&database, written.path(), &["repair"]);
    let shown = String::from_utf8_lossy(&output.stdout).replace("\n    ", " ").replace("\n  ", " ");
    assert_eq!((output.status.code(), written.folder().migrations.len()), (Some(1), 2), "{shown}");
    assert!(!written.file("0002_repair").exists());
    assert!(shown.contains("0001_drop_phone is not applied yet, and a repair would come after it"), "{shown}");
    assert!(
        shown.contains("Apply what is pending first") && shown.contains("infra migrate repair --dry-run --folder "),
        "{shown}"
    );
    let output = infra(&database, written.path(), &["repair", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&object["result"], &object["pending"]), (&"refused".into(), &serde_json::json!(["0001_drop_phone"])));

    // The way out that it names: what is pending fails for want of the column, so its statements are run by hand.
    assert_eq!(infra(&database, written.path(), &["apply"]).status.code(), Some(1));
    let output = infra(&database, written.path(), &["repair", "--dry-run", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), object["pending"].as_array().map(Vec::len)), (Some(0), Some(1)), "{object}");
    database.psql(object["sql"].as_str().unwrap());
    assert_eq!(infra(&database, written.path(), &["apply"]).status.code(), Some(0));
    assert_eq!(infra(&database, written.path(), &["verify"]).status.code(), Some(0));
    let output = infra(&database, written.path(), &["repair"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("Nothing is missing."), "{output:?}");
}

/// Where the migrations do not run in an empty database, another server is no help.
#[tokio::test]
async fn what_does_not_run_again_is_not_repaired() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int REFERENCES theirs (id));")]);
    let database = Database::new(Way::Direct);
    database.psql("CREATE TABLE theirs (id int PRIMARY KEY)");
    assert_eq!(infra(&database, written.path(), &["apply"]).status.code(), Some(0));
    database.psql("DROP TABLE a");
    for verb in ["repair", "verify"] {
        let output = infra(&database, written.path(), &[verb]);
        let both = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        let said = both.replace("\n  │ ", " ").replace("\n        ", " ").replace("\n  ", " ").replace('\n', " ");
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("do not run again in an empty database"), "{said}");
        assert!(said.contains("Every new environment begins with an empty database"), "{said}");
        assert!(!said.contains("Install PostgreSQL"), "{said}");
    }
    let output = infra(&database, written.path(), &["verify", "--no-replay"]);
    let said = String::from_utf8_lossy(&output.stdout).replace('\n', " ");
    assert!(said.contains("Not replayed: --no-replay was given.") && said.contains("Run it again without"), "{said}");
}

/// Its time is greater than that of the newest row, whatever the clock says.
#[tokio::test]
async fn later_than_every_row() {
    let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    written.add_at("0001_b", 4_000_000_000_000, "CREATE TABLE b (id int);");
    let database = applied(Way::Direct, &written.folder()).await;
    database.psql("DROP TABLE a");
    assert_eq!(infra(&database, written.path(), &["repair"]).status.code(), Some(0));
    assert_eq!(written.folder().migrations[2].when_millis, 4_000_000_000_001);
    assert_eq!(tags(&database, &written.folder()).await.unwrap(), ["0002_repair"]);
}

/// Asking whether the rows allow a constraint runs its condition: that must not write either.
#[tokio::test]
async fn looking_writes_nothing() {
    let written = Written::new(&[(
        "0000_a",
        "CREATE TABLE asked (id int); CREATE FUNCTION noisy(id int) RETURNS bool LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO asked VALUES (id); RETURN true; END $$; \
         CREATE TABLE a (id int CONSTRAINT c CHECK (noisy(id)), other int CONSTRAINT d CHECK (other > 0));",
    )]);
    let database = applied(Way::Pooled, &written.folder()).await;
    database.psql("ALTER TABLE a DROP CONSTRAINT c, DROP CONSTRAINT d; INSERT INTO a VALUES (1, 1)");
    let output = infra(&database, written.path(), &["repair"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(database.psql("SELECT count(*) FROM asked"), "0");
    assert!(shown.contains("cannot be seen: cannot execute INSERT in a read-only transaction"), "{shown}");
    // The connection is usable after that: the other constraint is made.
    assert!(shown.contains("ADD CONSTRAINT \"d\""), "{shown}");
}

/// The real drizzle-kit goes on from a repaired folder: its check is content, and generate has nothing to add.
#[tokio::test]
async fn drizzle_kit_goes_on() {
    let database = applied(Way::Direct, &Folder::read(&fixture("v0-abc")).unwrap()).await;
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("migrations");
    // Made from the fixture's own schema, so that there are snapshots.
    let schema = fixture("v0-abc").parent().unwrap().join("schema.ts");
    assert!(kit_on("generate", &folder, Some(&schema)).status.success());
    database.psql("DROP SCHEMA public CASCADE; DROP SCHEMA drizzle CASCADE; CREATE SCHEMA public");
    assert_eq!(infra(&database, &folder, &["apply"]).status.code(), Some(0));
    let table = database
        .psql("SELECT min(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace");
    database.psql(&format!("DROP TABLE {table} CASCADE"));
    let output = infra(&database, &folder, &["repair"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    let checked = kit_on("check", &folder, None);
    assert!(checked.status.success(), "{checked:?}");
    let generated = kit_on("generate", &folder, Some(&schema));
    assert!(String::from_utf8_lossy(&generated.stdout).contains("No schema changes"), "{generated:?}");
    migrate(Line::V0, &folder, &database);
    assert_eq!(infra(&database, &folder, &["verify"]).status.code(), Some(0));
    assert_eq!(ledger_rows(&database).lines().count(), 2);
}

/// The v1 layout: a folder of its own, and Drizzle 1 applies it.
#[tokio::test]
async fn a_v1_folder() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("migrations");
    let copied = Command::new("cp").arg("-R").arg(fixture("v1-shop")).arg(&folder).status().unwrap();
    assert!(copied.success());
    let database = Database::new(Way::Direct);
    migrate(Line::V1, &folder, &database);
    database.psql("DROP VIEW active_users; DROP TABLE notes");
    assert_eq!(infra(&database, &folder, &["repair"]).status.code(), Some(0));
    let last = Folder::read(&folder).unwrap().migrations.pop().unwrap();
    assert!(last.tag.ends_with("_repair"), "{}", last.tag);
    migrate(Line::V1, &folder, &database);
    let output = infra(&database, &folder, &["verify"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test]
async fn secrets_are_never_shown() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    let database = applied(Way::Direct, &written.folder()).await;
    database.psql("DROP TABLE a");
    for arguments in
        [&["verify"][..], &["verify", "--json"], &["repair"], &["verify", "--scratch-url", "postgres://me:hunter2@:x/"]]
    {
        let output = infra(&database, written.path(), arguments);
        let shown = format!("{output:?}");
        assert!(!shown.contains(PASSWORD) && !shown.contains("a%20secret") && !shown.contains("hunter2"), "{shown}");
    }
    let sql = std::fs::read_to_string(written.file("0001_repair")).unwrap();
    assert!(!sql.contains("secret"), "{sql}");
}
