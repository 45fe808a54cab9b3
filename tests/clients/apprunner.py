"""App Runner: connectors, auto scaling configurations and their revisions, a service from creation to deletion."""

import json

from walk import ACCOUNT, client, equal, holds, refused, run, tags, until

apprunner, ec2, iam, logs = (client(service) for service in ("apprunner", "ec2", "iam", "logs"))
IMAGE = "public.ecr.aws/aws-containers/hello-app-runner:latest"


def prepare():
    """The network and the role that a service is attached to."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="app", Description="the app", VpcId=vpc)["GroupId"]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "tasks.apprunner.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="instance", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    return subnet, group, role


SUBNET, GROUP, ROLE = prepare()
CONNECTOR = SERVICE = ""


def connectors():
    global CONNECTOR
    refused(
        "in no subnet",
        "InvalidRequestException",
        apprunner.create_vpc_connector,
        VpcConnectorName="none-at-all",
        Subnets=["subnet-0123456789abcdef0"],
        SecurityGroups=[GROUP],
        status=400,
    )
    made = apprunner.create_vpc_connector(VpcConnectorName="shop", Subnets=[SUBNET], SecurityGroups=[GROUP], Tags=tags(a="b"))["VpcConnector"]
    CONNECTOR = made["VpcConnectorArn"]
    equal("a new connector", (made["Status"], made["VpcConnectorRevision"]), ("ACTIVE", 1))
    holds("its ARN", CONNECTOR.startswith(f"arn:aws:apprunner:eu-central-1:{ACCOUNT}:vpcconnector/shop/1/"), CONNECTOR)
    equal("its tags", apprunner.list_tags_for_resource(ResourceArn=CONNECTOR)["Tags"], tags(a="b"))
    equal("listed", [one["VpcConnectorArn"] for one in apprunner.list_vpc_connectors()["VpcConnectors"]], [CONNECTOR])


def scaling():
    first = apprunner.create_auto_scaling_configuration(AutoScalingConfigurationName="shop", MaxConcurrency=50, MinSize=1, MaxSize=3)[
        "AutoScalingConfiguration"
    ]
    equal("the first revision", (first["AutoScalingConfigurationRevision"], first["Latest"], first["Status"].upper(), first["MaxSize"]), (1, True, "ACTIVE", 3))
    second = apprunner.create_auto_scaling_configuration(AutoScalingConfigurationName="shop", MaxSize=5)["AutoScalingConfiguration"]
    equal("the second, with defaults", (second["AutoScalingConfigurationRevision"], second["MaxConcurrency"], second["MinSize"]), (2, 100, 1))
    latest = apprunner.list_auto_scaling_configurations(AutoScalingConfigurationName="shop", LatestOnly=True)["AutoScalingConfigurationSummaryList"]
    equal("the latest only", [one["AutoScalingConfigurationRevision"] for one in latest], [2])
    refused(
        "more at least than at most",
        "InvalidRequestException",
        apprunner.create_auto_scaling_configuration,
        AutoScalingConfigurationName="backwards",
        MinSize=5,
        MaxSize=2,
    )
    equal("so it is without a wish", len(apprunner.list_auto_scaling_configurations(AutoScalingConfigurationName="shop")["AutoScalingConfigurationSummaryList"]), 1)
    family = second["AutoScalingConfigurationArn"].rsplit("/", 2)[0]
    refused(
        "all revisions by the ARN of one",
        "InvalidRequestException",
        apprunner.delete_auto_scaling_configuration,
        AutoScalingConfigurationArn=f"{family}/2",
        DeleteAllRevisions=True,
    )
    for one in (first, second):
        apprunner.delete_auto_scaling_configuration(AutoScalingConfigurationArn=one["AutoScalingConfigurationArn"])
    refused(
        "one that is not there",
        "ResourceNotFoundException",
        apprunner.describe_auto_scaling_configuration,
        AutoScalingConfigurationArn=first["AutoScalingConfigurationArn"].replace("shop", "nowhere"),
    )


def described():
    return apprunner.describe_service(ServiceArn=SERVICE)["Service"]


def runs():
    until("the service runs", lambda: described()["Status"], "RUNNING")


def services():
    global SERVICE
    asked = {
        "ServiceName": "shop",
        "SourceConfiguration": {
            "ImageRepository": {
                "ImageIdentifier": IMAGE,
                "ImageRepositoryType": "ECR_PUBLIC",
                "ImageConfiguration": {"Port": "8080", "RuntimeEnvironmentVariables": {"DB_PORT": "5432"}},
            },
            "AutoDeploymentsEnabled": False,
        },
        "InstanceConfiguration": {"Cpu": "1 vCPU", "Memory": "2 GB", "InstanceRoleArn": ROLE},
        "NetworkConfiguration": {"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": CONNECTOR}},
        "Tags": tags(team="web"),
    }
    refused(
        "a pair of CPU and memory that there is not",
        "InvalidRequestException",
        apprunner.create_service,
        **(asked | {"InstanceConfiguration": {"Cpu": "1024", "Memory": "512"}}),
    )
    refused(
        "no connector",
        ("InvalidRequestException", "ResourceNotFoundException"),
        apprunner.create_service,
        **(asked | {"NetworkConfiguration": {"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": CONNECTOR.replace("shop", "nowhere")}}}),
    )
    answer = apprunner.create_service(**asked)
    made, SERVICE = answer["Service"], answer["Service"]["ServiceArn"]
    equal("a new service", made["Status"], "OPERATION_IN_PROGRESS")
    equal("CPU and memory in units", (made["InstanceConfiguration"]["Cpu"], made["InstanceConfiguration"]["Memory"]), ("1024", "2048"))
    holds("its host name", made["ServiceUrl"].endswith(".eu-central-1.awsapprunner.com"), made["ServiceUrl"])
    refused("a name that is taken", "InvalidRequestException", apprunner.create_service, **asked)
    refused("deletion meanwhile", "InvalidStateException", apprunner.delete_service, ServiceArn=SERVICE)
    refused(
        "a change meanwhile", "InvalidStateException", apprunner.update_service, ServiceArn=SERVICE, InstanceConfiguration={"Cpu": "2048", "Memory": "4096"}
    )
    runs()
    equal("its health is checked by TCP", described()["HealthCheckConfiguration"]["Protocol"], "TCP")
    equal("its tags", apprunner.list_tags_for_resource(ResourceArn=SERVICE)["Tags"], tags(team="web"))
    equal("listed", [(one["ServiceName"], one["Status"]) for one in apprunner.list_services()["ServiceSummaryList"]], [("shop", "RUNNING")])
    refused("its subnet in use", "DependencyViolation", ec2.delete_subnet, SubnetId=SUBNET)
    refused("its group in use", "DependencyViolation", ec2.delete_security_group, GroupId=GROUP)
    refused("its connector in use", "InvalidRequestException", apprunner.delete_vpc_connector, VpcConnectorArn=CONNECTOR)
    refused("a service that is not there", "ResourceNotFoundException", apprunner.describe_service, ServiceArn=SERVICE.replace("/shop/", "/nowhere/"))
    groups = [one["logGroupName"] for one in logs.describe_log_groups(logGroupNamePrefix="/aws/apprunner/shop/")["logGroups"]]
    holds("a log of what happens to it", any(name.endswith("/service") for name in groups), groups)


def updates():
    apprunner.update_service(ServiceArn=SERVICE, InstanceConfiguration={"Cpu": "2048", "Memory": "4096"})
    runs()
    equal("bigger", described()["InstanceConfiguration"]["Cpu"], "2048")
    apprunner.start_deployment(ServiceArn=SERVICE)
    runs()
    apprunner.tag_resource(ResourceArn=SERVICE, Tags=tags(a="b"))
    apprunner.untag_resource(ResourceArn=SERVICE, TagKeys=["team"])
    equal("other tags", apprunner.list_tags_for_resource(ResourceArn=SERVICE)["Tags"], tags(a="b"))
    operations = apprunner.list_operations(ServiceArn=SERVICE)["OperationSummaryList"]
    equal(
        "what was done, the last first",
        [(one["Type"], one["Status"]) for one in operations],
        [("START_DEPLOYMENT", "SUCCEEDED"), ("UPDATE_SERVICE", "SUCCEEDED"), ("CREATE_SERVICE", "SUCCEEDED")],
    )


def pauses():
    apprunner.pause_service(ServiceArn=SERVICE)
    until("paused", lambda: described()["Status"], "PAUSED")
    refused("a deployment while paused", "InvalidStateException", apprunner.start_deployment, ServiceArn=SERVICE)
    apprunner.resume_service(ServiceArn=SERVICE)
    runs()


def private_ways_in():
    vpc = ec2.describe_subnets(SubnetIds=[SUBNET])["Subnets"][0]["VpcId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.eu-central-1.apprunner.requests", VpcEndpointType="Interface", SubnetIds=[SUBNET], PrivateDnsEnabled=False
    )["VpcEndpoint"]["VpcEndpointId"]
    asked = {"VpcIngressConnectionName": "inside", "ServiceArn": SERVICE, "IngressVpcConfiguration": {"VpcId": vpc, "VpcEndpointId": endpoint}}
    refused("to a public service", "InvalidRequestException", apprunner.create_vpc_ingress_connection, **asked)
    apprunner.update_service(ServiceArn=SERVICE, NetworkConfiguration={"IngressConfiguration": {"IsPubliclyAccessible": False}})
    runs()
    nowhere = {"IngressVpcConfiguration": {"VpcId": vpc, "VpcEndpointId": "vpce-0123456789abcdef0"}}
    refused("from nowhere", "InvalidRequestException", apprunner.create_vpc_ingress_connection, **(asked | nowhere))
    made = apprunner.create_vpc_ingress_connection(**asked, Tags=tags(a="b"))["VpcIngressConnection"]
    equal("a way in", (made["Status"], made["ServiceArn"]), ("PENDING_CREATION", SERVICE))
    way = made["VpcIngressConnectionArn"]
    status = lambda: apprunner.describe_vpc_ingress_connection(VpcIngressConnectionArn=way)["VpcIngressConnection"]["Status"]
    refused("its deletion meanwhile", "InvalidStateException", apprunner.delete_vpc_ingress_connection, VpcIngressConnectionArn=way)
    until("available", status, "AVAILABLE")
    refused("a name that is taken", "InvalidRequestException", apprunner.create_vpc_ingress_connection, **asked)
    equal("its tags", apprunner.list_tags_for_resource(ResourceArn=way)["Tags"], tags(a="b"))
    listed = apprunner.list_vpc_ingress_connections(Filter={"ServiceArn": SERVICE})["VpcIngressConnectionSummaryList"]
    equal("listed", [one["VpcIngressConnectionArn"] for one in listed], [way])
    refused("the service's deletion", "InvalidRequestException", apprunner.delete_service, ServiceArn=SERVICE)
    apprunner.delete_vpc_ingress_connection(VpcIngressConnectionArn=way)
    until("deleted", status, "DELETED")
    equal("none", apprunner.list_vpc_ingress_connections()["VpcIngressConnectionSummaryList"], [])
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    until("its endpoint is gone", lambda: ec2.describe_vpc_endpoints()["VpcEndpoints"], [])


def deletion():
    apprunner.delete_service(ServiceArn=SERVICE)
    until("deleted", lambda: described()["Status"], "DELETED")
    equal("not listed", apprunner.list_services()["ServiceSummaryList"], [])
    equal("the connector goes", apprunner.delete_vpc_connector(VpcConnectorArn=CONNECTOR)["VpcConnector"]["Status"], "INACTIVE")
    equal("no connectors", apprunner.list_vpc_connectors()["VpcConnectors"], [])
    ec2.delete_subnet(SubnetId=SUBNET)
    ec2.delete_security_group(GroupId=GROUP)


run(connectors, scaling, services, updates, pauses, private_ways_in, deletion)
