//! A whole network, changed by its description: everything is planned, moved and left in order.

use infra::{
    engine::{Desired, Kind, plan::Action},
    resources::{
        elastic_ip::ElasticIp, expand::expand, facts::Facts, internet_gateway::InternetGateway,
        nat_gateway::NatGateway, route_table::RouteTable, security_group::SecurityGroup, subnet::Subnet, vpc::Vpc,
        vpc_endpoint::VpcEndpoint,
    },
    stack::{Sources, load},
};

use super::stage::Stage;

/// What the description `text` asks for.
fn described(text: &str) -> Vec<Desired> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stack.yaml");
    std::fs::write(&file, text).unwrap();
    let loaded = load(&Sources::new(file, &[])).unwrap();
    let zones = ["a", "b", "c"].map(|zone| format!("us-east-1{zone}")).to_vec();
    expand(&loaded.description, &Facts { region: "us-east-1".into(), zones, ..Facts::default() }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_follows_its_description() {
    let stage = Stage::start(vec![
        Kind::of::<Vpc>(),
        Kind::of::<InternetGateway>(),
        Kind::of::<Subnet>(),
        Kind::of::<ElasticIp>(),
        Kind::of::<NatGateway>(),
        Kind::of::<RouteTable>(),
        Kind::of::<SecurityGroup>(),
        Kind::of::<VpcEndpoint>(),
    ])
    .await;
    // Each description, and how many resources it creates, updates, replaces and deletes.
    let steps = [
        ("all defaults", "", [14, 0, 0, 0]),
        ("a NAT gateway a zone", "network: {nat: per-zone}", [2, 1, 0, 0]),
        ("a third zone", "network: {nat: per-zone, zones: 3}", [6, 2, 0, 0]),
        ("endpoints", "network: {nat: per-zone, zones: 3, endpoints: [s3, secretsmanager]}", [3, 0, 0, 0]),
        ("no way out", "network: {nat: none, zones: 3, endpoints: [s3, secretsmanager]}", [0, 3, 0, 6]),
        ("one NAT gateway", "network: {zones: 3, endpoints: [s3, secretsmanager]}", [2, 3, 0, 0]),
        ("another range", "network: {zones: 3, endpoints: [s3, secretsmanager], cidr: 10.9.0.0/20}", [0, 0, 20, 0]),
        ("another team", "network: {cidr: 10.9.0.0/20}\ntags: {team: web}", [0, 14, 0, 7]),
    ];
    for (what, text, expected) in steps {
        let desired = described(&format!("stack: case\n{text}\n"));
        let plan = stage.plan(&desired).await;
        let counts = [Action::Create, Action::Update, Action::Replace, Action::Delete].map(|action| plan.count(action));
        assert_eq!(counts, expected, "{what}");
        stage.deploy(&desired, what).await;
    }
    stage.deploy(&[], "destroyed").await;
    assert_eq!(stage.inventory(), Vec::<String>::new(), "nothing is left behind");
    stage.cloud.stop().await;
}
