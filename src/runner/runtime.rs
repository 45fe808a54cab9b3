//! The function's end of Lambda's runtime API: fetches an order, carries it out, answers.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Method, Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{net::TcpStream, sync::watch, time::Instant};

use super::{
    bound::Bound,
    order::{self, Answer, Order},
};
use crate::{
    aws::{self, Clients},
    resources::migrations,
};

/// Where Lambda tells that it has started this program.
const VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";
const BASE: &str = "/2018-06-01/runtime";
/// The type of the error where the function does not understand what it is asked.
pub(crate) const ORDER: &str = "Infra.Order";
/// How long before Lambda's end the work is to stop: what is not committed by then is taken back, and that is told.
const MARGIN: Duration = Duration::from_secs(20);

/// Whether this program was started by Lambda. Who runs infra as a command inside of a function gives it a verb.
pub fn is_called() -> bool {
    std::env::var_os(VARIABLE).is_some() && std::env::args_os().len() == 1
}

/// Serves until Lambda ends the program.
pub fn run() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(serve()),
        Err(error) => Err(error.to_string()),
    };
    match ended {
        Ok(never) => match never {},
        Err(why) => {
            say(&format!("infra ends: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// What is said here stands in the function's log group.
#[expect(clippy::print_stdout, reason = "standard output is the function's log, and nobody else's")]
fn say(text: &str) {
    println!("{text}");
}

async fn serve() -> Result<std::convert::Infallible, String> {
    let address = std::env::var(VARIABLE).map_err(|error| error.to_string())?;
    say(&format!("infra {} waits for orders", env!("CARGO_PKG_VERSION")));
    loop {
        let (head, body) = exchange(&address, Method::GET, "/invocation/next", Bytes::new()).await?;
        let text = |name: &str| head.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let request = text("lambda-runtime-aws-request-id");
        let (path, answer) = match order::read::<Order>(&body) {
            Ok(order) => match order::write(&carry_out(&order, &text("lambda-runtime-deadline-ms")).await) {
                Ok(answer) => ("response", answer),
                Err(error) => ("error", failure("Infra.Answer", &error.to_string())),
            },
            Err(error) => ("error", failure(ORDER, &format!("The order was refused: {error}"))),
        };
        exchange(&address, Method::POST, &format!("/invocation/{request}/{path}"), answer.into()).await?;
    }
}

fn failure(kind: &str, message: &str) -> Vec<u8> {
    json!({"errorType": kind, "errorMessage": message}).to_string().into_bytes()
}

/// Carries an order out, and stops by itself before Lambda stops it.
async fn carry_out(order: &Order, deadline: &str) -> Answer {
    let (stop, stopped) = watch::channel(false);
    let left = left(deadline).map(|left| Instant::now() + left.saturating_sub(MARGIN));
    let ending = tokio::spawn(async move {
        match left {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
        stop.send_replace(true);
    });
    let mut told = Vec::new();
    let mut tell = |text: String| {
        say(&text);
        told.push(text);
    };
    let outcome = match (Bound::read(|name| std::env::var(name).ok()), Clients::load(&aws::Options::default()).await) {
        (Ok(bound), Ok(aws)) => migrations::inside(order, &bound, &aws, stopped.clone(), &mut tell).await,
        (Err(name), _) => aws::Error::other(format!("The function's variable {name} is missing, or makes no sense."))
            .advise("Run `infra deploy`: it sets the function's variables before it calls it.")
            .into(),
        (_, Err(error)) => error.into(),
    };
    if *stopped.borrow() {
        told.push("Lambda ends a function after 15 minutes, so the work stopped before that".to_owned());
    }
    ending.abort();
    Answer { told, outcome }
}

/// The time until a moment in milliseconds since 1970.
fn left(deadline: &str) -> Option<Duration> {
    let deadline = Duration::from_millis(deadline.parse().ok()?);
    Some(deadline.saturating_sub(SystemTime::now().duration_since(UNIX_EPOCH).ok()?))
}

/// One request to the API. The next order may be long in coming, so nothing limits the time.
async fn exchange(address: &str, method: Method, path: &str, body: Bytes) -> Result<(HeaderMap, Bytes), String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{method} {path}: {error}");
    let stream = TcpStream::connect(address).await.map_err(|error| wrong(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| wrong(&error))?;
    tokio::spawn(connection);
    let request = Request::builder().method(&method).uri(format!("{BASE}{path}")).header(header::HOST, address);
    let request = request.body(Full::new(body)).map_err(|error| wrong(&error))?;
    let response = sender.send_request(request).await.map_err(|error| wrong(&error))?;
    if !response.status().is_success() {
        return Err(wrong(&response.status()));
    }
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| wrong(&error))?.to_bytes();
    Ok((head.headers, body))
}
