//! The migrations on disk, in either of Drizzle's layouts, read byte by byte as Drizzle reads them.

mod error;
mod inspect;
mod known;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ledger::Row;
use super::mask::masked;
use super::sql::is_blank;
use crate::excerpt::Text;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use error::FolderError;
use inspect::{Inspected, inspect};
pub use known::Known;

/// What Drizzle splits a file at: this text, wherever it is, even inside a string literal.
pub const BREAKPOINT: &str = "--> statement-breakpoint";

/// How a folder is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `meta/_journal.json` and `<tag>.sql`: drizzle-kit up to 0.31.
    V0,
    /// `<timestamp>_<name>/migration.sql`: drizzle-kit 1.0.
    V1,
}

/// A folder of migrations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// How it is laid out.
    pub layout: Layout,
    /// In the order they run in.
    pub migrations: Vec<Migration>,
    /// v0: `.sql` files that the journal does not name; Drizzle would never run them.
    pub strays: Vec<Stray>,
}

/// A file that the journal does not name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// The file.
    pub path: PathBuf,
    /// The hash that it has, or had, in a ledger; none where it cannot be read.
    pub hash: Option<String>,
}

impl Stray {
    fn at(path: &Path) -> Self {
        Stray { path: path.into(), hash: hash_of_file(path) }
    }
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// v0: the journal's tag; v1: the folder's name. What users call it.
    pub tag: String,
    /// The name in v1 ledgers. v0: the one that `drizzle-kit up` would give it.
    pub name: String,
    /// Place in the folder, from 0.
    pub idx: usize,
    /// Milliseconds since 1970; `created_at` in the ledger.
    pub when_millis: i64,
    /// SHA-256 of the file in hexadecimal.
    pub hash: String,
    /// The file.
    pub sql: String,
    /// Its path.
    pub path: PathBuf,
}

/// A part of a migration between two breakpoints; sent to PostgreSQL as one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Where it starts in the file, in bytes.
    pub offset: usize,
    /// Nothing trimmed; may hold several statements or none.
    pub text: &'a str,
}

/// A migration without its file, or whose file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What users call it.
    pub tag: String,
    /// The name in v1 ledgers.
    pub name: String,
    /// `created_at` in the ledger.
    pub when_millis: i64,
    /// The file that should be there.
    pub path: PathBuf,
}

impl Missing {
    /// Whether the row is of it, as Drizzle of this layout looks for it.
    pub(super) fn is_of(&self, row: &Row, layout: Layout) -> bool {
        match (&row.name, row.created_at) {
            (Some(name), _) => *name == self.name,
            (None, Some(at)) => match layout {
                Layout::V0 => at == self.when_millis,
                Layout::V1 => at.div_euclid(1000) == self.when_millis.div_euclid(1000),
            },
            (None, None) => false,
        }
    }
}

impl Folder {
    /// Reads the folder; the layout is recognised by what is in it.
    pub fn read(path: &Path) -> Result<Self, FolderError> {
        let (folder, missing) = Self::survey(path)?;
        match missing.into_iter().next() {
            Some(Missing { tag, path, .. }) => Err(FolderError::MissingFile { tag, path }),
            None => Ok(folder),
        }
    }

    /// The same, but a missing file is no error: for looking, not for applying.
    pub fn survey(path: &Path) -> Result<(Self, Vec<Missing>), FolderError> {
        let Inspected { folder, missing, defects } = inspect(path)?;
        defects.into_iter().next().map_or(Ok((folder, missing)), Err)
    }

    /// Why it is no folder of migrations, where nothing in it is of any.
    pub fn bare(path: &Path) -> Option<FolderError> {
        inspect::bare(path)
    }

    /// Reads what can be read, and says everything that is wrong with the rest; an error where nothing can be told at all.
    pub fn inspect(path: &Path) -> Result<(Self, Vec<FolderError>), FolderError> {
        let Inspected { folder, missing, mut defects } = inspect(path)?;
        defects.extend(missing.into_iter().map(|Missing { tag, path, .. }| FolderError::MissingFile { tag, path }));
        // What applies does not read them; drizzle-kit makes the next migration of them.
        defects.extend(inspect::conflicts(&folder));
        Ok((folder, defects))
    }

    /// One without migrations; it need not be there yet.
    pub fn empty(path: PathBuf, layout: Layout) -> Self {
        Folder { path, layout, migrations: Vec::new(), strays: Vec::new() }
    }

    /// The path of the v0 layout's journal.
    pub fn journal(&self) -> PathBuf {
        inspect::journal(&self.path)
    }
}

impl Migration {
    fn new(tag: String, name: String, idx: usize, when_millis: i64, sql: String, path: PathBuf) -> Self {
        Migration { tag, name, idx, when_millis, hash: hash(&sql), sql, path }
    }

    /// Whether a file with this hash differs from this one in nothing but its line ends.
    pub(super) fn has_other_line_ends(&self, of: &str) -> bool {
        let unix = self.sql.replace("\r\n", "\n");
        hash(&unix) == of || hash(&unix.replace('\n', "\r\n")) == of
    }

    /// The parts that are sent one by one.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk<'_>> {
        let mut offset = 0;
        self.sql.split(BREAKPOINT).map(move |text| {
            let chunk = Chunk { offset, text };
            offset += text.len() + BREAKPOINT.len();
            chunk
        })
    }

    /// Whether it has no statement. Drizzle applies it all the same, and records it.
    pub fn is_empty(&self) -> bool {
        self.chunks().all(|chunk| is_blank(chunk.text))
    }

    /// The file as it is shown: without passwords.
    pub fn source(&self) -> Arc<Text> {
        Arc::new(Text::new(self.path.display().to_string(), masked(&self.sql).into_owned()))
    }
}

/// SHA-256 in hexadecimal.
fn hash(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        hex
    })
}

/// The hash of a file as Drizzle reads it: U+FFFD in place of what is not UTF-8.
fn hash_of_file(path: &Path) -> Option<String> {
    std::fs::read(path).ok().map(|bytes| hash(&String::from_utf8_lossy(&bytes)))
}

/// The hash of no more than the first bytes of a file.
fn hash_of_beginning(path: &Path, length: usize) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    Some(hash(&String::from_utf8_lossy(bytes.get(..length)?)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn migration(tag: &str, when: i64, sql: &str) -> Migration {
        Migration::new(tag.into(), inspect::name_after_up(tag, when), 0, when, sql.into(), format!("{tag}.sql").into())
    }

    #[test]
    fn hash_is_sha256sum() {
        let hash = migration("a", 1, "abc").hash;
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn other_line_ends_are_told_from_other_text() {
        let (unix, windows) =
            (migration("a", 1, "SELECT 1;\nSELECT 2;\n"), migration("a", 1, "SELECT 1;\r\nSELECT 2;\r\n"));
        let (mixed, other) =
            (migration("a", 1, "SELECT 1;\r\nSELECT 2;\n"), migration("a", 1, "SELECT 1;\nSELECT 3;\n"));
        assert!(unix.has_other_line_ends(&windows.hash) && windows.has_other_line_ends(&unix.hash));
        assert!(mixed.has_other_line_ends(&unix.hash) && mixed.has_other_line_ends(&windows.hash));
        assert!(!other.has_other_line_ends(&unix.hash));
    }

    proptest! {
        /// Chunks and breakpoints together are the file again, and offsets point at the chunks.
        #[test]
        fn no_byte_is_lost(sql in "((--> statement-breakpoint)|(--> )|[a-zé;'\n]){0,40}") {
            let migration = migration("a", 1, &sql);
            let chunks: Vec<_> = migration.chunks().collect();
            prop_assert_eq!(chunks.iter().map(|chunk| chunk.text).collect::<Vec<_>>().join(BREAKPOINT), sql.clone());
            for chunk in chunks {
                prop_assert!(sql[chunk.offset..].starts_with(chunk.text));
            }
        }
    }
}
