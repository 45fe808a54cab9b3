//! The health of a proxy's target: a real connection through the pooler with the secret's credentials.

use std::time::Duration;

use super::{
    connection::{self, Login, PATIENCE, Proof, Refused},
    listener::Listener,
    postgres::Servers,
    wanted::Check,
};
use crate::local::rds::proxies::targets::Health;

impl Servers {
    /// What a client of the proxy would meet. The way straight to the server comes first: a pooler's open
    /// connections still work after the password was changed. `settled`: whether the pooler has had its
    /// configuration for a while; one that was just told of a new one goes on with the old one for a moment.
    pub(super) async fn examine(&self, check: &Check, settled: bool) -> Health {
        if let Some((reason, why)) = &check.wrong {
            return Health::Unavailable((*reason).to_owned(), why.clone());
        }
        if let Some((server, _)) = &check.pooler.server
            && let Err((refused, username)) = self.attempt(check, server, true).await
        {
            return unavailable(&refused, username);
        }
        let mut attempts = if settled { 1 } else { 20 };
        loop {
            attempts -= 1;
            let (refused, username) = match self.attempt(check, &check.pooler.listener, check.pooler.require_tls).await
            {
                Ok(()) => return Health::Available,
                // Its connections are all in use: the database has just answered.
                Err((refused, _)) if connection::is_slow(&refused) => return Health::Available,
                Err(failed) => failed,
            };
            if attempts == 0 {
                return unavailable(&refused, username);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Every user of the proxy has to get through.
    async fn attempt<'a>(&self, check: &'a Check, listener: &Listener, tls: bool) -> Result<(), (Refused, &'a str)> {
        for (username, password) in &check.pooler.users {
            let proof = Proof::Password(password);
            let login = Login { listener, username, proof, database: &check.database, tls };
            match self.query(&login).await {
                // Who has dropped the database has others.
                Err(refused) if connection::lacks_database(&refused) => {}
                answer => answer.map_err(|refused| (refused, username.as_str()))?,
            }
        }
        Ok(())
    }

    async fn query(&self, login: &Login<'_>) -> Result<(), Refused> {
        let client = connection::open(login, &self.authority.certificate).await?;
        let answer = tokio::time::timeout(Duration::from_secs(PATIENCE), client.batch_execute("SELECT 1")).await;
        Ok(answer.map_err(|_| Refused::Slow(PATIENCE))??)
    }
}

fn unavailable(refused: &Refused, username: &str) -> Health {
    let said = refused.to_string();
    let (reason, why) = match () {
        () if connection::is_unreachable(refused) => {
            ("UNREACHABLE", format!("The database could not be reached: {said}"))
        }
        () if said.contains("authentication failed")
            || said.contains("SASL")
            || said.contains("pg_hba.conf rejects")
            || said.contains("is not permitted to log in") =>
        {
            ("AUTH_FAILURE", format!("Database authentication failed for user {username}: {said}"))
        }
        () if said.contains("cannot connect") || said.contains("connect failed") || said.contains("refused") => {
            ("UNREACHABLE", format!("The database could not be reached: {said}"))
        }
        () => ("CONNECTION_FAILED", format!("The connection to the database failed: {said}")),
    };
    Health::Unavailable(reason.to_owned(), why)
}
