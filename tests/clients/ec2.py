"""EC2's network: what a VPC brings along, subnets, gateways, routes, security groups, endpoints, interfaces, tags."""

import json
import re

from botocore import xform_name
from botocore.exceptions import ClientError
from walk import ACCOUNT, client, equal, holds, pages, refused, run, tags, until

ec2 = client("ec2")
MISSING = "0123456789abcdef0"
ANYWHERE = "0.0.0.0/0"
ZONE_A, ZONE_B = "eu-central-1a", "eu-central-1b"


def where(**filters):
    """Filters, as in `where(vpc_id=vpc)`; two underscores are a dot."""
    return [{"Name": name.replace("__", ".").replace("_", "-"), "Values": values if isinstance(values, list) else [values]} for name, values in filters.items()]


def tagged(kind, **pairs):
    return [{"ResourceType": kind, "Tags": tags(**pairs)}]


def ids(items, key):
    return sorted(item[key] for item in items)


def a_vpc(cidr="10.0.0.0/16"):
    return ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]


def a_subnet(vpc, cidr="10.0.0.0/24", zone=ZONE_A):
    return ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]


def a_group(vpc, name="app"):
    return ec2.create_security_group(GroupName=name, Description=f"the {name}", VpcId=vpc)["GroupId"]


def a_connected_vpc():
    """A VPC with an internet gateway."""
    vpc, gateway = a_vpc(), ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return vpc, gateway


def delete_network(vpc, *gateways):
    for subnet in ec2.describe_subnets(Filters=where(vpc_id=vpc))["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for gateway in gateways:
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_vpc(VpcId=vpc)
    refused("the VPC is gone", "InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=[vpc])


def vpcs():
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", Name="walk"))["Vpc"]
    vpc = made["VpcId"]
    equal(
        "a new VPC",
        (made["State"], made["OwnerId"], made["IsDefault"], made["InstanceTenancy"], made["Tags"]),
        ("pending", ACCOUNT, False, "default", tags(Name="walk")),
    )
    ec2.get_waiter("vpc_available").wait(VpcIds=[vpc])
    refused("larger than /16", "InvalidVpc.Range", ec2.create_vpc, CidrBlock="10.0.0.0/8")
    refused("no CIDR", "InvalidParameterValue", ec2.create_vpc, CidrBlock="10.0.0.0")
    refused("nothing", "MissingParameter", ec2.create_vpc)
    refused("a subnet's tags", "InvalidParameterValue", ec2.create_vpc, CidrBlock="10.0.0.0/16", TagSpecifications=tagged("subnet", a="b"))
    refused("a dry run", "DryRunOperation", ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True, status=412)
    refused("a VPC that is not there", "InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=[f"vpc-{MISSING}"])
    refused("an unknown filter", "InvalidParameterValue", ec2.describe_vpcs, Filters=where(nonsense="x"))
    for name, filters, found in (
        ("cidr", where(cidr="10.0.0.0/16"), [vpc]),
        ("a tag, with a wildcard", where(**{"tag:Name": "wa*"}), [vpc]),
        ("another tag", where(**{"tag:Name": "x"}), []),
        ("several at once", where(tag_key="Name", vpc_id=vpc, state="available"), [vpc]),
    ):
        equal(f"by {name}", ids(ec2.describe_vpcs(Filters=filters)["Vpcs"], "VpcId"), found)

    def attribute(name):
        answer = ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)
        return answer[name[0].upper() + name[1:]]["Value"]

    equal("DNS", (attribute("enableDnsSupport"), attribute("enableDnsHostnames")), (True, False))
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    equal("DNS host names", attribute("enableDnsHostnames"), True)
    refused(
        "two attributes at once",
        "InvalidParameterCombination",
        ec2.modify_vpc_attribute,
        VpcId=vpc,
        EnableDnsHostnames={"Value": True},
        EnableDnsSupport={"Value": True},
    )
    more = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.0/16")["CidrBlockAssociation"]
    equal("a second CIDR", more["CidrBlockState"]["State"], "associating")
    ec2.disassociate_vpc_cidr_block(AssociationId=more["AssociationId"])
    refused(
        "without its first CIDR", "OperationNotPermitted", ec2.disassociate_vpc_cidr_block, AssociationId=made["CidrBlockAssociationSet"][0]["AssociationId"]
    )
    delete_network(vpc)


def what_a_vpc_brings_along():
    vpc = a_vpc()
    [table] = ec2.describe_route_tables(Filters=where(vpc_id=vpc))["RouteTables"]
    equal("the main route table", table["Associations"][0]["Main"], True)
    equal("the local route", table["Routes"], [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}])
    [group] = ec2.describe_security_groups(Filters=where(vpc_id=vpc))["SecurityGroups"]
    [inward] = group["IpPermissions"]
    equal(
        "the default security group lets itself in",
        (group["GroupName"], inward["IpProtocol"], inward["UserIdGroupPairs"][0]["GroupId"]),
        ("default", "-1", group["GroupId"]),
    )
    holds("all protocols have no ports", "FromPort" not in inward, inward)
    equal("and lets everything out", group["IpPermissionsEgress"][0]["IpRanges"], [{"CidrIp": ANYWHERE}])
    [acl] = ec2.describe_network_acls(Filters=where(vpc_id=vpc, default="true"))["NetworkAcls"]
    equal("two rules each way", len(acl["Entries"]), 4)
    refused("the default group stays", "CannotDelete", ec2.delete_security_group, GroupId=group["GroupId"])
    refused("the main route table stays", "DependencyViolation", ec2.delete_route_table, RouteTableId=table["RouteTableId"])
    delete_network(vpc)


def zones():
    found = ec2.describe_availability_zones()["AvailabilityZones"]
    holds("three of Frankfurt", ids(found, "ZoneName")[:3] == [ZONE_A, ZONE_B, "eu-central-1c"] and found[0]["State"] == "available", found)
    refused("a zone that is not there", "InvalidParameterValue", ec2.describe_availability_zones, ZoneNames=["eu-central-1z"])
    equal("a region", ec2.describe_regions(RegionNames=["us-east-1"])["Regions"][0]["Endpoint"], "ec2.us-east-1.amazonaws.com")


def subnets():
    vpc = a_vpc()
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=ZONE_A, TagSpecifications=tagged("subnet", tier="public"))["Subnet"]
    subnet = made["SubnetId"]
    equal("five addresses are AWS's", made["AvailableIpAddressCount"], 251)
    equal("the ARN", made["SubnetArn"], f"arn:aws:ec2:eu-central-1:{ACCOUNT}:subnet/{subnet}")
    ec2.get_waiter("subnet_available").wait(SubnetIds=[subnet])
    for what, code, parameters in (
        ("overlapping", "InvalidSubnet.Conflict", {"CidrBlock": "10.0.0.128/25"}),
        ("outside the VPC", "InvalidSubnet.Range", {"CidrBlock": "10.9.0.0/24"}),
        ("smaller than /28", "InvalidSubnet.Range", {"CidrBlock": "10.0.1.0/29"}),
        ("in no zone", "InvalidParameterValue", {"CidrBlock": "10.0.1.0/24", "AvailabilityZone": "eu-central-1z"}),
        ("in two zones", "InvalidParameterCombination", {"CidrBlock": "10.0.1.0/24", "AvailabilityZone": ZONE_A, "AvailabilityZoneId": "euc1-az3"}),
        ("without a CIDR", "MissingParameter", {}),
        ("in no VPC", "InvalidVpcID.NotFound", {"CidrBlock": "10.0.1.0/24", "VpcId": f"vpc-{MISSING}"}),
    ):
        refused(f"a subnet {what}", code, ec2.create_subnet, **({"VpcId": vpc} | parameters))
    reserve = {"SubnetId": subnet, "ReservationType": "explicit"}
    refused("a reservation elsewhere", "InvalidParameterValue", ec2.create_subnet_cidr_reservation, **reserve, Cidr="10.0.1.0/28")
    kept = ec2.create_subnet_cidr_reservation(**reserve, Cidr="10.0.0.0/28", Description="the first")["SubnetCidrReservation"]
    refused("one over another", "InvalidParameterValue", ec2.create_subnet_cidr_reservation, **reserve, Cidr="10.0.0.8/29")
    equal("one", [(one["Cidr"], one["Description"]) for one in ec2.get_subnet_cidr_reservations(SubnetId=subnet)["SubnetIpv4CidrReservations"]], [("10.0.0.0/28", "the first")])
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    equal("what is kept back is not given out", interface["PrivateIpAddress"], "10.0.0.16")
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=kept["SubnetCidrReservationId"])
    equal("none", ec2.get_subnet_cidr_reservations(SubnetId=subnet)["SubnetIpv4CidrReservations"], [])
    refused("a VPC that cannot be one", "InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=["foo"])
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    equal("public addresses", ids(ec2.describe_subnets(Filters=where(map_public_ip_on_launch="true"))["Subnets"], "SubnetId"), [subnet])
    equal("by tag", ids(ec2.describe_subnets(Filters=where(**{"tag:tier": "public"}))["Subnets"], "SubnetId"), [subnet])
    refused("a subnet that is not there", "InvalidSubnetID.NotFound", ec2.describe_subnets, SubnetIds=[f"subnet-{MISSING}"])
    refused("a VPC with subnets", "DependencyViolation", ec2.delete_vpc, VpcId=vpc)
    for number in range(100, 110):
        a_subnet(vpc, f"10.0.{number}.0/24", ZONE_B)
    listed = ids(pages(ec2, "describe_subnets", "Subnets", 5, Filters=where(vpc_id=vpc)), "SubnetId")
    equal("page by page, each once", len(set(listed)), 11)
    refused("pages of named ones", "InvalidParameterCombination", ec2.describe_subnets, MaxResults=5, SubnetIds=[subnet])
    refused("pages of three", "InvalidParameterValue", ec2.describe_subnets, MaxResults=3)
    delete_network(vpc)


def internet_gateways():
    vpc = a_vpc()
    made = ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway", Name="way out"))["InternetGateway"]
    gateway = made["InternetGatewayId"]
    equal("not attached", made["Attachments"], [])
    refused("to be detached", "Gateway.NotAttached", ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    refused("attached already", "Resource.AlreadyAssociated", ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    [found] = ec2.describe_internet_gateways(Filters=where(attachment__vpc_id=vpc))["InternetGateways"]
    equal("attached", found["Attachments"], [{"State": "available", "VpcId": vpc}])
    refused("deletion while attached", "DependencyViolation", ec2.delete_internet_gateway, InternetGatewayId=gateway)
    refused("the VPC's deletion", "DependencyViolation", ec2.delete_vpc, VpcId=vpc)
    delete_network(vpc, gateway)


def nat_gateways():
    vpc, gateway = a_connected_vpc()
    subnet, other = a_subnet(vpc), a_subnet(vpc, "10.0.1.0/24", ZONE_B)
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip", Name="e"))
    elastic = address["AllocationId"]
    equal("an address by its IP", ids(ec2.describe_addresses(PublicIps=[address["PublicIp"]])["Addresses"], "AllocationId"), [elastic])
    name = lambda: ec2.describe_addresses_attribute(AllocationIds=[elastic], Attribute="domain-name")["Addresses"][0].get("PtrRecord")
    equal("its name", ec2.modify_address_attribute(AllocationId=elastic, DomainName="mail.example.com")["Address"]["PtrRecord"], "mail.example.com.")
    equal("is told", name(), "mail.example.com.")
    ec2.reset_address_attribute(AllocationId=elastic, Attribute="domain-name")
    equal("and forgotten", name(), None)
    refused("an address that is not ours", "InvalidAddress.NotFound", ec2.describe_addresses, PublicIps=["192.0.2.4"])
    refused("an allocation that is not there", "InvalidAllocationID.NotFound", ec2.release_address, AllocationId=f"eipalloc-{MISSING}")
    refused("in no subnet", "InvalidSubnetID.NotFound", ec2.create_nat_gateway, SubnetId=f"subnet-{MISSING}", AllocationId=elastic)
    refused("without an address", "MissingParameter", ec2.create_nat_gateway, SubnetId=subnet)
    asked = {"SubnetId": subnet, "AllocationId": elastic, "ClientToken": "once", "TagSpecifications": tagged("natgateway", Name="n")}
    made = ec2.create_nat_gateway(**asked)["NatGateway"]
    nat = made["NatGatewayId"]
    equal("pending", made["State"], "pending")
    equal("the same request is the same gateway", ec2.create_nat_gateway(**asked)["NatGateway"]["NatGatewayId"], nat)
    refused("the same token for another", "IdempotentParameterMismatch", ec2.create_nat_gateway, SubnetId=other, AllocationId=elastic, ClientToken="once")
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
    [found] = ec2.describe_nat_gateways(Filter=where(vpc_id=vpc, state="available"))["NatGateways"]
    equal("its address", found["NatGatewayAddresses"][0]["PublicIp"], address["PublicIp"])
    [interface] = ec2.describe_network_interfaces(NetworkInterfaceIds=[found["NatGatewayAddresses"][0]["NetworkInterfaceId"]])["NetworkInterfaces"]
    equal("its interface", (interface["InterfaceType"], interface["Status"], interface["RequesterManaged"]), ("nat_gateway", "in-use", True))
    second = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=elastic)["NatGateway"]["NatGatewayId"]
    [failed] = ec2.describe_nat_gateways(NatGatewayIds=[second])["NatGateways"]
    equal("a second one with that address", (failed["State"], failed["FailureCode"]), ("failed", "Resource.AlreadyAssociated"))
    refused("its interface is not ours", "OperationNotPermitted", ec2.detach_network_interface, AttachmentId=interface["Attachment"]["AttachmentId"])
    refused("the address in use", "InvalidIPAddress.InUse", ec2.release_address, AllocationId=elastic)
    refused("the way out in use", "DependencyViolation", ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    refused("the subnet in use", "DependencyViolation", ec2.delete_subnet, SubnetId=subnet)
    refused("one that is not there", "NatGatewayNotFound", ec2.delete_nat_gateway, NatGatewayId=f"nat-{MISSING}")
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat])
    [gone] = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
    holds("listed after its death", gone["State"] == "deleted" and "DeleteTime" in gone, gone)
    ec2.delete_nat_gateway(NatGatewayId=second)
    ec2.release_address(AllocationId=elastic)
    delete_network(vpc, gateway)


def an_address():
    return ec2.allocate_address(Domain="vpc")["AllocationId"]


def secondary_addresses_of_nat_gateways():
    vpc, gateway = a_connected_vpc()
    subnet = a_subnet(vpc)
    first, second, third = an_address(), an_address(), an_address()
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=first, PrivateIpAddress="10.0.0.40")["NatGateway"]
    nat = made["NatGatewayId"]
    told = lambda gateway: ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]["NatGatewayAddresses"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
    [primary] = told(nat)
    equal("the primary address", (primary["IsPrimary"], primary["Status"], primary["PrivateIp"]), (True, "succeeded", "10.0.0.40"))
    associate = lambda **more: ec2.associate_nat_gateway_address(**({"NatGatewayId": nat, "AllocationIds": [second]} | more))
    for what, code, wrong in (
        ("of no gateway", "NatGatewayNotFound", {"NatGatewayId": f"nat-{MISSING}"}),
        ("that is not there", "InvalidAllocationID.NotFound", {"AllocationIds": [f"eipalloc-{MISSING}"]}),
        ("without one", "MissingParameter", {"AllocationIds": []}),
        ("outside the subnet", "InvalidParameterValue", {"PrivateIpAddresses": ["10.9.0.1"]}),
        ("that the gateway has", "InvalidIPAddress.InUse", {"PrivateIpAddresses": ["10.0.0.40"]}),
        ("more than AWS allows", "AddressLimitExceeded", {"AllocationIds": [second, third]}),
        ("in a zone of a zonal gateway", "UnsupportedOperation", {"AvailabilityZone": ZONE_A}),
    ):
        refused(f"an address {what}", code, associate, **wrong)
    answer = associate(PrivateIpAddresses=["10.0.0.50"])
    [coming] = answer["NatGatewayAddresses"]
    equal(
        "on its way, the rest is not known yet",
        (answer["NatGatewayId"], coming["AllocationId"], coming["IsPrimary"], coming["Status"], "PublicIp" in coming),
        (nat, second, False, "associating", False),
    )
    until("it is there", lambda: [one["Status"] for one in told(nat)], ["succeeded", "succeeded"])
    there = told(nat)[1]
    [address] = ec2.describe_addresses(AllocationIds=[second])["Addresses"]
    equal(
        "the elastic address says so as well",
        (address["AssociationId"], address["PrivateIpAddress"], address["NetworkInterfaceId"], address["PublicIp"]),
        (there["AssociationId"], "10.0.0.50", primary["NetworkInterfaceId"], there["PublicIp"]),
    )
    [interface] = ec2.describe_network_interfaces(NetworkInterfaceIds=[primary["NetworkInterfaceId"]])["NetworkInterfaces"]
    equal("and the interface", [one["Association"]["AllocationId"] for one in interface["PrivateIpAddresses"]], [first, second])
    refused("one too many", "AddressLimitExceeded", associate, AllocationIds=[third])
    refused("the address in use", "InvalidIPAddress.InUse", ec2.release_address, AllocationId=second)
    refused("it is the gateway's", ("AuthFailure", "OperationNotPermitted"), ec2.disassociate_address, AssociationId=there["AssociationId"])
    refused("its private address", "InvalidIPAddress.InUse", ec2.create_network_interface, SubnetId=subnet, PrivateIpAddress="10.0.0.50")
    away = lambda **more: ec2.disassociate_nat_gateway_address(**({"NatGatewayId": nat, "AssociationIds": [there["AssociationId"]]} | more))
    for what, codes, wrong in (
        ("the primary one", ("InvalidParameter", "InvalidParameterValue"), {"AssociationIds": [primary["AssociationId"]]}),
        ("one that is not there", "InvalidAssociationID.NotFound", {"AssociationIds": ["eipassoc-" + MISSING]}),
        ("in no time", "InvalidParameterValue", {"MaxDrainDurationSeconds": 0}),
        ("in too much time", "InvalidParameterValue", {"MaxDrainDurationSeconds": 4001}),
        ("of a public gateway as if it were private", "InvalidParameter", None),
    ):
        if wrong is None:
            refused(what, codes, ec2.unassign_private_nat_gateway_address, NatGatewayId=nat, PrivateIpAddresses=["10.0.0.50"])
        else:
            refused(what, codes, away, **wrong)
    [leaving] = away(MaxDrainDurationSeconds=1)["NatGatewayAddresses"]
    equal("on its way out, all of it is told", (leaving["Status"], leaving["PublicIp"], leaving["PrivateIp"]), ("disassociating", there["PublicIp"], "10.0.0.50"))
    until("it is gone", lambda: told(nat), [primary])
    ec2.release_address(AllocationId=second)
    other = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=third, SecondaryAllocationIds=[first])["NatGateway"]["NatGatewayId"]
    [failed] = ec2.describe_nat_gateways(NatGatewayIds=[other])["NatGateways"]
    equal("a secondary address that is another's", (failed["State"], failed["FailureCode"]), ("failed", "Resource.AlreadyAssociated"))
    lost = associate(AllocationIds=[third])["NatGatewayAddresses"]
    equal("what the failed one had is free again", [one["Status"] for one in lost], ["associating"])
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat])
    refused("a gateway that is no more", "NatGatewayNotFound", associate)
    for elastic in (first, third):
        ec2.release_address(AllocationId=elastic)
    delete_network(vpc, gateway)


def private_nat_gateways():
    vpc = a_vpc()
    subnet = a_subnet(vpc)
    private = {"SubnetId": subnet, "ConnectivityType": "private"}
    for what, wrong in (
        ("addresses and their number", {"SecondaryPrivateIpAddresses": ["10.0.0.9"], "SecondaryPrivateIpAddressCount": 1}),
        ("an elastic address", {"SecondaryAllocationIds": [f"eipalloc-{MISSING}"]}),
    ):
        refused(f"a private gateway with {what}", "InvalidParameterCombination", ec2.create_nat_gateway, **(private | wrong))
    nat = ec2.create_nat_gateway(**private, SecondaryPrivateIpAddressCount=1)["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
    told = lambda: ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["NatGatewayAddresses"]
    equal("two addresses", [(one["PrivateIp"], one["IsPrimary"]) for one in told()], [("10.0.0.4", True), ("10.0.0.5", False)])
    assign = lambda **more: ec2.assign_private_nat_gateway_address(NatGatewayId=nat, **more)
    refused("none", "MissingParameter", assign)
    refused("addresses and their number", "InvalidParameterCombination", assign, PrivateIpAddresses=["10.0.0.9"], PrivateIpAddressCount=1)
    refused("more than 31", "InvalidParameterValue", assign, PrivateIpAddressCount=32)
    refused("more than a gateway has", "AddressLimitExceeded", assign, PrivateIpAddressCount=7)
    refused("an elastic one", ("InvalidParameter", "InvalidAllocationID.NotFound"), ec2.associate_nat_gateway_address, NatGatewayId=nat, AllocationIds=[f"eipalloc-{MISSING}"])
    equal("on their way", [(one["Status"], "PrivateIp" in one) for one in assign(PrivateIpAddressCount=2)["NatGatewayAddresses"]], [("assigning", False)] * 2)
    until("four addresses", lambda: [one.get("PrivateIp") for one in told() if one["Status"] == "succeeded"], ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7"])
    equal("they are the subnet's", ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"], 247)
    unassign = lambda *addresses: ec2.unassign_private_nat_gateway_address(NatGatewayId=nat, PrivateIpAddresses=list(addresses))
    refused("the primary one", ("InvalidParameter", "InvalidParameterValue"), lambda: unassign("10.0.0.4"))
    refused("one that it has not", ("InvalidParameter", "InvalidParameterValue"), lambda: unassign("10.0.0.77"))
    equal("on their way out", [(one["Status"], one["PrivateIp"]) for one in unassign("10.0.0.5", "10.0.0.7")["NatGatewayAddresses"]], [("unassigning", "10.0.0.5"), ("unassigning", "10.0.0.7")])
    until("gone", lambda: [one["PrivateIp"] for one in told()], ["10.0.0.4", "10.0.0.6"])
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat])
    delete_network(vpc)


def elastic_addresses_of_interfaces():
    vpc, gateway = a_connected_vpc()
    subnet = a_subnet(vpc)
    one, other = (ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"] for _ in "ab")
    ec2.assign_private_ip_addresses(NetworkInterfaceId=one, PrivateIpAddresses=["10.0.0.60"])
    elastic = an_address()
    refused("to an address that it has not", "InvalidParameterValue", ec2.associate_address, AllocationId=elastic, NetworkInterfaceId=one, PrivateIpAddress="10.0.0.61")
    ec2.associate_address(AllocationId=elastic, NetworkInterfaceId=one, PrivateIpAddress="10.0.0.60")
    where_to = lambda: [(found.get("NetworkInterfaceId"), found.get("PrivateIpAddress")) for found in ec2.describe_addresses(AllocationIds=[elastic])["Addresses"]]
    equal("to a secondary address", where_to(), [(one, "10.0.0.60")])
    ec2.assign_private_ip_addresses(NetworkInterfaceId=other, PrivateIpAddresses=["10.0.0.60"], AllowReassignment=True)
    equal("it moves with the private one", where_to(), [(other, "10.0.0.60")])
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=other, PrivateIpAddresses=["10.0.0.60"])
    equal("and is free with it", where_to(), [(None, None)])
    ec2.release_address(AllocationId=elastic)
    for interface in (one, other):
        ec2.delete_network_interface(NetworkInterfaceId=interface)
    delete_network(vpc, gateway)


def groups_of_other_vpcs():
    vpc, other = a_vpc(), a_vpc("10.1.0.0/16")
    subnet, group = a_subnet(other, "10.1.0.0/24"), a_group(vpc)
    pair = {"GroupId": group, "VpcId": other}
    [default] = ec2.describe_security_groups(Filters=where(vpc_id=vpc, group_name="default"))["SecurityGroups"]
    refused("not of this VPC", "InvalidGroup.NotFound", ec2.create_network_interface, SubnetId=subnet, Groups=[group])
    for what, codes, wrong in (
        ("no group", "InvalidGroup.NotFound", {"GroupId": f"sg-{MISSING}"}),
        ("no VPC", "InvalidVpcID.NotFound", {"VpcId": f"vpc-{MISSING}"}),
        ("a default group", ("OperationNotPermitted", "InvalidParameterValue"), {"GroupId": default["GroupId"]}),
        ("its own VPC", ("Resource.AlreadyAssociated", "InvalidParameterValue"), {"VpcId": vpc}),
    ):
        refused(f"to associate {what}", codes, ec2.associate_security_group_vpc, **(pair | wrong))
    refused("to end what is not", "InvalidGroup.NotFound", ec2.disassociate_security_group_vpc, **pair)
    refused("only to try it", "DryRunOperation", ec2.associate_security_group_vpc, **pair, DryRun=True, status=412)
    equal("it begins", ec2.associate_security_group_vpc(**pair)["State"], "associating")
    ec2.get_waiter("security_group_vpc_association_associated").wait(Filters=where(group_id=group))
    told = lambda **filters: ec2.describe_security_group_vpc_associations(Filters=where(**filters))["SecurityGroupVpcAssociations"]
    whole = {"GroupId": group, "GroupOwnerId": ACCOUNT, "VpcId": other, "VpcOwnerId": ACCOUNT, "State": "associated"}
    for filters in ({"group_id": group}, {"vpc_id": other}, {"state": "associated"}, {"vpc_owner_id": ACCOUNT}):
        equal(f"by {', '.join(filters)}", told(**filters), [whole])
    equal("none of its own VPC", told(vpc_id=vpc), [])
    refused("an unknown filter", "InvalidParameterValue", lambda: told(colour="red"))
    refused("once more", ("Resource.AlreadyAssociated", "InvalidParameterValue"), ec2.associate_security_group_vpc, **pair)
    usable = ec2.get_security_groups_for_vpc(VpcId=other)["SecurityGroupForVpcs"]
    holds("it is one of those for the VPC", (group, vpc) in [(one["GroupId"], one["PrimaryVpcId"]) for one in usable], usable)
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
    equal("an interface is in it", (interface["VpcId"], ids(interface["Groups"], "GroupId")), (other, [group]))
    refused("the group, while another VPC uses it", "DependencyViolation", ec2.delete_security_group, GroupId=group)
    equal("the end begins", ec2.disassociate_security_group_vpc(**pair)["State"], "disassociating")
    until("and fails while something is in the group", lambda: [one["State"] for one in told(group_id=group)], ["disassociation-failed"])
    holds("saying why", interface["NetworkInterfaceId"] in told(group_id=group)[0]["StateReason"], told(group_id=group))
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    refused("the group, associated still", "DependencyViolation", ec2.delete_security_group, GroupId=group)
    ec2.disassociate_security_group_vpc(**pair)
    ec2.get_waiter("security_group_vpc_association_disassociated").wait(Filters=where(group_id=group))
    equal("gone", told(group_id=group), [])
    refused("not of this VPC any more", "InvalidGroup.NotFound", ec2.create_network_interface, SubnetId=subnet, Groups=[group])
    ec2.delete_security_group(GroupId=group)
    for one in (other, vpc):
        delete_network(one)


def route_tables():
    vpc, gateway = a_connected_vpc()
    subnet = a_subnet(vpc)
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=tagged("route-table", Name="r"))["RouteTable"]["RouteTableId"]
    equal("accepted", ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, GatewayId=gateway)["Return"], True)
    refused("a route twice", "RouteAlreadyExists", ec2.create_route, RouteTableId=table, DestinationCidrBlock=ANYWHERE, GatewayId=gateway)
    refused("to no gateway", "InvalidGatewayID.NotFound", ec2.create_route, RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", GatewayId=f"igw-{MISSING}")
    refused(
        "to no NAT gateway",
        "InvalidNatGatewayID.NotFound",
        ec2.create_route,
        RouteTableId=table,
        DestinationCidrBlock="192.0.2.0/24",
        NatGatewayId=f"nat-{MISSING}",
    )
    refused("of no table", "InvalidRouteTableID.NotFound", ec2.create_route, RouteTableId=f"rtb-{MISSING}", DestinationCidrBlock=ANYWHERE, GatewayId=gateway)
    refused("to nowhere", "MissingParameter", ec2.create_route, RouteTableId=table, DestinationCidrBlock="192.0.2.0/24")
    refused("deletion of a route that is not there", "InvalidRoute.NotFound", ec2.delete_route, RouteTableId=table, DestinationCidrBlock="192.0.2.0/24")
    refused("deletion of the local route", "InvalidParameterValue", ec2.delete_route, RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    refused("a second table for a subnet", "Resource.AlreadyAssociated", ec2.associate_route_table, RouteTableId=other, SubnetId=subnet)
    refused("deletion while in use", "DependencyViolation", ec2.delete_route_table, RouteTableId=table)
    moved = ec2.replace_route_table_association(AssociationId=association, RouteTableId=other)["NewAssociationId"]
    equal("moved", ids(ec2.describe_route_tables(Filters=where(association__subnet_id=subnet))["RouteTables"], "RouteTableId"), [other])
    refused("the association that was", "InvalidAssociationID.NotFound", ec2.disassociate_route_table, AssociationId=association)
    ec2.disassociate_route_table(AssociationId=moved)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    [found] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    equal("a route whose gateway was detached", [route["State"] for route in found["Routes"]], ["active", "blackhole"])
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    for one in (table, other):
        ec2.delete_route_table(RouteTableId=one)
    delete_network(vpc, gateway)


def security_groups():
    vpc = a_vpc()
    refused("in no VPC", "InvalidVpcID.NotFound", ec2.create_security_group, GroupName="a", Description="a", VpcId=f"vpc-{MISSING}")
    app, database = a_group(vpc), a_group(vpc, "database")
    for what, code, name, description in (
        ("a name that is taken", "InvalidGroup.Duplicate", "app", "x"),
        ("AWS's name", "InvalidParameterValue", "default", "x"),
        ("a name like an id", "InvalidParameterValue", "sg-x", "x"),
        ("a dash that AWS does not take", "InvalidParameterValue", "ok", "em — dash"),
    ):
        refused(what, code, ec2.create_security_group, GroupName=name, Description=description, VpcId=vpc)
    wanted = [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": app, "Description": "from the app"}]}]
    [rule] = ec2.authorize_security_group_ingress(GroupId=database, IpPermissions=wanted)["SecurityGroupRules"]
    equal("the rule", (rule["ReferencedGroupInfo"]["GroupId"], rule["IsEgress"], rule["FromPort"]), (app, False, 5432))
    refused("the rule again", "InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=database, IpPermissions=wanted)
    web = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": ANYWHERE}
    refused("one port only", "InvalidParameterValue", ec2.authorize_security_group_ingress, GroupId=app, IpProtocol="tcp", FromPort=80, CidrIp=ANYWHERE)
    refused("no CIDR", "InvalidParameterValue", ec2.authorize_security_group_ingress, GroupId=app, **(web | {"CidrIp": "0.0.0.0/33"}))
    refused("of no group", "InvalidGroup.NotFound", ec2.authorize_security_group_ingress, GroupId=f"sg-{MISSING}", **web)
    refused(
        "from no group",
        "InvalidGroup.NotFound",
        ec2.authorize_security_group_ingress,
        GroupId=app,
        IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": f"sg-{MISSING}"}]}],
    )
    refused("a rule that is not there", "InvalidPermission.NotFound", ec2.revoke_security_group_ingress, GroupId=app, **web)
    [found] = ec2.describe_security_groups(GroupIds=[database])["SecurityGroups"]
    equal("as told", found["IpPermissions"][0]["UserIdGroupPairs"], [{"Description": "from the app", "UserId": ACCOUNT, "GroupId": app}])
    equal("by who may come in", ids(ec2.describe_security_groups(Filters=where(ip_permission__group_id=app))["SecurityGroups"], "GroupId"), [database])
    change = {"IpProtocol": "tcp", "FromPort": 5433, "ToPort": 5433, "ReferencedGroupId": app, "Description": "new"}
    ec2.modify_security_group_rules(GroupId=database, SecurityGroupRules=[{"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": change}])
    [now] = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])["SecurityGroupRules"]
    equal("modified", (now["FromPort"], now["Description"]), (5433, "new"))
    refused("a group that another names", "DependencyViolation", ec2.delete_security_group, GroupId=app)
    ec2.revoke_security_group_ingress(GroupId=database, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    refused(
        "revoked already",
        "InvalidSecurityGroupRuleId.NotFound",
        ec2.revoke_security_group_ingress,
        GroupId=database,
        SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]],
    )
    ec2.revoke_security_group_egress(GroupId=database, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]}])
    ec2.authorize_security_group_egress(
        GroupId=database, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.7/8"}]}]
    )
    [found] = ec2.describe_security_groups(GroupIds=[database])["SecurityGroups"]
    equal("a CIDR is told without its host's part", found["IpPermissionsEgress"][0]["IpRanges"], [{"CidrIp": "10.0.0.0/8"}])
    for group in (app, database):
        ec2.delete_security_group(GroupId=group)
    delete_network(vpc)


def endpoints():
    vpc = a_vpc()
    subnet, other, group = a_subnet(vpc), a_subnet(vpc, "10.0.1.0/24", ZONE_B), a_group(vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    secrets, s3 = (f"com.amazonaws.eu-central-1.{service}" for service in ("secretsmanager", "s3"))
    equal("services", sorted(ec2.describe_vpc_endpoint_services(ServiceNames=[secrets, s3])["ServiceNames"]), [s3, secrets])
    refused("a service that is not there", "InvalidServiceName", ec2.create_vpc_endpoint, VpcId=vpc, ServiceName="com.amazonaws.eu-central-1.nothing")
    refused("a gateway to a service that has none", "InvalidParameter", ec2.create_vpc_endpoint, VpcId=vpc, ServiceName=secrets)
    gateway = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=s3, RouteTableIds=[table])["VpcEndpoint"]["VpcEndpointId"]
    policy = ec2.describe_vpc_endpoints(VpcEndpointIds=[gateway])["VpcEndpoints"][0]["PolicyDocument"]
    equal("the version of a gateway's policy", json.loads(policy)["Version"], "2008-10-17")
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    holds(
        "its route, to a prefix list", any(route.get("GatewayId") == gateway and route["DestinationPrefixListId"].startswith("pl-") for route in routes), routes
    )
    made = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=secrets, VpcEndpointType="Interface", SubnetIds=[subnet], SecurityGroupIds=[group], PrivateDnsEnabled=False
    )["VpcEndpoint"]
    interface = made["VpcEndpointId"]
    equal("an interface in each subnet", (made["State"], len(made["NetworkInterfaceIds"]), made["Groups"][0]["GroupId"]), ("pending", 1, group))
    refused("private names without DNS", "InvalidParameter", ec2.modify_vpc_endpoint, VpcEndpointId=interface, PrivateDnsEnabled=True)
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    ec2.modify_vpc_endpoint(VpcEndpointId=interface, PrivateDnsEnabled=True, AddSubnetIds=[other])
    [found] = ec2.describe_vpc_endpoints(Filters=where(vpc_endpoint_type="Interface", vpc_id=vpc))["VpcEndpoints"]
    equal("another subnet", sorted(found["SubnetIds"]), sorted([subnet, other]))
    holds(
        "the service's name in the VPC",
        any(entry["DnsName"] == "secretsmanager.eu-central-1.amazonaws.com" for entry in found["DnsEntries"]),
        found["DnsEntries"],
    )
    refused(
        "a second one with the same name",
        "InvalidParameter",
        ec2.create_vpc_endpoint,
        VpcId=vpc,
        ServiceName=secrets,
        VpcEndpointType="Interface",
        SubnetIds=[subnet],
        PrivateDnsEnabled=True,
    )
    refused("its group in use", "DependencyViolation", ec2.delete_security_group, GroupId=group)
    refused("its subnet in use", "DependencyViolation", ec2.delete_subnet, SubnetId=subnet)
    [missing] = ec2.delete_vpc_endpoints(VpcEndpointIds=[interface, gateway, f"vpce-{MISSING}"])["Unsuccessful"]
    equal("told of one that is not there", missing["Error"]["Code"], "InvalidVpcEndpointId.NotFound")
    equal("none", ec2.describe_vpc_endpoints(Filters=where(vpc_id=vpc))["VpcEndpoints"], [])
    ec2.delete_security_group(GroupId=group)
    ec2.delete_route_table(RouteTableId=table)
    delete_network(vpc)


def interfaces():
    vpc, gateway = a_connected_vpc()
    subnet, group = a_subnet(vpc), a_group(vpc)
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group], Description="mine")["NetworkInterface"]["NetworkInterfaceId"]
    refused("its group in use", "DependencyViolation", ec2.delete_security_group, GroupId=group)
    address = ec2.allocate_address()["AllocationId"]
    association = ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)["AssociationId"]
    refused("its address in use", "InvalidIPAddress.InUse", ec2.release_address, AllocationId=address)
    ec2.disassociate_address(AssociationId=association)
    ec2.release_address(AllocationId=address)
    equal(
        "by group",
        ids(ec2.describe_network_interfaces(Filters=where(group_id=group, status="available"))["NetworkInterfaces"], "NetworkInterfaceId"),
        [interface],
    )
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_security_group(GroupId=group)
    delete_network(vpc, gateway)


def tagging():
    vpc = a_vpc()

    def now():
        return {tag["Key"]: tag["Value"] for tag in ec2.describe_tags(Filters=where(resource_id=vpc))["Tags"]}

    ec2.create_tags(Resources=[vpc], Tags=tags(a="1", b="", c="3"))
    ec2.create_tags(Resources=[vpc], Tags=tags(a="2"))
    equal("tags", now(), {"a": "2", "b": "", "c": "3"})
    found = lambda *filters: [tag["Key"] for tag in ec2.describe_tags(Filters=[{"Name": name, "Values": values} for name, *values in filters])["Tags"] if tag["ResourceId"] == vpc]
    equal("by key and value", (found(["tag:a", "2"]), found(["tag:a", "1", "?"]), found(["tag:a", "3"])), (["a"], ["a"], []))
    equal("together", (found(["tag:b", ""], ["resource-type", "vpc"]), found(["key", "*"], ["value", "3"], ["resource-id", vpc])), (["b"], ["c"]))
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "other"}, {"Key": "b"}])
    equal("a tag is deleted by its key, or by key and value", now(), {"a": "2", "c": "3"})
    refused("AWS's keys", "InvalidParameterValue", ec2.create_tags, Resources=[vpc], Tags=[{"Key": "aws:x", "Value": "1"}])
    refused("more than fifty", "TagLimitExceeded", ec2.create_tags, Resources=[vpc], Tags=[{"Key": f"k{number}", "Value": "1"} for number in range(50)])
    refused("of nothing", "InvalidVpcID.NotFound", ec2.create_tags, Resources=[f"vpc-{MISSING}"], Tags=tags(x="1"))
    refused("of no kind", "InvalidID", ec2.create_tags, Resources=["foo-1"], Tags=tags(x="1"))
    delete_network(vpc)


def network_acls():
    vpc = a_vpc()
    subnet = a_subnet(vpc)
    [default] = ec2.describe_network_acls(Filters=where(vpc_id=vpc))["NetworkAcls"]
    made = ec2.create_network_acl(VpcId=vpc, TagSpecifications=tagged("network-acl", Name="walk"))["NetworkAcl"]
    acl = made["NetworkAclId"]
    equal("a new ACL denies all", [(one["RuleNumber"], one["RuleAction"]) for one in made["Entries"]], [(32767, "deny")] * 2)
    rule = {"NetworkAclId": acl, "RuleNumber": 100, "Protocol": "6", "RuleAction": "allow", "Egress": False, "CidrBlock": ANYWHERE}
    refused("a rule for TCP without ports", "MissingParameter", ec2.create_network_acl_entry, **rule)
    ports = {"PortRange": {"From": 443, "To": 443}}
    ec2.create_network_acl_entry(**rule, **ports)
    refused("a number that is taken", "NetworkAclEntryAlreadyExists", ec2.create_network_acl_entry, **rule, **ports)
    ec2.replace_network_acl_entry(**(rule | {"RuleAction": "deny"}), **ports)
    entries = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]["Entries"]
    equal("replaced", [(one["RuleAction"], one["PortRange"]) for one in entries if one["RuleNumber"] == 100], [("deny", {"From": 443, "To": 443})])
    refused("a rule that is not there", "InvalidNetworkAclEntry.NotFound", ec2.delete_network_acl_entry, NetworkAclId=acl, RuleNumber=7, Egress=False)
    association = default["Associations"][0]["NetworkAclAssociationId"]
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)
    [found] = ec2.describe_network_acls(Filters=where(association__subnet_id=subnet))["NetworkAcls"]
    equal("the subnet has another", found["NetworkAclId"], acl)
    refused("the old association is gone", "InvalidAssociationID.NotFound", ec2.replace_network_acl_association, AssociationId=association, NetworkAclId=acl)
    refused("one in use", "DependencyViolation", ec2.delete_network_acl, NetworkAclId=acl)
    refused("the default one", "InvalidParameterValue", ec2.delete_network_acl, NetworkAclId=default["NetworkAclId"])
    ec2.delete_network_acl_entry(NetworkAclId=default["NetworkAclId"], RuleNumber=100, Egress=True)
    ec2.delete_subnet(SubnetId=subnet)
    refused("a VPC with an ACL", "DependencyViolation", ec2.delete_vpc, VpcId=vpc)
    ec2.delete_network_acl(NetworkAclId=acl)
    refused("once more", "InvalidNetworkAclID.NotFound", ec2.delete_network_acl, NetworkAclId=acl)
    delete_network(vpc)


def attributes_of_interfaces():
    vpc = a_vpc()
    subnet, group = a_subnet(vpc), a_group(vpc)
    made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    refused("no attribute", "MissingParameter", ec2.modify_network_interface_attribute, NetworkInterfaceId=made)
    ec2.modify_network_interface_attribute(NetworkInterfaceId=made, Description={"Value": "mine"})
    ec2.modify_network_interface_attribute(NetworkInterfaceId=made, Groups=[group])
    ec2.modify_network_interface_attribute(NetworkInterfaceId=made, SourceDestCheck={"Value": False})
    told = lambda name: ec2.describe_network_interface_attribute(NetworkInterfaceId=made, Attribute=name)
    equal("its description", told("description")["Description"], {"Value": "mine"})
    equal("its groups", ids(told("groupSet")["Groups"], "GroupId"), [group])
    equal("unchecked", told("sourceDestCheck")["SourceDestCheck"], {"Value": False})
    ec2.reset_network_interface_attribute(NetworkInterfaceId=made, SourceDestCheck="true")
    equal("checked again", told("sourceDestCheck")["SourceDestCheck"], {"Value": True})
    refused("an unknown group", "InvalidGroup.NotFound", ec2.modify_network_interface_attribute, NetworkInterfaceId=made, Groups=[f"sg-{MISSING}"])
    ec2.assign_private_ip_addresses(NetworkInterfaceId=made, PrivateIpAddresses=["10.0.0.50"])
    more = ec2.assign_private_ip_addresses(NetworkInterfaceId=made, SecondaryPrivateIpAddressCount=2)["AssignedPrivateIpAddresses"]
    [shown] = ec2.describe_network_interfaces(NetworkInterfaceIds=[made])["NetworkInterfaces"]
    equal("four addresses", len(shown["PrivateIpAddresses"]), 4)
    refused("outside the subnet", "InvalidParameterValue", ec2.assign_private_ip_addresses, NetworkInterfaceId=made, PrivateIpAddresses=["10.9.0.1"])
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=made, PrivateIpAddresses=["10.0.0.50", more[0]["PrivateIpAddress"]])
    refused("once more", "InvalidParameterValue", ec2.unassign_private_ip_addresses, NetworkInterfaceId=made, PrivateIpAddresses=["10.0.0.50"])
    refused("the group in use", "DependencyViolation", ec2.delete_security_group, GroupId=group)
    ec2.delete_network_interface(NetworkInterfaceId=made)
    ec2.delete_security_group(GroupId=group)
    delete_network(vpc)


def dhcp_options():
    vpc = a_vpc()
    [default] = ec2.describe_dhcp_options()["DhcpOptions"]
    options = [{"Key": "domain-name", "Values": ["shop.internal"]}, {"Key": "domain-name-servers", "Values": ["10.0.0.2", "AmazonProvidedDNS"]}]
    made = ec2.create_dhcp_options(DhcpConfigurations=options, TagSpecifications=tagged("dhcp-options", Name="shop"))["DhcpOptions"]
    own = made["DhcpOptionsId"]
    equal("as they were given", made["DhcpConfigurations"][1]["Values"], [{"Value": "10.0.0.2"}, {"Value": "AmazonProvidedDNS"}])
    refused("an option that is not known", "InvalidParameterValue", ec2.create_dhcp_options, DhcpConfigurations=[{"Key": "colour", "Values": ["red"]}])
    refused("a server that is no address", "InvalidParameterValue", ec2.create_dhcp_options, DhcpConfigurations=[{"Key": "ntp-servers", "Values": ["x"]}])
    refused("no options", "MissingParameter", ec2.create_dhcp_options)
    equal("by an option's value", ids(ec2.describe_dhcp_options(Filters=where(value="shop.internal"))["DhcpOptions"], "DhcpOptionsId"), [own])
    equal("by its name", ids(ec2.describe_dhcp_options(Filters=[{"Name": "tag:Name", "Values": ["shop"]}])["DhcpOptions"], "DhcpOptionsId"), [own])
    refused("options that are not there", "InvalidDhcpOptionID.NotFound", ec2.associate_dhcp_options, DhcpOptionsId=f"dopt-{MISSING}", VpcId=vpc)
    refused("a VPC that is not there", "InvalidVpcID.NotFound", ec2.associate_dhcp_options, DhcpOptionsId=own, VpcId=f"vpc-{MISSING}")
    ec2.associate_dhcp_options(DhcpOptionsId=own, VpcId=vpc)
    equal("associated", ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"], own)
    other = a_vpc("10.1.0.0/16")
    equal("another VPC begins with the default", ec2.describe_vpcs(VpcIds=[other])["Vpcs"][0]["DhcpOptionsId"], default["DhcpOptionsId"])
    refused("in use", "DependencyViolation", ec2.delete_dhcp_options, DhcpOptionsId=own)
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    ec2.delete_dhcp_options(DhcpOptionsId=own)
    refused("once more", "InvalidDhcpOptionID.NotFound", ec2.delete_dhcp_options, DhcpOptionsId=own)
    for one in (vpc, other):
        ec2.delete_vpc(VpcId=one)


def prefix_lists():
    made = ec2.create_managed_prefix_list(
        PrefixListName="offices",
        AddressFamily="IPv4",
        MaxEntries=3,
        Entries=[{"Cidr": "192.0.2.0/24", "Description": "Berlin"}],
        TagSpecifications=tagged("prefix-list", Name="walk"),
        ClientToken="once",
    )["PrefixList"]
    own = made["PrefixListId"]
    equal(
        "a new list",
        (made["State"], made["Version"], made["OwnerId"], made["AddressFamily"], made["MaxEntries"], made["Tags"]),
        ("create-in-progress", 1, ACCOUNT, "IPv4", 3, tags(Name="walk")),
    )
    equal("its ARN", made["PrefixListArn"], f"arn:aws:ec2:eu-central-1:{ACCOUNT}:prefix-list/{own}")
    told = lambda: ec2.describe_managed_prefix_lists(PrefixListIds=[own])["PrefixLists"][0]
    entries = lambda **version: [(one["Cidr"], one.get("Description")) for one in ec2.get_managed_prefix_list_entries(PrefixListId=own, **version)["Entries"]]
    until("made", lambda: told()["State"], "create-complete")
    equal("its entries", entries(), [("192.0.2.0/24", "Berlin")])
    for name, filters in (("name", where(prefix_list_name="offices")), ("owner", where(owner_id=ACCOUNT)), ("tag", where(**{"tag:Name": "walk"}))):
        equal(f"by its {name}", ids(ec2.describe_managed_prefix_lists(Filters=filters)["PrefixLists"], "PrefixListId"), [own])
    equal("AWS has lists of its own", len(pages(ec2, "describe_managed_prefix_lists", "PrefixLists", 1, Filters=where(owner_id="AWS"))), 6)
    right = {"PrefixListName": "x", "AddressFamily": "IPv4", "MaxEntries": 3}
    for what, code, wrong in (
        ("AWS's prefix", "InvalidParameterValue", {"PrefixListName": "com.amazonaws.mine"}),
        ("no family", "InvalidParameterValue", {"AddressFamily": "IPv5"}),
        ("no room", "InvalidParameterValue", {"MaxEntries": 0}),
        ("too much room", "InvalidParameterValue", {"MaxEntries": 1001}),
        ("no CIDR", "InvalidParameterValue", {"Entries": [{"Cidr": "192.0.2.0/33"}]}),
        ("the other family's CIDR", "InvalidParameterValue", {"Entries": [{"Cidr": "2001:db8::/32"}]}),
        ("a subnet's tags", "InvalidParameterValue", {"TagSpecifications": tagged("subnet", a="b")}),
        ("a token that was used", "IdempotentParameterMismatch", {"ClientToken": "once"}),
    ):
        refused(f"a list with {what}", code, ec2.create_managed_prefix_list, **(right | wrong))
    change = ec2.modify_managed_prefix_list
    add = [{"Cidr": "198.51.100.0/24"}]
    refused("from another version", "PrefixListVersionMismatch", change, PrefixListId=own, CurrentVersion=7, AddEntries=add)
    refused("an entry again", "InvalidPrefixListModification", change, PrefixListId=own, CurrentVersion=1, AddEntries=[{"Cidr": "192.0.2.0/24", "Description": "Berlin"}])
    refused("without one that is not there", "InvalidPrefixListModification", change, PrefixListId=own, CurrentVersion=1, RemoveEntries=add)
    refused("one added and removed", "InvalidParameterValue", change, PrefixListId=own, CurrentVersion=1, AddEntries=add, RemoveEntries=add)
    refused("entries and size", "InvalidParameterCombination", change, PrefixListId=own, CurrentVersion=1, AddEntries=add, MaxEntries=4)
    refused("a list that is not there", "InvalidPrefixListID.NotFound", change, PrefixListId=f"pl-{MISSING}", PrefixListName="x")
    equal("modified", change(PrefixListId=own, CurrentVersion=1, AddEntries=add)["PrefixList"]["State"], "modify-in-progress")
    until("done", lambda: (told()["State"], told()["Version"]), ("modify-complete", 2))
    equal("two entries", entries(), [("192.0.2.0/24", "Berlin"), ("198.51.100.0/24", None)])
    equal("one in the version before", entries(TargetVersion=1), [("192.0.2.0/24", "Berlin")])
    equal("entries page by page", len(pages(ec2, "get_managed_prefix_list_entries", "Entries", 1, PrefixListId=own)), 2)
    change(PrefixListId=own, PrefixListName="houses")
    equal("a name is no version", (told()["PrefixListName"], told()["Version"]), ("houses", 2))
    equal(
        "the version before again",
        ec2.restore_managed_prefix_list_version(PrefixListId=own, PreviousVersion=1, CurrentVersion=2)["PrefixList"]["State"],
        "restore-in-progress",
    )
    until("restored", lambda: (told()["State"], told()["Version"]), ("restore-complete", 3))
    equal("as it was", entries(), [("192.0.2.0/24", "Berlin")])
    ec2.create_tags(Resources=[own], Tags=tags(tier="edge"))
    equal("tagged", told()["Tags"], tags(Name="walk", tier="edge"))

    vpc, gateway = a_connected_vpc()
    group, table = a_group(vpc), ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    allow = {"GroupId": group, "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": own}]}]}
    [rule] = ec2.authorize_security_group_ingress(**allow)["SecurityGroupRules"]
    equal("a rule for it", rule["PrefixListId"], own)
    ec2.create_route(RouteTableId=table, DestinationPrefixListId=own, GatewayId=gateway)
    users = ec2.get_managed_prefix_list_associations(PrefixListId=own)["PrefixListAssociations"]
    equal("who names it", (ids(users, "ResourceId"), {user["ResourceOwner"] for user in users}), (sorted([group, table]), {ACCOUNT}))
    change(PrefixListId=own, MaxEntries=60)
    until("as large as a group's rules may be", lambda: (told()["State"], told()["MaxEntries"]), ("modify-complete", 60))
    port = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": ANYWHERE}]}]
    refused("one rule more", "RulesPerSecurityGroupLimitExceeded", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=port)
    equal("deletion begins", ec2.delete_managed_prefix_list(PrefixListId=own)["PrefixList"]["State"], "delete-in-progress")
    until("and fails while it is in use", lambda: told()["State"], "delete-failed")
    holds("saying why", group in told()["StateMessage"] and table in told()["StateMessage"], told())
    ec2.revoke_security_group_ingress(**allow)
    ec2.delete_route(RouteTableId=table, DestinationPrefixListId=own)
    ec2.delete_managed_prefix_list(PrefixListId=own)
    until("gone", lambda: ec2.describe_managed_prefix_lists(Filters=where(owner_id=ACCOUNT))["PrefixLists"], [])
    refused("once more", "InvalidPrefixListID.NotFound", ec2.delete_managed_prefix_list, PrefixListId=own)
    refused("a rule for none", "InvalidPrefixListID.NotFound", ec2.authorize_security_group_ingress, **allow)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_route_table(RouteTableId=table)
    delete_network(vpc, gateway)


def nothing_is_left():
    for operation, result in (
        ("vpcs", "Vpcs"),
        ("subnets", "Subnets"),
        ("security_groups", "SecurityGroups"),
        ("route_tables", "RouteTables"),
        ("network_interfaces", "NetworkInterfaces"),
        ("addresses", "Addresses"),
        ("instances", "Reservations"),
        ("key_pairs", "KeyPairs"),
        ("vpn_connections", "VpnConnections"),
        ("carrier_gateways", "CarrierGateways"),
        ("transit_gateway_attachments", "TransitGatewayAttachments"),
        ("public_ipv4_pools", "PublicIpv4Pools"),
        ("security_group_vpc_associations", "SecurityGroupVpcAssociations"),
        ("vpc_endpoint_connections", "VpcEndpointConnections"),
        ("vpc_endpoint_service_configurations", "ServiceConfigurations"),
        ("customer_gateways", "CustomerGateways"),
        ("launch_templates", "LaunchTemplates"),
        ("volumes", "Volumes"),
        ("ipams", "Ipams"),
        ("instance_connect_endpoints", "InstanceConnectEndpoints"),
        ("transit_gateway_vpc_attachments", "TransitGatewayVpcAttachments"),
        ("iam_instance_profile_associations", "IamInstanceProfileAssociations"),
        ("network_insights_paths", "NetworkInsightsPaths"),
    ):
        equal(f"no {operation}", getattr(ec2, f"describe_{operation}")()[result], [])


def default_vpc():
    refused("nothing to be in", "DefaultVpcDoesNotExist", ec2.create_default_subnet, AvailabilityZone=ZONE_A)
    made = ec2.create_default_vpc()["Vpc"]
    vpc = made["VpcId"]
    equal("the default VPC", (made["IsDefault"], made["CidrBlock"]), (True, "172.31.0.0/16"))
    refused("a second one", "DefaultVpcAlreadyExists", ec2.create_default_vpc)
    equal("by being it", ids(ec2.describe_vpcs(Filters=where(is_default="true"))["Vpcs"], "VpcId"), [vpc])
    subnets = ec2.describe_subnets(Filters=where(default_for_az="true", vpc_id=vpc))["Subnets"]
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    equal("a subnet in each zone", sorted(subnet["AvailabilityZone"] for subnet in subnets), zones)
    holds("public ones of 4096 addresses", all(one["MapPublicIpOnLaunch"] and one["CidrBlock"].endswith("/20") for one in subnets), subnets)
    [gateway] = ec2.describe_internet_gateways(Filters=where(attachment__vpc_id=vpc))["InternetGateways"]
    refused("a second subnet of a zone", "DefaultSubnetAlreadyExistsInAvailabilityZone", ec2.create_default_subnet, AvailabilityZone=ZONE_A)
    group = ec2.create_security_group(GroupName="by-name", Description="x")["GroupId"]
    equal("a group by its name", ids(ec2.describe_security_groups(GroupNames=["by-name"])["SecurityGroups"], "GroupId"), [group])
    ec2.authorize_security_group_ingress(GroupName="by-name", IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp=ANYWHERE)
    ec2.delete_security_group(GroupName="by-name")
    refused("once more", "InvalidGroup.NotFound", ec2.delete_security_group, GroupName="by-name")
    delete_network(vpc, gateway["InternetGatewayId"])


def what_is_never_there():
    vpc, gateway = a_connected_vpc()
    subnet = a_subnet(vpc)
    own = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    [table] = ids(ec2.describe_route_tables(Filters=where(vpc_id=vpc, association__main="true"))["RouteTables"], "RouteTableId")
    for operation, code, parameters in (
        ("describe_volumes", "InvalidVolume.NotFound", {"VolumeIds": [f"vol-{MISSING}"]}),
        ("describe_launch_templates", "InvalidLaunchTemplateName.NotFoundException", {"LaunchTemplateNames": ["none"]}),
        ("delete_vpc_peering_connection", "InvalidVpcPeeringConnectionID.NotFound", {"VpcPeeringConnectionId": f"pcx-{MISSING}"}),
        ("attach_vpn_gateway", "InvalidVpnGatewayID.NotFound", {"VpnGatewayId": f"vgw-{MISSING}", "VpcId": vpc}),
        ("describe_vpc_endpoint_service_permissions", "InvalidVpcEndpointServiceId.NotFound", {"ServiceId": f"vpce-svc-{MISSING}"}),
        ("describe_vpc_classic_link", "UnsupportedOperation", {"VpcIds": [vpc]}),
        ("attach_network_interface", "InvalidInstanceID.NotFound", {"NetworkInterfaceId": own, "InstanceId": f"i-{MISSING}", "DeviceIndex": 1}),
        ("detach_network_interface", "InvalidAttachmentID.NotFound", {"AttachmentId": f"eni-attach-{MISSING}"}),
        ("describe_route_servers", "InvalidRouteServerId.NotFound", {"RouteServerIds": [f"rs-{MISSING}"]}),
        ("accept_vpc_endpoint_connections", "InvalidVpcEndpointServiceId.NotFound", {"ServiceId": f"vpce-svc-{MISSING}", "VpcEndpointIds": ["x"]}),
        ("describe_vpc_endpoint_connection_notifications", "InvalidConnectionNotification", {"ConnectionNotificationId": f"vpce-nfn-{MISSING}"}),
        ("delete_network_interface_permission", "InvalidPermissionID.NotFound", {"NetworkInterfacePermissionId": f"eni-perm-{MISSING}"}),
        ("delete_public_ipv4_pool", "InvalidPublicIpv4PoolID.NotFound", {"PoolId": f"ipv4pool-ec2-{MISSING}"}),
        ("delete_vpc_block_public_access_exclusion", "InvalidVpcBlockPublicAccessExclusionId.NotFound", {"ExclusionId": f"vpcbpa-exclude-{MISSING}"}),
        ("modify_vpc_block_public_access_options", "UnsupportedOperation", {"InternetGatewayBlockMode": "block-ingress"}),
        ("enable_vgw_route_propagation", "InvalidRouteTableID.NotFound", {"RouteTableId": f"rtb-{MISSING}", "GatewayId": f"vgw-{MISSING}"}),
        ("enable_vgw_route_propagation", "InvalidVpnGatewayID.NotFound", {"RouteTableId": table, "GatewayId": f"vgw-{MISSING}"}),
        ("unassign_ipv6_addresses", "InvalidParameterValue", {"NetworkInterfaceId": own, "Ipv6Addresses": ["2001:db8::1"]}),
        ("move_address_to_vpc", "UnsupportedOperation", {"PublicIp": "198.18.0.1"}),
        ("modify_private_dns_name_options", "InvalidInstanceID.NotFound", {"InstanceId": f"i-{MISSING}"}),
    ):
        refused(operation, code, getattr(ec2, operation), **parameters)
    off = ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode="off")["VpcBlockPublicAccessOptions"]
    equal("public access stays as it is", off, ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"])
    [failed] = ec2.delete_flow_logs(FlowLogIds=[f"fl-{MISSING}"])["Unsuccessful"]
    equal("a flow log that is not there", (failed["ResourceId"], failed["Error"]["Code"]), (f"fl-{MISSING}", "InvalidFlowLogId.NotFound"))
    ec2.delete_network_interface(NetworkInterfaceId=own)
    delete_network(vpc, gateway)


def tenancy():
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", InstanceTenancy="dedicated")["Vpc"]["VpcId"]
    refused("back to dedicated", "InvalidParameterValue", ec2.modify_vpc_tenancy, VpcId=vpc, InstanceTenancy="dedicated")
    equal("to the default", ec2.modify_vpc_tenancy(VpcId=vpc, InstanceTenancy="default")["ReturnValue"], True)
    equal("changed", ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["InstanceTenancy"], "default")
    delete_network(vpc)


def documented_filters():
    """What botocore's words on the Filters of each call name, where the call is there and wants nothing else."""
    for name in ec2.meta.service_model.operation_names:
        model = ec2.meta.service_model.operation_model(name).input_shape
        if not name.startswith("Describe") or "Filters" not in model.members or model.required_members:
            continue
        # Lists inside of the list are of values.
        documented = re.sub(r"<ul>.*?</ul>", "", model.members["Filters"].documentation.partition("<ul>")[2])
        names = [found.strip() for found in re.findall(r"<li>\s*<p>\s*<code>([a-z][^<&:]*)</code>", documented)]
        if names:
            yield name, names


def filters():
    for operation, names in documented_filters():
        for name in names:
            if name == "tag":
                continue
            refusal = None
            try:
                getattr(ec2, xform_name(operation))(Filters=[{"Name": name, "Values": ["x"]}])
            except ClientError as error:
                if error.response["Error"]["Code"] == "InvalidAction":
                    break
                refusal = error if "filter" in str(error).lower() else None
            holds(f"{operation} has the filter {name}", refusal is None, refusal)
    vpc, gateway = a_connected_vpc()
    subnet = a_subnet(vpc)
    zone = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailabilityZoneId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsARecordOnLaunch={"Value": True})
    name = "private-dns-name-options-on-launch.enable-resource-name-dns-a-record"
    found = lambda value: ids(ec2.describe_subnets(Filters=where(vpc_id=vpc) + [{"Name": name, "Values": [value]}])["Subnets"], "SubnetId")
    equal("subnets by their names' records", (found("true"), found("false")), ([subnet], []))
    own = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    elastic = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=elastic)["NatGateway"]["NatGatewayId"]
    interfaces = lambda **more: ids(ec2.describe_network_interfaces(Filters=where(vpc_id=vpc, **more))["NetworkInterfaces"], "NetworkInterfaceId")
    equal("interfaces by their zone", (len(interfaces(availability_zone_id=zone)), interfaces(availability_zone_id="euc1-az9")), (2, []))
    attached = interfaces(attachment__device_index="1")
    holds("interfaces by their attachment", len(attached) == 1 and own not in attached, attached)
    equal("interfaces by the owner of their address", interfaces(association__ip_owner_id=ACCOUNT), attached)
    equal("interfaces that another operates", (len(interfaces(operator__managed="false")), interfaces(operator__managed="true")), (2, []))
    [acl] = ec2.describe_network_acls(Filters=where(vpc_id=vpc))["NetworkAcls"]
    rule = {"NetworkAclId": acl["NetworkAclId"], "RuleAction": "allow", "Egress": False, "CidrBlock": ANYWHERE}
    ec2.create_network_acl_entry(**rule, RuleNumber=7, Protocol="6", PortRange={"From": 443, "To": 444})
    ec2.create_network_acl_entry(**rule, RuleNumber=8, Protocol="1", IcmpTypeCode={"Type": 3, "Code": 4})
    acls = lambda **more: len(ec2.describe_network_acls(Filters=where(vpc_id=vpc, **more))["NetworkAcls"])
    equal("ACLs by ports", (acls(entry__port_range__from="443"), acls(entry__port_range__to="444"), acls(entry__port_range__to="443")), (1, 1, 0))
    equal("ACLs by ICMP", (acls(entry__icmp__type="3"), acls(entry__icmp__code="4"), acls(entry__icmp__code="3")), (1, 1, 0))
    app, proxy = a_group(vpc, "app"), a_group(vpc, "proxy")
    ec2.authorize_security_group_ingress(GroupId=app, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": proxy}]}])
    groups = lambda **more: ids(ec2.describe_security_groups(Filters=where(vpc_id=vpc, **more))["SecurityGroups"], "GroupId")
    equal("groups by the names in their rules", (groups(ip_permission__group_name="pro*"), groups(ip_permission__group_name="app")), ([app], []))
    equal("groups by the names in their rules out", groups(egress__ip_permission__group_name="proxy"), [])
    ec2.delete_nat_gateway(NatGatewayId=nat)
    until("the NAT gateway", lambda: ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"], "deleted")
    ec2.delete_network_interface(NetworkInterfaceId=own)
    ec2.release_address(AllocationId=elastic)
    for group in (app, proxy):
        ec2.delete_security_group(GroupId=group)
    delete_network(vpc, gateway)


def as_many_addresses_as_there_are():
    told = {one["AttributeName"]: one["AttributeValues"][0]["AttributeValue"] for one in ec2.describe_account_attributes()["AccountAttributes"]}
    most = int(told["vpc-max-elastic-ips"])
    made = [ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(most)]
    refused("one more", "AddressLimitExceeded", ec2.allocate_address, Domain="vpc")
    first = ec2.describe_addresses_attribute(Attribute="domain-name", MaxResults=30)
    rest = ec2.describe_addresses_attribute(Attribute="domain-name", MaxResults=30, NextToken=first["NextToken"])
    equal("two pages of addresses' names", ids(first["Addresses"] + rest["Addresses"], "AllocationId"), sorted(made))
    holds("the second is the last", "NextToken" not in rest and len(first["Addresses"]) == 30, rest)
    for elastic in made:
        ec2.release_address(AllocationId=elastic)


run(
    vpcs,
    what_a_vpc_brings_along,
    zones,
    subnets,
    internet_gateways,
    nat_gateways,
    secondary_addresses_of_nat_gateways,
    private_nat_gateways,
    route_tables,
    security_groups,
    groups_of_other_vpcs,
    endpoints,
    interfaces,
    attributes_of_interfaces,
    elastic_addresses_of_interfaces,
    network_acls,
    dhcp_options,
    prefix_lists,
    tagging,
    default_vpc,
    what_is_never_there,
    tenancy,
    filters,
    as_many_addresses_as_there_are,
    nothing_is_left,
)
