//! One connection to the database: TLS verified, simple protocol only, so that it works through PgBouncer and RDS Proxy.

use std::error::Error as _;
use std::time::Duration;

use miette::Diagnostic;
use rustix::net::sockopt;
use thiserror::Error;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, NoTls, SimpleQueryMessage, SimpleQueryRow, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::linger::{Linger, LingerInside};
use super::roots::{self, RootsError};
use super::target::{Target, Tls};

/// How long the server may take for TLS and authentication once it accepted the connection: a paused Aurora wakes up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);

/// What a large question to the catalogs begins with. By its estimated cost PostgreSQL would compile it to machine code first,
/// which takes many times as long as the answer.
pub(super) const UNCOMPILED: &str = "SET LOCAL jit = off; ";

/// A connection to the database of a [`Target`].
pub struct Client {
    pub(super) postgres: tokio_postgres::Client,
    notices: UnboundedReceiver<DbError>,
    target: Target,
    connector: Option<MakeRustlsConnect>,
    driver: AbortHandle,
}

/// Why there is no connection.
#[derive(Debug, Error, Diagnostic)]
pub enum ConnectError {
    /// No answer at all; the caller knows whether that is because the proxy is private.
    #[error("The database at {host}:{port} cannot be reached: {reason}.")]
    #[diagnostic(help("{}", reason.remedy()))]
    Unreachable {
        /// Host.
        host: String,
        /// Port.
        port: u16,
        /// In which way.
        reason: Unreachable,
    },
    /// The server's certificate or the handshake.
    #[error("The database at {host}:{port} is not trusted: {reason}.")]
    Tls {
        /// Host.
        host: String,
        /// Port.
        port: u16,
        /// What is wrong with it.
        reason: String,
        /// What to do.
        #[help]
        help: &'static str,
    },
    /// The server speaks no TLS.
    #[error("The database at {host}:{port} does not offer TLS.")]
    #[diagnostic(help(
        "If it runs on this machine, say so: ?sslmode=disable at the end of the URL, or PGSSLMODE=disable beside DB_HOST. \
         Otherwise turn TLS on at the server."
    ))]
    NoTls {
        /// Host.
        host: String,
        /// Port.
        port: u16,
    },
    /// User or password.
    #[error("The database at {host}:{port} refused the user {user}: {message}.")]
    Denied {
        /// Host.
        host: String,
        /// Port.
        port: u16,
        /// User.
        user: String,
        /// What the server said.
        message: String,
        /// What to do.
        #[help]
        help: &'static str,
    },
    /// Anything else that the server said.
    #[error("The database at {host}:{port} refused the connection: {message} (SQLSTATE {code}).")]
    Refused {
        /// Host.
        host: String,
        /// Port.
        port: u16,
        /// SQLSTATE, such as 3D000.
        code: String,
        /// What the server said.
        message: String,
        /// What to do, where that is known.
        #[help]
        help: Option<&'static str>,
    },
    /// The server hung up, or what came was not PostgreSQL.
    #[error("The connection to the database at {host}:{port} broke off: {reason}.")]
    Broken {
        /// Host.
        host: String,
        /// Port.
        port: u16,
        /// What happened.
        reason: String,
    },
    /// The trusted certificates cannot be used.
    #[error(transparent)]
    Roots(#[from] RootsError),
}

/// In which way a host is unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unreachable {
    /// DNS has no such name.
    #[error("its name does not resolve")]
    UnknownName,
    /// Nobody listens.
    #[error("nothing listens on that port")]
    ConnectionRefused,
    /// Packets vanish: a security group, or a private address.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// No route and the like.
    #[error("the network has no way there")]
    NoRoute,
}

impl Unreachable {
    /// What to look at, where nothing is known of the network between.
    fn remedy(self) -> &'static str {
        match self {
            Unreachable::UnknownName => "Correct the host in the URL (DB_HOST).",
            Unreachable::ConnectionRefused => {
                "Start the server, or correct host and port in the URL (DB_HOST, DB_PORT)."
            }
            Unreachable::TimedOut(_) | Unreachable::NoRoute => {
                "Is it in a private network, or behind a firewall? Then run this where it can be reached. Else correct host and port in \
                 the URL (DB_HOST, DB_PORT)."
            }
        }
    }
}

impl Client {
    /// Connects, checks the server's certificate, logs in.
    pub async fn connect(target: &Target) -> Result<Self, ConnectError> {
        let connector = match &target.tls {
            Tls::Verify(roots) => Some(MakeRustlsConnect::new(roots::client_config(roots, &target.host)?)),
            Tls::Disable => None,
        };
        let stream = open(target).await?;
        let mut config = tokio_postgres::Config::new();
        config.user(&target.user).password(target.password.reveal()).dbname(&target.dbname);
        config.application_name("infra migrate");
        config.ssl_mode(if connector.is_some() { SslMode::Require } else { SslMode::Disable });

        let (sender, notices) = unbounded_channel();
        // The two arms differ in the type of the stream only.
        let (postgres, driver) = match &connector {
            Some(make) => {
                let tls = make_connect(make, target)?;
                let (client, connection) = login(target, config.connect_raw(stream, tls)).await?;
                (client, tokio::spawn(drive(connection, sender)).abort_handle())
            }
            None => {
                let (client, connection) = login(target, config.connect_raw(stream, NoTls)).await?;
                (client, tokio::spawn(drive(connection, sender)).abort_handle())
            }
        };
        Ok(Client { postgres, notices, target: target.clone(), connector, driver })
    }

    /// Where this is connected to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The rows of a query, every value as text.
    pub(super) async fn rows(&self, sql: &str) -> Result<Vec<SimpleQueryRow>, tokio_postgres::Error> {
        let messages = self.postgres.simple_query(sql).await?;
        Ok(messages
            .into_iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            })
            .collect())
    }

    /// The notices that arrived since the last call.
    pub(super) fn notices(&mut self) -> Vec<DbError> {
        std::iter::from_fn(|| self.notices.try_recv().ok()).collect()
    }

    /// The next notice; waits for ever once the connection is closed.
    pub(super) async fn notice(&mut self) -> DbError {
        match self.notices.recv().await {
            Some(notice) => notice,
            None => std::future::pending().await,
        }
    }

    /// Closes the connection without a word, which ends the transaction on the server.
    pub(super) fn hang_up(&self) {
        self.driver.abort();
    }

    /// Asks the server to stop what this connection is running. Done over a second connection, as PostgreSQL wants it.
    pub(super) async fn cancel(&self) -> Result<(), ConnectError> {
        let stream = open(&self.target).await?;
        let token = self.postgres.cancel_token();
        let target = &self.target;
        let cancelling = async {
            match &self.connector {
                Some(make) => token.cancel_query_raw(stream, LingerInside(make_connect(make, target)?)).await,
                None => token.cancel_query_raw(Linger(stream), NoTls).await,
            }
            .map_err(|error| classify(target, &error))
        };
        // The request is on its way; that the server does not close the connection is no reason to wait longer.
        timeout(target.connect_timeout, cancelling).await.unwrap_or(Ok(()))
    }
}

/// Resolves the name and opens a TCP connection to the first address that answers, all within the target's time.
async fn open(target: &Target) -> Result<TcpStream, ConnectError> {
    let unreachable = |reason| ConnectError::Unreachable { host: target.host.clone(), port: target.port, reason };
    let attempt = async {
        let addresses = lookup_host((target.host.as_str(), target.port)).await;
        let addresses = addresses.map_err(|_| unreachable(Unreachable::UnknownName))?;
        let mut reason = Unreachable::UnknownName;
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    reason = Unreachable::ConnectionRefused;
                }
                Err(_) => reason = Unreachable::NoRoute,
            }
        }
        Err(unreachable(reason))
    };
    let stream = timeout(target.connect_timeout, attempt).await;
    let stream = stream.map_err(|_| unreachable(Unreachable::TimedOut(target.connect_timeout)))??;
    // Small messages back and forth: waiting to fill packets would only cost time. Failing to set it costs nothing else.
    _ = stream.set_nodelay(true);
    keep_alive(&stream);
    Ok(stream)
}

/// A statement may run for an hour without a byte on the wire. So that a gateway does not forget the connection meanwhile,
/// and a peer that vanished is noticed within two minutes: a probe after 60 s, another every 10 s, lost after five.
///
/// Where the system refuses, its own defaults hold.
fn keep_alive(stream: &TcpStream) {
    _ = sockopt::set_tcp_keepidle(stream, Duration::from_secs(60));
    _ = sockopt::set_tcp_keepintvl(stream, Duration::from_secs(10));
    _ = sockopt::set_tcp_keepcnt(stream, 5);
    _ = sockopt::set_socket_keepalive(stream, true);
    // The same for what was sent and is not confirmed, where probes are not sent; milliseconds.
    #[cfg(target_os = "linux")]
    {
        _ = sockopt::set_tcp_user_timeout(stream, 110_000);
    }
}

fn make_connect(
    make: &MakeRustlsConnect,
    target: &Target,
) -> Result<<MakeRustlsConnect as MakeTlsConnect<TcpStream>>::TlsConnect, ConnectError> {
    let mut make = make.clone();
    MakeTlsConnect::<TcpStream>::make_tls_connect(&mut make, &target.host).map_err(|error| ConnectError::Broken {
        host: target.host.clone(),
        port: target.port,
        reason: error.to_string(),
    })
}

async fn login<T>(
    target: &Target,
    connecting: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, ConnectError> {
    match timeout(HANDSHAKE_TIMEOUT, connecting).await {
        Ok(result) => result.map_err(|error| classify(target, &error)),
        Err(_) => Err(ConnectError::Unreachable {
            host: target.host.clone(),
            port: target.port,
            reason: Unreachable::TimedOut(HANDSHAKE_TIMEOUT),
        }),
    }
}

/// Moves bytes until either side closes the connection; what the server says without being asked goes to the channel.
async fn drive<S, T>(
    mut connection: tokio_postgres::Connection<S, T>,
    notices: tokio::sync::mpsc::UnboundedSender<DbError>,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    // An error of the connection ends the stream; whoever waits for an answer is told by the client.
    while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notice(notice) = message {
            // Nobody listening any more is no reason to stop answering the server.
            _ = notices.send(notice);
        }
    }
}

fn classify(target: &Target, error: &tokio_postgres::Error) -> ConnectError {
    let (host, port) = (target.host.clone(), target.port);
    if let Some(said) = error.as_db_error() {
        let message = said.message().to_owned();
        let help = refused_otherwise(said);
        return if is_denied(said) && help.is_none() {
            let help = refused_user(target);
            ConnectError::Denied { host, port, user: target.user.clone(), message, help }
        } else {
            ConnectError::Refused { host, port, code: said.code().code().to_owned(), message, help }
        };
    }
    let mut cause = error.source();
    let mut reason = error.to_string();
    while let Some(inner) = cause {
        let tls = inner.downcast_ref::<rustls::Error>().or_else(|| {
            inner.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref()?.downcast_ref::<rustls::Error>())
        });
        if let Some(tls) = tls {
            let (reason, help) = roots::explain(tls);
            return ConnectError::Tls { host, port, reason, help };
        }
        reason = inner.to_string();
        cause = inner.source();
    }
    if reason.contains("server does not support TLS") {
        return ConnectError::NoTls { host, port };
    }
    ConnectError::Broken { host, port, reason }
}

/// What to do where the server refused the user.
fn refused_user(target: &Target) -> &'static str {
    if target.password.reveal().is_empty() {
        return "No password was given: postgres://user:password@host/database, or DB_PASSWORD beside DB_HOST. In a \
                URL whatever of it is not a letter or a digit has to be percent-encoded.";
    }
    if target.is_here() {
        return "Check user and password; in a URL the password has to be percent-encoded.";
    }
    "Check user and password. Through RDS Proxy they have to be those in the secret; a secret changed after the database's \
     password was is a frequent reason."
}

/// What to do where it was not the user that the server refused. PgBouncer says "SSL required", PostgreSQL that there is no line in
/// pg_hba.conf for a connection without encryption.
fn refused_otherwise(said: &DbError) -> Option<&'static str> {
    let message = said.message();
    if message == "SSL required" || message.ends_with("no encryption") || message.ends_with("SSL off") {
        return Some(
            "The server takes connections with TLS alone: leave `sslmode=disable` out of the URL (PGSSLMODE beside DB_HOST). A CA of \
             your own is named by `sslrootcert=FILE` (PGSSLROOTCERT).",
        );
    }
    let help = match *said.code() {
        SqlState::UNDEFINED_DATABASE => {
            "Correct its name in the URL (DB_NAME beside DB_HOST), or make it first: CREATE DATABASE."
        }
        SqlState::TOO_MANY_CONNECTIONS => "Run it again when fewer are at work, or through the proxy or pooler.",
        SqlState::CANNOT_CONNECT_NOW => "The server is starting or stopping: run it again in a moment.",
        _ => return None,
    };
    Some(help)
}

/// PgBouncer gives every refusal the SQLSTATE 08P01, so there the words have to tell.
fn is_denied(said: &DbError) -> bool {
    let by_code = [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(said.code());
    let words = ["authentication failed", "no such user", "auth failed", "not allowed"];
    let message = said.message().to_ascii_lowercase();
    by_code || (*said.code() == SqlState::PROTOCOL_VIOLATION && words.iter().any(|word| message.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_connection_is_kept_alive() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://a@127.0.0.1:{}/b", listener.local_addr().unwrap().port());
        let stream = open(&Target::from_url(&url, None).unwrap()).await.unwrap();
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        let times = (sockopt::tcp_keepidle(&stream).unwrap(), sockopt::tcp_keepintvl(&stream).unwrap());
        assert_eq!(times, (Duration::from_secs(60), Duration::from_secs(10)));
    }
}
