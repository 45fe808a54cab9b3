//! `infra migrate unlock`: who keeps migrators waiting, and what can be done about it.

use console::style;
use serde_json::json;

use super::{ended, read_failed, show::ago, source::SourceArgs};
use crate::{
    cli::{CLEAN, FAILED, Failure, ask, print},
    migrate::{
        Client, Folder, Ledger,
        holders::{Connection, Forgotten, Holders, Part},
        lease::Lease,
        outside::committed,
    },
};

/// Show who holds the migrations' lock, and discard a migration without a transaction that was started and will not be finished.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Migrations in a transaction are guarded by an advisory lock. It ends with its connection, so a crashed migrator leaves none behind, and there is nothing to unlock. If one hangs, --terminate ends it, and its migration is rolled back. Through a pooler (RDS Proxy, PgBouncer), the connections are the pooler's, so their addresses do not say who is behind them.\n\nMigrations without a transaction leave a row in the ledger that says how far they got. The next `infra migrate apply` continues from there by itself; use `unlock` if it must not.\n\nExamples:\n  infra migrate unlock\n  infra migrate unlock --terminate 4711"
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,

    /// End this connection, one of those shown; its transaction is rolled back.
    #[arg(long, value_name = "PID")]
    terminate: Option<i32>,

    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let (ledger, client) = args.source.ledger_alone().await?;
    let holders = ledger.holders(&client).await.map_err(read_failed)?;
    match args.source.json {
        true => _ = ended(as_json(&holders), CLEAN),
        false => show(&holders, &ledger),
    }
    // A program cannot be asked: without --yes it has been shown who holds what, and that is all.
    if args.source.json && !args.yes {
        return match args.terminate {
            None => Ok(CLEAN),
            Some(_) => Err(Failure::Input(miette::miette!("--terminate with --json asks nothing, so it needs --yes."))),
        };
    }
    if let Some(pid) = args.terminate {
        return terminate(&args, &holders, pid, &ledger, &client).await;
    }
    forget(&args, &holders, &ledger, &client).await
}

fn as_json(holders: &Holders) -> serde_json::Value {
    let mut shown = json!(holders);
    shown["result"] = json!("holders");
    shown
}

fn show(holders: &Holders, ledger: &Ledger) {
    if holders.connections.is_empty() && holders.lease.is_none() {
        print(&format!("Nobody holds the lock of {ledger}."));
    }
    for connection in &holders.connections {
        let Connection { pid, part, user, application, address, since, state } = connection;
        let what = match part {
            Part::Holds => style("holds the lock").yellow(),
            Part::Waits => style("waits for it").dim(),
            Part::Runs => style("runs a statement without a transaction").yellow(),
        };
        let since = since.map_or(String::new(), |since| format!(", since {}", ago(since)));
        // A pooler passes no name on unless it is told to.
        let application = if application.is_empty() { "without a name".to_owned() } else { format!("{application:?}") };
        let address = if address.is_empty() { "the server itself" } else { address.as_str() };
        print(&format!("  {pid}  {what}{since}: {user} from {address}, {application}, {state}"));
    }
    if holders.connections.iter().any(|connection| connection.part == Part::Holds) {
        print("  The lock ends with its transaction, at the latest with its connection: --terminate PID ends it now.");
    }
    if let Some(lease) = &holders.lease {
        let last = if lease.stopped { "It stopped" } else { "It was last seen" };
        print(&format!(
            "  {} {lease}, begun {}. {last} {}.",
            style("…").yellow(),
            ago(lease.since),
            ago(lease.renewed)
        ));
    }
}

async fn terminate(args: &Args, holders: &Holders, pid: i32, ledger: &Ledger, client: &Client) -> Result<u8, Failure> {
    if !holders.connections.iter().any(|connection| connection.pid == pid) {
        return Err(Failure::Input(miette::miette!(
            help = "Only connections that are shown can be ended with this.",
            "{pid} neither holds the lock of {ledger} nor waits for it."
        )));
    }
    if !args.yes {
        ask::yes(&format!("End the connection {pid}? What it has not committed is rolled back."))?;
    }
    let (result, text) = match ledger.terminate(client, pid).await.map_err(read_failed)? {
        true => ("terminated", format!("{pid} is ended.")),
        false => ("gone", format!("{pid} had ended already.")),
    };
    Ok(report(args, result, text, CLEAN))
}

async fn forget(args: &Args, holders: &Holders, ledger: &Ledger, client: &Client) -> Result<u8, Failure> {
    let Some(lease) = &holders.lease else { return Ok(CLEAN) };
    if holders.pulse.is_some_and(|pulse| pulse.at_work) {
        return Ok(report(args, "running", RUNNING.to_owned(), FAILED));
    }
    if !args.yes {
        // Of another role's sessions no more is shown.
        let hidden = if holders.pulse.is_some_and(|pulse| pulse.hidden) {
            "A session of its role is at work on something, perhaps on this. "
        } else {
            ""
        };
        ask::yes(&format!(
            "{hidden}What is done of {} stays in the database, and the next run begins at its first statement. Forget how far \
             it is?",
            lease.tag
        ))?;
    }
    let forgotten = ledger.forget(client, lease).await.map_err(read_failed)?;
    let (result, text, code) = match &forgotten {
        Forgotten::Yes(lease) => {
            let text = format!("Forgotten: {} counts as not started.{}", lease.tag, stays(args, lease));
            ("forgotten", text, CLEAN)
        }
        Forgotten::Runs => ("running", RUNNING.to_owned(), FAILED),
        Forgotten::Gone => {
            let text = "It was given back or taken over meanwhile; nothing was forgotten.";
            ("gone", text.to_owned(), FAILED)
        }
    };
    Ok(report(args, result, text, code))
}

const RUNNING: &str = "A statement of it is running at this moment: nothing was forgotten. Wait for it, or end it first with \
                       --terminate PID.";

/// What is in the database of it, and will be in the way of its next run.
fn stays(args: &Args, lease: &Lease) -> String {
    if lease.done == 0 {
        return String::new();
    }
    let folder =
        args.source.places().ok().and_then(|(_, path, _)| Folder::survey(&path).ok()).map(|(folder, _)| folder);
    let migration = folder.as_ref().and_then(|it| it.migrations.iter().find(|migration| migration.tag == lease.tag));
    let list = match migration {
        Some(migration) => committed(migration, lease).iter().map(|line| format!("\n  {}", shortened(line))).collect(),
        None => String::new(),
    };
    let first =
        if lease.done == 1 { "its first statement".to_owned() } else { format!("its first {} statements", lease.done) };
    format!(" What {first} did stays in the database, and the next run does it again:{list}")
}

/// What fits on a line.
fn shortened(line: &str) -> String {
    const LONGEST: usize = 110;
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn report(args: &Args, result: &str, text: String, code: u8) -> u8 {
    if args.source.json {
        return ended(json!({"result": result, "message": text}), code);
    }
    print(&text);
    code
}
