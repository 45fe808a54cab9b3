//! `infra local env`: the variables that lead to the local cloud and its database, for a file.

use clap_complete::Shell;
use serde_json::Value;

use super::{
    Choice, Env, Failure, database,
    shell::{self, shell_of},
};
use crate::{
    local::{client, databases::Database},
    render::output::{print, tell},
};

/// Prints the variables, or what gives a shell its own ones back.
pub(super) async fn env(asked: &Env) -> Result<(), Failure> {
    let outcome = lines(asked).await;
    // Nothing would be evaluated as a success, and what comes next would be meant for AWS.
    if let (Err(_), Some(named)) = (&outcome, asked.shell) {
        print(shell::refusal(shell_of(named).unwrap_or(Shell::Bash)));
    }
    outcome
}

async fn lines(Env { way, shell, unset }: &Env) -> Result<(), Failure> {
    let inherited = |name: &str| std::env::var(name).ok();
    if *unset {
        match shell::restored(shell_of(shell.flatten())?, &inherited) {
            nothing if nothing.is_empty() => {
                tell("There is nothing to unset: this shell has no variables from `infra local env --shell`.");
            }
            restored => print(restored.trim_end()),
        }
        return Ok(());
    }
    let shell = shell.map(shell_of).transpose()?;
    let database = match database::find(&way.choice, !way.direct).await {
        Ok(database) => Some(database),
        // Where there are several, a shell has use for the others, and a file has not: what reads it wants a database.
        Err(failure @ (Failure::NoDatabase(_) | Failure::Databases(_)))
            if way.choice.stack.is_none()
                && way.choice.cluster.is_none()
                && (shell.is_some() || matches!(failure, Failure::NoDatabase(_))) =>
        {
            tell(&format!("{failure}. Only the variables for AWS tools are printed."));
            None
        }
        Err(failure) => return Err(failure),
    };
    let variables = variables(&way.choice, database.as_ref(), &inherited).await?;
    if variables.contains(&("AWS_REGION", "us-east-1".to_owned())) {
        tell(
            "Version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for `rds` in us-east-1: add --endpoint-url \"$AWS_ENDPOINT_URL\".",
        );
    }
    match shell {
        Some(shell) => {
            let lines = shell::restored(shell, &inherited) + &shell::given(shell, &variables, &inherited);
            print(lines.trim_end());
        }
        None => variables.iter().for_each(|(name, value)| print(&format!("{name}={}", quoted(value)))),
    }
    Ok(())
}

/// The variables in the order in which they are printed.
async fn variables(
    choice: &Choice,
    database: Option<&Database>,
    inherited: &impl Fn(&str) -> Option<String>,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let data = &choice.folder.data;
    let mut all = Vec::new();
    let (account, region) = match database {
        Some(database) => {
            all.push(("DB_HOST", database.host.clone()));
            all.push(("DB_PORT", database.port.to_string()));
            all.push(("DB_NAME", database.name.clone()));
            all.push(("DB_USERNAME", database.username.clone()));
            all.push(("DB_PASSWORD", database.password.clone()));
            all.push(match &database.ca_file {
                Some(file) => ("DB_CA_FILE", file.clone()),
                None => ("PGSSLMODE", "disable".to_owned()),
            });
            (database.account.clone(), database.region.clone())
        }
        None => place(&client::get(data, "inventory").await?).unwrap_or_else(|| {
            let region = inherited("AWS_REGION").or_else(|| inherited("AWS_DEFAULT_REGION"));
            ("000000000000".to_owned(), region.unwrap_or_else(|| "us-east-1".to_owned()))
        }),
    };
    let endpoint = client::get(data, "status").await?["endpoint"].as_str().unwrap_or_default().to_owned();
    all.push(("AWS_ENDPOINT_URL", endpoint));
    // The access key is the account. Keys of this kind open nothing in AWS: what overlooks the endpoint is refused there.
    all.push(("AWS_ACCESS_KEY_ID", account));
    all.push(("AWS_SECRET_ACCESS_KEY", "local".to_owned()));
    // Some tools read one, some the other.
    all.push(("AWS_REGION", region.clone()));
    all.push(("AWS_DEFAULT_REGION", region));
    Ok(all)
}

/// The one account and region in which there is anything.
fn place(inventory: &Value) -> Option<(String, String)> {
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let items = inventory.as_array().into_iter().flatten().filter(|item| item["region"] != "global");
    let mut places: Vec<_> = items.map(|item| (text(item, "account"), text(item, "region"))).collect();
    places.sort();
    places.dedup();
    (places.len() == 1).then(|| places.pop()).flatten()
}

/// A value as .env files and shells alike read it.
fn quoted(value: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@".contains(letter);
    match value {
        _ if !value.is_empty() && value.chars().all(plain) => value.to_owned(),
        _ if !value.contains('\'') => format!("'{value}'"),
        _ => {
            let escape = |letter| match letter {
                '\\' | '"' | '$' | '`' => vec!['\\', letter],
                _ => vec![letter],
            };
            format!("\"{}\"", value.chars().flat_map(escape).collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let cases = [("127.0.0.2", "127.0.0.2"), ("", "''"), ("a b$c", "'a b$c'"), ("it's $5", "\"it's \\$5\"")];
        for (value, expected) in cases {
            assert_eq!(quoted(value), expected);
        }
    }

    #[test]
    fn without_a_database_the_one_place_with_anything_in_it_is_meant() {
        let item = |region: &str| json!({ "account": "000000000000", "region": region });
        assert_eq!(place(&json!([])), None);
        let one = json!([item("global"), item("eu-west-3"), item("eu-west-3")]);
        assert_eq!(place(&one), Some(("000000000000".to_owned(), "eu-west-3".to_owned())));
        assert_eq!(place(&json!([item("eu-west-3"), item("eu-west-1")])), None);
    }
}
