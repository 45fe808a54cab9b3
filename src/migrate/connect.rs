//! One connection to the database: TLS verified, simple protocol only, so that it works through PgBouncer and RDS Proxy.

mod error;

use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::error::DbError;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, NoTls, SimpleQueryMessage, SimpleQueryRow, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::linger::{Linger, LingerInside};
use super::roots;
use super::target::{Target, Tls};
use error::classify;
pub use error::{ConnectError, Unreachable};

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
