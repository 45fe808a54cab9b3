//! What `apply` would run, statement by statement, as things stand in the database. Changes nothing.

use super::apply::upkeep;
use super::concurrent::{Concurrent, Standing};
use super::connect::Client;
use super::failure::Failure;
use super::folder::{Folder, Layout, Migration};
use super::guard::without_transaction;
use super::lease::{Lease, Pulse};
use super::ledger::Ledger;
use super::leftover::leftovers;
use super::options::Options;
use super::outside::{Begun, Commit, Step, begun, steps};
use super::plan::{Unaccepted, plan};
use super::refusal::refusals;

/// What would run.
pub struct Outline<'a> {
    /// The statements that the ledger itself needs, before all others.
    pub ledger: Vec<String>,
    /// Who would be waited for.
    pub held: Option<String>,
    /// Files that were to be taken as what was applied, and why that comes to nothing.
    pub not_accepted: Vec<(String, Unaccepted)>,
    /// What is pending, in order.
    pub migrations: Vec<Planned<'a>>,
}

/// A migration that would run.
pub struct Planned<'a> {
    /// Which.
    pub migration: &'a Migration,
    /// The statement that records it.
    pub record: String,
    /// How it would run.
    pub course: Course<'a>,
}

/// How a migration would run.
pub enum Course<'a> {
    /// The file as it is, in a transaction.
    Transaction {
        /// Whether the transaction begins with it.
        begins: bool,
        /// Whether the transaction ends with it.
        commits: bool,
    },
    /// Each statement committed on its own.
    Alone {
        /// How many are committed already.
        done: usize,
        /// How many it has.
        of: usize,
        /// The rest.
        lines: Vec<Line<'a>>,
    },
}

/// What happens outside of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A statement of the file.
    Statement(&'a str),
    /// A statement that ran already: nobody saw its end, but what it does is there.
    Done(&'a str),
    /// An INVALID index that a failed attempt has left, with its schema: it is dropped first.
    Drop(String),
    /// An index that somebody else builds: it is waited for.
    Wait(String),
}

/// What would run, or why nothing would.
pub async fn outline<'a>(
    client: &Client,
    folder: &'a Folder,
    ledger: &Ledger,
    options: &Options,
) -> Result<Outline<'a>, Failure> {
    let explain = |error: tokio_postgres::Error| Failure::Ledger(ledger.explain(&error, client.target()));
    let contents = ledger.read(client).await?;
    let plan = plan(folder, &contents);
    let to = options.to.as_deref();
    let refused = |refusals| Failure::Refused { applied: Vec::new(), refusals };
    let found = refusals(&plan, folder, ledger, contents.has_name, &options.allow, to);
    if !found.is_empty() {
        return Err(refused(found));
    }
    let pending = plan.to_apply(folder, &options.allow, to);
    let found = leftovers(client, &pending).await.map_err(explain)?;
    if !found.is_empty() {
        return Err(refused(found));
    }
    let mut outline = Outline {
        ledger: upkeep(&plan, folder, ledger, &contents, options),
        held: None,
        not_accepted: plan.not_accepted(&options.allow.edited, to),
        migrations: Vec::new(),
    };
    let mut lease = contents.lease.as_ref().filter(|_| !pending.is_empty());
    if let Some(found) = lease {
        outline.held = held(client, found, options).await.map_err(explain)?;
        match begun(found, &plan, &pending, folder) {
            Begun::Recorded => {
                outline.ledger.push(ledger.lease_removal(&found.token));
                lease = None;
            }
            Begun::GoesOn => {}
            Begun::Refused(_) if outline.held.is_some() => {}
            Begun::Refused(refusal) => return Err(refused(vec![refusal])),
        }
    }
    // A v1 folder gives the ledger the column before anything is recorded.
    let has_name = contents.has_name || folder.layout == Layout::V1;
    for (index, migration) in pending.iter().copied().enumerate() {
        let alone = |migration: &Migration| without_transaction(&migration.sql);
        let shared = |other: Option<&&Migration>| options.together && other.is_some_and(|other| !alone(other));
        let course = match alone(migration) {
            true => {
                let found = lease.filter(|lease| lease.tag == migration.tag);
                rest(client, migration, found).await.map_err(explain)?
            }
            false => Course::Transaction {
                begins: !shared(index.checked_sub(1).and_then(|before| pending.get(before))),
                commits: !shared(pending.get(index + 1)),
            },
        };
        outline.migrations.push(Planned { migration, record: ledger.record(migration, has_name), course });
    }
    Ok(outline)
}

/// The holder of the lease, where it is still one.
async fn held(client: &Client, lease: &Lease, options: &Options) -> Result<Option<String>, tokio_postgres::Error> {
    let pulse = client.rows(&Ledger::pulse_query(lease)).await?.first().and_then(Pulse::of_row);
    let patience = i64::try_from(options.patience.as_millis()).unwrap_or(i64::MAX);
    Ok(pulse.filter(|pulse| !lease.is_free(*pulse, patience)).map(|pulse| lease.held(pulse, patience)))
}

/// What is left of a migration without a transaction.
async fn rest<'a>(
    client: &Client,
    migration: &'a Migration,
    lease: Option<&Lease>,
) -> Result<Course<'a>, tokio_postgres::Error> {
    let steps = steps(migration);
    let (done, of) = (lease.map_or(0, |lease| lease.done), steps.len());
    let mut lines = Vec::new();
    for (index, step) in steps.into_iter().enumerate().skip(done) {
        let Step { chunk, concurrent, commit } = step;
        let cut_off = lease.filter(|lease| !lease.stopped && index == done && commit != Commit::WithLease);
        let mut line = Line::Statement(chunk.text);
        if let Some(concurrent) = &concurrent {
            let standings: Vec<Standing> =
                client.rows(&concurrent.query_all()).await?.iter().map(Standing::of_row).collect();
            if stands(concurrent, &standings, cut_off) {
                line = Line::Done(chunk.text);
            }
            lines.extend(standings.into_iter().filter_map(|standing| match standing {
                Standing::Invalid(index) => Some(Line::Drop(index)),
                Standing::Building(index) => Some(Line::Wait(index)),
                Standing::Valid => None,
            }));
        }
        lines.push(line);
    }
    Ok(Course::Alone { done, of, lines })
}

/// Whether what the statement does is there, though nobody saw its end.
fn stands(concurrent: &Concurrent, standings: &[Standing], cut_off: Option<&Lease>) -> bool {
    match concurrent {
        Concurrent::Create { name, .. } => {
            cut_off.is_some_and(|it| it.making.as_ref() == Some(name)) && standings == [Standing::Valid]
        }
        Concurrent::Drop { .. } => cut_off.is_some() && standings.is_empty(),
        Concurrent::Rebuild(_) => false,
    }
}
