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
/// (of subscriptions), also inside of DO blocks and functions; and where such a statement is put together from strings, in all
/// of those that may go into it.
fn secrets(sql: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let text = sql.to_ascii_lowercase();
    if text.contains("password") || text.contains("connection") {
        collect(sql, 0, &mut found);
    }
    found
}

fn collect(sql: &str, offset: usize, found: &mut Vec<Range<usize>>) {
    let is_body = offset > 0;
    let tokens = tokens(sql);
    let composes = tokens.iter().any(|token| asks_for_password(sql, token));
    for statement in pieces(sql, &tokens) {
        // What becomes a part of the statement that asks for one, and in a body what is remembered for it.
        let here = statement.iter().any(|token| asks_for_password(sql, token));
        let remembers = is_body && composes && statement.iter().any(|token| is_secretive(token.text(sql)));
        // A literal goes on after a line break.
        let mut goes_on = false;
        for (index, literal) in statement.iter().enumerate().filter(|(_, token)| token.kind == Kind::Literal) {
            let before = |number: usize| index.checked_sub(number).and_then(|at| statement.get(at));
            let after_literal = before(1).is_some_and(|it| it.kind == Kind::Literal);
            goes_on = (goes_on && after_literal) || before(1).is_some_and(|it| announces(it.text(sql)));
            let text = literal.text(sql);
            let within = inside(text, literal.closed);
            let within = literal.span.start + within.start..literal.span.start + within.end;
            let dollar = text.starts_with('$');
            let part = (here || remembers) && !asks_for_password(sql, literal);
            if goes_on || (!dollar && holds_statement(&sql[within.clone()])) || part {
                found.push(offset + within.start..offset + within.end);
            } else if dollar {
                collect(&sql[within.clone()], offset + within.start, found);
            }
        }
    }
}

/// The statements, those of a body as well: what is between semicolons, and between the words that begin blocks.
fn pieces<'t>(sql: &str, tokens: &'t [Token]) -> impl Iterator<Item = &'t [Token]> {
    let mut depth = 0_usize;
    tokens.split(move |token| {
        match token.text(sql) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let begins = || ["begin", "declare", "then", "else", "loop"].iter().any(|word| token.is(sql, word));
        token.kind == Kind::Semicolon || (depth == 0 && begins())
    })
}

fn announces(word: &str) -> bool {
    let word = word.trim_matches('"');
    word.eq_ignore_ascii_case("password") || word.eq_ignore_ascii_case("connection")
}

/// Whether a variable of this name is likely to hold a password.
fn is_secretive(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let parts = word.split('_').any(|part| ["pw", "pwd", "pass", "passwd", "secret"].contains(&part));
    parts || (word.contains("password") && !word.contains('\''))
}

/// Whether a string is a part of a statement that a password is to be put into: `'ALTER ROLE %I PASSWORD %L'`,
/// `'ALTER ROLE a PASSWORD ' || …`.
fn asks_for_password(sql: &str, literal: &Token) -> bool {
    if literal.kind != Kind::Literal {
        return false;
    }
    let quoted = literal.text(sql);
    let text = quoted[inside(quoted, literal.closed)].to_ascii_lowercase();
    let asks = |(at, word): (usize, &str)| {
        let (before, after) = (&text[..at], text[at + word.len()..].trim_start());
        before.ends_with(char::is_whitespace) && (after.starts_with('%') || after.is_empty())
    };
    // A dollar quote with statements in it is a body, which is looked into.
    let is_body = quoted.starts_with('$') && text.contains(';');
    !is_body && text.match_indices("password").any(asks)
}

/// Whether a string is a statement, or a part of one, with a password in it: `EXECUTE 'ALTER ROLE a PASSWORD ''x'''`.
fn holds_statement(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let follows = |after: &str| after.starts_with(['\'', '=']) || (after.starts_with('%') && text.contains("''"));
    text.match_indices("password").any(|(at, word)| follows(text[at + word.len()..].trim_start()))
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
            (
                "DO $$ BEGIN EXECUTE format('CREATE ROLE app PASSWORD %L', 'hunter2'); END $$",
                "DO $$ BEGIN EXECUTE format('CREATE ROLE app PASSWORD %L', '*******'); END $$",
            ),
            (
                "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ' || quote_literal('x') || ' LOGIN'; PERFORM 'y'; END $$",
                "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ' || quote_literal('*') || '******'; PERFORM 'y'; END $$",
            ),
            (
                "DO $$ DECLARE db_pw text := 'hunter2'; n text := 'app'; BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = \
                 'app') THEN EXECUTE format('CREATE ROLE %I PASSWORD %L', n, db_pw); END IF; END $$",
                "DO $$ DECLARE db_pw text := '*******'; n text := 'app'; BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = \
                 'app') THEN EXECUTE format('CREATE ROLE %I PASSWORD %L', n, db_pw); END IF; END $$",
            ),
            (
                "DO 'BEGIN EXECUTE format(''ALTER ROLE a PASSWORD %L'', ''x''); END'",
                "DO '**************************************************************'",
            ),
            (
                "DO $a$ BEGIN EXECUTE format('ALTER ROLE a PASSWORD %L', $$x$$); END $a$",
                "DO $a$ BEGIN EXECUTE format('ALTER ROLE a PASSWORD %L', $$*$$); END $a$",
            ),
            (
                "DO $a$ BEGIN EXECUTE format($f$ALTER ROLE a PASSWORD %L$f$, 'x'); END $a$",
                "DO $a$ BEGIN EXECUTE format($f$ALTER ROLE a PASSWORD %L$f$, '*'); END $a$",
            ),
            (
                "DO $$ BEGIN IF EXISTS (SELECT FROM c WHERE t = 'users' AND n = 'password') THEN NULL; END IF; END $$",
                "DO $$ BEGIN IF EXISTS (SELECT FROM c WHERE t = 'users' AND n = 'password') THEN NULL; END IF; END $$",
            ),
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
