//! What is said of the work: events in a few words, failures as the migrator's own report.

use miette::GraphicalReportHandler;

use crate::{
    aws::Error,
    migrate::{ConnectError, Event, Failure, Refusal},
};

/// An event in a few words.
pub(super) fn told(event: Event) -> String {
    match event {
        Event::Waiting => "waiting for another migrator".to_owned(),
        Event::Held { by, .. } => format!("waiting for {by}"),
        Event::Started { tag } => format!("applying {tag}"),
        Event::Empty { tag, .. } => format!("{tag} has no statement: nothing ran"),
        Event::Accepted { tag } => format!("{tag}: its hash in the ledger is now that of the edited file"),
        Event::NotAccepted { tag, why } => format!("{tag}: {why}"),
        Event::Late { tag, after } => format!("{tag} runs although {after} after it is applied"),
        Event::Misordered { tag, after } => {
            format!("{tag} runs although its `when` is not greater than that of {after}")
        }
        Event::Together { count, apart } => format!("{} migrations in one transaction", count - apart.len()),
        Event::Twice { tag, rows } => format!("{tag} is recorded {} times: two migrators ran it at once", rows.len()),
        // The whole statement may hold what is no one's business (CREATE ROLE … PASSWORD).
        Event::Statement { tag, number, of, text } => {
            let verb: Vec<&str> = text.split_whitespace().take(2).collect();
            format!("{tag} {number}/{of}: {}", verb.join(" "))
        }
        Event::Applied { tag, millis } => format!("applied {tag} in {millis} ms"),
        Event::Retrying { tag, attempt, of, message, .. } => format!("{tag}: {message}; attempt {attempt} of {of}"),
        Event::Resumed { tag, done, of } => format!("going on with {tag} after statement {done} of {of}"),
        Event::Dropped { tag, index } => format!("{tag}: dropped the INVALID index {index} of a failed attempt"),
        Event::Notice { severity, message, detail, hint } => {
            let more = [("DETAIL", detail), ("HINT", hint)];
            let more = more.into_iter().filter_map(|(word, more)| Some(format!("; {word}: {}", more?)));
            format!("{severity}: {message}{}", more.collect::<String>())
        }
    }
}

/// What to do about a refusal, or several of a kind, with the command that has the `option` for it.
pub(super) fn remedy(refusal: &dyn miette::Diagnostic, option: Option<String>, command: &str) -> String {
    let help = refusal.help().map(|help| help.to_string()).unwrap_or_default();
    match option {
        Some(option) => format!("{help} Here that is: {command} {option}"),
        None => help,
    }
}

/// Where the work is done, as far as it matters for what is to be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whence {
    /// Where the command runs.
    Here,
    /// In the function inside the VPC.
    Function,
}

impl Whence {
    /// What it means that nothing answers.
    pub(super) fn unreached(self, error: &ConnectError) -> Error {
        match self {
            Self::Here => outside(error),
            Self::Function => locked_out(error),
        }
    }
}

/// What to do where a function cannot apply them.
pub(super) fn elsewhere() -> &'static str {
    "Apply them from inside the VPC: `migrations.runner: here`, on a machine that `proxy.allow_from` lets in."
}

/// A private proxy and a laptop.
fn outside(error: &ConnectError) -> Error {
    Error::other(format!(
        "{error} An RDS Proxy can only be reached from inside its VPC, and this command runs outside of it."
    ))
    .advise(
        "Write `runner: lambda` into `migrations`: then a function inside the VPC applies them, wherever the command runs. Or run \
         the same command inside the VPC (a CI runner, a bastion, CloudShell in the VPC), and let that machine in: its \
         address range or security group goes into `proxy.allow_from`. Or give --skip-migrations, and apply them from there \
         with `infra migrate apply`. Everything before this stands.",
    )
}

/// The function is inside, and yet nothing answers.
fn locked_out(error: &ConnectError) -> Error {
    Error::other(format!("{error} The function asked from inside the VPC.")).advise(
        "Look whether the proxy lets the security group of the function in (`infra diff` shows rules that were changed), and run \
         the same command again. Everything before this stands.",
    )
}

/// Why not everything was applied.
pub(super) fn told_failure(failure: &Failure, command: &str, whence: Whence) -> Error {
    match failure {
        // Nobody but Lambda's clock interrupts a function. The next one would come no further.
        Failure::Interrupted { applied, pending, half: None } if whence == Whence::Function && applied.is_empty() => {
            let which = pending.first().map_or_else(String::new, |tag| format!(": {tag} was taken back"));
            Error::other(format!(
                "Lambda ends a function after 15 minutes, and these were not enough for one migration{which}."
            ))
            .advise(elsewhere())
        }
        Failure::Refused { refusals, .. } => {
            let told = |refusal: &Refusal| format!("{refusal}\n    {}", remedy(refusal, refusal.option(), command));
            let reasons: Vec<String> = refusals.iter().map(told).collect();
            Error::other(format!("{failure}\n{}", reasons.join("\n")))
        }
        Failure::Statement(_) => report(failure)
            .advise("Migrations applied before it are kept. Fix the migration and run the same command again."),
        Failure::Busy { .. } => {
            let unlock = command.replacen("migrate apply", "migrate unlock", 1);
            report(failure).advise(format!("Here that is: {unlock}"))
        }
        other => report(other).advise("Migrations applied before it are kept. Run the same command again."),
    }
}

/// The migrator's own report, with the file, the line and the statement.
pub(super) fn report(error: &dyn miette::Diagnostic) -> Error {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor());
    if handler.render_report(&mut text, error).is_err() {
        text = error.to_string();
    }
    Error::other(text.trim().to_owned())
}
