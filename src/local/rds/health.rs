//! The health of a proxy's target: a real connection through the pooler with the secret's credentials.

use std::time::Duration;

use super::{
    connection::{self, Login, Proof, Refused},
    postgres::Servers,
    targets::Health,
    wanted::Check,
};

impl Servers {
    /// What a client of the proxy would meet. `settled`: whether the pooler has had its configuration for a
    /// while; one that was just told of a new one goes on with the old one for a moment.
    pub(super) async fn examine(&self, check: &Check, settled: bool) -> Health {
        if let Some((reason, why)) = &check.wrong {
            return Health::Unavailable((*reason).to_owned(), why.clone());
        }
        let attempts = if settled { 1 } else { 20 };
        let mut health = Health::Available;
        for attempt in 0..attempts {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            health = self.attempt(check).await;
            if health == Health::Available {
                break;
            }
        }
        health
    }

    /// Every user of the proxy has to get through. The way straight to the server comes first: a pooler's open
    /// connections still work after the password was changed.
    async fn attempt(&self, check: &Check) -> Health {
        let server = check.pooler.server.as_ref().map(|(listener, _)| (listener, true));
        let pooler = (&check.pooler.listener, check.pooler.require_tls);
        for (username, password) in &check.pooler.users {
            for (listener, tls) in server.into_iter().chain([pooler]) {
                let proof = Proof::Password(password);
                let login = Login { listener, username, proof, database: &check.database, tls };
                if let Err(refused) = self.query(&login).await {
                    return unavailable(&refused, username);
                }
            }
        }
        Health::Available
    }

    async fn query(&self, login: &Login<'_>) -> Result<(), Refused> {
        let client = connection::open(login, &self.authority.certificate).await?;
        client.batch_execute("SELECT 1").await?;
        Ok(())
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
