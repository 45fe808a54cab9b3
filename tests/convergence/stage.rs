//! Where a case plays: a local cloud of its own, and the engine's observe, plan and execute on it.

use std::{path::Path, time::Duration};

use infra::{
    aws::{Class, Clients, Options},
    engine::{
        Address, Desired, Kind, Live, Resource, Scope, Tags,
        event::Event,
        execute::{self, execute},
        observe,
        plan::{Action, Plan, Policy, Step, plan},
    },
    local::{self, Pace, Running},
};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use crate::data_folder::DataFolder;

const STACK: &str = "case";

/// A local cloud and the clients for it.
pub(super) struct Stage {
    pub(super) cloud: Running,
    pub(super) aws: Clients,
    /// The kinds that the case is about.
    kinds: Vec<Kind>,
    /// What the cloud holds from the beginning.
    before: Vec<String>,
    data: DataFolder,
}

impl Stage {
    pub(super) async fn start(kinds: Vec<Kind>) -> Self {
        let data = DataFolder::new();
        let options = local::Options {
            port: 0,
            data: data.path().to_owned(),
            pace: Pace::Instant,
            services: Vec::new(),
            other_users: false,
        };
        let cloud = local::start(options).await.unwrap();
        let options = Options { region: Some("us-east-1".into()), endpoint_url: Some(cloud.url.clone()), local: true };
        let aws = Clients::load(&options).await.unwrap();
        let mut stage = Self { cloud, aws, kinds, before: Vec::new(), data };
        stage.before = stage.inventory();
        stage
    }

    /// What would be done, found out by reading only.
    pub(super) async fn plan(&self, desired: &[Desired]) -> Plan {
        self.cloud.take_calls();
        let scope = Scope::observing(&self.aws, STACK, desired);
        let live = observe::everything(&self.kinds, &scope).await.unwrap();
        let mut policy = Policy::default();
        for seen in &live {
            policy.replace.insert(seen.address.clone());
            policy.delete.insert(seen.address.clone());
            policy.unprotect.insert(seen.address.clone());
        }
        for action in actions(&self.cloud.calls()) {
            let reads = ["Describe", "List", "Get"].iter().any(|verb| action.starts_with(verb));
            assert!(reads, "observing called {action}");
        }
        plan(desired, &live, &self.kinds, &policy).unwrap()
    }

    /// Where the cloud keeps its data.
    pub(super) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Plans and executes; then a plan must find nothing to do.
    pub(super) async fn deploy(&self, desired: &[Desired], what: &str) {
        let planned = self.plan(desired).await;
        let scope = Scope::observing(&self.aws, STACK, desired);
        let (sender, mut events) = mpsc::unbounded_channel();
        let (_stop, stopped) = watch::channel(false);
        let options = execute::Options { timeout: Duration::from_secs(120), ..execute::Options::default() };
        let outcome = execute(&planned, desired, &self.kinds, &scope, &options, &sender, stopped).await;
        drop(sender);
        let mut told: Vec<Event> = Vec::new();
        while let Ok(event) = events.try_recv() {
            told.push(event);
        }
        assert!(outcome.is_complete(), "{what}: {:#?}\n{told:#?}", outcome.failed);
        let left = self.plan(desired).await;
        let left: Vec<_> = left.steps.iter().filter(|step| step.action != Action::Keep).collect();
        assert!(left.is_empty(), "{what}, and yet there is something to do: {left:#?}");
    }

    /// The one live resource at `address`.
    pub(super) async fn live<R: Resource>(&self, address: &Address) -> Option<Live<R>> {
        let scope = Scope::observing(&self.aws, STACK, &[]);
        let mut found = R::observe(&scope).await.unwrap();
        found.retain(|live| live.address == *address);
        assert!(found.len() < 2, "there are two of {address}: {found:#?}");
        found.pop()
    }

    /// Sets and removes tags behind the engine's back.
    pub(super) async fn retag<R: Resource>(&self, live: &Live<R>, set: &Tags, unset: &[String]) {
        R::retag(live, set, unset, &Scope::observing(&self.aws, STACK, &[])).await.unwrap();
    }

    /// Deletes the resource at `address` behind the engine's back.
    pub(super) async fn delete<R: Resource>(&self, address: &Address) {
        let scope = Scope::observing(&self.aws, STACK, &[]);
        while let Some(live) = self.live::<R>(address).await {
            match R::delete(&live, &scope).await {
                Err(error) if !matches!(error.class, Class::Busy | Class::NotFound) => panic!("{address}: {error}"),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// What exists beyond what was there from the beginning, by kind and id.
    pub(super) fn inventory(&self) -> Vec<String> {
        let all = self.cloud.inventory();
        let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
        let names =
            all.as_array().into_iter().flatten().map(|item| format!("{} {}", text(item, "kind"), text(item, "id")));
        names.filter(|name| !self.before.contains(name)).collect()
    }
}

/// The step that makes, changes or keeps the resource at `address`, or deletes it for good.
pub(super) fn step<'a>(plan: &'a Plan, address: &Address) -> &'a Step {
    plan.steps.iter().find(|step| step.address == *address && !step.old).expect("the plan has a step for everything")
}

/// The actions in a count of calls by service and action.
fn actions(calls: &Value) -> Vec<String> {
    let services = calls.as_object().into_iter().flat_map(|services| services.values());
    services.flat_map(|actions| actions.as_object().into_iter().flat_map(|actions| actions.keys().cloned())).collect()
}
