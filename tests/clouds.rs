//! Clouds that we did not write: the whole circle against other implementations of AWS's interface, chosen as a user
//! chooses an endpoint, by AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>. App Runner, which none of them has, comes
//! from the local cloud, serving that one alone.
//!
//! What each of them is known to do wrong stands in [`GAPS`], and is put right on the wire; the product knows nothing
//! of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};

use crate::{
    binary::{Cloud, Run},
    clients::installed,
    wire::{Answer, Behind, Call, Wire},
};

/// Something that a cloud does wrong.
struct Gap {
    cloud: &'static str,
    action: &'static str,
    /// What it does, and what AWS does.
    wrong: &'static str,
    mend: Mend,
}

/// How the test comes past it.
enum Mend {
    /// The description does not ask for it: what it would.
    LeftOut(&'static str),
    /// The answer is put right on the wire.
    Wire(for<'a> fn(&'a Call, &'a Behind, &'a Memory) -> BoxFuture<'a, Answer>),
}

/// What a mend remembers of earlier calls.
type Memory = Mutex<BTreeMap<String, String>>;

const GAPS: &[Gap] = &[
    Gap {
        cloud: "ministack",
        action: "UpdateSecurityGroupRuleDescriptionsEgress",
        wrong: "unknown; AWS has it as the one for ingress",
        mend: Mend::Wire(|call, behind, _| revoke_and_authorize(call, behind).boxed()),
    },
    Gap {
        cloud: "ministack",
        action: "CreateNatGateway",
        wrong: "forgets the AllocationId, which DescribeNatGateways then lacks",
        mend: Mend::Wire(|call, behind, memory| remember_allocation(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "ministack",
        action: "DescribeNatGateways",
        wrong: "has no address of any gateway: see CreateNatGateway",
        mend: Mend::Wire(|call, behind, memory| with_allocation(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "ministack",
        action: "DescribeDBClusterParameters",
        wrong: "lacks rds.force_ssl of aurora-postgresql15, and what was set",
        mend: Mend::Wire(|call, behind, memory| with_parameter(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "ministack",
        action: "ModifyDBClusterParameterGroup",
        wrong: "forgets what is set: see DescribeDBClusterParameters",
        mend: Mend::Wire(|call, behind, memory| remember_parameter(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "ministack",
        action: "DescribeDBClusters",
        wrong: "the endpoint changes when the first instance comes; AWS's stays",
        mend: Mend::Wire(|call, behind, memory| with_endpoint(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "ministack",
        action: "DescribeDBClusters",
        wrong: "lacks EnabledCloudwatchLogsExports",
        mend: Mend::LeftOut("database.logs"),
    },
    Gap {
        cloud: "ministack",
        action: "DescribeVpcEndpoints",
        wrong: "lacks Groups and PrivateDnsEnabled of interface endpoints",
        mend: Mend::LeftOut("network.endpoints: [secretsmanager]"),
    },
    Gap {
        cloud: "moto",
        action: "DescribeDBEngineVersions",
        wrong: "answers 500",
        mend: Mend::Wire(|_, _, _| async { engine_versions() }.boxed()),
    },
    Gap {
        cloud: "moto",
        action: "DescribeDBClusterParameters",
        wrong: "is empty whatever was set",
        mend: Mend::Wire(|call, behind, memory| with_parameter(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "moto",
        action: "ModifyDBClusterParameterGroup",
        wrong: "forgets what is set: see DescribeDBClusterParameters",
        mend: Mend::Wire(|call, behind, memory| remember_parameter(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "moto",
        action: "DescribeDBProxyTargets",
        wrong: "never lists the instances of a registered cluster",
        mend: Mend::Wire(|call, behind, memory| with_target(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "moto",
        action: "RegisterDBProxyTargets",
        wrong: "see DescribeDBProxyTargets",
        mend: Mend::Wire(|call, behind, memory| remember_target(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "localstack",
        action: "ModifyVpcEndpoint",
        wrong: "gives a route table that is added no route, and DeleteVpcEndpoints then fails for want of it",
        mend: Mend::LeftOut("network.endpoints: [s3]"),
    },
    Gap { cloud: "moto", action: "ModifyDBProxy", wrong: "answers 500", mend: Mend::LeftOut("a change of the proxy") },
];

async fn revoke_and_authorize(call: &Call, behind: &Behind) -> Answer {
    behind.answer(&call.renamed("RevokeSecurityGroupEgress")).await;
    let mut answer = behind.answer(&call.renamed("AuthorizeSecurityGroupEgress")).await;
    answer.body = answer.body.replace("AuthorizeSecurityGroupEgress", &call.action);
    answer
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

fn keep(memory: &Memory, key: impl Into<String>, value: impl Into<String>) {
    memory.lock().expect("no mend panicked").insert(key.into(), value.into());
}

fn kept(memory: &Memory) -> BTreeMap<String, String> {
    memory.lock().expect("no mend panicked").clone()
}

async fn remember_allocation(call: &Call, behind: &Behind, memory: &Memory) -> Answer {
    let answer = behind.answer(call).await;
    if let Some((id, allocation)) = between(&answer.body, "<natGatewayId>", "<").zip(call.parameter("AllocationId")) {
        keep(memory, id, allocation);
    }
    answer
}

async fn with_allocation(call: &Call, behind: &Behind, memory: &Memory) -> Answer {
    let mut answer = behind.answer(call).await;
    for (id, allocation) in kept(memory) {
        let gateway = format!("<natGatewayId>{id}</natGatewayId>");
        let address = format!("<item><allocationId>{allocation}</allocationId><isPrimary>true</isPrimary></item>");
        let set = format!("<natGatewayAddressSet>{address}</natGatewayAddressSet>");
        answer.body = answer
            .body
            .replace("<natGatewayAddressSet/>", "")
            .replace("<natGatewayAddressSet></natGatewayAddressSet>", "");
        answer.body = answer.body.replace(&gateway, &format!("{gateway}{set}"));
    }
    answer
}

async fn with_endpoint(call: &Call, behind: &Behind, memory: &Memory) -> Answer {
    let mut answer = behind.answer(call).await;
    let Some(now) = between(&answer.body, "<Endpoint>", "<").map(str::to_owned) else { return answer };
    let first = kept(memory).get("endpoint").cloned().unwrap_or_else(|| now.clone());
    answer.body = answer.body.replace(&format!("<Endpoint>{now}<"), &format!("<Endpoint>{first}<"));
    keep(memory, "endpoint", first);
    answer
}

/// The one parameter that the stack sets.
const PARAMETER: &str = "rds.force_ssl";

async fn remember_parameter(call: &Call, behind: &Behind, memory: &Memory) -> Answer {
    if call.parameter("Parameters.Parameter.1.ParameterName").as_deref() == Some(PARAMETER) {
        keep(memory, PARAMETER, call.parameter("Parameters.Parameter.1.ParameterValue").unwrap_or_default());
    }
    behind.answer(call).await
}

async fn with_parameter(call: &Call, behind: &Behind, memory: &Memory) -> Answer {
    let mut answer = behind.answer(call).await;
    let set = kept(memory).get(PARAMETER).cloned();
    let source = if set.is_some() { "user" } else { "engine-default" };
    if call.parameter("Source").is_none_or(|wanted| wanted == source) && !answer.body.contains(PARAMETER) {
        let parameter = format!(
            "<Parameter><ParameterName>{PARAMETER}</ParameterName><ParameterValue>{}</ParameterValue><Source>{source}</Source>\
             <ApplyType>dynamic</ApplyType><DataType>boolean</DataType><IsModifiable>true</IsModifiable></Parameter></Parameters>",
            set.unwrap_or_else(|| "0".to_owned())
        );
        answer.body =
            answer.body.replace("<Parameters/>", "<Parameters></Parameters>").replace("</Parameters>", &parameter);
    }
    answer
}

fn xml(body: String) -> Answer {
    Answer { status: 200, content_type: "text/xml".to_owned(), date: None, headers: Vec::new(), body }
}

fn engine_versions() -> Answer {
    let version =
        "<DBEngineVersion><Engine>aurora-postgresql</Engine><EngineVersion>15.15</EngineVersion></DBEngineVersion>";
    xml(format!(
        "<DescribeDBEngineVersionsResponse><DescribeDBEngineVersionsResult><DBEngineVersions>{version}</DBEngineVersions>\
         </DescribeDBEngineVersionsResult></DescribeDBEngineVersionsResponse>"
    ))
}

async fn remember_target(call: &Call, behind: &Behind, memory: &Memory) -> Answer {
    keep(memory, "target", call.parameter("DBClusterIdentifiers.member.1").unwrap_or_default());
    behind.answer(call).await
}

async fn with_target(call: &Call, behind: &Behind, memory: &Memory) -> Answer {
    let answer = behind.answer(call).await;
    let Some(cluster) = kept(memory).get("target").cloned().filter(|cluster| answer.body.contains(cluster.as_str()))
    else {
        return answer;
    };
    let cluster_target =
        format!("<member><RdsResourceId>{cluster}</RdsResourceId><Type>TRACKED_CLUSTER</Type></member>");
    let writer = format!(
        "<member><RdsResourceId>{cluster}-1</RdsResourceId><TrackedClusterId>{cluster}</TrackedClusterId><Type>RDS_INSTANCE</Type>\
         <Role>READ_WRITE</Role><TargetHealth><State>AVAILABLE</State></TargetHealth></member>"
    );
    xml(format!(
        "<DescribeDBProxyTargetsResponse><DescribeDBProxyTargetsResult><Targets>{cluster_target}{writer}</Targets>\
         </DescribeDBProxyTargetsResult></DescribeDBProxyTargetsResponse>"
    ))
}

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
                    Mend::LeftOut(_) => None,
                });
                match mend.next() {
                    Some(mend) => mend(&call, &behind, &memory).await,
                    None => behind.answer(&call).await,
                }
            })
        })
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The whole circle: made, made again, changed, destroyed, and nothing left.
fn circle(other: &Other, description: &str, changes: &[&str]) {
    // These alone: they take subnets and roles as they are given, since those live elsewhere.
    let cloud = Cloud::serving(&other.lacks.join(","));
    cloud.write("stack.yaml", description);
    let wire = other.wire();
    let infra = |arguments: &[&str]| {
        let mut command = cloud.through(&wire.url, arguments);
        for service in other.lacks {
            command.env(format!("AWS_ENDPOINT_URL_{}", service.to_uppercase()), &cloud.url);
        }
        Run::of(arguments, &mut command)
    };
    let unchanged = |more: &[&str]| {
        let diff = infra(&[&["diff"], more].concat()).succeeds().stdout();
        assert!(diff.contains("No changes"), "{}: {diff}", other.name);
    };
    infra(&["deploy", "--yes"]).succeeds();
    unchanged(&[]);
    infra(&[&["deploy", "--yes"], changes].concat()).succeeds();
    unchanged(changes);
    let data = ["--allow-delete", "cluster/database", "--allow-delete", "secret/database"];
    infra(&[&["destroy", "--yes"], &data[..]].concat()).succeeds();
    let status = infra(&["status"]).succeeds().stdout();
    assert!(status.contains("Nothing of this stack exists"), "{}: {status}", other.name);

    let called: BTreeSet<String> = wire.calls().into_iter().map(|call| call.action).collect();
    for gap in GAPS.iter().filter(|gap| gap.cloud == other.name) {
        assert!(!gap.wrong.is_empty());
        match gap.mend {
            Mend::Wire(_) => assert!(called.contains(gap.action), "{} of {} is never called", gap.action, gap.cloud),
            Mend::LeftOut(what) => assert!(!what.is_empty()),
        }
    }
}

const DATA: &str = "database: {protect: false, logs: [], on_destroy: delete}\nsecret: {on_destroy: purge}\nproxy: {}\n\
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
}

#[test]
fn the_whole_circle_in_moto() {
    let other = Other::start("moto", "clouds/bin/moto_server", &["apprunner"], |command, port| {
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true");
    });
    circle(&other, &format!("stack: shop\n{DATA}"), CHANGES);
}

/// It has no RDS, so there is no database: a network, roles and the lock, and the service beside them.
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
}
