//! What is wrong with a description, ready to be shown: as text with the line and a caret, or as JSON.

use std::fmt;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceSpan};
use serde::Serialize;

use super::finding::{Finding, Severity};
use super::source::{Catalog, Place, Source};
use crate::excerpt::{self, pointed};

/// One thing that is wrong with a description, or doubtful.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnostic {
    /// Whether it can be deployed all the same.
    pub severity: Severity,
    /// The file, or `--set`.
    pub file: String,
    /// Counted from 1; absent where it is about the file as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// In characters, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The offending text as it is written.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The field, `service.cpu`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What could be written instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// The one of them that was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    #[serde(skip)]
    shown: Option<Shown>,
}

/// Columns where nothing is known of the terminal.
const WIDTH: usize = 100;

/// Where a caret goes.
#[derive(Debug, Clone)]
struct Shown {
    source: Arc<Source>,
    place: Place,
    also: Option<(Place, String)>,
}

impl Diagnostic {
    pub(super) fn new(finding: Finding, catalog: &Catalog) -> Self {
        let source = finding.place.and_then(|place| Some((Arc::clone(catalog.get(place)?), place)));
        let position = source.as_ref().map(|(source, place)| source.line_column(place.start));
        let also = finding.also.filter(|(other, _)| finding.place.is_some_and(|place| place.source == other.source));
        Self {
            severity: finding.severity,
            file: source.as_ref().map_or(finding.file, |(source, _)| source.name.clone()),
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
            text: source.as_ref().and_then(|(s, p)| s.text.get(p.start..p.end)).unwrap_or_default().to_owned(),
            path: finding.path,
            message: finding.message,
            allowed: finding.allowed,
            did_you_mean: finding.did_you_mean,
            help: finding.help,
            shown: source.map(|(source, place)| Shown { source, place, also }),
        }
    }

    /// The line with a caret, what is wrong, what is allowed, what to do; `width` columns wide, with colours or without.
    #[must_use]
    pub fn render(&self, width: usize, colours: bool) -> String {
        let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler =
            GraphicalReportHandler::new_themed(theme).with_width(width).with_context_lines(1).with_break_words(false);
        let mut text = String::new();
        match handler.render_report(&mut text, &Report(self)) {
            Ok(()) => text,
            Err(_) => format!("{}: {}\n", self.file, self.message),
        }
    }

    fn advice(&self) -> Option<String> {
        let meant = self.did_you_mean.as_ref().map(|meant| format!("did you mean `{meant}`?"));
        let allowed = (!self.allowed.is_empty()).then(|| format!("allowed: {}", self.allowed.join(", ")));
        let lines: Vec<String> = [meant, self.help.clone(), allowed].into_iter().flatten().collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(WIDTH, false).trim_end())
    }
}

/// A diagnostic as miette wants it, whose `Display` is the message alone.
#[derive(Debug)]
struct Report<'a>(&'a Diagnostic);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.0.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.advice().map(|advice| Box::new(advice) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.0.shown.as_ref().map(|shown| shown as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let shown = self.0.shown.as_ref()?;
        let span = |place: Place| SourceSpan::from(pointed(&shown.source.text, place.start..place.end));
        let main =
            LabeledSpan::new_primary_with_span(shown.also.as_ref().map(|_| "here".to_owned()), span(shown.place));
        let also =
            shown.also.iter().map(move |(place, why)| LabeledSpan::new_with_span(Some(why.clone()), span(*place)));
        Some(Box::new(std::iter::once(main).chain(also)))
    }
}

impl miette::SourceCode for Shown {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        excerpt::read(&self.source.name, &self.source.text, span, before, after)
    }
}

/// A description with which nothing can be done: all that is wrong with it, in the order of the files.
#[derive(Debug, thiserror::Error)]
pub struct Invalid {
    /// The errors, and the warnings among them.
    pub diagnostics: Vec<Diagnostic>,
}

impl Invalid {
    /// All of it as text, and at the end how much it is.
    #[must_use]
    pub fn render(&self, width: usize, colours: bool) -> String {
        let mut text: String = self.diagnostics.iter().map(|diagnostic| diagnostic.render(width, colours)).collect();
        text.push_str(&count(&self.diagnostics));
        text
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(WIDTH, false))
    }
}

/// "2 errors, 1 warning".
#[must_use]
pub fn count(diagnostics: &[Diagnostic]) -> String {
    let number = |severity: Severity, word: &str| match diagnostics.iter().filter(|d| d.severity == severity).count() {
        0 => None,
        1 => Some(format!("1 {word}")),
        number => Some(format!("{number} {word}s")),
    };
    [number(Severity::Error, "error"), number(Severity::Warning, "warning")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}
