//! What is reported: each finding with its place, its rule and what to do.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::excerpt::Text;
use serde::Serialize;

use super::edit::Edit;
use super::hit::Hit;
use super::rule::{Rule, Severity};
use crate::migrate::position::Position;

/// What linting a folder found.
#[derive(Debug, Clone)]
pub struct Report {
    /// In the order of the rules' list, then of the folder.
    pub findings: Vec<Finding>,
    /// How many migrations were linted.
    pub linted: usize,
    /// How many the folder has.
    pub migrations: usize,
    /// How many are known to be applied; none if nothing is known.
    pub applied: Option<usize>,
    /// The migrations that are known not to be applied, so that they may be rewritten.
    pub(super) changeable: Vec<usize>,
}

/// One thing that a rule found.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The rule's, or worse where it is denied.
    pub severity: Severity,
    /// The file or folder.
    pub path: PathBuf,
    /// Which of the folder's migrations.
    pub migration: Option<usize>,
    /// Where in the file; none where it is about the file as a whole.
    pub position: Option<Position>,
    /// What is wrong, as a sentence.
    pub message: String,
    /// In two or three words, for beside the caret.
    pub label: String,
    /// What to do about it.
    pub fix: String,
    /// The file, for showing.
    pub source: Option<Arc<Text>>,
    /// Bytes in it.
    pub span: Option<Range<usize>>,
    pub(super) edits: Vec<Edit>,
}

/// A finding as one JSON object.
#[derive(Debug, Serialize)]
pub struct FindingJson<'a> {
    rule: &'a str,
    severity: Severity,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    message: &'a str,
    why: &'a str,
    fix: &'a str,
    fixable: bool,
}

impl Finding {
    pub(super) fn new(rule: &'static Rule, severity: Severity, hit: Hit) -> Self {
        let Hit { place, message, label, fix, edits, .. } = hit;
        let position =
            place.text.as_ref().zip(place.span.as_ref()).map(|(text, span)| Position::of(text.inner(), span.start));
        Finding {
            rule,
            severity,
            path: place.path,
            migration: place.migration,
            position,
            message,
            label,
            fix: fix.unwrap_or_else(|| rule.fix.to_owned()),
            source: place.text,
            span: place.span,
            edits,
        }
    }

    /// Whether `--fix` can put it right.
    pub fn is_fixable(&self) -> bool {
        !self.edits.is_empty()
    }

    /// For programs.
    pub fn json(&self) -> FindingJson<'_> {
        FindingJson {
            rule: self.rule.name,
            severity: self.severity,
            file: self.path.display().to_string(),
            line: self.position.map(|position| position.line),
            column: self.position.map(|position| position.column),
            text: self.source.as_ref().zip(self.span.clone()).and_then(|(text, span)| text.inner().get(span)),
            message: &self.message,
            why: self.rule.why,
            fix: &self.fix,
            fixable: self.is_fixable(),
        }
    }
}

impl Report {
    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}
