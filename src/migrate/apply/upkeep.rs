//! What the ledger itself needs: it is made, upgraded, and its hashes of edited files are corrected.

use super::Run;
use crate::migrate::event::Event;
use crate::migrate::failure::Failure;
use crate::migrate::folder::{Folder, Layout};
use crate::migrate::ledger::{Contents, Ledger};
use crate::migrate::options::Options;
use crate::migrate::plan::Plan;
use crate::migrate::transaction::{limits, opening};

/// The statements that the ledger itself needs before a migration can be recorded.
pub(in crate::migrate) fn upkeep(
    plan: &Plan,
    folder: &Folder,
    ledger: &Ledger,
    contents: &Contents,
    options: &Options,
) -> Vec<String> {
    let mut statements = ledger.creation(contents, folder.layout);
    if contents.table_exists {
        let v1_folder = folder.layout == Layout::V1;
        if (v1_folder && !contents.has_name) || !plan.unnamed.is_empty() {
            statements.extend(ledger.upgrade(contents, &plan.unnamed));
        }
    }
    let edited = plan.to_accept(folder, &options.allow, options.to.as_deref());
    statements.extend(edited.into_iter().map(|(row, migration)| ledger.acceptance(row, migration)));
    statements
}

impl Run<'_> {
    pub(super) fn upkeep(&self, contents: &Contents, plan: &Plan) -> Vec<String> {
        upkeep(plan, self.folder, self.ledger, contents, self.options)
    }

    /// Makes, upgrades or corrects the ledger, under the lock and after looking again.
    pub(super) async fn maintain(&mut self) -> Result<(), Failure> {
        let opening = opening(self.ledger, self.options, None);
        let opened = match self.conversation.send(&opening).await {
            Ok(answer) => self.conversation.answer(answer, true).await,
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = opened {
            return Err(self.opening_failure(trouble).await);
        }
        let contents = match self.ledger.read(self.conversation.client).await {
            Ok(contents) => contents,
            Err(error) => {
                self.conversation.roll_back().await;
                return Err(error.into());
            }
        };
        let plan = self.checked_plan(&contents);
        let statements = match &plan {
            Ok(plan) => self.upkeep(&contents, plan),
            Err(_) => Vec::new(),
        };
        let mut done = Ok(None);
        if !statements.is_empty() {
            done = self.conversation.ask(&format!("{}; {}; COMMIT", limits(self.options), statements.join("; "))).await;
        }
        if statements.is_empty() || done.is_err() {
            self.conversation.roll_back().await;
        }
        let right = Ledger::right_for_upkeep(&contents, self.folder.layout);
        done.map_err(|trouble| self.ledger_failure(trouble, right))?;
        for (_, migration) in plan?.to_accept(self.folder, &self.options.allow, self.options.to.as_deref()) {
            self.accepted.push(migration.tag.clone());
            (self.conversation.events)(Event::Accepted { tag: migration.tag.clone() });
        }
        Ok(())
    }
}
