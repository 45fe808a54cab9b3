//! The control interface under `/_infra/`: what the `infra local` commands ask the daemon. JSON, outside AWS's APIs.
//!
//! Reading is open to whoever reaches the loopback address; what changes something, and what holds passwords, wants
//! the token of `DATA/daemon.json`, which only its owner can read.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use super::{apprunner::program::Offer, chaos, cloud::Cloud, rds};

/// What the control interface knows and does.
pub(crate) struct Control {
    /// The cloud.
    pub(crate) cloud: Arc<Cloud>,
    /// The endpoint's URL.
    pub(crate) url: String,
    /// What guards changes and passwords.
    pub(crate) token: String,
    /// Whether every user of this machine is let in.
    pub(crate) other_users: bool,
}

impl Control {
    /// Answers a request for `/_infra/PATH`; what concerns faults is answered in their room.
    pub(crate) async fn respond(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        token: Option<&str>,
        body: &[u8],
    ) -> Response<Full<Bytes>> {
        let is_owner = token == Some(&self.token);
        let closed =
            || problem(StatusCode::FORBIDDEN, "This needs the header X-Infra-Token with the token in daemon.json.");
        if let Some(rest) = path.strip_prefix("faults").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            if !is_owner {
                return closed();
            }
            let rest = rest.trim_start_matches('/');
            let (status, content) = chaos::control::respond(&self.cloud, method, rest, query, body).await;
            return json_response(status, &content);
        }
        let guarded = |answer: &dyn Fn() -> Value| match is_owner {
            true => match answer() {
                refused if refused.get("error").is_some() => json_response(StatusCode::BAD_REQUEST, &refused),
                answer => json_response(StatusCode::OK, &answer),
            },
            false => closed(),
        };
        match (method, path) {
            (&Method::GET, "status") => json_response(StatusCode::OK, &self.status()),
            (&Method::GET, "calls") => json_response(StatusCode::OK, &self.cloud.calls.counts()),
            (&Method::GET, "inventory") => json_response(StatusCode::OK, &self.cloud.inventory()),
            (&Method::GET, "events") => guarded(&|| json!(self.cloud.events())),
            (&Method::GET, "databases") => guarded(&|| json!(self.cloud.databases())),
            (&Method::POST, "calls/reset") => guarded(&|| json!(self.cloud.calls.take())),
            (&Method::POST, "programs") => guarded(&|| match serde_json::from_slice::<Offer>(body) {
                Ok(offer) => match self.cloud.offer(offer) {
                    Ok(deploys) => json!({ "deploys": deploys }),
                    Err(error) => json!({ "error": error }),
                },
                Err(error) => json!({ "error": error.to_string() }),
            }),
            (&Method::POST, "shutdown") => guarded(&|| {
                self.cloud.close();
                json!({ "stopping": true })
            }),
            _ => problem(StatusCode::NOT_FOUND, &format!("There is no {method} /_infra/{path}.")),
        }
    }

    /// What `infra local status` shows; docs/json.md names the fields, and the text has the same names.
    fn status(&self) -> Value {
        let databases = self.cloud.databases();
        let database = |database: &super::databases::Database| {
            let super::databases::Database { account, region, cluster_id, proxy_name, host, port, name, .. } = database;
            json!({
                "account": account, "region": region, "cluster": cluster_id, "proxy": proxy_name,
                "host": host, "port": port, "name": name,
            })
        };
        json!({
            "endpoint": self.url,
            "pid": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
            "pace": self.cloud.pace.to_string(),
            "other_users": self.other_users,
            "data": shown(&self.cloud.data),
            "apis": self.cloud.services.iter().map(|service| service.name).collect::<Vec<_>>(),
            "resources": self.cloud.inventory().len(),
            "services": self.cloud.app_runner_services(),
            "databases": databases.iter().map(database).collect::<Vec<_>>(),
            "unknown": rds::unknown_of(&self.cloud),
        })
    }

    /// What somebody sees who opens the endpoint in a browser.
    pub(crate) fn welcome(&self) -> Response<Full<Bytes>> {
        let names: Vec<_> = self.cloud.services.iter().map(|service| service.name).collect();
        Response::new(Full::from(format!(
            "This is the local cloud of infra {}: an AWS endpoint for {}.\n\n    aws --endpoint-url {} ec2 describe-vpcs\n\n\
             Its own state: /_infra/status, /_infra/inventory, /_infra/calls\n",
            env!("CARGO_PKG_VERSION"),
            names.join(", "),
            self.url
        )))
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn problem(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    json_response(status, &json!({ "error": message }))
}

fn json_response(status: StatusCode, content: &impl Serialize) -> Response<Full<Bytes>> {
    let (status, body) = match serde_json::to_vec(content) {
        Ok(body) => (status, body),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string().into_bytes()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
