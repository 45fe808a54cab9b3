//! Source text as errors show it: whole lines; of a line that no screen can hold, what stands around the place.
//!
//! miette pads the caret's line with one formatting argument, which cannot be wider than 65,535: past that it panics.

use std::borrow::Cow;
use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// From how many bytes on a line is cut.
const LONG: usize = 400;
/// How many characters of such a line are shown before the place, and after it.
const AROUND: usize = 40;

/// What somebody else has written, as it can be shown: a control character, which a terminal would obey and SQL may end a
/// comment at, as its escape. Tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && c != '\t';
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if obeyed(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// A text with the name of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    name: String,
    content: String,
}

impl Text {
    /// Of the file that is called so.
    pub fn new(name: impl Into<String>, content: String) -> Self {
        Text { name: name.into(), content }
    }

    /// The text itself.
    pub fn inner(&self) -> &str {
        &self.content
    }
}

impl SourceCode for Text {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        read(&self.name, &self.content, span, before, after)
    }
}

/// What is shown around a span of a text, in place of the whole lines that miette takes.
///
/// # Errors
/// When the span is not in the text, or reaches over more of a long line than can be shown: [`pointed`] spans do not.
pub fn read<'a>(
    name: &str,
    text: &'a str,
    span: &SourceSpan,
    before: usize,
    after: usize,
) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
    let lines = text.read_span(span, before, after)?;
    let named = |data: &'a [u8], start: usize, line: usize, column: usize, count: usize| {
        let shown = SourceSpan::from(start..start + data.len());
        Box::new(MietteSpanContents::new_named(name.to_owned(), data, shown, line, column, count))
    };
    // Without context it is the place of the span that is asked for, not what is shown. Its column is one of characters.
    if before == 0 && after == 0 {
        let start = lines.span().offset();
        let column = text.get(start - lines.column()..start).map_or(lines.column(), |before| before.chars().count());
        return Ok(named(lines.data(), start, lines.line(), column, lines.line_count()));
    }
    if !is_long(lines.data()) {
        return Ok(named(lines.data(), lines.span().offset(), lines.line(), lines.column(), lines.line_count()));
    }
    let bytes = text.as_bytes();
    let (start, end) = (span.offset(), span.offset() + span.len());
    let first = bytes[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let last = bytes[end..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |newline| end + newline);
    let line = bytes[..start].iter().filter(|byte| **byte == b'\n').count();
    if !is_long(&bytes[first..last]) {
        return Ok(named(&bytes[first..last], first, line, 0, 1));
    }
    let inside = text.get(start..end).ok_or(MietteError::OutOfBounds)?;
    if inside.contains('\n') || inside.chars().count() > AROUND {
        return Err(MietteError::OutOfBounds);
    }
    let from = text[first..start].char_indices().rev().nth(AROUND - 1).map_or(first, |(byte, _)| first + byte);
    let to = text[end..last].char_indices().nth(AROUND).map_or(last, |(byte, _)| end + byte);
    Ok(named(&bytes[from..to], from, line, from - first, 1))
}

/// What of a span can be pointed at: all of it, unless it is in a line that is too long to be shown.
pub fn pointed(text: &str, span: Range<usize>) -> Range<usize> {
    let Some(inside) = text.get(span.clone()) else { return span };
    let first = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let last = text[span.end..].find('\n').map_or(text.len(), |newline| span.end + newline);
    if !is_long(&text.as_bytes()[first..last]) {
        return span;
    }
    let line = inside.lines().next().unwrap_or_default().trim_end();
    let length = line.char_indices().nth(AROUND).map_or(line.len(), |(byte, _)| byte);
    span.start..span.start + length
}

fn is_long(lines: &[u8]) -> bool {
    lines.split(|byte| *byte == b'\n').any(|line| line.len() > LONG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan};

    #[derive(Debug, thiserror::Error)]
    #[error("It is wrong.")]
    struct Wrong {
        text: Text,
        spans: Vec<Range<usize>>,
    }

    impl Diagnostic for Wrong {
        fn source_code(&self) -> Option<&dyn SourceCode> {
            Some(&self.text)
        }

        fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
            let label = |span: &Range<usize>| {
                LabeledSpan::new_with_span(Some("here".to_owned()), pointed(self.text.inner(), span.clone()))
            };
            Some(Box::new(self.spans.iter().map(label)))
        }
    }

    fn shown(text: &str, spans: &[Range<usize>]) -> String {
        let wrong = Wrong { text: Text::new("a.sql", text.to_owned()), spans: spans.to_vec() };
        let mut shown = String::new();
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
        handler.render_report(&mut shown, &wrong).unwrap();
        shown
    }

    #[test]
    fn short_lines_are_shown_as_they_are() {
        let text = "SELECT 1;\nSELECT x;\nSELECT 2;\n";
        insta::assert_snapshot!(shown(text, std::slice::from_ref(&(17..18))));
    }

    #[test]
    fn columns_are_counted_in_characters() {
        for (before, column) in [("SELECT ", 8), ("SELECT 'ö', ", 13), ("SELECT '日本語', ", 15)] {
            let text = format!("SELECT 1;\n{before}x;\n");
            let start = text.find('x').unwrap();
            let shown = shown(&text, std::slice::from_ref(&(start..start + 1)));
            assert!(shown.contains(&format!("a.sql:2:{column}]")), "{column}: {shown}");
        }
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let text = format!("SELECT 1;\nINSERT {} oops {}\nSELECT 2;", "é, ".repeat(30_000), "1, ".repeat(50));
        let start = text.find("oops").unwrap();
        insta::assert_snapshot!(shown(&text, std::slice::from_ref(&(start..start + 4))));
    }

    #[test]
    fn two_places_of_a_long_line_are_shown_apart() {
        let text = format!("{}first {}second", "a ".repeat(40_000), "b ".repeat(40_000));
        let place = |word: &str| text.find(word).map(|start| start..start + word.len()).unwrap();
        let shown = shown(&text, &[place("first"), place("second")]);
        assert_eq!(shown.matches("here").count(), 2, "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() < 120), "{shown}");
    }

    #[test]
    fn a_long_neighbour_is_left_out() {
        let text = format!("{}\nSELECT x;\n", "a ".repeat(40_000));
        let start = text.find('x').unwrap();
        let shown = shown(&text, std::slice::from_ref(&(start..start + 1)));
        assert!(shown.contains("2 │ SELECT x;") && shown.lines().all(|line| line.len() < 120), "{shown}");
    }

    #[test]
    fn whole_statements_are_pointed_at() {
        let long = format!("VALUES ({})\n, (2)", "1, ".repeat(40_000));
        for span in [0..long.len(), 0..0, 100..90_000] {
            let shown = shown(&long, std::slice::from_ref(&span));
            assert!(shown.contains("here") && !shown.contains("Failed"), "{span:?}: {shown}");
            assert!(shown.lines().all(|line| line.chars().count() < 140), "{span:?}: {shown}");
        }
    }
}
