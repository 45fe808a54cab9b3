//! What a verb may see: the clients, the stack's name, and what is known of the other resources.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet, HashMap},
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OnceCell, watch};

use super::{
    Address, Desired, Outputs, Resource, Tags,
    event::{Event, Sink},
    identity::{self, Stray, is_meant},
};
use crate::aws::{Clients, Error, Result};

/// The outputs of the resources that exist, by address.
pub type Known = BTreeMap<Address, Outputs>;

/// The surroundings of one verb.
pub struct Scope<'a> {
    /// The AWS clients.
    pub aws: &'a Clients,
    /// The stack's name.
    pub stack: &'a str,
    /// Everything that the description asks for, for the few things AWS keeps no record of.
    pub described: &'a [Desired],
    /// Keys of tags that are not looked at: in full, or a beginning and `*`.
    ignored: &'a [String],
    known: &'a Known,
    tags: Tags,
    token: String,
    round: Round,
    work: Option<Work>,
    adopting: Option<(Address, String)>,
}

/// Where a verb that takes long says how it goes, and where it learns that it is to stop.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) address: Address,
    pub(crate) events: Sink,
    pub(crate) stop: watch::Receiver<bool>,
}

impl<'a> Scope<'a> {
    /// The surroundings for observing: nothing is known but the stack.
    pub fn observing(aws: &'a Clients, stack: &'a str, described: &'a [Desired]) -> Self {
        static NOTHING: Known = Known::new();
        Self {
            aws,
            stack,
            described,
            ignored: &[],
            known: &NOTHING,
            tags: Tags::new(),
            token: String::new(),
            round: Round::default(),
            work: None,
            adopting: None,
        }
    }

    /// The same surroundings where these tags are not looked at: in full, or a beginning and `*`.
    pub fn ignoring(self, keys: &'a [String]) -> Self {
        Scope { ignored: keys, ..self }
    }

    /// The tags that are looked at.
    pub(crate) fn regarded(&self, mut tags: Tags) -> Tags {
        tags.retain(|key, _| !self.ignored.iter().any(|pattern| is_meant(pattern, key)));
        tags
    }

    /// The same surroundings for looking at one resource that does not carry the stack's tags, as if it stood at
    /// `address`. Observing then finds that one, and besides what of the stack the same list shows.
    pub(crate) fn adopting(&self, address: Address, id: String) -> Scope<'a> {
        Scope { adopting: Some((address, id)), ..self.fresh() }
    }

    /// The id of the resource that is looked at without its tags, if that is what is done.
    pub(crate) fn adopted(&self) -> Option<&str> {
        self.adopting.as_ref().map(|(_, id)| id.as_str())
    }

    /// The surroundings for acting on one resource, whose tags are `tags`; `token` is one for all repetitions
    /// of one creation, and never used for another.
    pub(crate) fn acting(&self, known: &'a Known, tags: Tags, token: String) -> Scope<'a> {
        Scope {
            aws: self.aws,
            stack: self.stack,
            described: self.described,
            ignored: self.ignored,
            known,
            tags,
            token,
            round: self.round.clone(),
            work: self.work.clone(),
            adopting: None,
        }
    }

    /// The same surroundings for a verb that can say how it goes.
    pub(crate) fn working(self, work: Work) -> Self {
        Scope { work: Some(work), ..self }
    }

    /// Says what the verb is doing, where somebody listens.
    pub fn tell(&self, reason: String) {
        if let Some(work) = &self.work {
            // Whoever listened may have gone; the work goes on.
            let _ = work.events.send(Event::Waiting { address: work.address.clone(), reason });
        }
    }

    /// Turns true when the verb is to stop as soon as it can.
    pub fn interrupt(&self) -> Option<watch::Receiver<bool>> {
        self.work.as_ref().map(|work| work.stop.clone())
    }

    /// The same surroundings with nothing remembered of earlier calls.
    pub(crate) fn fresh(&self) -> Scope<'a> {
        Scope { round: Round::default(), ..self.acting(self.known, self.tags.clone(), self.token.clone()) }
    }

    /// All tags of the resource to be created, by key.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// The client token of this creation, where AWS takes one (at most 36 characters).
    pub fn token(&self) -> &str {
        &self.token
    }

    /// `<stack>-<suffix>`: the name of a resource where AWS wants one of its own.
    pub fn name(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.stack)
    }

    /// Whether `name` begins as [`Scope::name`] does: what lists without tags are sorted by before the tags are asked for.
    pub fn is_named(&self, name: Option<&str>) -> bool {
        name.and_then(|name| name.strip_prefix(self.stack)).is_some_and(|rest| rest.starts_with('-'))
    }

    /// The address that a resource's tags claim, if they are of this stack and of kind `R`.
    pub fn address<R: Resource>(&self, tags: &Tags, id: &str) -> Option<Address> {
        if let Some((address, adopted)) = &self.adopting
            && adopted == id
            && address.kind() == R::KIND
        {
            return Some(address.clone());
        }
        let place = identity::place(tags, self.stack, R::KIND);
        place.map_err(|why| self.round.meet(Stranger { kind: R::KIND, id: id.to_owned(), why })).ok()
    }

    /// What was met in this round of observation and is not the stack's: it may hold a name that is to be given.
    pub(crate) fn strangers(&self) -> Vec<Stranger> {
        self.round.strangers.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The spec that the description gives to the resource at `address`.
    pub fn described<R: Resource>(&self, address: &Address) -> Option<&'a R> {
        self.described.iter().find(|desired| desired.address == *address)?.spec()
    }

    pub(crate) fn output(&self, address: &Address, output: &str) -> Option<String> {
        self.known.get(address)?.get(output).cloned()
    }

    /// Makes `call` once in a round of observation, however many kinds want its answer.
    ///
    /// # Errors
    /// The call's own; it is then made again by the next kind that asks.
    pub async fn once<T, F>(&self, name: &'static str, call: impl FnOnce() -> F) -> Result<Arc<T>>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T>>,
    {
        let cell = self.round.cell(name);
        let answer = cell
            .get_or_try_init(|| async move {
                let answer: Arc<dyn Any + Send + Sync> = Arc::new(call().await?);
                Ok::<_, Error>(answer)
            })
            .await?;
        Arc::clone(answer)
            .downcast()
            .map_err(|_| Error::internal(format!("Two kinds call `{name}` and expect different answers.")))
    }
}

/// Something that a list showed and that stands nowhere in the stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stranger {
    pub(crate) kind: &'static str,
    /// AWS's id, name or ARN of it.
    pub(crate) id: String,
    /// Why it stands nowhere in the stack.
    pub(crate) why: Stray,
}

/// One round of observation: the answers by the name of the call, and what was met besides.
#[derive(Clone, Default)]
struct Round {
    cells: Arc<Mutex<HashMap<&'static str, Cell>>>,
    strangers: Arc<Mutex<BTreeSet<Stranger>>>,
}

type Cell = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

impl Round {
    fn cell(&self, name: &'static str) -> Cell {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(name).or_default())
    }

    fn meet(&self, stranger: Stranger) {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner).insert(stranger);
    }
}
