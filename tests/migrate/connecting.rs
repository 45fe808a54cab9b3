//! Connecting: certificates are checked, and every way of failing has its class.

use std::time::Duration;

use infra::migrate::connect::Unreachable;
use infra::migrate::{Client, ConnectError, Roots, Secret, Target, Tls};

use super::server::{Way, servers};

async fn refused(change: impl FnOnce(&mut Target)) -> ConnectError {
    refused_way(Way::Direct, change).await
}

async fn refused_way(way: Way, change: impl FnOnce(&mut Target)) -> ConnectError {
    let mut target = servers().target(way, "postgres");
    change(&mut target);
    match Client::connect(&target).await {
        Err(error) => error,
        Ok(_) => panic!("connected to {target:?}"),
    }
}

fn help(error: &ConnectError) -> String {
    miette::Diagnostic::help(error).map_or_else(String::new, |help| help.to_string())
}

#[tokio::test]
async fn each_failure_has_its_class() {
    let error = refused(|target| target.host = "no-such-host.invalid".into()).await;
    assert!(matches!(error, ConnectError::Unreachable { reason: Unreachable::UnknownName, .. }), "{error:?}");

    let error = refused(|target| target.port = 1).await;
    assert!(matches!(error, ConnectError::Unreachable { reason: Unreachable::ConnectionRefused, .. }), "{error:?}");

    let error = refused(|target| target.dbname = "nowhere".into()).await;
    assert!(matches!(&error, ConnectError::Refused { code, .. } if code == "3D000"), "{error:?}");
    assert!(help(&error).contains("DB_NAME"), "{error:?}");
    // PgBouncer's SQLSTATE for it is that of every refusal of its own.
    let error = refused_way(Way::Pooled, |target| target.tls = Tls::Disable).await;
    assert!(matches!(&error, ConnectError::Refused { code, .. } if code == "08P01"), "{error:?}");
    assert!(help(&error).contains("leave `sslmode=disable` out"), "{error:?}");

    for way in super::WAYS {
        let error = refused_way(way, |target| target.password = Secret::new("wrong-password")).await;
        assert!(matches!(error, ConnectError::Denied { .. }), "{way:?} {error:?}");
        assert!(!format!("{error:?} {error}").contains("wrong-password"));
    }
}

#[tokio::test]
async fn a_host_that_never_answers_times_out() {
    // A listener whose backlog is full drops what comes, as a security group does.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let waiting: Vec<_> = (0..400)
        .map_while(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok())
        .collect();
    assert!(waiting.len() < 400, "the backlog never filled");
    let error = refused(|target| {
        target.port = port;
        target.connect_timeout = Duration::from_millis(300);
    })
    .await;
    assert!(matches!(error, ConnectError::Unreachable { reason: Unreachable::TimedOut(_), .. }), "{error:?}");
}

#[tokio::test]
async fn certificates_are_checked() {
    for way in super::WAYS {
        let error = refused_way(way, |target| target.tls = Tls::Verify(Roots::Public)).await;
        match error {
            ConnectError::Tls { reason, help, .. } => {
                assert!(reason.contains("authority that is not trusted"), "{reason}");
                assert!(help.contains("PGSSLROOTCERT"), "{help}");
            }
            other => panic!("{way:?} {other:?}"),
        }
    }
    // The certificate is for 127.0.0.1 only.
    let error = refused(|target| target.host = "localhost".into()).await;
    assert!(matches!(&error, ConnectError::Tls { reason, .. } if reason.contains("another host")), "{error:?}");
}

#[tokio::test]
async fn without_tls_where_that_is_asked_for() {
    let mut target = servers().target(Way::Direct, "postgres");
    target.tls = Tls::Disable;
    assert!(Client::connect(&target).await.is_ok());
}
