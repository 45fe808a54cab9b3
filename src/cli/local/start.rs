//! `infra local start`: begins a cloud, or finds the one that runs.

use clap::Args;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Failure, Folder, ready, shell,
    show::{self, text},
};
use crate::{
    local::{
        self, Chosen, LocalError, Options, Pace,
        client::{self, Launch},
    },
    render::output::{print, tell},
};

/// Arguments of `infra local start`.
#[derive(Debug, Args)]
pub struct Start {
    #[command(flatten)]
    folder: Folder,
    /// The port on 127.0.0.1; 0 means the one that this folder had last, or any other if that is not free [default: the last
    /// one chosen, or 4566]
    #[arg(long)]
    port: Option<u16>,
    /// How long changes take: `instant`, `real`, or a number: that many times faster than AWS [default: the last one
    /// chosen, or instant]
    #[arg(long)]
    pace: Option<Pace>,
    /// Serve only these AWS APIs, by their signing names, e.g. `ec2,rds`
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    apis: Vec<String>,
    /// Let in programs of every user of this machine, not only your own and root's
    #[arg(long)]
    other_users: bool,
    /// Run in this process until interrupted
    #[arg(long)]
    foreground: bool,
}

impl Start {
    /// Whether the cloud is to run in this process.
    pub(super) const fn serves(&self) -> bool {
        self.foreground
    }

    pub(super) async fn run(self) -> Result<(), Failure> {
        let options = self.options();
        if self.foreground {
            return foreground(options).await;
        }
        match client::launch(&options).await? {
            Launch::Started(url) => {
                self.chosen().keep(&options.data).map_err(LocalError::from)?;
                ready::wait(&options.data).await;
                print(&format!("The local cloud is running at {url}{}", shell::hint(&options.data)));
                let status = client::get(&options.data, "status").await?;
                show::told_unknown(&show::unknown(&status)).iter().for_each(|told| tell(told));
            }
            Launch::Ran(url) => {
                let status = client::get(&options.data, "status").await?;
                print(&self.ran(&url, &status).map_err(Failure::Told)?);
            }
        }
        Ok(())
    }

    fn options(&self) -> Options {
        let data = self.folder.data.clone();
        let Chosen { port, pace } = self.chosen();
        let (port, pace) = (port.unwrap_or(client::PORT), pace.unwrap_or(Pace::Instant));
        Options { port, pace, data, services: self.apis.clone(), other_users: self.other_users }
    }

    /// What is chosen now, and what was before.
    fn chosen(&self) -> Chosen {
        Chosen { port: self.port, pace: self.pace }.or(Chosen::of(&self.folder.data))
    }

    /// That a start found the cloud running; as an error, where something of it is not as it was asked for.
    fn ran(&self, url: &str, status: &Value) -> Result<String, String> {
        let mut differs = Vec::new();
        if self.pace.is_some_and(|pace| *text(&status["pace"]) != pace.to_string()) {
            differs.push(format!("with pace {}", text(&status["pace"])));
        }
        let mut apis: Vec<_> = status["apis"].as_array().into_iter().flatten().map(text).collect();
        let mut asked: Vec<_> = self.apis.iter().map(String::as_str).collect();
        apis.sort_unstable();
        asked.sort_unstable();
        asked.dedup();
        if !asked.is_empty() && apis != asked {
            differs.push(format!("with the APIs {}", apis.join(", ")));
        }
        if self.other_users && status["other_users"] == false {
            differs.push("without --other-users".to_owned());
        }
        let moved = self.port.is_some_and(|port| port != 0 && !url.ends_with(&format!(":{port}")));
        let differing = if differs.is_empty() { String::new() } else { format!(", {}", differs.join(" and ")) };
        let told = format!("The local cloud is already running at {url}{differing}");
        match moved || !differs.is_empty() {
            true => Err(format!("{told}. To change that, run `infra local stop` first")),
            false => Ok(told),
        }
    }
}

/// Runs the cloud in this process until it is interrupted, terminated, or told to stop.
async fn foreground(options: Options) -> Result<(), Failure> {
    let system = |cause| Failure::System { what: "wait for signals".to_owned(), cause };
    let mut terminated = signal(SignalKind::terminate()).map_err(system)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(system)?;
    let mut running = local::start(options).await?;
    print(&format!("The local cloud is running at {}; ctrl-C stops it", running.url));
    tokio::select! {
        () = running.wait() => return Ok(()),
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    running.stop().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        start: Start,
    }

    #[test]
    fn a_start_that_finds_it_running_tells_what_is_not_as_it_was_asked_for() {
        let url = "http://127.0.0.1:4830";
        let status = json!({ "pace": "40", "apis": ["ec2", "rds"], "other_users": false });
        let change = ". To change that, run `infra local stop` first";
        for (arguments, told) in [
            // It may have got another port than it is to have the next time.
            ("", String::new()),
            ("--pace 40", String::new()),
            ("--port 4830 --apis rds,ec2", String::new()),
            ("--port 0", String::new()),
            ("--port 4831", change.to_owned()),
            ("--pace instant", format!(", with pace 40{change}")),
            ("--pace instant --apis ec2", format!(", with pace 40 and with the APIs ec2, rds{change}")),
            ("--other-users", format!(", without --other-users{change}")),
        ] {
            let line = ["start"].into_iter().chain(arguments.split_whitespace());
            let start = Line::try_parse_from(line).unwrap().start;
            let running = format!("The local cloud is already running at {url}{told}");
            assert_eq!(start.ran(url, &status), if told.is_empty() { Ok(running) } else { Err(running) });
        }
    }
}
