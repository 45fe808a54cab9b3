//! The files of a new migration while they are written: all of them stay in the end, or none.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ComposeError;

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    /// Which.
    pub path: PathBuf,
    /// Whether it was there before.
    pub change: Change,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Added,
    /// It was there, and holds something else now.
    Changed,
}

/// Files and folders that are removed again unless they are kept; of those that were there before, nothing is.
#[derive(Default)]
pub(super) struct Written {
    files: Vec<File>,
    folders: Vec<PathBuf>,
}

impl Written {
    /// A file that must not be there yet.
    pub(super) fn create(&mut self, path: &Path, text: &str) -> Result<(), ComposeError> {
        let mut file = std::fs::File::create_new(path).map_err(|reason| refused(path, reason))?;
        self.files.push(File { path: path.to_owned(), change: Change::Added });
        file.write_all(text.as_bytes()).map_err(|reason| refused(path, reason))
    }

    pub(super) fn create_folder(&mut self, path: &Path) -> Result<(), ComposeError> {
        std::fs::create_dir(path).map_err(|reason| refused(path, reason))?;
        self.folders.push(path.to_owned());
        Ok(())
    }

    /// Puts a new text in a file's place at once, with the permissions that the file had.
    pub(super) fn replace(&mut self, path: &Path, text: &str) -> Result<(), ComposeError> {
        let failed = |reason| ComposeError::Io { path: path.to_owned(), reason };
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        let existing = std::fs::metadata(path);
        if let Ok(existing) = &existing {
            file.as_file().set_permissions(existing.permissions()).map_err(failed)?;
        }
        file.persist(path).map_err(|refused| failed(refused.error))?;
        let change = if existing.is_ok() { Change::Changed } else { Change::Added };
        self.files.push(File { path: path.to_owned(), change });
        Ok(())
    }

    /// The files, which stay: that of the SQL first.
    pub(super) fn keep(mut self) -> Vec<File> {
        self.folders.clear();
        let mut files = std::mem::take(&mut self.files);
        files.sort_by_key(|file| file.path.extension().is_none_or(|extension| extension != "sql"));
        files
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // What cannot be removed is found by the next run, and named.
        let added = self.files.iter().filter(|file| file.change == Change::Added);
        added.for_each(|file| _ = std::fs::remove_file(&file.path));
        self.folders.iter().for_each(|folder| _ = std::fs::remove_dir(folder));
    }
}

pub(super) fn refused(path: &Path, reason: io::Error) -> ComposeError {
    match reason.kind() {
        io::ErrorKind::AlreadyExists => ComposeError::InTheWay { path: path.to_owned() },
        _ => ComposeError::Io { path: path.to_owned(), reason },
    }
}
