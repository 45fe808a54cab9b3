//! The life of one program: started, found well, watched, started again when it ends, stopped.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{
    Place, Shared, Specification,
    listener::{MARK, Owner},
    output::Output,
    port,
};
use crate::local::process::{self, Process};

/// How often a program is asked that was just started.
const EAGER: Duration = Duration::from_millis(50);
/// How long to wait before a program is started again: doubled each time, up to the second, and anew after the third.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(30);
const STEADY: Duration = Duration::from_secs(60);
/// How often another port is tried where somebody else was faster.
const PORTS: usize = 3;

/// How a start of a program came to its end.
enum End {
    /// It was told to stop, and has.
    Stopped,
    /// It never came up: why.
    NeverUp(String),
    /// It was up, and is not any more: why.
    Down(String),
}

/// Runs this generation of a service's program until it is told to stop, or nothing is to run any more.
pub(super) async fn run(shared: Arc<Shared>, place: Place, generation: u64, mut stop: watch::Receiver<bool>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(specification) = shared.specification(&place, generation) else { return };
        let begun = Instant::now();
        let mut life = Life { shared: &shared, place: &place, specification, stop: stop.clone() };
        let why = match life.live().await {
            End::Stopped => return,
            End::NeverUp(why) => {
                // An operation that waited for it says why it fails, and decides whether it is still to run.
                if shared.tell(&place, |service, now| service.fail(now, &why)).unwrap_or(true) {
                    continue;
                }
                why
            }
            End::Down(why) => why,
        };
        if begun.elapsed() > STEADY {
            pause = FIRST_PAUSE;
        }
        shared.log(&place, &format!("{why} It is started again in {} s.", pause.as_secs()));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = told(&mut stop) => return,
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Waits until the instance is told to stop, also by the loss of who would tell it.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

struct Life<'a> {
    shared: &'a Arc<Shared>,
    place: &'a Place,
    specification: Specification,
    stop: watch::Receiver<bool>,
}

impl Life<'_> {
    /// From a start to its end.
    async fn live(&mut self) -> End {
        let mut wished = self.specification.ports.clone();
        for attempt in 1.. {
            let port = match port::choose(&wished) {
                Ok(port) => port,
                Err(error) => {
                    return End::NeverUp(format!("There is no free port on this machine: {error}."));
                }
            };
            let start = match self.shared.environment(self.place, &self.specification, port) {
                Ok(start) => start,
                Err(why) => return End::NeverUp(why),
            };
            let end = self.start(&start, port).await;
            let End::NeverUp(why) = end else { return end };
            // Somebody else took the port between the look and the start.
            if attempt == PORTS || port::is_free(port) {
                return End::NeverUp(why);
            }
            self.shared.log(self.place, &format!("{why} Another port is tried."));
            wished.clear();
        }
        unreachable!("the loop ends by itself")
    }

    async fn start(&mut self, start: &process::Start, port: u16) -> End {
        let (mut process, out, err) = match Process::start(start) {
            Ok(started) => started,
            Err(error) => {
                let why = format!("Could not start `{}` in {}: {error}.", start.command, start.dir.display());
                return End::NeverUp(why);
            }
        };
        let owner = Owner { group: process.group(), mark: start.environment.get(MARK).cloned().unwrap_or_default() };
        let output = Output::of(self.shared, self.place, &self.specification, out, err);
        if let Err(why) = self.comes_up(&mut process, port, &owner).await {
            process.stop().await;
            output.finish().await;
            return why.map_or(End::Stopped, End::NeverUp);
        }
        self.shared.tell(self.place, |service, now| {
            service.port = Some(port);
            service.go_on(now);
        });
        let why = self.stays_up(&mut process, port, &owner).await;
        process.stop().await;
        output.finish().await;
        why.map_or(End::Stopped, End::Down)
    }

    /// Waits until the program is well; else why it is not, or nothing where it was told to stop.
    async fn comes_up(&mut self, process: &mut Process, port: u16, owner: &Owner) -> Result<(), Option<String>> {
        let check = self.specification.check.clone();
        let well = async {
            let (mut healthy, mut before) = (0, None);
            loop {
                let answer = check.ask(port).await;
                // Only where something is new: it is a walk through all processes.
                if before.as_ref() != Some(&answer)
                    && let Some(stranger) = owner.stranger(port).await
                {
                    return Err(Some(format!("The program did not get its port: {stranger} listens on {port}.")));
                }
                healthy = if answer.is_ok() { healthy + 1 } else { 0 };
                if healthy >= check.healthy {
                    return Ok(());
                }
                before = Some(answer);
                tokio::time::sleep(EAGER).await;
            }
        };
        tokio::select! {
            decided = well => decided,
            ended = process.ended() => {
                let stranger = owner.stranger(port).await.map(|who| format!(" {who} listens on its port, {port}."));
                Err(Some(format!("The program {ended} before it was healthy.{}", stranger.unwrap_or_default())))
            }
            () = tokio::time::sleep(check.patience()) => {
                let wrong = check.ask(port).await.err().unwrap_or_else(|| "it is slow".to_owned());
                Err(Some(format!(
                    "Health check failed for {} s: {wrong}. The program has to listen on the port in PORT, {port}.",
                    check.patience().as_secs()
                )))
            }
            () = told(&mut self.stop) => Err(None),
        }
    }

    /// Watches a program that was well: why it is not any more, or nothing where it was told to stop.
    async fn stays_up(&mut self, process: &mut Process, port: u16, owner: &Owner) -> Option<String> {
        let check = self.specification.check.clone();
        let unwell = async {
            let mut failures = 0;
            loop {
                tokio::time::sleep(check.interval).await;
                let answer = match owner.stranger(port).await {
                    Some(stranger) => Err(format!("{stranger} listens on its port, {port}")),
                    None => check.ask(port).await,
                };
                match answer {
                    Ok(()) => failures = 0,
                    Err(wrong) => {
                        failures += 1;
                        if failures >= check.unhealthy {
                            return wrong;
                        }
                    }
                }
            }
        };
        tokio::select! {
            wrong = unwell => Some(format!("Health check failed {} times in a row: {wrong}.", check.unhealthy)),
            ended = process.ended() => Some(format!("The program {ended}.")),
            () = told(&mut self.stop) => None,
        }
    }
}
