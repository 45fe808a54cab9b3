//! The real Drizzle, from npm at the versions of the lock files in tests/drizzle; `scripts/install --tests` installs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use super::server::{Database, Way, servers};

/// Which of Drizzle's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    V0,
    V1,
}

/// Where the packages of a line are installed. A test that needs them fails without them.
pub(crate) fn installed(line: Line) -> &'static Path {
    static INSTALLED: [OnceLock<PathBuf>; 2] = [const { OnceLock::new() }; 2];
    let folder = if line == Line::V0 { "." } else { "v1" };
    INSTALLED[usize::from(line == Line::V1)].get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drizzle").join(folder);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("drizzle").join(folder);
        let wanted = std::fs::read(source.join("package-lock.json")).unwrap();
        let there = std::fs::read(directory.join("installed-lock.json")).unwrap_or_default();
        assert!(
            there == wanted,
            "the real Drizzle is not installed in {}: run scripts/install --tests",
            directory.display()
        );
        if line == Line::V0 {
            std::fs::copy(source.join("migrate.mjs"), directory.join("migrate.mjs")).unwrap();
        }
        directory
    })
}

/// Applies the folder with drizzle-orm's migrator, the one that drizzle-kit calls too.
pub(crate) fn migrate(line: Line, folder: &Path, database: &Database) {
    migrate_to(line, folder, database, "drizzle", "__drizzle_migrations");
}

pub(crate) fn migrate_to(line: Line, folder: &Path, database: &Database, schema: &str, table: &str) {
    let line = if line == Line::V0 { "v0" } else { "v1" };
    let url = servers().url(Way::Direct, &database.name);
    let mut node = Command::new("node");
    node.arg("migrate.mjs").arg(line).arg(folder).args([&url, schema, table]).current_dir(installed(Line::V0));
    succeed(&mut node);
}

/// `drizzle-kit migrate` of the v0 line.
pub(crate) fn kit_migrate(folder: &Path, database: &Database) -> Output {
    let directory = tempfile::tempdir().unwrap();
    kit(Line::V0, directory.path(), folder, Some(database), &["migrate"])
}

/// drizzle-kit itself, run in a directory where it finds its packages; its schema file is `schema.ts` there.
pub(crate) fn kit(line: Line, directory: &Path, out: &Path, database: Option<&Database>, arguments: &[&str]) -> Output {
    let modules = directory.join("node_modules");
    if !modules.exists() {
        std::os::unix::fs::symlink(installed(line).join("node_modules"), &modules).unwrap();
    }
    let mut settings = serde_json::json!({"dialect": "postgresql", "out": out, "schema": "./schema.ts"});
    if let Some(database) = database {
        settings["dbCredentials"] = serde_json::json!({"url": servers().url(Way::Direct, &database.name)});
    }
    std::fs::write(directory.join("drizzle.config.ts"), format!("export default {settings};\n")).unwrap();
    let mut node = Command::new("node");
    node.arg("node_modules/drizzle-kit/bin.cjs").args(arguments).args(["--config", "drizzle.config.ts"]);
    node.current_dir(directory).env("NO_COLOR", "1").output().unwrap()
}

/// `drizzle-kit check` or `generate` of the v0 line on a folder.
pub(crate) fn kit_on(verb: &str, folder: &Path, schema: Option<&Path>) -> Output {
    // drizzle-kit takes paths from its own folder, and the schema's imports are found there.
    let directory = tempfile::tempdir_in(installed(Line::V0)).unwrap();
    let name = directory.path().file_name().unwrap().to_string_lossy().into_owned();
    let mut text = serde_json::json!({"dialect": "postgresql", "out": relative(folder)});
    if let Some(schema) = schema {
        std::fs::copy(schema, directory.path().join("schema.ts")).unwrap();
        text["schema"] = serde_json::json!(format!("./{name}/schema.ts"));
    }
    std::fs::write(directory.path().join("kit.json"), text.to_string()).unwrap();
    let mut node = Command::new("node");
    node.args(["node_modules/drizzle-kit/bin.cjs", verb, "--config", &format!("{name}/kit.json")]);
    node.current_dir(installed(Line::V0)).output().unwrap()
}

/// The way from the folder of the packages to another one.
fn relative(folder: &Path) -> String {
    let up = installed(Line::V0).components().count() - 1;
    format!("{}{}", "../".repeat(up), folder.strip_prefix("/").unwrap().display())
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error} (Node.js and npm are needed)"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
