//! The runtime API, which a function fetches its calls from and answers them to.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    convert::Infallible,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::invoke::{Answer, Order};
use crate::local::cloud::now;

const BASE: &str = "/2018-06-01/runtime";

/// The API for one call. It ends when it is dropped.
pub(super) struct Runtime {
    /// Where it listens.
    pub(super) address: String,
    task: JoinHandle<()>,
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The one call, until it was fetched, and who waits for its answer.
struct Call {
    arn: String,
    request: String,
    context: Option<String>,
    limit: Duration,
    /// Told once, before the call is handed out.
    fetched: Box<dyn Fn() + Send + Sync>,
    payload: Mutex<Option<Vec<u8>>>,
    answer: Mutex<Option<oneshot::Sender<Answer>>>,
}

impl Runtime {
    /// Listens; the other one of the two brings the answer. `fetched` is told when the function asks for its call, from where
    /// its time is counted.
    pub(super) async fn start(
        order: &Order,
        limit: Duration,
        fetched: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<(Self, oneshot::Receiver<Answer>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        let (sender, answered) = oneshot::channel();
        let call = Arc::new(Call {
            arn: order.arn.clone(),
            request: order.request.clone(),
            context: order.context.0.clone(),
            limit,
            fetched: Box::new(fetched),
            payload: Mutex::new(Some(STANDARD.decode(&order.payload.0).unwrap_or_default())),
            answer: Mutex::new(Some(sender)),
        });
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let call = Arc::clone(&call);
                let service = service_fn(move |request| {
                    let call = Arc::clone(&call);
                    async move { Ok::<_, Infallible>(call.respond(request).await) }
                });
                // An error is a function that has gone.
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok((Self { address, task }, answered))
    }
}

impl Call {
    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().strip_prefix(BASE).unwrap_or_default().to_owned();
        let mine = path.strip_prefix("/invocation/").and_then(|rest| rest.split_once('/'));
        match (head.method, path.as_str(), mine) {
            (Method::GET, "/invocation/next", _) => self.next().await,
            (Method::POST, "/init/error", _) => self.answered(body, true).await,
            (Method::POST, _, Some((request, "response"))) if request == self.request => {
                self.answered(body, false).await
            }
            (Method::POST, _, Some((request, "error"))) if request == self.request => self.answered(body, true).await,
            _ => status(StatusCode::NOT_FOUND),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        let payload = self.payload.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(payload) = payload else {
            // The next call would come to the same process in AWS; here that one ends with its one call.
            return std::future::pending().await;
        };
        (self.fetched)();
        let deadline = now().saturating_add(u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX));
        let mut response = Response::builder();
        if let Some(context) = &self.context {
            response = response.header("Lambda-Runtime-Client-Context", context);
        }
        let response = response
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &self.request)
            .header("Lambda-Runtime-Deadline-Ms", deadline)
            .header("Lambda-Runtime-Invoked-Function-Arn", &self.arn)
            .body(Full::from(payload));
        response.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
    }

    async fn answered(&self, body: Incoming, failed: bool) -> Response<Full<Bytes>> {
        let Ok(body) = body.collect().await else { return status(StatusCode::BAD_REQUEST) };
        let answer = Answer { payload: body.to_bytes().to_vec(), failed, log: Vec::new() };
        let waiting = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        match waiting.map(|waiting| waiting.send(answer)) {
            Some(Ok(())) => status(StatusCode::ACCEPTED),
            _ => status(StatusCode::FORBIDDEN),
        }
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(r#"{"status":"OK"}"#));
    *response.status_mut() = status;
    response
}
