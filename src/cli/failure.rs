//! What ends a verb: the kind of failure decides the exit code, the text says what to do.

use console::style;
use miette::miette;
use serde_json::{Value, json};

use super::{BAD_INPUT, FAILED, INTERRUPTED};
use crate::{
    aws,
    engine::{lock::Holder, plan},
    render::{
        outcome::advice,
        output::{print, tell, wrapped_to_tell},
        report::help,
    },
    stack,
};

/// Why a verb ends without having done what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The description is wrong: every error in it, with its place.
    Invalid(stack::Invalid),
    /// The arguments are wrong, or do not fit the terminal.
    Input(miette::Report),
    /// A call failed.
    Aws(aws::Error),
    /// Kinds that could not be listed, each with what AWS said.
    Unseen(Vec<(&'static str, aws::Error)>),
    /// No plan can be made.
    Plan(plan::Error),
    /// Somebody works on this stack.
    Locked(String, Box<Holder>),
    /// We were told to stop before anything was done.
    Interrupted,
    /// Anything else.
    Other(miette::Report),
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Invalid(_) | Self::Input(_) => BAD_INPUT,
            Self::Interrupted => INTERRUPTED,
            Self::Aws(_) | Self::Unseen(_) | Self::Plan(_) | Self::Locked(..) | Self::Other(_) => FAILED,
        }
    }

    /// The exit code, after telling what happened: people on standard error, and whoever asked for JSON on standard output.
    pub fn tell(&self, json: bool) -> u8 {
        if json {
            print(&self.json().to_string());
        }
        self.print();
        self.code()
    }

    /// What kind of end it is, in a word.
    fn result(&self) -> &'static str {
        match self {
            Self::Plan(plan::Error::Refused(_)) => "refused",
            Self::Locked(..) => "locked",
            Self::Interrupted => "interrupted",
            _ => "failed",
        }
    }

    /// The same for programs: one object, with the place where there is one.
    pub fn json(&self) -> Value {
        let mut object = json!({
            "event": "finished", "complete": false, "result": self.result(), "exit_code": self.code(),
        });
        match self {
            Self::Invalid(invalid) => {
                object["message"] = json!("The stack description is not valid.");
                object["diagnostics"] = json!(invalid.diagnostics);
            }
            Self::Input(report) | Self::Other(report) => {
                object["message"] = json!(report.to_string());
                object["help"] = json!(help(report.as_ref()));
                if let (Some(source), Some(label)) =
                    (report.source_code(), report.labels().and_then(|mut labels| labels.next()))
                    && let Ok(place) = source.read_span(label.inner(), 0, 0)
                {
                    object["file"] = json!(place.name());
                    object["line"] = json!(place.line() + 1);
                    object["column"] = json!(place.column() + 1);
                }
            }
            Self::Locked(stack, holder) => {
                object["message"] = json!(locked(stack, holder).to_string());
                object["help"] = json!(locked(stack, holder).help().map(|help| help.to_string()));
                object["lock"] = json!(holder);
            }
            Self::Interrupted => object["message"] = json!("Interrupted before anything was changed."),
            Self::Aws(error) => object["message"] = json!(console::strip_ansi_codes(&call(None, error))),
            Self::Unseen(errors) => {
                let calls: Vec<String> = distinct(errors).iter().map(|(kind, error)| call(Some(kind), error)).collect();
                object["message"] = json!(console::strip_ansi_codes(&calls.join("\n")));
            }
            Self::Plan(error) => {
                object["message"] = json!(error.to_string());
                if let plan::Error::Refused(refusals) = error {
                    object["refused"] = json!(refusals);
                }
            }
        }
        object
    }

    /// Says on standard error what happened.
    fn print(&self) {
        match self {
            Self::Invalid(invalid) => tell(&invalid.to_string()),
            Self::Input(report) | Self::Other(report) => tell(&format!("{report:?}")),
            Self::Locked(stack, holder) => tell(&format!("{:?}", locked(stack, holder))),
            Self::Interrupted => tell("Interrupted before anything was changed."),
            Self::Aws(error) => tell(&call(None, error)),
            Self::Unseen(errors) => {
                for (kind, error) in distinct(errors) {
                    tell(&call(Some(&kind), error));
                }
            }
            Self::Plan(plan::Error::Refused(refusals)) => {
                tell(&format!("{} Nothing was changed.", style("Refused.").red().bold()));
                for refusal in refusals {
                    let reason = wrapped_to_tell(&format!("    {}", refusal.reason), "    ");
                    let remedy = wrapped_to_tell(&format!("    {} {}", style("→").cyan(), refusal.remedy), "      ");
                    tell(&format!("\n  {}\n{reason}\n{remedy}", style(&refusal.address).bold()));
                }
            }
            Self::Plan(error) => tell(&format!("{} {error}", style("No plan.").red().bold())),
        }
    }
}

/// Who has to be waited for.
fn locked(stack: &str, holder: &Holder) -> miette::Report {
    if holder.is_gone() {
        return miette!(
            help = "That process has ended without giving the lock back. Run the same command again: it takes the lock over. Or \
                    remove the lock with `infra unlock`.",
            "The stack {stack} is still locked by {holder}. Nothing was changed."
        );
    }
    miette!(
        help = "Wait for it (`--lock-wait SECONDS`), or, if that process is gone for good, run `infra unlock`.",
        "The stack {stack} is being worked on by {holder}. Nothing was changed."
    )
}

/// The same refusal for many kinds (no credentials, no network) is said once.
fn distinct<'a>(errors: &'a [(&'static str, aws::Error)]) -> Vec<(String, &'a aws::Error)> {
    let mut told: Vec<(String, &aws::Error)> = Vec::new();
    for (kind, error) in errors {
        match told.iter_mut().find(|(_, other)| other.message == error.message) {
            Some((kinds, _)) => *kinds = format!("{kinds}, {kind}"),
            None => told.push(((*kind).to_owned(), error)),
        }
    }
    told
}

fn call(kind: Option<&str>, error: &aws::Error) -> String {
    let what = match (kind, error.action.is_empty()) {
        (Some(kind), _) => format!("Listing {kind} failed."),
        (None, false) => format!("{} failed.", error.action),
        (None, true) => "Failed.".to_owned(),
    };
    let message = message(error);
    let code = error.code.as_ref().map_or(String::new(), |code| format!(" {}", style(format!("({code})")).dim()));
    let advice = advice(error).map_or(String::new(), |advice| format!("\n  {} {advice}", style("→").cyan()));
    format!("{} {}{code}{advice}", style(what).red().bold(), message)
}

/// What went wrong; that there are no credentials, without all the places where they were looked for.
fn message(error: &aws::Error) -> String {
    // The last place where the SDK looks is the metadata of a machine in EC2, which most machines are not.
    let nowhere = ["no credentials found in chain", "failed to load IMDS session token"];
    if nowhere.iter().any(|text| error.message.contains(text)) {
        return match std::env::var("AWS_PROFILE") {
            Ok(profile) => format!("The profile {profile} has no credentials, and there are none elsewhere."),
            Err(_) => "There are no AWS credentials: none in the environment, none in a profile. `--local` needs none."
                .to_owned(),
        };
    }
    error.message.clone()
}

impl From<aws::Error> for Failure {
    fn from(error: aws::Error) -> Self {
        Self::Aws(error)
    }
}

impl From<plan::Error> for Failure {
    fn from(error: plan::Error) -> Self {
        Self::Plan(error)
    }
}

impl From<miette::Report> for Failure {
    fn from(report: miette::Report) -> Self {
        Self::Other(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_whose_holder_is_dead_is_not_to_be_waited_for() {
        let holder = Holder::this("me", "deploy");
        let help = |holder: &Holder| locked("shop", holder).help().map(|help| help.to_string()).unwrap_or_default();
        assert!(help(&holder).contains("--lock-wait"));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let gone = Holder { pid: child.id(), ..holder };
        // Where the system does not tell its processes from another machine's, nobody knows.
        assert_eq!(help(&gone).contains("--lock-wait"), !gone.is_gone());
        assert_eq!(help(&gone).contains("takes the lock over") && help(&gone).contains("infra unlock"), gone.is_gone());
    }
}
