//! A PostgreSQL on this machine, started for one replay: for where the database's own server lends no scratch database.

use crate::local::Momentary;
use crate::migrate::connect::Client;
use crate::migrate::quote::{identifier, literal};
use crate::migrate::target::{CONNECT_TIMEOUT, Secret, Target, Tls};

use super::scratch::said;

/// The server; its files are gone when it is stopped, or when this process ends.
pub(super) struct OwnServer {
    server: Momentary,
    /// Its first database, as a superuser of the name that the verified database is connected to with.
    pub(super) target: Target,
    /// Its major version, which is that of the other one.
    pub(super) major: String,
}

impl OwnServer {
    /// Starts it, with the roles that the other server has, as names only: policies and grants refer to them.
    pub(super) async fn start(client: &Client) -> Result<Self, String> {
        let like = Like::of(client).await.map_err(|error| said(&error))?;
        let server = Momentary::start(&like.major, &like.user).await?;
        let target = Target {
            host: "127.0.0.1".to_owned(),
            port: server.port,
            dbname: "postgres".to_owned(),
            user: like.user.clone(),
            password: Secret::new(server.password.clone()),
            tls: Tls::Disable,
            connect_timeout: CONNECT_TIMEOUT,
        };
        let client = Client::connect(&target).await.map_err(|error| error.to_string())?;
        client.rows(&like.preparation()).await.map_err(|error| said(&error))?;
        Ok(OwnServer { server, target, major: like.major })
    }

    pub(super) async fn stop(self) {
        self.server.stop().await;
    }
}

/// What it has in common with the server of the database that is verified.
struct Like {
    major: String,
    user: String,
    roles: Vec<String>,
    /// What decides how literals are read, each with its value.
    settings: Vec<(String, String)>,
}

impl Like {
    async fn of(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let sql = "SELECT 'major', '', pg_catalog.current_setting('server_version_num')::int / 10000 \
                   UNION ALL SELECT 'user', session_user, 0 \
                   UNION ALL SELECT 'role', rolname, 0 FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' AND rolname <> session_user";
        let (mut major, mut user, mut roles) = (String::new(), String::new(), Vec::new());
        for row in client.rows(sql).await? {
            let text = row.get(1).unwrap_or_default().to_owned();
            match row.get(0) {
                Some("major") => major = row.get(2).unwrap_or_default().to_owned(),
                Some("user") => user = text,
                _ => roles.push(text),
            }
        }
        let sql =
            "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ('TimeZone', 'DateStyle', 'IntervalStyle')";
        let rows = client.rows(sql).await?;
        let pair = |row: &tokio_postgres::SimpleQueryRow| Some((row.get(0)?.to_owned(), row.get(1)?.to_owned()));
        Ok(Like { major, user, roles, settings: rows.iter().filter_map(pair).collect() })
    }

    fn preparation(&self) -> String {
        let roles = self.roles.iter().map(|role| format!("CREATE ROLE {} NOLOGIN", identifier(role)));
        let user = identifier(&self.user);
        let settings =
            self.settings.iter().map(|(name, value)| format!("ALTER ROLE {user} SET {name} TO {}", literal(value)));
        roles.chain(settings).collect::<Vec<_>>().join("; ")
    }
}
