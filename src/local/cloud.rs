//! The running cloud: the world behind one lock, and what the daemon and the data plane share.

use std::{
    collections::BTreeMap,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::sync::{Notify, watch};

use super::{
    calls::Calls,
    chaos::Chaos,
    daemon::folder::Lock,
    disk,
    log::Log,
    pace::{Millis, Pace},
    rds,
    service::Service,
    undo::Before,
    world::{Account, Ctx, World},
};

/// One local cloud. The data plane holds an `Arc` of it: it waits for `changed`, looks at the world, does
/// what follows from it, and writes back through `region`.
pub(crate) struct Cloud {
    world: Mutex<World>,
    /// How fast changes pass.
    pub(crate) pace: Pace,
    /// The services that run.
    pub(crate) services: Vec<&'static Service>,
    /// The data folder, 0700, absolute.
    pub(crate) data: PathBuf,
    /// What makes the folder its own; a daemon's cloud has it.
    pub(crate) lock: Option<Lock>,
    /// The folder of its servers, which need not be in the data folder, once that is known.
    pub(crate) servers: OnceLock<PathBuf>,
    /// Wakes the data plane: after every call that may have changed something, at start and at stop.
    pub(crate) changed: Notify,
    /// The same for what runs the services' programs.
    pub(crate) services_changed: Notify,
    /// The same for what makes the functions' calls that nobody waits for.
    pub(crate) functions_changed: Notify,
    /// How often each action was called.
    pub(crate) calls: Calls,
    /// The faults that somebody asked for.
    pub(crate) chaos: Chaos,
    /// What happened, for `infra local logs`.
    pub(crate) log: Log,
    closing: watch::Sender<bool>,
}

/// What a call may name of what is in other accounts and regions: nothing, or all that it is allowed to, which is a copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Here,
    Everywhere,
}

impl Cloud {
    /// The cloud whose state is in `data`, which exists; an empty one when nothing was saved there.
    pub(crate) fn open(data: &Path, pace: Pace, services: Vec<&'static Service>) -> Result<Self, disk::DiskError> {
        let world = disk::load(data)?;
        Ok(Self {
            world: Mutex::new(world),
            pace,
            services,
            data: data.to_owned(),
            lock: None,
            servers: OnceLock::new(),
            changed: Notify::new(),
            services_changed: Notify::new(),
            functions_changed: Notify::new(),
            calls: Calls::default(),
            chaos: Chaos::default(),
            log: Log::open(data).map_err(disk::error("write", &Log::path(data)))?,
            closing: watch::Sender::new(false),
        })
    }

    /// The world as it is at this moment. Hold the guard briefly and never across an await: every call waits for it.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account in which STS gave out an access key; none for every other key.
    pub(crate) fn account_of_session(&self, access_key: &str) -> Option<String> {
        let world = self.world();
        let mut accounts = world.accounts.iter();
        accounts.find(|(_, content)| content.iam.session(access_key).is_some()).map(|(account, _)| account.clone())
    }

    /// Runs `work` on one region of one account, after everything whose time has come was moved on.
    /// Nothing is saved; see `change` and `save`.
    pub(crate) fn region<T>(&self, account: &str, region: &str, work: impl FnOnce(&mut Ctx<'_>) -> T) -> T {
        self.region_reaching(Reach::Here, account, region, work)
    }

    /// The same for what may have to see further.
    pub(crate) fn region_reaching<T>(
        &self,
        reach: Reach,
        account: &str,
        region: &str,
        work: impl FnOnce(&mut Ctx<'_>) -> T,
    ) -> T {
        self.enter(&mut self.world(), reach, account, region, work)
    }

    /// Runs `work` in the same way and saves what it did, before anybody else sees it.
    ///
    /// # Errors
    /// It could not be saved, and so it has not happened: whoever repeats the call must not be told that it was made. Nor
    /// has what panics, which goes on to the caller.
    pub(crate) fn change<T>(
        &self,
        account: &str,
        region: &str,
        work: impl FnOnce(&mut Ctx<'_>) -> T,
    ) -> Result<T, disk::DiskError> {
        self.change_reaching(Reach::Here, account, region, work)
    }

    /// The same for what may have to see further.
    pub(crate) fn change_reaching<T>(
        &self,
        reach: Reach,
        account: &str,
        region: &str,
        work: impl FnOnce(&mut Ctx<'_>) -> T,
    ) -> Result<T, disk::DiskError> {
        let mut world = self.world();
        let before = Before::of(entry(&mut world.accounts, account), region);
        let made = panic::catch_unwind(AssertUnwindSafe(|| {
            let outcome = self.enter(&mut world, reach, account, region, work);
            let content = entry(&mut world.accounts, account);
            content.replicate(now());
            let places = content.to_be_saved(region);
            self.write(&mut world, account, &places).map(|()| (outcome, places))
        }));
        let (outcome, places) = match made {
            Ok(Ok(saved)) => saved,
            Ok(Err(error)) => {
                before.restore(entry(&mut world.accounts, account), region);
                return Err(error);
            }
            Err(mistake) => {
                before.restore(entry(&mut world.accounts, account), region);
                drop(world);
                panic::resume_unwind(mistake)
            }
        };
        entry(&mut world.accounts, account).unsaved.clear();
        for place in places {
            self.chaos.note(&world, account, &place, now());
        }
        Ok(outcome)
    }

    /// Runs `work` in the same way, and takes back what it did.
    pub(crate) fn rehearse<T>(&self, account: &str, region: &str, work: impl FnOnce(&mut Ctx<'_>) -> T) -> T {
        let mut world = self.world();
        let before = Before::of(entry(&mut world.accounts, account), region);
        let outcome =
            panic::catch_unwind(AssertUnwindSafe(|| self.enter(&mut world, Reach::Here, account, region, work)));
        before.restore(entry(&mut world.accounts, account), region);
        drop(world);
        outcome.unwrap_or_else(|mistake| panic::resume_unwind(mistake))
    }

    fn enter<T>(
        &self,
        world: &mut World,
        reach: Reach,
        account: &str,
        region: &str,
        work: impl FnOnce(&mut Ctx<'_>) -> T,
    ) -> T {
        let now = now();
        let abroad = match reach {
            Reach::Here => Vec::new(),
            Reach::Everywhere => rds::abroad(world, account, region),
        };
        let content = entry(&mut world.accounts, account);
        content.settle(now);
        entry(&mut content.regions, region).settle(now, &content.iam);
        content.replicate(now);
        let Account { iam, regions, .. } = content;
        let place = entry(regions, region);
        place.rds.abroad = abroad;
        work(&mut Ctx {
            account,
            region_name: region,
            access_key: String::new(),
            visitor: None,
            iam,
            region: place,
            now,
            pace: self.pace,
            data: &self.data,
            services: &self.services,
            doom: None,
        })
    }

    /// Runs `work` on a copy of one region of one account as it was so many milliseconds ago.
    pub(crate) fn past_region<T>(
        &self,
        account: &str,
        region: &str,
        ago: Millis,
        work: impl FnOnce(&mut Ctx<'_>) -> T,
    ) -> T {
        let then = now().saturating_sub(ago);
        let (mut iam, mut place) = self.chaos.past(account, region, then);
        iam.settle(then, |role| place.usage(region, role).into_iter().collect());
        place.settle(then, &iam);
        place.rds.abroad = rds::abroad(&self.world(), account, region);
        work(&mut Ctx {
            account,
            region_name: region,
            access_key: String::new(),
            visitor: None,
            iam: &mut iam,
            region: &mut place,
            now: then,
            pace: self.pace,
            data: &self.data,
            services: &self.services,
            doom: None,
        })
    }

    /// Writes one region, and what is global in its account, to the disk. Atomic: a reader, and a daemon
    /// that was killed, find the old state or the new one.
    pub(crate) fn save(&self, account: &str, region: &str) -> Result<(), disk::DiskError> {
        let mut world = self.world();
        self.chaos.note(&world, account, region, now());
        let content = entry(&mut world.accounts, account);
        let places = content.to_be_saved(region);
        self.write(&mut world, account, &places)?;
        entry(&mut world.accounts, account).unsaved.clear();
        Ok(())
    }

    fn write(&self, world: &mut World, account: &str, places: &[String]) -> Result<(), disk::DiskError> {
        self.stand()?;
        // What went meanwhile is not made anew, and so it is found to be gone.
        disk::save(&self.data, world, account, places).or_else(|error| self.stand().and(Err(error)))
    }

    /// Has everything looked at that runs behind the API.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
        self.services_changed.notify_one();
        self.functions_changed.notify_one();
    }

    /// Whether the end has begun.
    pub(crate) fn is_closed(&self) -> bool {
        *self.closing.borrow()
    }

    /// Begins the end: `closed` returns everywhere, and the data plane is woken.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
        self.chaos.let_go();
        self.wake();
    }

    /// Waits until the cloud is told to stop.
    pub(crate) async fn closed(&self) {
        // Waiting fails only when the sender is gone, and it lives in `self`.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }
}

/// The entry under `key`.
fn entry<'a, T: Default>(map: &'a mut BTreeMap<String, T>, key: &str) -> &'a mut T {
    map.entry(key.to_owned()).or_default()
}

/// Now, in the local cloud's form of time.
pub(crate) fn now() -> Millis {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(elapsed.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::local::ec2::SERVICE;

    const PLACE: (&str, &str) = ("000000000000", "us-east-1");

    fn call(ctx: &mut Ctx<'_>, action: &str, input: Value) -> Value {
        let (_, work) = SERVICE.actions.iter().find(|(name, _)| *name == action).unwrap();
        work(ctx, input).unwrap()
    }

    /// How many networks there are.
    fn count(cloud: &Cloud) -> usize {
        let answer = cloud.region(PLACE.0, PLACE.1, |ctx| call(ctx, "DescribeVpcs", json!({})));
        answer["Vpcs"].as_array().unwrap().len()
    }

    /// Makes a network, and does `more` in the same call.
    fn make(cloud: &Cloud, more: impl Fn()) -> Result<(), disk::DiskError> {
        cloud.change(PLACE.0, PLACE.1, |ctx| {
            call(ctx, "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}));
            more();
        })
    }

    #[test]
    fn a_rehearsal_leaves_nothing_behind() {
        let data = tempfile::tempdir().unwrap();
        let cloud = Cloud::open(data.path(), Pace::Instant, Vec::new()).unwrap();
        let before = count(&cloud);
        let input = json!({"CidrBlock": "10.0.0.0/16"});
        let made = cloud.rehearse(PLACE.0, PLACE.1, |ctx| call(ctx, "CreateVpc", input));
        assert!(made["Vpc"]["VpcId"].is_string());
        assert_eq!(count(&cloud), before);
    }

    #[test]
    fn a_change_that_panics_or_cannot_be_saved_has_not_happened() {
        let data = tempfile::tempdir().unwrap();
        let cloud = Cloud::open(data.path(), Pace::Instant, Vec::new()).unwrap();
        let before = count(&cloud);
        make(&cloud, || {}).unwrap();
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| make(&cloud, || panic!("on purpose"))));
        assert!(panicked.is_err());
        assert_eq!(count(&cloud), before + 1);
        // Neither can be written nor read back.
        let state = data.path().join("state");
        std::fs::rename(&state, data.path().join("away")).unwrap();
        std::fs::write(&state, "").unwrap();
        assert!(make(&cloud, || {}).is_err());
        assert_eq!(count(&cloud), before + 1);
        std::fs::remove_file(&state).unwrap();
        std::fs::rename(data.path().join("away"), &state).unwrap();
        make(&cloud, || {}).unwrap();
        assert_eq!(count(&cloud), before + 2);
    }
}
