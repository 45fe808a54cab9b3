//! The files as texts: what PostgreSQL would stumble over before it comes to what the statements do.

use super::super::edit::Edit;
use super::super::ground::{Ground, Script};
use super::super::hit::{Hit, Place};
use super::folder::defects;
use super::{Rule, Severity, excerpt};
use crate::migrate::folder::{BREAKPOINT, FolderError};
use crate::migrate::guard;
use crate::migrate::quote::LONGEST_NAME;
use crate::migrate::sql::{self, Kind};

const MARK: char = '\u{feff}';

pub(super) const BYTE_ORDER_MARK: Rule = Rule {
    name: "byte-order-mark",
    severity: Severity::Error,
    finds: "A file that begins with a byte order mark.",
    why: "PostgreSQL takes the mark for a part of the first word: syntax error (42601).",
    fix: "Save it as UTF-8 without BOM; --fix removes the mark.",
    check: |ground| {
        let marked = ground.linted().filter(|script| script.migration.sql.starts_with(MARK));
        marked
            .map(|script| {
                let place = Place::within(script, 0..MARK.len_utf8());
                let hit = Hit::new(place, "The file begins with a byte order mark.", "the mark is here, unseen");
                hit.edits(vec![Edit { range: 0..MARK.len_utf8(), text: String::new() }])
            })
            .collect()
    },
};

pub(super) const CONFLICT_MARKER: Rule = Rule {
    name: "conflict-marker",
    severity: Severity::Error,
    finds: "A line that git left where a merge was not finished, in a migration or a snapshot.",
    why: "It is neither SQL nor JSON: the migration fails, and drizzle-kit can generate no other.",
    fix: "Keep the other branch's side of everything in the folder, delete the migration of your own branch (its .sql file and its \
          snapshot), and run `drizzle-kit generate` again.",
    check: |ground| {
        let found = ground.linted().filter_map(|script| conflict(script).map(|span| (script, span)));
        let hit =
            |(script, span)| Hit::new(Place::within(script, span), "A merge was not finished here.", "conflict marker");
        let snapshots = defects(ground, |defect| matches!(defect, FolderError::Conflict { .. }));
        found.map(hit).chain(snapshots).collect()
    },
};

fn conflict(script: &Script<'_>) -> Option<std::ops::Range<usize>> {
    guard::conflict(&script.migration.sql)
}

pub(super) const BREAKPOINT_IN_STRING: Rule = Rule {
    name: "breakpoint-in-string",
    severity: Severity::Error,
    finds: "The text `--> statement-breakpoint` inside of a string.",
    why: "Drizzle splits the file there all the same: both halves are syntax errors (42601).",
    fix: "Write the string as two, joined by ||: '--> statement' || '-breakpoint'.",
    check: |ground| {
        let cut = ground.linted().filter_map(|script| cut(script).map(|span| (script, span)));
        let hit = |(script, span)| {
            Hit::new(
                Place::within(script, span),
                "A string is cut in two by the breakpoint inside of it.",
                "inside a string",
            )
        };
        cut.map(hit).collect()
    },
};

/// The first breakpoint that stands inside of a string.
fn cut(script: &Script<'_>) -> Option<std::ops::Range<usize>> {
    let mut chunks = script.migration.chunks().peekable();
    while let Some(chunk) = chunks.next() {
        let end = chunk.offset + chunk.text.len();
        if chunks.peek().is_some() && sql::unclosed_string(chunk.text).is_some() {
            return Some(end..end + BREAKPOINT.len());
        }
    }
    None
}

pub(super) const MISSING_BREAKPOINT: Rule = Rule {
    name: "missing-breakpoint",
    severity: Severity::Warning,
    finds: "Two statements without a breakpoint between them, in a folder that has breakpoints.",
    why: "Drivers that send one statement at a time (neon-http, the Data API, prepared statements) refuse the migration.",
    fix: "Write `--> statement-breakpoint` after the semicolon; --fix does.",
    check: missing_breakpoints,
};

fn missing_breakpoints(ground: &Ground<'_>) -> Vec<Hit> {
    // With `breakpoints: false` drizzle-kit writes none at all.
    if !ground.scripts.iter().any(|script| script.migration.sql.contains(BREAKPOINT)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for script in ground.linted().filter(|script| cut(script).is_none()) {
        for pair in script.statements.windows(2).filter(|pair| pair[0].chunk == pair[1].chunk) {
            let sql = &script.migration.sql;
            let between = pair[0].span.end..pair[1].span.start;
            let semicolon = sql::tokens(&sql[between.clone()]).into_iter().find(|token| token.kind == Kind::Semicolon);
            let Some(semicolon) = semicolon.map(|token| between.start + token.span.end) else { continue };
            let place =
                Place::within(script, pair[1].span.start..pair[1].span.start + first_word(sql, pair[1].span.start));
            let message = format!("No breakpoint before {}.", excerpt(sql, &pair[1].span));
            let edits = vec![breakpoint(sql, semicolon)];
            found.push(Hit::new(place, message, "no breakpoint before this").edits(edits));
        }
    }
    found
}

/// A breakpoint after the semicolon that ends at this byte. To whoever does not split there it is a comment, which must not
/// take in what comes after it; and a comment at the end of the line stays with its statement.
fn breakpoint(sql: &str, at: usize) -> Edit {
    let rest = sql[at..].split('\n').next().unwrap_or_default().trim_end();
    let newline = if sql.contains("\r\n") { "\r\n" } else { "\n" };
    match rest.trim_start() {
        "" => Edit::insert(at, BREAKPOINT),
        comment if comment.starts_with("--") => Edit::insert(at + rest.len(), format!("{newline}{BREAKPOINT}")),
        _ => Edit::insert(at, format!("{BREAKPOINT}{newline}")),
    }
}

fn first_word(sql: &str, start: usize) -> usize {
    sql[start..].find(|c: char| c.is_whitespace() || c == ';').unwrap_or(sql.len() - start).max(1)
}

pub(super) const EMPTY_MIGRATION: Rule = Rule {
    name: "empty-migration",
    severity: Severity::Warning,
    finds: "A migration without a statement.",
    why: "It is recorded as applied: what is written into it later never runs.",
    fix: "Write the statements before it is applied, or drop the migration.",
    check: |ground| {
        let empty = ground.linted().filter(|script| script.statements.is_empty() && conflict(script).is_none());
        let hit = |script: &Script<'_>| {
            Hit::new(
                Place::within(script, script.first_line()),
                format!("{} does nothing.", script.migration.tag),
                "no statement",
            )
        };
        empty.map(hit).collect()
    },
};

pub(super) const NOT_UNDERSTOOD: Rule = Rule {
    name: "not-understood",
    severity: Severity::Warning,
    finds: "A statement that infra's parser cannot read, though PostgreSQL may.",
    why: "It is not looked at: no rule that has to understand it can find anything in it.",
    fix: "If it is right, `-- infra: allow not-understood` before it. Trying it on an empty database tells: `infra local start`, then `infra migrate apply`.",
    check: |ground| {
        let statements = ground.statements().filter(|(script, _)| cut(script).is_none() && conflict(script).is_none());
        let troubles = statements.filter_map(|(script, statement)| Some((script, statement.trouble.as_ref()?)));
        troubles
            .map(|(script, trouble)| {
                let place = Place::within(script, trouble.span.clone());
                Hit::new(place, format!("Not understood: {}.", trouble.message), "the parser stopped here")
            })
            .collect()
    },
};

pub(super) const NAME_TOO_LONG: Rule = Rule {
    name: "name-too-long",
    severity: Severity::Warning,
    finds: "A name of more than 63 bytes.",
    why: "PostgreSQL cuts it off, with a notice only: drizzle-kit's snapshot has another name than the database, and two \
          long names can become one.",
    fix: "Name it in the schema: foreignKey({ name: … }), index('…'), unique('…').",
    check: |ground| {
        let mut found = Vec::new();
        for (script, statement) in ground.statements() {
            for name in &statement.long_names {
                let written = &script.migration.sql[name.clone()];
                let message = format!("{written} has more than {LONGEST_NAME} bytes.");
                found.push(Hit::new(Place::within(script, name.clone()), message, "cut off by PostgreSQL"));
            }
        }
        found
    },
};
