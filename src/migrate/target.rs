//! Which database to connect to, and how its certificate is checked.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use tokio_postgres::config::Host;

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the value.
    pub fn new(value: impl Into<String>) -> Self {
        Secret(value.into())
    }

    /// The value itself, for the one place that sends it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// A database and who connects to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// A name or an IP address; the certificate has to be for it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database.
    pub dbname: String,
    /// User.
    pub user: String,
    /// Their password.
    pub password: Secret,
    /// Encryption.
    pub tls: Tls,
    /// How long to wait for a TCP connection.
    pub connect_timeout: Duration,
}

/// Whether the connection is encrypted. There is no encryption without verification: it stops nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// libpq's `verify-full`: the certificate has to lead to one of the roots and be for the host.
    Verify(Roots),
    /// For a server on this machine.
    Disable,
}

/// Which certificate authorities are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// The public ones (Mozilla's list): RDS Proxy's certificate leads to them.
    Public,
    /// Those in this PEM file and no others: Aurora's own (the RDS CA bundle), the local cloud's.
    Only(PathBuf),
}

impl Roots {
    /// Those of the file, if one is named; `system` is libpq's word for those that need none.
    pub fn of(file: Option<PathBuf>) -> Self {
        file.filter(|path| path.as_os_str() != "system").map_or(Roots::Public, Roots::Only)
    }
}

/// How long to wait for a TCP connection unless the target says otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a target is not complete.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum TargetError {
    /// Not a `postgres://` URL.
    #[error("The database URL is not of the form postgres://user:password@host:port/database.")]
    NotUrl,
    /// A character that ends the password early, or ends it late: what comes after it would be taken for the host.
    #[error(
        "In the database URL a password has to be percent-encoded: @ as %40, / as %2F, ? as %3F, # as %23, % as %25. Or give \
         it as DB_PASSWORD, with DB_HOST and the others, as it is."
    )]
    NotEncoded,
    /// A part that has no sensible default.
    #[error("The database URL names no {0}.")]
    Missing(&'static str),
    /// A parameter of the URL that nothing is done with.
    #[error("{}", parameter(.0, *.1))]
    Parameter(String, Option<&'static str>),
    /// A `sslmode` that would send the password to whoever answers.
    #[error(
        "sslmode={0} is not supported: use disable (a server on this machine) or verify-full. require and verify-ca are \
         taken as verify-full."
    )]
    SslMode(String),
    /// No encryption over a network.
    #[error(
        "sslmode=disable would send the password and all data in the clear to {0}: it is for a server on this machine only, and a \
         private network is none. Turn TLS on at the server, with sslrootcert=FILE for its certificate; or connect through a \
         tunnel (ssh -L) to localhost."
    )]
    InTheClear(String),
    /// A path where a host is wanted.
    #[error(
        "The host {0} is the path of a Unix socket, and only TCP is spoken here. Give the host localhost, with sslmode=disable \
         in the URL or PGSSLMODE=disable beside DB_HOST, where PostgreSQL listens on it (listen_addresses)."
    )]
    Socket(String),
    /// A variable that is not set.
    #[error(
        "The variable {0} is not set. Set DB_HOST, DB_PORT, DB_NAME, DB_USERNAME and DB_PASSWORD (in the environment, or in \
         .env.local here), or DATABASE_URL alone, or give --url."
    )]
    Unset(&'static str),
    /// A port that is not one.
    #[error("The port {0:?} is not a number from 1 to 65535.")]
    Port(String),
}

impl Target {
    /// Whether the server runs on this machine.
    pub(super) fn is_here(&self) -> bool {
        is_loopback(&self.host)
    }

    /// From `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`. Roots that the URL does not name are
    /// those of `sslrootcert`.
    pub fn from_url(url: &str, sslrootcert: Option<PathBuf>) -> Result<Self, TargetError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        if !is_encoded(base, query) {
            return Err(TargetError::NotEncoded);
        }
        let (mut mode, mut roots) = (None, sslrootcert);
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => roots = Some(PathBuf::from(value.into_owned())),
                "connect_timeout" => _ = rest.append_pair(&key, &value),
                _ => {
                    let near = PARAMETERS.into_iter().filter(|known| strsim::jaro_winkler(known, &key) > 0.85);
                    let meant = near.max_by(|one, other| {
                        strsim::jaro_winkler(one, &key).total_cmp(&strsim::jaro_winkler(other, &key))
                    });
                    return Err(TargetError::Parameter(key.into_owned(), meant));
                }
            }
        }
        // Neither the URL nor what the parser says of it may be repeated: both hold the password.
        let config: tokio_postgres::Config =
            format!("{base}?{}", rest.finish()).parse().map_err(|_| TargetError::NotUrl)?;
        let host = match config.get_hosts() {
            #[cfg(unix)]
            [Host::Unix(path)] => return Err(TargetError::Socket(path.display().to_string())),
            [Host::Tcp(host)] => host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            _ => return Err(TargetError::Missing("host")),
        };
        let user = config.get_user().ok_or(TargetError::Missing("user"))?.to_owned();
        Ok(Target {
            tls: tls(mode.as_deref(), roots, &host)?,
            host,
            port: config.get_ports().first().copied().unwrap_or(5432),
            dbname: config.get_dbname().unwrap_or(&user).to_owned(),
            password: Secret::new(String::from_utf8_lossy(config.get_password().unwrap_or_default())),
            user,
            connect_timeout: config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT),
        })
    }

    /// From `DB_HOST`, `DB_PORT`, `DB_NAME`, `DB_USERNAME`, `DB_PASSWORD`, `DB_CA_FILE` and libpq's `PGSSLMODE`,
    /// `PGSSLROOTCERT`.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, TargetError> {
        let required = |name| variable(name).filter(|value| !value.is_empty()).ok_or(TargetError::Unset(name));
        let port = variable("DB_PORT").unwrap_or_else(|| "5432".to_owned());
        let host = required("DB_HOST")?;
        if host.starts_with(['/', '@']) {
            return Err(TargetError::Socket(host));
        }
        let roots = variable("PGSSLROOTCERT").or_else(|| variable("DB_CA_FILE")).filter(|path| !path.is_empty());
        Ok(Target {
            tls: tls(variable("PGSSLMODE").as_deref(), roots.map(PathBuf::from), &host)?,
            host,
            port: port.parse().ok().filter(|port| *port > 0).ok_or(TargetError::Port(port))?,
            dbname: required("DB_NAME")?,
            user: required("DB_USERNAME")?,
            password: Secret::new(required("DB_PASSWORD")?),
            connect_timeout: CONNECT_TIMEOUT,
        })
    }
}

/// What a URL can say after its `?`.
const PARAMETERS: [&str; 3] = ["sslmode", "sslrootcert", "connect_timeout"];

/// What is wrong with a parameter; the value may be a secret, so it is not repeated.
fn parameter(name: &str, meant: Option<&str>) -> String {
    let reason = match (name, meant) {
        (_, Some(meant)) => format!("did you mean {meant}?"),
        ("options", None) => {
            "RDS Proxy and PgBouncer refuse it. Say it where it is needed: SET LOCAL in the migration, \
                              --lock-timeout, --statement-timeout, or ALTER ROLE … SET."
                .to_owned()
        }
        ("application_name", None) => "the server sees `infra migrate` as the name. Leave it out.".to_owned(),
        _ => format!("nothing would be done with it. Leave it out; there are {}.", PARAMETERS.join(", ")),
    };
    format!("The database URL has the parameter {name:?}: {reason}")
}

/// Whether there is one way only to take the URL apart. No part of a password may be taken for a host, and shown.
fn is_encoded(base: &str, query: &str) -> bool {
    let rest = base.split_once("://").map_or(base, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let in_authority = authority.matches('@').count();
    // `user:pass?word@host` has its @ in what looks like a query.
    let in_query = query.split('&').any(|pair| pair.contains('@') && !pair.starts_with("sslrootcert="));
    !rest.contains('#') && !in_query && in_authority <= 1 && rest.matches('@').count() == in_authority
}

fn tls(mode: Option<&str>, roots: Option<PathBuf>, host: &str) -> Result<Tls, TargetError> {
    match mode {
        Some("disable") if is_loopback(host) => Ok(Tls::Disable),
        Some("disable") => Err(TargetError::InTheClear(host.to_owned())),
        None | Some("require" | "verify-ca" | "verify-full") => Ok(Tls::Verify(Roots::of(roots))),
        Some(other) => Err(TargetError::SslMode(other.to_owned())),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let target = Target::from_url("postgresql://me:p%40ss@db.example:6432/shop?sslrootcert=/ca.pem", None).unwrap();
        let expected = Target {
            host: "db.example".into(),
            port: 6432,
            dbname: "shop".into(),
            user: "me".into(),
            password: Secret::new("p@ss"),
            tls: Tls::Verify(Roots::Only("/ca.pem".into())),
            connect_timeout: CONNECT_TIMEOUT,
        };
        assert_eq!(target, expected);
        assert!(!format!("{target:?}").contains("p@ss"));
    }

    #[test]
    fn roots_without_a_file() {
        let target = Target::from_url("postgres://me@db.example/shop?sslrootcert=system", Some("/ca.pem".into()));
        assert_eq!(target.unwrap().tls, Tls::Verify(Roots::Public));
    }

    #[test]
    fn tls_modes() {
        let of = |query: &str| Target::from_url(&format!("postgres://a@b/c{query}"), None).map(|target| target.tls);
        let local = |host: &str| Target::from_url(&format!("postgres://a@{host}/c?sslmode=disable"), None);
        for host in ["localhost", "127.0.0.1:5433", "[::1]"] {
            assert_eq!(local(host).unwrap().tls, Tls::Disable, "{host}");
        }
        let table = [
            ("", Ok(Tls::Verify(Roots::Public))),
            ("?sslmode=require", Ok(Tls::Verify(Roots::Public))),
            ("?sslmode=disable", Err(TargetError::InTheClear("b".into()))),
            ("?sslmode=prefer", Err(TargetError::SslMode("prefer".into()))),
        ];
        for (query, expected) in table {
            assert_eq!(of(query), expected, "{query}");
        }
    }

    #[test]
    fn a_broken_url_is_not_repeated() {
        for url in
            ["postgres://me:secret@:x/", "mysql://me:secret@b/c", "secret", "postgres:///c?host=/tmp&user=secret"]
        {
            let error = Target::from_url(url, None).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{url}: {error:?}");
        }
    }

    #[test]
    fn parameters_are_heeded_or_refused_by_name() {
        let of = |query: &str| Target::from_url(&format!("postgres://a@b/c?{query}"), None);
        assert_eq!(of("connect_timeout=7").unwrap().connect_timeout, Duration::from_secs(7));
        let table = [
            ("sslrotcert=/ca.pem", "\"sslrotcert\": did you mean sslrootcert?"),
            ("options=-csearch_path%3Dx", "\"options\": RDS Proxy and PgBouncer refuse it"),
            ("application_name=x", "\"application_name\": the server sees"),
            ("sslmode=require&pgbouncer=true", "\"pgbouncer\": nothing would be done with it"),
        ];
        for (query, expected) in table {
            let said = of(query).unwrap_err().to_string();
            assert!(said.contains(expected), "{query}: {said}");
        }
        let said = of("passwort=hunter2").unwrap_err().to_string();
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[test]
    fn no_part_of_a_password_becomes_a_host() {
        for password in [
            "ab@secret#ef",
            "a@secret",
            "secret/1",
            "1/secret",
            "5432/secret",
            "se?cret",
            "se#cret",
            "12?secret",
            "a?sec=ret",
            "a@b?sec=ret",
            "a@b?sslmode=secret",
            "a@b?secret",
        ] {
            let url = format!("postgres://u:{password}@127.0.0.1:5/db");
            assert_eq!(Target::from_url(&url, None), Err(TargetError::NotEncoded), "{url}");
        }
        let fine =
            ["postgres://u:a%40b%23c@h/d", "postgres://u@h", "postgres://u@h/d?sslmode=require&sslrootcert=/a@b.pem"];
        for url in fine {
            assert!(Target::from_url(url, None).is_ok(), "{url}");
        }
    }

    #[test]
    fn ipv6_hosts_lose_their_brackets() {
        assert_eq!(Target::from_url("postgres://a@[::1]/c", None).unwrap().host, "::1");
    }

    #[test]
    fn a_socket_is_no_host() {
        let path = TargetError::Socket("/var/run/postgresql".into());
        assert_eq!(Target::from_url("postgres://me@%2Fvar%2Frun%2Fpostgresql/shop", None), Err(path.clone()));
        let set = |name: &str| Some(if name == "DB_HOST" { "/var/run/postgresql" } else { "1" }.to_owned());
        assert_eq!(Target::from_variables(set), Err(path));
    }

    #[test]
    fn a_private_network_is_not_this_machine() {
        for host in ["10.0.0.5", "192.168.1.2", "172.17.0.1", "db"] {
            let said = Target::from_url(&format!("postgres://a@{host}/c?sslmode=disable"), None).unwrap_err();
            assert_eq!(said, TargetError::InTheClear(host.into()));
        }
    }

    #[test]
    fn variables() {
        let set = |name: &str| match name {
            "DB_PORT" => Some("70000".to_owned()),
            "DB_NAME" | "DB_HOST" | "DB_USERNAME" | "DB_PASSWORD" => Some("x".to_owned()),
            _ => None,
        };
        assert_eq!(Target::from_variables(set), Err(TargetError::Port("70000".into())));
        assert_eq!(Target::from_variables(|_| None), Err(TargetError::Unset("DB_HOST")));
        let target = Target::from_variables(|name| set(name).filter(|_| name != "DB_PORT")).unwrap();
        assert_eq!((target.port, target.tls), (5432, Tls::Verify(Roots::Public)));
    }
}
