//! The real binary against a local cloud of its own.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A local cloud in a folder of its own, stopped with its databases when dropped, also by a panic.
pub(crate) struct Cloud {
    folder: TempDir,
    /// The endpoint's URL.
    pub(crate) url: String,
}

impl Cloud {
    /// Starts one at instant pace.
    pub(crate) fn start() -> Self {
        Self::paced("instant")
    }

    /// Starts one at a given pace.
    pub(crate) fn paced(pace: &str) -> Self {
        Self::with(&["--pace", pace])
    }

    /// Starts one that runs these services only.
    pub(crate) fn serving(services: &str) -> Self {
        Self::with(&["--apis", services])
    }

    fn with(arguments: &[&str]) -> Self {
        let mut cloud = Self::absent();
        let started = cloud.infra(&[&["local", "start", "--port", "0"], arguments].concat());
        started.succeeds();
        let status = cloud.infra(&["local", "status", "--json"]).succeeds().json();
        cloud.url = status["endpoint"].as_str().expect("the status has the endpoint").to_owned();
        cloud
    }

    /// None: a folder where no cloud runs.
    pub(crate) fn absent() -> Self {
        let cloud = Self { folder: tempfile::tempdir().expect("a temporary folder"), url: String::new() };
        cloud.program("bootstrap", "");
        cloud
    }

    /// Writes a program for functions. A binary that was not built to be small takes its time to be packed; a script that starts it
    /// is the same program, and with another comment another one.
    pub(crate) fn program(&self, name: &str, comment: &str) -> PathBuf {
        self.write(name, &format!("#!/bin/sh\n# {comment}\nexec {}\n", env!("CARGO_BIN_EXE_infra")))
    }

    /// Where descriptions can be written; the local cloud's data is in `local` there.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command that calls this cloud, and no other, whatever the environment of the tests is.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
        command.args(arguments).current_dir(self.folder()).stdin(Stdio::null());
        command.env("INFRA_LOCAL_DATA", self.folder().join("local"));
        command.env("INFRA_LAMBDA_BINARY", self.folder().join("bootstrap"));
        command.env("NO_COLOR", "1").env("SHELL", "/bin/bash");
        for name in ["AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "PGSSLROOTCERT", "CI"] {
            command.env_remove(name);
        }
        command
    }

    /// A command that calls an endpoint in place of the local cloud that it may lead to, with this cloud's credentials.
    pub(crate) fn through(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env("AWS_ENDPOINT_URL", url).env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "000000000000").env("AWS_SECRET_ACCESS_KEY", "any");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", self.folder());
        command.env("PGSSLROOTCERT", self.folder().join("local/ca.pem"));
        command
    }

    /// A call of somebody else, in the query protocol.
    #[track_caller]
    pub(crate) fn call(&self, service: &str, form: &str) -> String {
        call(&self.url, service, form)
    }

    /// The same in the JSON protocol; `target` is e.g. `secretsmanager.UpdateSecret`.
    #[track_caller]
    pub(crate) fn ask(&self, service: &str, target: &str, body: &Value) -> Value {
        let answer = post(&self.url, service, "application/x-amz-json-1.1", target, &body.to_string());
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// The same in the REST protocol.
    #[track_caller]
    pub(crate) fn rest(&self, service: &str, method: &str, path: &str, body: &str) -> Value {
        let answer = send(&self.url, (method, path), service, "application/json", "", body);
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// Runs the binary to its end.
    pub(crate) fn infra(&self, arguments: &[&str]) -> Run {
        Run::of(arguments, &mut self.command(arguments))
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, text).expect("the folder can be written");
        path
    }

    /// Everything that exists, as `service kind name`, without what a test says nothing about.
    pub(crate) fn inventory(&self) -> Vec<Value> {
        let items = self.infra(&["local", "inventory", "--json"]).succeeds().json();
        items.as_array().cloned().unwrap_or_default()
    }

    /// Starts counting calls from nothing.
    pub(crate) fn forget_calls(&self) {
        self.infra(&["local", "calls", "--reset"]).succeeds();
    }

    /// How often each action was called, as `service.Action`.
    pub(crate) fn calls(&self) -> Vec<(String, u64)> {
        let counts = self.infra(&["local", "calls", "--json"]).succeeds().json();
        let mut calls = Vec::new();
        for (service, actions) in counts.as_object().into_iter().flatten() {
            for (action, count) in actions.as_object().into_iter().flatten() {
                calls.push((format!("{service}.{action}"), count.as_u64().unwrap_or_default()));
            }
        }
        calls
    }

    /// What psql says through the proxy of `stack`.
    pub(crate) fn psql(&self, stack: &str, sql: &str) -> String {
        let run = self.infra(&["local", "psql", "--stack", stack, "--", "-At", "-c", sql]);
        run.succeeds().stdout().trim().to_owned()
    }
}

/// A call of somebody else to the cloud at `url`, in the query protocol.
#[track_caller]
pub(crate) fn call(url: &str, service: &str, form: &str) -> String {
    post(url, service, "application/x-www-form-urlencoded", "", form)
}

#[track_caller]
fn post(url: &str, service: &str, kind: &str, target: &str, body: &str) -> String {
    send(url, ("POST", "/"), service, kind, target, body)
}

#[track_caller]
fn send(url: &str, (method, path): (&str, &str), service: &str, kind: &str, target: &str, body: &str) -> String {
    use std::io::{Read as _, Write as _};
    let host = url.strip_prefix("http://").expect("the URL is plain HTTP");
    let mut connection = std::net::TcpStream::connect(host).expect("the cloud answers");
    let target = if target.is_empty() { String::new() } else { format!("X-Amz-Target: {target}\r\n") };
    write!(
        connection,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\nContent-Type: {kind}\r\n\
         {target}Authorization: AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    )
    .expect("the call is sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("the answer is read");
    assert!(matches!(answer.split(' ').nth(1), Some("200" | "204")), "{body}: {answer}");
    answer.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned())
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if !self.folder().join("local").exists() {
            return;
        }
        let _ = self.command(&["local", "reset", "--everything", "--yes"]).output();
    }
}

/// A run of the binary.
pub(crate) struct Run {
    what: String,
    output: Output,
}

impl Run {
    /// Runs a command to its end.
    pub(crate) fn of(arguments: &[&str], command: &mut Command) -> Self {
        Self::ended(arguments, command.output().expect("the binary runs"))
    }

    /// A run that was waited for elsewhere.
    pub(crate) fn ended(arguments: &[&str], output: Output) -> Self {
        Self { what: arguments.join(" "), output }
    }

    /// The exit code; none where a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// Standard output.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Standard error.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// What stderr says, without the breaks that fit it to a terminal.
    pub(crate) fn told(&self) -> String {
        let text = self.stderr();
        text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
    }

    /// Demands an exit code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(
            self.output.status.code(),
            Some(code),
            "`infra {}`\n{}\n{}",
            self.what,
            self.stdout(),
            self.stderr()
        );
        self
    }

    /// Demands success.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        self.ends_with(0)
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout()).unwrap_or_else(|error| panic!("{error}: {}", self.stdout()))
    }

    /// Standard output as one JSON value a line.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout().lines().map(|line| serde_json::from_str(line).expect("a line is one JSON object")).collect()
    }
}

/// The id of what stands at an address, in what `infra status --json` prints.
#[track_caller]
pub(crate) fn id_in(status: &Value, address: &str) -> String {
    let all = status["resources"].as_array().expect("a list");
    let found = all.iter().find(|item| item["address"] == address).unwrap_or_else(|| panic!("{address} was made"));
    found["id"].as_str().expect("an id").to_owned()
}
