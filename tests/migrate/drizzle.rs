//! The real Drizzle, from npm at the versions of tests/drizzle/package-lock.json, installed once into target/.

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

/// Where the packages are installed.
fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drizzle");
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drizzle");
        let lock = std::fs::read(source.join("package-lock.json")).unwrap();
        // Copied last: where it is and is equal, the installation was completed.
        let stamp = directory.join("installed-lock.json");
        std::fs::create_dir_all(&directory).unwrap();
        for name in ["package.json", "package-lock.json", "migrate.mjs"] {
            std::fs::copy(source.join(name), directory.join(name)).unwrap();
        }
        if std::fs::read(&stamp).ok().as_ref() != Some(&lock) {
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&directory);
            succeed(&mut npm);
            std::fs::write(&stamp, lock).unwrap();
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
    node.arg("migrate.mjs").arg(line).arg(folder).args([&url, schema, table]).current_dir(installed());
    succeed(&mut node);
}

/// `drizzle-kit migrate` of the v0 line.
pub(crate) fn kit_migrate(folder: &Path, database: &Database) -> Output {
    let config = tempfile::Builder::new().suffix(".json").tempfile_in(installed()).unwrap();
    let url = servers().url(Way::Direct, &database.name);
    let text = serde_json::json!({"dialect": "postgresql", "out": folder, "dbCredentials": {"url": url}});
    std::fs::write(config.path(), text.to_string()).unwrap();
    let mut node = Command::new("node");
    node.args(["node_modules/drizzle-kit/bin.cjs", "migrate", "--config"]).arg(config.path().file_name().unwrap());
    node.current_dir(installed()).output().unwrap()
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
