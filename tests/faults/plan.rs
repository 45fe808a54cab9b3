//! Random descriptions and random faults, drawn by a seed.

use std::{fmt, time::Duration};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

/// The migrations of the example.
pub(super) const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/example/drizzle/migrations");

/// A random stack in two versions, and what goes wrong while it is made, changed and destroyed.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    /// All of the descriptions but the stack's name.
    pub(super) before: String,
    pub(super) after: String,
    /// Whether both have the database.
    pub(super) keeps_data: bool,
    /// Whether only the first has it.
    pub(super) drops_data: bool,
    pub(super) deploy: Trouble,
    pub(super) change: Trouble,
    pub(super) destroy: Trouble,
}

/// What goes wrong in one run.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) rules: Vec<Value>,
    /// The client is killed after this time.
    pub(super) killed: Option<Duration>,
}

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "plan {}", self.seed)?;
        writeln!(out, "--- before\n{}--- after\n{}", self.before, self.after)?;
        for (name, trouble) in [("deploy", &self.deploy), ("change", &self.change), ("destroy", &self.destroy)] {
            let rules: Vec<String> = trouble.rules.iter().map(Value::to_string).collect();
            writeln!(out, "--- {name}: {}, killed {:?}", rules.join(" "), trouble.killed)?;
        }
        Ok(())
    }
}

impl Plan {
    pub(super) fn draw(seed: u64) -> Self {
        let dice = &mut StdRng::seed_from_u64(seed);
        let (had, has) = (dice.random_bool(0.6), dice.random_bool(0.85));
        let (zones, more) = (dice.random_range(2..=3), dice.random_range(2..=3));
        let before = description(dice, zones, had);
        // A zone with an instance in it is not given up: that is refused before anything is done.
        let after = description(dice, if had && has { zones.max(more) } else { more }, had && has);
        let (deploy, change, destroy) = (trouble(dice), trouble(dice), trouble(dice));
        Self { seed, before, after, keeps_data: had && has, drops_data: had && !has, deploy, change, destroy }
    }
}

fn pick<'a, T: ?Sized>(dice: &mut StdRng, list: &[&'a T]) -> &'a T {
    list.choose(dice).expect("there is something to choose from")
}

/// All of a description but the stack's name. What would replace the database stays as it is.
fn description(dice: &mut StdRng, zones: u32, has_database: bool) -> String {
    let mut text = format!(
        "network: {{zones: {zones}, nat: {}, endpoints: [{}]}}\ntags: {{team: {}}}\n",
        pick(dice, &["none", "one", "per-zone"]),
        pick(dice, &["", "s3", "secretsmanager", "s3, secretsmanager"]),
        pick(dice, &["web", "shop"]),
    );
    let has_service = dice.random_bool(0.6);
    if has_database {
        text += &format!(
            "database: {{readers: {}, capacity: {{max: {}}}, protect: false, on_destroy: delete, backups: {{retention: {} days}}}}\n\
             secret: {{on_destroy: purge, description: {}}}\n",
            dice.random_range(0..=2),
            dice.random_range(1..=8),
            dice.random_range(1..=9),
            pick(dice, &["of the database", "of the shop"]),
        );
        let has_migrations = dice.random_bool(0.5);
        if has_service || has_migrations || dice.random_bool(0.5) {
            text += &format!(
                "proxy: {{max_connections: {} %, require_tls: {}}}\n",
                dice.random_range(50..=100),
                dice.random_bool(0.5)
            );
        }
        if has_migrations {
            let runner = pick(dice, &["here", "lambda"]);
            text += &format!("migrations: {{folder: {MIGRATIONS}, runner: {runner}}}\n");
        }
    }
    if has_service {
        text += &format!(
            "service: {{image: \"public.ecr.aws/x/y:{}\", scaling: {{max: {}}}, env: {{A: \"{}\"}}, memory: {} GB}}\n",
            dice.random_range(1..=2),
            dice.random_range(2..=9),
            dice.random_range(0..=1),
            dice.random_range(2..=4),
        );
    }
    text
}

/// Errors as AWS gives them: code, status.
const REFUSALS: &[(&str, u16)] = &[
    ("Throttling", 400),
    ("Throttling", 503),
    ("RequestLimitExceeded", 503),
    ("InternalFailure", 500),
    ("ServiceUnavailable", 503),
    ("ExpiredToken", 403),
    ("AccessDenied", 403),
    ("InvalidParameterValue", 400),
    ("DependencyViolation", 400),
];

/// What can be told to fail.
const FAILING: &[&str] = &[
    "ec2.CreateNatGateway",
    "rds.CreateDBCluster",
    "rds.CreateDBInstance",
    "rds.CreateDBProxy",
    "apprunner.CreateService",
    "apprunner.UpdateService",
];

/// What somebody may delete in the middle: as far as AWS lets them, and where another one is as good.
const VANISHING: &[&str] = &[
    "nat-gateway/1",
    "route-table/private-1",
    "vpc-endpoint/s3",
    "security-group/proxy",
    "instance/1",
    "proxy/database",
    "function/migrations",
    "vpc-connector/main",
    "auto-scaling/main",
    "service/main",
];

/// What somebody may change in the middle, and to what.
const DRIFTING: &[(&str, &str)] = &[
    ("ec2.ModifyVpcAttribute", r#"{"VpcId": "${vpc/main}", "EnableDnsHostnames": {"Value": false}}"#),
    ("ec2.DeleteRoute", r#"{"RouteTableId": "${route-table/public}", "DestinationCidrBlock": "0.0.0.0/0"}"#),
    (
        "rds.ModifyDBCluster",
        r#"{"DBClusterIdentifier": "${cluster/database}", "BackupRetentionPeriod": 11, "ApplyImmediately": true}"#,
    ),
    ("rds.ModifyDBProxy", r#"{"DBProxyName": "${proxy/database}", "IdleClientTimeout": 77}"#),
];

fn trouble(dice: &mut StdRng) -> Trouble {
    let rules = (0..dice.random_range(1..=4)).map(|_| rule(dice)).collect();
    let killed = dice.random_bool(0.3).then(|| Duration::from_millis(dice.random_range(50..3000)));
    Trouble { rules, killed }
}

fn rule(dice: &mut StdRng) -> Value {
    let calls = [
        "*",
        "ec2.*",
        "rds.*",
        "apprunner.*",
        "iam.*",
        "secretsmanager.*",
        "ssm.*",
        "lambda.*",
        "*.Create*",
        "*.Describe*",
        "*.Delete*",
    ];
    let mut rule = json!({"call": pick(dice, &calls), "seed": dice.random::<u32>()});
    if dice.random_bool(0.5) {
        rule["probability"] = json!(f64::from(dice.random_range(1..=20)) / 100.0);
        rule["times"] = json!(dice.random_range(1..=6));
    } else {
        rule["nth"] = json!(dice.random_range(1..=30));
        rule["times"] = json!(dice.random_range(1..=3));
    }
    rule["effect"] = match dice.random_range(0..12) {
        0..=2 => {
            let (code, status) = REFUSALS.choose(dice).expect("there are some");
            json!({"refuse": {"code": code, "status": status}})
        }
        3 => json!("lose"),
        4 => json!("drop"),
        5 => json!("cut"),
        6 => json!("garble"),
        7 => json!({"delay": {"ms": dice.random_range(1..500)}}),
        8 => {
            for limit in ["nth", "times"] {
                rule.as_object_mut().expect("a rule").remove(limit);
            }
            rule["call"] = json!("*");
            rule["probability"] = json!(0.5);
            json!({"lag": {"ms": dice.random_range(100..3000)}})
        }
        9 => json!({"vanish": {"what": pick(dice, VANISHING)}}),
        10 => {
            let (call, input) = DRIFTING.choose(dice).expect("there are some");
            let input: Value = serde_json::from_str(input).expect("it is JSON");
            json!({"drift": {"call": call, "input": input}})
        }
        _ if dice.random_bool(0.5) => {
            rule["call"] = json!("*.Delete*");
            json!({"linger": {"ms": dice.random_range(100..4000)}})
        }
        _ => {
            rule["call"] = json!(pick(dice, FAILING));
            rule["nth"] = json!(1);
            json!({"fail": {"why": "No capacity on request."}})
        }
    };
    rule
}
