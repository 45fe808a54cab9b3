//! Whether a program is well: App Runner's health check, on this machine.

use std::{net::Ipv6Addr, time::Duration};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// How a program is asked, and how many answers in a row decide.
#[derive(Debug, Clone)]
pub(super) struct Check {
    /// What is requested; `None`: a connection is enough.
    path: Option<String>,
    pub(super) interval: Duration,
    timeout: Duration,
    pub(super) healthy: u64,
    pub(super) unhealthy: u64,
}

impl Check {
    /// Reads the API's `HealthCheckConfiguration`.
    pub(super) fn of(configuration: &Value) -> Self {
        let number = |key: &str, default: u64| configuration[key].as_u64().unwrap_or(default).max(1);
        let path = configuration["Path"].as_str().unwrap_or("/").to_owned();
        Self {
            path: (configuration["Protocol"] == "HTTP").then_some(path),
            interval: Duration::from_secs(number("Interval", 5)),
            timeout: Duration::from_secs(number("Timeout", 2)),
            healthy: number("HealthyThreshold", 1),
            unhealthy: number("UnhealthyThreshold", 5),
        }
    }

    /// How long a program that was just started may take until it answers.
    pub(super) fn patience(&self) -> Duration {
        self.interval.saturating_mul(u32::try_from(self.unhealthy).unwrap_or(u32::MAX))
    }

    /// Asks once: what is wrong, if something is.
    pub(super) async fn ask(&self, port: u16) -> Result<(), String> {
        let slow = || format!("it did not answer within {} s", self.timeout.as_secs());
        tokio::time::timeout(self.timeout, self.exchange(port)).await.unwrap_or_else(|_| Err(slow()))
    }

    async fn exchange(&self, port: u16) -> Result<(), String> {
        // Some listen on what `localhost` is first, and that may be ::1.
        let stream = match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => stream,
            Err(refused) => {
                let other = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await;
                other.map_err(|_| format!("nothing listens on port {port} ({refused})"))?
            }
        };
        let Some(path) = &self.path else { return Ok(()) };
        let wrong = |error: &dyn std::fmt::Display| format!("it did not answer GET {path}: {error}");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| wrong(&error))?;
        tokio::spawn(connection);
        let request = Request::get(path.as_str()).header(header::HOST, format!("localhost:{port}"));
        let request = request.body(Empty::<Bytes>::new()).map_err(|error| wrong(&error))?;
        let answer = sender.send_request(request).await.map_err(|error| wrong(&error))?;
        let status = answer.status();
        if status.is_success() || status.is_redirection() {
            Ok(())
        } else {
            Err(format!("it answered GET {path} with {status}"))
        }
    }
}
