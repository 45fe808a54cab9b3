//! The statements of a migration, each parsed on its own, so that one that cannot be read hides no other.

use std::ops::Range;

use super::act::Act;
use super::parse;
use crate::migrate::folder::Migration;
use crate::migrate::quote::LONGEST_NAME;
use crate::migrate::sql::{self, Kind, statements};

/// One statement and what it does.
#[derive(Debug)]
pub(super) struct Statement {
    /// From its first token to its last, in bytes of the file.
    pub(super) span: Range<usize>,
    /// Which part between breakpoints it is in.
    pub(super) chunk: usize,
    /// What it does; a DO block does what the statements inside of it do.
    pub(super) acts: Vec<Act>,
    /// Why the parser did not understand it, and where.
    pub(super) trouble: Option<parse::Trouble>,
    /// Its string literals, dollar quotes included.
    pub(super) literals: Vec<Range<usize>>,
    /// Names in it that PostgreSQL cuts off.
    pub(super) long_names: Vec<Range<usize>>,
    /// Whether it may do what nobody can tell from reading it: a DO block, a function that is called, EXECUTE.
    pub(super) opaque: bool,
}

/// Every statement of the migration, in order.
pub(super) fn read(migration: &Migration) -> Vec<Statement> {
    let mut found = Vec::new();
    for (number, chunk) in migration.chunks().enumerate() {
        // PostgreSQL refuses the mark, which is a finding of its own; the parser shall see what comes after it.
        let mark = if chunk.offset == 0 && chunk.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let (text, offset) = (&chunk.text[mark..], chunk.offset + mark);
        for statement in statements(text) {
            found.push(one(text, offset, number, &statement));
        }
    }
    found
}

fn one(text: &str, offset: usize, chunk: usize, statement: &sql::Statement) -> Statement {
    let span = statement.span();
    let starts = |keywords: &[&str]| keywords.iter().any(|keyword| statement.starts_with(text, &[keyword]));
    let literals = statement.tokens.iter().filter(|token| token.kind == Kind::Literal);
    let long = statement.tokens.iter().filter(|token| is_long_name(token.text(text), token.kind));
    let (acts, trouble) = match parse::acts(&text[span.clone()], offset + span.start) {
        Ok(acts) => (acts, None),
        Err(trouble) => (Vec::new(), Some(trouble)),
    };
    Statement {
        span: offset + span.start..offset + span.end,
        chunk,
        acts,
        opaque: trouble.is_some() || starts(&["do", "call", "execute"]),
        trouble,
        literals: literals.map(|token| offset + token.span.start..offset + token.span.end).collect(),
        long_names: long.map(|token| offset + token.span.start..offset + token.span.end).collect(),
    }
}

fn is_long_name(text: &str, kind: Kind) -> bool {
    let length = match kind {
        Kind::Word => text.len(),
        Kind::Quoted => text.trim_matches('"').replace("\"\"", "\"").len(),
        _ => 0,
    };
    length > LONGEST_NAME
}
