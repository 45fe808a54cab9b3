//! The work itself, from wherever the proxy can be reached: connect with the secret's credentials, read the ledger, apply.

use tokio::sync::watch;

use super::{
    Settings,
    told::{Whence, report, told, told_failure},
};
use crate::{
    aws::{Class, Clients, Error, Result},
    migrate::{self, Client, ConnectError, Event, Roots, Secret as Password, Target, Tls, ledger::Contents},
    resources::secret::content::Content,
};

/// How far the way to the database leads.
enum Reached {
    Database(Box<Client>),
    /// There is no secret (yet).
    NoSecret,
    /// The secret cannot be read, or there is no use in what it holds.
    Not(Error),
    Unconnected(ConnectError),
}

/// What the ledger says.
pub(crate) enum Ledgered {
    Contents(Contents),
    /// There is no secret (yet), and so no database.
    NoSecret,
    /// Why nobody can tell.
    Unknown(String),
}

impl Settings {
    /// Reads the ledger.
    ///
    /// # Errors
    /// What AWS said, where it is worth asking again.
    pub(crate) async fn look(&self, host: &str, secret: &str, aws: &Clients) -> Result<Ledgered> {
        Ok(match self.connect(host, secret, aws).await? {
            Reached::NoSecret => Ledgered::NoSecret,
            Reached::Not(error) => Ledgered::Unknown(error.message),
            Reached::Unconnected(error) => Ledgered::Unknown(error.to_string()),
            Reached::Database(client) => match self.ledger.read(&client).await {
                Ok(contents) => Ledgered::Contents(contents),
                Err(error) => Ledgered::Unknown(error.to_string()),
            },
        })
    }

    /// Applies what is pending.
    ///
    /// # Errors
    /// The migrator's own, as a report.
    pub(crate) async fn apply(
        &self,
        host: &str,
        secret: &str,
        aws: &Clients,
        interrupt: Option<watch::Receiver<bool>>,
        whence: Whence,
        tell: &mut (dyn FnMut(String) + Send + Sync),
    ) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut client = match self.connect(host, secret, aws).await? {
            Reached::Database(client) => client,
            Reached::Unconnected(error @ ConnectError::Unreachable { .. }) => return Err(whence.unreached(&error)),
            Reached::Unconnected(error) => return Err(report(&error)),
            Reached::Not(error) => return Err(error),
            Reached::NoSecret => {
                return Err(Error::new(Class::NotYet, format!("The secret {secret} cannot be read yet.")));
            }
        };
        let options = migrate::Options {
            lock_timeout: self.lock_timeout,
            statement_timeout: self.statement_timeout,
            together: self.together,
            interrupt,
            ..migrate::Options::default()
        };
        let mut tell = |event: Event| tell(told(event));
        match migrate::apply(&mut client, folder, &self.ledger, &options, &mut tell).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(told_failure(&failure, &self.command, whence)),
        }
    }

    /// A connection with the secret's credentials.
    async fn connect(&self, host: &str, secret: &str, aws: &Clients) -> Result<Reached> {
        let call = aws.secretsmanager.get_secret_value().secret_id(secret).send().await;
        let answer = match call.map_err(Error::from) {
            Ok(answer) => answer,
            // Scheduled for deletion counts as gone.
            Err(error) if error.class == Class::NotFound || error.is("InvalidRequestException") => {
                return Ok(Reached::NoSecret);
            }
            Err(error) if error.class == Class::Denied => return Ok(Reached::Not(error)),
            Err(error) => return Err(error),
        };
        let Some((user, password)) = credentials(answer.secret_string().unwrap_or_default()) else {
            let error = format!("The secret {secret} does not hold a JSON object with `username` and `password`.");
            return Ok(Reached::Not(Error::other(error).advise(
                "Store {\"username\": …, \"password\": …} of the master user in it, and run the same command again.",
            )));
        };
        let target = Target {
            host: host.to_owned(),
            port: self.port,
            dbname: self.dbname.clone(),
            user,
            password,
            tls: Tls::Verify(Roots::of(self.ca.clone())),
            connect_timeout: migrate::target::CONNECT_TIMEOUT,
        };
        Ok(match Client::connect(&target).await {
            Ok(client) => Reached::Database(Box::new(client)),
            Err(error) => Reached::Unconnected(error),
        })
    }
}

fn credentials(text: &str) -> Option<(String, Password)> {
    let content = Content::parse(text)?;
    Some((content.username()?.to_owned(), Password::new(content.password()?.reveal())))
}
