//! DO blocks: what the statements in them do, as far as it can be read. They are taken for guarded: that is what such
//! blocks in migrations are for.

use squawk_parser::SyntaxKind as K;

use super::super::act::{Act, Repeat, What};
use super::tree::SyntaxNode;
use super::{Reader, child};
use crate::migrate::sql::{self, Kind, Token};

impl Reader<'_> {
    pub(super) fn block(self, node: &SyntaxNode) -> Vec<Act> {
        let literal = child(node, &[K::LITERAL]).map(|node| self.span(&node));
        let mut acts = vec![self.act(node, What::Other, Repeat::Same)];
        let Some(literal) = literal else { return acts };
        let quoted = &self.text[literal.start - self.at..literal.end - self.at];
        // In other quotes than dollars the text is not what is executed.
        let Some(tag) = quoted.starts_with('$').then(|| quoted[1..].find('$')).flatten().map(|end| end + 2) else {
            return acts;
        };
        let Some(body) = quoted.get(tag..quoted.len().saturating_sub(tag)) else { return acts };
        for statement in inner(body) {
            let at = literal.start + tag + statement.start;
            // What is no statement of SQL alone (EXECUTE, FOR … LOOP) says nothing.
            let found = super::acts(&body[statement], at).unwrap_or_default();
            acts.extend(found.into_iter().map(|act| Act { repeat: Repeat::Same, ..act }));
        }
        acts
    }
}

/// The statements of SQL in a block: from a CREATE, ALTER, DROP … that begins one, to its semicolon.
fn inner(body: &str) -> Vec<std::ops::Range<usize>> {
    let tokens = sql::tokens(body);
    let begins = |token: &Token| {
        ["create", "alter", "drop", "truncate", "delete", "insert"].iter().any(|word| token.is(body, word))
    };
    let opens = |token: &Token| {
        token.kind == Kind::Semicolon || ["begin", "then", "else", "loop"].iter().any(|word| token.is(body, word))
    };
    let mut found = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let opened = index == 0 || opens(&tokens[index - 1]);
        if opened && begins(&tokens[index]) {
            let end = tokens[index..].iter().position(|token| token.kind == Kind::Semicolon);
            let end = end.map_or(tokens.len(), |length| index + length);
            found.push(tokens[index].span.start..tokens[end - 1].span.end);
            index = end;
        }
        index += 1;
    }
    found
}
