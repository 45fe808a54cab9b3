//! The daemon from outside: found by its note, asked over its control interface, started as a process of its own.

mod ending;
mod endpoint;

use std::{
    os::unix::{fs::OpenOptionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{
    chosen::Chosen,
    daemon::{LocalError, Note, Options, entries, folder},
    disk,
    log::Log,
    pace::Pace,
};

pub(crate) use super::daemon::entries::is_data_folder;
pub use ending::{Forgotten, Stopped, forget, stop};
pub(crate) use endpoint::{ca_at, data_at};

/// The port that people expect such an endpoint on.
pub const PORT: u16 = 4566;
/// The data folder where none is given, below the current folder.
pub const DATA: &str = ".infra/local";

/// How long an answer may take; the daemon answers in milliseconds or is not there.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a daemon may take until it answers.
const START: Duration = Duration::from_secs(10);

/// How the daemon came to run.
pub enum Launch {
    /// It was started now.
    Started(String),
    /// It ran already.
    Ran(String),
}

/// The endpoint's URL of the local cloud on `data`, which is started when it does not run: as it was
/// chosen before, at the usual port where none was, or at any free one when that is taken.
///
/// # Errors
/// When it can neither be found nor started.
pub async fn ensure_started(data: &Path) -> Result<Launch, LocalError> {
    let Chosen { port, pace } = Chosen::of(data);
    let (port, pace) = (port.unwrap_or(PORT), pace.unwrap_or(Pace::Instant));
    let port = if TcpStream::connect(("127.0.0.1", port)).await.is_ok() { 0 } else { port };
    launch(&Options { port, data: data.to_owned(), pace, services: Vec::new(), other_users: false }).await
}

/// Starts the daemon as a process of its own, and returns when it answers.
///
/// # Errors
/// When it does not answer within seconds, with what it said.
pub async fn launch(options: &Options) -> Result<Launch, LocalError> {
    let data = &options.data;
    if let Some(note) = find(data).await {
        return Ok(Launch::Ran(note.url));
    }
    entries::claim(data)?;
    entries::ignore(data)?;
    let failed = |reason: String| LocalError::DidNotStart { data: data.clone(), reason };
    let said = data.join("daemon.out");
    let output = std::fs::File::options().create(true).write(true).truncate(true).mode(0o600).open(&said);
    let output = output.map_err(disk::error("write", &said))?;
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    command.args(["local", "start", "--foreground", "--port", &options.port.to_string()]);
    command.args(["--pace", &options.pace.to_string()]).arg("--data").arg(data);
    if !options.services.is_empty() {
        command.args(["--apis", &options.services.join(",")]);
    }
    if options.other_users {
        command.arg("--other-users");
    }
    // A group of its own: an interrupt at the terminal is not meant for it.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let begun = Instant::now();
    while begun.elapsed() < START {
        if let Some(note) = find(data).await {
            if note.pid == child.id() {
                return Ok(Launch::Started(note.url));
            }
            // Somebody else's, when two start at once: that one is as good, and ours ends because of it. It must not
            // outlive this call: it could take the folder when the other one is stopped.
            let _ = child.kill().and_then(|()| child.wait());
            return Ok(Launch::Ran(note.url));
        }
        if child.try_wait().is_ok_and(|status| status.is_some()) {
            let words = std::fs::read_to_string(&said).unwrap_or_default();
            let words = words.trim().trim_end_matches('.').to_owned();
            if words.is_empty() {
                // What it said could not be written down.
                std::fs::write(&said, "?").map_err(disk::error("write", &said))?;
                return Err(failed("it ended without a word".to_owned()));
            }
            return Err(if words.starts_with("Could not start ") { LocalError::Said(words) } else { failed(words) });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(failed(format!("it did not answer within {START:?}; see {}", Log::path(data).display())))
}

/// Reads `/_infra/PATH` of the daemon on `data`.
///
/// # Errors
/// When none runs there, or it refuses.
pub async fn get(data: &Path, path: &str) -> Result<Value, LocalError> {
    ask(data, &Method::GET, path, &Value::Null).await
}

/// Posts to `/_infra/PATH` of the daemon on `data`.
///
/// # Errors
/// When none runs there, or it refuses.
pub async fn post(data: &Path, path: &str) -> Result<Value, LocalError> {
    ask(data, &Method::POST, path, &Value::Null).await
}

/// Posts `content` to `/_infra/PATH` of the daemon on `data`.
///
/// # Errors
/// When none runs there, or it refuses.
pub async fn send(data: &Path, path: &str, content: &Value) -> Result<Value, LocalError> {
    ask(data, &Method::POST, path, content).await
}

/// The daemon's log, which is there once one ran.
///
/// # Errors
/// When none ever did.
pub fn log_file(data: &Path) -> Result<PathBuf, LocalError> {
    let path = Log::path(data);
    if path.exists() { Ok(path) } else { Err(LocalError::NotRunning { data: data.to_owned() }) }
}

async fn ask(data: &Path, method: &Method, path: &str, content: &Value) -> Result<Value, LocalError> {
    match find(data).await {
        Some(note) => request(&note, method, path, content).await,
        None => Err(unfound(data, path)),
    }
}

/// Why there is no daemon to ask: none runs, or one has the folder and is silent.
fn unfound(data: &Path, path: &str) -> LocalError {
    match Note::read(data).filter(|_| folder::is_locked(data)) {
        Some(Note { url, .. }) => {
            let pid = folder::holder(data).map(|pid| format!(" (pid {pid})")).unwrap_or_default();
            let reason = format!("it is running{pid}, and silent");
            LocalError::Unanswered { url, what: path.to_owned(), reason }
        }
        None => LocalError::NotRunning { data: data.to_owned() },
    }
}

/// The note of the daemon that runs on `data`. A note that a killed daemon left behind is none, even if its port
/// or process id are somebody else's by now; nor is one in a copy of another daemon's folder.
async fn find(data: &Path) -> Option<Note> {
    let note = Note::read(data)?;
    let status = request(&note, &Method::GET, "status", &Value::Null).await.ok()?;
    let is_here = data.canonicalize().is_ok_and(|data| status["data"] == data.display().to_string());
    (is_here && status["pid"].as_u64() == Some(note.pid.into())).then_some(note)
}

async fn request(note: &Note, method: &Method, path: &str, content: &Value) -> Result<Value, LocalError> {
    // What errors say ends where the sentence goes on.
    let reason = |text: String| text.trim_end_matches('.').to_owned();
    let unanswered =
        |text: String| LocalError::Unanswered { url: note.url.clone(), what: path.to_owned(), reason: reason(text) };
    match tokio::time::timeout(ANSWER, exchange(note, method, path, content)).await {
        Ok(Ok((status, body))) => {
            let content: Value = serde_json::from_slice(&body).unwrap_or_default();
            match status {
                200 => Ok(content),
                _ => Err(unanswered(content["error"].as_str().map_or_else(|| format!("HTTP {status}"), str::to_owned))),
            }
        }
        Ok(Err(error)) => Err(unanswered(error.to_string())),
        Err(_) => Err(unanswered(format!("no answer within {ANSWER:?}"))),
    }
}

async fn exchange(
    note: &Note,
    method: &Method,
    path: &str,
    content: &Value,
) -> Result<(u16, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(("127.0.0.1", note.port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(method)
        .uri(format!("/_infra/{path}"))
        .header(header::HOST, format!("127.0.0.1:{}", note.port))
        .header("x-infra-token", &note.token)
        .body(Full::<Bytes>::from(if content.is_null() { String::new() } else { content.to_string() }))?;
    // Ends with the exchange, for nothing else holds the connection.
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::{Running, start};

    async fn cloud(data: &Path) -> Running {
        start(Options::in_test(data)).await.unwrap()
    }

    /// One signed call as any client would make it: the status and the body.
    async fn call(url: &str, scope: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let address = url.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let credential = format!("AWS4-HMAC-SHA256 Credential={scope}/aws4_request, SignedHeaders=host, Signature=0");
        let mut request = Request::post("/").header("host", address).header("authorization", credential);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = sender.send_request(request.body(Full::<Bytes>::from(body.to_owned())).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    const HERE: &str = "test/20261123/eu-central-1/ec2";

    #[tokio::test]
    async fn what_was_made_survives_a_restart_and_stays_in_its_account_and_region() {
        let data = tempfile::tempdir().unwrap();
        let running = cloud(data.path()).await;
        let (status, body) = call(&running.url, HERE, &[], "Action=CreateVpc&CidrBlock=10.0.0.0/16").await;
        assert_eq!(status, 200, "{body}");
        running.stop().await;

        let running = cloud(data.path()).await;
        let list = "Action=DescribeVpcs&Filter.1.Name=cidr&Filter.1.Value.1=10.0.0.0/16";
        assert!(call(&running.url, HERE, &[], list).await.1.contains("<vpcId>vpc-"));
        for elsewhere in ["test/20261123/eu-west-1/ec2", "111122223333/20261123/eu-central-1/ec2"] {
            let (status, body) = call(&running.url, elsewhere, &[], list).await;
            assert_eq!(status, 200, "{body}");
            assert!(!body.contains("<vpcId>"), "{elsewhere}: {body}");
        }
        assert_eq!(running.calls()["ec2"]["DescribeVpcs"], 3);
        assert_eq!(running.inventory().as_array().unwrap().len(), 1);
        running.stop().await;
    }

    #[tokio::test]
    async fn a_folder_has_one_daemon_and_a_note_only_while_it_runs() {
        let data = tempfile::tempdir().unwrap();
        let running = cloud(data.path()).await;
        assert!(matches!(start(Options::in_test(data.path())).await, Err(LocalError::InUse { .. })));
        assert_eq!(find(data.path()).await.unwrap().url, running.url);
        assert_eq!(stop(data.path()).await.unwrap(), Stopped::Daemon);
        assert!(Note::read(data.path()).is_none());
        assert_eq!(stop(data.path()).await.unwrap(), Stopped::Nothing);
        assert!(matches!(get(data.path(), "calls").await, Err(LocalError::NotRunning { .. })));
    }

    #[tokio::test]
    async fn who_has_the_folder_and_is_silent_is_running_all_the_same() {
        let data = tempfile::tempdir().unwrap();
        let running = cloud(data.path()).await;
        let note = std::fs::read(data.path().join("daemon.json")).unwrap();
        running.stop().await;
        std::fs::write(data.path().join("daemon.json"), note).unwrap();
        assert!(matches!(get(data.path(), "calls").await, Err(LocalError::NotRunning { .. })), "it was killed");
        let _lock = folder::try_lock(data.path()).unwrap().unwrap();
        let told = get(data.path(), "calls").await.unwrap_err().to_string();
        let own =
            format!("did not answer the request for calls: it is running (pid {}), and silent", std::process::id());
        assert!(told.ends_with(&own), "{told}");
    }

    #[tokio::test]
    async fn any_port_is_the_one_that_the_folder_had_as_long_as_it_is_free() {
        let data = tempfile::tempdir().unwrap();
        let running = cloud(data.path()).await;
        let first = running.url.clone();
        running.stop().await;
        let running = cloud(data.path()).await;
        assert_eq!(running.url, first);
        running.stop().await;
        let taken = tokio::net::TcpListener::bind(first.strip_prefix("http://").unwrap()).await.unwrap();
        let running = cloud(data.path()).await;
        assert_ne!(running.url, first);
        drop(taken);
        running.stop().await;
    }

    #[tokio::test]
    async fn a_note_that_was_left_behind_is_none() {
        let data = tempfile::tempdir().unwrap();
        let running = cloud(data.path()).await;
        let note = Note::read(data.path()).unwrap();
        // Another process has the port by now, here another cloud.
        let stale = serde_json::to_vec(&Note { pid: note.pid + 1, ..note }).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join("daemon.json"), stale).unwrap();
        assert!(find(elsewhere.path()).await.is_none());
        running.stop().await;
    }

    #[tokio::test]
    async fn changes_and_passwords_want_the_token() {
        let data = tempfile::tempdir().unwrap();
        let running = cloud(data.path()).await;
        let stranger = Note { token: "guess".to_owned(), ..Note::read(data.path()).unwrap() };
        for (method, path) in [
            (Method::POST, "calls/reset"),
            (Method::POST, "shutdown"),
            (Method::POST, "programs"),
            (Method::GET, "databases"),
            (Method::GET, "faults"),
            (Method::POST, "faults/clear"),
        ] {
            let refused = request(&stranger, &method, path, &Value::Null).await.unwrap_err().to_string();
            assert!(refused.contains("token"), "{path}: {refused}");
        }
        assert!(request(&stranger, &Method::GET, "inventory", &Value::Null).await.is_ok());
        assert!(post(data.path(), "calls/reset").await.is_ok());
        assert!(get(data.path(), "unicorns").await.is_err());
        running.stop().await;
    }

    #[tokio::test]
    async fn the_endpoint_answers_only_to_this_machine() {
        let data = tempfile::tempdir().unwrap();
        let running = cloud(data.path()).await;
        let body = "Action=DescribeVpcs";
        let from = |origin: &'static str| [("origin", origin)];
        assert_eq!(call(&running.url, HERE, &from("https://example.com"), body).await.0, 403);
        assert_eq!(call(&running.url, HERE, &from("http://localhost:3000"), body).await.0, 200);
        let (status, told) = call(&running.url, HERE, &[("sec-fetch-site", "same-site")], body).await;
        assert!(status == 403 && told.contains("<Code>AccessDenied</Code>"), "{status} {told}");
        running.stop().await;
    }
}
