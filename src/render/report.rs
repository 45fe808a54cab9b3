//! Errors as they are shown: as miette does by itself, but options such as --accept-edited stay whole, and commands in the help are
//! told as they have to be typed.

use std::{error::Error, fmt};

use miette::{Diagnostic, LabeledSpan, MietteHandler, MietteHandlerOpts, ReportHandler, Severity, SourceCode};
use textwrap::WordSplitter;

use super::command::whole;

/// For miette's hook.
pub fn reporter(_: &(dyn Diagnostic + 'static)) -> Box<dyn ReportHandler> {
    Box::new(Reporter(MietteHandlerOpts::new().word_splitter(WordSplitter::NoHyphenation).build()))
}

struct Reporter(MietteHandler);

impl ReportHandler for Reporter {
    fn debug(&self, error: &dyn Diagnostic, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug(&Typed(error), formatter)
    }
}

/// What to do about an error, its commands as they have to be typed; for programs as well.
pub fn help(error: &dyn Diagnostic) -> Option<String> {
    error.help().map(|help| whole(&help.to_string()).into_owned())
}

/// The same error with that help.
#[derive(Debug)]
struct Typed<'a>(&'a dyn Diagnostic);

impl fmt::Display for Typed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, formatter)
    }
}

impl Error for Typed<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Diagnostic for Typed<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.0.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        help(self.0).map(|text| Box::new(text) as Box<dyn fmt::Display>)
    }

    fn url<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.url()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.0.related()
    }

    fn diagnostic_source(&self) -> Option<&dyn Diagnostic> {
        self.0.diagnostic_source()
    }
}
