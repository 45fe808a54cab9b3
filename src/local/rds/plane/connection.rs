//! Connections to the servers and through the poolers, as a client makes them.

use std::{error::Error as _, io, sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio_postgres::{Client, Config, config::SslMode, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{certificates::Signed, listener::Listener};
use crate::local::rds::phase::Password;

/// Where to, and as whom.
pub(super) struct Login<'a> {
    pub(crate) listener: &'a Listener,
    pub(super) username: &'a str,
    pub(super) proof: Proof<'a>,
    pub(super) database: &'a str,
    /// Whether a connection without TLS will not do.
    pub(super) tls: bool,
}

/// What shows that one is who one says.
pub(super) enum Proof<'a> {
    Password(&'a Password),
    Certificate(&'a Signed),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The server answered, or could not be reached.
    #[error("{}", reason(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// It took too long.
    #[error("there was no answer within {0} s")]
    Slow(u64),
    /// The authority's certificate cannot be used.
    #[error("the certificate authority cannot be used: {0}")]
    Authority(String),
}

/// What PostgreSQL or the system said, in one line.
pub(super) fn reason(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => said.message().to_owned(),
        None => error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
    }
}

pub(super) const PATIENCE: u64 = 5;

/// What every session of RDS's own begins with, as options of the command line: what a parameter group sets for its users'
/// sessions is not to stop what RDS does itself.
pub(super) const UNLIMITED: &str = "-c statement_timeout=0 -c lock_timeout=0 -c idle_session_timeout=0 \
    -c idle_in_transaction_session_timeout=0 -c local_preload_libraries=";

/// What the superuser's begin with besides.
const PLAIN: &str = "-c default_transaction_read_only=off -c default_transaction_isolation=read\\ committed \
    -c default_transaction_deferrable=off -c temp_file_limit=-1 -c session_replication_role=origin \
    -c search_path=pg_catalog -c default_tablespace= -c role=none -c row_security=off -c client_encoding=UTF8 \
    -c session_preload_libraries=";

/// Connects; the connection is driven by a task of its own until the client is dropped.
pub(super) async fn open(login: &Login<'_>, authority: &str) -> Result<Client, Refused> {
    let mut config = Config::new();
    config.host(&login.listener.address).port(login.listener.port).user(login.username);
    config.dbname(login.database).application_name("infra local");
    match login.proof {
        Proof::Password(password) => {
            config.password(&password.0);
        }
        Proof::Certificate(_) => {
            config.options(format!("{UNLIMITED} {PLAIN}"));
        }
    }
    config.ssl_mode(if login.tls { SslMode::Require } else { SslMode::Prefer });
    config.connect_timeout(Duration::from_secs(PATIENCE));
    let connect = config.connect(tls(authority, &login.proof)?);
    let (client, connection) =
        tokio::time::timeout(Duration::from_secs(PATIENCE), connect).await.map_err(|_| Refused::Slow(PATIENCE))??;
    tokio::spawn(connection);
    Ok(client)
}

fn tls(authority: &str, proof: &Proof<'_>) -> Result<MakeRustlsConnect, Refused> {
    let unusable = |cause: &dyn std::fmt::Display| Refused::Authority(cause.to_string());
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).map_err(|cause| unusable(&cause))?;
    roots.add(certificate).map_err(|cause| unusable(&cause))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|cause| unusable(&cause))?;
    let builder = builder.with_root_certificates(roots);
    let config = match proof {
        Proof::Password(_) => builder.with_no_client_auth(),
        Proof::Certificate(signed) => {
            let certificate = CertificateDer::from_pem_slice(signed.certificate.as_bytes());
            let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).map_err(|cause| unusable(&cause))?;
            let chain = vec![certificate.map_err(|cause| unusable(&cause))?];
            builder.with_client_auth_cert(chain, key).map_err(|cause| unusable(&cause))?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

/// Whether it takes longer than a client here waits, or than a pooler lets one wait for a connection.
pub(super) fn is_slow(error: &Refused) -> bool {
    matches!(error, Refused::Slow(_)) || error.to_string().contains("query_wait_timeout")
}

/// Whether it has no such database: told after the login, by the server or by a pooler that repeats its words.
pub(super) fn lacks_database(error: &Refused) -> bool {
    let said = error.to_string();
    said.contains("database \"") && said.ends_with("\" does not exist")
}

/// Whether the server is still getting ready to let anybody in.
pub(super) fn is_starting(error: &Refused) -> bool {
    matches!(error, Refused::Postgres(error) if error.code() == Some(&SqlState::CANNOT_CONNECT_NOW))
}

/// Whether nobody listens there.
pub(super) fn is_unreachable(error: &Refused) -> bool {
    match error {
        Refused::Slow(_) => true,
        Refused::Postgres(error) => {
            let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
            cause.is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
        }
        Refused::Authority(_) => false,
    }
}
