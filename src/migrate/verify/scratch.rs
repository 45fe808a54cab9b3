//! A database made for a moment beside the one that is verified, and removed whatever happens.
//!
//! Who makes one first takes an advisory lock of its name in the database it stands beside, in a transaction that is kept
//! open. When a run is killed, the server ends that transaction; so a scratch database whose lock can be had belongs to
//! nobody, and the next run removes it. Through a pooler this holds as well: an open transaction keeps its server connection.

use rand::Rng as _;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::migrate::connect::{Client, ConnectError};
use crate::migrate::quote::{identifier, literal};
use crate::migrate::target::Target;

/// A scratch database and what keeps it.
pub(super) struct Scratch {
    /// Connected to the scratch database.
    pub(super) client: Client,
    /// Holds the lock in an open transaction.
    guard: Client,
    /// Makes and drops databases, outside of a transaction.
    maintenance: Client,
    name: String,
    /// What it could not be given of the other one, a sentence each.
    pub(super) unlike: Vec<String>,
}

/// Why there is no scratch database.
#[derive(Debug, Error)]
pub(super) enum ScratchError {
    /// The user may not make databases.
    #[error("{user} may not create a database there")]
    NotAllowed {
        /// Who.
        user: String,
    },
    /// A database can be made, but not connected to: a pooler that knows its databases by name.
    #[error("a new database cannot be reached there ({0})")]
    Unreachable(String),
    /// No connection to the server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Anything else.
    #[error("no scratch database could be made there ({0})")]
    Failed(String),
}

impl From<tokio_postgres::Error> for ScratchError {
    fn from(error: tokio_postgres::Error) -> Self {
        ScratchError::Failed(said(&error))
    }
}

/// What PostgreSQL said, without anything of the connection's parameters.
pub(super) fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
}

impl Scratch {
    /// Makes an empty database beside that of `beside`, with the encoding and collation of `like`; removes what earlier
    /// runs left behind.
    pub(super) async fn make(beside: &Target, like: &Likeness) -> Result<Self, ScratchError> {
        let maintenance = Client::connect(beside).await?;
        let guard = Client::connect(beside).await?;
        let name = format!("{}{:016x}", prefix(&beside.dbname), rand::rng().random::<u64>());
        let opening = format!(
            "BEGIN READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0; \
             SELECT pg_catalog.pg_advisory_xact_lock({})",
            lock_key(&name)
        );
        guard.rows(&opening).await?;
        sweep(beside, &guard, &maintenance).await?;
        if let Err(error) = maintenance.rows(&like.creation(&name)).await {
            let denied = error.code().is_some_and(|code| code.code() == "42501");
            return Err(if denied { ScratchError::NotAllowed { user: beside.user.clone() } } else { error.into() });
        }
        match enter(&maintenance, beside, &name, like).await {
            Ok((client, unlike)) => Ok(Scratch { client, guard, maintenance, name, unlike }),
            Err(error) => {
                // The next run removes it if this one cannot.
                _ = drop_database(&maintenance, &name).await;
                Err(error)
            }
        }
    }

    /// Makes an extension, with its schema if that is not there.
    pub(super) async fn extend(&self, name: &str, schema: &str) -> Result<(), String> {
        let (name, schema) = (identifier(name), identifier(schema));
        let sql =
            format!("CREATE SCHEMA IF NOT EXISTS {schema}; CREATE EXTENSION IF NOT EXISTS {name} SCHEMA {schema}");
        self.client.rows(&sql).await.map(drop).map_err(|error| said(&error))
    }

    /// Drops the database. What cannot be dropped now, the next run finds.
    pub(super) async fn remove(self) -> Result<(), String> {
        self.client.hang_up();
        let dropped = drop_database(&self.maintenance, &self.name).await;
        self.guard.hang_up();
        dropped.map_err(|error| format!("The scratch database {} is left behind: {}.", self.name, said(&error)))
    }
}

/// What a scratch database has in common with the one that is verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Likeness {
    /// Its row of pg_database.
    database: serde_json::Value,
    /// What is set for the database, and for this role in it.
    settings: Vec<Setting>,
    /// Extensions, each with its schema.
    pub(super) extensions: Vec<(String, String)>,
}

impl Likeness {
    /// Looks at the database that `client` is connected to.
    pub(super) async fn of(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let sql = "SELECT to_json(d) FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";
        let row = client.rows(sql).await?.into_iter().next();
        let database = row.as_ref().and_then(|row| row.get(0)).unwrap_or_default();
        let sql = "SELECT s, CASE WHEN r.setrole <> 0 THEN session_user END FROM pg_catalog.pg_db_role_setting r JOIN \
                   pg_catalog.pg_database d ON d.oid = r.setdatabase, unnest(r.setconfig) s WHERE d.datname = \
                   pg_catalog.current_database() AND (r.setrole = 0 OR r.setrole = (SELECT oid FROM pg_catalog.pg_roles WHERE \
                   rolname = session_user)) ORDER BY r.setrole";
        let settings = client.rows(sql).await?;
        let extensions = client
            .rows(
                "SELECT e.extname, n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = \
                 e.extnamespace WHERE n.nspname <> 'pg_catalog' ORDER BY e.oid",
            )
            .await?;
        let pair = |row: &tokio_postgres::SimpleQueryRow| Some((row.get(0)?.to_owned(), row.get(1)?.to_owned()));
        Ok(Likeness {
            database: serde_json::from_str(database).unwrap_or_default(),
            settings: settings.iter().filter_map(|row| Setting::of(row.get(0)?, row.get(1))).collect(),
            extensions: extensions.iter().filter_map(pair).collect(),
        })
    }

    /// The same without its collation and libraries, which this machine may not have. No definition names a database's default.
    pub(super) fn of_any_machine(&self) -> Self {
        let mut like = self.clone();
        like.settings.retain(|setting| !setting.name.ends_with("_libraries"));
        if let Some(row) = like.database.as_object_mut() {
            row.retain(|key, _| key == "encoding");
        }
        like
    }

    fn creation(&self, name: &str) -> String {
        let mut sql = format!("CREATE DATABASE {} TEMPLATE template0", identifier(name));
        let text = |key: &str| self.database.get(key).and_then(serde_json::Value::as_str);
        let icu = text("datlocprovider") == Some("i");
        let options = [
            ("LC_COLLATE", text("datcollate")),
            ("LC_CTYPE", text("datctype")),
            // PostgreSQL 15 and 16 call it daticulocale, later ones datlocale.
            ("ICU_LOCALE", text("daticulocale").or(text("datlocale")).filter(|_| icu)),
            ("LOCALE_PROVIDER", icu.then_some("icu")),
        ];
        for (option, value) in options {
            if let Some(value) = value {
                sql.push_str(&format!(" {option} {}", literal(value)));
            }
        }
        if let Some(encoding) = self.database.get("encoding").and_then(serde_json::Value::as_i64) {
            sql.push_str(&format!(" ENCODING {encoding}"));
        }
        sql
    }
}

/// A setting that a session begins with: of pg_db_role_setting.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    name: String,
    /// As it is stored.
    value: String,
    /// The role that it is for; none: for all.
    role: Option<String>,
}

/// Settings that are lists of names, stored as they are written, quotes and all.
const LISTS: [&str; 5] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

impl Setting {
    /// From `name=value`.
    fn of(text: &str, role: Option<&str>) -> Option<Self> {
        let (name, value) = text.split_once('=')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let setting = || Setting { name: name.to_owned(), value: value.to_owned(), role: role.map(str::to_owned) };
        name.chars().all(plain).then(setting)
    }

    /// Sets it for the database of this name.
    fn statement(&self, database: &str) -> String {
        let database = identifier(database);
        let whose = match &self.role {
            Some(role) => format!("ROLE {} IN DATABASE {database}", identifier(role)),
            None => format!("DATABASE {database}"),
        };
        let is_list = LISTS.contains(&self.name.as_str()) && !self.value.is_empty();
        let value = if is_list { self.value.clone() } else { literal(&self.value) };
        format!("ALTER {whose} SET {} TO {value}", self.name)
    }
}

/// Connects to the new database, and makes sure that it is the one; with what could not be set for it.
async fn enter(
    maintenance: &Client,
    beside: &Target,
    name: &str,
    like: &Likeness,
) -> Result<(Client, Vec<String>), ScratchError> {
    let mut unlike = Vec::new();
    for setting in &like.settings {
        if let Err(error) = maintenance.rows(&setting.statement(name)).await {
            let said = said(&error);
            unlike.push(format!("The setting {} could not be made in the scratch database: {said}.", setting.name));
        }
    }
    let target = Target { dbname: name.to_owned(), ..beside.clone() };
    let client = Client::connect(&target).await.map_err(|error| match error {
        ConnectError::Refused { message, .. } | ConnectError::Denied { message, .. } => {
            ScratchError::Unreachable(message)
        }
        other => ScratchError::Unreachable(other.to_string()),
    })?;
    // A pooler may lead every name to one and the same database: nothing must be replayed in that.
    let sql = "SELECT pg_catalog.current_database(), (SELECT count(*) FROM pg_catalog.pg_class c JOIN \
               pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^(pg_|information_schema$)')";
    let rows = client.rows(sql).await?;
    let found = rows.first().map(|row| (row.get(0).unwrap_or_default(), row.get(1).unwrap_or_default()));
    if found != Some((name, "0")) {
        return Err(ScratchError::Unreachable("the connection leads to another one".to_owned()));
    }
    Ok((client, unlike))
}

/// Removes the scratch databases of this database that no run holds any more.
async fn sweep(beside: &Target, guard: &Client, maintenance: &Client) -> Result<(), ScratchError> {
    let sql = format!(
        "SELECT datname FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname::text, {}) AND \
         pg_catalog.pg_get_userbyid(datdba) = current_user",
        literal(&prefix(&beside.dbname))
    );
    for row in maintenance.rows(&sql).await? {
        let name = row.get(0).unwrap_or_default();
        let locked = guard.rows(&format!("SELECT pg_catalog.pg_try_advisory_xact_lock({})", lock_key(name))).await?;
        if locked.first().and_then(|row| row.get(0)) == Some("t") {
            // Another run may be removing it too; what stays, the next one finds.
            _ = drop_database(maintenance, name).await;
        }
    }
    Ok(())
}

/// WITH (FORCE): a pooler keeps its connections open for a while.
async fn drop_database(maintenance: &Client, name: &str) -> Result<(), tokio_postgres::Error> {
    maintenance.rows(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name))).await.map(drop)
}

/// What the names of all scratch databases beside this one begin with.
fn prefix(dbname: &str) -> String {
    let digest = Sha256::digest(format!("infra migrate verify {dbname}"));
    digest.iter().take(4).fold("infra_verify_".to_owned(), |name, byte| format!("{name}{byte:02x}")) + "_"
}

fn lock_key(name: &str) -> i64 {
    let digest = Sha256::digest(format!("infra migrate scratch {name}"));
    digest.iter().take(8).fold(0_i64, |key, byte| (key << 8) | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_tell_whose_they_are() {
        let name = format!("{}{:016x}", prefix("shop"), u64::MAX);
        assert!(name.len() < 64 && name.starts_with("infra_verify_"), "{name}");
        assert_ne!(prefix("shop"), prefix("shop2"));
    }

    #[test]
    fn settings_are_made_as_they_are_stored() {
        let made = |text: &str, role| Setting::of(text, role).map(|setting| setting.statement("x"));
        let table = [
            ("search_path=\"$user\", app", None, "ALTER DATABASE \"x\" SET search_path TO \"$user\", app"),
            ("search_path=", None, "ALTER DATABASE \"x\" SET search_path TO ''"),
            ("app.mode=it's = a", Some("me"), "ALTER ROLE \"me\" IN DATABASE \"x\" SET app.mode TO 'it''s = a'"),
            ("TimeZone=Europe/Vienna", None, "ALTER DATABASE \"x\" SET TimeZone TO 'Europe/Vienna'"),
        ];
        for (text, role, expected) in table {
            assert_eq!(made(text, role).as_deref(), Some(expected));
        }
        assert_eq!(made("a; DROP TABLE b=1", None), None);
    }

    #[test]
    fn encoding_and_collation_are_those_of_the_database() {
        let database =
            serde_json::json!({"datcollate": "C.UTF-8", "datctype": "C.UTF-8", "encoding": 6, "datlocprovider": "c"});
        let like = Likeness { database, ..Likeness::default() };
        assert_eq!(
            like.creation("x"),
            "CREATE DATABASE \"x\" TEMPLATE template0 LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' ENCODING 6"
        );
    }
}
