//! What is said to the linter in the files: `-- infra: allow RULE, RULE why not`, and `-- infra: allow-file RULE`.

use std::ops::Range;

use super::statement::Statement;
use crate::migrate::folder::Migration;
use crate::migrate::sql;

/// A comment that begins with `infra:`.
#[derive(Debug)]
pub(super) struct Directive {
    /// The comment, in bytes of the file.
    pub(super) span: Range<usize>,
    pub(super) says: Says,
}

#[derive(Debug)]
pub(super) enum Says {
    /// These rules are off, each with where it is written.
    Allow { rules: Vec<(String, Range<usize>)>, within: Within },
    /// Meant for `apply`.
    Apply,
    /// No word that is known.
    Unknown(String),
}

/// Where an allowance holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Within {
    File,
    Statement(Range<usize>),
    /// After the last statement.
    Nowhere,
}

const WORDS_FOR_APPLY: &[&str] = &["no-transaction"];

/// Every such comment of the migration.
pub(super) fn read(migration: &Migration, statements: &[Statement]) -> Vec<Directive> {
    let comments = migration.chunks().flat_map(|chunk| {
        let spans = sql::line_comments(chunk.text).into_iter();
        spans.map(move |span| chunk.offset + span.start..chunk.offset + span.end)
    });
    comments.filter_map(|span| directive(&migration.sql, span, statements)).collect()
}

fn directive(text: &str, span: Range<usize>, statements: &[Statement]) -> Option<Directive> {
    let comment = &text[span.clone()];
    let inside = comment.trim_start_matches('-').trim_start();
    let words = inside.strip_prefix("infra:")?.trim_start();
    let at = span.end - words.len();
    let (word, rest) = words.split_at(words.find(char::is_whitespace).unwrap_or(words.len()));
    let says = match word {
        "allow" => Says::Allow { rules: names(rest, at + word.len()), within: statement_of(text, &span, statements) },
        "allow-file" => Says::Allow { rules: names(rest, at + word.len()), within: Within::File },
        word if WORDS_FOR_APPLY.contains(&word.to_ascii_lowercase().as_str()) => Says::Apply,
        word => Says::Unknown(word.to_owned()),
    };
    Some(Directive { span, says })
}

/// Names with commas between them; whatever comes after the last is for people.
fn names(text: &str, at: usize) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let length = rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len());
        if length == 0 {
            return found;
        }
        let start = at + text.len() - rest.len();
        found.push((rest[..length].to_owned(), start..start + length));
        match rest[length..].trim_start().strip_prefix(',') {
            Some(more) => rest = more,
            None => return found,
        }
    }
}

/// The statement that a comment stands in, ends the line of, or stands before.
fn statement_of(text: &str, comment: &Range<usize>, statements: &[Statement]) -> Within {
    let inside = statements.iter().find(|it| it.span.start <= comment.start && comment.start < it.span.end);
    let before = statements.iter().rfind(|it| it.span.end <= comment.start);
    let beside = before.filter(|it| !text[it.span.end..comment.start].contains('\n'));
    let after = || statements.iter().find(|it| it.span.start >= comment.end);
    inside.or(beside).or_else(after).map_or(Within::Nowhere, |it| Within::Statement(it.span.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::statement;
    use super::*;
    use crate::migrate::folder::tests::migration;

    fn allowances(sql: &str) -> Vec<(String, String)> {
        let migration = migration("0000_a", 1, sql);
        let statements = statement::read(&migration);
        let found = super::read(&migration, &statements).into_iter();
        let shown = |directive: Directive| match directive.says {
            Says::Allow { rules, within } => {
                let rules: Vec<&str> = rules
                    .iter()
                    .map(|(name, span)| {
                        assert_eq!(name, &sql[span.clone()]);
                        name.as_str()
                    })
                    .collect();
                let within = match within {
                    Within::File => "file".to_owned(),
                    Within::Nowhere => "nowhere".to_owned(),
                    Within::Statement(span) => sql[span].to_owned(),
                };
                (rules.join("+"), within)
            }
            Says::Apply => ("apply".to_owned(), String::new()),
            Says::Unknown(word) => (format!("? {word}"), String::new()),
        };
        found.map(shown).collect()
    }

    #[test]
    fn a_comment_belongs_to_the_statement_it_stands_at() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("-- infra: allow a\nSELECT 1; SELECT 2", &[("a", "SELECT 1")]),
            ("SELECT 1; -- infra: allow a, b-c because, well\nSELECT 2", &[("a+b-c", "SELECT 1")]),
            ("SELECT 1;--> statement-breakpoint -- infra: allow a\nSELECT 2", &[("a", "SELECT 1")]),
            (
                "SELECT 1,\n  2 --infra: allow a ,b\n  , 3; SELECT 2",
                &[("a+b", "SELECT 1,\n  2 --infra: allow a ,b\n  , 3")],
            ),
            ("SELECT 1;\n-- infra: allow-file a\n", &[("a", "file")]),
            ("SELECT 1;\n-- infra: allow a\n", &[("a", "nowhere")]),
            (
                "-- infra: no-transaction\n-- infra: alow a\n-- infra is fine\nSELECT 1",
                &[("apply", ""), ("? alow", "")],
            ),
            ("SELECT '-- infra: allow a'; /* -- infra: allow b */", &[]),
        ];
        for (sql, expected) in table {
            let found = allowances(sql);
            let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(&found, expected, "{sql}");
        }
    }
}
