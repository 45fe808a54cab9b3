//! Why there is no connection, told from what the server, TLS or the network said.

use std::error::Error as _;
use std::time::Duration;

use miette::Diagnostic;
use thiserror::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::migrate::roots::{self, RootsError};
use crate::migrate::target::Target;

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

/// Which of them an error of the client library is.
pub(super) fn classify(target: &Target, error: &tokio_postgres::Error) -> ConnectError {
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
