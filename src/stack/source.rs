//! Where a value was written: a file or an argument of `--set`, and the bytes in it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A text that values come from.
#[derive(Debug)]
pub(super) struct Source {
    /// As it is shown: the file's path, or `--set`.
    pub(super) name: String,
    pub(super) text: String,
    /// Where relative paths in it start.
    pub(super) folder: PathBuf,
}

impl Source {
    /// A file's content; paths in it are relative to the file.
    pub(super) fn file(path: &Path, text: String) -> Self {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self { name: path.display().to_string(), text, folder }
    }

    /// An argument of `--set`; paths in it are relative to the current directory.
    pub(super) fn argument(text: &str) -> Self {
        Self { name: "--set".to_owned(), text: text.to_owned(), folder: PathBuf::new() }
    }

    /// Line and column of a byte, both counted from 1, columns in characters.
    pub(super) fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The range without what lies beyond its first line, and without space at its end: what a caret can point at.
    pub(super) fn first_line(&self, range: Range<usize>) -> Range<usize> {
        let text = self.text.get(range.clone()).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default().trim_end();
        range.start..range.start + line.len()
    }
}

/// All sources of one description, in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Catalog(Vec<Arc<Source>>);

impl Catalog {
    /// Takes a source in; places refer to it by the number returned.
    pub(super) fn add(&mut self, source: Source) -> (usize, Arc<Source>) {
        let source = Arc::new(source);
        self.0.push(Arc::clone(&source));
        (self.0.len() - 1, source)
    }

    /// How many there are: the number of the next.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, place: Place) -> Option<&Arc<Source>> {
        self.0.get(place.source)
    }
}

/// Some bytes of a source, all on one line. Ordered as they are to be read: by source, then by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) source: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}
