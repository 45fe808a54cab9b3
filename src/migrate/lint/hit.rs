//! What a rule finds, and where.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::excerpt::Text;

use super::edit::Edit;
use super::ground::Script;

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
