//! `infra migrate new`, and that the real drizzle-kit goes on from what it wrote.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use infra::migrate::{Folder, compose};
use jiff::Timestamp;

use super::drizzle::{Line, kit};
use super::server::{Database, Way};
use super::{Written, tags};

fn new(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command.args(["migrate", "new", "--json", "--folder"]).arg(folder).args(arguments).env("NO_COLOR", "1");
    command.output().unwrap()
}

/// drizzle-kit in a directory of a test's; what it said.
fn run(line: Line, directory: &Path, arguments: &[&str]) -> String {
    succeeded(&kit(line, directory, Path::new("./migrations"), None, arguments))
}

/// A folder that drizzle-kit itself made, with the schema that it is of.
pub(super) fn generated(line: Line, directory: &Path) -> PathBuf {
    schema(directory, "");
    run(line, directory, &["generate", "--name", "first"]);
    directory.join("migrations")
}

pub(super) fn schema(directory: &Path, more: &str) {
    let text = format!(
        "import {{ pgTable, serial, text }} from 'drizzle-orm/pg-core';\n\
         export const users = pgTable('users', {{ id: serial('id').primaryKey(), name: text('name'){more} }});\n"
    );
    std::fs::write(directory.join("schema.ts"), text).unwrap();
}

pub(super) fn succeeded(output: &Output) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && !text.to_lowercase().contains("error"), "{output:?}");
    text
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Ours between two of drizzle-kit's: it takes the snapshot for its own, and its migrator and ours apply all three.
async fn between_two_of_drizzle_kit(line: Line) {
    let directory = tempfile::tempdir().unwrap();
    let folder = generated(line, directory.path());
    let output = new(&folder, &["seed_users"]);
    let added: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let path = PathBuf::from(added["path"].as_str().unwrap());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", compose::CUSTOM));
    std::fs::write(&path, "INSERT INTO users (name) VALUES ('ours');").unwrap();

    run(line, directory.path(), &["check"]);
    // Nothing has changed as drizzle-kit sees it …
    let said = run(line, directory.path(), &["generate", "--name", "nothing"]);
    assert!(said.contains("No schema changes"), "{said}");
    // … and what changes then is that alone.
    schema(directory.path(), ", phone: text('phone')");
    run(line, directory.path(), &["generate", "--name", "phone"]);
    let read = Folder::read(&folder).unwrap();
    assert_eq!(read.migrations.len(), 3);
    assert_eq!(read.migrations[2].sql.trim_end_matches(';'), "ALTER TABLE \"users\" ADD COLUMN \"phone\" text");
    assert!(read.strays.is_empty());

    let (theirs, ours) = (Database::new(Way::Direct), Database::new(Way::Pooled));
    succeeded(&kit(line, directory.path(), Path::new("./migrations"), Some(&theirs), &["migrate"]));
    assert_eq!(tags(&ours, &read).await.unwrap().len(), 3);
    assert_eq!(tags(&theirs, &read).await.unwrap(), Vec::<String>::new());
    let rows = "SELECT count(*), string_agg(hash, ' ' ORDER BY id) FROM drizzle.__drizzle_migrations";
    assert_eq!(ours.psql(rows), theirs.psql(rows));
    assert_eq!(ours.psql("SELECT name FROM users"), "ours");
}

#[tokio::test]
async fn v0() {
    between_two_of_drizzle_kit(Line::V0).await;
}

#[tokio::test]
async fn v1() {
    between_two_of_drizzle_kit(Line::V1).await;
}

/// What drizzle-kit writes for a custom migration, byte by byte but for what is new each time.
/// What files hold, but for the ids and times in them.
fn contents(folder: &Path) -> Vec<(Vec<String>, bool)> {
    let known = |path: PathBuf| {
        let mut text = std::fs::read_to_string(&path).unwrap();
        // But for the newline after the comment: without it, what is appended would be a part of the comment.
        if let Some(custom) = text.strip_suffix('\n').filter(|text| *text == compose::CUSTOM) {
            text = custom.to_owned();
        }
        let ids =
            regex::Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\"when\": [0-9]+").unwrap();
        let mut lines: Vec<String> =
            ids.replace_all(&text, "#").lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
        // drizzle-kit puts the keys of a snapshot it has read in an order of its own.
        lines.sort();
        (lines, text.ends_with('\n'))
    };
    files(folder).into_iter().map(known).collect()
}

#[test]
fn the_files_are_those_of_generate_custom() {
    for line in [Line::V0, Line::V1] {
        let (theirs, ours) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let written = [&theirs, &ours].map(|directory| generated(line, directory.path()));
        run(line, theirs.path(), &["generate", "--custom", "--name", "more"]);
        assert!(new(&written[1], &["more"]).status.success());
        let [theirs, ours] = written.map(|folder| contents(&folder));
        assert_eq!(ours, theirs, "{line:?}");
    }
}

#[test]
fn what_is_refused_leaves_nothing() {
    let written = Written::new(&[("0000_first", "")]);
    let before = files(written.path());
    for (name, expected) in
        [("a b", "Did you mean a_b?"), ("../x", "Did you mean x?"), ("", "is no name"), ("first", "of that name")]
    {
        let output = new(written.path(), &[name]);
        let said = String::from_utf8_lossy(&output.stdout).replace('\n', " ");
        assert_eq!(output.status.code(), Some(3), "{name}: {output:?}");
        assert!(said.contains(expected), "{name}: {said}");
        assert_eq!(files(written.path()), before, "{name}");
    }
    // Somebody else's file under the name that this would take.
    std::fs::write(written.file("0001_second"), "theirs").unwrap();
    assert_eq!(new(written.path(), &["second"]).status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(written.file("0001_second")).unwrap(), "theirs");
    std::fs::remove_file(written.file("0001_second")).unwrap();
    assert_eq!(files(written.path()), before);
    // None can come after the last moment that there is.
    let mut written = Written::new(&[]);
    written.add_at("0000_last", i64::MAX, "");
    let output = new(written.path(), &["next"]);
    let said = String::from_utf8_lossy(&output.stdout).replace('\n', " ");
    assert!(output.status.code() == Some(1) && said.contains("so great that none can follow"), "{output:?}");
}

/// A journal written by somebody whose clock was ahead.
#[test]
fn it_comes_after_all_others_whatever_the_clock_says() {
    let mut written = Written::new(&[]);
    written.add_at("0000_future", 4_000_000_000_000, "");
    let now = Timestamp::from_second(1_900_000_000).unwrap();
    for name in ["a", "b"] {
        compose::add(&written.folder(), name, "SELECT 1;", now).unwrap();
    }
    let folder = written.folder();
    let whens: Vec<(&str, i64)> = folder.migrations.iter().map(|it| (it.tag.as_str(), it.when_millis)).collect();
    assert_eq!(
        whens,
        [("0000_future", 4_000_000_000_000), ("0001_a", 4_000_000_000_001), ("0002_b", 4_000_000_000_002)]
    );

    let v1 = tempfile::tempdir().unwrap();
    std::fs::create_dir(v1.path().join("20960101000000_future")).unwrap();
    std::fs::write(v1.path().join("20960101000000_future/migration.sql"), "").unwrap();
    compose::add(&Folder::read(v1.path()).unwrap(), "a", "SELECT 1;", now).unwrap();
    assert_eq!(Folder::read(v1.path()).unwrap().migrations[1].tag, "20960101000001_a");
}

#[test]
fn the_style_of_the_names_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("migrations");
    copy(&super::fixture("v0-prefix-timestamp"), &folder);
    let now = Timestamp::from_second(1_900_000_000).unwrap();
    let composed = compose::add(&Folder::read(&folder).unwrap(), "more", "", now).unwrap();
    assert_eq!(composed.tag, "20300317174640_more");
    assert!(composed.snapshot.is_none(), "the fixture has no snapshots to go on from");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { _ = std::fs::copy(&path, &target).unwrap() }
    }
}

/// A folder that begins without drizzle-kit is one that drizzle-kit goes on with.
#[test]
fn a_folder_begins() {
    for layout in ["v0", "v1"] {
        let here = tempfile::tempdir().unwrap();
        let folder = here.path().join("migrations");
        assert_eq!(new(&folder, &["first"]).status.code(), Some(3), "no layout is asked for");
        assert!(!folder.exists());
        succeeded(&new(&folder, &["first", "--layout", layout]));
        let line = if layout == "v0" { Line::V0 } else { Line::V1 };
        let theirs = tempfile::tempdir().unwrap();
        std::fs::write(theirs.path().join("schema.ts"), "export {};").unwrap();
        run(line, theirs.path(), &["generate", "--custom", "--name", "first"]);
        assert_eq!(contents(&folder), contents(&theirs.path().join("migrations")), "{layout}");
        succeeded(&new(&folder, &["second"]));
        let read = Folder::read(&folder).unwrap();
        let names: Vec<&str> = read.migrations.iter().map(|it| it.tag.split_once('_').unwrap().1).collect();
        assert_eq!((names, read.layout == infra::migrate::Layout::V0), (vec!["first", "second"], layout == "v0"));
        let other = if layout == "v0" { "v1" } else { "v0" };
        let refused = new(&folder, &["third", "--layout", other]);
        let said = String::from_utf8_lossy(&refused.stdout).replace('\n', " ");
        assert!(refused.status.code() == Some(3) && said.contains(&format!("in the layout {layout}")), "{said}");

        schema(here.path(), "");
        let said = run(line, here.path(), &["generate"]);
        assert_eq!(Folder::read(&folder).unwrap().migrations.len(), 3, "{said}");
    }
}

/// Every file that is new or another than before is named, and no other.
#[test]
fn what_was_written_is_named() {
    let here = tempfile::tempdir().unwrap();
    for layout in ["v0", "v1"] {
        let folder = here.path().join(layout);
        let state = || files(&folder).into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect::<Vec<_>>();
        std::fs::create_dir(&folder).unwrap();
        for arguments in [&["first", "--layout", layout][..], &["second"]] {
            let before = state();
            let output = new(&folder, arguments);
            let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!((&object["result"], &object["exit_code"]), (&"added".into(), &0.into()), "{object}");
            let change = |(content, path): (Vec<u8>, PathBuf)| {
                let old = before.iter().find(|(_, it)| *it == path).map(|(content, _)| content);
                let change = if old.is_some() { "changed" } else { "added" };
                (old != Some(&content)).then(|| serde_json::json!({"path": path, "change": change}))
            };
            let mut expected: Vec<serde_json::Value> = state().into_iter().filter_map(change).collect();
            let mut named = object["files"].as_array().unwrap().clone();
            assert_eq!(named[0]["path"], object["path"], "the SQL comes first");
            [&mut expected, &mut named].into_iter().for_each(|list| list.sort_by_key(ToString::to_string));
            assert_eq!(named, expected, "{layout} {arguments:?}");
        }
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command.args(["migrate", "new", "third", "--folder", "v0"]).current_dir(here.path()).env("NO_COLOR", "1");
    insta::assert_snapshot!("new", succeeded(&command.output().unwrap()));
}
