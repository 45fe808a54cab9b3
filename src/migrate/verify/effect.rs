//! Statements whose effect is not in their first words: DO blocks, and SELECTs that call functions. Pure.
//!
//! The guards that `lint --fix`, `repair` and drizzle-kit write are looked into: what is inside of them is there afterwards.

use std::collections::BTreeSet;

use crate::migrate::quote::{folded, identifier};
use crate::migrate::sql::{Kind, Statement, Token, tokens};

/// What is known of a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect<'a> {
    /// Its own words tell.
    Plain,
    /// It makes sure that what these statements of the text do is done.
    Runs {
        /// The text.
        body: &'a str,
        /// Its statements.
        statements: Vec<Statement>,
        /// Where they run only if the catalog lacks something: what it is asked for. Nothing else is certain.
        asked: Option<Vec<String>>,
    },
    /// What is called so may be gone, or elsewhere; everything else stays.
    Doubts(Vec<String>),
    /// Nobody can tell what it does.
    Unknown,
}

impl<'a> Effect<'a> {
    pub(super) fn of(sql: &'a str, statement: &Statement) -> Self {
        let tokens = &statement.tokens;
        if statement.starts_with(sql, &["select"]) {
            let calm = !calls_unknown(sql, tokens);
            return if calm { Effect::Doubts(Vec::new()) } else { Effect::Unknown };
        }
        if !statement.starts_with(sql, &["do"]) {
            return Effect::Plain;
        }
        let other_language = statement.mentions(sql, "language") && !statement.mentions(sql, "plpgsql");
        let body = tokens.iter().find(|token| token.kind == Kind::Literal).and_then(|token| inside(token.text(sql)));
        match body.filter(|_| !other_language) {
            Some(body) => of_body(body),
            None => Effect::Unknown,
        }
    }
}

/// What is between the quotes; none where it would have to be decoded.
fn inside(literal: &str) -> Option<&str> {
    let tag = match literal.strip_prefix('$') {
        Some(rest) => rest.find('$')? + 2,
        None => 1,
    };
    let text = literal.get(tag..literal.len().checked_sub(tag)?)?;
    (literal.starts_with('$') || literal.starts_with('\'') && !text.contains('\'')).then_some(text)
}

fn of_body(body: &str) -> Effect<'_> {
    let all = tokens(body);
    if let Some((statements, asked)) = guarded(body, &all) {
        return Effect::Runs { body, statements, asked };
    }
    let text = body.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let word = |words: &[&str]| all.iter().any(|token| words.iter().any(|word| token.is(body, word)));
    // Where later names lead may be another place.
    let moves = has(&["search_path", "set_config", "set role", "authorization"]);
    let removes = has(&["drop", "rename", "cascade", "set schema"]);
    let calls = word(&["perform", "call"]) && calls_unknown(body, &all);
    match word(&["execute"]) && removes || moves || calls {
        true => Effect::Unknown,
        false if removes => Effect::Doubts(all.iter().filter_map(|token| name(body, token)).collect()),
        false => Effect::Doubts(Vec::new()),
    }
}

/// The statements of `BEGIN … END`, of `BEGIN IF NOT EXISTS (a look at the catalog) THEN … END IF; … END`, where only what the look
/// asks for is certain, and of `BEGIN … EXCEPTION WHEN duplicate_… THEN … END` whose handlers do nothing.
fn guarded(body: &str, all: &[Token]) -> Option<(Vec<Statement>, Option<Vec<String>>)> {
    let all = without_semicolons(all);
    let (_, rest) = all.split_first().filter(|(first, _)| first.is(body, "begin"))?;
    let (_, rest) = rest.split_last().filter(|(last, _)| last.is(body, "end"))?;
    if starts(body, rest, &["if"]) {
        let (mut rest, mut statements, mut asked) = (rest, Vec::new(), Vec::new());
        while !rest.is_empty() {
            let end = rest.windows(2).position(|pair| pair[0].is(body, "end") && pair[1].is(body, "if"))?;
            let (found, names) = unless_there(body, &rest[..end])?;
            statements.extend(found);
            asked.extend(names);
            let after = rest.get(end + 2..).unwrap_or_default();
            rest = &after[after.iter().take_while(|token| token.kind == Kind::Semicolon).count()..];
        }
        return Some((statements, Some(asked)));
    }
    let Some(exception) = rest.iter().position(|token| token.is(body, "exception")) else {
        return Some((split(body, rest)?, None));
    };
    let harmless = is_quiet(body, &rest[exception + 1..]);
    Some((split(body, &rest[..exception]).filter(|_| harmless)?, None))
}

/// `IF NOT EXISTS (a look at the catalog) THEN …`, or `IF to_regclass('…') IS NULL THEN …`, and the names that are asked for.
fn unless_there(body: &str, rest: &[Token]) -> Option<(Vec<Statement>, Vec<String>)> {
    let then = rest.iter().position(|token| token.is(body, "then"))?;
    let (condition, inside) = (&rest[..then], &rest[then + 1..]);
    let has = |word: &str| condition.iter().any(|token| token.is(body, word));
    let catalog = condition.iter().any(|token| {
        let word = token.text(body).to_ascii_lowercase();
        word.starts_with("pg_") || word == "information_schema"
    });
    let words: Vec<&Token> = condition.iter().filter(|token| token.text(body) != "(").collect();
    let asks =
        ["if", "not", "exists"].iter().zip(&words).filter(|(word, token)| token.is(body, word)).count() == 3 && catalog;
    let resolves = condition.get(1).is_some_and(|token| token.text(body).to_ascii_lowercase().starts_with("to_reg"))
        && condition.iter().rev().zip(["null", "is"]).all(|(token, word)| token.is(body, word));
    let texts = condition.iter().filter(|token| token.kind == Kind::Literal);
    let texts =
        texts.filter_map(|token| Some(token.text(body).strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'")));
    let asked: Vec<String> = match resolves {
        true => texts.map(|text| folded(text.rsplit('.').next().unwrap_or_default())).collect(),
        false => texts.map(|text| folded(&identifier(&text))).collect(),
    };
    // Where one of several will do, none of them is certain.
    let asked = if has("or") || has("in") || has("any") { Vec::new() } else { asked };
    let otherwise = inside.iter().position(|token| token.is(body, "else")).unwrap_or(inside.len());
    let (inside, rest) = inside.split_at(otherwise);
    let others = rest.get(1..).unwrap_or_default().split(|token| token.kind == Kind::Semicolon);
    let alone = !inside.iter().any(|token| token.is(body, "then") || token.is(body, "elsif"))
        && others.filter(|part| !part.is_empty()).all(|part| tells(body, part));
    Some((split(body, without_semicolons(inside)).filter(|_| alone && (asks || resolves))?, asked))
}

/// Whether handlers are for what is there already, and do nothing but tell.
fn is_quiet(body: &str, handlers: &[Token]) -> bool {
    let mut rest = handlers;
    while !rest.is_empty() {
        let Some(then) = rest.iter().position(|token| token.is(body, "then")) else { return false };
        let conditions = &rest[..then];
        let expected = |token: &Token| {
            let word = token.text(body).to_ascii_lowercase();
            let states = ["'42710'", "'42p07'", "'42701'", "'42p06'", "'42723'", "'23505'"];
            word.starts_with("duplicate_")
                || ["when", "or", "unique_violation", "sqlstate"].contains(&&*word)
                || states.contains(&&*word)
        };
        let after = &rest[then + 1..];
        let end = after.iter().position(|token| token.is(body, "when")).unwrap_or(after.len());
        let parts = after[..end].split(|token| token.kind == Kind::Semicolon).filter(|part| !part.is_empty());
        if !starts(body, conditions, &["when"])
            || !conditions.iter().all(expected)
            || !parts.into_iter().all(|part| tells(body, part))
        {
            return false;
        }
        rest = &after[end..];
    }
    !handlers.is_empty()
}

/// Statements of SQL; none if one of them is PL/pgSQL's own, but for what only tells something.
fn split(body: &str, tokens: &[Token]) -> Option<Vec<Statement>> {
    let parts =
        tokens.split(|token| token.kind == Kind::Semicolon).filter(|part| !part.is_empty() && !tells(body, part));
    let sql = ["create", "alter", "drop", "comment", "insert", "update", "delete", "grant", "revoke"];
    parts
        .map(|part| {
            let known = sql.iter().any(|word| part[0].is(body, word));
            known.then(|| Statement { tokens: part.to_vec() })
        })
        .collect()
}

/// Whether a statement of PL/pgSQL does nothing but tell: NULL, and RAISE NOTICE and its like.
fn tells(body: &str, part: &[Token]) -> bool {
    let telling = ["notice", "info", "log", "debug", "warning"];
    let raises =
        starts(body, part, &["raise"]) && part.get(1).is_some_and(|token| telling.iter().any(|it| token.is(body, it)));
    raises || starts(body, part, &["null"]) && part.len() == 1
}

fn without_semicolons(tokens: &[Token]) -> &[Token] {
    let end = tokens.iter().rposition(|token| token.kind != Kind::Semicolon).map_or(0, |last| last + 1);
    &tokens[..end]
}

fn starts(sql: &str, tokens: &[Token], words: &[&str]) -> bool {
    tokens.len() >= words.len() && words.iter().zip(tokens).all(|(word, token)| token.is(sql, word))
}

/// What stands before a parenthesis and removes nothing: keywords, and functions that read or count.
const CALM: [&str; 26] = [
    "select", "from", "where", "having", "in", "exists", "any", "all", "and", "or", "not", "as", "on", "values",
    "over", "filter", "setval", "nextval", "max", "min", "count", "coalesce", "greatest", "least", "now", "perform",
];

/// Whether a function is called that may do anything.
fn calls_unknown(sql: &str, tokens: &[Token]) -> bool {
    let called = tokens.windows(2).filter(|pair| pair[1].text(sql) == "(");
    let mut names = called.map(|pair| &pair[0]).filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted));
    names.any(|token| !CALM.iter().any(|calm| token.is(sql, calm)))
}

fn name(sql: &str, token: &Token) -> Option<String> {
    let text = token.text(sql);
    match token.kind {
        Kind::Word | Kind::Quoted => Some(folded(text)),
        _ => None,
    }
}

/// The words and names of a statement, those of the texts in it included: a DO block, and what EXECUTE is given there.
pub(super) fn identifiers(sql: &str, all: &[Token]) -> BTreeSet<String> {
    within(sql, all, 2)
}

fn within(sql: &str, all: &[Token], depth: usize) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = all.iter().filter_map(|token| name(sql, token)).collect();
    let texts = all.iter().filter(|token| depth > 0 && token.kind == Kind::Literal);
    for body in texts.filter_map(|token| inside(token.text(sql))) {
        found.extend(within(body, &tokens(body), depth - 1));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::sql::statements;

    /// The statements that run; or the names in doubt, after a `?`; or `unknown`.
    fn effect(sql: &str) -> Vec<String> {
        match Effect::of(sql, &statements(sql).next().unwrap()) {
            Effect::Plain => vec!["plain".to_owned()],
            Effect::Runs { body, statements, asked } => {
                let asked = asked.into_iter().flatten().map(|name| format!("if not {name}"));
                asked.chain(statements.iter().map(|it| body[it.span()].to_owned())).collect()
            }
            Effect::Doubts(names) => names.iter().map(|name| format!("?{name}")).collect(),
            Effect::Unknown => vec!["unknown".to_owned()],
        }
    }

    #[test]
    fn guards_are_looked_into() {
        let table: &[(&str, &[&str])] = &[
            (
                "DO $$ BEGIN\n  CREATE TYPE t AS ENUM ('a;');\nEXCEPTION\n  WHEN duplicate_object THEN null;\nEND $$",
                &["CREATE TYPE t AS ENUM ('a;')"],
            ),
            (
                "DO $infra0$ BEGIN\n  IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conname = 'k'::name) THEN\n    \
                 ALTER TABLE a ADD CONSTRAINT k CHECK (id > 0);\n  END IF;\nEND $infra0$",
                &["if not k", "ALTER TABLE a ADD CONSTRAINT k CHECK (id > 0)"],
            ),
            (
                "DO LANGUAGE plpgsql 'BEGIN CREATE TABLE a (id int); DROP TABLE b; END;'",
                &["CREATE TABLE a (id int)", "DROP TABLE b"],
            ),
            ("DO $$ BEGIN END $$", &[]),
            // Whether the statement runs depends on the data, or on the one before it.
            ("DO $$ BEGIN IF NOT EXISTS (SELECT FROM flags) THEN CREATE TABLE a (id int); END IF; END $$", &[]),
            // If the first is there already, the second is not made: both have to be there.
            (
                "DO $$ BEGIN CREATE TYPE t AS ENUM (); CREATE TYPE u AS ENUM (); EXCEPTION WHEN duplicate_object THEN NULL; END $$",
                &["CREATE TYPE t AS ENUM ()", "CREATE TYPE u AS ENUM ()"],
            ),
            (
                "DO $$ BEGIN CREATE TYPE t AS ENUM (); EXCEPTION WHEN duplicate_object OR SQLSTATE '42710' THEN RAISE NOTICE 'there'; \
                 WHEN unique_violation THEN END $$",
                &["CREATE TYPE t AS ENUM ()"],
            ),
            (
                "DO $$ BEGIN IF to_regtype('s.Mood') IS NULL THEN CREATE TYPE s.mood AS ENUM (); END IF; IF NOT EXISTS (SELECT FROM \
                 pg_class WHERE relname = 'a') THEN CREATE TABLE a (); END IF; END $$",
                &["if not mood", "if not a", "CREATE TYPE s.mood AS ENUM ()", "CREATE TABLE a ()"],
            ),
            // Either of two names will do.
            (
                "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_class WHERE relname IN ('a', 'b')) THEN CREATE TABLE a (); END IF; END $$",
                &["CREATE TABLE a ()"],
            ),
            (
                "DO $$ BEGIN IF NOT (EXISTS (SELECT FROM pg_class WHERE relname = 'a')) THEN CREATE TABLE a (); RAISE NOTICE 'made'; ELSE \
                 RAISE NOTICE 'there'; END IF; END $$",
                &["if not a", "CREATE TABLE a ()"],
            ),
            (
                "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_class) THEN CREATE TABLE a (); ELSE UPDATE b SET x = 1; END IF; END $$",
                &[],
            ),
            ("DO $$ BEGIN CREATE TABLE a (id int); EXCEPTION WHEN OTHERS THEN NULL; END $$", &[]),
            ("CREATE TABLE a (id int)", &["plain"]),
        ];
        for (sql, expected) in table {
            assert_eq!(&effect(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_may_be_gone_is_told() {
        let table: &[(&str, &[&str])] = &[
            ("DO $$ BEGIN IF true THEN UPDATE t SET x = 1; END IF; END $$", &[]),
            ("DO $$ BEGIN EXECUTE 'ALTER TABLE t ENABLE ROW LEVEL SECURITY'; END $$", &[]),
            ("DO $$ BEGIN EXECUTE 'DROP TABLE t'; END $$", &["unknown"]),
            ("DO $$ BEGIN PERFORM f(1); END $$", &["unknown"]),
            ("DO $$ BEGIN PERFORM setval('s', 1); END $$", &[]),
            ("DO $$ BEGIN SET search_path TO s; RAISE NOTICE 'x'; END $$", &["unknown"]),
            ("DO LANGUAGE plpython3u $$ x $$", &["unknown"]),
            ("SELECT pg_catalog.setval('s', GREATEST(max(id), 1)) FROM t HAVING max(id) IS NOT NULL", &[]),
            ("SELECT f()", &["unknown"]),
            ("SELECT set_config('search_path', 's', true)", &["unknown"]),
        ];
        for (sql, expected) in table {
            assert_eq!(&effect(sql), expected, "{sql}");
        }
        let doubts = effect("DO $$ BEGIN IF true THEN DROP TABLE \"A b\"; END IF; END $$");
        assert!(doubts.contains(&"?A b".to_owned()) && !doubts.contains(&"?other".to_owned()), "{doubts:?}");
    }
}
