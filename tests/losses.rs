//! What pending migrations drop is said in the plan, before anybody is asked.

use serde_json::{Value, json};

use crate::binary::Cloud;

fn migrations(cloud: &Cloud, files: &[(&str, &str)]) {
    std::fs::create_dir_all(cloud.folder().join("drizzle/meta")).unwrap();
    let entry = |(index, (tag, _)): (usize, &(&str, &str))| json!({"idx": index, "version": "7", "when": 1_795_337_234_000 + index, "tag": tag, "breakpoints": true});
    let entries: Vec<Value> = files.iter().enumerate().map(entry).collect();
    let journal = json!({"version": "7", "dialect": "postgresql", "entries": entries});
    cloud.write("drizzle/meta/_journal.json", &journal.to_string());
    for (tag, sql) in files {
        cloud.write(&format!("drizzle/{tag}.sql"), sql);
    }
}

#[test]
fn the_plan_names_what_pending_migrations_drop() {
    let cloud = Cloud::start();
    cloud.write(
        "stack.yaml",
        "stack: shop\ndatabase: {protect: false, on_destroy: delete}\nproxy: {}\nmigrations: {folder: drizzle}\n",
    );
    let first = (
        "0000_a",
        "CREATE TABLE orders (id int, note text);--> statement-breakpoint\nCREATE TABLE users (id int, age int);",
    );
    migrations(&cloud, &[first]);
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    // A table that comes and goes with what is pending holds nothing.
    let second = ("0001_b", "CREATE TABLE parts (id int);--> statement-breakpoint\nDROP TABLE parts;");
    migrations(&cloud, &[first, second]);
    let diff = || cloud.infra(&["diff", "--local"]).succeeds().stdout();
    let told = diff();
    assert!(told.contains("~ migrations/database") && !told.contains("is dropped"), "{told}");
    let third = ("0002_c", "ALTER TABLE users DROP COLUMN age;--> statement-breakpoint\nDROP TABLE orders;");
    migrations(&cloud, &[first, second, third]);
    let told = diff();
    for part in [
        "0002_c: The table orders is dropped with all its rows.",
        "0002_c: The column age of users is dropped with all its values.",
        "`infra migrate lint` tells more.",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    // Where somebody said that it is meant, it is not said again.
    let allowed = ["diff", "--local", "--set", "migrations.lint.allow=[drop-table]"];
    let told = cloud.infra(&allowed).succeeds().stdout();
    assert!(!told.contains("The table orders") && told.contains("The column age"), "{told}");
    let told = cloud.infra(&["deploy", "--local", "--yes"]).succeeds().stdout();
    assert!(told.contains("The table orders is dropped"), "{told}");
    // What is applied is no warning any more.
    let told = diff();
    assert!(told.contains("No changes") && !told.contains("is dropped"), "{told}");
    migrations(&cloud, &[first, second, third, ("0003_d", "TRUNCATE users;")]);
    let told = diff();
    assert!(told.contains("0003_d: ") && told.contains("`infra migrate lint` tells more."), "{told}");
}
