//! The control of faults over HTTP, under `/_infra/faults`; who calls it has shown the daemon's token.
//!
//! ```text
//! GET  faults                     the rules in force
//! POST faults                     a rule → {"id": 1}
//! POST faults/clear?id=1          one rule or, without id, all
//! GET  faults/held?wait=3000&rule=1   the calls that are held; waits at most so many milliseconds for one
//! POST faults/release?id=1        one held call or, without id, all
//! ```

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Effect, Moment, Rule};
use crate::local::cloud::Cloud;

/// The longest time that a question waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers a request for `/_infra/faults/PATH`.
pub(crate) async fn respond(
    cloud: &Cloud,
    method: &Method,
    path: &str,
    query: &str,
    body: &[u8],
) -> (StatusCode, Value) {
    let chaos = &cloud.chaos;
    let id = number(query, "id");
    match (method, path) {
        (&Method::GET, "") => (StatusCode::OK, json!(chaos.rules())),
        (&Method::POST, "") => match read(body).and_then(|rule| add(cloud, rule)) {
            Ok(id) => (StatusCode::OK, json!({ "id": id })),
            Err(error) => (StatusCode::BAD_REQUEST, json!({ "error": error })),
        },
        (&Method::POST, "clear") => (StatusCode::OK, json!({ "cleared": chaos.clear(id) })),
        (&Method::GET, "held") => {
            let wait = Duration::from_millis(number(query, "wait").unwrap_or_default()).min(PATIENCE);
            let rule = number(query, "rule");
            let meant = |moment: &Moment| rule.is_none_or(|rule| moment.rule == rule);
            (StatusCode::OK, json!(chaos.held.list(wait, meant).await))
        }
        (&Method::POST, "release") => {
            let released = chaos.held.release(|moment| id.is_none_or(|id| id == moment.id));
            (StatusCode::OK, json!({ "released": released }))
        }
        _ => (StatusCode::NOT_FOUND, json!({ "error": format!("There is no {method} /_infra/faults/{path}.") })),
    }
}

fn number(query: &str, name: &str) -> Option<u64> {
    let value = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name)?.1;
    value.parse().ok()
}

fn read(body: &[u8]) -> Result<Rule, String> {
    serde_json::from_slice(body).map_err(|error| format!("This is no rule: {error}."))
}

fn add(cloud: &Cloud, rule: Rule) -> Result<u64, String> {
    let looks_back = matches!(rule.effect, Effect::Lag { .. });
    let id = cloud.chaos.add(rule)?;
    if looks_back {
        cloud.chaos.past.begin(&cloud.world());
    }
    Ok(id)
}
