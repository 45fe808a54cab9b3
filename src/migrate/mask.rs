//! Passwords in SQL: of a statement that has one, the rest is shown. Pure.

use std::borrow::Cow;
use std::ops::Range;

use super::sql::{Kind, Token, tokens};

/// The text with `*` in place of every password in it; no byte of the rest moves.
pub fn masked(sql: &str) -> Cow<'_, str> {
    let secrets = secrets(sql);
    if secrets.is_empty() {
        return Cow::Borrowed(sql);
    }
    let mut text = sql.to_owned();
    for secret in secrets {
        // Lines stay lines, so that they are counted as in the file.
        let stars = |c: char| if c == '\n' { "\n".to_owned() } else { "*".repeat(c.len_utf8()) };
        let hidden: String = sql[secret.clone()].chars().map(stars).collect();
        text.replace_range(secret, &hidden);
    }
    Cow::Owned(text)
}

/// What a server says of the SQL, without the passwords in it.
pub(super) fn said_of(sql: &str, said: &str) -> String {
    let secrets = secrets(sql).into_iter().map(|secret| &sql[secret]).filter(|secret| !secret.is_empty());
    secrets.fold(said.to_owned(), |said, secret| said.replace(secret, "***"))
}

/// Where passwords are: between the quotes after PASSWORD (of roles, and in the options of foreign servers) and CONNECTION
/// (of subscriptions), also inside of DO blocks and functions.
fn secrets(sql: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let text = sql.to_ascii_lowercase();
    if text.contains("password") || text.contains("connection") {
        collect(sql, 0, &mut found);
    }
    found
}

fn collect(sql: &str, offset: usize, found: &mut Vec<Range<usize>>) {
    let mut before: Option<Token> = None;
    // A literal goes on after a line break.
    let mut goes_on = false;
    for token in tokens(sql) {
        let is_literal = token.kind == Kind::Literal;
        goes_on = is_literal && (goes_on || before.as_ref().is_some_and(|it| announces(it.text(sql))));
        if is_literal {
            let inside = inside(token.text(sql), token.closed);
            let inside = token.span.start + inside.start..token.span.start + inside.end;
            let text = &sql[inside.clone()];
            if goes_on || (!token.text(sql).starts_with('$') && holds_statement(text)) {
                found.push(offset + inside.start..offset + inside.end);
            } else if token.text(sql).starts_with('$') {
                collect(text, offset + inside.start, found);
            }
        }
        before = Some(token);
    }
}

fn announces(word: &str) -> bool {
    let word = word.trim_matches('"');
    word.eq_ignore_ascii_case("password") || word.eq_ignore_ascii_case("connection")
}

/// Whether a string is a statement, or a part of one, with a password in it: `EXECUTE 'ALTER ROLE a PASSWORD ''x'''`.
fn holds_statement(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.match_indices("password").any(|(at, word)| text[at + word.len()..].trim_start().starts_with(['\'', '=']))
}

/// What is between the quotes of a literal.
fn inside(literal: &str, closed: bool) -> Range<usize> {
    let opening = match literal.strip_prefix('$') {
        Some(rest) => rest.find('$').map_or(1, |end| end + 2),
        None => literal.find('\'').map_or(0, |quote| quote + 1),
    };
    let closing = match (closed, literal.starts_with('$')) {
        (false, _) => 0,
        (true, true) => opening,
        (true, false) => 1,
    };
    opening..literal.len().saturating_sub(closing).max(opening)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn passwords_are_hidden_and_nothing_else() {
        let table = [
            ("CREATE ROLE a LOGIN PASSWORD 'secret';", "CREATE ROLE a LOGIN PASSWORD '******';"),
            (
                "alter user a encrypted password E'se\\'t' valid until 'now'",
                "alter user a encrypted password E'*****' valid until 'now'",
            ),
            ("ALTER ROLE a PASSWORD 'é'\n  'x'; SELECT 'y'", "ALTER ROLE a PASSWORD '**'\n  '*'; SELECT 'y'"),
            ("ALTER ROLE a PASSWORD $$secret$$", "ALTER ROLE a PASSWORD $$******$$"),
            ("ALTER ROLE a PASSWORD 'sec", "ALTER ROLE a PASSWORD '***"),
            ("ALTER ROLE a PASSWORD NULL; SELECT 'x'", "ALTER ROLE a PASSWORD NULL; SELECT 'x'"),
            (
                "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password 'p')",
                "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password '*')",
            ),
            (
                "CREATE SUBSCRIPTION s CONNECTION 'host=h password=p' PUBLICATION p",
                "CREATE SUBSCRIPTION s CONNECTION '*****************' PUBLICATION p",
            ),
            ("DO $$ BEGIN CREATE ROLE a PASSWORD 'x\ny'; END $$", "DO $$ BEGIN CREATE ROLE a PASSWORD '*\n*'; END $$"),
            (
                "DO $$ BEGIN EXECUTE 'CREATE ROLE a PASSWORD ''x'''; END $$",
                "DO $$ BEGIN EXECUTE '****************************'; END $$",
            ),
            ("EXECUTE format('ALTER ROLE %I PASSWORD %L', a, b)", "EXECUTE format('ALTER ROLE %I PASSWORD %L', a, b)"),
            ("INSERT INTO users (password) VALUES ('hash')", "INSERT INTO users (password) VALUES ('hash')"),
        ];
        for (sql, expected) in table {
            assert_eq!(masked(sql), expected);
        }
        let sql = "ALTER ROLE a PASSWORD 'it'; s'";
        assert_eq!(said_of(sql, "syntax error at or near \"it\""), "syntax error at or near \"***\"");
    }

    proptest! {
        #[test]
        fn nothing_moves(sql in "(PASSWORD |E?'|\\$\\$|\\$a\\$|[a-zé\\\\;\n]){0,30}") {
            let shown = masked(&sql);
            prop_assert_eq!(shown.len(), sql.len());
            prop_assert_eq!(shown.lines().count(), sql.lines().count());
        }
    }
}
