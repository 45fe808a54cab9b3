//! What a kind of AWS resource implements, and what it says of a live one.

use std::{collections::BTreeMap, fmt::Debug, future::Future, time::Duration};

use serde::Serialize;

use super::{Address, Change, Scope, Seen, Tags};
use crate::aws::{Error, Result};

/// What a resource offers to others, by name: `id` always, e.g. `arn` or `endpoint` besides.
pub type Outputs = BTreeMap<&'static str, String>;

/// A kind of AWS resource; a value of the implementing type is its desired state.
///
/// A kind file holds a spec and its verbs: no waiting, retrying, printing or ordering. `create` makes the
/// one call that brings the resource into being (with its tags); what that call cannot say follows through
/// `update`, because the engine observes after each verb and goes on until the resource is ready and equal.
/// So every verb may be met again half done, and must then only do what is still missing.
pub trait Resource: Serialize + Debug + Sized + Send + Sync + 'static {
    /// The first part of an address, e.g. `subnet`.
    const KIND: &'static str;
    /// Attributes (top level) that AWS cannot change in place: a change in one of these means replace.
    const IMMUTABLE: &'static [&'static str] = &[];
    /// Attributes (top level) whose values are shown to nobody: they may hold what somebody put there by mistake.
    const SENSITIVE: &'static [&'static str] = &[];
    /// Names in such attributes whose values infra itself sets, and that are shown all the same.
    const OPEN: &'static [&'static str] = &[];
    /// Kinds that come first although no attribute points at them (and are deleted later).
    const AFTER: &'static [&'static str] = &[];
    /// Whether deleting it loses data: then it is replaced or deleted only when named.
    const HOLDS_DATA: bool = false;
    /// Whether a new one is as good as one with data that somebody deleted, because what it held can be made anew.
    const RENEWABLE: bool = false;
    /// Which of the two comes first in a replacement.
    const REPLACE: Replace = Replace::CreateFirst;
    /// Whether another one can be made while AWS still deletes the former one.
    const BESIDE_DELETED: bool = false;
    /// Whether observing it reads what a secret holds: who only asks how the stack stands can do without.
    const READS_SECRETS: bool = false;
    /// Whether AWS keeps tags on it. Without tags it belongs to the resource that carries it.
    const TAGGED: bool = true;
    /// Whether the fingerprint of the spec last applied is kept: in its own tags, or, of a part, in a tag of what carries it.
    const STAMPED: bool = Self::TAGGED;
    /// How long each verb usually takes in AWS, until the resource is ready (or gone).
    const TIMES: Times = Times::seconds(2, 2, 2);

    /// Everything of this kind that belongs to the stack, wanted or not.
    fn observe(scope: &Scope<'_>) -> impl Future<Output = Result<Vec<Live<Self>>>> + Send;
    /// Brings it into being, with `scope.tags()` in the call.
    fn create(&self, scope: &Scope<'_>) -> impl Future<Output = Result<()>> + Send;
    /// Makes `changes`, which lead from `live` to this spec; tags are not among them.
    fn update(
        &self,
        live: &Live<Self>,
        changes: &[Change],
        scope: &Scope<'_>,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Deletes it. Called again while AWS still says that something uses it.
    fn delete(live: &Live<Self>, scope: &Scope<'_>) -> impl Future<Output = Result<()>> + Send;

    /// Sets and removes tags. Every kind with `TAGGED` has one line here; of one that is `STAMPED` only, no more is set than the
    /// fingerprint: see [`Stamp`](super::identity::Stamp).
    fn retag(
        live: &Live<Self>,
        _set: &Tags,
        _unset: &[String],
        _scope: &Scope<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        let address = live.address.clone();
        async move { Err(Error::internal(format!("{address} is of a kind that carries no tags."))) }
    }

    /// What stands in the way of creating it, or of changing the one that is there. Asked while planning: then nothing of the
    /// plan is carried out.
    fn obstacles(&self, _live: Option<&Live<Self>>) -> Vec<Obstacle> {
        Vec::new()
    }

    /// What `changes` of it mean beyond what they say (a restart, a reboot to wait for), as half a sentence.
    fn remark(_live: &Live<Self>, _changes: &[Change]) -> Option<String> {
        None
    }

    /// What it will offer when it is made, where that is known before: then nothing changes of what refers to it.
    fn foreseen(&self) -> Outputs {
        Outputs::new()
    }

    /// What making or changing it does besides to something else, which no attribute shows: said in the plan. `stays` tells
    /// what is there and is neither made anew nor deleted.
    fn side_effect<'a>(&self, _stays: &dyn Fn(&Address) -> Option<&'a Seen>) -> Option<String> {
        None
    }

    /// What keeps AWS from deleting it, where AWS does not say so: asked when a deletion has been refused for a while.
    fn occupants(_live: &Live<Self>, _scope: &Scope<'_>) -> impl Future<Output = Result<Vec<Occupant>>> + Send {
        async { Ok(Vec::new()) }
    }

    /// What stands in the way of deleting it (deletion protection …), as a sentence with its remedy.
    /// Asked before anything of the stack is deleted.
    fn guard(_live: &Live<Self>) -> Option<String> {
        None
    }
}

/// A reason not to begin, and the way out, each as sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// Something that keeps AWS from deleting a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// Its id, and what it is.
    pub what: String,
    /// Whether it goes only when somebody removes it.
    pub stays: bool,
}

impl Occupant {
    /// The first three, and how many more there are.
    pub(crate) fn list(occupants: &[Self]) -> String {
        let names: Vec<&str> = occupants.iter().take(3).map(|one| one.what.as_str()).collect();
        let names = names.join(", ");
        match occupants.len().saturating_sub(3) {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }
}

/// A resource that exists, in the same terms as a desired one.
#[derive(Debug, Clone)]
pub struct Live<R> {
    /// Its place in the stack, read from its tags or its owner's.
    pub address: Address,
    /// AWS's id, name or ARN: whatever deletes it.
    pub id: String,
    /// What AWS is doing with it.
    pub phase: Phase,
    /// Its state in the terms of the description.
    pub spec: R,
    /// What others may refer to, `id` included.
    pub outputs: Outputs,
    /// All its tags; empty where the kind carries none.
    pub tags: Tags,
    /// When it was made (seconds since the Unix epoch), where AWS says.
    pub created: Option<i64>,
    /// How its last change ended, if AWS took it back. Names that one change, so that two are told apart.
    pub setback: Option<String>,
    /// What is worth knowing of it besides, as a sentence.
    pub notice: Option<String>,
}

impl<R> Live<R> {
    /// A live resource that is ready, with its id as its one output.
    pub fn new(address: Address, id: impl Into<String>, spec: R) -> Self {
        let id = id.into();
        let outputs = Outputs::from([("id", id.clone())]);
        let (tags, created, setback, notice) = (Tags::new(), None, None, None);
        Self { address, id, phase: Phase::Ready, spec, outputs, tags, created, setback, notice }
    }

    /// The same in another phase.
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    /// The same with one more output; none if AWS does not know the value yet.
    #[must_use]
    pub fn output(mut self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        if let Some(value) = value.map(Into::into).filter(|value| !value.is_empty()) {
            self.outputs.insert(name, value);
        }
        self
    }

    /// An output that AWS tells of every resource of the kind, e.g. `arn`.
    ///
    /// # Errors
    /// Where AWS did not tell it after all.
    pub fn told(&self, output: &str) -> Result<&str> {
        let told = self.outputs.get(output).map(String::as_str);
        told.ok_or_else(|| Error::other(format!("AWS does not tell the {output} of {}.", self.address)))
    }

    /// The same with its tags.
    #[must_use]
    pub fn tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }

    /// The same with the time at which it was made.
    #[must_use]
    pub fn created(mut self, seconds: Option<i64>) -> Self {
        self.created = seconds;
        self
    }

    /// The same with what is worth knowing of it besides.
    #[must_use]
    pub fn notice(mut self, notice: Option<String>) -> Self {
        self.notice = notice;
        self
    }

    /// The same with how its last change ended, if AWS took it back.
    #[must_use]
    pub fn setback(mut self, why: Option<String>) -> Self {
        self.setback = why;
        self
    }
}

/// What AWS is doing with a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It can be used and changed.
    Ready,
    /// AWS is creating or changing it; the text is AWS's own word (`creating`, `modifying` …).
    Changing(String),
    /// It comes up when something else does, which is no work on it; the text says what, in our words.
    Awaited(String),
    /// What it is like cannot be found out now; the text says why. Whoever brings it where it is wanted has to try.
    Unknown(String),
    /// AWS is deleting it, under AWS's own word.
    Deleting(String),
    /// It stands still, under AWS's own word (`stopped`, `PAUSED`); an attribute of the kind says whether it is to run.
    Stopped(String),
    /// AWS gave up on it, and another one in its place may come up; the text says why as far as AWS tells.
    Failed(String),
    /// It does not work, and another one in its place would not either.
    Blocked {
        /// What it is, in AWS's own word: what tells one reason from another, however much of `why` varies.
        cause: String,
        /// What is wrong and what has to be mended.
        why: String,
        /// How long it may be so before it is told as an error: some of this passes by itself.
        patience: Duration,
    },
}

impl Phase {
    /// That it does not work for a reason outside of it, which may pass within `patience`.
    pub fn blocked(cause: impl Into<String>, why: impl Into<String>, patience: Duration) -> Self {
        Self::Blocked { cause: cause.into(), why: why.into(), patience }
    }
}

/// Which comes first when a resource is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// The new one is made, everything is switched over to it, then the old one goes.
    CreateFirst,
    /// A unique name forbids two at a time.
    DeleteFirst,
}

/// How long the verbs usually take in AWS.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// From the call until it is ready.
    pub create: Duration,
    /// From the call until it is ready again.
    pub update: Duration,
    /// From the call until it is gone.
    pub delete: Duration,
}

impl Times {
    /// Times in seconds.
    pub const fn seconds(create: u64, update: u64, delete: u64) -> Self {
        Self {
            create: Duration::from_secs(create),
            update: Duration::from_secs(update),
            delete: Duration::from_secs(delete),
        }
    }
}
