//! Running the services' programs: a loop compares what is to run with what runs, and makes the difference real.
//!
//! Each program has an [`instance`] that starts it, watches its health, starts it again when it ends, and tells the
//! service how that went. Whoever else listens on its port is not taken for it, where that can be seen: [`listener`]. No program outlives the daemon: see [`crate::local::process`].

mod health;
mod instance;
mod listener;
mod output;
mod port;

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    program::{Here, environment},
    service::{AppService, Settings},
};
use crate::local::{ca_path, cloud::Cloud, disk, members::random_hex, process, service_log::Named, world::Ctx};

/// How long to wait for the next look when nothing wakes the loop.
const QUIET: Duration = Duration::from_secs(2);

/// One service of one account and region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    account: String,
    region: String,
    arn: String,
}

/// What instances share.
struct Shared {
    cloud: Arc<Cloud>,
    /// The local cloud's URL.
    endpoint: String,
}

/// An instance under way, of one generation of its service.
struct Running {
    generation: u64,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.stop.send_replace(true);
        // An error is a panic of the task; it has been reported on standard error.
        let _ = self.task.await;
    }
}

/// Keeps what runs in step with the services, until the cloud closes; then stops everything, and returns.
pub(crate) async fn run(cloud: Arc<Cloud>, endpoint: String) {
    let shared = Arc::new(Shared { cloud: Arc::clone(&cloud), endpoint });
    let mut running: HashMap<Place, Running> = HashMap::new();
    loop {
        pass(&shared, &mut running).await;
        tokio::select! {
            () = cloud.closed() => break,
            () = cloud.services_changed.notified() => {}
            () = tokio::time::sleep(QUIET) => {}
        }
    }
    join_all(running.into_values().map(Running::stop)).await;
}

/// One comparison and what follows from it.
async fn pass(shared: &Arc<Shared>, running: &mut HashMap<Place, Running>) {
    let wanted = wanted(&shared.cloud);
    let keep = |place: &Place, one: &Running| wanted.get(place) == Some(&Some(one.generation));
    let ending: Vec<Place> =
        running.iter().filter(|(place, one)| !keep(place, one)).map(|(place, _)| place.clone()).collect();
    let stops = ending.iter().filter_map(|place| running.remove(place)).map(Running::stop);
    join_all(stops).await;
    for (place, generation) in wanted {
        match generation {
            // Whatever waited for an end, or for a start where nothing is to be started any more, can go on.
            None => {
                shared.tell(&place, |service, now| service.go_on(now));
            }
            Some(generation) if !running.contains_key(&place) => {
                let (stop, stopped) = watch::channel(false);
                let task = tokio::spawn(instance::run(Arc::clone(shared), place.clone(), generation, stopped));
                running.insert(place, Running { generation, stop, task });
            }
            Some(_) => {}
        }
    }
}

/// Every service, with the generation that is to run; `None` for nothing.
fn wanted(cloud: &Cloud) -> HashMap<Place, Option<u64>> {
    let mut wanted = HashMap::new();
    let now = crate::local::cloud::now();
    for (account, content) in &mut cloud.world().accounts {
        for (region, place) in &mut content.regions {
            place.settle(now, &content.iam);
            for service in place.apprunner.services.values() {
                let runs = service.to_run().is_some_and(|settings| settings.program.is_some());
                let place = Place { account: account.clone(), region: region.clone(), arn: service.arn.clone() };
                wanted.insert(place, runs.then_some(service.generation));
            }
        }
    }
    wanted
}

impl Shared {
    /// Runs `work` on a region.
    fn region<T>(&self, place: &Place, work: impl FnOnce(&mut Ctx<'_>) -> T) -> T {
        self.cloud.region(&place.account, &place.region, work)
    }

    /// Changes a service, and saves that where it changed.
    fn tell<T>(&self, place: &Place, change: impl FnOnce(&mut AppService, u64) -> T) -> Option<T> {
        let (outcome, changed) = self.region(place, |ctx| {
            let service = ctx.region.apprunner.services.get_mut(&place.arn)?;
            let before = format!("{:?} {:?} {}", service.operations.last(), service.port, service.generation);
            let outcome = change(service, ctx.now);
            let after = format!("{:?} {:?} {}", service.operations.last(), service.port, service.generation);
            Some((outcome, before != after))
        })?;
        if changed {
            self.save(place);
            self.cloud.services_changed.notify_one();
        }
        Some(outcome)
    }

    fn save(&self, place: &Place) {
        if let Err(cause) = self.cloud.save(&place.account, &place.region) {
            self.cloud.log.line(&cause.to_string());
        }
    }

    /// Writes a line into the service's log of what happens to it.
    fn log(&self, place: &Place, text: &str) {
        self.region(place, |ctx| {
            let now = ctx.now;
            ctx.region.apprunner.log(&place.arn, now, text);
        });
    }

    /// What is to be run now, if this generation still is.
    fn specification(&self, place: &Place, generation: u64) -> Option<Specification> {
        self.region(place, |ctx| {
            let service = ctx.region.apprunner.services.get(&place.arn).filter(|one| one.generation == generation)?;
            let settings = service.to_run()?.clone();
            let asked = settings.runtime()["Port"].as_str().and_then(|port| port.parse().ok());
            Some(Specification {
                name: service.name.clone(),
                group: service.log_group("application"),
                ports: service.port.into_iter().chain(asked).collect(),
                check: health::Check::of(&settings.health_check),
                settings,
            })
        })
    }

    fn environment(&self, place: &Place, specification: &Specification, port: u16) -> Result<process::Start, String> {
        let authority = Some(ca_path(&self.cloud.data)).filter(|path| path.exists());
        let authority = authority.map(|path| path.display().to_string());
        let here = Here { port, endpoint: self.endpoint.clone(), authority };
        let Specification { settings, .. } = specification;
        let program = settings.program.clone().unwrap_or_default();
        let mut environment = self.region(place, |ctx| environment(ctx, settings, &program, &here))?;
        environment.insert(listener::MARK.to_owned(), random_hex(32));
        Ok(process::Start { command: program.command, dir: program.dir, environment })
    }

    /// The file with all that a service's program says.
    fn output_file(&self, place: &Place, name: &str) -> Result<std::path::PathBuf, disk::DiskError> {
        let Place { account, region, .. } = place.clone();
        let (named, data) = (Named { account, region, name: name.to_owned() }, &self.cloud.data);
        let path = named.file(data);
        self.cloud.stand()?;
        disk::folder_below(data, &["services", &named.account, &named.region])?;
        named.take_over(data).map_err(disk::error("move", &path))?;
        Ok(path)
    }
}

/// What an instance runs, and how.
struct Specification {
    name: String,
    /// The log group of its output.
    group: String,
    /// The ports to try first.
    ports: Vec<u16>,
    check: health::Check,
    settings: Settings,
}
