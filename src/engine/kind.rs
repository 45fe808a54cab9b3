//! Where the types of the kinds are erased, once: a [`Kind`] is a kind's constants and verbs as values.

use std::{any::Any, fmt, sync::Arc};

use futures::future::{BoxFuture, FutureExt};
use serde_json::Value;

use super::{
    Address, Change, Live, Obstacle, Occupant, Outputs, Phase, Replace, Resource, Scope, Tags, Times, attributes,
    identity,
};
use crate::aws::{Error, Result};

type Observe = for<'a> fn(&'a Scope<'a>) -> BoxFuture<'a, Result<Vec<Seen>>>;
type Delete = for<'a> fn(&'a Seen, &'a Scope<'a>) -> BoxFuture<'a, Result<()>>;
type Occupants = for<'a> fn(&'a Seen, &'a Scope<'a>) -> BoxFuture<'a, Result<Vec<Occupant>>>;
type Retag = for<'a> fn(&'a Seen, &'a Tags, &'a [String], &'a Scope<'a>) -> BoxFuture<'a, Result<()>>;

/// A kind of resource: what [`Resource`] says of it, as values.
pub struct Kind {
    /// The first part of its addresses.
    pub name: &'static str,
    /// Attributes in which a change means replace.
    pub immutable: &'static [&'static str],
    /// Attributes whose values are not shown.
    pub sensitive: &'static [&'static str],
    /// Names in such attributes whose values are shown all the same.
    pub open: &'static [&'static str],
    /// Kinds that come first although nothing points at them.
    pub after: &'static [&'static str],
    /// Whether deleting it loses data.
    pub holds_data: bool,
    /// Whether a new one is as good as one that somebody deleted.
    pub renewable: bool,
    /// Which comes first in a replacement.
    pub replace: Replace,
    /// Whether another one can be made while AWS still deletes the former one.
    pub beside_deleted: bool,
    /// Whether observing it reads what a secret holds.
    pub reads_secrets: bool,
    /// Whether it carries tags.
    pub tagged: bool,
    /// Whether its fingerprint is kept.
    pub stamped: bool,
    /// How long its verbs usually take.
    pub times: Times,
    pub(crate) observe: Observe,
    pub(crate) delete: Delete,
    pub(crate) retag: Retag,
    pub(crate) occupants: Occupants,
    pub(crate) remark: fn(&Seen, &[Change]) -> Option<String>,
}

impl Kind {
    /// The kind that `R` implements.
    pub const fn of<R: Resource>() -> Self {
        Self {
            name: R::KIND,
            immutable: R::IMMUTABLE,
            sensitive: R::SENSITIVE,
            open: R::OPEN,
            after: R::AFTER,
            holds_data: R::HOLDS_DATA,
            renewable: R::RENEWABLE,
            replace: R::REPLACE,
            beside_deleted: R::BESIDE_DELETED,
            reads_secrets: R::READS_SECRETS,
            tagged: R::TAGGED,
            stamped: R::STAMPED,
            times: R::TIMES,
            observe: |scope| async move { R::observe(scope).await?.into_iter().map(Seen::of).collect() }.boxed(),
            delete: |seen, scope| async move { R::delete(seen.typed::<R>()?, scope).await }.boxed(),
            retag: |seen, set, unset, scope| {
                async move { R::retag(seen.typed::<R>()?, set, unset, scope).await }.boxed()
            },
            occupants: |seen, scope| async move { R::occupants(seen.typed::<R>()?, scope).await }.boxed(),
            remark: |seen, changes| R::remark(seen.typed::<R>().ok()?, changes),
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A desired resource of any kind.
#[derive(Debug)]
pub struct Desired {
    /// Its place in the stack.
    pub address: Address,
    /// Its kind's name; the engine finds the [`Kind`] by it.
    pub kind: &'static str,
    /// Its spec, serialized; references by address.
    pub attributes: Value,
    /// The tags that the description gives to everything; empty where the kind carries none.
    pub own_tags: Tags,
    /// The fingerprint of the two.
    pub fingerprint: String,
    /// What it refers to.
    pub references: Vec<Address>,
    spec: Box<dyn Spec>,
}

impl Desired {
    /// `spec` at `R::KIND/name`, with the tags that the description gives to everything.
    pub fn new<R: Resource>(name: &str, spec: R, own_tags: &Tags) -> Self {
        // A spec is plain data with string keys; serializing it into memory has nothing to fail on.
        let attributes = serde_json::to_value(&spec).unwrap_or(Value::Null);
        let own_tags = if R::TAGGED { own_tags.clone() } else { Tags::new() };
        Self {
            address: Address::new(R::KIND, name),
            kind: R::KIND,
            fingerprint: identity::fingerprint(&attributes, &own_tags),
            references: attributes::references(&attributes),
            attributes,
            own_tags,
            spec: Box::new(spec),
        }
    }

    /// The spec in its own type, if that is `R`.
    pub fn spec<R: Resource>(&self) -> Option<&R> {
        self.spec.as_any().downcast_ref()
    }

    /// What stands in the way of bringing it into being, or of changing the one that is there.
    pub(crate) fn obstacles(&self, seen: Option<&Seen>) -> Vec<Obstacle> {
        self.spec.obstacles(seen)
    }

    /// What making or changing it does besides to something else.
    pub(crate) fn side_effect<'a>(&self, stays: &dyn Fn(&Address) -> Option<&'a Seen>) -> Option<String> {
        self.spec.side_effect(stays)
    }

    /// What it will offer when it is made, as far as that is known before.
    pub(crate) fn foreseen(&self) -> Outputs {
        self.spec.foreseen()
    }

    pub(crate) fn create<'a>(&'a self, scope: &'a Scope<'a>) -> BoxFuture<'a, Result<()>> {
        self.spec.create(scope)
    }

    pub(crate) fn update<'a>(
        &'a self,
        seen: &'a Seen,
        changes: &'a [Change],
        scope: &'a Scope<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        self.spec.update(seen, changes, scope)
    }
}

/// The part of [`Resource`] that needs a spec.
trait Spec: fmt::Debug + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn foreseen(&self) -> Outputs;
    fn obstacles(&self, seen: Option<&Seen>) -> Vec<Obstacle>;
    fn side_effect<'a>(&self, stays: &dyn Fn(&Address) -> Option<&'a Seen>) -> Option<String>;
    fn create<'a>(&'a self, scope: &'a Scope<'a>) -> BoxFuture<'a, Result<()>>;
    fn update<'a>(&'a self, seen: &'a Seen, changes: &'a [Change], scope: &'a Scope<'a>) -> BoxFuture<'a, Result<()>>;
}

impl<R: Resource> Spec for R {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn foreseen(&self) -> Outputs {
        Resource::foreseen(self)
    }

    fn obstacles(&self, seen: Option<&Seen>) -> Vec<Obstacle> {
        Resource::obstacles(self, seen.and_then(|seen| seen.typed::<R>().ok()))
    }

    fn side_effect<'a>(&self, stays: &dyn Fn(&Address) -> Option<&'a Seen>) -> Option<String> {
        Resource::side_effect(self, stays)
    }

    fn create<'a>(&'a self, scope: &'a Scope<'a>) -> BoxFuture<'a, Result<()>> {
        Resource::create(self, scope).boxed()
    }

    fn update<'a>(&'a self, seen: &'a Seen, changes: &'a [Change], scope: &'a Scope<'a>) -> BoxFuture<'a, Result<()>> {
        async move { Resource::update(self, seen.typed::<R>()?, changes, scope).await }.boxed()
    }
}

/// A live resource of any kind.
#[derive(Clone)]
pub struct Seen {
    /// Its place in the stack.
    pub address: Address,
    /// AWS's id.
    pub id: String,
    /// What AWS is doing with it.
    pub phase: Phase,
    /// Its spec, serialized; references by value.
    pub attributes: Value,
    /// What others may refer to.
    pub outputs: Outputs,
    /// All its tags.
    pub tags: Tags,
    /// When it was made, in seconds since the Unix epoch.
    pub created: Option<i64>,
    /// How its last change ended, if AWS took it back.
    pub setback: Option<String>,
    /// What stands in the way of deleting it.
    pub guard: Option<String>,
    /// What is worth knowing of it besides.
    pub notice: Option<String>,
    typed: Arc<dyn Any + Send + Sync>,
}

impl Seen {
    fn of<R: Resource>(live: Live<R>) -> Result<Self> {
        let attributes = serde_json::to_value(&live.spec)
            .map_err(|error| Error::internal(format!("{} cannot be compared: {error}.", live.address)))?;
        Ok(Self {
            address: live.address.clone(),
            id: live.id.clone(),
            phase: live.phase.clone(),
            attributes,
            outputs: live.outputs.clone(),
            tags: live.tags.clone(),
            created: live.created,
            setback: live.setback.clone(),
            guard: R::guard(&live),
            notice: live.notice.clone(),
            typed: Arc::new(live),
        })
    }

    /// The fingerprint of the spec last applied, where the kind keeps it.
    pub fn fingerprint(&self) -> Option<&str> {
        self.tags.get(identity::FINGERPRINT).map(String::as_str)
    }

    /// The spec in its own type, if that is `R`.
    pub fn spec<R: Resource>(&self) -> Option<&R> {
        self.typed::<R>().ok().map(|live| &live.spec)
    }

    /// What tells the setback from another one: its first line. Further lines are of logs, which go on.
    pub(crate) fn setback_event(&self) -> Option<&str> {
        self.setback.as_deref()?.lines().next()
    }

    /// What is worth knowing of it where nobody compares it with a description.
    pub fn notices(&self) -> impl Iterator<Item = String> {
        let setback = self.setback_event().map(|event| {
            let event = event.trim_end_matches('.');
            format!("AWS took its last change back: {event}. `infra diff` says whether it is as described without it.")
        });
        setback.into_iter().chain(self.notice.clone())
    }

    fn typed<R: Resource>(&self) -> Result<&Live<R>> {
        self.typed
            .downcast_ref()
            .ok_or_else(|| Error::internal(format!("{} was taken for a resource of another kind.", self.address)))
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?} {}", self.address, self.id, self.phase, self.attributes)
    }
}
