//! Which statement of a migration runs now, as the server's answers come in. Pure.

use std::borrow::Cow;
use std::ops::Range;

use crate::migrate::event::Event;
use crate::migrate::folder::{Chunk, Migration};
use crate::migrate::mask::masked;
use crate::migrate::sql::statements;

/// Of how many statements between two breakpoints each is told; of more, one in so many. A seed has them by the hundred thousand.
const TOLD: usize = 100;

/// What lies between two breakpoints, with the places of its statements: drizzle-kit writes no breakpoints where it is told so, and
/// then all statements of a file are sent at once.
pub(super) struct Part<'m> {
    tag: &'m str,
    /// Without passwords.
    text: Cow<'m, str>,
    statements: Vec<Range<usize>>,
    /// How many statements the migration has before these, and how many in all.
    before: usize,
    of: usize,
    /// How many statements there are before these since the last breakpoint, and up to the next one.
    since: usize,
    between: usize,
}

/// The parts of a migration, in order.
pub(super) fn parts<'m>(migration: &'m Migration, chunks: &[Chunk<'m>]) -> Vec<Part<'m>> {
    let mut parts: Vec<Part<'m>> = Vec::with_capacity(chunks.len());
    let (mut of, mut end) = (0, None);
    for chunk in chunks {
        let statements: Vec<Range<usize>> = statements(chunk.text).map(|statement| statement.span()).collect();
        // A chunk may be sent in pieces.
        let last = parts.last().filter(|_| end == Some(chunk.offset));
        let since = last.map_or(0, |last| last.since + last.statements.len());
        end = Some(chunk.offset + chunk.text.len());
        let (before, text) = (of, masked(chunk.text));
        of += statements.len();
        parts.push(Part {
            tag: &migration.tag,
            text,
            between: since + statements.len(),
            statements,
            before,
            of: 0,
            since,
        });
    }
    let mut between = 0;
    for part in parts.iter_mut().rev() {
        between = part.between.max(between);
        (part.of, part.between) = (of, between);
        if part.since == 0 {
            between = 0;
        }
    }
    parts
}

impl Part<'_> {
    /// What is told of the statement that begins when so many of this part are done.
    pub(super) fn event(&self, done: usize) -> Option<Event> {
        let statement = self.statements.get(done)?;
        if !(self.since + done).is_multiple_of(self.between.div_ceil(TOLD)) {
            return None;
        }
        let text = self.text[statement.clone()].lines().next().unwrap_or_default().to_owned();
        Some(Event::Statement { tag: self.tag.to_owned(), number: self.before + done + 1, of: self.of, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    fn told(sql: &str) -> Vec<String> {
        let migration = migration("0000_a", 1, sql);
        let chunks: Vec<Chunk<'_>> = migration.chunks().collect();
        let events = parts(&migration, &chunks)
            .into_iter()
            .flat_map(|part| (0..=part.statements.len()).filter_map(|done| part.event(done)).collect::<Vec<_>>());
        let line = |event: Event| match event {
            Event::Statement { number, of, text, .. } => format!("{number}/{of} {text}"),
            other => panic!("{other:?}"),
        };
        events.map(line).collect()
    }

    #[test]
    fn statements_are_counted_and_not_breakpoints() {
        let table: &[(&str, &[&str])] = &[
            ("SELECT 1;\n-- two\nSELECT\n 2;", &["1/2 SELECT 1", "2/2 SELECT"]),
            (
                "SELECT 1; SELECT 2;--> statement-breakpoint\n-- c\nSELECT 3",
                &["1/3 SELECT 1", "2/3 SELECT 2", "3/3 SELECT 3"],
            ),
            // drizzle-kit ends files with a breakpoint now and then.
            ("SELECT 1;--> statement-breakpoint\n", &["1/1 SELECT 1"]),
            ("-- nothing", &[]),
            ("ALTER ROLE a PASSWORD 'hunter2'; SELECT 2", &["1/2 ALTER ROLE a PASSWORD '*******'", "2/2 SELECT 2"]),
        ];
        for (sql, expected) in table {
            assert_eq!(&told(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_seed_does_not_drown_its_reader() {
        let told = told(&"INSERT INTO t VALUES (1);\n".repeat(100_001));
        assert!(told.len() <= TOLD, "{}", told.len());
        assert_eq!(told[1], "1002/100001 INSERT INTO t VALUES (1)");
    }
}
