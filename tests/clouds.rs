//! Clouds that we did not write: the whole circle against other implementations of AWS's interface, chosen as a user
//! chooses an endpoint, by AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>. App Runner, which none of them has, comes
//! from the local cloud, serving that one alone.
//!
//! What each of them is known to do wrong stands in [`GAPS`], and is put right on the wire; the product knows nothing
//! of it. The steps are those of `endtoend`, but for the migrations and the restored secret:
//! the table says why.

mod gaps;

use std::{
    collections::BTreeSet,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use gaps::{GAPS, Memory, Mend};

use crate::{
    binary::{Cloud, Run, call},
    circle::Circle,
    clients::{installed, python},
    wire::Wire,
};

/// A cloud of somebody else, in a process of its own.
struct Other {
    name: &'static str,
    url: String,
    child: Child,
    /// The services that it does not have: they come from the local cloud.
    lacks: &'static [&'static str],
}

impl Other {
    /// Starts a program that `scripts/install --tests` has put beside the build, on a loopback port.
    fn start(
        name: &'static str,
        program: &str,
        lacks: &'static [&'static str],
        command: impl Fn(&mut Command, u16),
    ) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut program = Command::new(installed(program));
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command(&mut program, port);
        let mut child = program.spawn().expect("it starts");
        let begun = Instant::now();
        // Hundreds of modules are read from a cold disk, while other tests run.
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = child.try_wait().expect("it is ours");
            assert!(ended.is_none(), "{name} ended: {ended:?}");
            assert!(begun.elapsed() < Duration::from_secs(180), "{name} does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { name, url: format!("http://127.0.0.1:{port}"), child, lacks }
    }

    /// A wire to it that mends its gaps.
    fn wire(&self) -> Wire {
        let name = self.name;
        let memory = Arc::new(Memory::default());
        Wire::with(&self.url, move |call, behind| {
            let memory = Arc::clone(&memory);
            Box::pin(async move {
                let mend = GAPS.iter().filter(|gap| gap.cloud == name && gap.action == call.action);
                let mut mend = mend.filter_map(|gap| match gap.mend {
                    Mend::Wire(mend) => Some(mend),
                    Mend::LeftOut(_) | Mend::Borne => None,
                });
                match mend.next() {
                    Some(mend) => mend(&call, &behind, &memory).await,
                    None => behind.answer(&call).await,
                }
            })
        })
    }
}

impl Other {
    /// The bare cloud does wrong what the table says, and no more of what is asked.
    fn has_its_gaps(&self) {
        let mut probes = Command::new(python());
        probes.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/gaps.py")).arg(&self.url);
        if self.lacks.contains(&"rds") {
            probes.arg("network");
        }
        let output = probes.output().expect("python runs");
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        let found: BTreeSet<String> = serde_json::from_slice(&output.stdout).expect("a list of probes");
        let known = GAPS.iter().filter(|gap| gap.cloud == self.name).map(|gap| gap.probe.to_owned()).collect();
        assert_eq!(found, known, "{}: what is found, and what the table says", self.name);
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The whole circle: made, made again, changed, protected, drifted, destroyed, and nothing left.
fn circle(other: &Other, description: &str, changes: &[&str]) {
    // These alone: they take subnets and roles as they are given, since those live elsewhere.
    let cloud = Cloud::serving(&other.lacks.join(","));
    cloud.write("stack.yaml", description);
    let wire = other.wire();
    let infra = |verb: &str, more: &[&str]| {
        let arguments = [&[verb], more].concat();
        let mut command = cloud.through(&wire.url, &arguments);
        for service in other.lacks {
            command.env(format!("AWS_ENDPOINT_URL_{}", service.to_uppercase()), &cloud.url);
        }
        Run::of(&arguments, &mut command)
    };
    let circle = Circle { infra: &infra, changes };
    circle.is_made();
    circle.is_changed();
    let has_data = description.contains("database:");
    if has_data {
        circle.is_protected();
    }
    circle.drifts("vpc/main", |vpc| {
        let form = format!("Action=ModifyVpcAttribute&Version=2016-11-15&VpcId={vpc}&EnableDnsHostnames.Value=false");
        call(&other.url, "ec2", &form);
    });
    circle.is_destroyed(if has_data { &["--set", "secret.on_destroy=purge"] } else { &[] });
    let status = infra("status", &[]).succeeds().stdout();
    assert!(status.contains("Nothing of this stack exists"), "{}: {status}", other.name);

    let called: BTreeSet<String> = wire.calls().into_iter().map(|call| call.action).collect();
    for gap in GAPS.iter().filter(|gap| gap.cloud == other.name) {
        assert!(!gap.wrong.is_empty());
        match gap.mend {
            Mend::Wire(_) => assert!(called.contains(gap.action), "{} of {} is never called", gap.action, gap.cloud),
            Mend::LeftOut(what) => assert!(!what.is_empty()),
            Mend::Borne => {}
        }
    }
}

const DATA: &str = "database: {protect: false, logs: [], on_destroy: delete}\nproxy: {}\n\
                    service: {image: \"public.ecr.aws/x/y:1\"}\n";
const CHANGES: &[&str] =
    &["--set", "database.capacity.max=8", "--set", "service.image=public.ecr.aws/x/y:2", "--set", "tags.team=web"];

#[test]
fn the_whole_circle_in_ministack() {
    let other = Other::start("ministack", "clouds/bin/ministack", &["apprunner"], |command, port| {
        command.env("IOT_MTLS_ENABLED", "0").env("BIND_HOST", "127.0.0.1").env("MINISTACK_HOST", "127.0.0.1");
        command.env("GATEWAY_PORT", port.to_string());
    });
    circle(&other, &format!("stack: shop\nnetwork: {{endpoints: [s3]}}\n{DATA}"), CHANGES);
    other.has_its_gaps();
}

#[test]
fn the_whole_circle_in_moto() {
    let other = Other::start("moto", "clouds/bin/moto_server", &["apprunner"], |command, port| {
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true");
    });
    circle(&other, &format!("stack: shop\n{DATA}"), CHANGES);
    other.has_its_gaps();
}

/// It has no RDS and no App Runner: the network, roles, the secret and the lock are its own, what is missing is the local cloud's.
#[test]
fn the_circle_of_a_network_in_localstack() {
    let other = Other::start("localstack", "localstack/bin/python", &["apprunner", "rds"], |command, port| {
        let address = format!("127.0.0.1:{port}");
        command.args(["-c", include_str!("clients/localstack.py")]);
        command.env("GATEWAY_LISTEN", &address).env("LOCALSTACK_HOST", &address);
        command.env("DISABLE_EVENTS", "1").env("SKIP_SSL_CERT_DOWNLOAD", "1");
    });
    let service = "service: {image: \"public.ecr.aws/x/y:1\"}\n";
    let changes = ["--set", "service.image=public.ecr.aws/x/y:2", "--set", "tags.team=web", "--set", "network.zones=3"];
    circle(&other, &format!("stack: shop\n{service}"), &changes);
    // A secret comes with a database only; that one stands in the local cloud, and its secret here.
    let database = "stack: vault\ndatabase: {protect: false, logs: [], on_destroy: delete}\n";
    circle(&other, database, &["--set", "database.capacity.max=8", "--set", "tags.team=web"]);
    other.has_its_gaps();
}
