//! The one table of what the clouds that we did not write are known to do wrong, and how the test comes past each: every row
//! is asked of the bare cloud (tests/clients/gaps.py), so that one that is closed does not stay here.

use std::{collections::BTreeMap, sync::Mutex};

use futures::{FutureExt as _, future::BoxFuture};

use crate::wire::{Answer, Behind, Call};

/// Something that a cloud does wrong.
pub(super) struct Gap {
    pub(super) cloud: &'static str,
    pub(super) action: &'static str,
    /// What tests/clients/gaps.py finds of it in the bare cloud.
    pub(super) probe: &'static str,
    /// What it does, and what AWS does.
    pub(super) wrong: &'static str,
    pub(super) mend: Mend,
}

/// How the test comes past it.
pub(super) enum Mend {
    /// The description does not ask for it: what it would.
    LeftOut(&'static str),
    /// The product takes it as it is.
    Borne,
    /// The answer is put right on the wire.
    Wire(for<'a> fn(&'a Call, &'a Behind, &'a Memory) -> BoxFuture<'a, Answer>),
}

/// What a mend remembers of earlier calls.
pub(super) type Memory = Mutex<BTreeMap<String, String>>;

pub(super) const GAPS: &[Gap] = &[
    Gap {
        cloud: "ministack",
        action: "UpdateSecurityGroupRuleDescriptionsEgress",
        probe: "egress-description",
        wrong: "unknown; AWS has it as the one for ingress",
        mend: Mend::Wire(|call, behind, _| revoke_and_authorize(call, behind).boxed()),
    },
    Gap {
        cloud: "ministack",
        action: "CreateNatGateway",
        probe: "nat-created",
        wrong: "forgets the AllocationId, which DescribeNatGateways then lacks",
        mend: Mend::Wire(|call, behind, memory| remember_allocation(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "ministack",
        action: "DescribeNatGateways",
        probe: "nat-described",
        wrong: "has no address of any gateway: see CreateNatGateway",
        mend: Mend::Wire(|call, behind, memory| with_allocation(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "ministack",
        action: "DescribeDBClusterParameters",
        probe: "parameter-defaults",
        wrong: "lacks most of the family's parameters, rds.force_ssl among them, until they are set",
        mend: Mend::Wire(|call, behind, _| with_parameter(call, behind).boxed()),
    },
    Gap {
        cloud: "ministack",
        action: "DescribeDBClusters",
        probe: "cluster-endpoint",
        wrong: "the endpoint changes when the first instance comes; AWS's stays",
        mend: Mend::Wire(|call, behind, memory| with_endpoint(call, behind, memory).boxed()),
    },
    Gap {
        cloud: "ministack",
        action: "DescribeDBClusters",
        probe: "cluster-logs",
        wrong: "lacks EnabledCloudwatchLogsExports",
        mend: Mend::LeftOut("database.logs"),
    },
    Gap {
        cloud: "ministack",
        action: "DescribeVpcEndpoints",
        probe: "endpoint-groups",
        wrong: "lacks Groups and PrivateDnsEnabled of interface endpoints",
        mend: Mend::LeftOut("network.endpoints: [secretsmanager]"),
    },
    Gap {
        cloud: "ministack",
        action: "DescribeDBProxyTargets",
        probe: "proxy-targets",
        wrong: "lists no instances: the cluster itself stands as the writer",
        mend: Mend::Borne,
    },
    Gap {
        cloud: "ministack",
        action: "CreateDBInstance",
        probe: "database-reached",
        wrong: "runs no PostgreSQL unless it is given Docker: there is nothing that could be migrated",
        mend: Mend::LeftOut("migrations"),
    },
    Gap {
        cloud: "moto",
        action: "DescribeDBEngineVersions",
        probe: "engine-versions",
        wrong: "answers 500",
        mend: Mend::Wire(|_, _, _| async { engine_versions() }.boxed()),
    },
    Gap {
        cloud: "moto",
        action: "DescribeDBClusterParameters",
        probe: "parameter-defaults",
        wrong: "has no defaults: only what was set is shown",
        mend: Mend::Wire(|call, behind, _| with_parameter(call, behind).boxed()),
    },
    Gap {
        cloud: "moto",
        action: "DescribeDBClusterParameters",
        probe: "parameter-source",
        wrong: "has no Source, and takes no notice of the one that is asked for",
        mend: Mend::Wire(|call, behind, _| with_parameter(call, behind).boxed()),
    },
    Gap {
        cloud: "moto",
        action: "DescribeDBProxyTargets",
        probe: "proxy-targets",
        wrong: "never lists the instances of a registered cluster",
        mend: Mend::Wire(|call, behind, _| with_target(call, behind).boxed()),
    },
    Gap {
        cloud: "moto",
        action: "ModifyDBProxy",
        probe: "proxy-changed",
        wrong: "answers 500",
        mend: Mend::LeftOut("a change of the proxy"),
    },
    Gap {
        cloud: "moto",
        action: "ModifyVpcEndpoint",
        probe: "endpoint-routes",
        wrong: "gives a route table that is added no route, and DeleteVpcEndpoints then fails for want of it",
        mend: Mend::LeftOut("network.endpoints: [s3]"),
    },
    Gap {
        cloud: "moto",
        action: "CreateDBInstance",
        probe: "database-reached",
        wrong: "runs no PostgreSQL: there is nothing that could be migrated",
        mend: Mend::LeftOut("migrations"),
    },
    Gap {
        cloud: "localstack",
        action: "ModifyVpcEndpoint",
        probe: "endpoint-routes",
        wrong: "gives a route table that is added no route, and DeleteVpcEndpoints then fails for want of it",
        mend: Mend::LeftOut("network.endpoints: [s3]"),
    },
    Gap {
        cloud: "ministack",
        action: "CreateSecret",
        probe: "secret-scheduled",
        wrong: "says ResourceExistsException of a name that is scheduled for deletion; AWS says InvalidRequestException, and that",
        mend: Mend::LeftOut("a deploy after a destruction, which restores the secret"),
    },
    Gap {
        cloud: "moto",
        action: "CreateSecret",
        probe: "secret-scheduled",
        wrong: "says ResourceExistsException of a name that is scheduled for deletion; AWS says InvalidRequestException, and that",
        mend: Mend::LeftOut("a deploy after a destruction, which restores the secret"),
    },
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

async fn with_parameter(call: &Call, behind: &Behind) -> Answer {
    let mut answer = behind.answer(call).await;
    let name = format!("<ParameterName>{PARAMETER}</ParameterName>");
    let is_set = answer.body.contains(&name);
    if is_set && !answer.body.contains("<Source>") {
        answer.body = answer.body.replace(&name, &format!("{name}<Source>user</Source>"));
    }
    if !is_set && call.parameter("Source").is_none_or(|wanted| wanted == "engine-default") {
        let parameter = format!(
            "<Parameter>{name}<ParameterValue>0</ParameterValue><Source>engine-default</Source><ApplyType>dynamic</ApplyType>\
             <DataType>boolean</DataType><IsModifiable>true</IsModifiable></Parameter></Parameters>"
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

async fn with_target(call: &Call, behind: &Behind) -> Answer {
    let answer = behind.answer(call).await;
    let Some(cluster) = between(&answer.body, "<RdsResourceId>", "<").map(str::to_owned) else { return answer };
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
