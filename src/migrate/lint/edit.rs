//! Changes of a file: what `--fix` puts in, and nothing else.

use std::ops::Range;

/// Text in place of some bytes of a file; nearly always an insertion, which takes none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    /// The bytes that go.
    pub(super) range: Range<usize>,
    /// What comes.
    pub(super) text: String,
}

impl Edit {
    pub(super) fn insert(at: usize, text: impl Into<String>) -> Self {
        Edit { range: at..at, text: text.into() }
    }
}

/// The text with the edits made, which do not overlap.
pub(super) fn apply(text: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let (mut made, mut at) = (String::with_capacity(text.len() + 64 * edits.len()), 0);
    for edit in edits {
        made.push_str(&text[at..edit.range.start]);
        made.push_str(&edit.text);
        at = edit.range.end;
    }
    made.push_str(&text[at..]);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_byte_stays() {
        let edits = [Edit::insert(5, "!"), Edit { range: 0..1, text: String::new() }, Edit::insert(1, "<")];
        assert_eq!(apply("\0abcd", &edits), "<abcd!");
    }
}
