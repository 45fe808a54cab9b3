//! Where in a file something is: PostgreSQL counts characters, editors lines and columns, spans bytes.

/// A place in a text file, as editors show it: both count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Position {
    /// The position of a byte of the text; past its end, the end.
    pub fn of(text: &str, byte: usize) -> Self {
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &text[..byte];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// The lines of bytes of one text that are asked for one after the other: what lies between two of them is read once.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    byte: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    /// From the beginning of the text.
    pub fn of(text: &'a str) -> Self {
        Lines { text, byte: 0, line: 1 }
    }

    /// The line of a byte that is not before the last one asked for; from 1.
    pub fn at(&mut self, byte: usize) -> usize {
        let between = self.text.as_bytes().get(self.byte..byte).unwrap_or_default();
        self.line += between.iter().filter(|byte| **byte == b'\n').count();
        self.byte = self.byte.max(byte);
        self.line
    }
}

/// The byte at which the `character`-th character (PostgreSQL's error position, from 1) of the text starts.
pub fn byte_of_character(text: &str, character: u32) -> usize {
    let index = usize::try_from(character).unwrap_or(usize::MAX).saturating_sub(1);
    text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_not_bytes() {
        let text = "é = 'ß';\r\nSELECT ü";
        assert_eq!(byte_of_character(text, 1), 0);
        assert_eq!(byte_of_character(text, 2), 2);
        let byte = byte_of_character(text, 18);
        assert_eq!(&text[byte..], "ü");
        assert_eq!(Position::of(text, byte), Position { line: 2, column: 8 });
    }

    #[test]
    fn lines_are_counted_on() {
        let mut lines = Lines::of("a\nß\n\nb");
        assert_eq!([0, 1, 2, 4, 5, 6, 99].map(|byte| lines.at(byte)), [1, 1, 2, 2, 3, 4, 4]);
    }

    #[test]
    fn beyond_the_end_is_the_end() {
        assert_eq!(byte_of_character("ab", 99), 2);
        assert_eq!(Position::of("a\n", 99), Position { line: 2, column: 1 });
        assert_eq!(Position::of("é", 1), Position { line: 1, column: 1 });
    }
}
