//! The database of RDS's own, `rdsadmin`, as Aurora has one: whatever becomes of its users' databases, `postgres` among them, RDS
//! gets into the server.

use tokio_postgres::Client;

use super::{
    asking::ask,
    connection::{self, Login, Proof, Refused},
    listener::Listener,
    postgres::{Outcome, SUPERUSER, Servers, Wanted},
};

/// Its name, which is its owner's.
pub(super) const OWN: &str = SUPERUSER;

/// A database that nobody but its owner, the superuser, can drop or close.
const ALWAYS_THERE: &str = "template1";

impl Servers {
    /// Lets the superuser into one of a server's databases.
    pub(super) async fn enter(&self, wanted: &Wanted, database: &str) -> Result<Client, Refused> {
        self.enter_at(&wanted.listener, database).await
    }

    /// The same for the server that listens there.
    pub(super) async fn enter_at(&self, listener: &Listener, database: &str) -> Result<Client, Refused> {
        let proof = Proof::Certificate(&self.superuser);
        let login = Login { listener, username: SUPERUSER, proof, database, tls: true };
        // What it takes to get in is large, and is kept apart from what waits for it.
        Box::pin(connection::open(&login, &self.authority.certificate)).await
    }

    /// Whether a server lets the superuser in; one that has no database of RDS's own yet says so.
    pub(super) async fn answers(&self, wanted: &Wanted) -> bool {
        self.enter(wanted, OWN).await.map_or_else(|refused| connection::lacks_database(&refused), |_| true)
    }

    /// Enters the database of RDS's own, which is made where it is missing: in new data, and in data of before it was there.
    pub(super) async fn enter_own(&self, wanted: &Wanted) -> Outcome<Client> {
        match self.enter(wanted, OWN).await {
            Err(refused) if connection::lacks_database(&refused) => self.make_own(wanted).await,
            entered => entered.map_err(|refused| refused.to_string()),
        }
    }

    async fn make_own(&self, wanted: &Wanted) -> Outcome<Client> {
        let client = self.enter(wanted, ALWAYS_THERE).await.map_err(|refused| refused.to_string())?;
        let made = async {
            // A copy of `template1` would be refused while anybody is in it.
            client.batch_execute(&format!("CREATE DATABASE {OWN} TEMPLATE template0")).await?;
            client.batch_execute(&format!("REVOKE ALL ON DATABASE {OWN} FROM PUBLIC")).await
        };
        ask(&self.cloud, &format!("make the database {OWN}"), made).await?;
        self.enter(wanted, OWN).await.map_err(|refused| refused.to_string())
    }
}
