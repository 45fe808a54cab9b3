//! A wire between the binary and a cloud: every call on it is written down, and an answer may be another one.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex, atomic::AtomicUsize},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode, client::conn::http1 as client, header, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

/// A call, as it stands on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The signing name, e.g. `rds`.
    pub(crate) service: String,
    /// E.g. `CreateDBCluster`.
    pub(crate) action: String,
    /// When it came.
    pub(crate) at: std::time::Instant,
    /// How many calls of this action there were before.
    pub(crate) earlier: usize,
    method: Method,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    /// The form, or the JSON.
    pub(crate) body: String,
}

impl Call {
    /// Whether it changes nothing.
    pub(crate) fn reads(&self) -> bool {
        ["Describe", "List", "Get"].iter().any(|verb| self.action.starts_with(verb))
    }

    /// The value of a parameter of the query protocols.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.body.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The same call of another action.
    pub(crate) fn renamed(&self, action: &str) -> Self {
        let mut call = self.clone();
        call.body = call.body.replace(&format!("Action={}&", self.action), &format!("Action={action}&"));
        call.action = action.to_owned();
        call
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) date: Option<String>,
    /// Those in which Lambda says what stands elsewhere in other services' bodies.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// A refusal in the words of the called service's protocol.
    pub(crate) fn refusal(call: &Call, status: u16, code: &str, message: &str) -> Self {
        let (content_type, body) = match call.service.as_str() {
            "ec2" => (
                "text/xml",
                format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
                ),
            ),
            "rds" | "iam" | "sts" => (
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
                ),
            ),
            _ => ("application/x-amz-json-1.1", json!({"__type": code, "message": message}).to_string()),
        };
        Self { status, content_type: content_type.to_owned(), date: None, headers: Vec::new(), body }
    }
}

/// What a wire does with a call: it may ask the cloud behind it, or not.
pub(crate) type Rule = Arc<dyn Fn(Call, Behind) -> BoxFuture<'static, Answer> + Send + Sync>;

/// The cloud behind a wire.
#[derive(Debug, Clone)]
pub(crate) struct Behind(String);

impl Behind {
    /// Passes a call on.
    pub(crate) async fn answer(&self, call: &Call) -> Answer {
        let stream = TcpStream::connect(&self.0).await.expect("the cloud answers");
        let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.expect("the cloud speaks HTTP");
        tokio::spawn(connection);
        let mut request = Request::builder().method(call.method.clone()).uri(&call.path);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        request = request.header(header::HOST, &self.0);
        let request = request.body(Full::<Bytes>::from(call.body.clone())).expect("a call is a request");
        let response = sender.send_request(request).await.expect("the cloud answers");
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, content_type, date) =
            (response.status().as_u16(), text(header::CONTENT_TYPE).unwrap_or_default(), text(header::DATE));
        let said = response.headers().iter().filter(|(name, _)| name.as_str().starts_with("x-am"));
        let headers =
            said.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned())).collect();
        let body = response.into_body().collect().await.expect("an answer has a body").to_bytes();
        Answer { status, content_type, date, headers, body: String::from_utf8_lossy(&body).into_owned() }
    }
}

/// A wire, cut when dropped.
pub(crate) struct Wire {
    /// Where the binary is to call.
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Wire {
    /// To the cloud at `url`, passing everything on.
    pub(crate) fn to(url: &str) -> Self {
        Self::with(url, |call, behind| Box::pin(async move { behind.answer(&call).await }))
    }

    /// To the cloud at `url`, by a rule of its own.
    pub(crate) fn with(
        url: &str,
        rule: impl Fn(Call, Behind) -> BoxFuture<'static, Answer> + Send + Sync + 'static,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let behind = Behind(url.trim_start_matches("http://").trim_end_matches('/').to_owned());
        let rule: Rule = Arc::new(rule);
        runtime.spawn(serve(listener, Arc::clone(&calls), behind, rule));
        Self { url: format!("http://{address}"), calls, _runtime: runtime }
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no call panicked").clone()
    }

    /// Every call so far, one JSON object a line, for whoever checks them.
    pub(crate) fn record(&self) -> String {
        let line = |call: &Call| {
            let target = call.headers.iter().find(|(name, _)| name == "x-amz-target").map(|(_, value)| value);
            let (method, path) = (call.method.as_str(), &call.path);
            json!({"service": call.service, "action": call.action, "target": target, "method": method, "path": path, "body": call.body})
                .to_string()
        };
        self.calls().iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

async fn serve(listener: TcpListener, calls: Arc<Mutex<Vec<Call>>>, behind: Behind, rule: Rule) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (calls, behind, rule) = (Arc::clone(&calls), behind.clone(), Arc::clone(&rule));
        let service = service_fn(move |request| {
            let (calls, behind, rule) = (Arc::clone(&calls), behind.clone(), Arc::clone(&rule));
            async move {
                let mut call = read(request).await;
                {
                    let mut calls = calls.lock().expect("no call panicked");
                    call.earlier = calls.iter().filter(|other| other.action == call.action).count();
                    calls.push(call.clone());
                }
                let answer = rule(call, behind).await;
                let mut response = Response::builder()
                    .status(StatusCode::from_u16(answer.status).expect("a status"))
                    .header(header::CONTENT_TYPE, answer.content_type);
                if let Some(date) = answer.date {
                    response = response.header(header::DATE, date);
                }
                for (name, value) in answer.headers {
                    response = response.header(name, value);
                }
                Ok::<_, Infallible>(response.body(Full::<Bytes>::from(answer.body)).expect("a response"))
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn read(request: Request<hyper::body::Incoming>) -> Call {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .filter(|(name, _)| !["host", "content-length", "connection"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let find = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let service = find("authorization").unwrap_or_default().split('/').nth(3).unwrap_or_default().to_owned();
    let body = String::from_utf8_lossy(&body).into_owned();
    let action = match find("x-amz-target") {
        None if service == "lambda" => rest_action(&head.method, head.uri.path()).to_owned(),
        Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
        None => form_urlencoded::parse(body.as_bytes())
            .find(|(key, _)| key == "Action")
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default(),
    };
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Call { service, action, at: std::time::Instant::now(), earlier: 0, method: head.method, path, headers, body }
}

/// Lambda's action by its method and path.
fn rest_action(method: &Method, path: &str) -> &'static str {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", [_, "functions"]) => "ListFunctions",
        ("POST", [_, "functions"]) => "CreateFunction",
        ("GET", [_, "functions", _]) => "GetFunction",
        ("DELETE", [_, "functions", _]) => "DeleteFunction",
        ("PUT", [_, "functions", _, "code"]) => "UpdateFunctionCode",
        ("PUT", [_, "functions", _, "configuration"]) => "UpdateFunctionConfiguration",
        ("POST", [_, "functions", _, "invocations"]) => "Invoke",
        ("POST", [_, "tags", _]) => "TagResource",
        ("DELETE", [_, "tags", _]) => "UntagResource",
        _ => "",
    }
}

/// A rule that answers the calls of `which` from the `after`-th on as `refuse` says, and passes all others on.
pub(crate) fn refusing(
    which: impl Fn(&Call) -> bool + Send + Sync + 'static,
    after: usize,
    refuse: impl Fn(&Call) -> Answer + Send + Sync + 'static,
) -> impl Fn(Call, Behind) -> BoxFuture<'static, Answer> + Send + Sync + 'static {
    let met = AtomicUsize::new(0);
    move |call, behind| {
        let refused = which(&call) && met.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= after;
        let answer = refused.then(|| refuse(&call));
        Box::pin(async move {
            match answer {
                Some(answer) => answer,
                None => behind.answer(&call).await,
            }
        })
    }
}
