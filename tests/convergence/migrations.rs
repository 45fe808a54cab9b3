//! The case of the migrations. What lives of them is a ledger: it is read where the description says that it is, and goes with
//! the database, so the harness of the other kinds cannot find it by its tags, and cannot delete it.

use std::{fs, path::Path, sync::Arc, time::Duration};

use infra::{
    engine::{
        Address, Desired, Kind, Ref, Resource,
        plan::{Action, Step},
    },
    migrate::{Folder, Ledger},
    resources::{
        migrations::{Migrations, Settings, wanted},
        proxy_target::ProxyTarget,
    },
};
use tempfile::TempDir;

use super::{Case, pooling, stage, stage::Stage};

/// Where the migrations are, and what they are applied to.
struct Scene {
    stage: Stage,
    target: Case<ProxyTarget>,
    folder: TempDir,
    ledger: Ledger,
}

impl Scene {
    async fn start() -> Self {
        let mut target = pooling::proxy_target();
        let mut kinds = std::mem::take(&mut target.kinds);
        kinds.push(Kind::of::<Migrations>());
        let ledger = Ledger { schema: "drizzle".into(), table: "__drizzle_migrations".into() };
        let scene = Self { stage: Stage::start(kinds).await, target, folder: tempfile::tempdir().unwrap(), ledger };
        fs::create_dir(scene.folder.path().join("meta")).unwrap();
        scene
    }

    /// The folder gets these migrations, each with a table of its name.
    fn write(&self, tags: &[&str]) {
        let entry = |(idx, tag): (usize, &&str)| {
            let sql = format!("CREATE TABLE IF NOT EXISTS \"{tag}\" (id int);\n");
            fs::write(self.folder.path().join(format!("{tag}.sql")), sql).unwrap();
            serde_json::json!({"idx": idx, "version": "7", "when": 1_700_000_000_000_u64 + idx as u64, "tag": tag, "breakpoints": true})
        };
        let entries: Vec<_> = tags.iter().enumerate().map(entry).collect();
        let journal = serde_json::json!({"version": "7", "dialect": "postgresql", "entries": entries});
        fs::write(self.folder.path().join("meta/_journal.json"), journal.to_string()).unwrap();
    }

    fn desired(&self) -> Vec<Desired> {
        let folder = Arc::new(Folder::read(self.folder.path()).unwrap());
        let migrations = Migrations {
            target: Ref::to("database"),
            host: Ref::to("database").output("endpoint"),
            secret: Ref::to("database"),
            runner: None,
            ledger: self.ledger.to_string(),
            applied: wanted(&folder),
            settings: Settings {
                folder: Some(folder),
                dbname: "app".into(),
                port: 5432,
                ca: Some(self.stage.data().join("ca.pem")),
                ledger: self.ledger.clone(),
                lock_timeout: Duration::from_secs(5),
                ..Settings::default()
            },
        };
        let mut all = self.target.with(&self.target.spec);
        all.push(Desired::new("database", migrations, &super::own_tags()));
        all
    }

    /// The plan must do `action` because of `attribute`; then there is nothing left to do.
    async fn deploys(&self, action: Action, attribute: &str, what: &str) {
        let desired = self.desired();
        let plan = self.stage.plan(&desired).await;
        let Step { action: planned, changes, drift, .. } = stage::step(&plan, &address());
        assert_eq!(*planned, action, "{what}: {changes:?}");
        assert!(changes.iter().any(|change| change.top() == attribute), "{what}: {changes:?}");
        assert!(!drift, "{what}: nobody can tell who wrote a ledger");
        self.stage.deploy(&desired, what).await;
    }
}

fn address() -> Address {
    Address::new(Migrations::KIND, "database")
}

fn remove(folder: &Path, tag: &str) {
    fs::remove_file(folder.join(format!("{tag}.sql"))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations() {
    let mut scene = Scene::start().await;
    scene.write(&[]);
    scene.deploys(Action::Create, "applied", "a folder that has none yet").await;
    scene.write(&["0000_users"]);
    scene.deploys(Action::Create, "applied", "created").await;
    scene.write(&["0000_users", "0001_orders"]);
    scene.deploys(Action::Update, "applied", "another migration").await;
    scene.ledger.table = "other".into();
    scene.deploys(Action::Create, "ledger", "another ledger").await;
    scene.ledger.table = "__drizzle_migrations".into();
    scene.stage.deploy(&scene.desired(), "the first ledger again").await;

    // Another database behind the same proxy: what was applied to the one is not applied to the other.
    scene.target.spec.cluster = Ref::to("other");
    scene.deploys(Action::Update, "target", "another database").await;

    // An older folder is how a service is rolled back: there is nothing to do, and nothing is undone.
    remove(scene.folder.path(), "0001_orders");
    scene.write(&["0000_users"]);
    scene.stage.deploy(&scene.desired(), "an older folder").await;

    let around = scene.target.with(&scene.target.spec);
    let plan = scene.stage.plan(&around).await;
    assert!(plan.steps.iter().all(|step| step.address != address()), "a ledger that nobody describes is left alone");
    scene.stage.deploy(&[], "destroyed").await;
    let mut left = scene.stage.inventory();
    left.retain(|item| !scene.target.leaves.iter().any(|kind| item.starts_with(&format!("{kind} "))));
    assert_eq!(left, Vec::<String>::new(), "nothing is left behind");
    scene.stage.cloud.stop().await;
}
