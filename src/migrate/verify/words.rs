//! A statement read from its beginning, word by word.

use crate::migrate::quote::folded;
use crate::migrate::sql::{Kind, Token};

/// A schema, where it is said, and a name in it.
pub(super) type Name = (Option<String>, String);

/// The rest of a statement.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) sql: &'a str,
    pub(super) tokens: &'a [Token],
}

impl<'a> Words<'a> {
    pub(super) fn starts(&self, keywords: &[&str]) -> bool {
        self.tokens.first().is_some_and(|token| keywords.iter().any(|keyword| token.is(self.sql, keyword)))
    }

    pub(super) fn eat(&mut self, keyword: &str) -> bool {
        self.eat_all(&[keyword])
    }

    pub(super) fn eat_all(&mut self, keywords: &[&str]) -> bool {
        let there = self.tokens.len() >= keywords.len()
            && keywords.iter().zip(self.tokens).all(|(keyword, token)| token.is(self.sql, keyword));
        if there {
            self.tokens = &self.tokens[keywords.len()..];
        }
        there
    }

    pub(super) fn eat_other(&mut self, text: &str) -> bool {
        let there = self.tokens.first().is_some_and(|token| token.text(self.sql) == text);
        if there {
            self.tokens = &self.tokens[1..];
        }
        there
    }

    /// What follows these keywords, wherever they are.
    pub(super) fn after(&self, keywords: &[&str]) -> Option<Self> {
        (0..self.tokens.len()).find_map(|start| {
            let mut rest = Words { tokens: &self.tokens[start..], ..*self };
            rest.eat_all(keywords).then_some(rest)
        })
    }

    pub(super) fn word(&mut self) -> Option<String> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        (first.kind == Kind::Word).then(|| first.text(self.sql).to_ascii_lowercase())
    }

    /// `name`, `schema.name`, or `database.schema.name`, where the database can only be this one.
    pub(super) fn name(&mut self) -> Option<Name> {
        let (mut schema, mut name) = (None, self.identifier()?);
        while self.eat_other(".") {
            schema = Some(name);
            name = self.identifier()?;
        }
        Some((schema, name))
    }

    pub(super) fn identifier(&mut self) -> Option<String> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        let text = first.text(self.sql);
        match first.kind {
            // U&"…" would have to be decoded.
            Kind::Word => Some(folded(text)),
            Kind::Quoted if text.starts_with('"') && first.closed => Some(folded(text)),
            _ => None,
        }
    }

    /// `('one', 'two')`; none where one of them would have to be decoded.
    pub(super) fn texts(mut self) -> Option<Vec<String>> {
        if !self.eat_other("(") {
            return None;
        }
        let text = |item: Words<'_>| match item.tokens {
            [one] => {
                let text = one.text(item.sql);
                let plain = text.strip_prefix(['E', 'e']).filter(|text| !text.contains('\\')).unwrap_or(text);
                Some(plain.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
            }
            _ => None,
        };
        self.items().into_iter().map(text).collect()
    }

    /// What is between commas, up to the parenthesis that closes the one before.
    pub(super) fn items(self) -> Vec<Words<'a>> {
        let (mut depth, mut start, mut items) = (0_usize, 0, Vec::new());
        for (index, token) in self.tokens.iter().enumerate() {
            match token.text(self.sql) {
                "(" | "[" => depth += 1,
                ")" | "]" if depth == 0 => {
                    items.push(&self.tokens[start..index]);
                    return items.into_iter().map(|tokens| Words { tokens, ..self }).collect();
                }
                ")" | "]" => depth -= 1,
                "," if depth == 0 => {
                    items.push(&self.tokens[start..index]);
                    start = index + 1;
                }
                _ => {}
            }
        }
        items.push(&self.tokens[start..]);
        items.into_iter().map(|tokens| Words { tokens, ..self }).collect()
    }
}
