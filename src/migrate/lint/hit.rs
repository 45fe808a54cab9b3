//! What a rule finds, and where.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::excerpt::Text;

use super::edit::Edit;
use super::ground::Script;
use crate::migrate::mask::masked;

/// One thing that a rule found.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) place: Place,
    /// What is wrong, as a sentence.
    pub(super) message: String,
    /// In two or three words, beside the caret.
    pub(super) label: String,
    /// What to do, where the rule's own advice does not fit.
    pub(super) fix: Option<String>,
    /// Whether it depends on what is not known: no error then.
    pub(super) doubt: bool,
    /// What makes it right without changing what it does; empty where that is for a person to decide.
    pub(super) edits: Vec<Edit>,
}

/// Where something was found.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The file or folder.
    pub(super) path: PathBuf,
    /// Which of the folder's migrations, if it is in one.
    pub(super) migration: Option<usize>,
    /// The file's text.
    pub(super) text: Option<Arc<Text>>,
    /// Bytes in it.
    pub(super) span: Option<Range<usize>>,
}

impl Place {
    /// About a file or a folder as a whole.
    pub(super) fn whole(path: PathBuf) -> Self {
        Place { path, migration: None, text: None, span: None }
    }

    /// The first line of a file that is no migration's.
    pub(super) fn beginning(path: &Path) -> Self {
        let Ok(sql) = std::fs::read_to_string(path) else { return Place::whole(path.to_owned()) };
        let span = first_line(&sql);
        let text = Arc::new(Text::new(path.display().to_string(), masked(&sql).into_owned()));
        Place { path: path.to_owned(), migration: None, text: Some(text), span: Some(span) }
    }

    /// The byte of a file from which on it is not UTF-8.
    pub(super) fn of_bad_byte(path: &Path, byte: usize) -> Self {
        let Ok(bytes) = std::fs::read(path) else { return Place::whole(path.to_owned()) };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let span = text.get(byte..).map(|rest| byte..byte + rest.chars().next().map_or(0, char::len_utf8));
        let text = Arc::new(Text::new(path.display().to_string(), masked(&text).into_owned()));
        Place { path: path.to_owned(), migration: None, text: Some(text), span }
    }

    /// In a migration's file.
    pub(super) fn within(script: &Script<'_>, span: Range<usize>) -> Self {
        Place {
            path: script.migration.path.clone(),
            migration: Some(script.index),
            text: Some(Arc::clone(&script.source)),
            span: Some(span),
        }
    }
}

/// The bytes of the first line that is not blank, for what is about a file as a whole.
pub(super) fn first_line(sql: &str) -> Range<usize> {
    let start = sql.len() - sql.trim_start().len();
    let end = sql[start..].find('\n').map_or(sql.len(), |end| start + end);
    start..start + sql[start..end].trim_end().len()
}

impl Hit {
    pub(super) fn new(place: Place, message: impl Into<String>, label: impl Into<String>) -> Self {
        Hit { place, message: message.into(), label: label.into(), fix: None, doubt: false, edits: Vec::new() }
    }

    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    pub(super) fn doubt(mut self, doubt: bool) -> Self {
        self.doubt = doubt;
        self
    }

    pub(super) fn edits(mut self, edits: Vec<Edit>) -> Self {
        self.edits = edits;
        self
    }
}
