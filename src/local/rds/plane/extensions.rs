//! Extensions that Aurora lets its master user create, and that PostgreSQL keeps to its superuser.
//!
//! PostgreSQL asks an extension's control file who may create it. Debian's PostgreSQL, and with it the one of the apt repository
//! of the PostgreSQL project, looks for that file below `extension_destdir` first: there it is the installed one, with the one
//! word more that lets whoever owns a database create it. Elsewhere PostgreSQL's own refusal stands.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{postgres::Servers, programs::Programs};
use crate::local::rds::parameters;

/// The folder, in a server's, with what stands before the installed control files.
const FOLDER: &str = "extensions";

/// What extensions' scripts keep to the superuser and RDS gives to `rds_superuser`: a script, and what it does besides.
const GRANTS: [(&str, &str); 4] = [
    (
        "pg_stat_statements--1.6--1.7.sql",
        "GRANT EXECUTE ON FUNCTION pg_stat_statements_reset(oid, oid, bigint) TO rds_superuser;",
    ),
    (
        "amcheck--1.2--1.3.sql",
        "GRANT EXECUTE ON FUNCTION bt_index_check(regclass), bt_index_check(regclass, boolean),
             bt_index_parent_check(regclass), bt_index_parent_check(regclass, boolean),
             bt_index_parent_check(regclass, boolean, boolean),
             verify_heapam(regclass, boolean, boolean, text, bigint, bigint) TO rds_superuser WITH GRANT OPTION;",
    ),
    // Whoever may use a wrapper still has to give a password with each connection: only a superuser can do without.
    ("dblink--1.2.sql", "GRANT USAGE ON FOREIGN DATA WRAPPER dblink_fdw TO rds_superuser WITH GRANT OPTION;"),
    ("postgres_fdw--1.0.sql", "GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO rds_superuser WITH GRANT OPTION;"),
];

/// What `extension_destdir` is to be; none where this server does not know it.
pub(super) fn destination(home: &Path) -> Option<PathBuf> {
    let folder = home.join(FOLDER);
    folder.join("usr").is_dir().then_some(folder)
}

impl Servers {
    /// Writes the control files of a server, once. An extension that is installed later is its superuser's until the server is
    /// made anew.
    pub(super) async fn write_extensions(&self, programs: &Programs, major: &str, home: &Path) -> Result<(), String> {
        let folder = home.join(FOLDER);
        if folder.is_dir() {
            return Ok(());
        }
        let said = |cause: std::io::Error| format!("Could not write the extensions' control files: {cause}.");
        let begun = home.join("extensions.new");
        // What an interrupted start left behind.
        let _ = fs::remove_dir_all(&begun);
        self.user.make_folder(&begun).map_err(said)?;
        let installed = PathBuf::from(format!("/usr/share/postgresql/{major}/extension"));
        // A container's files are not to be seen from here.
        if programs.folder().is_some() && installed.is_dir() && self.looks_below(programs, home).await {
            let mut folder = begun.clone();
            for part in installed.components().skip(1) {
                folder.push(part);
                self.user.make_folder(&folder).map_err(said)?;
            }
            for name in allowed() {
                let file = format!("{name}.control");
                let Ok(text) = fs::read_to_string(installed.join(&file)) else { continue };
                self.user.write(&folder.join(file), &trusted(&text)).map_err(said)?;
            }
            for (file, more) in GRANTS {
                let Ok(text) = fs::read_to_string(installed.join(file)) else { continue };
                self.user.write(&folder.join(file), &format!("{text}\n{more}\n")).map_err(said)?;
            }
        }
        fs::rename(&begun, &folder).map_err(said)
    }

    /// Whether this PostgreSQL knows `extension_destdir`.
    async fn looks_below(&self, programs: &Programs, home: &Path) -> bool {
        let settings = programs.command(self.user, "postgres", home).arg("--describe-config").output().await;
        settings.is_ok_and(|all| {
            all.stdout.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"extension_destdir\t"))
        })
    }
}

/// Aurora's, but what reaches the machine's files here: `utl_file` does, in folders that stand in a table.
const REACHING: [&str; 1] = ["orafce"];

/// The extensions that Aurora has.
fn allowed() -> impl Iterator<Item = &'static str> {
    let list = parameters::find("rds.extensions", true).ok().and_then(|parameter| parameter.default);
    list.unwrap_or_default().split(',').map(str::trim).filter(|name| !REACHING.contains(name))
}

/// A control file that lets more than the superuser create the extension; the last word on a setting counts.
fn trusted(control: &str) -> String {
    format!("{}\ntrusted = true\n", control.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aurora_has_is_trusted_and_nothing_else() {
        let names: Vec<_> = allowed().collect();
        assert!(names.contains(&"pg_stat_statements") && names.contains(&"vector"));
        for reaching in
            ["adminpack", "file_fdw", "orafce", "plperlu", "pltclu", "plpython3u", "pg_walinspect", "pg_surgery"]
        {
            assert!(!names.contains(&reaching), "{reaching} reaches what is not the master user's");
        }
        assert_eq!(trusted("relocatable = true\n"), "relocatable = true\ntrusted = true\n");
    }
}
