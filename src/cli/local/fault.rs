//! `infra local fault`: puts rules in force by which calls to the local cloud go wrong, shows them, and takes them out again.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{Failure, Folder};
use crate::local::{
    chaos::{Effect, Only, Rule, Turn},
    client,
};
use crate::render::output::print;

pub(super) const EXAMPLES: &str = "Examples:
  infra local fault refuse ec2.CreateSubnet Throttling --status 503 --nth 3
  infra local fault drop 'rds.*' --probability 0.1 --seed 7  executed, but never answered
  infra local fault hold ec2.CreateVpc --after               until `infra local fault release`
  infra local fault lag '*' 5                                lists are 5 s behind
  infra local fault fail rds.CreateDBInstance 'No capacity in this zone.'
  infra local fault vanish rds.CreateDBProxy nat-gateway/1   somebody deletes it in between
  infra local fault drift ec2.DescribeVpcs ec2.DeleteRoute '{\"RouteTableId\": \"${route-table/public}\", …}' --nth 3
  infra local fault list --json > rules.json                 and `infra local fault load rules.json`
  infra local fault clear

The commands from `refuse` to `vanish` add a rule for the calls that are named first: service.Action, as `infra local calls` lists \
them; * matches any text. A rule affects every such call, or those selected by --nth, --times and so on, until it is removed or \
the local cloud stops.";

/// The verbs of `infra local fault`.
#[derive(Debug, Subcommand)]
pub enum Fault {
    /// Refuse calls with an error, in the service's own form; they are not executed
    Refuse {
        #[command(flatten)]
        which: Which,
        /// The error's code, e.g. Throttling, InternalFailure, ExpiredToken, AccessDenied
        code: String,
        /// The HTTP status
        #[arg(long, default_value_t = 400)]
        status: u16,
        /// The error's message
        #[arg(long, default_value = "")]
        message: String,
    },
    /// Close the connection instead of answering; the call is not executed
    Lose(Which),
    /// Execute the call, but close the connection instead of answering
    Drop(Which),
    /// Execute the call, but close the connection halfway through the answer
    Cut(Which),
    /// Execute the call, but send half of the answer as if it were all of it
    Garble(Which),
    /// Wait before the call is executed
    Delay {
        #[command(flatten)]
        which: Which,
        /// How many seconds, at most 60
        seconds: f64,
    },
    /// Keep the call waiting until `infra local fault release`
    Hold {
        #[command(flatten)]
        which: Which,
        /// Execute it first, and keep only its answer waiting
        #[arg(long)]
        after: bool,
    },
    /// Answer with the state of some seconds ago, as AWS's lists may do; affects only calls that change nothing
    Lag {
        #[command(flatten)]
        which: Which,
        /// How many seconds ago, at most 60
        seconds: f64,
    },
    /// Accept the call, but let what it creates or changes end up failed: NAT gateways, clusters, instances, proxies, App
    /// Runner operations
    Fail {
        #[command(flatten)]
        which: Which,
        /// The reason that AWS gives
        reason: String,
    },
    /// Keep the network interfaces that exist at the time of the call for a while after their owners are deleted
    Linger {
        #[command(flatten)]
        which: Which,
        /// For how many seconds
        seconds: f64,
    },
    /// Put a value of your own into the answer, true or not
    Show {
        #[command(flatten)]
        which: Which,
        /// Where, e.g. `Targets.*.TargetHealth.State`; * stands for every element of a list
        path: String,
        /// What: JSON, or any other text as it stands
        value: String,
    },
    /// Right after the call, make another one behind the client's back, as somebody might in the console
    Drift {
        #[command(flatten)]
        which: Which,
        /// The other call: service.Action
        action: String,
        /// Its input as JSON, by the names of AWS's API; "${ADDRESS}" stands for the id of what has that address
        #[arg(default_value = "{}")]
        input: String,
    },
    /// Right after the call, delete a resource behind the client's back, unless AWS would refuse that
    Vanish {
        #[command(flatten)]
        which: Which,
        /// The address of a stack's resource, e.g. nat-gateway/1, or the id of any
        what: String,
    },
    /// Add the rules from a file: JSON, as `infra local fault list --json` prints them
    Load {
        #[command(flatten)]
        folder: Folder,
        /// The file: an array of rules, or one rule after the other
        file: PathBuf,
    },
    /// List the rules, and how many calls each has matched and affected
    List(super::Query),
    /// List the calls that `hold` keeps waiting
    Held {
        #[command(flatten)]
        query: super::Query,
        /// Wait up to this many seconds for a call to be held
        #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
        wait: f64,
    },
    /// Let waiting calls continue: the one with this number, or all
    Release(Chosen),
    /// Remove rules: the one with this number, or all
    Clear(Chosen),
}

/// Which calls a rule strikes.
#[derive(Debug, Clone, Args)]
pub struct Which {
    #[command(flatten)]
    folder: Folder,
    /// The calls: service.Action; * matches any text
    call: String,
    /// Start with the Nth of these calls; without --times, only that one
    #[arg(long, value_name = "N")]
    nth: Option<u64>,
    /// At most this many times
    #[arg(long, value_name = "N")]
    times: Option<u64>,
    /// Each one with this probability, from 0 to 1
    #[arg(long, value_name = "P")]
    probability: Option<f64>,
    /// The random seed: the same one affects the same calls
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Only calls that change something, or only those that do not
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Only calls of this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Only calls in this region
    #[arg(long)]
    region: Option<String>,
}

/// One of them, or all.
#[derive(Debug, Args)]
pub struct Chosen {
    #[command(flatten)]
    folder: Folder,
    /// Its number; left out: all
    id: Option<u64>,
}

impl Fault {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (which, effect) = match self {
            Self::Refuse { which, code, status, message } => (which, Effect::Refuse { code, status, message }),
            Self::Lose(which) => (which, Effect::Lose),
            Self::Drop(which) => (which, Effect::Drop),
            Self::Cut(which) => (which, Effect::Cut),
            Self::Garble(which) => (which, Effect::Garble),
            Self::Delay { which, seconds } => (which, Effect::Delay { ms: millis(seconds)? }),
            Self::Hold { which, after } => (which, Effect::Hold { at: if after { Turn::After } else { Turn::Before } }),
            Self::Lag { which, seconds } => (which, Effect::Lag { ms: millis(seconds)? }),
            Self::Fail { which, reason } => (which, Effect::Fail { why: reason }),
            Self::Linger { which, seconds } => (which, Effect::Linger { ms: millis(seconds)? }),
            Self::Show { which, path, value } => {
                let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
                (which, Effect::Show { path, value })
            }
            Self::Drift { which, action: call, input } => {
                let input = serde_json::from_str(&input)
                    .map_err(|error| Failure::Told(format!("The input of {call} is not JSON: {error}")))?;
                (which, Effect::Drift { call, input })
            }
            Self::Vanish { which, what } => (which, Effect::Vanish { what }),
            Self::Load { folder, file } => return load(&folder, &file).await,
            Self::List(query) => return list(&query).await,
            Self::Held { query, wait } => return held(&query, wait).await,
            Self::Release(chosen) => return chosen.tell("release", "released", "call").await,
            Self::Clear(chosen) => return chosen.tell("clear", "cleared", "rule").await,
        };
        let Which { folder, call, nth, times, probability, seed, only, account, region } = which;
        let rule = Rule { call, account, region, only, nth, times, probability, seed, effect };
        put(&folder, &rule).await
    }
}

async fn put(folder: &Folder, rule: &Rule) -> Result<(), Failure> {
    let answer = client::send(&folder.data, "faults", &json!(rule)).await?;
    print(&format!("Rule {} is in force: {}", answer["id"], told(rule)));
    Ok(())
}

/// Puts the rules of a file in force, if all of them can be read.
async fn load(folder: &Folder, file: &Path) -> Result<(), Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Told(format!("{} holds no rules: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    let mut rules = Vec::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        match value.map_err(|error| wrong(&error))? {
            Value::Array(list) => rules.extend(list),
            rule => rules.push(rule),
        }
    }
    let read: Result<Vec<Rule>, _> = rules.into_iter().map(|rule| Rule::deserialize(listed(rule).0)).collect();
    for rule in read.map_err(|error| wrong(&error))? {
        put(folder, &rule).await?;
    }
    Ok(())
}

/// A rule as it was given, and what its list tells besides: its number, how many calls it met, and how many it struck.
fn listed(mut view: Value) -> (Value, [Value; 3]) {
    let members = view.as_object_mut().map(|members| ["id", "met", "hits"].map(|name| members.shift_remove(name)));
    (view, members.unwrap_or_default().map(Option::unwrap_or_default))
}

fn millis(seconds: f64) -> Result<u64, Failure> {
    let duration = Duration::try_from_secs_f64(seconds)
        .map_err(|_| Failure::Told(format!("{seconds} is no number of seconds")))?;
    u64::try_from(duration.as_millis()).map_err(|_| Failure::Told(format!("{seconds} seconds are too many")))
}

/// A rule on one line.
fn told(rule: &Rule) -> String {
    let mut parts = vec![format!("{} {}", rule.effect.name(), rule.call)];
    match &rule.effect {
        Effect::Refuse { code, status, .. } => parts.push(format!("{code} {status}")),
        Effect::Delay { ms } | Effect::Lag { ms } | Effect::Linger { ms } => parts.push(format!("{ms} ms")),
        Effect::Hold { at: Turn::After } => parts.push("after they are executed".to_owned()),
        Effect::Hold { at: Turn::Before } => parts.push("before they are executed".to_owned()),
        Effect::Fail { why } => parts.push(why.clone()),
        Effect::Show { path, value } => parts.push(format!("{path} = {value}")),
        Effect::Drift { call, input } => parts.push(format!("{call} {input}")),
        Effect::Vanish { what } => parts.push(what.clone()),
        Effect::Lose | Effect::Drop | Effect::Cut | Effect::Garble => {}
    }
    let number = |name: &str, value: Option<u64>| value.map(|value| format!("{name} {value}"));
    parts.extend(number("nth", rule.nth));
    parts.extend(number("times", rule.times));
    parts.extend(rule.probability.map(|share| format!("probability {share}, seed {}", rule.seed)));
    parts.extend(rule.only.map(|only| format!("only {}", json!(only).as_str().unwrap_or_default())));
    parts.extend(rule.account.as_ref().map(|account| format!("account {account}")));
    parts.extend(rule.region.as_ref().map(|region| format!("region {region}")));
    parts.join(", ")
}

async fn list(query: &super::Query) -> Result<(), Failure> {
    let rules = client::get(&query.folder.data, "faults").await?;
    if query.json {
        print(&rules.to_string());
        return Ok(());
    }
    let rules = rules.as_array().cloned().unwrap_or_default();
    if rules.is_empty() {
        print("No rule is in force.");
    }
    for view in rules {
        let (view, [id, met, hits]) = listed(view);
        let told = Rule::deserialize(view).map(|rule| told(&rule)).unwrap_or_default();
        print(&format!("{:>4}  {told}  (met {met}, struck {hits})", id.to_string()));
    }
    Ok(())
}

async fn held(query: &super::Query, wait: f64) -> Result<(), Failure> {
    /// The daemon is asked again before its answer counts as missing.
    const AT_ONCE: u64 = 3000;
    let mut left = millis(wait)?;
    let calls = loop {
        let once = left.min(AT_ONCE);
        let calls = client::get(&query.folder.data, &format!("faults/held?wait={once}")).await?;
        left -= once;
        if left == 0 || calls.as_array().is_none_or(|calls| !calls.is_empty()) {
            break calls;
        }
    };
    if query.json {
        print(&calls.to_string());
        return Ok(());
    }
    for call in calls.as_array().into_iter().flatten() {
        let text = |name: &str| call[name].as_str().unwrap_or_default();
        let (account, region, name, turn) = (text("account"), text("region"), text("call"), text("at"));
        let id = call["id"].to_string();
        print(&format!("{id:>4}  {name}  {turn} it is executed, {account} {region}, by rule {}", call["rule"]));
    }
    Ok(())
}

impl Chosen {
    async fn tell(&self, path: &str, done: &str, what: &str) -> Result<(), Failure> {
        let query = self.id.map(|id| format!("?id={id}")).unwrap_or_default();
        let answer = client::post(&self.folder.data, &format!("faults/{path}{query}")).await?;
        let number = answer[done].as_u64().unwrap_or_default();
        match self.id {
            Some(id) if number == 0 => return Err(Failure::Told(format!("There is no {what} {id}"))),
            _ => print(&format!("{number} {what}{} {done}.", if number == 1 { "" } else { "s" })),
        }
        Ok(())
    }
}
