//! Data that is being made: a program writes it into a folder beside the one that it is to be.
//!
//! A program goes on where its daemon is killed, pg_basebackup with a second process and a slot of the server's. Two would write to
//! one folder, so what a former daemon's still writes there ends before another one begins.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use futures::future::join_all;
use rustix::process::Signal;

use super::{
    postgres::{Outcome, Servers, said},
    process,
};

impl Servers {
    /// The folder for a home's data until it is whole, empty.
    pub(super) async fn begin(&self, home: &Path) -> Outcome<PathBuf> {
        let begun = clear(home).await.map_err(said("remove what was begun of the data"))?;
        self.user.make_folder(&begun).map_err(said("make the folder of the data"))?;
        Ok(begun)
    }

    /// Puts a home's data where another copy of it will begin, which removes it.
    pub(super) async fn put_away(&self, home: &Path) -> Outcome<()> {
        let begun = clear(home).await.map_err(said("remove what was begun of the data"))?;
        fs::rename(home.join("data"), begun).map_err(said("put the former copy of the data away"))
    }
}

/// Removes what an interrupted copy left behind.
async fn clear(home: &Path) -> io::Result<PathBuf> {
    let begun = home.join("data.new");
    let writing =
        process::commands().into_iter().filter(|(process, command)| writes(command, &begun) && process.has(home));
    join_all(writing.map(|(process, _)| process.stop(Signal::TERM))).await;
    match tokio::fs::remove_dir_all(&begun).await {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => Ok(begun),
    }
}

/// Whether a command line is that of a program of ours which makes what this folder is to hold.
fn writes(command: &str, begun: &Path) -> bool {
    let Some((program, _)) = command.split_once(" -") else { return false };
    let program = program.rsplit('/').next().unwrap_or_default();
    let into = command.strip_suffix(&*begun.to_string_lossy());
    ["cp", "pg_basebackup"].contains(&program) && into.is_some_and(|before| before.ends_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_tells_which_folder_a_program_fills() {
        let begun = Path::new("/a b/snapshot-1/data.new");
        for (command, is) in [
            ("/usr/lib/my programs/pg_basebackup --no-sync --pgdata /a b/snapshot-1/data.new", true),
            ("cp -Rp /a b/templates/postgres-15.8/. /a b/snapshot-1/data.new", true),
            ("/usr/lib/my programs/pg_basebackup --no-sync --pgdata /a b/snapshot-2/data.new", false),
            ("pg_basebackup --pgdata /c/a b/snapshot-1/data.new", false),
            ("ls -l /a b/snapshot-1/data.new", false),
            ("cp -Rp /a b/snapshot-1/data.new /elsewhere", false),
            ("cp", false),
        ] {
            assert_eq!(writes(command, begun), is, "{command}");
        }
    }
}
