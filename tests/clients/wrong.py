"""Walks through what AWS documents as wrong, and first holds each row of `documented` against AWS's own models: the words or the limit
must stand where the row says, and the action must have the error with that status."""

import re
import time
from contextlib import suppress

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

from documented import ALLOW, CLUSTER, COMMON, PAGES, PORT, ROWS, SUBNETS, TRUST
from walk import REGION, client, holds, refused, run, until

LOADER = Loader()
RAW = {service: LOADER.load_service_model(service, "service-2") for service in ROWS}
CLIENTS = {service: client(service) for service in ROWS}


def plain(documentation):
    """Documentation as one line of text."""
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", "", documentation or ""))
    return text.replace("&amp;", "&").replace("&quot;", '"')


def member(model, shape, path):
    """A member of an input: what is said of it, its shape, and whether it is required."""
    name, _, rest = path.partition(".")
    while shape["type"] == "list":
        shape = model["shapes"][shape["member"]["shape"]]
    reference = shape["members"][name]
    found = model["shapes"][reference["shape"]]
    if rest:
        return member(model, found, rest)
    return f"{plain(reference.get('documentation'))} {plain(found.get('documentation'))}", found, name in shape.get("required", [])


def says(model, action, place, words):
    """Whether the model says this there."""
    operation = model["operations"][action]
    if place == "action":
        return words in plain(operation["documentation"])
    if place.startswith("!"):
        named = any(error["shape"] == place[1:] for error in operation["errors"])
        return named and words in plain(model["shapes"][place[1:]].get("documentation"))
    documentation, shape, required = member(model, model["shapes"][operation["input"]["shape"]], place)
    limit, _, value = words.partition(" ")
    if limit in ("min", "max", "pattern"):
        return str(shape.get(limit)) == value
    return {"required": required, "enum": "enum" in shape}.get(words, words in documentation)


def errors(service, action):
    """The errors of an action, each a code and a status."""
    names = [error["shape"] for error in RAW[service]["operations"][action].get("errors", [])]
    found = {name: RAW[service]["shapes"][name].get("error", {}) for name in names}
    return [f"{error.get('code', name)} {error.get('httpStatusCode', 400)}" for name, error in found.items()] + COMMON.get(service, [])


def the_rows_say_what_aws_says():
    for service, rows in ROWS.items():
        for action, _, answer, documented in rows:
            place, _, words = documented.partition(": ")
            there = service in PAGES if place == "page" else says(RAW[service], action, place, words)
            holds(f"{service} {action}: {place} says {words!r}", there)
            # EC2's model has no errors.
            holds(f"{service} {action} has the error {answer}", service == "ec2" or answer in errors(service, action), errors(service, action))


def a_network():
    ec2 = CLIENTS["ec2"]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = lambda third, zone: ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{third}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
    group = lambda name: ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"]
    gateway = lambda: ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    of_vpc = {"Filters": [{"Name": "vpc-id", "Values": [vpc]}]}
    made = {"vpc": vpc, "subnet a": subnet(0, "a"), "second a": subnet(1, "a"), "subnet b": subnet(2, "b")}
    made |= {"group": group("app"), "named group": group("named"), "igw": gateway(), "loose igw": gateway()}
    closed = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    for number, zone in enumerate("ab"):
        subnet = ec2.create_subnet(VpcId=closed, CidrBlock=f"10.1.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]
        made[f"closed {zone}"] = subnet["SubnetId"]
    made["acl"] = ec2.describe_network_acls(**of_vpc)["NetworkAcls"][0]["NetworkAclId"]
    made["main table"] = ec2.describe_route_tables(**of_vpc)["RouteTables"][0]["RouteTableId"]
    made["options"] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"]
    made["table"] = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    made["address"] = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made["list"] = ec2.create_managed_prefix_list(PrefixListName="x", AddressFamily="IPv4", MaxEntries=3)["PrefixList"]["PrefixListId"]
    ec2.attach_internet_gateway(InternetGatewayId=made["igw"], VpcId=vpc)
    rules = [{**PORT, "UserIdGroupPairs": [{"GroupId": made["named group"]}], "IpRanges": [{"CidrIp": "100.68.0.0/18"}]}]
    ec2.authorize_security_group_ingress(GroupId=made["group"], IpPermissions=rules)
    ec2.create_route(RouteTableId=made["table"], DestinationCidrBlock="0.0.0.0/0", GatewayId=made["igw"])
    ec2.associate_route_table(RouteTableId=made["table"], SubnetId=made["subnet a"])
    nat = lambda **more: ec2.create_nat_gateway(**more)["NatGateway"]["NatGatewayId"]
    made["nat"] = nat(SubnetId=made["subnet a"], AllocationId=made["address"])
    made["private nat"] = nat(SubnetId=made["subnet b"], ConnectivityType="private")
    made["primary association"] = ec2.describe_addresses(AllocationIds=[made["address"]])["Addresses"][0]["AssociationId"]
    made |= {name: ec2.allocate_address(Domain="vpc")["AllocationId"] for name in ("second address", "third address")}
    [default] = ec2.describe_security_groups(Filters=of_vpc["Filters"] + [{"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
    made |= {"closed vpc": closed, "default group": default["GroupId"], "shared group": group("shared")}
    ec2.associate_security_group_vpc(GroupId=made["shared group"], VpcId=closed)
    return made


def databases(made):
    rds = CLIENTS["rds"]
    rds.create_db_subnet_group(DBSubnetGroupName="wrong", **filled(SUBNETS, made))
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="used", DBParameterGroupFamily="aurora-postgresql15", Description="x")
    rds.create_db_cluster(**CLUSTER | {"DBClusterIdentifier": "kept", "DeletionProtection": True})
    serverless = {"ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 1}}
    rds.create_db_cluster(**CLUSTER | serverless | {"DBClusterIdentifier": "loose", "DBClusterParameterGroupName": "used"})
    rds.create_db_subnet_group(DBSubnetGroupName="closed", DBSubnetGroupDescription="x", SubnetIds=[made["closed a"], made["closed b"]])
    rds.create_db_cluster(**CLUSTER | serverless | {"DBClusterIdentifier": "closed", "DBSubnetGroupName": "closed"})
    for name in ("loose", "closed"):
        status = lambda: rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["Status"]
        until("a cluster that can be asked for more", status, "available")


def secrets():
    manager = CLIENTS["secretsmanager"]
    older = manager.create_secret(Name="kept", SecretString="x")["VersionId"]
    newer = manager.put_secret_value(SecretId="kept", SecretString="y")["VersionId"]
    manager.create_secret(Name="both", SecretString="x", AddReplicaRegions=[{"Region": "eu-west-3"}])
    manager.create_secret(Name="going", SecretString="x")
    manager.delete_secret(SecretId="going")
    return {"older version": older, "version": newer}


def roles():
    iam = CLIENTS["iam"]
    iam.create_role(RoleName="kept", AssumeRolePolicyDocument=TRUST)
    with suppress(iam.exceptions.InvalidInputException):  # There from the first cluster on.
        iam.create_service_linked_role(AWSServiceName="rds.amazonaws.com")
    iam.create_instance_profile(InstanceProfileName="kept")
    iam.add_role_to_instance_profile(InstanceProfileName="kept", RoleName="kept")
    policy = iam.create_policy(PolicyName="kept", PolicyDocument=ALLOW)["Policy"]["Arn"]
    for _ in range(4):
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=ALLOW)
    iam.attach_role_policy(RoleName="kept", PolicyArn=policy)
    return {"policy": policy}


def given():
    """What the rows need to be wrong about, by the names they use."""
    made = a_network()
    databases(made)
    CLIENTS["ssm"].put_parameter(Name="/kept", Value="x", Type="String")
    CLIENTS["ssm"].put_parameter(Name="/advanced", Value="x", Type="String", Tier="Advanced")
    CLIENTS["logs"].create_log_group(logGroupName="kept")
    CLIENTS["logs"].create_log_stream(logGroupName="kept", logStreamName="kept")
    now = int(time.time() * 1000)
    return made | secrets() | roles() | {"now": now, "two days ago": now - 2 * 86_400_000}


def filled(value, made):
    """A row's parameters, with what was made in place of its names."""
    if isinstance(value, dict):
        return {key: filled(one, made) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, made) for one in value]
    name = isinstance(value, str) and re.fullmatch("<(.+)>", value)
    return made[name[1]] if name else value


def each_is_refused_as_documented():
    made = given()
    for service, rows in ROWS.items():
        for action, parameters, answer, documented in rows:
            code, status = answer.split()
            refused(f"{service} {action}, {documented}", code, getattr(CLIENTS[service], xform_name(action)), int(status), **filled(parameters, made))


run(the_rows_say_what_aws_says, each_is_refused_as_documented)
