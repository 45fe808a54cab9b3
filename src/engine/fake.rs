//! A cloud in memory for the engine's own tests: kinds over one list, with AWS's bad manners on request.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, Mutex, MutexGuard},
    time::Duration,
};

use super::{
    Address, Anything, Change, Desired, Kind, Live, Obstacle, Occupant, Phase, Ref, Replace, Resource, Scope, Seen,
    Tags, Times,
    clock::{Instant, now, sleep},
    execute::{Options, Outcome, execute},
    observe,
    plan::{Plan, Policy, plan},
};
use crate::aws::{Class, Clients, Error, Result};
use serde::Serialize;

/// Replaced by making the new one first.
pub(crate) type Node = Fake<0>;
/// Has a unique name, so the old one goes first.
pub(crate) type Unique = Fake<1>;
/// Holds data and can be protected.
pub(crate) type Store = Fake<2>;
/// Comes after all nodes, and carries no tags.
pub(crate) type Late = Fake<3>;
/// Takes six minutes.
pub(crate) type Slow = Fake<4>;

/// All of them.
pub(crate) const KINDS: &[Kind] =
    &[Kind::of::<Node>(), Kind::of::<Unique>(), Kind::of::<Store>(), Kind::of::<Late>(), Kind::of::<Slow>()];

/// A resource that can be changed in `size` and `uses` only.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Fake<const K: usize> {
    pub(crate) size: u32,
    pub(crate) zone: u32,
    pub(crate) protected: bool,
    pub(crate) uses: Vec<Ref<Anything>>,
    pub(crate) lives_in: Vec<Ref<Anything>>,
}

/// What the cloud knows of one resource.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) address: Address,
    pub(crate) id: String,
    pub(crate) size: u32,
    pub(crate) zone: u32,
    pub(crate) protected: bool,
    pub(crate) uses: Vec<String>,
    pub(crate) lives_in: Vec<String>,
    pub(crate) tags: Tags,
    pub(crate) failed: Option<String>,
    /// What keeps it from working as things are, in a word and in full, and for how long that is borne.
    pub(crate) blocked: Option<(&'static str, String, Duration)>,
    pub(crate) setback: Option<String>,
    listed: Instant,
    pub(crate) ready: Instant,
    gone: Option<Instant>,
    created: i64,
}

/// One cloud.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) items: Vec<Item>,
    /// Every call that changes something and was let through, e.g. `create node/a`.
    pub(crate) calls: Vec<String>,
    /// How often each kind was listed.
    pub(crate) lists: BTreeMap<&'static str, usize>,
    /// By call: what it answers next, and whether the deed is done all the same.
    pub(crate) answers: BTreeMap<String, Vec<(Class, bool)>>,
    /// By verb: how long it takes until the resource is ready, or gone.
    pub(crate) takes: BTreeMap<&'static str, Duration>,
    /// How long a list does not show what was made.
    pub(crate) lag: Duration,
    /// Names that strangers hold.
    pub(crate) taken: Vec<Address>,
    /// Addresses at which accepted changes have no effect; with a text, AWS takes them back and says so.
    pub(crate) stubborn: BTreeMap<Address, Option<String>>,
    /// Addresses at which accepted changes take effect, while AWS says that it took them back.
    pub(crate) deceptive: BTreeMap<Address, String>,
    /// What the next lists of a kind do not show although it is there, by address; each once for every time it stands here.
    pub(crate) missed: Vec<Address>,
    /// Deletions refused because something still used it.
    pub(crate) busy: Vec<String>,
    /// What stands in something without being seen, by the address of that.
    pub(crate) occupants: BTreeMap<Address, Vec<Occupant>>,
    /// Whether everything is made in one moment, as far as its time of creation tells.
    pub(crate) same_moment: bool,
    /// How many verbs are at work, now and at most.
    pub(crate) at_work: (usize, usize),
    number: u32,
}

static AWS: LazyLock<Clients> = LazyLock::new(Clients::unreachable);
static WORLDS: LazyLock<Mutex<HashMap<String, Arc<Mutex<World>>>>> = LazyLock::new(Mutex::default);

fn world(stack: &str) -> Arc<Mutex<World>> {
    Arc::clone(WORLDS.lock().unwrap().entry(stack.to_owned()).or_default())
}

/// A stack in a cloud of its own, found by the stack's name.
pub(crate) struct Stage {
    pub(crate) aws: Clients,
    pub(crate) stack: String,
    pub(crate) tags: Tags,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self { aws: AWS.clone(), stack: format!("test-{:016x}", rand::random::<u64>()), tags: Tags::new() }
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut world(&self.stack).lock().unwrap())
    }

    /// The next answers to a call, e.g. `create node/a`.
    pub(crate) fn answer(&self, call: &str, answers: &[(Class, bool)]) {
        self.with(|world| world.answers.insert(call.to_owned(), answers.to_vec()));
    }

    pub(crate) fn one<const K: usize>(&self, name: &str, spec: Fake<K>) -> Desired {
        Desired::new(name, spec, &self.tags)
    }

    pub(crate) async fn live(&self) -> Vec<Seen> {
        observe::everything(KINDS, &Scope::observing(&self.aws, &self.stack, &[])).await.unwrap()
    }

    pub(crate) async fn plan(&self, desired: &[Desired]) -> Plan {
        let live = self.live().await;
        plan(desired, &live, KINDS, &Policy::everything(desired, &live)).unwrap()
    }

    /// Plans and executes.
    pub(crate) async fn deploy(&self, desired: &[Desired]) -> Outcome {
        let plan = self.plan(desired).await;
        self.run(&plan, desired, &Options::default(), tokio::sync::watch::channel(false).1).await
    }

    pub(crate) async fn run(
        &self,
        plan: &Plan,
        desired: &[Desired],
        options: &Options,
        stop: tokio::sync::watch::Receiver<bool>,
    ) -> Outcome {
        let (events, _) = tokio::sync::mpsc::unbounded_channel();
        let scope = Scope::observing(&self.aws, &self.stack, desired);
        execute(plan, desired, KINDS, &scope, options, &events, stop).await
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.with(|world| std::mem::take(&mut world.calls))
    }
}

/// A reference to anything.
pub(crate) fn to(kind: &str, name: &str) -> Ref<Anything> {
    match kind {
        "node" => Ref::<Node>::to(name).erase(),
        "unique" => Ref::<Unique>::to(name).erase(),
        "store" => Ref::<Store>::to(name).erase(),
        "late" => Ref::<Late>::to(name).erase(),
        _ => Ref::<Slow>::to(name).erase(),
    }
}

impl World {
    /// Lets what is due happen.
    fn settle(&mut self) {
        let now = now();
        self.items.retain(|item| item.gone.is_none_or(|gone| gone > now));
    }

    /// What a call answers: an error that was asked for, with whether it is done all the same.
    fn next(&mut self, call: &str) -> Option<(Error, bool)> {
        let answers = self.answers.get_mut(call).filter(|answers| !answers.is_empty())?;
        let (class, done) = answers.remove(0);
        Some((Error::new(class, format!("{call} was answered with {class:?}")), done))
    }

    fn takes(&self, verb: &str) -> Duration {
        self.takes.get(verb).copied().unwrap_or_default()
    }

    pub(crate) fn find(&mut self, address: &str) -> &mut Item {
        self.items.iter_mut().find(|item| item.address.as_str() == address).expect("it is there")
    }

    fn by_id(&mut self, id: &str) -> Result<&mut Item> {
        let found = self.items.iter_mut().find(|item| item.id == id);
        found.ok_or_else(|| Error::new(Class::NotFound, format!("{id} does not exist")))
    }
}

/// One call on its way: counted while it lasts.
async fn call<T>(scope: &Scope<'_>, name: String, deed: impl FnOnce(&mut World) -> Result<T>) -> Result<T> {
    let world = world(scope.stack);
    let lock = || -> MutexGuard<'_, World> { world.lock().unwrap() };
    {
        let mut world = lock();
        world.at_work.0 += 1;
        world.at_work.1 = world.at_work.1.max(world.at_work.0);
    }
    sleep(Duration::from_millis(10)).await;
    let mut world = lock();
    world.at_work.0 -= 1;
    world.settle();
    let answer = world.next(&name);
    if let Some((error, false)) = answer {
        return Err(error);
    }
    let done = deed(&mut world)?;
    world.calls.push(name);
    answer.map_or(Ok(done), |(error, _)| Err(error))
}

impl<const K: usize> Fake<K> {
    fn wanted(&self, scope: &Scope<'_>) -> Result<(Vec<String>, Vec<String>)> {
        Ok((Ref::get_all(&self.uses, scope)?, Ref::get_all(&self.lives_in, scope)?))
    }
}

impl<const K: usize> Resource for Fake<K> {
    const KIND: &'static str = ["node", "unique", "store", "late", "slow"][K];
    const IMMUTABLE: &'static [&'static str] = &["zone", "lives_in"];
    const AFTER: &'static [&'static str] = if K == 3 { &["node"] } else { &[] };
    const HOLDS_DATA: bool = K == 2;
    const REPLACE: Replace = if K == 1 { Replace::DeleteFirst } else { Replace::CreateFirst };
    const TAGGED: bool = K != 3;
    const TIMES: Times = if K == 4 { Times::seconds(360, 60, 60) } else { Times::seconds(2, 2, 2) };

    fn obstacles(&self, live: Option<&Live<Self>>) -> Vec<Obstacle> {
        let from = live.map_or("nothing".to_owned(), |live| live.spec.size.to_string());
        let obstacle = || Obstacle { reason: format!("Too large, from {from}."), remedy: "Take less.".to_owned() };
        (self.size > 1000).then(obstacle).into_iter().collect()
    }

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        sleep(Duration::from_millis(5)).await;
        let world = world(scope.stack);
        let mut world = world.lock().unwrap();
        world.settle();
        *world.lists.entry(Self::KIND).or_default() += 1;
        if let Some((error, _)) = world.next(&format!("list {}", Self::KIND)) {
            return Err(error);
        }
        let now = now();
        let missed = world.missed.iter().position(|address| address.kind() == Self::KIND);
        let missed = missed.map(|place| world.missed.remove(place));
        let of_kind = world.items.iter().filter(|item| item.address.kind() == Self::KIND && item.listed <= now);
        Ok(of_kind.filter(|item| Some(&item.address) != missed.as_ref()).map(|item| item.live(now)).collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let (uses, lives_in) = self.wanted(scope)?;
        let address = scope.tags().get(super::identity::ADDRESS).and_then(|text| Address::parse(text)).expect("tagged");
        call(scope, format!("create {address}"), |world| {
            for id in uses.iter().chain(&lives_in) {
                world.by_id(id)?;
            }
            let is_named = K == 1 && world.items.iter().any(|item| item.address == address);
            if is_named || world.taken.contains(&address) {
                return Err(Error::new(Class::AlreadyExists, format!("The name of {address} is taken")));
            }
            world.number += 1;
            let now = now();
            world.items.push(Item {
                // What has a unique name has it for its id.
                id: if K == 1 { address.to_string() } else { format!("{}-{}", Self::KIND, world.number) },
                address,
                size: self.size,
                zone: self.zone,
                protected: self.protected,
                uses,
                lives_in,
                tags: if Self::TAGGED { scope.tags().clone() } else { Tags::new() },
                failed: None,
                blocked: None,
                setback: None,
                listed: now + world.lag,
                ready: now + world.takes("create"),
                gone: None,
                created: if world.same_moment { 1 } else { i64::from(world.number) },
            });
            Ok(())
        })
        .await
    }

    async fn update(&self, live: &Live<Self>, _changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        let (uses, _) = self.wanted(scope)?;
        call(scope, format!("update {}", live.address), |world| {
            let ready = now() + world.takes("update");
            let stubborn = world.stubborn.get(&live.address).cloned();
            let deceptive = world.deceptive.get(&live.address).cloned();
            let item = world.by_id(&live.id)?;
            if let Some(setback) = stubborn {
                item.setback = setback;
                return Ok(());
            }
            (item.size, item.protected, item.uses, item.ready) = (self.size, self.protected, uses, ready);
            item.setback = deceptive;
            Ok(())
        })
        .await
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        call(scope, format!("delete {} {}", live.address, live.id), |world| {
            // What only names it, as a route does, does not hold what goes first.
            let holds = |item: &&Item| item.lives_in.contains(&live.id) || K != 1 && item.uses.contains(&live.id);
            let users = world.items.iter().filter(holds);
            if let Some(user) = users.filter(|user| user.id != live.id).map(|user| user.address.clone()).next() {
                world.busy.push(format!("{} is used by {user}", live.address));
                return Err(Error::new(Class::Busy, format!("{} is used by {user}", live.address)));
            }
            let gone = now() + world.takes("delete");
            world.by_id(&live.id)?.gone = Some(gone);
            Ok(())
        })
        .await
    }

    async fn occupants(live: &Live<Self>, scope: &Scope<'_>) -> Result<Vec<Occupant>> {
        let world = world(scope.stack);
        let world = world.lock().unwrap();
        Ok(world.occupants.get(&live.address).cloned().unwrap_or_default())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        call(scope, format!("retag {}", live.address), |world| {
            let item = world.by_id(&live.id)?;
            item.tags.retain(|key, _| !unset.contains(key));
            item.tags.extend(set.clone());
            Ok(())
        })
        .await
    }

    fn guard(live: &Live<Self>) -> Option<String> {
        live.spec.protected.then(|| "It is protected.".to_owned())
    }
}

impl Item {
    fn live<const K: usize>(&self, now: Instant) -> Live<Fake<K>> {
        let values = |ids: &[String]| ids.iter().map(Ref::value).collect();
        let spec = Fake {
            size: self.size,
            zone: self.zone,
            protected: self.protected,
            uses: values(&self.uses),
            lives_in: values(&self.lives_in),
        };
        let phase = match (&self.failed, self.gone) {
            (_, Some(_)) => Phase::Deleting("deleting".to_owned()),
            (Some(why), None) => Phase::Failed(why.clone()),
            (None, None) if self.ready > now => Phase::Changing("changing".to_owned()),
            (None, None) => match &self.blocked {
                Some((cause, why, patience)) => Phase::blocked(*cause, why, *patience),
                None => Phase::Ready,
            },
        };
        Live::new(self.address.clone(), &self.id, spec)
            .phase(phase)
            .tags(self.tags.clone())
            .created(Some(self.created))
            .setback(self.setback.clone())
    }
}
