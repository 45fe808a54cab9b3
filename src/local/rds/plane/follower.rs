//! Who follows a server and copies it: a role of RDS's own that can do nothing else.
//!
//! The readers' server keeps its key, in a file that `dblink` and `postgres_fdw` on it or on the writer can be told to use. So that
//! key opens no session with a database, and the superuser's is in no file.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio_postgres::Client;

use super::{
    asking::ask,
    connection::{self, UNLIMITED},
    listener::Listener,
    own_database::OWN,
    postgres::{Outcome, STOPPING, Servers},
};

/// As it is called in RDS.
pub(super) const FOLLOWER: &str = "rdsrepladmin";

/// What its sessions begin with, as options of the command line. What only a superuser may set is left out.
pub(super) fn options() -> String {
    format!("{UNLIMITED} -c wal_sender_timeout=60s")
}

/// How long a server that has been killed may take to begin.
const START: Duration = Duration::from_secs(30);

/// Makes the role, or makes it again what it is to be: whoever may create roles may rename one that is no superuser. As long as
/// something in a database that is closed to them is granted to it, they cannot drop it.
const ADMIT: &str = "SET lock_timeout = '5s';
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rdsrepladmin') THEN CREATE ROLE rdsrepladmin; END IF;
    END $$;
    ALTER ROLE rdsrepladmin NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOBYPASSRLS LOGIN REPLICATION CONNECTION LIMIT -1
        PASSWORD NULL;
    GRANT USAGE ON SCHEMA public TO rdsrepladmin";

/// How a server whose folder this is gets to the one that it follows. It stands in a file that is written anew with each start: the
/// folder may have been moved, and the other server have another port.
pub(super) fn way_to(server: &Listener, home: &Path) -> String {
    let quoted = |value: &str| format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"));
    let file = |name: &str| quoted(&home.join(name).display().to_string());
    format!(
        "host={} port={} user={FOLLOWER} sslmode=require sslcert={} sslkey={} options={}",
        quoted(&server.address),
        server.port,
        file("client.crt"),
        file("client.key"),
        quoted(&options())
    )
}

impl Servers {
    /// Sees to it that the server there lets itself be followed and copied; gives the superuser's session there.
    pub(super) async fn admit(&self, server: &Listener) -> Outcome<Client> {
        let what = format!("make the role {FOLLOWER}");
        let begun = Instant::now();
        let client = loop {
            match self.enter_at(server, OWN).await {
                // It has only begun, and will let in who waits.
                Err(refused) if connection::is_starting(&refused) && begun.elapsed() < START => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    if self.cloud.is_closed() {
                        return Err(STOPPING.to_owned());
                    }
                }
                entered => break entered.map_err(|refused| format!("Could not {what}: {refused}."))?,
            }
        };
        ask(&self.cloud, &what, client.batch_execute(ADMIT)).await?;
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_one_whatever_the_folder_is_called() {
        let server = Listener { address: "127.0.0.9".into(), port: 5433 };
        let way: tokio_postgres::Config = way_to(&server, Path::new("/a folder's \\ own"))
            .replace("sslcert=", "application_name=")
            .replace(" sslkey=", " password=")
            .parse()
            .unwrap();
        assert_eq!(way.get_application_name(), Some("/a folder's \\ own/client.crt"));
        assert_eq!(way.get_password(), Some("/a folder's \\ own/client.key".as_bytes()));
        assert_eq!((way.get_user(), way.get_ports()), (Some(FOLLOWER), &[5433][..]));
        assert_eq!(way.get_options(), Some(&*options()));
    }
}
