//! A statement, by the words that tell what it makes and what it touches. Pure.

use crate::migrate::quote::folded;
use crate::migrate::sql::{Kind, Statement, Token, tokens};

/// Languages in which a function can do whatever the server's own user can.
const UNTRUSTED: &[&str] = &["c", "internal", "plperlu", "pltclu", "plpythonu", "plpython2u", "plpython3u", "plsh"];

/// A statement, as far as it matters here.
pub(super) struct Read {
    /// Every word but the name of what it makes, as PostgreSQL folds names; those in literals as well.
    pub(super) words: Vec<String>,
    /// What CREATE or ALTER is about; empty for other statements.
    pub(super) what: String,
    /// The name of that.
    pub(super) made: Option<String>,
    /// The table after ON, or of a rule after TO.
    pub(super) on: Option<String>,
    /// Whether AS stands outside of parentheses: a table gets rows as it is made then.
    pub(super) is_filled: bool,
}

impl Read {
    pub(super) fn of(sql: &str, statement: &Statement) -> Self {
        let words = statement.tokens.iter().flat_map(|token| words_of(sql, token, 0)).collect();
        let mut read = Read { words, what: String::new(), made: None, on: None, is_filled: false };
        if !statement.starts_with(sql, &["create"]) && !statement.starts_with(sql, &["alter"]) {
            return read;
        }
        let is = |token: &Token, words: &[&str]| words.iter().any(|word| token.is(sql, word));
        let mut rest = &statement.tokens[1..];
        let mut skip = |words: &[&str]| {
            let length = rest.iter().take_while(|token| is(token, words)).count();
            rest = &rest[length..];
            length > 0
        };
        skip(&[
            "or",
            "replace",
            "global",
            "local",
            "temp",
            "temporary",
            "unlogged",
            "unique",
            "constraint",
            "recursive",
        ]);
        skip(&["trusted", "procedural"]);
        let prefix = ["foreign", "materialized", "event"].into_iter().find(|word| skip(&[word]));
        let Some((what, after)) = rest.split_first() else { return read };
        read.what = prefix.map_or(String::new(), |prefix| format!("{prefix} ")) + &what.text(sql).to_ascii_lowercase();
        let after_guard =
            after.iter().take_while(|it| is(it, &["concurrently", "if", "not", "exists", "only"])).count();
        let made = name(sql, &after[after_guard..]);
        let others = statement.tokens.iter().filter(|token| Some(*token) != made);
        read.words = others.flat_map(|token| words_of(sql, token, 0)).collect();
        let folded = |token: &Token| folded(token.text(sql));
        read.made = made.map(folded);
        let after_on = after.iter().position(|token| token.is(sql, "on")).map(|on| &after[on + 1..]);
        let table = after_on.map(|rest| match rest.iter().position(|token| token.is(sql, "to")) {
            Some(to) if read.what == "rule" => &rest[to + 1..],
            _ => &rest[rest.iter().take_while(|token| token.is(sql, "only")).count()..],
        });
        read.on = table.and_then(|rest| name(sql, rest)).map(folded);
        let mut depth = 0_i32;
        for token in after {
            match token.text(sql) {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => read.is_filled |= depth == 0 && token.is(sql, "as"),
            }
        }
        read
    }

    /// Whether it writes rows, also in the body of a block: ON UPDATE and FOR INSERT are only about that.
    pub(super) fn writes(&self) -> bool {
        let verb = |word: &str| ["insert", "update", "delete", "merge", "truncate", "copy"].contains(&word);
        let about = |before: &str| ["on", "for", "or", "before", "after"].contains(&before);
        (0..self.words.len()).any(|at| verb(&self.words[at]) && !(at > 0 && about(&self.words[at - 1])))
    }

    /// Whether one of its literals holds a statement that changes the server.
    pub(super) fn changes_the_server(&self) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        (1..words.len()).any(|start| is_global(&words[start..]))
    }

    pub(super) fn is_untrusted(&self) -> bool {
        self.words.windows(2).any(|pair| pair[0] == "language" && UNTRUSTED.contains(&pair[1].as_str()))
    }
}

/// The words outside of literals and quoted names.
pub(super) fn keywords(sql: &str, statement: &Statement) -> Vec<String> {
    let words = statement.tokens.iter().filter(|token| token.kind == Kind::Word);
    words.map(|token| token.text(sql).to_ascii_lowercase()).collect()
}

/// The words of a token: of a literal, those in it; of a body in dollar quotes, without its comments.
fn words_of(sql: &str, token: &Token, depth: usize) -> Vec<String> {
    const DEEPEST: usize = 4;
    let text = token.text(sql);
    match token.kind {
        Kind::Word | Kind::Quoted => vec![folded(text)],
        Kind::Literal if text.starts_with('$') && depth < DEEPEST => {
            let tag = text[1..].find('$').map_or(1, |end| end + 2);
            let body = text.get(tag..text.len().saturating_sub(tag)).unwrap_or_default();
            tokens(body).iter().flat_map(|token| words_of(body, token, depth + 1)).collect()
        }
        Kind::Literal => {
            let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            parts.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
        }
        Kind::Semicolon | Kind::Other => Vec::new(),
    }
}

/// The last part of the name that the tokens begin with.
fn name<'a>(sql: &str, tokens: &'a [Token]) -> Option<&'a Token> {
    let mut parts = tokens.chunks(2).map_while(|pair| match pair {
        [part, dot] if dot.text(sql) == "." => Some((part, true)),
        [part, ..] => Some((part, false)),
        [] => None,
    });
    let last = parts.find(|(_, goes_on)| !goes_on)?.0;
    matches!(last.kind, Kind::Word | Kind::Quoted).then_some(last)
}

/// Whether a statement of these words changes the server, and not just the database it runs in.
pub(super) fn is_global(words: &[&str]) -> bool {
    match words {
        ["create" | "alter" | "drop", "user", "mapping", ..] => false,
        ["create" | "alter" | "drop", "role" | "user" | "group" | "database" | "tablespace" | "subscription", ..]
        | ["alter", "system", ..]
        | ["comment", "on", "role" | "database" | "tablespace" | "subscription", ..]
        | ["reassign" | "drop", "owned", ..] => true,
        ["security", "label", rest @ ..] => {
            rest.iter().take(4).any(|word| ["role", "database", "tablespace", "subscription"].contains(word))
        }
        _ => false,
    }
}

/// GRANT and REVOKE of what is the server's. Without ON it is about membership in a role.
pub(super) fn is_grant_of_the_server(words: &[&str]) -> bool {
    let on = words.iter().position(|word| *word == "on");
    matches!(words, ["grant" | "revoke", ..])
        && on.is_none_or(|on| matches!(words.get(on + 1), Some(&("database" | "tablespace" | "parameter"))))
}
