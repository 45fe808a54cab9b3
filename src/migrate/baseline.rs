//! Baseline: migrations recorded as applied without running them, for a database that has what they make already.

use miette::Diagnostic;
use serde::Serialize;
use thiserror::Error;

use super::connect::Client;
use super::event::Event;
use super::folder::{Folder, Layout, Migration};
use super::ledger::{Contents, Ledger, LedgerError, Right};
use super::options::Options;
use super::plan::{Allow, Plan, plan};
use super::position::Lines;
use super::refusal::{Refusal, refusals};
use super::sql::{Kind, statements};
use super::target::Target;
use super::transaction::{Conversation, Trouble, is_of_migrator, opening};

/// What was recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Marked {
    /// The tags of the migrations that this run recorded, in order.
    pub migrations: Vec<String>,
    /// How many of the folder were recorded before.
    pub before: usize,
}

/// Why nothing was recorded.
#[derive(Debug, Error, Diagnostic)]
pub enum BaselineError {
    /// `--to` names nothing.
    #[error(transparent)]
    #[diagnostic(transparent)]
    NoSuchTag(Box<Refusal>),
    /// The ledger has rows that do not go together with what would be recorded.
    #[error("The ledger does not go together with the folder; nothing was recorded. {}", reasons.join(" "))]
    #[diagnostic(help(
        "See `infra migrate status`. A baseline only adds rows after those that are there; put the folder or the ledger in \
         order first."
    ))]
    Conflict {
        /// Each reason, a sentence.
        reasons: Vec<String>,
    },
    /// Another migrator was at work between the look and the lock.
    #[error("The ledger was changed by somebody else meanwhile; nothing was recorded.")]
    #[diagnostic(help("Run it again."))]
    Changed,
    /// Another migrator held the lock for too long.
    #[error("Another migrator holds the lock of the ledger for more than {seconds} s; nothing was recorded.")]
    Busy {
        /// How long this one waited.
        seconds: u64,
    },
    /// The ledger cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Ledger(#[from] LedgerError),
    /// Interrupted by the user.
    #[error("Interrupted; nothing was recorded.")]
    Interrupted,
    /// COMMIT was sent, and nobody saw its answer.
    #[error(
        "The connection was lost or given up as the baseline was committed ({reason}): whether it is recorded is not known here."
    )]
    #[diagnostic(help("`infra migrate status` shows it. Run it again: what is recorded is not recorded twice."))]
    Uncertain {
        /// What is known of it.
        reason: String,
    },
}

/// A statement about rows, which no comparison of catalogs sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// The migration.
    pub tag: String,
    /// The line of the statement, from 1.
    pub line: usize,
    /// Its first words; no values.
    pub statement: String,
}

/// The statements of a migration that write rows: where they are recorded and not run, nobody has looked for what they make.
pub fn rows(migration: &Migration) -> Vec<Rows> {
    let mut lines = Lines::of(&migration.sql);
    let mut found = Vec::new();
    for chunk in migration.chunks() {
        for statement in statements(chunk.text) {
            let starts = |words: &[&str]| words.iter().any(|word| statement.starts_with(chunk.text, &[word]));
            let span = statement.span();
            let inside = starts(&["do", "with"]) && {
                let text = chunk.text[span.clone()].to_ascii_lowercase();
                ["insert into", "delete from", "update "].iter().any(|words| text.contains(words))
            };
            if inside || starts(&["insert", "update", "delete", "merge", "truncate", "copy"]) {
                let words = statement.tokens.iter().take(5).map_while(|token| match token.kind {
                    Kind::Literal => None,
                    _ => Some(token.text(chunk.text)),
                });
                let (tag, line) = (migration.tag.clone(), lines.at(chunk.offset + span.start));
                found.push(Rows {
                    tag,
                    line,
                    statement: words.take_while(|word| *word != "(").collect::<Vec<_>>().join(" "),
                });
            }
        }
    }
    found
}

/// The migrations up to `to` that the ledger does not have; an error if its rows stand against recording them.
pub fn unrecorded<'a>(
    folder: &'a Folder,
    ledger: &Ledger,
    contents: &Contents,
    to: Option<&str>,
) -> Result<(Plan, Vec<&'a Migration>), BaselineError> {
    let plan = plan(folder, contents);
    let mut reasons = Vec::new();
    if let Some(lease) = &contents.lease {
        reasons.push(format!("The migration {} is begun without a transaction and not finished.", lease.tag));
    }
    for refusal in refusals(&plan, folder, ledger, contents.has_name, &Allow::default(), to) {
        match refusal {
            // Nothing is run.
            Refusal::Statement { .. } => {}
            Refusal::NoSuchTag { .. } => return Err(BaselineError::NoSuchTag(Box::new(refusal))),
            other => reasons.push(other.to_string()),
        }
    }
    if !reasons.is_empty() {
        return Err(BaselineError::Conflict { reasons });
    }
    let unrecorded = plan.to_apply(folder, &Allow::default(), to);
    Ok((plan, unrecorded))
}

/// Records of `expected`, which [`unrecorded`] found, what is not recorded by then, in one transaction, under the lock of all
/// migrators.
pub async fn baseline(
    client: &mut Client,
    folder: &Folder,
    ledger: &Ledger,
    to: Option<&str>,
    expected: &[&Migration],
    options: &Options,
    events: &mut (dyn FnMut(Event) + Send + Sync),
) -> Result<Marked, BaselineError> {
    let mut conversation = Conversation::new(client, events, options);
    let answer = match conversation.send(&opening(ledger, options, None)).await {
        Ok(answer) => conversation.answer(answer, true).await,
        Err(trouble) => Err(trouble),
    };
    let result = match answer {
        Ok(_) => under_lock(&mut conversation, folder, ledger, to, expected).await,
        Err(trouble) => Err(explain(trouble, ledger, options, Right::Use, conversation.client.target())),
    };
    if result.is_err() {
        conversation.roll_back().await;
    }
    match result {
        Err(BaselineError::Uncertain { reason }) => Err(BaselineError::Uncertain { reason }),
        Err(_) if conversation.interrupted() => Err(BaselineError::Interrupted),
        other => other,
    }
}

async fn under_lock(
    conversation: &mut Conversation<'_>,
    folder: &Folder,
    ledger: &Ledger,
    to: Option<&str>,
    expected: &[&Migration],
) -> Result<Marked, BaselineError> {
    let contents = ledger.read(conversation.client).await?;
    let (plan, found) = unrecorded(folder, ledger, &contents, to)?;
    // Whoever was at it before this one has recorded some of them, or all. Of others nobody knows whether they are there.
    if found.iter().any(|migration| !expected.contains(migration)) {
        return Err(BaselineError::Changed);
    }
    if found.is_empty() {
        conversation.roll_back().await;
        return Ok(Marked { migrations: Vec::new(), before: plan.applied() });
    }
    let mut statements = ledger.creation(&contents, folder.layout);
    let v1 = folder.layout == Layout::V1;
    if contents.table_exists && ((v1 && !contents.has_name) || !plan.unnamed.is_empty()) {
        statements.extend(ledger.upgrade(&contents, &plan.unnamed));
    }
    statements.extend(found.iter().map(|migration| ledger.insertion(migration, contents.has_name || v1)));
    let (right, target) = (Ledger::right_for_upkeep(&contents, folder.layout), conversation.client.target().clone());
    let explain = |trouble| explain(trouble, ledger, &Options::default(), right, &target);
    // What is not committed when its answer is lost is rolled back; of COMMIT itself nobody knows.
    conversation.ask(&statements.join("; ")).await.map_err(explain)?;
    conversation.ask("COMMIT").await.map_err(|trouble| match trouble {
        Trouble::Lost(reason) => BaselineError::Uncertain { reason },
        Trouble::GaveUp => BaselineError::Uncertain { reason: "interrupted".to_owned() },
        said => explain(said),
    })?;
    let before = plan.applied();
    Ok(Marked { migrations: found.iter().map(|migration| migration.tag.clone()).collect(), before })
}

/// `right` is what the statement takes.
fn explain(trouble: Trouble, ledger: &Ledger, options: &Options, right: Right, target: &Target) -> BaselineError {
    match trouble {
        Trouble::GaveUp => BaselineError::Interrupted,
        Trouble::Lost(_) => BaselineError::Ledger(LedgerError::Lost(ledger.clone())),
        Trouble::Said { completed, said } => match said.code().code() {
            "55P03" if is_of_migrator(completed) => BaselineError::Busy { seconds: options.wait.as_secs() },
            _ => BaselineError::Ledger(ledger.refused(&said, right, target)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    #[test]
    fn what_no_comparison_sees() {
        let sql = "CREATE TABLE a (b int);--> statement-breakpoint\n\nINSERT INTO \"a\" (b) VALUES (1);\nUPDATE a SET b = 'x';\n\
                   DO $$ BEGIN INSERT INTO a VALUES (2); END $$; DO $$ BEGIN CREATE TYPE t AS ENUM (); END $$;\n\
                   COPY a FROM stdin";
        let found: Vec<String> =
            rows(&migration("0000_a", 1, sql)).iter().map(|it| format!("{} {}", it.line, it.statement)).collect();
        assert_eq!(found, ["3 INSERT INTO \"a\"", "4 UPDATE a SET b =", "5 DO", "6 COPY a FROM stdin"]);
    }
}
