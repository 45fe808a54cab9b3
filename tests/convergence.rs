//! Every kind, driven through the real engine against the local cloud: made, changed in every attribute, changed
//! behind its back, deleted behind its back, deleted. After each of these a plan must find nothing left to do.
//!
//! A kind's [`Case`] says what the resource looks like and what each change must come to.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

/// A behind-the-back change as the harness takes it: the clients and the live resource, then what is done.
macro_rules! act {
    (|$aws:ident, $live:ident| $body:expr) => {
        |$aws: &Clients, $live: &Live<_>| async move { drop($body) }.boxed()
    };
}

mod data;
mod description;
mod migrations;
mod network;
mod pooling;
mod runner;
mod service;
mod stage;

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use infra::{
    aws::Clients,
    engine::{Address, Desired, Kind, Live, Resource, Tags, identity, plan::Action},
    resources::KINDS,
};

use self::stage::Stage;

/// The kinds that have a case, and a test for each. `module::function` makes the case.
macro_rules! cases {
    ($($kind:literal => $module:ident::$name:ident),* $(,)?) => {
        /// The kinds below.
        const COVERED: &[&str] = &[$($kind),*];
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $module::$name().run($kind).await;
            }
        )*
    };
}

cases! {
    "vpc" => network::vpc,
    "internet-gateway" => network::internet_gateway,
    "subnet" => network::subnet,
    "elastic-ip" => network::elastic_ip,
    "nat-gateway" => network::nat_gateway,
    "route-table" => network::route_table,
    "security-group" => network::security_group,
    "vpc-endpoint" => network::vpc_endpoint,
    "secret" => data::secret,
    "secret-attachment" => pooling::secret_attachment,
    "db-subnet-group" => data::db_subnet_group,
    "cluster-parameter-group" => data::cluster_parameter_group,
    "cluster" => data::cluster,
    "instance" => data::instance,
    "proxy" => pooling::proxy,
    "proxy-target" => pooling::proxy_target,
    "function" => runner::function,
    "role" => service::role,
    "vpc-connector" => service::vpc_connector,
    "auto-scaling" => service::auto_scaling,
    "service" => service::service,
}

/// The kinds whose case is of a form of its own.
const APART: &[&str] = &["migrations"];

#[test]
fn no_kind_is_forgotten() {
    let kinds: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(kinds, COVERED.iter().chain(APART).copied().collect());
}

/// A kind's part of the convergence test.
pub(crate) struct Case<R> {
    name: &'static str,
    spec: R,
    kinds: Vec<Kind>,
    around: Vec<Box<dyn Fn() -> Desired + Send + Sync>>,
    changes: Vec<Change<R>>,
    drifts: Vec<Drift<R>>,
    fixed: Vec<&'static str>,
    one_way: Vec<&'static str>,
    leaves: Vec<&'static str>,
}

/// A change of the description, and what the plan must make of it.
struct Change<R> {
    attribute: &'static str,
    action: Action,
    make: fn(&mut R),
}

/// Something that somebody does to a live resource without telling, and how the plan must mend it.
struct Drift<R> {
    what: &'static str,
    action: Action,
    make: Act<R>,
}

/// Acts on a live resource through the SDK.
pub(crate) type Act<R> = for<'a> fn(&'a Clients, &'a Live<R>) -> BoxFuture<'a, ()>;

impl<R: Resource + Clone> Case<R> {
    /// The resource `name`, as it is made first.
    pub(crate) fn new(name: &'static str, spec: R) -> Self {
        let kinds = vec![Kind::of::<R>()];
        let (around, changes, drifts) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, spec, kinds, around, changes, drifts, fixed: Vec::new(), one_way: Vec::new(), leaves: Vec::new() }
    }

    /// Something that the resource, in one of its forms, points at.
    pub(crate) fn around<O: Resource + Clone>(mut self, name: &'static str, spec: O) -> Self {
        if self.kinds.iter().all(|kind| kind.name != O::KIND) {
            self.kinds.push(Kind::of::<O>());
        }
        self.around.push(Box::new(move || Desired::new(name, spec.clone(), &own_tags())));
        self
    }

    /// A change of the description's `attribute`, and what the plan must make of it. Changes add up in the order
    /// given; a last change leads back to the first form.
    pub(crate) fn change(mut self, attribute: &'static str, action: Action, make: fn(&mut R)) -> Self {
        self.changes.push(Change { attribute, action, make });
        self
    }

    /// A change behind our back, and how the plan must mend it.
    pub(crate) fn drift(mut self, what: &'static str, action: Action, make: Act<R>) -> Self {
        self.drifts.push(Drift { what, action, make });
        self
    }

    /// An attribute that goes with the address, so that at one address it cannot change.
    pub(crate) fn fixed(mut self, attribute: &'static str) -> Self {
        self.fixed.push(attribute);
        self
    }

    /// An attribute that AWS changes in one direction only.
    pub(crate) fn one_way(mut self, attribute: &'static str) -> Self {
        self.one_way.push(attribute);
        self
    }

    /// What the inventory still holds after everything was deleted, because it is meant to: a final snapshot, a
    /// secret that can still be restored.
    pub(crate) fn leaves(mut self, kind: &'static str) -> Self {
        self.leaves.push(kind);
        self
    }

    async fn run(mut self, kind: &str) {
        assert_eq!(kind, R::KIND);
        let stage = Stage::start(std::mem::take(&mut self.kinds)).await;
        self.make(&stage).await;
        self.change_every_attribute(&stage).await;
        if R::TAGGED {
            self.change_tags(&stage).await;
        }
        self.change_behind_the_back(&stage).await;
        self.delete_behind_the_back(&stage).await;
        self.delete(&stage).await;
        stage.cloud.stop().await;
    }

    async fn make(&self, stage: &Stage) {
        let desired = self.with(&self.spec);
        let plan = stage.plan(&desired).await;
        assert_eq!(stage::step(&plan, &self.address()).action, Action::Create);
        stage.deploy(&desired, "created").await;
    }

    async fn change_every_attribute(&self, stage: &Stage) {
        let mut spec = self.spec.clone();
        let mut before = self.spec.clone();
        for change in &self.changes {
            (change.make)(&mut spec);
            let what = format!("changed {}", change.attribute);
            self.change_to(stage, &spec, change.action, Some(change.attribute), &what).await;
            if change.action == Action::Update && !self.one_way.contains(&change.attribute) {
                self.change_back_from_behind(stage, &before, &spec, change.attribute).await;
            }
            before = spec.clone();
        }
        self.change_to(stage, &self.spec, Action::Keep, None, "changed everything back").await;
        let changed = self.changes.iter().map(|change| change.attribute).chain(self.fixed.iter().copied());
        let changed: BTreeSet<&str> = changed.collect();
        let attributes = serde_json::to_value(&self.spec).unwrap();
        let attributes: BTreeSet<&str> = attributes.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(changed, attributes, "each attribute of {} has its change", R::KIND);
    }

    /// The same change as somebody makes it who does not go by the description: the fingerprint is still that of
    /// `before`, and the attribute differs. It must show as drift and be mended; then all goes on from `after`.
    async fn change_back_from_behind(&self, stage: &Stage, before: &R, after: &R, attribute: &str) {
        let what = format!("changed {attribute} behind the back");
        let desired = self.with(before);
        if R::STAMPED {
            let fingerprint = &desired.last().expect("the resource itself").fingerprint;
            let old = Tags::from([(identity::FINGERPRINT.to_owned(), fingerprint.clone())]);
            let live = stage.live::<R>(&self.address()).await.expect(&what);
            stage.retag(&live, &old, &[]).await;
        }
        let plan = stage.plan(&desired).await;
        let step = stage::step(&plan, &self.address());
        assert_eq!(step.action, Action::Update, "{what}: {:?}", step.changes);
        assert!(step.changes.iter().any(|change| change.top() == attribute), "{what}: {:?}", step.changes);
        assert!(step.drift || !R::STAMPED, "{what}: it is drift: {:?}", step.changes);
        stage.deploy(&desired, &what).await;
        stage.deploy(&self.with(after), "changed once more").await;
    }

    /// Deploys `spec`; where one attribute changes, the plan must do `action` to the resource because of it.
    async fn change_to(&self, stage: &Stage, spec: &R, action: Action, attribute: Option<&str>, what: &str) {
        let before = stage.live::<R>(&self.address()).await.expect(what);
        let desired = self.with(spec);
        let plan = stage.plan(&desired).await;
        let step = stage::step(&plan, &self.address());
        if let Some(attribute) = attribute {
            assert_eq!(step.action, action, "{what}: {:?}", step.changes);
            let named = step.changes.iter().any(|change| change.top() == attribute);
            assert_eq!(named, action != Action::Keep, "{what}: {:?}", step.changes);
            assert!(!step.drift, "{what}: a change of the description is no drift");
        }
        let planned = step.action;
        if planned == Action::Replace {
            // AWS tells when something was created by the second, and by that alone a new one under the old name is known.
            tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        }
        stage.deploy(&desired, what).await;
        let after = stage.live::<R>(&self.address()).await.expect(what);
        let replaced = before.id != after.id || before.created != after.created;
        assert_eq!(replaced, planned == Action::Replace, "{what}: {} became {}", before.id, after.id);
    }

    async fn change_tags(&self, stage: &Stage) {
        let live = stage.live::<R>(&self.address()).await.expect("it was made");
        let changed = Tags::from([("team".to_owned(), "other".to_owned()), ("stray".to_owned(), "yes".to_owned())]);
        stage.retag(&live, &changed, &["Name".to_owned()]).await;
        let step = self.mend(stage, Action::Update, "changed tags behind the back").await;
        let paths: BTreeSet<&str> = step.changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(paths, BTreeSet::from(["tags.Name", "tags.stray", "tags.team"]));
    }

    async fn change_behind_the_back(&self, stage: &Stage) {
        for drift in &self.drifts {
            let live = stage.live::<R>(&self.address()).await.expect(drift.what);
            (drift.make)(&stage.aws, &live).await;
            self.mend(stage, drift.action, drift.what).await;
        }
    }

    async fn delete_behind_the_back(&self, stage: &Stage) {
        stage.delete::<R>(&self.address()).await;
        self.mend(stage, Action::Create, "deleted behind the back").await;
    }

    /// The plan must find what was done and mend it.
    async fn mend(&self, stage: &Stage, action: Action, what: &str) -> infra::engine::plan::Step {
        let desired = self.with(&self.spec);
        let plan = stage.plan(&desired).await;
        let step = stage::step(&plan, &self.address()).clone();
        assert_eq!(step.action, action, "{what}: {:?}", step.changes);
        assert!(step.drift || !R::STAMPED || action == Action::Create, "{what}: it is drift");
        stage.deploy(&desired, what).await;
        step
    }

    async fn delete(&self, stage: &Stage) {
        let around: Vec<Desired> = self.around.iter().map(|one| one()).collect();
        let plan = stage.plan(&around).await;
        assert_eq!(stage::step(&plan, &self.address()).action, Action::Delete);
        stage.deploy(&around, "deleted").await;
        assert!(stage.live::<R>(&self.address()).await.is_none(), "it is gone");
        stage.deploy(&[], "destroyed").await;
        let mut left = stage.inventory();
        left.retain(|item| !self.leaves.iter().any(|kind| item.starts_with(&format!("{kind} "))));
        assert_eq!(left, Vec::<String>::new(), "nothing is left behind");
    }

    fn address(&self) -> Address {
        Address::new(R::KIND, self.name)
    }

    /// The stack with the resource in the form `spec`.
    fn with(&self, spec: &R) -> Vec<Desired> {
        let around = self.around.iter().map(|one| one());
        around.chain([Desired::new(self.name, spec.clone(), &own_tags())]).collect()
    }
}

/// The tags that the description gives to everything.
fn own_tags() -> Tags {
    Tags::from([("team".to_owned(), "web".to_owned())])
}
