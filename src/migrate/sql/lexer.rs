//! PostgreSQL's lexical rules, as far as finding statements needs them: strings, dollar quotes, comments, words.
//!
//! Nothing here knows the grammar; it only never mistakes text inside a literal or a comment for SQL.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A keyword or an unquoted name.
    Word,
    /// `"a name"`, also `U&"…"`.
    Quoted,
    /// A string in any of PostgreSQL's notations, dollar quotes included.
    Literal,
    /// `;`
    Semicolon,
    /// Any other character: operators, parentheses, digits.
    Other,
}

/// A token and the bytes it takes in the text. White space and comments give none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Bytes in the text.
    pub span: Range<usize>,
    /// False for a literal, quoted name or dollar quote that the text ends in.
    pub closed: bool,
}

impl Token {
    /// The token's text.
    pub fn text<'a>(&self, sql: &'a str) -> &'a str {
        &sql[self.span.clone()]
    }

    /// Whether it is this keyword, in any case.
    pub fn is(&self, sql: &str, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text(sql).eq_ignore_ascii_case(keyword)
    }
}

/// All tokens of the text, in order.
pub fn tokens(sql: &str) -> Vec<Token> {
    stream(sql).collect()
}

/// The same, one after the other.
pub(super) fn stream(sql: &str) -> impl Iterator<Item = Token> + '_ {
    let mut lexer = Lexer::new(sql);
    std::iter::from_fn(move || lexer.next())
}

/// Whether there is no statement in the text: nothing but white space, comments and semicolons.
pub fn is_blank(sql: &str) -> bool {
    stream(sql).all(|token| token.kind == Kind::Semicolon)
}

/// Every comment that goes to the end of its line, from its dashes on.
pub fn line_comments(sql: &str) -> Vec<Range<usize>> {
    let mut lexer = Lexer::new(sql);
    while lexer.next().is_some() {}
    lexer.line_comments
}

/// The string that the text ends in before it is closed.
pub fn unclosed_string(sql: &str) -> Option<Range<usize>> {
    tokens(sql).pop().filter(|token| token.kind == Kind::Literal && !token.closed).map(|token| token.span)
}

struct Lexer<'a> {
    sql: &'a str,
    at: usize,
    line_comments: Vec<Range<usize>>,
}

impl<'a> Lexer<'a> {
    fn new(sql: &'a str) -> Self {
        Lexer { sql, at: 0, line_comments: Vec::new() }
    }

    fn rest(&self) -> &'a str {
        &self.sql[self.at..]
    }

    fn next(&mut self) -> Option<Token> {
        self.skip_blank();
        let start = self.at;
        let first = self.rest().chars().next()?;
        let (kind, closed) = match first {
            ';' => (Kind::Semicolon, self.take(1)),
            '\'' => (Kind::Literal, self.quoted('\'', 1, false)),
            '"' => (Kind::Quoted, self.quoted('"', 1, false)),
            'e' | 'E' if self.rest()[1..].starts_with('\'') => (Kind::Literal, self.escaped()),
            'b' | 'B' | 'x' | 'X' | 'n' | 'N' if self.rest()[1..].starts_with('\'') => {
                (Kind::Literal, self.quoted('\'', 2, false))
            }
            'u' | 'U' if self.rest()[1..].starts_with("&'") => (Kind::Literal, self.quoted('\'', 3, false)),
            'u' | 'U' if self.rest()[1..].starts_with("&\"") => (Kind::Quoted, self.quoted('"', 3, false)),
            '$' => match dollar_tag(self.rest()) {
                Some(length) => (Kind::Literal, self.dollar_quoted(length)),
                None => (Kind::Other, self.take(1)),
            },
            first if is_word_start(first) => {
                let length = self.rest().find(|c| !is_word_part(c)).unwrap_or(self.rest().len());
                (Kind::Word, self.take(length))
            }
            // A number swallows what follows it, so that `1e5` is not a word.
            first if first.is_ascii_digit() => {
                let ends = |c: char| !(is_word_start(c) || c.is_ascii_digit() || c == '.');
                let length = self.rest().find(ends).unwrap_or(self.rest().len());
                (Kind::Other, self.take(length))
            }
            first => (Kind::Other, self.take(first.len_utf8())),
        };
        Some(Token { kind, span: start..self.at, closed })
    }

    fn take(&mut self, bytes: usize) -> bool {
        self.at += bytes;
        true
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            let rest = &rest[blank..];
            self.at += blank;
            if rest.starts_with("--") {
                let end = self.at + rest.find(['\n', '\r']).unwrap_or(rest.len());
                self.line_comments.push(self.at..end);
                self.at = end;
            } else if rest.starts_with("/*") {
                self.at += block_comment(rest);
            } else {
                return;
            }
        }
    }

    /// Takes an E'…' string. Where another quote follows on a later line the string goes on, backslashes and all.
    fn escaped(&mut self) -> bool {
        let mut closed = self.quoted('\'', 2, true);
        while let Some(blank) = continuation(self.rest()).filter(|_| closed) {
            self.at += blank;
            closed = self.quoted('\'', 1, true);
        }
        closed
    }

    /// Takes a quoted token whose opening takes `opening` bytes; a doubled quote stands for itself.
    fn quoted(&mut self, quote: char, opening: usize, backslashes: bool) -> bool {
        self.at += opening;
        let bytes = self.sql.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if backslashes && byte == b'\\' {
                self.at = (self.at + 2).min(bytes.len());
            } else if byte != quote as u8 {
                self.at += 1;
            } else if bytes.get(self.at + 1) == Some(&byte) {
                self.at += 2;
            } else {
                self.at += 1;
                return true;
            }
        }
        // A backslash before a character of several bytes may have left us inside it.
        while !self.sql.is_char_boundary(self.at) {
            self.at += 1;
        }
        false
    }

    fn dollar_quoted(&mut self, tag: usize) -> bool {
        let (opening, rest) = self.rest().split_at(tag);
        let end = rest.find(opening).map(|end| tag + end + tag);
        self.at = end.map_or(self.sql.len(), |end| self.at + end);
        end.is_some()
    }
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn is_word_part(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit() || c == '$'
}

/// The length of `$$` or `$tag$` at the start of the text.
fn dollar_tag(text: &str) -> Option<usize> {
    let inside = &text[1..];
    let end = inside.find('$')?;
    let tag = &inside[..end];
    let valid = tag.chars().enumerate().all(|(i, c)| is_word_start(c) || (i > 0 && c.is_ascii_digit()));
    valid.then_some(end + 2)
}

/// The length of what stands between the parts of one string: white space and line comments, a new line among them.
fn continuation(text: &str) -> Option<usize> {
    let (mut at, mut line) = (0, false);
    loop {
        let rest = &text[at..];
        match rest.bytes().next()? {
            b'\n' | b'\r' => (at, line) = (at + 1, true),
            b' ' | b'\t' | 0x0c => at += 1,
            b'-' if rest.starts_with("--") => at += rest.find(['\n', '\r'])?,
            b'\'' if line => return Some(at),
            _ => return None,
        }
    }
}

/// The length of the block comment at the start of the text; they nest.
fn block_comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(sql: &str) -> Vec<&str> {
        tokens(sql).iter().map(|token| token.text(sql)).collect::<Vec<_>>()
    }

    #[test]
    fn tokens_of_each_notation() {
        let table: &[(&str, &[&str])] = &[
            ("SELECT 1;", &["SELECT", "1", ";"]),
            ("'it''s'", &["'it''s'"]),
            (r"E'a\'b' c", &[r"E'a\'b'", "c"]),
            (r"'a\' c", &[r"'a\'", "c"]),
            ("\"a\"\"b\" x", &["\"a\"\"b\"", "x"]),
            ("U&'\\0041' U&\"a\"", &["U&'\\0041'", "U&\"a\""]),
            ("$$ a; $b$ $$ z", &["$$ a; $b$ $$", "z"]),
            ("$b$ $$ $b$ z", &["$b$ $$ $b$", "z"]),
            ("$1 a$b$c", &["$", "1", "a$b$c"]),
            ("-- c;\nx", &["x"]),
            ("/* a /* ; */ b */ x", &["x"]),
            ("é_ß", &["é_ß"]),
        ];
        for (sql, expected) in table {
            assert_eq!(&texts(sql), expected, "{sql}");
        }
    }

    #[test]
    fn comments_are_not_looked_for_in_strings() {
        let sql = "a -- b\n'-- c' /* -- d */ -- é\r\n--";
        let found: Vec<&str> = line_comments(sql).into_iter().map(|span| &sql[span]).collect();
        assert_eq!(found, ["-- b", "-- é", "--"]);
    }

    #[test]
    fn comments_and_semicolons_are_no_statement() {
        for (sql, blank) in [("", true), (" -- a\n/* b; */;;", true), ("-- a SELECT 1", true), ("-- a\n; x", false)] {
            assert_eq!(is_blank(sql), blank, "{sql}");
        }
    }

    #[test]
    fn a_literal_that_never_ends_is_marked() {
        for sql in ["'abc", "\"abc", "$$abc", "E'abc\\", "E'\\é"] {
            let tokens = tokens(sql);
            assert!(!tokens[0].closed, "{sql}");
            assert_eq!(tokens[0].span.end, sql.len(), "{sql}");
        }
    }

    proptest! {
        /// Whatever the text, tokens are in order, on character boundaries, and what lies between them is blank.
        #[test]
        fn no_byte_is_lost(sql in r#"([a-zé$;'"\\/*\- \n(eEuU&1]|\$\$|--|/\*|\*/){0,60}"#) {
            let mut end = 0;
            for token in tokens(&sql) {
                prop_assert!(token.span.start >= end && token.span.end > token.span.start);
                let between = &sql[end..token.span.start];
                prop_assert!(between.trim().is_empty() || between.contains("--") || between.contains("/*"));
                end = token.span.end;
            }
            prop_assert!(end <= sql.len());
        }
    }
}
