//! What users see, word for word: help, plans, refusals, errors. What differs from run to run is filtered out.

use std::process::Stdio;

use crate::{
    binary::{Cloud, Run},
    migrate::shapes::hold,
};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/stack.example.yaml");

/// What differs from run to run, and what is shown in its place.
const FILTERS: &[(&str, &str)] = &[
    // Progress without a terminal: in which order things are done is not fixed. Failures are kept.
    (r"(?m)^\d\d:\d\d:\d\d [^✗\n]*\n", ""),
    (r"(?m)^\d\d:\d\d:\d\d ✗", "HH:MM:SS ✗"),
    (r"(?m)^Slowest: .*\n", ""),
    (r"\b(after|in) \d+(\.\d)? s\b", "$1 N s"),
    (r"\b(vpc|subnet|igw|eipalloc|nat|rtb|sg|vpce)-[0-9a-f]{17}\b", "$1-…"),
    (r"http://127\.0\.0\.1:\d\d+", "http://LOCAL"),
    (r"\b127\.(\d+\.){2}\d+(?:\b|$)", "127.…"),
    (r"\b(3|5)\d?\.\d+\.\d+\.\d+\b", "PUBLIC IP"),
    (r"(secret:[a-z-]+)-[A-Za-z0-9]{6}\b", "$1-XXXXXX"),
    (r"\b[0-9a-f]{32}\b", "HASH"),
    (r"-final-\d{8}-\d{6}\b", "-final-TIME"),
    // Whether it is depends on what else runs on this machine.
    (r"Port 8080 was taken on this machine, so the service listens on \d+\.\n", ""),
    // A connector is named by what it is attached to, whose ids are new every time.
    (r"vpcconnector/example-connector-[0-9a-f]{8}/", "vpcconnector/example-connector-HASH/"),
    (r"https://[a-z0-9]{10}\.", "https://SERVICE."),
    (r"http://localhost:\d+", "http://SERVICE"),
    (r"(?m)^pid        \d+$", "pid        N"),
    (r"process \d+ on \S+\)", "process N on HOST)"),
    (r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "since YYYY-MM-DD HH:MM:SS"),
    (r"/\S*/stack\.example\.yaml", "stack.example.yaml"),
    (r"(?:/[^/\s]+)+/\.tmp\w+", "FOLDER"),
    (r", request [0-9a-f-]{36}", ", request ID"),
];

/// Compares a run with the snapshot `name`: the command, what it says, how it ends.
#[track_caller]
fn screen(name: &str, arguments: &[&str], run: &Run) {
    let (stdout, stderr) = (run.stdout(), run.stderr());
    let mut text = format!("$ infra {}\n{stdout}", arguments.join(" "));
    if !stderr.trim().is_empty() {
        text.push_str("--- standard error\n");
        text.push_str(&stderr);
    }
    text.push_str(&format!("--- exit code {}\n", run.code().map_or("none".to_owned(), |code| code.to_string())));
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    for (pattern, shown) in FILTERS {
        settings.add_filter(pattern, *shown);
    }
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Runs and compares, without the plan's attributes, which other screens show.
#[track_caller]
fn ends(cloud: &Cloud, name: &str, arguments: &[&str]) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"(?m)^      \S.*\n", "");
    settings.bind(|| shows(cloud, name, arguments));
}

/// Runs and compares.
#[track_caller]
fn shows(cloud: &Cloud, name: &str, arguments: &[&str]) {
    screen(name, arguments, &cloud.infra(arguments));
}

/// A cloud with the example deployed to it.
fn deployed() -> Cloud {
    let cloud = Cloud::start();
    cloud.infra(&["deploy", "--local", "--yes", EXAMPLE]).succeeds();
    cloud
}

#[test]
fn help_of_every_verb() {
    let nowhere = Cloud::absent();
    let verbs = [
        "diff",
        "deploy",
        "destroy",
        "status",
        "outputs",
        "validate",
        "schema",
        "graph",
        "migrate",
        "migrate apply",
        "migrate status",
        "migrate verify",
        "migrate repair",
        "migrate baseline",
        "migrate lint",
        "migrate new",
        "migrate unlock",
        "local",
        "local start",
        "local stop",
        "local status",
        "local reset",
        "local calls",
        "local inventory",
        "local fault",
        "local fault refuse",
        "local fault held",
        "local logs",
        "local env",
        "local psql",
        "import",
        "iam-policy",
        "unlock",
        "completions",
    ];
    shows(&nowhere, "help", &["--help"]);
    for verb in verbs {
        let arguments: Vec<&str> = verb.split(' ').chain(["--help"]).collect();
        shows(&nowhere, &format!("help {verb}").replace(' ', "-"), &arguments);
    }
}

#[test]
fn what_needs_no_cloud() {
    let nowhere = Cloud::absent();
    nowhere.write("good.yaml", "stack: shop\ndatabase: {}\nproxy: {}\n");
    nowhere
        .write("bad.yaml", "stack: Shop\nnetwork:\n  zones: 4\n  nats: one\ndatabase:\n  capacity: {min: 8, max: 2}\n");
    shows(&nowhere, "validate-good", &["validate", "good.yaml"]);
    shows(&nowhere, "validate-bad", &["validate", "bad.yaml"]);
    shows(&nowhere, "validate-bad-json", &["validate", "--json", "bad.yaml"]);
    let migrations = "stack: shop\ndatabase: {}\nproxy: {}\nmigrations: {folder: drizzle}\n";
    nowhere.write("migrations.yaml", migrations);
    shows(&nowhere, "validate-no-migrations", &["validate", "migrations.yaml"]);
    folder(&nowhere, &["0000_good", "0001_gone", "0002_latin"]);
    nowhere.write("drizzle/0000_good.sql", "SELECT 1;");
    std::fs::write(nowhere.folder().join("drizzle/0002_latin.sql"), b"-- caf\xe9").expect("a file");
    shows(&nowhere, "validate-migrations", &["validate", "migrations.yaml"]);
    shows(&nowhere, "validate-migrations-json", &["validate", "--json", "migrations.yaml"]);
    nowhere.write("drizzle/meta/_journal.json", "{\n  \"entries\": [\n<<<<<<< HEAD\n");
    shows(&nowhere, "validate-conflict", &["validate", "migrations.yaml"]);
    shows(&nowhere, "graph", &["graph", "good.yaml"]);
    shows(&nowhere, "graph-dot", &["graph", "good.yaml", "--format", "dot"]);
    shows(&nowhere, "unknown-verb", &["depoly"]);
    shows(&nowhere, "unknown-option", &["deploy", "--lokal"]);
    shows(&nowhere, "bad-address", &["deploy", "--allow-delete", "database"]);
    shows(&nowhere, "local-status-none", &["local", "status"]);
    shows(&nowhere, "local-stop-none", &["local", "stop"]);
    shows(&nowhere, "local-psql-none", &["local", "psql"]);
    let schema = nowhere.infra(&["schema"]).succeeds().json();
    let keys = |value: &serde_json::Value| value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>());
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_debug_snapshot!("schema-keys", (keys(&schema), keys(&schema["properties"])));
    });
    let completions = nowhere.infra(&["completions", "bash"]).succeeds().stdout();
    assert!(completions.contains("destroy") && completions.lines().count() > 100, "{completions}");
}

/// Who asks a local cloud that was stopped is told what starts it again; what is told `--local` does so itself, and says it.
#[test]
fn a_stopped_local_cloud() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    cloud.call("ec2", "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16");
    cloud.infra(&["local", "stop"]).succeeds();
    shows(&cloud, "local-psql-stopped", &["local", "psql"]);
    for verb in
        [&["env"][..], &["calls"], &["inventory"], &["logs", "--events"], &["reset", "--empty"], &["fault", "list"]]
    {
        let told = cloud.infra(&[&["local"], verb].concat()).ends_with(1).stderr();
        assert!(told.contains(" is not running; everything in it is kept. `infra local start` starts it"), "{told}");
    }
    let told = cloud.infra(&["status", "--local"]).succeeds().stderr();
    assert!(told.starts_with("Started the local cloud, at http://"), "{told}");
    let elsewhere = Cloud::absent();
    elsewhere.write("stack.yaml", "stack: shop\n");
    let told = elsewhere.infra(&["status", "--local"]).succeeds().stderr();
    assert!(told.starts_with(&format!("Started a new local cloud in {}", elsewhere.folder().display())), "{told}");
}

#[test]
fn a_new_stack() {
    let cloud = Cloud::start();
    shows(&cloud, "diff-fresh", &["diff", "--local", EXAMPLE]);
    shows(&cloud, "diff-fresh-json", &["diff", "--local", "--json", EXAMPLE]);
    cloud.write("small.yaml", "stack: small\n");
    shows(&cloud, "diff-exit-code", &["diff", "--local", "--exit-code", "small.yaml"]);
    ends(&cloud, "deploy-no-terminal", &["deploy", "--local", EXAMPLE]);
    shows(&cloud, "status-nothing", &["status", "--local", EXAMPLE]);
    shows(&cloud, "outputs-nothing", &["outputs", "--local", EXAMPLE]);
    shows(&cloud, "destroy-nothing", &["destroy", "--local", "--yes", EXAMPLE]);
    shows(&cloud, "unlock-nothing", &["unlock", "--local", EXAMPLE]);
    ends(&cloud, "deploy", &["deploy", "--local", "--yes", EXAMPLE]);
}

#[test]
fn a_deployed_stack() {
    let cloud = deployed();
    let change =
        ["--set", "database.capacity.max=8", "--set", "service.scaling.max=10", "--set", "network.nat=per-zone"];
    shows(&cloud, "deploy-again", &["deploy", "--local", "--yes", EXAMPLE]);
    shows(&cloud, "diff-same", &["diff", "--local", EXAMPLE]);
    shows(&cloud, "diff-changed", &[&["diff", "--local", EXAMPLE], &change[..]].concat());
    shows(&cloud, "diff-changed-json", &[&["diff", "--local", "--json", EXAMPLE], &change[..]].concat());
    shows(&cloud, "diff-replaces-data", &["diff", "--local", EXAMPLE, "--set", "database.name=other"]);
    shows(&cloud, "deploy-replaces-data", &["deploy", "--local", "--yes", EXAMPLE, "--set", "database.name=other"]);
    shows(&cloud, "status", &["status", "--local", EXAMPLE]);
    let nowhere = ["--local", EXAMPLE, "--set", "migrations.folder=nowhere"];
    for verb in ["status", "outputs"] {
        cloud.infra(&[&[verb][..], &nowhere].concat()).succeeds();
    }
    shows(&cloud, "local-status", &["local", "status"]);
    hold("infra local status", &[cloud.infra(&["local", "status", "--json"]).succeeds().json()]);
    shows(&cloud, "outputs", &["outputs", "--local", EXAMPLE]);
    shows(&cloud, "outputs-env", &["outputs", "--local", "--env", EXAMPLE]);
    shows(&cloud, "outputs-json", &["outputs", "--local", "--json", EXAMPLE]);
    shows(&cloud, "destroy-protected", &["destroy", "--local", "--yes", EXAMPLE]);
    shows(&cloud, "destroy-no-terminal", &["destroy", "--local", "--allow-delete", "cluster/database", EXAMPLE]);
    let named = ["--allow-delete", "cluster/database", "--allow-delete", "secret/database"];
    shows(&cloud, "destroy", &[&["destroy", "--local", "--yes", EXAMPLE], &named[..]].concat());
}

#[test]
fn a_stack_that_was_changed_behind_its_back() {
    let cloud = deployed();
    let inventory = cloud.inventory();
    let vpc = inventory.iter().find(|item| item["kind"] == "vpc").and_then(|vpc| vpc["id"].as_str()).expect("a VPC");
    let dns = format!("Action=ModifyVpcAttribute&Version=2016-11-15&VpcId={vpc}&EnableDnsHostnames.Value=false");
    cloud.call("ec2", &dns);
    let backups = "Action=ModifyDBCluster&Version=2014-10-31&DBClusterIdentifier=example-database&\
                   BackupRetentionPeriod=1&ApplyImmediately=true";
    cloud.call("rds", backups);
    shows(&cloud, "diff-drifted", &["diff", "--local", EXAMPLE]);
    shows(&cloud, "diff-drifted-json", &["diff", "--local", "--json", EXAMPLE]);
    cloud.infra(&["deploy", "--local", "--yes", EXAMPLE]).succeeds();
    shows(&cloud, "diff-mended", &["diff", "--local", EXAMPLE]);
}

#[test]
fn descriptions_that_cannot_be_used() {
    let cloud = Cloud::start();
    shows(&cloud, "deploy-no-description", &["deploy", "--local", "--yes"]);
    cloud.write("bad.yaml", "stack: shop\nservice:\n  image: nginx\n");
    shows(&cloud, "deploy-bad-description", &["deploy", "--local", "--yes", "bad.yaml"]);
    cloud.write("account.yaml", "stack: shop\naccount: \"999999999999\"\n");
    shows(&cloud, "deploy-wrong-account", &["deploy", "--local", "--yes", "account.yaml"]);
    cloud.write("folder.yaml", "stack: shop\ndatabase: {}\nproxy: {}\nmigrations: {folder: nowhere}\n");
    shows(&cloud, "deploy-no-migrations", &["deploy", "--local", "--yes", "folder.yaml"]);
}

#[test]
fn a_broken_migration() {
    let cloud = Cloud::start();
    folder(&cloud, &["0000_bad"]);
    cloud.write("drizzle/0000_bad.sql", "CREATE TABLE bad (\n  id int,\n  other nonsense\n);\n");
    let description = "stack: shop\ndatabase: {}\nproxy: {}\nmigrations: {folder: drizzle}\n";
    cloud.write("stack.yaml", &format!("{description}service: {{image: public.ecr.aws/x/y:1}}\n"));
    ends(&cloud, "deploy-broken-migration", &["deploy", "--local", "--yes"]);
}

/// A folder of migrations without its files.
fn folder(cloud: &Cloud, tags: &[&str]) {
    let entry = |(idx, tag): (usize, &&str)| {
        let when = 1_700_000_000_000_u64 + 1000 * idx as u64;
        serde_json::json!({"idx": idx, "version": "7", "when": when, "tag": tag, "breakpoints": true})
    };
    let entries: Vec<serde_json::Value> = tags.iter().enumerate().map(entry).collect();
    let journal = serde_json::json!({"version": "7", "dialect": "postgresql", "entries": entries});
    std::fs::create_dir_all(cloud.folder().join("drizzle/meta")).expect("a folder");
    cloud.write("drizzle/meta/_journal.json", &journal.to_string());
}

/// What the migrator would refuse at the end is said before anything is begun, with the command that lets it through.
#[test]
fn refused_migrations() {
    let cloud = Cloud::start();
    let deploy = &["deploy", "--local", "--yes"][..];
    cloud.write("stack.yaml", "stack: shop\ndatabase: {}\nproxy: {}\nmigrations: {folder: drizzle}\n");
    folder(&cloud, &["0000_a", "0001_b"]);
    cloud.write("drizzle/0000_a.sql", "CREATE TABLE a (id int);");
    cloud.write("drizzle/0001_b.sql", "CREATE TABLE b (id int);");
    let stray = cloud.write("drizzle/0002_stray.sql", "CREATE TABLE c (id int);");
    ends(&cloud, "deploy-stray", deploy);
    assert_eq!(cloud.inventory(), Vec::<serde_json::Value>::new());
    std::fs::remove_file(stray).expect("the file is there");
    cloud.infra(deploy).succeeds();

    cloud.write("drizzle/0000_a.sql", "CREATE TABLE a (id bigint);");
    shows(&cloud, "diff-edited", &["diff", "--local"]);
    ends(&cloud, "deploy-edited", deploy);
    cloud.infra(&["migrate", "apply", "--stack", "stack.yaml", "--local", "--accept-edited"]).succeeds();
    cloud.infra(&["diff", "--local", "--exit-code"]).succeeds();

    // An older folder, as a service's that is rolled back, is nothing to refuse: there is nothing to apply.
    folder(&cloud, &["0000_a"]);
    std::fs::remove_file(cloud.folder().join("drizzle/0001_b.sql")).expect("the file is there");
    cloud.infra(&["diff", "--local", "--exit-code"]).succeeds();
    cloud.infra(deploy).succeeds();
    folder(&cloud, &["0000_a", "0001_other"]);
    cloud.write("drizzle/0001_other.sql", "CREATE TABLE other (id int);");
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("0001_other was edited after it was applied"), "{diff}");
}

/// What is the matter with several of them is told once, with the command that lets all of them through.
#[test]
fn several_refused_migrations() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {}\nproxy: {}\nmigrations: {folder: drizzle}\n");
    let late = ["0000_a", "0001_b", "0002_c"];
    let write = |tags: &[&str]| {
        for tag in tags {
            let (_, table) = tag.split_once('_').expect("a number and a name");
            cloud.write(&format!("drizzle/{tag}.sql"), &format!("CREATE TABLE {table} (id int);"));
        }
    };
    folder(&cloud, &[&late[..], &["0003_d"]].concat());
    let journal = std::fs::read_to_string(cloud.folder().join("drizzle/meta/_journal.json")).expect("a journal");
    let mut last: serde_json::Value = serde_json::from_str(&journal).expect("JSON");
    last["entries"].as_array_mut().expect("entries").drain(..3);
    cloud.write("drizzle/meta/_journal.json", &last.to_string());
    write(&["0003_d"]);
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud.write("drizzle/meta/_journal.json", &journal);
    write(&late);
    shows(&cloud, "diff-late", &["diff", "--local"]);
    shows(&cloud, "deploy-late", &["deploy", "--local", "--yes"]);
    let apply = ["migrate", "apply", "--stack", "stack.yaml", "--local", "--allow-out-of-order"];
    cloud.infra(&apply).succeeds();
    cloud.infra(&["diff", "--local", "--exit-code"]).succeeds();
}

#[test]
fn clouds_that_cannot_be_used() {
    let nowhere = Cloud::absent();
    nowhere.write("stack.yaml", "stack: shop\n");
    nowhere.write("region.yaml", "stack: shop\nregion: eu-central-1\n");
    let without = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = nowhere.command(arguments);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.env("HOME", nowhere.folder()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(variables.iter().copied());
        Run::of(arguments, &mut command)
    };
    let plain: &[&str] = &["diff"];
    screen("no-region", plain, &without(plain, &[]));
    let region: &[&str] = &["diff", "region.yaml"];
    screen("no-credentials", region, &without(region, &[]));
    let profile: &[&str] = &["diff", "region.yaml"];
    screen("no-such-profile", profile, &without(profile, &[("AWS_PROFILE", "nobody")]));
    let keys = [("AWS_ACCESS_KEY_ID", "111122223333"), ("AWS_SECRET_ACCESS_KEY", "any")];
    let closed: &[&str] = &["diff", "region.yaml", "--endpoint-url", "http://127.0.0.1:1"];
    screen("unreachable", closed, &without(closed, &keys));
}

#[test]
fn a_held_lock_and_an_interruption() {
    // Slow enough that the first deploy is still at work when the second one comes.
    let cloud = Cloud::paced("10");
    cloud.write("stack.yaml", "stack: shop\n");
    let first = &["deploy", "--local", "--yes"][..];
    let mut command = cloud.command(first);
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let begun = std::time::Instant::now();
    while !cloud.inventory().iter().any(|item| item["kind"] == "nat-gateway") {
        assert!(begun.elapsed().as_secs() < 60, "the first deploy does not get to its NAT gateway");
    }
    shows(&cloud, "deploy-locked", first);
    shows(&cloud, "status-locked", &["status", "--local"]);
    let process = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(process, rustix::process::Signal::INT).expect("the first deploy can be signalled");
    let run = Run::ended(first, running.wait_with_output().expect("the first deploy ends"));
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"(?m)^      \S.*\n", "");
    settings.bind(|| screen("deploy-interrupted", first, &run));
    cloud.infra(first).succeeds();
}
