//! `infra local psql` and `reset`: the databases behind the local cloud.

use std::{
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
};

use serde::Deserialize as _;

use super::{Choice, Failure, Reset, Way};
use crate::{
    local::{client, databases::Database},
    migrate::{self, Client, Event, Folder, Ledger, Options, Roots, Secret, Target, Tls, target::CONNECT_TIMEOUT},
    render::output::print,
    stack::{self, Sources},
};

/// Becomes psql.
pub(super) async fn psql(Way { choice, direct }: &Way, arguments: &[String]) -> Result<ExitCode, Failure> {
    let database = find(choice, !direct).await?;
    Err(no_psql(command(&database).args(arguments).exec()))
}

fn no_psql(cause: std::io::Error) -> Failure {
    match cause.kind() {
        std::io::ErrorKind::NotFound => Failure::Told(
            "psql is not installed on this machine. Install the PostgreSQL client (Debian: postgresql-client), or use \
             another client with the values that `infra local env` prints"
                .to_owned(),
        ),
        _ => Failure::System { what: "start psql".to_owned(), cause },
    }
}

/// psql on a database. All it needs stands in its environment, which other users cannot see, unlike arguments.
fn command(database: &Database) -> Command {
    let mut command = Command::new("psql");
    command
        .env("PGHOST", &database.host)
        .env("PGPORT", database.port.to_string())
        .env("PGDATABASE", &database.name)
        .env("PGUSER", &database.username)
        .env("PGPASSWORD", &database.password);
    if let Some(file) = &database.ca_file {
        command.env("PGSSLMODE", "verify-ca").env("PGSSLROOTCERT", file);
    }
    command
}

/// Drops the database, creates it again, and applies the migrations of the description. Everything that can be
/// wrong with the description is found before anything is dropped.
pub(super) async fn reset(Reset { mut choice, file, empty, .. }: Reset) -> Result<(), Failure> {
    let mut migrations = None;
    if !empty {
        if !file.exists() && !stack::is_standard_input(&file) {
            return Err(Failure::Told(format!(
                "There is no stack description at {}, so it is not known which migrations to apply. Name the file: \
                 `infra local reset FILE`; or leave the database empty: `infra local reset --empty`",
                file.display()
            )));
        }
        let loaded = stack::load(&Sources::new(&file, &[])).map_err(Failure::Invalid)?;
        choice.stack.get_or_insert_with(|| loaded.description.stack.as_str().to_owned());
        if let Some(settings) = loaded.description.migrations {
            let folder = Folder::read(&settings.folder).map_err(|error| Failure::Report(error.into()))?;
            migrations = Some((folder, settings));
        }
    }
    let database = find(&choice, false).await?;
    recreate(&database, beside(&database).await)?;
    print(&format!("The database {} of {} was dropped and created again", database.name, database.cluster_id));
    if let Some((folder, settings)) = migrations {
        let ledger = Ledger {
            schema: settings.ledger.schema.as_str().to_owned(),
            table: settings.ledger.table.as_str().to_owned(),
        };
        let options = Options {
            lock_timeout: settings.lock_timeout.get(),
            statement_timeout: settings.statement_timeout.map(stack::Duration::get),
            together: settings.transaction == stack::TransactionScope::All,
            ..Options::default()
        };
        let mut client = Client::connect(&target(database)).await.map_err(|error| Failure::Report(error.into()))?;
        let mut show = |event| {
            if let Event::Applied { tag, millis } = event {
                print(&format!("Applied {tag} ({millis} ms)"));
            }
        };
        let applied = migrate::apply(&mut client, &folder, &ledger, &options, &mut show).await;
        applied.map_err(|failure| Failure::Report(failure.into()))?;
    }
    Ok(())
}

pub(super) fn read(answer: serde_json::Value) -> Result<Vec<Database>, Failure> {
    Vec::<Database>::deserialize(answer)
        .map_err(|error| Failure::Told(format!("The local cloud's list of databases cannot be read: {error}")))
}

/// A database that one can be dropped and created from. Nobody can drop `template1`, but two sessions in it keep each other from
/// creating any, so `postgres` is better where it is there.
async fn beside(database: &Database) -> &'static str {
    const USUAL: &str = "postgres";
    let usual = Target { dbname: USUAL.to_owned(), ..target(database.clone()) };
    let is_there = database.name != USUAL && Client::connect(&usual).await.is_ok();
    if is_there { USUAL } else { "template1" }
}

fn recreate(database: &Database, from: &str) -> Result<(), Failure> {
    let name = database.name.replace('"', "\"\"");
    let mut command = command(database);
    command.env("PGDATABASE", from).args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"]);
    command.args(["--command", &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")]);
    command.args(["--command", &format!("CREATE DATABASE \"{name}\"")]);
    let status = command.status().map_err(no_psql)?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::Told(format!(
            "The database {} of {} was not reset; psql says why above",
            database.name, database.cluster_id
        ))),
    }
}

pub(super) fn target(database: Database) -> Target {
    Target {
        host: database.host,
        port: database.port,
        dbname: database.name,
        user: database.username,
        password: Secret::new(database.password),
        tls: database.ca_file.map_or(Tls::Disable, |file| Tls::Verify(Roots::Only(file.into()))),
        connect_timeout: CONNECT_TIMEOUT,
    }
}

/// The one database that is meant, through its proxy where it has one and `proxied` is wanted.
pub(super) async fn find(choice: &Choice, proxied: bool) -> Result<Database, Failure> {
    let answer = client::get(&choice.folder.data, "databases").await?;
    let databases = read(answer)?;
    let meant = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
    let all: Vec<_> = databases.iter().map(|one| (one.stack.clone(), one.cluster_id.clone())).collect();
    let mut found: Vec<_> = databases
        .into_iter()
        .filter(|database| meant(&choice.stack, &database.stack) && meant(&choice.cluster, &database.cluster_id))
        .collect();
    let clusters: Vec<_> = found.iter().map(|database| &*database.cluster_id).collect();
    match clusters.first() {
        None => {
            let why = missing(choice, &all);
            return Err(if all.is_empty() { Failure::NoDatabase(why) } else { Failure::Told(why) });
        }
        Some(first) if clusters.iter().any(|cluster| cluster != first) => {
            let mut names = clusters.clone();
            names.sort_unstable();
            names.dedup();
            return Err(Failure::Databases(names.join(", ")));
        }
        Some(_) => {}
    }
    let best = found.iter().position(|database| database.proxy_name.is_some() == proxied).unwrap_or(0);
    Ok(found.swap_remove(best))
}

/// Why no database is meant: there is none, or none of this name among these stacks and clusters.
fn missing(choice: &Choice, all: &[(String, String)]) -> String {
    let data = choice.folder.data.display();
    if all.is_empty() {
        return format!(
            "No database is running in the local cloud in {data}. `infra deploy --local` creates one if the description has \
             a `database:` section"
        );
    }
    let wanted = match (&choice.stack, &choice.cluster) {
        (Some(stack), Some(cluster)) => format!("The stack {stack} has no cluster {cluster}"),
        (Some(stack), None) => format!("The stack {stack} has no database"),
        (None, Some(cluster)) => format!("There is no cluster {cluster}"),
        (None, None) => "There is no such database".to_owned(),
    };
    let mut there = all.iter().map(|(stack, cluster)| match stack.as_str() {
        "" => format!("the cluster {cluster}"),
        stack => format!("{cluster} of the stack {stack}"),
    });
    format!("{wanted} that is running in the local cloud in {data}. There is {}", listed(&mut there))
}

/// One after the other, each once.
fn listed(names: &mut dyn Iterator<Item = String>) -> String {
    names.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_database_is_told_which_there_are() {
        let choice = |stack: Option<&str>, cluster: Option<&str>| Choice {
            folder: super::super::Folder { data: "F".into() },
            stack: stack.map(str::to_owned),
            cluster: cluster.map(str::to_owned),
        };
        let told = missing(&choice(Some("shop"), None), &[]);
        assert!(told.starts_with("No database is running in the local cloud in F. "), "{told}");
        let there = [("blog", "blog-database"), ("blog", "blog-database"), ("", "other")];
        let there = there.map(|(stack, cluster)| (stack.to_owned(), cluster.to_owned()));
        for (stack, cluster, begin) in [
            (Some("shop"), None, "The stack shop has no database"),
            (None, Some("shop-1"), "There is no cluster shop-1"),
            (Some("blog"), Some("shop-1"), "The stack blog has no cluster shop-1"),
        ] {
            let end =
                "that is running in the local cloud in F. There is blog-database of the stack blog, the cluster other";
            assert_eq!(missing(&choice(stack, cluster), &there), format!("{begin} {end}"));
        }
    }
}
