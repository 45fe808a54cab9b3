"""Asks a bare cloud whether it still does wrong what tests/clouds/gaps.rs says of it; prints the probes that find a gap."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

REGION = "us-east-1"
LAST = "rds.force_ssl"


def client(service):
    """A client that believes the first answer."""
    return boto3.client(
        service,
        endpoint_url=sys.argv[1],
        region_name=REGION,
        aws_access_key_id="000000000000",
        aws_secret_access_key="any",
        config=Config(retries={"max_attempts": 0}, read_timeout=30),
    )


ec2, rds = client("ec2"), client("rds")
found = []


def probe(name, is_right):
    """Notes the gap `name` unless what AWS does is done."""
    try:
        right = is_right()
    except (ClientError, ResponseParserError):
        right = False
    if not right:
        found.append(name)


def network():
    """Probes a network; the subnets of it and a group."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"{REGION}{'ab'[i]}")["Subnet"]["SubnetId"]
        for i in (0, 1)
    ]
    group = ec2.create_security_group(GroupName="probe", Description="probe", VpcId=vpc)["GroupId"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "probe"}]}
    probe(
        "egress-description",
        lambda: ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[everything]) is not None,
    )
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]
    has_address = lambda gateway: [one.get("AllocationId") for one in gateway["NatGatewayAddresses"]] == [address]
    probe("nat-created", lambda: has_address(gateway))
    mine = {"NatGatewayIds": [gateway["NatGatewayId"]]}
    probe("nat-described", lambda: has_address(ec2.describe_nat_gateways(**mine)["NatGateways"][0]))
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    probe("endpoint-routes", lambda: routes_follow(vpc, table))
    probe("endpoint-groups", lambda: shows_groups(vpc, subnets, group))
    return subnets


def routes_follow(vpc, table):
    """A route table that is added to a gateway endpoint has its route, and the endpoint can be deleted."""
    name = f"com.amazonaws.{REGION}.s3"
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=name, VpcEndpointType="Gateway")["VpcEndpoint"]["VpcEndpointId"]
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[table])
    return not ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])["Unsuccessful"]


def shows_groups(vpc, subnets, group):
    """An interface endpoint shows its groups and its private names."""
    made = ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.secretsmanager",
        VpcEndpointType="Interface",
        SubnetIds=subnets,
        SecurityGroupIds=[group],
        PrivateDnsEnabled=True,
    )["VpcEndpoint"]["VpcEndpointId"]
    shown = ec2.describe_vpc_endpoints(VpcEndpointIds=[made])["VpcEndpoints"][0]
    return [one["GroupId"] for one in shown.get("Groups") or []] == [group] and shown.get("PrivateDnsEnabled") is True


def parameters(source=None):
    """Those of the group that are shown, by name."""
    asked = {"Source": source} if source else {}
    shown = rds.describe_db_cluster_parameters(DBClusterParameterGroupName="probe", **asked)["Parameters"]
    return {one["ParameterName"]: one for one in shown}


def database(subnets):
    """Probes clusters, parameter groups and proxies."""
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="probe", DBParameterGroupFamily="aurora-postgresql15", Description="probe"
    )
    probe("parameter-defaults", lambda: LAST in parameters())
    one = {"ParameterName": LAST, "ParameterValue": "1", "ApplyMethod": "immediate"}
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="probe", Parameters=[one])
    probe("parameter-remembered", lambda: parameters()[LAST]["ParameterValue"] == "1")
    probe("parameter-source", lambda: parameters()[LAST].get("Source") == "user" and LAST not in parameters("engine-default"))
    probe("engine-versions", lambda: rds.describe_db_engine_versions(Engine="aurora-postgresql")["DBEngineVersions"])

    rds.create_db_subnet_group(DBSubnetGroupName="probe", DBSubnetGroupDescription="probe", SubnetIds=subnets)
    before = rds.create_db_cluster(
        DBClusterIdentifier="probe",
        Engine="aurora-postgresql",
        MasterUsername="probe",
        MasterUserPassword="of-a-probe-1",
        DBSubnetGroupName="probe",
        EnableCloudwatchLogsExports=["postgresql"],
    )["DBCluster"]
    rds.create_db_instance(
        DBInstanceIdentifier="probe-1", DBClusterIdentifier="probe", Engine="aurora-postgresql", DBInstanceClass="db.serverless"
    )
    shown = rds.describe_db_clusters(DBClusterIdentifier="probe")["DBClusters"][0]
    probe("cluster-endpoint", lambda: shown["Endpoint"] == before["Endpoint"])
    probe("cluster-logs", lambda: shown.get("EnabledCloudwatchLogsExports") == ["postgresql"])

    secret = f"arn:aws:secretsmanager:{REGION}:000000000000:secret:probe"
    rds.create_db_proxy(
        DBProxyName="probe",
        EngineFamily="POSTGRESQL",
        Auth=[{"AuthScheme": "SECRETS", "SecretArn": secret, "IAMAuth": "DISABLED"}],
        RoleArn="arn:aws:iam::000000000000:role/probe",
        VpcSubnetIds=subnets,
    )
    rds.register_db_proxy_targets(DBProxyName="probe", TargetGroupName="default", DBClusterIdentifiers=["probe"])
    targets = rds.describe_db_proxy_targets(DBProxyName="probe", TargetGroupName="default")["Targets"]
    probe("proxy-targets", lambda: any(one["Type"] == "RDS_INSTANCE" for one in targets))
    probe("proxy-changed", lambda: rds.modify_db_proxy(DBProxyName="probe", IdleClientTimeout=77)["DBProxy"])
    probe("database-reached", lambda: is_reached(before["Endpoint"]))


def is_reached(host):
    """Something listens where the cluster is said to be."""
    import socket

    try:
        socket.create_connection((host, 5432), timeout=3).close()
        return True
    except OSError:
        return False


def secret():
    """A name is held by what is scheduled for deletion, and AWS says so."""
    keeper = client("secretsmanager")
    keeper.create_secret(Name="probe", SecretString="of-a-probe")
    keeper.delete_secret(SecretId="probe", RecoveryWindowInDays=7)
    try:
        keeper.create_secret(Name="probe", SecretString="of-a-probe")
    except ClientError as error:
        return error.response["Error"]["Code"] == "InvalidRequestException"
    return False


subnets = network()
probe("secret-scheduled", secret)
if sys.argv[2:] != ["network"]:
    database(subnets)
print(json.dumps(sorted(found)))
