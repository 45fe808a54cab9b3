//! The endpoint: bytes in, bytes out. Everything under `/_infra/` is the cloud's own control interface, the rest
//! is AWS's.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody, combinators::BoxBody};
use hyper::{
    HeaderMap, Request, Response, StatusCode, Version,
    body::{Frame, Incoming},
    header::{self, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    admission::{self, Peer},
    chaos::Delivery,
    control::Control,
    dispatch::{self, Scope},
    protocol::{self, Answer},
    size::Limit,
};

/// How long a client may take to send its headers, and an open connection to end when the cloud stops.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what a refused client still sends is taken and thrown away.
const LINGERING: Duration = Duration::from_secs(2);

/// Answers requests until the cloud is closed; open connections may finish what they are at.
pub(crate) async fn serve(listener: TcpListener, control: Arc<Control>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(connection(stream, Arc::clone(&control)));
                }
                // Out of file descriptors, mostly: wait for some to be free.
                Err(error) => {
                    control.cloud.log.line(&format!("A connection could not be accepted: {error}"));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = control.cloud.closed() => break,
        }
    }
    let _ = tokio::time::timeout(PATIENCE, connections.join_all()).await;
}

async fn connection(stream: TcpStream, control: Arc<Control>) {
    let cloud = Arc::clone(&control.cloud);
    let peer = if control.other_users { Peer::Welcome } else { Peer::of(&stream) };
    let stream = TokioIo::new(stream);
    let service = service_fn(move |request| {
        let control = Arc::clone(&control);
        async move { respond(&control, peer, request).await }
    });
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(PATIENCE).serve_connection(stream, service);
    tokio::pin!(connection);
    // An error here is a client that went away or does not speak HTTP; hyper has answered what can be answered.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = cloud.closed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// The connection is closed on request.
#[derive(Debug, thiserror::Error)]
#[error("closed on request")]
struct Severed;

type Body = BoxBody<Bytes, Severed>;

fn whole(response: Response<Full<Bytes>>) -> Response<Body> {
    response.map(|body| body.map_err(|never| match never {}).boxed())
}

/// Answers a request, or closes its connection.
async fn respond(control: &Control, peer: Peer, request: Request<Incoming>) -> Result<Response<Body>, Severed> {
    let (head, body) = request.into_parts();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let (method, path, query) = (head.method.as_str(), head.uri.path(), head.uri.query().unwrap_or_default());
    if head.version == Version::HTTP_11 && head.headers.get_all(header::HOST).iter().count() != 1 {
        throw_away(body, &head.headers);
        return Ok(refuse(StatusCode::BAD_REQUEST, "The request must have one header Host."));
    }
    let scope = Scope::read(text("authorization"), query);
    let mut request = protocol::Request { method, path, headers: &head.headers, query, body: &[] };
    if let Some(fault) = peer.refusal().or_else(|| admission::refusal(&request)) {
        throw_away(body, &head.headers);
        let (answer, id) = admission::turned_away(&control.cloud, scope.as_ref(), &request, &fault);
        return Ok(whole(last(written(answer, &id))));
    }
    let own = path.strip_prefix("/_infra/");
    let limit = if own.is_some() { Limit::OWN } else { Limit::of(&control.cloud, scope.as_ref(), &request) };
    let body = match read(body, &head.headers, &limit).await {
        Ok(body) => body,
        Err(Unread::TooLarge) => {
            let (answer, id) = limit.refusal(&control.cloud, scope.as_ref(), &request);
            return Ok(whole(last(written(answer, &id))));
        }
        Err(Unread::CutOff) => {
            return Ok(refuse(StatusCode::BAD_REQUEST, "The request ended before its body was complete."));
        }
    };
    request.body = &body;
    if let Some(path) = own {
        return Ok(whole(control.respond(&head.method, path, query, text("x-infra-token"), &body).await));
    }
    if scope.is_none() && head.method == hyper::Method::GET && query.is_empty() {
        return Ok(whole(control.welcome()));
    }
    match dispatch::answer(&control.cloud, scope, &request).await {
        (Delivery::Whole(answer), id) => Ok(whole(written(answer, &id))),
        (Delivery::Half(answer), id) => Ok(half(written(answer, &id)).await),
        (Delivery::Nothing, _) => Err(Severed),
    }
}

/// Why there is no body.
enum Unread {
    TooLarge,
    CutOff,
}

/// The body of a request. One that is too large is refused by the length that its head tells, or else as soon as it is.
async fn read(mut body: Incoming, headers: &HeaderMap, limit: &Limit) -> Result<Bytes, Unread> {
    if !limit.is_exceeded_by(headers) {
        match Limited::new(&mut body, limit.bytes).collect().await {
            Ok(body) => return Ok(body.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {}
            Err(_) => return Err(Unread::CutOff),
        }
    }
    throw_away(body, headers);
    Err(Unread::TooLarge)
}

/// Takes what is still sent of a body that nobody reads. Who asks before it sends has sent nothing; anybody else would
/// lose the answer, were the connection closed meanwhile.
fn throw_away(mut body: Incoming, headers: &HeaderMap) {
    if !headers.contains_key(header::EXPECT) {
        tokio::spawn(tokio::time::timeout(LINGERING, async move { while let Some(Ok(_)) = body.frame().await {} }));
    }
}

/// The last answer of its connection.
fn last(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// An answer that promises all of its body and ends in the middle of it.
async fn half(response: Response<Full<Bytes>>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(never) => match never {},
    };
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let first = Frame::data(body.slice(..body.len() / 2));
    let rest = async {
        // The first half is sent before the end of it is seen.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(Severed)
    };
    let frames = stream::StreamExt::chain(stream::once(async { Ok(first) }), stream::once(rest));
    Response::from_parts(head, BoxBody::new(StreamBody::new(frames)))
}

fn written(answer: Answer, request_id: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set("content-type", &answer.content_type);
    set("x-amzn-requestid", request_id);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    response
}

fn refuse(status: StatusCode, message: &'static str) -> Response<Body> {
    let mut response = Response::new(Full::from(format!("{message}\n")));
    *response.status_mut() = status;
    whole(response)
}
