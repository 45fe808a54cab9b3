//! How a local cloud is found again, and `infra` pointed at it: what was chosen at its start, regions, profiles, endpoints.

use std::net::TcpListener;

use crate::binary::{Cloud, Run};

#[test]
fn port_and_pace_stay_as_they_were_chosen_whoever_starts_it_again() {
    let cloud = Cloud::absent();
    cloud.write("stack.yaml", "stack: shop\n");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let port = free.port().to_string();
    let stands = |pace: &str| {
        let status = cloud.infra(&["local", "status", "--json"]).succeeds().json();
        assert_eq!(status["endpoint"], format!("http://127.0.0.1:{port}"));
        assert_eq!(status["pace"], pace);
        cloud.infra(&["local", "stop"]).succeeds();
    };
    cloud.infra(&["local", "start", "--port", &port, "--pace", "50"]).succeeds();
    stands("50");
    cloud.infra(&["diff", "--local"]).succeeds();
    stands("50");
    cloud.infra(&["local", "start", "--pace", "instant"]).succeeds();
    stands("instant");
    cloud.infra(&["local", "start"]).succeeds();
    stands("instant");
}

#[test]
fn a_profiles_region_counts_for_the_local_cloud_too() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    let config = cloud.write("config", "[profile work]\nregion = eu-west-3\n");
    let region = |variables: &[(&str, &str)]| {
        let status = ["status", "--local", "--json"];
        let mut command = cloud.command(&status);
        command.env("AWS_CONFIG_FILE", &config).envs(variables.iter().copied());
        Run::of(&status, &mut command).succeeds().json()["region"].as_str().expect("a region").to_owned()
    };
    assert_eq!(region(&[]), "us-east-1");
    assert_eq!(region(&[("AWS_PROFILE", "work")]), "eu-west-3");
    assert_eq!(region(&[("AWS_PROFILE", "work"), ("AWS_REGION", "sa-east-1")]), "sa-east-1");
}

#[test]
fn a_shell_is_led_to_the_local_cloud_and_back() {
    let cloud = Cloud::start();
    let plain = cloud.infra(&["local", "env"]).succeeds();
    let lines = format!(
        "AWS_ENDPOINT_URL={}\nAWS_ACCESS_KEY_ID=000000000000\nAWS_SECRET_ACCESS_KEY=local\nAWS_REGION=us-east-1\n\
         AWS_DEFAULT_REGION=us-east-1\n",
        cloud.url
    );
    assert_eq!(plain.stdout(), lines);
    assert!(plain.told().contains("Only the variables for AWS tools are printed."), "{}", plain.told());
    // Whoever names a stack wants its database.
    assert!(cloud.infra(&["local", "env", "--stack", "shop"]).ends_with(1).stdout().is_empty());

    // A shell that evaluates what it is given is told so too, and goes no further with the user's own.
    let gone = cloud.infra(&["local", "env", "--stack", "shop", "--shell", "bash"]).ends_with(1);
    assert_eq!(gone.stdout(), "false\n");
    let by = |shell: &str| {
        let asked = ["local", "env", "--shell"];
        Run::of(&asked, cloud.command(&asked).env("SHELL", shell))
    };
    assert_eq!(by("/usr/bin/tcsh").ends_with(1).stdout(), "false\n");
    assert!(by("/bin/dash").succeeds().stdout().contains("export AWS_ENDPOINT_URL="));

    // The user's own are out of the way meanwhile, whatever overlooks the endpoint, and then back.
    cloud.write("stack.yaml", "stack: shop\n");
    let script = "eval \"$(\"$INFRA\" local env --shell bash)\" && \"$INFRA\" diff && echo \"$AWS_ACCESS_KEY_ID $AWS_PROFILE\" && \
                  eval \"$(\"$INFRA\" local env --unset)\" && echo \"$AWS_ACCESS_KEY_ID $AWS_PROFILE $AWS_ENDPOINT_URL\"";
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", script]).current_dir(cloud.folder()).env("INFRA", env!("CARGO_BIN_EXE_infra"));
    shell
        .env("INFRA_LOCAL_DATA", cloud.folder().join("local"))
        .env("SHELL", "/bin/bash")
        .env_remove("AWS_ENDPOINT_URL");
    shell.env("AWS_ACCESS_KEY_ID", "mine").env("AWS_PROFILE", "nobody");
    let run = Run::ended(&["local", "env", "--shell"], shell.output().expect("bash runs"));
    let said = run.succeeds().stdout();
    assert!(said.contains("vpc/main") && said.ends_with("\n000000000000 \nmine nobody \n"), "{said}");
}

#[test]
fn of_several_databases_none_keeps_a_shell_from_the_local_cloud() {
    let cloud = Cloud::start();
    for stack in ["one", "two"] {
        cloud.write("stack.yaml", &format!("stack: {stack}\nregion: us-east-1\ndatabase: {{}}\n"));
        cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    }
    let several = "There are several databases. Choose one with --stack or --cluster: one-database, two-database.";
    // A file without the database would be taken for one with it.
    let file = cloud.infra(&["local", "env"]).ends_with(1);
    assert_eq!((file.stdout(), file.told().trim()), (String::new(), several));
    let shell = cloud.infra(&["local", "env", "--shell", "bash"]).succeeds();
    assert!(shell.stdout().contains(&format!("export AWS_ENDPOINT_URL='{}'", cloud.url)), "{}", shell.stdout());
    assert!(!shell.stdout().contains("DB_HOST"), "{}", shell.stdout());
    assert!(
        shell.told().contains(&format!("{several} Only the variables for AWS tools are printed.")),
        "{}",
        shell.told()
    );
    let one = cloud.infra(&["local", "env", "--shell", "bash", "--stack", "two"]).succeeds();
    assert!(one.stdout().contains("export DB_HOST="), "{}", one.stdout());

    // All that two stacks have left there is the local cloud's.
    let told = cloud.infra(&["local", "reset", "--everything", "--yes"]).succeeds().stdout();
    assert_eq!(told, "The local cloud and everything in it have been deleted.\n");
    assert!(!cloud.folder().join("local").exists());
    let told = cloud.infra(&["local", "reset", "--everything", "--yes"]).succeeds().stdout();
    assert!(told.starts_with("There is no local cloud in ") && told.ends_with("; nothing was deleted.\n"), "{told}");
}

#[test]
fn an_endpoint_is_enough_to_reach_the_database_behind_it() {
    let cloud = Cloud::start();
    cloud.write(
        "stack.yaml",
        "stack: shop\nregion: us-east-1\ndatabase: {protect: false}\nproxy: {}\nmigrations: {folder: drizzle}\n",
    );
    std::fs::create_dir_all(cloud.folder().join("drizzle/meta")).expect("a folder");
    cloud.write("drizzle/meta/_journal.json", r#"{"version": "7", "dialect": "postgresql", "entries": []}"#);
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let status = ["migrate", "status", "--stack", "stack.yaml"];
    let mut by_variable = cloud.through(&cloud.url, &status);
    Run::of(&status, by_variable.env_remove("PGSSLROOTCERT")).succeeds();
    let config = cloud.write("config", &format!("[profile here]\nendpoint_url = {}\n", cloud.url));
    let mut by_profile = cloud.through(&cloud.url, &status);
    by_profile.env_remove("PGSSLROOTCERT").env_remove("AWS_ENDPOINT_URL");
    Run::of(&status, by_profile.env("AWS_CONFIG_FILE", config).env("AWS_PROFILE", "here")).succeeds();
}

#[test]
fn a_destruction_that_nobody_can_be_asked_about_says_at_once_all_that_has_to_be_named() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {}\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let told = cloud.infra(&["destroy", "--local"]);
    assert_ne!(told.code(), Some(0));
    let told = told.told();
    for part in [
        "add `--yes`",
        "--allow-delete cluster/database",
        "--allow-delete secret/database",
        "It holds data and would be deleted: shop-database. The deletion protection",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let named = ["--allow-delete", "cluster/database", "--allow-delete", "secret/database"];
    let shown = cloud.infra(&[&["destroy", "--local", "--dry-run"], &named[..]].concat()).succeeds();
    let lifted = "its deletion protection is lifted; a final snapshot is taken first";
    assert!(shown.stdout().contains(lifted), "{}", shown.stdout());
    cloud.infra(&[&["destroy", "--local", "--yes"], &named[..]].concat()).succeeds();
}
