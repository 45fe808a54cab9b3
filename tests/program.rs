//! `service.local`: the local cloud runs a program in the image's place, as App Runner runs a container.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

use crate::binary::Cloud;

mod failed;
/// Elsewhere nothing tells whose a listener is.
#[cfg(target_os = "linux")]
mod listener;

/// A server that answers with a part of its environment.
const SERVER: &str = r#"
import { createServer } from "node:http";
const { GREETING, AWS_ENDPOINT_URL, AWS_REGION, PORT, HOST } = process.env;
console.log("ready for " + GREETING);
createServer((_, answer) => answer.end(`${GREETING} from ${AWS_REGION} at ${AWS_ENDPOINT_URL}`)).listen(PORT, HOST);
"#;

/// A cloud, and in its folder a description with a service that runs the server.
fn stage() -> Cloud {
    let cloud = Cloud::start();
    cloud.write("server.mjs", SERVER);
    cloud.write(
        "stack.yaml",
        "stack: shop\nregion: eu-central-1\nservice:\n  image: public.ecr.aws/aws-containers/hello-app-runner:latest\n  \
         env: {GREETING: hello}\n  local: {command: node server.mjs}\n",
    );
    cloud
}

const DEPLOY: [&str; 3] = ["deploy", "--local", "--yes"];

/// What a page says; nothing where nobody listens.
fn page(url: &str) -> Option<String> {
    let host = url.strip_prefix("http://").expect("the URL is plain HTTP");
    let mut connection = TcpStream::connect(host).ok()?;
    write!(connection, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    Some(answer.split("\r\n\r\n").nth(1)?.to_owned())
}

/// Asks until the page says so, or until there is none.
#[track_caller]
fn until_page(url: &str, wanted: Option<&str>) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let found = page(url);
        if found.is_some() == wanted.is_some() && found.iter().all(|text| text.contains(wanted.unwrap_or_default())) {
            return;
        }
        assert!(Instant::now() < end, "{url} says {found:?} and not {wanted:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn url(cloud: &Cloud) -> String {
    let outputs = cloud.infra(&["outputs", "--local", "--json"]).succeeds().json();
    outputs["service_url"].as_str().expect("the service has a URL").to_owned()
}

fn pid(cloud: &Cloud) -> String {
    cloud.infra(&["local", "status", "--json"]).succeeds().json()["pid"].to_string()
}

#[test]
fn a_program_runs_in_the_image_s_place() {
    let cloud = stage();
    cloud.infra(&DEPLOY).succeeds();
    let url = url(&cloud);
    assert!(url.starts_with("http://localhost:"), "{url}");
    until_page(&url, Some(&format!("hello from eu-central-1 at {}", cloud.url)));
    let log = cloud.infra(&["local", "logs", "--service"]).succeeds().stdout();
    assert!(log.contains("ready for hello"), "{log}");
    let events = cloud.infra(&["local", "logs", "--service", "--events"]).succeeds().stdout();
    assert!(events.contains("Service creation completed successfully."), "{events}");
    let last = cloud.infra(&["local", "logs", "--service", "--events", "-n", "1"]).succeeds().stdout();
    assert!(last.lines().count() == 1 && events.ends_with(&last), "{last}");
    let other = cloud.infra(&["local", "logs", "--service", "nobody", "--events"]).ends_with(1).told();
    assert!(other.contains("There is no service \"nobody\". There are: "), "{other}");

    // Another environment is another deployment; the same one is none.
    cloud.infra(&[&DEPLOY[..], &["--set", "service.env.GREETING=good day"]].concat()).succeeds();
    until_page(&url, Some("good day"));
    let again = cloud.infra(&[&DEPLOY[..], &["--set", "service.env.GREETING=good day"]].concat()).succeeds().stdout();
    assert!(again.contains("No changes"), "{again}");

    // Its daemon is killed: it goes along, and comes back with the next one.
    Command::new("kill").args(["-9", &pid(&cloud)]).status().expect("kill runs");
    until_page(&url, None);
    cloud.infra(&["local", "start", "--port", "0"]).succeeds();
    // A start is over when it answers again.
    let page = page(&url).unwrap_or_default();
    assert!(page.contains("good day"), "{page}");
    assert!(!cloud.infra(&["local", "status"]).succeeds().stdout().contains("does not answer"));

    // Taken out of the description, it ends, and that is said.
    let without = cloud.infra(&[&DEPLOY[..], &["--set", "service.local=null"]].concat()).succeeds().stdout();
    assert!(without.contains("runs no container for the service"), "{without}");
    until_page(&url, None);
    let status = cloud.infra(&["local", "status"]).succeeds().stdout();
    assert!(status.contains("no container runs here"), "{status}");
}

#[test]
fn a_program_that_does_not_come_up_is_a_failure_with_its_last_words() {
    let cloud = stage();
    let with = |command: &str| {
        let set = format!("service.local.command={command}");
        let run = cloud.infra(&[&DEPLOY[..], &["--set", &set]].concat()).ends_with(1);
        run.stdout() + &run.stderr()
    };
    let failed = with("echo no such table >&2; exit 3");
    for words in ["CREATE_FAILED", "exit code 3", "no such table"] {
        assert!(failed.contains(words), "{words:?}: {failed}");
    }
    // Where nothing is to come, the patience may be short.
    // A port that nobody else comes to meanwhile, whose answers would be taken for the program's.
    let port = format!("service.port={}", a_port());
    let silent = [
        port.as_str(),
        "service.local.command=sleep 1000",
        "service.health_check.interval=1 s",
        "service.health_check.unhealthy_after=2",
    ];
    let silent = silent.iter().flat_map(|set| ["--set", *set]).collect::<Vec<_>>();
    let silent = cloud.infra(&[&DEPLOY[..], &silent].concat()).ends_with(1);
    let silent = silent.stdout() + &silent.stderr();
    assert!(silent.contains("has to listen on the port in PORT"), "{silent}");
    let nowhere = cloud.infra(&[&DEPLOY[..], &["--set", "service.local.dir=nowhere"]].concat()).ends_with(3).stderr();
    assert!(nowhere.contains("nowhere"), "{nowhere}");

    // What runs goes on when its successor fails, by a change of the program alone or with another one.
    cloud.infra(&DEPLOY).succeeds();
    let url = url(&cloud);
    let alone = with("exit 4");
    assert!(alone.contains("exit code 4"), "{alone}");
    until_page(&url, Some("hello"));
    let both = ["--set", "service.local.command=exit 5", "--set", "service.env.GREETING=never"];
    let both = cloud.infra(&[&DEPLOY[..], &both[..]].concat()).ends_with(1).stderr();
    assert!(both.contains("exit code 5"), "{both}");
    until_page(&url, Some("hello"));
    let beside = ["--set", "service.local.command=exit 6", "--set", "tags.team=web"];
    let beside = cloud.infra(&[&DEPLOY[..], &beside[..]].concat()).ends_with(1).stderr();
    assert!(beside.contains("exit code 6"), "{beside}");
    until_page(&url, Some("hello"));

    cloud.infra(&["local", "stop"]).succeeds();
    until_page(&url, None);
}

#[test]
fn services_of_one_name_in_two_regions_have_logs_of_their_own() {
    let cloud = stage();
    let regions = [("eu-central-1", "hello"), ("eu-west-1", "good day")];
    for (region, greeting) in regions {
        let set = [format!("region={region}"), format!("service.env.GREETING={greeting}")];
        cloud.infra(&[&DEPLOY[..], &["--set", &set[0], "--set", &set[1]]].concat()).succeeds();
    }
    let logs = |more: &[&str]| cloud.infra(&[&["local", "logs", "--service"][..], more].concat());
    let unclear = logs(&[]).ends_with(1).told();
    let (_, names) = unclear.split_once("name one of them with --service: ").unwrap_or_else(|| panic!("{unclear}"));
    let names: Vec<&str> = names.trim().trim_end_matches('.').split(", ").collect();
    assert_eq!(names.len(), 2, "{unclear}");
    for (name, (region, greeting)) in names.into_iter().zip(regions) {
        assert!(name.starts_with(&format!("{region}/")), "{name}");
        let log = logs(&[name]).succeeds().stdout();
        let said: Vec<&str> = log.lines().filter(|line| line.starts_with("ready for ")).collect();
        assert_eq!(said, [format!("ready for {greeting}")], "{name}");
        let events = logs(&[name, "--events"]).succeeds().stdout();
        assert_eq!(events.matches("Service creation completed").count(), 1, "{events}");
    }
}

/// A port that is free.
fn a_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("a free port").port()
}

#[test]
fn another_port_than_the_service_s_own_is_told() {
    let cloud = stage();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let run = cloud.infra(&[&DEPLOY[..], &["--set", &format!("service.port={port}")]].concat()).succeeds();
    let listens = url(&cloud);
    let other = listens.rsplit(':').next().unwrap();
    let words = format!("Port {port} was taken on this machine, so the service listens on {other}.");
    assert!(run.stdout().contains(&words), "{}", run.stdout());
}
