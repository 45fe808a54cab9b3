//! What is said of a run besides its statements: what stands against it in the database, what was let through, what is odd
//! in the ledger, why something exists.

use super::Run;
use crate::migrate::compose::CUSTOM;
use crate::migrate::event::Event;
use crate::migrate::existing::{self, Known};
use crate::migrate::failure::{Failure, StatementFailure};
use crate::migrate::folder::{Chunk, Migration};
use crate::migrate::guard::without_transaction;
use crate::migrate::ledger::Contents;
use crate::migrate::leftover::leftovers;
use crate::migrate::mask::masked;
use crate::migrate::options::Options;
use crate::migrate::plan::{Plan, State, Status};
use crate::migrate::sql::statements;

impl Run<'_> {
    /// Says once what is let through, and what is odd in the ledger.
    pub(super) fn tell(&mut self, contents: &Contents, plan: &Plan, pending: &[&Migration]) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        self.fresh = contents.rows.is_empty();
        let runs = |status: &Status| pending.iter().any(|migration| migration.tag == status.tag);
        let late = plan.migrations.iter().filter_map(|status| match &status.state {
            State::OutOfOrder { after } if runs(status) => {
                Some(Event::Late { tag: status.tag.clone(), after: after.clone() })
            }
            State::Misordered { after } if runs(status) => {
                Some(Event::Misordered { tag: status.tag.clone(), after: after.clone() })
            }
            _ => None,
        });
        let twice = plan.duplicates.iter().map(|it| Event::Twice { tag: it.tag.clone(), rows: it.rows.clone() });
        let Options { allow, to, .. } = self.options;
        let idle = plan.not_accepted(&allow.edited, to.as_deref()).into_iter();
        let idle =
            idle.filter(|(tag, _)| !self.accepted.contains(tag)).map(|(tag, why)| Event::NotAccepted { tag, why });
        twice.chain(late).chain(idle).for_each(&mut *self.conversation.events);
        if self.options.together && pending.len() > 1 {
            let alone = pending.iter().filter(|migration| without_transaction(&migration.sql));
            let apart = alone.map(|migration| migration.tag.clone()).collect();
            (self.conversation.events)(Event::Together { count: pending.len(), apart });
        }
    }

    /// Refuses what would take an INVALID index for a good one.
    pub(super) async fn leftovers(&self, pending: &[&Migration]) -> Result<(), Failure> {
        let refusals = leftovers(self.conversation.client, pending).await;
        let refusals = refusals.map_err(|error| self.ledger.explain(&error, self.conversation.client.target()))?;
        if refusals.is_empty() { Ok(()) } else { Err(Failure::Refused { applied: self.tags(), refusals }) }
    }

    /// Why what the statement makes exists, and what to do.
    pub(super) fn already(&self, migration: &Migration, failure: &StatementFailure) -> String {
        let before = self.folder.migrations.iter().take_while(|other| other.tag != migration.tag);
        let run = self.wanted.iter().cloned().chain(self.tags()).collect();
        existing::advice(failure, migration, &Known { before: before.collect(), run, fresh: self.fresh })
    }

    /// Tells that a migration begins.
    pub(in crate::migrate) fn starts(&mut self, migration: &Migration) {
        let tag = migration.tag.clone();
        (self.conversation.events)(Event::Started { tag: tag.clone() });
        if migration.is_empty() {
            let swallowed =
                migration.sql.lines().any(|line| line.trim().len() > CUSTOM.len() && line.starts_with(CUSTOM));
            (self.conversation.events)(Event::Empty { tag, swallowed });
        }
    }

    /// Tells which statement of a migration without a transaction runs now.
    pub(in crate::migrate) fn runs(&mut self, migration: &Migration, chunk: Chunk<'_>, number: usize, of: usize) {
        let mut text = chunk.text.trim_start();
        if ["--", "/*"].iter().any(|comment| text.starts_with(comment)) {
            text = statements(text).next().map_or(text, |statement| &text[statement.span().start..]);
        }
        let text = masked(text).lines().next().unwrap_or_default().to_owned();
        (self.conversation.events)(Event::Statement { tag: migration.tag.clone(), number, of, text });
    }
}
