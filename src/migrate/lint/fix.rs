//! Rewrites migrations so that they can run twice: guards are put in, and no other byte changes.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::edit::{self, Edit};
use super::finding::Report;
use crate::migrate::folder::Folder;

/// A file as it is and as it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The file.
    pub path: PathBuf,
    /// The migration.
    pub tag: String,
    /// What it holds.
    pub before: String,
    /// What it would hold.
    pub after: String,
    /// How many findings that puts right.
    pub findings: usize,
}

/// Why a file was not rewritten. It is as it was.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FixError {
    /// Somebody else wrote to it.
    #[error("{} was changed meanwhile.", path.display())]
    #[diagnostic(help("Run it again."))]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("{} cannot be rewritten: {reason}.", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
}

/// What can be put right of what the report holds. Only migrations that are known not to be applied are touched.
pub fn fixes(folder: &Folder, report: &Report) -> Vec<Fix> {
    let mut found = Vec::new();
    for index in &report.changeable {
        let fixable = report.findings.iter().filter(|it| it.migration == Some(*index) && it.is_fixable());
        let edits: Vec<Edit> = fixable.clone().flat_map(|finding| finding.edits.clone()).collect();
        if !edits.is_empty() {
            let migration = &folder.migrations[*index];
            let before = migration.sql.clone();
            let after = edit::apply(&before, &edits);
            let (path, tag) = (migration.path.clone(), migration.tag.clone());
            found.push(Fix { path, tag, before, after, findings: fixable.count() });
        }
    }
    found
}

impl Fix {
    /// Writes the file: all of it, or nothing.
    pub fn write(&self) -> Result<(), FixError> {
        let unwritable = |reason| FixError::Unwritable { path: self.path.clone(), reason };
        if std::fs::read(&self.path).map_err(unwritable)? != self.before.as_bytes() {
            return Err(FixError::Changed { path: self.path.clone() });
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let permissions = std::fs::metadata(&self.path).map_err(unwritable)?.permissions();
        let mut file = tempfile::Builder::new().prefix(".infra-").tempfile_in(folder).map_err(unwritable)?;
        file.write_all(self.after.as_bytes()).map_err(unwritable)?;
        file.as_file().set_permissions(permissions).map_err(unwritable)?;
        file.as_file().sync_all().map_err(unwritable)?;
        file.persist(&self.path).map_err(|error| unwritable(error.error))?;
        Ok(())
    }
}
