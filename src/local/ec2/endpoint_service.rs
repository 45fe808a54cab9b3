//! The services of AWS that an endpoint can lead to.

use serde_json::{Value, json};

use super::{kind, listing::Listing, view::View, zone};
use crate::local::{fault::Fault, world::Ctx};

/// Services with an interface endpoint, by the last part of their name: a selection, for AWS has hundreds.
const INTERFACE: [&str; 94] = [
    "access-analyzer",
    "account",
    "acm-pca",
    "application-autoscaling",
    "apprunner",
    "apprunner.requests",
    "appsync-api",
    "athena",
    "autoscaling",
    "backup",
    "batch",
    "bedrock",
    "bedrock-agent",
    "bedrock-agent-runtime",
    "bedrock-runtime",
    "cassandra",
    "cloudcontrolapi",
    "cloudformation",
    "cloudtrail",
    "codeartifact.api",
    "codeartifact.repositories",
    "codebuild",
    "codecommit",
    "codedeploy",
    "codepipeline",
    "comprehend",
    "config",
    "datasync",
    "dms",
    "dynamodb",
    "ebs",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "ecs",
    "ecs-agent",
    "ecs-telemetry",
    "elasticache",
    "elasticbeanstalk",
    "elasticfilesystem",
    "elasticloadbalancing",
    "elasticmapreduce",
    "email-smtp",
    "events",
    "execute-api",
    "fis",
    "fsx",
    "glue",
    "grafana",
    "guardduty-data",
    "imagebuilder",
    "inspector2",
    "iot.data",
    "kafka",
    "kinesis-firehose",
    "kinesis-streams",
    "kms",
    "lakeformation",
    "lambda",
    "license-manager",
    "logs",
    "memory-db",
    "monitoring",
    "network-firewall",
    "pipes",
    "polly",
    "rds",
    "rds-data",
    "redshift",
    "redshift-data",
    "rekognition",
    "s3",
    "sagemaker.api",
    "sagemaker.runtime",
    "scheduler",
    "secretsmanager",
    "securityhub",
    "servicecatalog",
    "servicediscovery",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "states",
    "storagegateway",
    "sts",
    "synthetics",
    "tagging",
    "textract",
    "transcribe",
    "transfer",
    "translate",
    "xray",
];

/// Services with a gateway endpoint.
const GATEWAY: [&str; 2] = ["dynamodb", "s3"];

/// What an endpoint can lead to.
pub(super) struct EndpointService {
    /// E.g. `com.amazonaws.eu-central-1.secretsmanager`.
    name: String,
    /// `Interface` or `Gateway`.
    endpoint_type: &'static str,
    /// The name that private DNS takes over, e.g. `secretsmanager.eu-central-1.amazonaws.com`.
    pub(super) dns_name: String,
}

/// The services of a region.
fn all(region: &str) -> impl Iterator<Item = EndpointService> {
    let kinds = INTERFACE.iter().map(|service| (service, "Interface"));
    let kinds = kinds.chain(GATEWAY.iter().map(|service| (service, "Gateway")));
    kinds.map(move |(service, endpoint_type)| {
        // The parts of a DNS name stand the other way round: ecr.api is api.ecr.
        let dns: Vec<&str> = service.rsplit('.').collect();
        EndpointService {
            name: format!("com.amazonaws.{region}.{service}"),
            endpoint_type,
            dns_name: format!("{}.{region}.amazonaws.com", dns.join(".")),
        }
    })
}

/// The service that a request names, for a type of endpoint.
pub(super) fn find(region: &str, name: &str, endpoint_type: &str) -> Result<EndpointService, Fault> {
    let offered: Vec<EndpointService> = all(region).filter(|service| service.name == name).collect();
    if offered.is_empty() {
        let message = format!("The Vpc Endpoint Service '{name}' does not exist");
        return Err(Fault::new("InvalidServiceName", message));
    }
    let types: Vec<&str> = offered.iter().map(|service| service.endpoint_type).collect();
    let message =
        format!("Endpoint type ({endpoint_type}) does not match available service types ([{}]).", types.join(", "));
    let found = offered.into_iter().find(|service| service.endpoint_type == endpoint_type);
    found.ok_or_else(|| Fault::new("InvalidParameter", message))
}

static SERVICES: Listing = Listing {
    kind: &kind::ENDPOINT,
    items: "ServiceDetails",
    ids: "",
    id: "ServiceId",
    filters: &[
        ("owner", "Owner"),
        ("service-name", "ServiceName"),
        ("service-region", "ServiceRegion"),
        ("service-type", "ServiceType.ServiceType"),
        ("supported-ip-address-types", "SupportedIpAddressTypes"),
    ],
};

/// `DescribeVpcEndpointServices`
pub(super) fn describe(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let given = input.as_object_mut().and_then(|members| members.shift_remove("ServiceNames")).unwrap_or_default();
    let names: Vec<&str> = given.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let Some(unknown) = names.iter().find(|name| !all(view.region).any(|service| service.name == **name)) {
        let message = format!("The Vpc Endpoint Service '{unknown}' does not exist");
        return Err(Fault::new("InvalidServiceName", message));
    }
    let offered = all(view.region).filter(|service| names.is_empty() || names.contains(&service.name.as_str()));
    let mut answer = SERVICES.answer(&view, input, offered.map(|service| show(&service, &view)))?;
    let mut shown: Vec<Value> =
        answer["ServiceDetails"].as_array().into_iter().flatten().map(|one| one["ServiceName"].clone()).collect();
    shown.dedup();
    answer["ServiceNames"] = Value::Array(shown);
    Ok(answer)
}

fn show(service: &EndpointService, view: &View<'_>) -> Value {
    let is_interface = service.endpoint_type == "Interface";
    let zones: Vec<String> = zone::names(view.region).collect();
    json!({
        "ServiceName": service.name,
        "ServiceId": format!("vpce-svc-{}-{}", service.name, service.endpoint_type.to_lowercase()),
        "ServiceType": [{"ServiceType": service.endpoint_type}],
        "ServiceRegion": view.region,
        "AvailabilityZones": zones,
        "AvailabilityZoneIds": zones.iter().map(|zone| zone::id(zone)).collect::<Vec<_>>(),
        "Owner": "amazon",
        "BaseEndpointDnsNames": [
            if is_interface { service.dns_name.replace(".amazonaws.com", ".vpce.amazonaws.com") } else { service.dns_name.clone() }
        ],
        "PrivateDnsName": is_interface.then_some(&service.dns_name),
        "PrivateDnsNames": if is_interface { json!([{"PrivateDnsName": service.dns_name}]) } else { Value::Null },
        "PrivateDnsNameVerificationState": is_interface.then_some("verified"),
        "VpcEndpointPolicySupported": true,
        "AcceptanceRequired": false,
        "ManagesVpcEndpoints": false,
        "SupportedIpAddressTypes": ["ipv4"],
        "Tags": [],
    })
}
