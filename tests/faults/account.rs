//! A stack in an account of its own, on a local cloud that many share: what each case plays with.

use std::{
    collections::BTreeSet,
    fs::File,
    path::PathBuf,
    process::{Child, Command},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use infra::local::client;
use serde_json::{Value, json};

use crate::binary::{Cloud, Run};

pub(super) const REGION: &str = "us-east-1";

/// What names everything that holds data, so that it may be deleted.
pub(super) const DELETE_DATA: [&str; 4] = ["--allow-delete", "cluster/database", "--allow-delete", "secret/database"];

/// All that can change something. A function is invoked to read the ledger, too.
const CHANGING: [&str; 10] = [
    "ec2.*",
    "rds.*",
    "iam.*",
    "secretsmanager.*",
    "apprunner.*",
    "ssm.*",
    "logs.*",
    "sts.*",
    "lambda.*Function*",
    "lambda.*Tag*",
];

/// Longer than any command of these tests takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// Gives every account another number.
static ACCOUNTS: AtomicU64 = AtomicU64::new(1);

/// An account with one stack.
pub(super) struct Account<'c> {
    cloud: &'c Cloud,
    /// The account's twelve digits.
    pub(super) id: String,
    /// The stack's name.
    pub(super) stack: String,
    file: PathBuf,
    rules: Mutex<BTreeSet<u64>>,
    /// Everything that was printed.
    said: Mutex<String>,
    /// Every password that there ever was.
    passwords: Mutex<BTreeSet<String>>,
}

/// A question to the daemon, by whoever has its token.
fn ask<T>(question: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(question)
}

impl<'c> Account<'c> {
    pub(super) fn new(cloud: &'c Cloud) -> Self {
        let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
        let stack = format!("case{number}");
        let (id, file) = (format!("{:012}", 100_000_000_000 + number), cloud.folder().join(format!("{stack}.yaml")));
        let (rules, said, passwords) = (Mutex::default(), Mutex::default(), Mutex::default());
        let account = Self { cloud, id, stack, file, rules, said, passwords };
        account.program("");
        account
    }

    /// Writes the description; `text` is all but the stack's name.
    pub(super) fn describe(&self, text: &str) {
        std::fs::write(&self.file, format!("stack: {}\nregion: {REGION}\n{text}", self.stack))
            .expect("the folder can be written");
    }

    /// Writes the program of the account's function; another comment makes another one.
    pub(super) fn program(&self, comment: &str) {
        self.cloud.program(&format!("{}.bootstrap", self.stack), comment);
    }

    fn data(&self) -> PathBuf {
        self.cloud.folder().join("local")
    }

    /// The command line of a verb on the stack.
    fn command(&self, verb: &str, more: &[&str]) -> (Vec<String>, Command) {
        // What this command takes away is not to be printed either.
        self.remember_passwords();
        let file = self.file.display().to_string();
        let arguments = [&[verb, "--endpoint-url", &self.cloud.url, &file], more].concat();
        let mut command = self.cloud.command(&arguments);
        command.env("AWS_ACCESS_KEY_ID", &self.id).env("AWS_SECRET_ACCESS_KEY", "any").env("AWS_REGION", REGION);
        command.env("PGSSLROOTCERT", self.data().join("ca.pem"));
        command.env("INFRA_LAMBDA_BINARY", self.file.with_extension("bootstrap"));
        (arguments.iter().map(|&argument| argument.to_owned()).collect(), command)
    }

    /// Runs a verb on the stack to its end, which must come in time.
    pub(super) fn run(&self, verb: &str, more: &[&str]) -> Run {
        let (arguments, mut command) = self.command(verb, more);
        let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = self.output();
        let child = command.stdout(output.0).stderr(output.1).spawn().expect("the binary runs");
        let run = self.ended(&names, child);
        self.said.lock().expect("no panic").push_str(&format!("{}\n{}\n", run.stdout(), run.stderr()));
        run
    }

    fn output(&self) -> (File, File) {
        let file = |end: &str| File::create(self.file.with_extension(end)).expect("the folder can be written");
        (file("out"), file("err"))
    }

    fn ended(&self, arguments: &[&str], mut child: Child) -> Run {
        let begun = Instant::now();
        let status = loop {
            match child.try_wait().expect("the child is ours") {
                Some(status) => break status,
                None if begun.elapsed() > PATIENCE => {
                    let _ = child.kill();
                    let _ = child.wait();
                    panic!("`infra {}` did not end within {PATIENCE:?}: {}", arguments.join(" "), self.last_words());
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        let read = |end: &str| std::fs::read(self.file.with_extension(end)).unwrap_or_default();
        Run::ended(arguments, std::process::Output { status, stdout: read("out"), stderr: read("err") })
    }

    fn last_words(&self) -> String {
        let read = |end: &str| std::fs::read_to_string(self.file.with_extension(end)).unwrap_or_default();
        format!("{}\n{}", read("out"), read("err"))
    }

    /// Runs a verb and kills it as soon as a call is held by `rule`; none where it ended without such a call.
    pub(super) fn kill_at(&self, rule: u64, verb: &str, more: &[&str]) -> Option<Run> {
        let (arguments, mut command) = self.command(verb, more);
        let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = self.output();
        let mut child = command.stdout(output.0).stderr(output.1).spawn().expect("the binary runs");
        let begun = Instant::now();
        if !self.comes_to(rule, &mut child) {
            return Some(self.ended(&names, child));
        }
        child.kill().expect("the child is ours");
        child.wait().expect("the child is ours");
        self.said.lock().expect("no panic").push_str(&self.last_words());
        // The cloud has to have seen that the client is gone before anything is released: the call would be executed.
        while !self.held(rule, 0).is_empty() {
            assert!(begun.elapsed() < PATIENCE, "the cloud goes on waiting for a client that is gone");
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Runs a verb until a call is held by `rule`, does `then`, lets the call go, and awaits the end.
    pub(super) fn run_with(&self, rule: u64, verb: &str, more: &[&str], then: impl FnOnce(&Child)) -> Run {
        let (arguments, mut command) = self.command(verb, more);
        let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = self.output();
        let mut child = command.stdout(output.0).stderr(output.1).spawn().expect("the binary runs");
        assert!(self.comes_to(rule, &mut child), "the call was not made: {}", self.last_words());
        then(&child);
        self.withdraw(rule);
        let run = self.ended(&names, child);
        self.said.lock().expect("no panic").push_str(&self.last_words());
        run
    }

    /// Waits until a call is held by `rule`; false where the run ends without one.
    fn comes_to(&self, rule: u64, child: &mut Child) -> bool {
        let begun = Instant::now();
        loop {
            if !self.held(rule, 200).is_empty() {
                return true;
            }
            if child.try_wait().expect("the child is ours").is_some() || begun.elapsed() > PATIENCE {
                return false;
            }
        }
    }

    /// Takes one rule out of force, and lets go what it holds.
    pub(super) fn withdraw(&self, rule: u64) {
        self.rules.lock().expect("no panic").remove(&rule);
        ask(client::post(&self.data(), &format!("faults/clear?id={rule}"))).expect("the daemon answers");
    }

    /// Runs a verb and kills it after a while; its exit code where it had ended by then.
    pub(super) fn kill_after(&self, after: Duration, verb: &str, more: &[&str]) -> Option<i32> {
        let (_, mut command) = self.command(verb, more);
        let output = self.output();
        let mut child = command.stdout(output.0).stderr(output.1).spawn().expect("the binary runs");
        let begun = Instant::now();
        while begun.elapsed() < after && child.try_wait().expect("the child is ours").is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        // One that has ended cannot be killed, and says how it ended.
        let _ = child.kill();
        let status = child.wait().expect("the child is ours");
        self.said.lock().expect("no panic").push_str(&self.last_words());
        status.code()
    }

    fn held(&self, rule: u64, wait: u64) -> Vec<Value> {
        let held = ask(client::get(&self.data(), &format!("faults/held?wait={wait}&rule={rule}")));
        held.expect("the daemon answers").as_array().cloned().unwrap_or_default()
    }

    /// Puts a rule in force for this account; its number.
    pub(super) fn fault(&self, mut rule: Value) -> u64 {
        rule["account"] = json!(self.id);
        let answer = ask(client::send(&self.data(), "faults", &rule)).unwrap_or_else(|error| panic!("{rule}: {error}"));
        let id = answer["id"].as_u64().expect("a rule has a number");
        self.rules.lock().expect("no panic").insert(id);
        id
    }

    /// Takes all rules of this account out of force; how often each struck.
    pub(super) fn clear(&self) -> Vec<u64> {
        let rules = std::mem::take(&mut *self.rules.lock().expect("no panic"));
        let all = ask(client::get(&self.data(), "faults")).expect("the daemon answers");
        let hits = |id: u64| all.as_array()?.iter().find(|rule| rule["id"] == id)?["hits"].as_u64();
        let struck = rules.iter().filter_map(|&id| hits(id)).collect();
        for id in rules {
            self.end_rule(id);
        }
        struck
    }

    fn end_rule(&self, id: u64) {
        self.rules.lock().expect("no panic").remove(&id);
        ask(client::post(&self.data(), &format!("faults/clear?id={id}"))).expect("the daemon answers");
    }

    /// Everything that exists in the account, in words that are the same for every account and run.
    pub(super) fn inventory(&self) -> Vec<String> {
        let all = ask(client::get(&self.data(), "inventory")).expect("the daemon answers");
        let own = all.as_array().into_iter().flatten().filter(|item| item["account"] == self.id.as_str());
        let mut items: Vec<String> = own.map(|item| self.told(item)).collect();
        items.sort();
        items
    }

    fn told(&self, item: &Value) -> String {
        let text = |name: &str| item[name].as_str().unwrap_or_default().replace(&self.stack, "STACK");
        let tag = |name: &str| item["tags"][name].as_str().unwrap_or("-").replace(&self.stack, "STACK");
        let kind = text("kind");
        // A connector is named by a hash of ids, a final snapshot by the second; a secret by its name and a random end.
        let name = match kind.as_str() {
            "vpc-connector" | "db-cluster-snapshot" => String::new(),
            _ => text("name"),
        };
        let marked = if item["tags"]["infra:fingerprint"].is_string() { "with" } else { "without" };
        format!(
            "{} {kind} {name} {} stack={} address={} {marked} fingerprint",
            text("service"),
            text("state"),
            tag("infra:stack"),
            tag("infra:address")
        )
    }

    /// The ways into the databases, proxies first, with their passwords.
    pub(super) fn databases(&self) -> Vec<Value> {
        let all = ask(client::get(&self.data(), "databases")).expect("the daemon answers");
        let own = all.as_array().into_iter().flatten().filter(|one| one["account"] == self.id.as_str());
        own.cloned().collect()
    }

    /// What psql says through the stack's proxy, or to the cluster where there is none.
    pub(super) fn psql(&self, sql: &str) -> String {
        self.cloud.psql(&self.stack, sql)
    }

    /// Everything printed so far.
    pub(super) fn said(&self) -> String {
        self.said.lock().expect("no panic").clone()
    }

    /// There is one password: the secret's, which the proxy and the cluster both take; and nothing that was printed holds it.
    pub(super) fn check_password(&self) {
        let databases = self.databases();
        let passwords: BTreeSet<&str> = databases.iter().filter_map(|one| one["password"].as_str()).collect();
        assert!(passwords.len() < 2, "secret, proxy and cluster have {} passwords", passwords.len());
        if databases.iter().any(|one| one["proxy_name"].is_string()) {
            assert_eq!(self.psql("select 1"), "1");
        }
        self.check_secrecy();
    }

    fn remember_passwords(&self) {
        let databases = self.databases();
        let now = databases.iter().filter_map(|one| one["password"].as_str()).map(str::to_owned);
        self.passwords.lock().expect("no panic").extend(now);
    }

    /// Nothing that was printed holds a password that there is or was.
    pub(super) fn check_secrecy(&self) {
        self.remember_passwords();
        let said = self.said();
        for password in self.passwords.lock().expect("no panic").iter() {
            assert!(password.len() > 20 && !said.contains(password), "a password was printed");
        }
    }

    /// Runs a diff, which may find and fail at what it will, and changes nothing.
    pub(super) fn look(&self, more: &[&str]) -> Run {
        let watches = CHANGING.map(|call| {
            let refuse = json!({"refuse": {"code": "AccessDenied", "status": 403}});
            self.fault(json!({"call": call, "only": "changing", "effect": refuse}))
        });
        let run = self.run("diff", more);
        let all = ask(client::get(&self.data(), "faults")).expect("the daemon answers");
        for watch in watches {
            let rule =
                all.as_array().and_then(|all| all.iter().find(|rule| rule["id"] == watch)).expect("it is in force");
            assert_eq!(rule["met"], 0, "a diff called something that changes something: {}", rule["call"]);
            self.end_rule(watch);
        }
        run
    }

    /// The description is what is there, and looking at that changes nothing.
    pub(super) fn check_converged(&self) {
        self.look(&["--exit-code", "--json"]).succeeds();
    }

    /// Removes what the account left in the folder.
    pub(super) fn forget(&self) {
        for end in ["yaml", "out", "err", "bootstrap"] {
            let _ = std::fs::remove_file(self.file.with_extension(end));
        }
    }

    /// The daemon's log of this account, for those who look into a failure.
    pub(super) fn log(&self) -> String {
        let log = std::fs::read_to_string(client::log_file(&self.data()).expect("it runs")).unwrap_or_default();
        let own = log.lines().filter(|line| {
            line.contains(&self.id) && !line.contains(" Describe") && !line.contains(" List") && !line.contains(" Get")
        });
        own.collect::<Vec<_>>().join("\n")
    }
}
