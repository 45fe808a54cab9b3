//! What `--json` prints is what docs/json.md says: no field without a word there, and none there that is not printed.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::Written;
use super::command::{infra, json};
use super::outside::outside;
use super::server::{Database, Way};

/// The fields of a section, and whether each is always there.
fn documented(section: &str) -> Vec<(String, bool)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let text = std::fs::read_to_string(path).unwrap();
    let start = text.find(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let rest = &text[start + 4..];
    let section = &rest[..rest.find("\n## ").unwrap_or(rest.len())];
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(field, rest)| (field.to_owned(), !rest.starts_with('?'))).collect()
}

/// Every field of an object, those of objects in lists as `list[].field`. What `lease` and `half` hold is theirs, and what an
/// attribute of a resource holds is the resource's.
fn fields(value: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let field = format!("{prefix}{key}");
        if let Value::Array(items) = value
            && !["before", "after"].contains(&key.as_str())
        {
            items.iter().for_each(|item| fields(item, &format!("{field}[]."), found));
        }
        found.insert(field);
    }
}

/// Holds what was printed against a section.
#[track_caller]
pub(crate) fn hold(section: &str, printed: &[Value]) {
    let documented = documented(section);
    assert!(!documented.is_empty() && !printed.is_empty(), "{section}");
    let mut found = BTreeSet::new();
    printed.iter().for_each(|value| fields(value, "", &mut found));
    for field in &found {
        assert!(documented.iter().any(|(it, _)| it == field), "{section}: {field} is not in docs/json.md");
    }
    for (field, _) in documented.iter().filter(|(_, always)| *always) {
        assert!(found.contains(field), "{section}: {field} is not printed: {found:?}");
    }
}

#[test]
fn each_is_documented() {
    let database = Database::new(Way::Direct);
    let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "CREATE TABLE b (id int);")]);
    let run = |written: &Written, arguments: &[&str]| {
        json(&infra(&database, written.path(), &[arguments, &["--json"]].concat()).output().unwrap())
    };
    let last = |lines: Vec<Value>| vec![lines.last().unwrap().clone()];
    hold("apply", &last(run(&written, &["apply"])));
    hold("status", &run(&written, &["status"]));
    hold("verify", &run(&written, &["verify"]));

    database.psql("DROP TABLE b; CREATE TABLE c (); ALTER TABLE a ADD COLUMN x int");
    hold("verify", &[run(&written, &["verify"]), run(&written, &["verify", "--no-replay"])].concat());
    written.add("0002_half", &outside("SELECT 1;\nSELECT nope;"));
    hold("a failure of apply", &last(run(&written, &["apply"])));
    std::fs::write(written.file("0000_a"), "SELECT 'edited'").unwrap();
    std::fs::write(written.file("0003_stray"), "").unwrap();
    std::fs::remove_file(written.file("0001_b")).unwrap();
    database.psql("INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', 5)");
    hold("status", &run(&written, &["status"]));
    std::fs::write(written.file("0001_b"), "CREATE TABLE b (id int);").unwrap();
    hold("a failure of apply", &last(run(&written, &["apply"])));
    hold("lint", &run(&written, &["lint"]));
}

/// The verbs that write, and what each says where it refuses.
#[test]
fn what_is_written_is_documented() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);")]);
    let database = Database::new(Way::Direct);
    let run = |arguments: &[&str]| {
        json(&infra(&database, written.path(), &[arguments, &["--json"]].concat()).output().unwrap())
    };
    hold("baseline", &[run(&["baseline"]), run(&["baseline", "--to", "0009_x"])].concat());
    database.psql("CREATE TABLE a (id int)");
    hold("baseline", &[run(&["baseline"]), run(&["baseline"])].concat());
    hold("repair", &run(&["repair"]));
    database.psql("DROP TABLE a");
    hold("repair", &[run(&["repair", "--dry-run"]), run(&["repair"]), run(&["repair"])].concat());
    let mut new = std::process::Command::new(env!("CARGO_BIN_EXE_infra"));
    new.args(["migrate", "new", "b", "--json", "--folder"]).arg(written.path());
    hold("new", &json(&new.output().unwrap()));
    hold("apply --dry-run", &run(&["apply", "--dry-run"]));
    let mut sql = std::fs::read_dir(written.path()).unwrap().map(|it| it.unwrap().path());
    let added = sql.find(|path| path.to_string_lossy().ends_with("_b.sql")).unwrap();
    std::fs::write(added, outside("SELECT 1;\nSELECT nope;")).unwrap();
    run(&["apply"]);
    hold("unlock", &[run(&["unlock"]), run(&["unlock", "--yes"])].concat());
}
