//! Why a folder of migrations cannot be used, with the place where there is one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, SourceSpan};
use thiserror::Error;

use crate::excerpt::Text;
use crate::migrate::journal::Entry;
use crate::migrate::position::Position;

/// Why a folder cannot be used.
#[derive(Debug, Error, Diagnostic)]
pub enum FolderError {
    /// No such folder, or no journal in it.
    #[error("{} holds no migrations: neither meta/_journal.json nor <timestamp>_<name>/migration.sql is there.", path.display())]
    #[diagnostic(help("{}", near.as_ref().map_or_else(
        || "Give the folder that drizzle-kit writes to (`out` in drizzle.config.ts), run `drizzle-kit generate` \
            first, or begin it with `infra migrate new NAME --layout v0` (drizzle-kit up to 0.31) or `v1` (1.0).".to_owned(),
        |near| format!("Did you mean {}?", near.display()),
    )))]
    NoJournal {
        /// The folder.
        path: PathBuf,
        /// One inside it that holds some.
        near: Option<PathBuf>,
    },
    /// A file or folder that cannot be read.
    #[error("{} cannot be read: {reason}.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The journal is not JSON, or not a journal.
    #[error("{} is broken: {reason}.", path.display())]
    #[diagnostic(help(
        "Restore the file from version control; drizzle-kit writes it, nothing in it is edited by hand."
    ))]
    BrokenJournal {
        /// The journal.
        path: PathBuf,
        /// What the parser said.
        reason: String,
        /// Its text.
        #[source_code]
        text: Arc<Text>,
        /// Where parsing stopped.
        #[label("here")]
        span: SourceSpan,
    },
    /// git stopped in the middle of a merge.
    #[error("{} holds a git conflict marker: a merge was not finished.", path.display())]
    #[diagnostic(help(
        "Keep the other branch's side of everything in the folder, delete the migration of your own branch (its .sql file and its \
         snapshot), and run `drizzle-kit generate` again: it then comes after theirs. SQL that was written by hand goes into a new \
         one: `infra migrate new NAME`."
    ))]
    Conflict {
        /// The journal, or a snapshot.
        path: PathBuf,
        /// Its text.
        #[source_code]
        text: Arc<Text>,
        /// The marker.
        #[label("conflict marker")]
        span: SourceSpan,
    },
    /// Migrations of another database.
    #[error("{} is for {dialect}, not for postgresql.", path.display())]
    #[diagnostic(help(
        "Is it another database's folder? `out` of the drizzle.config whose dialect is \"postgresql\" is the one to give with --folder."
    ))]
    Dialect {
        /// The journal.
        path: PathBuf,
        /// What it says.
        dialect: String,
    },
    /// Two entries that cannot both be right.
    #[error("{} has {what}.", path.display())]
    #[diagnostic(help(
        "Usually two branches were merged: delete the one that no database has applied (its entry, its .sql file and its \
         snapshot), and run `drizzle-kit generate` again."
    ))]
    Duplicate {
        /// The journal.
        path: PathBuf,
        /// Which tag or idx.
        what: String,
        /// The first one and the second one.
        entries: Box<[Entry; 2]>,
        /// The journal's text.
        #[source_code]
        text: Arc<Text>,
        /// The second entry.
        #[label("the second one")]
        span: SourceSpan,
    },
    /// A tag that is not the name of a file in the folder.
    #[error("{} has the tag {tag:?}, which cannot be the name of a file in the folder.", path.display())]
    BadTag {
        /// The journal.
        path: PathBuf,
        /// The tag.
        tag: String,
        /// The journal's text.
        #[source_code]
        text: Arc<Text>,
        /// The entry.
        #[label("here")]
        span: SourceSpan,
    },
    /// The journal names a file that is not there, or a v1 folder has no migration.sql.
    #[error("The migration {tag} has no file: {} does not exist.", path.display())]
    #[diagnostic(help(
        "Restore the file from version control: `infra migrate status` says whether it was applied. One that was not, and \
         is not wanted, is removed with its entry in the journal (in the layout of v1, with its folder)."
    ))]
    MissingFile {
        /// The migration.
        tag: String,
        /// The file that should be there.
        path: PathBuf,
    },
    /// Both layouts in one folder.
    #[error("{} mixes Drizzle's two layouts: {} belongs to v0, {} to v1.", path.display(), v0.display(), v1.display())]
    #[diagnostic(help(
        "Finish the change with `drizzle-kit up` (version 1), which turns every v0 file into a folder and removes meta/."
    ))]
    Mixed {
        /// The folder.
        path: PathBuf,
        /// A file of the v0 layout.
        v0: PathBuf,
        /// A folder of the v1 layout.
        v1: PathBuf,
    },
    /// A v1 folder without its time.
    #[error("{} is not named <YYYYMMDDHHMMSS>_<name>, so its place in the order is unknown.", path.display())]
    #[diagnostic(help("Rename it to a UTC time and a name, such as 20260131235900_add_users."))]
    BadName {
        /// The folder of the migration.
        path: PathBuf,
    },
    /// A file that is not text.
    #[error("{} is not valid UTF-8, from line {} column {} on.", path.display(), at.line, at.column)]
    #[diagnostic(help(
        "Save the file as UTF-8. Drizzle would put U+FFFD in place of what it cannot read, into the database."
    ))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Offset of the first bad byte.
        byte: usize,
        /// The same as editors show it.
        at: Position,
    },
    /// The file has a NUL in it, which no text of PostgreSQL can hold.
    #[error("{} has a NUL byte in it (byte number {}).", path.display(), byte + 1)]
    #[diagnostic(help(
        "PostgreSQL takes no text with one. Save the file as UTF-8 text: one in UTF-16 has many of them."
    ))]
    Nul {
        /// The file.
        path: PathBuf,
        /// Its offset.
        byte: usize,
    },
}

impl FolderError {
    /// The file or folder that it is about.
    pub fn path(&self) -> &Path {
        use FolderError::*;
        match self {
            NoJournal { path, .. }
            | Unreadable { path, .. }
            | BrokenJournal { path, .. }
            | Conflict { path, .. }
            | Dialect { path, .. }
            | Duplicate { path, .. }
            | BadTag { path, .. }
            | MissingFile { path, .. }
            | Mixed { path, .. }
            | BadName { path }
            | NotUtf8 { path, .. }
            | Nul { path, .. } => path,
        }
    }

    /// Where in the file it is, unless it is about all of it.
    pub fn position(&self) -> Option<Position> {
        use FolderError::*;
        match self {
            BrokenJournal { text, span, .. }
            | Conflict { text, span, .. }
            | Duplicate { text, span, .. }
            | BadTag { text, span, .. } => Some(Position::of(text.inner(), span.offset())),
            NotUtf8 { at, .. } => Some(*at),
            _ => None,
        }
    }
}
