//! The database that variables name: of the environment, else of the file `.env.local`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use miette::miette;

use super::source::DESCRIPTION;
use crate::{
    cli::Failure,
    migrate::{Target, target::TargetError},
};

/// Where `infra local env` and others put the database's variables.
const ENV_FILE: &str = ".env.local";

/// The variable with a whole URL.
const URL: &str = "DATABASE_URL";

/// A variable of the environment; an empty one is none.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a database is named, by the environment or `.env.local`.
pub(super) fn name_database() -> bool {
    let file = Path::new(ENV_FILE);
    // One that cannot be read names something, and connecting says what is wrong with it.
    let named = || env_file(file).map_or(true, |file| [URL, "DB_HOST"].iter().any(|name| file.contains_key(*name)));
    (file.is_file() && named()) || [URL, "DB_HOST"].into_iter().any(|name| environment(name).is_some())
}

/// The database of --url, else of the environment, else of `.env.local`; never part from here and part from there. Where it is
/// not the command line that says it, what does.
pub(super) fn database(url: Option<&str>) -> Result<(Option<String>, Target), Failure> {
    let input = |error: TargetError| Failure::Input(miette::Report::msg(error.to_string()));
    let of_url = |url: &str| Target::from_url(url, environment("PGSSLROOTCERT").map(PathBuf::from)).map_err(input);
    if let Some(url) = url {
        return Ok((None, of_url(url)?));
    }
    if let Some(url) = environment(URL) {
        return Ok((Some(format!("{URL} in the environment")), of_url(&url)?));
    }
    if environment("DB_HOST").is_none() && !Path::new(ENV_FILE).is_file() {
        let of_stack = if Path::new(DESCRIPTION).is_file() {
            format!(
                "--local for that of {DESCRIPTION} in the local cloud, --stack {DESCRIPTION} for the one in AWS, or --url"
            )
        } else {
            "--url, or --stack FILE for a stack's (with --local, in the local cloud)".to_owned()
        };
        let help = format!(
            "Give {of_stack}; or set DATABASE_URL, or DB_HOST, DB_PORT, DB_NAME, DB_USERNAME and DB_PASSWORD, in the \
             environment or in a file .env.local here."
        );
        return Err(Failure::Input(miette!(help = help, "Which database?")));
    }
    if environment("DB_HOST").is_some() {
        let target = Target::from_variables(environment).map_err(input)?;
        return Ok((Some("DB_HOST in the environment".to_owned()), target));
    }
    let file = env_file(Path::new(ENV_FILE))?;
    let variable = |name: &str| file.get(name).cloned();
    let (name, target) = match variable(URL).filter(|_| !file.contains_key("DB_HOST")) {
        Some(url) => (URL, Target::from_url(&url, variable("PGSSLROOTCERT").map(PathBuf::from))),
        None => ("DB_HOST", Target::from_variables(variable)),
    };
    let target = target.map_err(|error| Failure::Input(miette!("In {ENV_FILE}: {error}")))?;
    Ok((Some(format!("{name} in {ENV_FILE}")), target))
}

/// The variables of a file as `infra local env` writes it.
fn env_file(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let unreadable = |line: usize, error: dotenvy::Error| {
        // The parser's own words hold the line, and the line may hold the password.
        let reason = match error {
            dotenvy::Error::Io(error) => error.to_string(),
            _ => format!("line {line} is not of the form NAME=value"),
        };
        Failure::Input(miette!("{} cannot be read: {reason}.", path.display()))
    };
    if let Some((line, name)) = std::fs::read_to_string(path).ok().as_deref().and_then(ambiguous) {
        let help = "Some tools put a variable in its place, some do not. Write the value in single quotes: it is then taken as it is.";
        return Err(Failure::Input(miette!(
            help = help,
            "{} cannot be read: {name} in line {line} has a $ in it that is not in single quotes.",
            path.display()
        )));
    }
    let lines = dotenvy::from_path_iter(path).map_err(|error| unreadable(0, error))?;
    (1..).zip(lines).map(|(line, item)| item.map_err(|error| unreadable(line, error))).collect()
}

/// The first of our variables whose value would be another one where `$` is expanded, and its line.
fn ambiguous(text: &str) -> Option<(usize, &str)> {
    (1..).zip(text.lines()).find_map(|(number, line)| {
        let line = line.trim_start();
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let ours = name == URL || name.starts_with("DB_") || name.starts_with("PGSSL");
        (ours && !value.starts_with('\'') && value.replace("\\$", "").contains('$')).then_some((number, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_as_people_write_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "# ours\nexport DB_HOST=127.0.0.1\nDB_PORT = 5433\nDB_NAME=\"shop\"\nDB_PASSWORD='pa$word # 1'\nDB_USERNAME=me # who\n";
        std::fs::write(file.path(), text).unwrap();
        let found = env_file(file.path()).unwrap();
        let value = |name: &str| found[name].clone();
        assert_eq!(
            (value("DB_HOST"), value("DB_PORT"), value("DB_NAME")),
            ("127.0.0.1".into(), "5433".into(), "shop".into())
        );
        assert_eq!((value("DB_PASSWORD"), value("DB_USERNAME")), ("pa$word # 1".into(), "me".into()));
    }

    #[test]
    fn a_dollar_that_tools_read_differently_is_refused() {
        let table = [
            ("DB_PASSWORD=pa$word", Some((1, "DB_PASSWORD"))),
            ("A=$B\nexport DATABASE_URL=\"postgres://a:b$c@d/e\"", Some((2, "DATABASE_URL"))),
            ("DB_PASSWORD='pa$word'", None),
            ("DB_PASSWORD=pa\\$word", None),
            ("OTHER=$X", None),
        ];
        for (text, expected) in table {
            assert_eq!(ambiguous(text), expected, "{text}");
        }
    }
}
