//! Commands that are named in what is said: they get the arguments by which this run found its stack, so that whoever copies
//! one asks the same stack in the same cloud.

use std::{borrow::Cow, sync::OnceLock};

/// The verbs that take them.
const VERBS: [&str; 7] = ["deploy", "destroy", "diff", "import", "outputs", "status", "unlock"];

static ARGUMENTS: OnceLock<String> = OnceLock::new();

/// From here on every command in what is said is told with these arguments. Only the first call counts.
pub fn take(arguments: String) {
    let _ = ARGUMENTS.set(arguments);
}

/// The text with its commands as they have to be typed.
pub(super) fn whole(text: &str) -> Cow<'_, str> {
    match ARGUMENTS.get() {
        Some(arguments) if !arguments.is_empty() => with(text, arguments),
        _ => text.into(),
    }
}

/// Puts the arguments at the end of each command between backticks; where a report broke the command in two lines as well.
fn with<'a>(text: &'a str, arguments: &str) -> Cow<'a, str> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("`infra") {
        let Some((command, after)) = after.split_once('`') else { break };
        let mut words = command.split_whitespace().filter(|word| *word != "│");
        let takes_them = words.next().is_some_and(|verb| VERBS.contains(&verb));
        let has_them = command.contains("--local") || command.contains("--endpoint-url") || command.contains(".yaml");
        let arguments = if takes_them && !has_them { arguments } else { "" };
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
            assert_eq!(with(text, " --local"), expected);
        }
    }
}
