//! Commands that are named in what is said: they get the arguments by which this run found its stack or its database, so that
//! whoever copies one asks the same.

use std::{
    borrow::Cow,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

static GIVEN: OnceLock<Given> = OnceLock::new();
/// Whether anything that was said names a command of AWS's own tool.
static NAMES_AWS: AtomicBool = AtomicBool::new(false);

/// What commands are to be given.
#[derive(Debug)]
pub struct Given {
    /// The command's words after `infra`, and its arguments with a blank before each.
    pub arguments: Vec<(&'static str, String)>,
    /// Whether everything that is printed is ours. Where it may be SQL of the user's, sentences alone are told so.
    pub everywhere: bool,
    /// How AWS's own tool finds the cloud that is meant, as a sentence, where it does not by itself.
    pub tools: Option<String>,
}

/// From here on commands in what is said are told with these arguments. Only the first call counts.
pub fn take(given: Given) {
    let _ = GIVEN.set(given);
}

/// How AWS's own tool finds the cloud that is meant, where what was said until now names a command of it: to be told once, at the end.
pub fn tools() -> Option<&'static str> {
    GIVEN.get()?.tools.as_deref().filter(|_| NAMES_AWS.load(Ordering::Relaxed))
}

/// Whether a command of AWS's own tool is named, between backticks, also where a report broke it in two lines, or in a line of its own.
fn names_aws(text: &str) -> bool {
    let within = text.split("`aws").skip(1).any(|command| command.starts_with(char::is_whitespace));
    within || text.lines().any(|line| line.trim_start().starts_with("aws "))
}

fn heed(text: &str) {
    if names_aws(text) {
        NAMES_AWS.store(true, Ordering::Relaxed);
    }
}

/// A sentence of ours with its commands as they have to be typed.
pub fn whole(text: &str) -> Cow<'_, str> {
    heed(text);
    GIVEN.get().map_or(text.into(), |given| with(text, &given.arguments))
}

/// The same for whatever is printed.
pub(super) fn printed(text: &str) -> Cow<'_, str> {
    heed(text);
    GIVEN.get().filter(|given| given.everywhere).map_or(text.into(), |given| with(text, &given.arguments))
}

/// What a command has that needs nothing more, or was told so already.
const ENOUGH: [&str; 8] = ["--local", "--endpoint-url", ".yaml", "--folder", "--ledger", "--url", "--stack", "--rules"];

/// Puts the arguments at the end of each command between backticks; where a report broke the command in two lines as well.
fn with<'a>(text: &'a str, arguments: &[(&'static str, String)]) -> Cow<'a, str> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("`infra") {
        let Some((command, after)) = after.split_once('`') else { break };
        let words = || command.split_whitespace().filter(|word| *word != "│");
        let is_meant = |name: &str| name.split(' ').eq(words().take(name.split(' ').count()));
        let meant = arguments.iter().find(|(name, _)| command.starts_with(char::is_whitespace) && is_meant(name));
        let meant = meant.filter(|_| !ENOUGH.iter().any(|it| command.contains(it)));
        let arguments = meant.map_or("", |(_, arguments)| arguments);
        whole.push_str(&format!("{before}`infra{command}{arguments}`"));
        rest = after;
    }
    if whole.is_empty() {
        return text.into();
    }
    whole.push_str(rest);
    whole.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_get_what_they_need_and_nothing_else_changes() {
        for (text, expected) in [
            ("See `infra diff`.", "See `infra diff --local`."),
            (
                "`infra import vpc/main vpc-1` or `infra unlock`",
                "`infra import vpc/main vpc-1 --local` or `infra unlock --local`",
            ),
            ("run `infra\n  │ unlock` then", "run `infra\n  │ unlock --local` then"),
            ("`infra` is `infrastructure`", "`infra` is `infrastructure`"),
            ("run `infra import\n  │ vpc/main vpc-1` then", "run `infra import\n  │ vpc/main vpc-1 --local` then"),
            ("`infra deploy --local` makes one", "`infra deploy --local` makes one"),
            ("`infra local start`, then `infra migrate apply`", "`infra local start`, then `infra migrate apply`"),
            ("runs `infra deploy", "runs `infra deploy"),
            ("no command", "no command"),
        ] {
            let verbs = ["diff", "unlock", "import", "deploy"].map(|verb| (verb, " --local".to_owned()));
            assert_eq!(with(text, &verbs), expected);
        }
    }

    #[test]
    fn a_command_of_aws_is_one_also_in_two_lines() {
        for (text, expected) in [
            ("start it (`aws rds start-db-cluster`)", true),
            ("with `aws\n  │ rds start-db-cluster`", true),
            ("Give the cluster the secret's:\n    umask 077\n    aws rds modify-db-cluster", true),
            ("The `aws` commands find it", false),
            ("`awslocal s3 ls` or `infra diff`", false),
        ] {
            assert_eq!(names_aws(text), expected, "{text}");
        }
    }

    #[test]
    fn each_command_gets_its_own() {
        let given =
            [("migrate apply", " --folder m --ledger a.b".to_owned()), ("migrate new", " --folder m".to_owned())];
        for (text, expected) in [
            ("`infra migrate new NAME`, then", "`infra migrate new NAME --folder m`, then"),
            ("`infra migrate apply --to 1`", "`infra migrate apply --to 1 --folder m --ledger a.b`"),
            ("`infra migrate apply --folder x`", "`infra migrate apply --folder x`"),
            ("`infra migrate applying` or `infra migrate`", "`infra migrate applying` or `infra migrate`"),
        ] {
            assert_eq!(with(text, &given), expected);
        }
    }
}
