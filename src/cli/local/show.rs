//! What the verbs of `infra local` print.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use serde_json::{Value, json};

use super::{Failure, ready};
use crate::{
    local::{
        LocalError, client, inventory,
        service_log::{self, Named, Unclear},
    },
    render::output::{print, tell},
};

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Whether the daemon runs, where, and what it holds; exit code 1 when it does not.
pub(super) async fn status(data: &Path, as_json: bool) -> Result<ExitCode, Failure> {
    let status = match ready::status(data).await {
        Ok(status) => status,
        Err(Failure::Local(error @ LocalError::NotRunning { .. })) => {
            print(&if as_json { json!({ "running": false, "data": data }).to_string() } else { format!("{error}.") });
            let unknown = inventory::saved(data).map(|(_, unknown)| unknown).unwrap_or_default();
            told_unknown(&unknown).iter().for_each(|told| tell(told));
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error),
    };
    if as_json {
        let mut status = status;
        status["running"] = true.into();
        print(&status.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let apis: Vec<_> = status["apis"].as_array().into_iter().flatten().map(text).collect();
    print(&format!("endpoint   {}", text(&status["endpoint"])));
    print(&format!("pid        {}", status["pid"]));
    print(&format!("pace       {}", text(&status["pace"])));
    print(&format!("data       {}", text(&status["data"])));
    print(&format!("apis       {}", apis.join(" ")));
    print(&format!("resources  {}", status["resources"]));
    for service in status["services"].as_array().into_iter().flatten() {
        let what = match (service["url"].as_str(), service["command"].as_str()) {
            (Some(url), Some(command)) => format!("{url}, {command}"),
            (None, Some(command)) => command.to_owned(),
            (_, None) => "no container runs here; `service.local` in the description can name a program to run instead"
                .to_owned(),
        };
        let (name, status) = (text(&service["name"]), text(&service["status"]));
        print(&format!("service    {name} {status} ({what}{})", silence(service)));
    }
    for database in status["databases"].as_array().into_iter().flatten() {
        let (host, port) = (text(&database["host"]), &database["port"]);
        print(&format!("database   {host}:{port} ({}{})", way(database), silence(database)));
    }
    for folder in unknown(&status) {
        print(&format!(
            "unknown    {folder} (a database or snapshot that is not in this local cloud's state; it is kept)"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The folders of databases and snapshots that are not in the state.
pub(super) fn unknown(status: &Value) -> Vec<String> {
    status["unknown"].as_array().into_iter().flatten().map(|folder| text(folder).to_owned()).collect()
}

/// What is to be said of them, if there are any.
pub(super) fn told_unknown(unknown: &[String]) -> Option<String> {
    (!unknown.is_empty()).then(|| {
        format!(
            "Of some databases or snapshots there is no state; they are kept ({}). To have them again, stop the local cloud and put \
             its folder `state` back; `infra local reset --everything` deletes them.",
            unknown.join(", ")
        )
    })
}

/// What leads to a database.
pub(super) fn way(database: &Value) -> String {
    match database["proxy"].as_str() {
        Some(proxy) => format!("proxy {proxy}"),
        None => format!("cluster {}", text(&database["cluster"])),
    }
}

/// That nobody answers there now.
fn silence(shown: &Value) -> &'static str {
    if shown["answers"] == false { ", does not answer" } else { "" }
}

/// The number of calls of each action.
pub(super) fn calls(counts: &Value, as_json: bool) {
    if as_json {
        return print(&counts.to_string());
    }
    for (service, actions) in counts.as_object().into_iter().flatten() {
        for (action, count) in actions.as_object().into_iter().flatten() {
            print(&format!("{count:>6}  {service} {action}"));
        }
    }
}

/// Everything that exists, a line each, in columns.
pub(super) fn inventory(items: &Value, as_json: bool) {
    if as_json {
        return print(&items.to_string());
    }
    let columns = ["account", "region", "service", "kind", "state", "id", "name"];
    let rows: Vec<_> =
        items.as_array().into_iter().flatten().map(|item| columns.map(|name| text(&item[name]))).collect();
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in &rows {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        print(cells.join("  ").trim_end());
    }
}

/// The last lines of a log, and then those that are added.
pub(super) async fn logs(path: &Path, lines: usize, follow: bool) -> Result<(), Failure> {
    let failed = |cause| Failure::System { what: format!("read the log {}", path.display()), cause };
    let mut file = File::open(path).map_err(failed)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(failed)?;
    let all: Vec<_> = content.split_inclusive(|byte| *byte == b'\n').collect();
    let last = all[all.len().saturating_sub(lines)..].concat();
    let mut out = std::io::stdout();
    let mut gone = out.write_all(&last).is_err();
    while follow && !gone {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut added = Vec::new();
        // A shorter file is a new one.
        if file.metadata().map_err(failed)?.len() < file.stream_position().map_err(failed)? {
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
        }
        file.read_to_end(&mut added).map_err(failed)?;
        gone = out.write_all(&added).and_then(|()| out.flush()).is_err();
    }
    Ok(())
}

/// What App Runner tells about a service: of this name, or of the only one there is.
pub(super) async fn events(data: &Path, name: &str, lines: usize, follow: bool) -> Result<(), Failure> {
    let mut shown = None;
    loop {
        let told = client::get(data, "events").await?;
        let all: Vec<&Value> = told.as_array().into_iter().flatten().collect();
        let of = |event: &Value| {
            let [account, region, name] = ["account", "region", "service"].map(|key| text(&event[key]).to_owned());
            Named { account, region, name }
        };
        let services: Vec<Named> = all.iter().map(|event| of(event)).collect::<BTreeSet<_>>().into_iter().collect();
        let meant = service_log::choose(&services, name).map_err(|unclear| match unclear {
            Unclear::Nothing => Failure::Told("There is no App Runner service in the local cloud".to_owned()),
            Unclear::Unknown(names) => {
                Failure::Told(format!("There is no service {name:?}. There are: {}", names.join(", ")))
            }
            Unclear::Several(names) => super::several(&names.join(", ")),
        })?;
        let of_service: Vec<&&Value> = all.iter().filter(|event| of(event) == *meant).collect();
        let begin = shown.unwrap_or_else(|| of_service.len().saturating_sub(lines));
        for event in of_service.iter().skip(begin) {
            print(&format!("{} {}", text(&event["at"]), text(&event["message"])));
        }
        shown = Some(of_service.len());
        if !follow {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
