//! Whether what stands behind a local cloud answers: its databases, and the services' programs, which come up after it.

use std::{path::Path, time::Duration};

use futures::future::join_all;
use serde_json::Value;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::{Failure, database, show};
use crate::{
    local::{client, databases::Database},
    migrate::{Client, ConnectError},
    render::output::tell,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a start waits for what ran before.
const START: Duration = Duration::from_secs(20);
/// What PostgreSQL says while it starts (cannot_connect_now).
const STARTING: &str = "57P03";

/// The daemon's status; each database, and each service with a program, says besides whether it `answers`.
pub(super) async fn status(data: &Path) -> Result<Value, Failure> {
    let mut status = client::get(data, "status").await?;
    let ways = database::read(client::get(data, "databases").await?)?;
    let asked =
        join_all(ways.into_iter().map(|way| async { ((way.host.clone(), way.port), answers(way).await) })).await;
    for shown in status["databases"].as_array_mut().into_iter().flatten() {
        let is = |host: &str, port: u16| shown["host"] == *host && shown["port"] == port;
        // One that came between the two questions is only coming up.
        let found = asked.iter().any(|((host, port), answers)| is(host, *port) && *answers);
        shown["answers"] = found.into();
    }
    for service in status["services"].as_array_mut().into_iter().flatten() {
        if let Some(address) = service["url"].as_str().and_then(|url| url.strip_prefix("http://")) {
            service["answers"] = accepts(address).await.into();
        }
    }
    Ok(status)
}

/// Waits until everything answers that is to, for a while; says what does not by then.
pub(super) async fn wait(data: &Path) {
    let begun = Instant::now();
    loop {
        // Who cannot ask has nothing to wait for.
        let Ok(status) = status(data).await else { return };
        let silent = silent(&status);
        if silent.is_empty() {
            return;
        }
        if begun.elapsed() >= START {
            tell(&format!("Not up yet: {}. `infra local status` shows when they answer.", silent.join(", ")));
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// What is to answer and does not.
fn silent(status: &Value) -> Vec<String> {
    let silent = |list: &str| {
        status[list].as_array().cloned().unwrap_or_default().into_iter().filter(|one| one["answers"] == false)
    };
    // One that is paused, or is being made, has nothing that came before.
    let services = silent("services").filter(|service| service["status"] == "RUNNING");
    let services = services.map(|service| format!("the program of the service {}", show::text(&service["name"])));
    silent("databases").map(|database| format!("the {}", show::way(&database))).chain(services).collect()
}

/// Whether a client gets through: to a proxy, which lets it wait for the server; or into the database itself.
async fn answers(way: Database) -> bool {
    if way.proxy_name.is_some() {
        return accepts(&format!("{}:{}", way.host, way.port)).await;
    }
    let asked = timeout(PATIENCE, Client::connect(&database::target(way))).await;
    match asked {
        Err(_) | Ok(Err(ConnectError::Unreachable { .. } | ConnectError::Broken { .. })) => false,
        Ok(Err(ConnectError::Refused { code, .. })) => code != STARTING,
        // Whatever else is wrong, it is the server that says so.
        Ok(_) => true,
    }
}

async fn accepts(address: &str) -> bool {
    timeout(PATIENCE, TcpStream::connect(address)).await.is_ok_and(|connected| connected.is_ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_to_answer_and_does_not_is_named() {
        let status = json!({
            "services": [
                {"name": "web", "status": "RUNNING", "answers": false},
                {"name": "held", "status": "PAUSED", "answers": false},
                {"name": "states", "status": "RUNNING"},
            ],
            "databases": [
                {"cluster": "shop", "proxy": null, "answers": false},
                {"cluster": "shop", "proxy": "pool", "answers": true},
            ],
        });
        assert_eq!(silent(&status), ["the cluster shop", "the program of the service web"]);
    }
}
