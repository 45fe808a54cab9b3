//! Variables for a shell: `infra local env --shell` sets them, and `--unset` gives the shell back what it had before.
//!
//! What the shell had is kept in variables of its own, by the shell itself: no value of the user's is ever printed.

use std::{ffi::OsStr, path::Path};

use clap_complete::Shell;

use super::Failure;
use crate::local::absent;

/// The variable that names those that were set or taken away.
const MARK: &str = "INFRA_LOCAL_ENV";
/// What stands before the name of a variable whose former value is kept.
const KEPT: &str = "INFRA_KEPT_";
/// What would take the place of the local cloud's key, or make it a session's: it is taken away.
const RIVALS: [&str; 3] = ["AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"];

/// The shell that was named, else the user's.
pub(super) fn shell_of(named: Option<Shell>) -> Result<Shell, Failure> {
    let plain = || is_posix(&std::env::var_os("SHELL")?).then_some(Shell::Bash);
    named.or_else(Shell::from_env).or_else(plain).ok_or_else(|| {
        Failure::Told(
            "The variable SHELL does not name a known shell. Name yours: --shell bash, elvish, fish, powershell or zsh"
                .to_owned(),
        )
    })
}

/// Whether a shell is one of those that know the lines for bash.
fn is_posix(shell: &OsStr) -> bool {
    let name = Path::new(shell).file_name().and_then(OsStr::to_str);
    name.is_some_and(|name| ["sh", "ash", "dash", "ksh", "mksh"].contains(&name))
}

/// The line that leads the user's shell to the cloud on `data`, to be told where it was started.
pub(super) fn hint(data: &Path) -> String {
    match Shell::from_env() {
        Some(shell @ (Shell::Bash | Shell::Zsh | Shell::Fish)) => {
            format!("\nTo use it in this shell: {}", leading(shell, data))
        }
        _ => String::new(),
    }
}

/// How AWS's own tool finds the cloud on `data`, to be told where its commands were.
pub(in crate::cli) fn tools(data: &Path) -> String {
    let command = leading(Shell::from_env().unwrap_or(Shell::Bash), data);
    format!("The `aws` commands find the local cloud after `{command}`.")
}

/// The line that leads a shell to the cloud on `data`.
fn leading(shell: Shell, data: &Path) -> String {
    let data = absent::option(data);
    match shell {
        Shell::Fish => format!("infra local env --shell fish{data} | source"),
        Shell::Elvish => format!("eval (infra local env --shell elvish{data} | slurp)"),
        Shell::PowerShell => format!("infra local env --shell powershell{data} | Out-String | iex"),
        _ => format!("eval \"$(infra local env --shell{data})\""),
    }
}

/// Lines that set variables and keep what they had before. `inherited` is the environment of this process, and
/// [`restored`] is to run first.
pub(super) fn given(
    shell: Shell,
    variables: &[(&'static str, String)],
    inherited: &impl Fn(&str) -> Option<String>,
) -> String {
    let ours = marked(inherited);
    let is_set = |name: &str| match ours.iter().any(|it| it == name) {
        true => inherited(&kept(name)).is_some(),
        false => inherited(name).is_some(),
    };
    let rivals: Vec<&str> = RIVALS.into_iter().filter(|name| is_set(name)).collect();
    let set = variables.iter().filter(|(name, _)| is_set(name)).map(|(name, _)| *name);
    let mut lines: Vec<String> = set.chain(rivals.iter().copied()).map(|name| copy(shell, &kept(name), name)).collect();
    lines.extend(rivals.iter().map(|name| unset(shell, name)));
    lines.extend(variables.iter().map(|(name, value)| set_to(shell, name, value)));
    let names: Vec<&str> = variables.iter().map(|(name, _)| *name).chain(rivals).collect();
    lines.push(set_to(shell, MARK, &names.join(" ")));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A line that fails, where there are none to set variables by.
pub(super) fn refusal(shell: Shell) -> &'static str {
    match shell {
        Shell::Elvish => "fail 'no variables for the local cloud'",
        Shell::PowerShell => "throw 'No variables for the local cloud'",
        _ => "false",
    }
}

/// Lines that undo [`given`]; none where it was not done.
pub(super) fn restored(shell: Shell, inherited: &impl Fn(&str) -> Option<String>) -> String {
    let mut lines = Vec::new();
    for name in marked(inherited) {
        match inherited(&kept(&name)) {
            Some(_) => lines.extend([copy(shell, &name, &kept(&name)), unset(shell, &kept(&name))]),
            // It may have been unset by hand since.
            None if inherited(&name).is_some() => lines.push(unset(shell, &name)),
            None => {}
        }
    }
    if inherited(MARK).is_some() {
        lines.push(unset(shell, MARK));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The variables that the shell was given. What is no name would be a command.
fn marked(inherited: &impl Fn(&str) -> Option<String>) -> Vec<String> {
    let is_name = |name: &&str| name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    inherited(MARK).unwrap_or_default().split_whitespace().filter(is_name).map(str::to_owned).collect()
}

fn kept(name: &str) -> String {
    format!("{KEPT}{name}")
}

fn set_to(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
        Shell::Elvish => format!("set-env {name} '{}'", value.replace('\'', "''")),
        Shell::PowerShell => format!("$Env:{name} = '{}'", value.replace('\'', "''")),
        _ => format!("export {name}='{}'", value.replace('\'', r"'\''")),
    }
}

fn copy(shell: Shell, to: &str, from: &str) -> String {
    match shell {
        Shell::Fish => format!("set -gx {to} \"${from}\""),
        Shell::Elvish => format!("set-env {to} $E:{from}"),
        Shell::PowerShell => format!("$Env:{to} = $Env:{from}"),
        _ => format!("export {to}=\"${from}\""),
    }
}

fn unset(shell: Shell, name: &str) -> String {
    match shell {
        Shell::Fish => format!("set -e {name}"),
        Shell::Elvish => format!("unset-env {name}"),
        Shell::PowerShell => format!("Remove-Item Env:{name}"),
        _ => format!("unset {name}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const OURS: [(&str, &str); 2] = [("AWS_REGION", "eu-central-1"), ("DB_PASSWORD", r#"it's \ $5 "`"#)];

    fn ours() -> Vec<(&'static str, String)> {
        OURS.map(|(name, value)| (name, value.to_owned())).to_vec()
    }

    #[test]
    fn every_shell_has_its_own_words() {
        let had = |name: &str| (name == "AWS_PROFILE").then(|| "work".to_owned());
        for (shell, lines) in [
            (
                Shell::Bash,
                [
                    "export INFRA_KEPT_AWS_PROFILE=\"$AWS_PROFILE\"",
                    "unset AWS_PROFILE",
                    "export AWS_REGION='eu-central-1'",
                    r#"export DB_PASSWORD='it'\''s \ $5 "`'"#,
                    "export INFRA_LOCAL_ENV='AWS_REGION DB_PASSWORD AWS_PROFILE'",
                ],
            ),
            (
                Shell::Fish,
                [
                    "set -gx INFRA_KEPT_AWS_PROFILE \"$AWS_PROFILE\"",
                    "set -e AWS_PROFILE",
                    "set -gx AWS_REGION 'eu-central-1'",
                    r#"set -gx DB_PASSWORD 'it\'s \\ $5 "`'"#,
                    "set -gx INFRA_LOCAL_ENV 'AWS_REGION DB_PASSWORD AWS_PROFILE'",
                ],
            ),
            (
                Shell::Elvish,
                [
                    "set-env INFRA_KEPT_AWS_PROFILE $E:AWS_PROFILE",
                    "unset-env AWS_PROFILE",
                    "set-env AWS_REGION 'eu-central-1'",
                    r#"set-env DB_PASSWORD 'it''s \ $5 "`'"#,
                    "set-env INFRA_LOCAL_ENV 'AWS_REGION DB_PASSWORD AWS_PROFILE'",
                ],
            ),
            (
                Shell::PowerShell,
                [
                    "$Env:INFRA_KEPT_AWS_PROFILE = $Env:AWS_PROFILE",
                    "Remove-Item Env:AWS_PROFILE",
                    "$Env:AWS_REGION = 'eu-central-1'",
                    r#"$Env:DB_PASSWORD = 'it''s \ $5 "`'"#,
                    "$Env:INFRA_LOCAL_ENV = 'AWS_REGION DB_PASSWORD AWS_PROFILE'",
                ],
            ),
        ] {
            assert_eq!(given(shell, &ours(), &had).lines().collect::<Vec<_>>(), lines, "{shell}");
        }
    }

    /// The AWS_ and other variables of a shell after it ran lines.
    fn ran(lines: &str, had: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", &format!("{lines}\nenv -0")]).env_clear().envs(had);
        let output = shell.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let all = text.split_terminator('\0').filter_map(|line| line.split_once('='));
        let own = ["PWD", "OLDPWD", "SHLVL", "_"];
        all.filter(|(name, _)| !own.contains(name)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn a_shell_gets_back_what_it_had() {
        let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let environment = |all: &BTreeMap<String, String>| {
            let all = all.clone();
            move |name: &str| all.get(name).cloned()
        };
        for had in [
            pairs(&[("PATH", "/usr/bin:/bin")]),
            pairs(&[("PATH", "/usr/bin:/bin"), ("AWS_REGION", "it's \"$here\""), ("AWS_PROFILE", "work")]),
            pairs(&[("PATH", "/usr/bin:/bin"), ("AWS_SESSION_TOKEN", ""), ("AWS_ENDPOINT_URL", "http://other")]),
        ] {
            let first = ran(&given(Shell::Bash, &ours(), &environment(&had)), &had);
            assert_eq!(OURS.map(|(name, _)| first[name].as_str()), OURS.map(|(_, value)| value));
            assert!(RIVALS.iter().all(|name| !first.contains_key(*name)), "{first:?}");
            // Again, now with other variables: the first ones are gone, and what is kept is what the user had.
            let inherited = environment(&first);
            let other = [("AWS_ENDPOINT_URL", "http://127.0.0.1:4566".to_owned())];
            let lines = restored(Shell::Bash, &inherited) + &given(Shell::Bash, &other, &inherited);
            let second = ran(&lines, &first);
            assert_eq!(second.get("AWS_REGION"), had.get("AWS_REGION"));
            assert_eq!(second["AWS_ENDPOINT_URL"], "http://127.0.0.1:4566");
            assert_eq!(ran(&restored(Shell::Bash, &environment(&second)), &second), had);
        }
        assert_eq!(restored(Shell::Bash, &environment(&pairs(&[("AWS_REGION", "x")]))), "");
    }

    #[test]
    fn a_mark_that_is_none_of_ours_runs_nothing() {
        let strange = |name: &str| (name == MARK).then(|| "a;b $(c) X=1 AWS_REGION".to_owned());
        assert_eq!(restored(Shell::Bash, &strange), "unset INFRA_LOCAL_ENV\n");
    }
}
