//! A text of SQL as the statements that the server takes one by one.

mod lexer;

use std::ops::Range;

pub use lexer::{Kind, Token, is_blank, line_comments, tokens, unclosed_string};

/// One statement: its tokens, without the semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// From the first token to the last; never empty.
    pub tokens: Vec<Token>,
}

impl Statement {
    /// The bytes from the first token to the end of the last one.
    pub fn span(&self) -> Range<usize> {
        let start = self.tokens.first().map_or(0, |token| token.span.start);
        start..self.tokens.last().map_or(start, |token| token.span.end)
    }

    /// Whether the statement begins with these keywords.
    pub fn starts_with(&self, sql: &str, keywords: &[&str]) -> bool {
        self.tokens.len() >= keywords.len()
            && keywords.iter().zip(&self.tokens).all(|(keyword, token)| token.is(sql, keyword))
    }

    /// Whether one of its words, outside of literals and quoted names, is this keyword.
    pub fn mentions(&self, sql: &str, keyword: &str) -> bool {
        self.tokens.iter().any(|token| token.is(sql, keyword))
    }
}

/// The name that the tokens begin with, as written: `name` or `schema.name`. None where it is not plain, as U&"…" is not.
pub fn name(sql: &str, tokens: &[Token]) -> Option<String> {
    let mut name = String::new();
    for (index, token) in tokens.iter().enumerate() {
        let is_name = matches!(token.kind, Kind::Word | Kind::Quoted);
        match token.text(sql) {
            "." if index % 2 == 1 => name.push('.'),
            text if index % 2 == 0 && is_name && !text.contains('&') => name.push_str(text),
            _ => break,
        }
    }
    (!name.is_empty() && !name.ends_with('.')).then_some(name)
}

/// The tokens after `IF NOT EXISTS`, if they begin with it.
pub fn after_if_not_exists<'a>(sql: &str, tokens: &'a [Token]) -> &'a [Token] {
    let guarded =
        tokens.len() >= 3 && ["if", "not", "exists"].iter().zip(tokens).all(|(word, token)| token.is(sql, word));
    if guarded { &tokens[3..] } else { tokens }
}

/// Splits the text where the server does: at semicolons outside of parentheses and outside of the `BEGIN ATOMIC … END`
/// body of a function. One statement is read at a time: a file may be a dump of millions.
///
/// psql is less exact: it takes every BEGIN in a CREATE FUNCTION for a body's, though a name can be one.
pub fn statements(sql: &str) -> impl Iterator<Item = Statement> + '_ {
    let mut tokens = lexer::stream(sql);
    std::iter::from_fn(move || {
        let mut current: Vec<Token> = Vec::new();
        let (mut parentheses, mut body) = (0_usize, false);
        for token in &mut tokens {
            match token.text(sql) {
                "(" => parentheses += 1,
                ")" => parentheses = parentheses.saturating_sub(1),
                _ if parentheses == 0 && token.kind == Kind::Word => {
                    let last = current.last();
                    let after = |keyword| last.is_some_and(|last| last.is(sql, keyword));
                    if token.is(sql, "atomic") && after("begin") && makes_function(sql, &current) {
                        body = true;
                    } else if token.is(sql, "end") {
                        // CASE ends in END as well, but never after a semicolon.
                        body &= !(after("atomic") || last.is_some_and(|last| last.kind == Kind::Semicolon));
                    }
                }
                _ => {}
            }
            if token.kind != Kind::Semicolon || parentheses > 0 || body {
                current.push(token);
            } else if !current.is_empty() {
                break;
            }
        }
        (!current.is_empty()).then_some(Statement { tokens: current })
    })
}

/// Whether a statement that begins so is CREATE [OR REPLACE] FUNCTION or PROCEDURE.
fn makes_function(sql: &str, tokens: &[Token]) -> bool {
    let mut words = tokens.iter().take(4).map(|token| token.text(sql).to_ascii_lowercase());
    if words.next().as_deref() != Some("create") {
        return false;
    }
    words.any(|word| word == "function" || word == "procedure")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(sql: &str) -> Vec<&str> {
        statements(sql).map(|statement| &sql[statement.span()]).collect()
    }

    #[test]
    fn statements_end_where_psql_ends_them() {
        let table: &[(&str, &[&str])] = &[
            ("a; b;;\n-- c\n", &["a", "b"]),
            ("DO $$ begin; end; $$; x", &["DO $$ begin; end; $$", "x"]),
            ("CREATE RULE r AS ON INSERT TO t DO (a; b); c", &["CREATE RULE r AS ON INSERT TO t DO (a; b)", "c"]),
            (
                "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END; x",
                &["CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END", "x"],
            ),
            ("begin; x; end;", &["begin", "x", "end"]),
            // Names, not bodies.
            ("create function f(begin int) as $$x$$; commit", &["create function f(begin int) as $$x$$", "commit"]),
            ("create function begin() as $$x$$; commit", &["create function begin() as $$x$$", "commit"]),
            ("create function f() begin atomic end; commit", &["create function f() begin atomic end", "commit"]),
            (
                "create function f() begin atomic select 1 as case; select 2 as end; end; commit",
                &["create function f() begin atomic select 1 as case; select 2 as end; end", "commit"],
            ),
            // A string that goes on is of its first part's kind.
            ("select E'a'\n'b\\''; commit; --'", &["select E'a'\n'b\\''", "commit"]),
            ("select E'a' -- c\n -- d\n 'b\\''; commit", &["select E'a' -- c\n -- d\n 'b\\''", "commit"]),
            ("select E'a' 'b\\'; commit", &["select E'a' 'b\\'", "commit"]),
            ("select 'a'\n'b\\'; commit", &["select 'a'\n'b\\'", "commit"]),
            ("select 1$$;$$; commit", &["select 1$$;$$", "commit"]),
            ("", &[]),
            ("-- only a comment", &[]),
        ];
        for (sql, expected) in table {
            assert_eq!(&split(sql), expected, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(sql in any::<String>()) {
            for statement in statements(&sql) {
                prop_assert!(!sql[statement.span()].is_empty());
            }
        }
    }
}
