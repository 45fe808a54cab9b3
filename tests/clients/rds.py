"""RDS: subnet groups, parameter groups, an Aurora cluster with its instances, a proxy in front of it, snapshots; with SQL
through the endpoints that the API tells."""

import json
import os
import re
import subprocess
import time

from walk import ACCOUNT, client, equal, holds, pages, refused, run, tags, until

rds, ec2, iam, secrets, logs = (client(service) for service in ("rds", "ec2", "iam", "secretsmanager", "logs"))
OTHER = "444455556666"
PASSWORD = "correct-horse-battery-staple"
SCALING = {"MinCapacity": 0.5, "MaxCapacity": 2}


def prepare():
    """What a database stands in, made once for all walks."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-central-1{zone}")["Subnet"]["SubnetId"]
        for number, zone in enumerate("aab")
    ]
    group = ec2.create_security_group(GroupName="database", Description="the database", VpcId=vpc)["GroupId"]
    return subnets, group


SUBNETS, GROUP = prepare()


def arn(kind, name):
    return f"arn:aws:rds:eu-central-1:{ACCOUNT}:{kind}:{name}"


def cluster(name="shop"):
    return rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]


def instance(name):
    return rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def sql(host, statement, user="shop", password=PASSWORD, tls="require"):
    """What psql says: the rows, or the error."""
    asked = {"PGPASSWORD": password, "PGSSLMODE": tls, "PGCONNECT_TIMEOUT": "20", "PATH": os.environ["PATH"]}
    ran = subprocess.run(["psql", "-XAtqh", host, "-U", user, "-d", "app", "-c", statement], env=asked, capture_output=True, text=True)
    return ran.stdout.strip() if ran.returncode == 0 else ran.stderr.strip()


def subnet_groups():
    refused(
        "in one zone",
        "DBSubnetGroupDoesNotCoverEnoughAZs",
        rds.create_db_subnet_group,
        DBSubnetGroupName="narrow",
        DBSubnetGroupDescription="x",
        SubnetIds=SUBNETS[:2],
    )
    refused(
        "in no subnet",
        "InvalidSubnet",
        rds.create_db_subnet_group,
        DBSubnetGroupName="none",
        DBSubnetGroupDescription="x",
        SubnetIds=["subnet-0123456789abcdef0", SUBNETS[0]],
    )
    made = rds.create_db_subnet_group(DBSubnetGroupName="Shop", DBSubnetGroupDescription="the shop's", SubnetIds=SUBNETS[1:], Tags=tags(team="web"))[
        "DBSubnetGroup"
    ]
    equal(
        "names are in small letters",
        (made["DBSubnetGroupName"], made["DBSubnetGroupArn"], made["SubnetGroupStatus"]),
        ("shop", arn("subgrp", "shop"), "Complete"),
    )
    refused(
        "a name that is taken",
        "DBSubnetGroupAlreadyExists",
        rds.create_db_subnet_group,
        DBSubnetGroupName="shop",
        DBSubnetGroupDescription="x",
        SubnetIds=SUBNETS[1:],
        status=400,
    )
    refused("a group that is not there", "DBSubnetGroupNotFoundFault", rds.describe_db_subnet_groups, DBSubnetGroupName="nowhere", status=404)
    rds.modify_db_subnet_group(DBSubnetGroupName="shop", SubnetIds=SUBNETS)
    [found] = rds.describe_db_subnet_groups(DBSubnetGroupName="shop")["DBSubnetGroups"]
    equal("modified", sorted(one["SubnetIdentifier"] for one in found["Subnets"]), sorted(SUBNETS))
    equal("tags", rds.list_tags_for_resource(ResourceName=arn("subgrp", "shop"))["TagList"], tags(team="web"))


def parameter_groups():
    refused(
        "an unknown family",
        "InvalidParameterValue",
        rds.create_db_cluster_parameter_group,
        DBClusterParameterGroupName="x",
        DBParameterGroupFamily="aurora-postgresql99",
        Description="x",
    )
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="shop", DBParameterGroupFamily="aurora-postgresql15", Description="the shop's")
    refused(
        "a name that is taken",
        "DBParameterGroupAlreadyExists",
        rds.create_db_cluster_parameter_group,
        DBClusterParameterGroupName="shop",
        DBParameterGroupFamily="aurora-postgresql15",
        Description="x",
    )
    refused("a group that is not there", "DBParameterGroupNotFound", rds.describe_db_cluster_parameters, DBClusterParameterGroupName="nowhere", status=404)

    def own():
        listed = pages(rds, "describe_db_cluster_parameters", "Parameters", 100, DBClusterParameterGroupName="shop", Source="user")
        return {one["ParameterName"]: one["ParameterValue"] for one in listed}

    equal("nothing of one's own", own(), {})
    set_ = lambda name, value, method="immediate": {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}
    refused(
        "a static parameter at once",
        "InvalidParameterCombination",
        rds.modify_db_cluster_parameter_group,
        DBClusterParameterGroupName="shop",
        Parameters=[set_("shared_preload_libraries", "pg_stat_statements")],
    )
    refused(
        "an unknown parameter",
        "InvalidParameterValue",
        rds.modify_db_cluster_parameter_group,
        DBClusterParameterGroupName="shop",
        Parameters=[set_("no_such_thing", "1")],
    )
    for name, value in (
        ("timezone", "Mars/Olympus"), ("datestyle", "foo"), ("log_statement", "everything"), ("work_mem", "1"), ("work_mem", "4MB"),
        ("rds.force_ssl", "on"), ("work_mem", "{DBInstanceClassMemory\n/2}"), ("search_path", "a\nb"), ("work_mem", "LEAST(1,2"),
    ):  # fmt: skip
        parameters = [set_(name, value)]
        refused(f"{name} = {value!r}", "InvalidParameterValue", rds.modify_db_cluster_parameter_group, DBClusterParameterGroupName="shop", Parameters=parameters)
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="shop", Parameters=[set_("work_mem", "GREATEST({DBInstanceClassMemory/12582880},64)")])
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="shop", Parameters=[set_("log_min_duration_statement", "250"), set_("work_mem", "8192")])
    equal("two of one's own", own(), {"log_min_duration_statement": "250", "work_mem": "8192"})
    rds.reset_db_cluster_parameter_group(DBClusterParameterGroupName="shop", Parameters=[{"ParameterName": "work_mem", "ApplyMethod": "immediate"}])
    equal("one is reset", own(), {"log_min_duration_statement": "250"})
    copied = {"TargetDBClusterParameterGroupIdentifier": "shop-copy", "TargetDBClusterParameterGroupDescription": "the same"}
    rds.copy_db_cluster_parameter_group(SourceDBClusterParameterGroupIdentifier="shop", **copied)
    [same] = rds.describe_db_cluster_parameters(DBClusterParameterGroupName="shop-copy", Source="user")["Parameters"]
    equal("a copy sets the same", (same["ParameterName"], same["ParameterValue"]), ("log_min_duration_statement", "250"))
    refused("copied once more", "DBParameterGroupAlreadyExists", rds.copy_db_cluster_parameter_group, SourceDBClusterParameterGroupIdentifier="shop", **copied)
    refused("a copy of nothing", "DBParameterGroupNotFound", rds.copy_db_cluster_parameter_group, SourceDBClusterParameterGroupIdentifier="nowhere", **copied)
    rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName="shop-copy")


def clusters():
    versions = [one["EngineVersion"] for one in pages(rds, "describe_db_engine_versions", "DBEngineVersions", 20, Engine="aurora-postgresql")]
    version = max((one for one in versions if one.startswith("15.")), key=lambda one: int(one.split(".")[1].split("-")[0]))
    asked = {
        "DBClusterIdentifier": "shop", "Engine": "aurora-postgresql", "EngineVersion": version, "DatabaseName": "app",
        "MasterUsername": "shop", "MasterUserPassword": PASSWORD, "DBSubnetGroupName": "shop",
        "DBClusterParameterGroupName": "shop", "VpcSecurityGroupIds": [GROUP], "ServerlessV2ScalingConfiguration": SCALING,
        "StorageEncrypted": True, "DeletionProtection": True, "Tags": tags(team="web"),
    }  # fmt: skip
    for what, codes, changed in (
        ("an unknown version", "InvalidParameterCombination", {"EngineVersion": "15.99"}),
        ("an unknown engine", "InvalidParameterValue", {"Engine": "aurora-cobol"}),
        ("a short password", "InvalidParameterValue", {"MasterUserPassword": "short"}),
        ("a password with a slash", "InvalidParameterValue", {"MasterUserPassword": "correct/horse"}),
        ("a reserved user", "InvalidParameterValue", {"MasterUsername": "admin"}),
        ("a key that is no key", "KMSKeyNotAccessibleFault", {"KmsKeyId": "nonsense"}),
        ("a database's name with a dash", "InvalidParameterValue", {"DatabaseName": "my-app"}),
        ("an identifier with two dashes", "InvalidParameterValue", {"DBClusterIdentifier": "a--b"}),
        ("no subnet group", "DBSubnetGroupNotFoundFault", {"DBSubnetGroupName": "nowhere"}),
        ("no parameter group", "DBClusterParameterGroupNotFound", {"DBClusterParameterGroupName": "nowhere"}),
        (
            "more at least than at most",
            ("InvalidParameterCombination", "InvalidParameterValue"),
            {"ServerlessV2ScalingConfiguration": {"MinCapacity": 4, "MaxCapacity": 2}},
        ),
        (
            "a capacity between the steps",
            ("InvalidParameterCombination", "InvalidParameterValue"),
            {"ServerlessV2ScalingConfiguration": {"MinCapacity": 0.7, "MaxCapacity": 2}},
        ),
    ):
        refused(f"a cluster with {what}", codes, rds.create_db_cluster, **(asked | changed))
    made = rds.create_db_cluster(**asked)["DBCluster"]
    equal("a new cluster", (made["Status"], made["DBClusterArn"], made["DeletionProtection"]), ("creating", arn("cluster", "shop"), True))
    equal("its capacity", {key: made["ServerlessV2ScalingConfiguration"][key] for key in SCALING}, SCALING)
    holds("a resource id", re.fullmatch("cluster-[A-Z0-9]+", made["DbClusterResourceId"]), made["DbClusterResourceId"])
    holds("the password is told to nobody", PASSWORD not in str(made))
    refused("a name that is taken", "DBClusterAlreadyExistsFault", rds.create_db_cluster, **asked)
    linked = {"RoleName": "AWSServiceRoleForRDS"}
    equal("RDS's own role", iam.get_role(**linked)["Role"]["Arn"], f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/rds.amazonaws.com/{linked['RoleName']}")
    task = iam.delete_service_linked_role(**linked)["DeletionTaskId"]
    until("is needed", lambda: iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"], "FAILED")
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="shop", WaiterConfig={"Delay": 1})
    holds("nobody answers without an instance", "refused" in (said := sql(cluster()["Endpoint"], "select 1")), said)
    refused("a cluster that is not there", "DBClusterNotFoundFault", rds.describe_db_clusters, DBClusterIdentifier="nowhere", status=404)
    equal("its tags", cluster()["TagList"], tags(team="web"))
    refused("its subnet group in use", "InvalidDBSubnetGroupStateFault", rds.delete_db_subnet_group, DBSubnetGroupName="shop")
    refused("its parameter group in use", "InvalidDBParameterGroupState", rds.delete_db_cluster_parameter_group, DBClusterParameterGroupName="shop")


def instances():
    asked = {"DBInstanceIdentifier": "shop-1", "DBClusterIdentifier": "shop", "Engine": "aurora-postgresql", "DBInstanceClass": "db.serverless"}
    refused("in no cluster", "DBClusterNotFoundFault", rds.create_db_instance, **(asked | {"DBClusterIdentifier": "nowhere"}))
    refused("of another engine", ("InvalidParameterCombination", "InvalidParameterValue"), rds.create_db_instance, **(asked | {"Engine": "aurora-mysql"}))
    refused("with a password of its own", "InvalidParameterCombination", rds.create_db_instance, **asked, MasterUserPassword=PASSWORD)
    equal("a new instance", rds.create_db_instance(**asked)["DBInstance"]["DBInstanceStatus"], "creating")
    refused("a name that is taken", "DBInstanceAlreadyExists", rds.create_db_instance, **asked)
    rds.create_db_instance(**(asked | {"DBInstanceIdentifier": "shop-2"}), PromotionTier=1)
    for name in ("shop-1", "shop-2"):
        rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=name, WaiterConfig={"Delay": 1})
    equal(
        "one writer",
        sorted((one["DBInstanceIdentifier"], one["IsClusterWriter"]) for one in cluster()["DBClusterMembers"]),
        [("shop-1", True), ("shop-2", False)],
    )
    equal("of the cluster", (instance("shop-2")["DBClusterIdentifier"], instance("shop-2")["PromotionTier"]), ("shop", 1))
    refused("an instance that is not there", "DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier="nowhere", status=404)
    rds.modify_db_instance(DBInstanceIdentifier="shop-2", PromotionTier=5, ApplyImmediately=True)
    until("another tier", lambda: (instance("shop-2")["PromotionTier"], instance("shop-2")["DBInstanceStatus"]), (5, "available"))
    changed = lambda: tuple(instance("shop-2")[key] for key in ("DBInstanceClass", "PendingModifiedValues", "PromotionTier", "DBInstanceStatus"))
    modify = lambda **change: rds.modify_db_instance(DBInstanceIdentifier="shop-2", **change)
    refused("no change", "InvalidParameterCombination", modify, ApplyImmediately=True)
    modify(DBInstanceClass="db.r6g.large", PromotionTier=4)
    until("what interrupts waits, the rest does not", changed, ("db.serverless", {"DBInstanceClass": "db.r6g.large"}, 4, "available"))
    modify(DBInstanceClass="db.serverless")
    until("nothing waits any more", changed, ("db.serverless", {}, 4, "available"))
    modify(DBInstanceClass="db.r6g.large")
    rds.reboot_db_instance(DBInstanceIdentifier="shop-2")
    until("a reboot is what it waited for", changed, ("db.r6g.large", {}, 4, "available"))
    modify(DBInstanceClass="db.serverless", ApplyImmediately=True)
    until("or it does not wait", changed, ("db.serverless", {}, 4, "available"))
    refused("a key that is no key", "KMSKeyNotAccessibleFault", rds.modify_db_instance, DBInstanceIdentifier="shop-2", PerformanceInsightsKMSKeyId="nonsense")


def data():
    writer, reader = cluster()["Endpoint"], cluster()["ReaderEndpoint"]
    equal("PostgreSQL 15 answers", sql(writer, "show server_version")[:3], "15.")
    equal("the parameter group's value", sql(writer, "show log_min_duration_statement"), "250ms")
    holds("another password is refused", "authentication failed" in sql(writer, "select 1", password="wrong"))
    equal("a table", sql(writer, "create table item (id int primary key); insert into item values (1), (2); select count(*) from item"), "2")
    until("the reader follows", lambda: sql(reader, "select count(*) from item"), "2")
    holds("the reader only reads", "read-only" in sql(reader, "insert into item values (3)"))
    equal("and says that it is one", sql(reader, "select pg_is_in_recovery()"), "t")
    equal("an instance's own endpoint", sql(instance("shop-2")["Endpoint"]["Address"], "select pg_is_in_recovery()"), "t")
    kinds = {one["EndpointType"]: one["Endpoint"] for one in rds.describe_db_cluster_endpoints(DBClusterIdentifier="shop")["DBClusterEndpoints"]}
    equal("the endpoints", kinds, {"WRITER": writer, "READER": reader})
    equal("RDS's own parameters can be asked for", sql(writer, "show rds.force_ssl"), "0")
    set_(rds_force_ssl="1")
    until("and are set", lambda: sql(writer, "show rds.force_ssl"), "1")
    until("without TLS it is refused", lambda: "no encryption" in sql(writer, "select 1", tls="disable"), True)
    equal("with TLS it is not", sql(writer, "select 1"), "1")
    set_(rds_force_ssl="0", work_mem="9216")
    until("without TLS it is accepted", lambda: sql(writer, "select 1", tls="disable"), "1")
    until("a changed parameter is set, also for readers", lambda: (sql(writer, "show work_mem"), sql(reader, "show work_mem")), ("9MB", "9MB"))


def extensions():
    writer = cluster()["Endpoint"]
    # Set where there is something to find: not in a container, whatever PostgreSQL is in it.
    if not sql(writer, "select 1 from pg_settings where name = 'extension_destdir' and setting <> ''"):
        return print("this PostgreSQL keeps what is not trusted to its superuser")
    equal("an extension of Aurora's", sql(writer, "create extension pg_stat_statements"), "")
    equal("that works", sql(writer, "select count(*) > 0 from pg_stat_statements"), "t")
    holds("not one that Aurora has not", "permission denied" in sql(writer, "create extension adminpack"))
    equal("dropped", sql(writer, "drop extension pg_stat_statements"), "")


def static_parameters():
    status = lambda: [one["DBClusterParameterGroupStatus"] for one in cluster()["DBClusterMembers"]]
    equal("in force", status(), ["in-sync", "in-sync"])
    waiting = [{"ParameterName": "max_locks_per_transaction", "ParameterValue": "96", "ApplyMethod": "pending-reboot"}]
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="shop", Parameters=waiting)
    equal("a static parameter waits", status(), ["pending-reboot", "pending-reboot"])
    equal("for the server", sql(cluster()["Endpoint"], "show max_locks_per_transaction"), "64")
    for name, left in (("shop-1", ["in-sync", "pending-reboot"]), ("shop-2", ["in-sync", "in-sync"])):
        rds.reboot_db_instance(DBInstanceIdentifier=name)
        until(f"{name} has started again", lambda: instance(name)["DBInstanceStatus"], "available")
        equal(f"then {name} waits no longer", status(), left)
    until("the server has it", lambda: sql(cluster()["Endpoint"], "show max_locks_per_transaction"), "96")
    # A server that follows has to have as much as the one that it follows once had: more, less, and both at once.
    for connections, locks in (("300", "128"), ("100", "96"), ("150", "32")):
        waiting = {"max_connections": connections, "max_locks_per_transaction": locks}
        settings = [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": "pending-reboot"} for name, value in waiting.items()]
        rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="shop", Parameters=settings)
        for name in ("shop-1", "shop-2"):
            rds.reboot_db_instance(DBInstanceIdentifier=name)
            until(f"{name} has started again", lambda: instance(name)["DBInstanceStatus"], "available")
        for kind in ("Endpoint", "ReaderEndpoint"):
            shown = "select current_setting('max_connections') || ' ' || current_setting('max_locks_per_transaction')"
            equal(f"what the {kind} has", sql(cluster()[kind], shown), f"{connections} {locks}")
        equal("the reader reads", sql(cluster()["ReaderEndpoint"], "select pg_is_in_recovery(), count(*) from item"), "t|2")
    equal("all in force", status(), ["in-sync", "in-sync"])
    own = lambda: instance("shop-2")["DBParameterGroups"][0]["ParameterApplyStatus"]
    equal("nothing of its own waits", own(), "in-sync")
    rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="aurora-postgresql15", Description="x", Tags=[])
    equal("no tags are no tags", rds.list_tags_for_resource(ResourceName=arn("pg", "own"))["TagList"], [])
    rds.modify_db_instance(DBInstanceIdentifier="shop-2", DBParameterGroupName="own", ApplyImmediately=True)
    equal("another group waits", own(), "pending-reboot")
    until("available", lambda: instance("shop-2")["DBInstanceStatus"], "available")
    rds.reboot_db_instance(DBInstanceIdentifier="shop-2")
    until("and no longer", lambda: (own(), instance("shop-2")["DBInstanceStatus"]), ("in-sync", "available"))
    rds.modify_db_instance(DBInstanceIdentifier="shop-2", DBParameterGroupName="default.aurora-postgresql15", ApplyImmediately=True)
    rds.delete_db_parameter_group(DBParameterGroupName="own")


def parameters_that_do_not_start():
    """More of what PostgreSQL takes at its start than any machine has."""
    status = lambda: instance("shop-1")["DBInstanceStatus"]
    for value, then in (("262143", "incompatible-parameters"), ("64", "available")):
        settings = [{"ParameterName": "autovacuum_max_workers", "ParameterValue": value, "ApplyMethod": "pending-reboot"}]
        rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="shop", Parameters=settings)
        rds.reboot_db_instance(DBInstanceIdentifier="shop-1")
        until(f"with {value} workers", status, then)
        equal("the cluster is its storage", cluster()["Status"], "available")
    told = [one["Message"] for one in rds.describe_events(SourceType="db-instance", SourceIdentifier="shop-1", Duration=60)["Events"]]
    holds("an event tells it", any("incompatible-parameters" in one for one in told), told)
    until("the data is back", lambda: sql(cluster()["ReaderEndpoint"], "select count(*) from item"), "2")
    rds.reset_db_cluster_parameter_group(
        DBClusterParameterGroupName="shop", Parameters=[{"ParameterName": "autovacuum_max_workers", "ApplyMethod": "pending-reboot"}]
    )
    for name in ("shop-1", "shop-2"):
        rds.reboot_db_instance(DBInstanceIdentifier=name)
        until(f"{name} has started again", lambda: instance(name)["DBInstanceStatus"], "available")


def set_(**parameters):
    """Sets parameters of the cluster's group, as long as they are dynamic; `rds_` stands for `rds.`."""
    settings = [{"ParameterName": name.replace("rds_", "rds."), "ParameterValue": value, "ApplyMethod": "immediate"} for name, value in parameters.items()]
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="shop", Parameters=settings)


def failing_over():
    refused("to nobody", "InvalidParameterValue", rds.failover_db_cluster, DBClusterIdentifier="shop", TargetDBInstanceIdentifier="nobody")
    own = [instance(name)["Endpoint"]["Address"] for name in ("shop-1", "shop-2")]
    reads = lambda: [sql(address, "select pg_is_in_recovery()") for address in own]
    until("each instance by its own endpoint", reads, ["f", "t"])
    rds.failover_db_cluster(DBClusterIdentifier="shop", TargetDBInstanceIdentifier="shop-2")
    until("the other one writes", lambda: [one["DBInstanceIdentifier"] for one in cluster()["DBClusterMembers"] if one["IsClusterWriter"]], ["shop-2"])
    until("available again", lambda: cluster()["Status"], "available")
    until("the data is there", lambda: sql(cluster()["Endpoint"], "select count(*) from item"), "2")
    until("and there", lambda: sql(cluster()["ReaderEndpoint"], "select count(*) from item"), "2")
    equal("the endpoints are the instances' own", [instance(name)["Endpoint"]["Address"] for name in ("shop-1", "shop-2")], own)
    until("and lead to what they are now", reads, ["t", "f"])
    told = [one["Message"] for one in rds.describe_events(SourceType="db-cluster", SourceIdentifier="shop", Duration=60)["Events"]]
    holds("an event tells it", any("failover" in one for one in told), told)
    rds.failover_db_cluster(DBClusterIdentifier="shop", TargetDBInstanceIdentifier="shop-1")
    until("and back", lambda: [one["DBInstanceIdentifier"] for one in cluster()["DBClusterMembers"] if one["IsClusterWriter"]], ["shop-1"])
    until("available once more", lambda: cluster()["Status"], "available")


def stopping_and_starting():
    refused("one that runs is not started", "InvalidDBClusterStateFault", rds.start_db_cluster, DBClusterIdentifier="shop")
    rds.stop_db_cluster(DBClusterIdentifier="shop")
    until("stopped", lambda: (cluster()["Status"], instance("shop-1")["DBInstanceStatus"]), ("stopped", "stopped"))
    holds("nobody answers", "refused" in sql(cluster()["Endpoint"], "select 1") and "refused" in sql(cluster()["ReaderEndpoint"], "select 1"))
    refused("no changes meanwhile", "InvalidDBClusterStateFault", rds.modify_db_cluster, DBClusterIdentifier="shop", BackupRetentionPeriod=3)
    refused("no snapshots meanwhile", "InvalidDBClusterStateFault", rds.create_db_cluster_snapshot, DBClusterIdentifier="shop", DBClusterSnapshotIdentifier="no")
    rds.start_db_cluster(DBClusterIdentifier="shop")
    until("available", lambda: (cluster()["Status"], instance("shop-1")["DBInstanceStatus"]), ("available", "available"))
    equal("the data is back", sql(cluster()["Endpoint"], "select count(*) from item"), "2")
    told = [one["Message"] for one in rds.describe_events(SourceType="db-cluster", SourceIdentifier="shop", EventCategories=["notification"])["Events"]]
    equal("events tell of both ends", told, ["DB cluster stopped", "DB cluster started"])


def switches_and_options():
    answer = rds.enable_http_endpoint(ResourceArn=arn("cluster", "shop"))
    equal("the Data API is on", (answer["HttpEndpointEnabled"], cluster()["HttpEndpointEnabled"]), (True, True))
    rds.disable_http_endpoint(ResourceArn=arn("cluster", "shop"))
    equal("and off", cluster()["HttpEndpointEnabled"], False)
    refused("of no cluster", "ResourceNotFoundFault", rds.enable_http_endpoint, ResourceArn=arn("cluster", "nowhere"))
    version = cluster()["EngineVersion"]
    options = pages(
        rds, "describe_orderable_db_instance_options", "OrderableDBInstanceOptions", 20, Engine="aurora-postgresql", EngineVersion=version, DBInstanceClass="db.serverless"
    )
    majors = [one["MajorEngineVersion"] for one in rds.describe_db_major_engine_versions(Engine="aurora-postgresql")["DBMajorEngineVersions"]]
    holds("the major versions, each once", "15" in majors and len(majors) == len(set(majors)), majors)
    equal("the serverless class can be ordered", {(one["DBInstanceClass"], one["EngineVersion"]) for one in options}, {("db.serverless", version)})
    equal(
        "no such class",
        rds.describe_orderable_db_instance_options(Engine="aurora-postgresql", DBInstanceClass="db.m99.huge")["OrderableDBInstanceOptions"],
        [],
    )


def modification():
    rds.modify_db_cluster(
        DBClusterIdentifier="shop", ServerlessV2ScalingConfiguration={"MinCapacity": 1, "MaxCapacity": 4}, BackupRetentionPeriod=14, ApplyImmediately=True
    )
    until(
        "more",
        lambda: (cluster()["ServerlessV2ScalingConfiguration"]["MaxCapacity"], cluster()["BackupRetentionPeriod"], cluster()["Status"]),
        (4.0, 14, "available"),
    )
    refused("36 days of backups", "InvalidParameterValue", rds.modify_db_cluster, DBClusterIdentifier="shop", BackupRetentionPeriod=36)
    refused("a cluster that is not there", "DBClusterNotFoundFault", rds.modify_db_cluster, DBClusterIdentifier="nowhere", BackupRetentionPeriod=5)
    rds.add_tags_to_resource(ResourceName=arn("cluster", "shop"), Tags=tags(a="b", team="shop"))
    rds.remove_tags_from_resource(ResourceName=arn("cluster", "shop"), TagKeys=["a"])
    equal("tags", rds.list_tags_for_resource(ResourceName=arn("cluster", "shop"))["TagList"], tags(team="shop"))


def a_proxy():
    secret = secrets.create_secret(Name="shop", SecretString=json.dumps({"username": "shop", "password": PASSWORD}))["ARN"]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="proxy", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may_read = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}]}
    iam.put_role_policy(RoleName="proxy", PolicyName="read", PolicyDocument=json.dumps(may_read))
    asked = {
        "DBProxyName": "shop", "EngineFamily": "POSTGRESQL", "RoleArn": role, "VpcSubnetIds": SUBNETS[1:],
        "VpcSecurityGroupIds": [GROUP], "RequireTLS": True,
        "Auth": [{"AuthScheme": "SECRETS", "SecretArn": secret, "IAMAuth": "DISABLED"}],
    }  # fmt: skip
    refused(
        "in one zone",
        ("InvalidSubnet", "InvalidParameterValue", "DBSubnetGroupDoesNotCoverEnoughAZs"),
        rds.create_db_proxy,
        **(asked | {"VpcSubnetIds": SUBNETS[:2]}),
    )
    of_mysql = [asked["Auth"][0] | {"ClientPasswordAuthType": "MYSQL_NATIVE_PASSWORD"}]
    refused("MySQL's passwords", "InvalidParameterCombination", rds.create_db_proxy, **(asked | {"Auth": of_mysql}))
    until("a new proxy (a new role takes a while)", lambda: created(asked), "creating")
    refused("deleted while it is being made", "InvalidDBProxyStateFault", rds.delete_db_proxy, DBProxyName="shop")
    refused("a name that is taken", "DBProxyAlreadyExistsFault", rds.create_db_proxy, **asked)
    refused("a proxy that is not there", "DBProxyNotFoundFault", rds.describe_db_proxies, DBProxyName="nowhere", status=404)
    until("available", lambda: proxy()["Status"], "available")
    rds.modify_db_proxy_target_group(
        DBProxyName="shop", TargetGroupName="default", ConnectionPoolConfig={"MaxConnectionsPercent": 80, "MaxIdleConnectionsPercent": 20}
    )
    [pool] = rds.describe_db_proxy_target_groups(DBProxyName="shop")["TargetGroups"]
    equal("its pool", (pool["IsDefault"], pool["ConnectionPoolConfig"]["MaxConnectionsPercent"]), (True, 80))
    refused("no cluster to lead to", "DBClusterNotFoundFault", rds.register_db_proxy_targets, DBProxyName="shop", DBClusterIdentifiers=["nowhere"])
    rds.register_db_proxy_targets(DBProxyName="shop", DBClusterIdentifiers=["shop"])
    refused("registered already", "DBProxyTargetAlreadyRegisteredFault", rds.register_db_proxy_targets, DBProxyName="shop", DBClusterIdentifiers=["shop"])

    def told(health):
        return " ".join(health[key] for key in ("State", "Reason", "Description") if key in health)

    def health():
        targets = rds.describe_db_proxy_targets(DBProxyName="shop")["Targets"]
        return sorted((one["RdsResourceId"], told(one["TargetHealth"])) for one in targets if one["Type"] == "RDS_INSTANCE")

    until("no way in", lambda: [state.split(" The ")[0] for _, state in health()], ["UNAVAILABLE UNREACHABLE"] * 2)
    itself = [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": GROUP}]}]
    ec2.authorize_security_group_ingress(GroupId=GROUP, IpPermissions=itself)
    until("both instances can be reached", health, [("shop-1", "AVAILABLE"), ("shop-2", "AVAILABLE")], seconds=120)
    rds.modify_db_proxy(DBProxyName="shop", IdleClientTimeout=900, DebugLogging=True)
    until("modified", lambda: (proxy()["IdleClientTimeout"], proxy()["DebugLogging"], proxy()["Status"]), (900, True, "available"))
    refused("its security group in use", "DependencyViolation", ec2.delete_security_group, GroupId=GROUP)


def created(asked):
    try:
        return rds.create_db_proxy(**asked)["DBProxy"]["Status"]
    except rds.exceptions.ClientError as error:
        return error.response["Error"]


def proxy():
    return rds.describe_db_proxies(DBProxyName="shop")["DBProxies"][0]


def data_through_the_proxy():
    host = proxy()["Endpoint"]
    equal("what was written before", sql(host, "select count(*) from item"), "2")
    holds("without TLS it is refused", "2" != sql(host, "select count(*) from item", tls="disable"))
    holds("another password is refused", "2" != sql(host, "select count(*) from item", password="wrong"))
    begins = lambda query: rds.modify_db_proxy_target_group(DBProxyName="shop", TargetGroupName="default", ConnectionPoolConfig={"InitQuery": query})
    begins("SET lock_timeout = '77s'; SET search_path = 'public', 'the shop''s'")
    until("what a connection begins with", lambda: sql(host, "show lock_timeout"), "77s")
    equal("quotes and all", sql(host, "show search_path"), 'public, "the shop\'s"')
    begins("")
    until("or not", lambda: sql(host, "show lock_timeout"), "0")
    made = rds.create_db_proxy_endpoint(DBProxyName="shop", DBProxyEndpointName="shop-reads", VpcSubnetIds=SUBNETS[1:], TargetRole="READ_ONLY")
    equal("an endpoint for reading", (made["DBProxyEndpoint"]["TargetRole"], made["DBProxyEndpoint"]["Status"]), ("READ_ONLY", "creating"))
    reads = lambda: rds.describe_db_proxy_endpoints(DBProxyEndpointName="shop-reads")["DBProxyEndpoints"][0]
    until("available", lambda: reads()["Status"], "available")
    until("it reads", lambda: sql(reads()["Endpoint"], "select count(*) from item"), "2")
    holds("and writes not", "read-only" in sql(reads()["Endpoint"], "insert into item values (3)"))
    refused("a name that is none", "InvalidParameterValue", rds.modify_db_proxy_endpoint, DBProxyEndpointName="shop-reads", NewDBProxyEndpointName="a--b")
    rds.modify_db_proxy_endpoint(DBProxyEndpointName="shop-reads", NewDBProxyEndpointName="shop-readers")
    refused("by its old name", "DBProxyEndpointNotFoundFault", rds.describe_db_proxy_endpoints, DBProxyEndpointName="shop-reads", status=404)
    until("renamed", lambda: rds.describe_db_proxy_endpoints(DBProxyEndpointName="shop-readers")["DBProxyEndpoints"][0]["Status"], "available")
    rds.delete_db_proxy_endpoint(DBProxyEndpointName="shop-readers")
    until("gone", lambda: rds.describe_db_proxy_endpoints(DBProxyName="shop")["DBProxyEndpoints"], [])
    answers = lambda: sql(host, "select count(*) from item") == "2"
    itself = [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": GROUP}]}]
    ec2.revoke_security_group_ingress(GroupId=GROUP, IpPermissions=itself)
    until("nobody gets through to what it cannot reach", answers, False, seconds=15)
    ec2.authorize_security_group_ingress(GroupId=GROUP, IpPermissions=itself)
    until("until it can", answers, True)
    rds.deregister_db_proxy_targets(DBProxyName="shop", DBClusterIdentifiers=["shop"])
    until("nor to what is its target no more", answers, False, seconds=15)
    refused("twice", "DBProxyTargetNotFoundFault", rds.deregister_db_proxy_targets, DBProxyName="shop", DBClusterIdentifiers=["shop"])
    rds.register_db_proxy_targets(DBProxyName="shop", DBClusterIdentifiers=["shop"])
    until("and again to what is", answers, True)


def logs_in_cloudwatch():
    """What the server really says, in a stream for each instance."""
    group = "/aws/rds/cluster/shop/postgresql"
    groups = lambda of="cluster": [one["logGroupName"] for one in logs.describe_log_groups(logGroupNamePrefix=f"/aws/rds/{of}/")["logGroups"]]
    equal("none without being asked for", groups(), [])
    equal("but a proxy's", groups("proxy"), ["/aws/rds/proxy/shop"])
    refused("of a kind that is none", "InvalidParameterCombination", rds.modify_db_cluster, DBClusterIdentifier="shop",
            CloudwatchLogsExportConfiguration={"EnableLogTypes": ["slowquery"]})  # fmt: skip
    rds.modify_db_cluster(DBClusterIdentifier="shop", CloudwatchLogsExportConfiguration={"EnableLogTypes": ["postgresql"]})
    until("exported", lambda: (cluster().get("EnabledCloudwatchLogsExports"), cluster()["Status"]), (["postgresql"], "available"))
    sql(cluster()["Endpoint"], "DO $$ BEGIN RAISE LOG 'told to everybody'; END $$")
    until("a group", groups, [group])
    told = lambda: [one["message"] for one in logs.filter_log_events(logGroupName=group, logStreamNames=["shop-1.0"], filterPattern='"told to everybody"')["events"]]
    until("with the writer's lines", lambda: len([line for line in told() if "LOG:" in line]), 1)
    holds("and no password", not logs.filter_log_events(logGroupName=group, filterPattern=f'"{PASSWORD}"')["events"])
    rds.modify_db_cluster(DBClusterIdentifier="shop", CloudwatchLogsExportConfiguration={"DisableLogTypes": ["postgresql"]})
    until("no longer", lambda: (cluster().get("EnabledCloudwatchLogsExports"), cluster()["Status"]), (None, "available"))
    logs.delete_log_group(logGroupName=group)


def custom_endpoints():
    made = rds.create_db_cluster_endpoint(DBClusterIdentifier="shop", DBClusterEndpointIdentifier="shop-some", EndpointType="READER", StaticMembers=["shop-2"])
    equal("a custom endpoint", (made["Status"], made["EndpointType"], made["CustomEndpointType"], made["StaticMembers"]), ("creating", "CUSTOM", "READER", ["shop-2"]))
    find = lambda: rds.describe_db_cluster_endpoints(DBClusterEndpointIdentifier="shop-some")["DBClusterEndpoints"]
    until("available", lambda: [one["Status"] for one in find()], ["available"])
    equal("it reads", sql(find()[0]["Endpoint"], "select pg_is_in_recovery()"), "t")
    again = {"DBClusterIdentifier": "shop", "DBClusterEndpointIdentifier": "shop-some", "EndpointType": "ANY"}
    refused("a name that is taken", "DBClusterEndpointAlreadyExistsFault", rds.create_db_cluster_endpoint, **again)
    refused("of a stranger", "DBInstanceNotFound", rds.create_db_cluster_endpoint, **(again | {"DBClusterEndpointIdentifier": "x", "StaticMembers": ["nobody"]}))
    rds.modify_db_cluster_endpoint(DBClusterEndpointIdentifier="shop-some", ExcludedMembers=["shop-1"])
    until("modified", lambda: [(one["StaticMembers"], one["ExcludedMembers"]) for one in find()], [([], ["shop-1"])])
    rds.delete_db_cluster_endpoint(DBClusterEndpointIdentifier="shop-some")
    until("gone", find, [])
    refused("once more", "DBClusterEndpointNotFoundFault", rds.delete_db_cluster_endpoint, DBClusterEndpointIdentifier="shop-some", status=404)


def renaming():
    change = {"DBInstanceIdentifier": "shop-2", "NewDBInstanceIdentifier": "shop-two"}
    refused("a name that is taken", "DBInstanceAlreadyExists", rds.modify_db_instance, **(change | {"NewDBInstanceIdentifier": "shop-1"}))
    refused("a name that is none", "InvalidParameterValue", rds.modify_db_instance, **(change | {"NewDBInstanceIdentifier": "2"}))
    rds.modify_db_instance(**change)
    equal("it waits for its window", instance("shop-2")["PendingModifiedValues"], {"DBInstanceIdentifier": "shop-two"})
    same = instance("shop-2")["DbiResourceId"]
    rds.modify_db_instance(**change, ApplyImmediately=True)
    found = lambda: {one["DBInstanceIdentifier"]: one["DBInstanceStatus"] for one in rds.describe_db_instances()["DBInstances"]}
    until("renamed", found, {"shop-1": "available", "shop-two": "available"})
    renamed = instance("shop-two")
    equal("the same by another name", (renamed["DbiResourceId"], renamed["DBInstanceArn"], renamed["PendingModifiedValues"]), (same, arn("db", "shop-two"), {}))
    refused("by its old name", "DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier="shop-2", status=404)

    rds.modify_db_cluster(DBClusterIdentifier="shop", NewDBClusterIdentifier="store", ApplyImmediately=True)
    clusters = lambda: {one["DBClusterIdentifier"]: one["Status"] for one in rds.describe_db_clusters()["DBClusters"]}
    until("the cluster, too", clusters, {"store": "available"})
    refused("by its old name", "DBClusterNotFoundFault", rds.describe_db_clusters, DBClusterIdentifier="shop", status=404)
    equal("its members", sorted(one["DBInstanceIdentifier"] for one in cluster("store")["DBClusterMembers"]), ["shop-1", "shop-two"])
    equal("its tags", rds.list_tags_for_resource(ResourceName=arn("cluster", "store"))["TagList"], tags(team="shop"))
    until("its data", lambda: sql(cluster("store")["Endpoint"], "select count(*) from item"), "2")
    targets = lambda: sorted(one["RdsResourceId"] for one in rds.describe_db_proxy_targets(DBProxyName="shop")["Targets"])
    equal("the proxy's targets", targets(), ["shop-1", "shop-two", "store"])
    until("its data, through the proxy", lambda: sql(proxy()["Endpoint"], "select count(*) from item"), "2")

    rds.modify_db_cluster(DBClusterIdentifier="store", NewDBClusterIdentifier="shop", ApplyImmediately=True)
    until("and back", clusters, {"shop": "available"})
    rds.modify_db_instance(DBInstanceIdentifier="shop-two", NewDBInstanceIdentifier="shop-2", ApplyImmediately=True)
    until("the instance, too", found, {"shop-1": "available", "shop-2": "available"})
    until("its data again", lambda: sql(cluster()["ReaderEndpoint"], "select count(*) from item"), "2")


def roles():
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="import", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    asked = {"DBClusterIdentifier": "shop", "RoleArn": role, "FeatureName": "s3Import"}
    refused("for what Aurora has not", "InvalidParameterValue", rds.add_role_to_db_cluster, **(asked | {"FeatureName": "coffee"}))
    rds.add_role_to_db_cluster(**asked)
    equal("a role", cluster()["AssociatedRoles"], [{"RoleArn": role, "Status": "ACTIVE", "FeatureName": "s3Import"}])
    refused("twice", "DBClusterRoleAlreadyExists", rds.add_role_to_db_cluster, **asked)
    rds.remove_role_from_db_cluster(**asked)
    equal("none", cluster()["AssociatedRoles"], [])
    refused("taken away twice", "DBClusterRoleNotFound", rds.remove_role_from_db_cluster, **asked, status=404)
    iam.delete_role(RoleName="import")


def add(cluster, name):
    rds.create_db_instance(DBInstanceIdentifier=name, DBClusterIdentifier=cluster, Engine="aurora-postgresql", DBInstanceClass="db.serverless")
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=name, WaiterConfig={"Delay": 1})


def a_managed_password():
    """By RDS, in a secret of its own; the server takes each new one."""
    rds.modify_db_cluster(DBClusterIdentifier="shop", ManageMasterUserPassword=True)
    state = lambda: (cluster()["Status"], cluster().get("MasterUserSecret", {}).get("SecretStatus"))
    until("a secret", state, ("available", "active"))
    secret = cluster()["MasterUserSecret"]["SecretArn"]
    password = lambda: json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])["password"]
    first = password()
    equal("with the password", sql(cluster()["Endpoint"], "select 1", password=first), "1")
    holds("and no other", "authentication failed" in (said := sql(cluster()["Endpoint"], "select 1")), said)
    equal("found by its owner", [one["ARN"] for one in secrets.list_secrets(Filters=[{"Key": "owning-service", "Values": ["rds"]}])["SecretList"]], [secret])
    refused("not for everybody", "InvalidRequestException", secrets.delete_secret, SecretId=secret)
    # What users' sessions are held to is not what RDS itself is.
    held = {"default_transaction_read_only": "1", "statement_timeout": "1", "lock_timeout": "1", "temp_file_limit": "100", "default_tablespace": "nowhere"}
    settings = [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": "immediate"} for name, value in held.items()]
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="shop", Parameters=settings)
    until("they are in force", lambda: sql(cluster()["Endpoint"], "show default_transaction_read_only", password=first), "on")
    secrets.rotate_secret(SecretId=secret)
    until("rotated", state, ("available", "active"))
    holds("another one", password() != first)
    rds.create_db_cluster_snapshot(DBClusterIdentifier="shop", DBClusterSnapshotIdentifier="held")
    rds.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier="held", WaiterConfig={"Delay": 1})
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="held")
    equal("which the server has", sql(cluster()["Endpoint"], "show server_version_num", password=password())[:2], "15")
    freed = [{"ParameterName": name, "ApplyMethod": "immediate"} for name in held]
    rds.reset_db_cluster_parameter_group(DBClusterParameterGroupName="shop", Parameters=freed)
    until("they are no longer", lambda: sql(cluster()["Endpoint"], "show default_transaction_read_only", password=password()), "off")
    rds.modify_db_cluster(DBClusterIdentifier="shop", ManageMasterUserPassword=False, MasterUserPassword=PASSWORD, ApplyImmediately=True)
    until("no secret", state, ("available", None))
    equal("the former password", sql(cluster()["Endpoint"], "select 1"), "1")
    refused("gone", "ResourceNotFoundException", secrets.describe_secret, SecretId=secret)


def a_clone():
    asked = {"DBClusterIdentifier": "clone", "SourceDBClusterIdentifier": "shop", "DBSubnetGroupName": "shop", "VpcSecurityGroupIds": [GROUP]}
    refused("of no time", "InvalidParameterCombination", rds.restore_db_cluster_to_point_in_time, **asked)
    refused("of nothing", "DBClusterNotFoundFault", rds.restore_db_cluster_to_point_in_time, **(asked | {"SourceDBClusterIdentifier": "nowhere"}), UseLatestRestorableTime=True)
    made = rds.restore_db_cluster_to_point_in_time(**asked, UseLatestRestorableTime=True, RestoreType="copy-on-write")["DBCluster"]
    equal("a clone", (made["Status"], made["EngineVersion"]), ("creating", cluster()["EngineVersion"]))
    for key in ("ServerlessV2ScalingConfiguration", "BackupRetentionPeriod", "CloneGroupId"):
        equal(f"its {key} is the source's", made[key], cluster()[key])
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="clone", WaiterConfig={"Delay": 1})
    add("clone", "clone-1")
    equal("holds the same", sql(cluster("clone")["Endpoint"], "select count(*) from item"), "2")
    equal("it is its own", sql(cluster("clone")["Endpoint"], "delete from item; select count(*) from item"), "0")
    equal("the source has its own", sql(cluster()["Endpoint"], "select count(*) from item"), "2")
    rds.delete_db_instance(DBInstanceIdentifier="clone-1")
    until("it has no instance", lambda: cluster("clone")["DBClusterMembers"], [])
    rds.delete_db_cluster(DBClusterIdentifier="clone", SkipFinalSnapshot=True)
    until("gone", lambda: [one["DBClusterIdentifier"] for one in rds.describe_db_clusters()["DBClusters"]], ["shop"])


def what_nobody_has():
    for what, call, member in (
        ("snapshots of instances", rds.describe_db_snapshots, "DBSnapshots"),
        ("global clusters", rds.describe_global_clusters, "GlobalClusters"),
        ("exports", rds.describe_export_tasks, "ExportTasks"),
        ("deployments", rds.describe_blue_green_deployments, "BlueGreenDeployments"),
        ("subscriptions", rds.describe_event_subscriptions, "EventSubscriptionsList"),
        ("recommendations", rds.describe_db_recommendations, "DBRecommendations"),
        ("tenants", rds.describe_tenant_databases, "TenantDatabases"),
        ("instance backups", rds.describe_db_instance_automated_backups, "DBInstanceAutomatedBackups"),
    ):
        equal(f"no {what}", call()[member], [])
    quotas = {one["AccountQuotaName"]: (one["Used"], one["Max"]) for one in rds.describe_account_attributes()["AccountQuotas"]}
    equal("quotas", (quotas["DBClusters"], quotas["DBInstances"]), ((1, 40), (2, 40)))
    holds("source regions", "us-east-1" in [one["RegionName"] for one in rds.describe_source_regions()["SourceRegions"]])
    [backup] = rds.describe_db_cluster_automated_backups(DBClusterIdentifier="shop")["DBClusterAutomatedBackups"]
    equal("what it could be restored from", (backup["DBClusterArn"], backup["Status"]), (arn("cluster", "shop"), "active"))
    refused("a restart of it", "InvalidDBClusterStateFault", rds.reboot_db_cluster, DBClusterIdentifier="shop")


def log_files():
    writer = next(one["DBClusterMembers"] for one in rds.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"])
    writer = next(one["DBInstanceIdentifier"] for one in writer if one["IsClusterWriter"])
    refused("an instance that is not there", "DBInstanceNotFound", rds.describe_db_log_files, DBInstanceIdentifier="nowhere", status=404)
    [file] = rds.describe_db_log_files(DBInstanceIdentifier=writer)["DescribeDBLogFiles"]
    holds("written by the server", file["Size"] > 0 and file["LastWritten"] > 1_600_000_000_000, file)
    equal("by name", rds.describe_db_log_files(DBInstanceIdentifier=writer, FilenameContains="slowquery")["DescribeDBLogFiles"], [])
    name = file["LogFileName"]
    endpoint = rds.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"][0]["Endpoint"]
    sql(endpoint, "DO $$ BEGIN RAISE LOG 'seen by everybody'; END $$")
    portion = lambda **more: rds.download_db_log_file_portion(DBInstanceIdentifier=writer, LogFileName=name, **more)
    last = portion(NumberOfLines=50)
    holds("the last lines", "seen by everybody" in last["LogFileData"], last)
    first = portion(Marker="0", NumberOfLines=1)
    equal("one line from the beginning", (first["LogFileData"].count("\n"), first["AdditionalDataPending"]), (1, True))
    holds("the next one", portion(Marker=first["Marker"], NumberOfLines=1)["LogFileData"] != first["LogFileData"])
    refused("a file that is not there", "DBLogFileNotFoundFault", rds.download_db_log_file_portion, DBInstanceIdentifier=writer, LogFileName="error/none", status=404)
    refused("a marker that nobody gave", "InvalidParameterValue", portion, Marker="x")


def what_needs_another_service_or_engine():
    topic = f"arn:aws:sns:eu-central-1:{ACCOUNT}:none"
    refused("a topic that is not there", "SNSTopicArnNotFound", rds.create_event_subscription, SubscriptionName="x", SnsTopicArn=topic, status=404)
    refused("what is no topic", "SNSInvalidTopic", rds.create_event_subscription, SubscriptionName="x", SnsTopicArn="x")
    refused("a subscription that is not there", "SubscriptionNotFound", rds.describe_event_subscriptions, SubscriptionName="x", status=404)
    refused("nor to delete", "SubscriptionNotFound", rds.delete_event_subscription, SubscriptionName="x", status=404)
    export = {"ExportTaskIdentifier": "x", "S3BucketName": "none", "IamRoleArn": f"arn:aws:iam::{ACCOUNT}:role/x", "KmsKeyId": "alias/aws/rds"}
    refused("a bucket that is not there", "InvalidS3BucketFault", rds.start_export_task, **export, SourceArn=arn("cluster", "shop"), status=400)
    refused("an export of nothing", "DBClusterNotFoundFault", rds.start_export_task, **export, SourceArn=arn("cluster", "nowhere"), status=404)
    refused("an export that is not there", "ExportTaskNotFound", rds.cancel_export_task, ExportTaskIdentifier="x", status=404)
    member = rds.describe_db_instances()["DBInstances"][0]["DBInstanceIdentifier"]
    refused("a snapshot of a member", "InvalidParameterValue", rds.create_db_snapshot, DBSnapshotIdentifier="x", DBInstanceIdentifier=member)
    refused("a snapshot that is not there", "DBSnapshotNotFound", rds.delete_db_snapshot, DBSnapshotIdentifier="x", status=404)
    refused("no maintenance", "ResourceNotFoundFault", rds.apply_pending_maintenance_action, ResourceIdentifier=arn("cluster", "shop"), ApplyAction="system-update", OptInType="immediate", status=404)
    refused("no replica", "InvalidDBClusterStateFault", rds.promote_read_replica_db_cluster, DBClusterIdentifier="shop")
    refused("no replica of another instance", "InvalidDBInstanceState", rds.promote_read_replica, DBInstanceIdentifier=member)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    refused("back in time", "InvalidDBClusterStateFault", rds.backtrack_db_cluster, DBClusterIdentifier="shop", BacktrackTo=now)
    role = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/x", "FeatureName": "s3Import"}
    refused("a role of a member", "DBInstanceRoleNotFound", rds.remove_role_from_db_instance, DBInstanceIdentifier=member, **role, status=404)
    refused("a stream that is not started", "InvalidDBClusterStateFault", rds.stop_activity_stream, ResourceArn=arn("cluster", "shop"))
    refused("a stream of nothing", "DBClusterNotFoundFault", rds.stop_activity_stream, ResourceArn=arn("cluster", "nowhere"), status=404)
    refused("a stream of an instance", "InvalidDBInstanceState", rds.modify_activity_stream, ResourceArn=arn("db", member))
    [options] = rds.describe_option_groups()["OptionGroupsList"]
    shown = rds.describe_db_instances(DBInstanceIdentifier=member)["DBInstances"][0]["OptionGroupMemberships"][0]["OptionGroupName"]
    equal("the group of options that a member shows", (options["OptionGroupName"], options["Options"]), (shown, []))
    refused("another one", "OptionGroupNotFoundFault", rds.describe_option_groups, OptionGroupName="x", status=404)
    refused("the default one's end", "InvalidParameterValue", rds.delete_option_group, OptionGroupName=shown)
    refused("a group of EC2-Classic", "DBSecurityGroupNotSupported", rds.create_db_security_group, DBSecurityGroupName="x", DBSecurityGroupDescription="x")
    for operation, code, parameters in (
        ("delete_global_cluster", "GlobalClusterNotFoundFault", {"GlobalClusterIdentifier": "x"}),
        ("switchover_blue_green_deployment", "BlueGreenDeploymentNotFoundFault", {"BlueGreenDeploymentIdentifier": "bgd-x"}),
        ("delete_integration", "IntegrationNotFoundFault", {"IntegrationIdentifier": "x"}),
        ("delete_db_security_group", "DBSecurityGroupNotFound", {"DBSecurityGroupName": "x"}),
        ("reboot_db_shard_group", "DBShardGroupNotFound", {"DBShardGroupIdentifier": "x"}),
        ("delete_custom_db_engine_version", "CustomDBEngineVersionNotFoundFault", {"Engine": "custom-oracle-ee", "EngineVersion": "19.x"}),
        ("delete_db_instance_automated_backup", "DBInstanceAutomatedBackupNotFound", {"DbiResourceId": "db-X"}),
        ("delete_tenant_database", "TenantDatabaseNotFound", {"DBInstanceIdentifier": member, "TenantDBName": "x"}),
    ):
        refused(operation, code, getattr(rds, operation), status=404, **parameters)
    equal("nothing to choose", rds.describe_valid_db_instance_modifications(DBInstanceIdentifier=member)["ValidDBInstanceModificationsMessage"].get("Storage", []), [])


def snapshots():
    equal(
        "a new snapshot",
        rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="shop-before", DBClusterIdentifier="shop")["DBClusterSnapshot"]["Engine"],
        "aurora-postgresql",
    )
    rds.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier="shop-before", WaiterConfig={"Delay": 1})
    refused(
        "a name that is taken",
        "DBClusterSnapshotAlreadyExistsFault",
        rds.create_db_cluster_snapshot,
        DBClusterSnapshotIdentifier="shop-before",
        DBClusterIdentifier="shop",
    )
    equal("shared with nobody", shared(), [])
    with_others = {"DBClusterSnapshotIdentifier": "shop-before", "AttributeName": "restore"}
    refused("with RDS's own key", "InvalidParameterCombination", rds.modify_db_cluster_snapshot_attribute, **with_others, ValuesToAdd=[OTHER])
    refused("with nobody", "InvalidParameterValue", rds.modify_db_cluster_snapshot_attribute,
            DBClusterSnapshotIdentifier="shop-before", AttributeName="restore", ValuesToAdd=["me"])  # fmt: skip
    copied = {"SourceDBClusterSnapshotIdentifier": "shop-before", "TargetDBClusterSnapshotIdentifier": "shop-copy"}
    equal("a copy", rds.copy_db_cluster_snapshot(**copied, Tags=tags(a="b"))["DBClusterSnapshot"]["SourceDBClusterSnapshotArn"], arn("cluster-snapshot", "shop-before"))
    rds.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier="shop-copy", WaiterConfig={"Delay": 1})
    refused("copied once more", "DBClusterSnapshotAlreadyExistsFault", rds.copy_db_cluster_snapshot, **copied)
    equal("its tags", rds.list_tags_for_resource(ResourceName=arn("cluster-snapshot", "shop-copy"))["TagList"], tags(a="b"))
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="shop-copy")
    refused("a snapshot that is not there", "DBClusterSnapshotNotFoundFault", rds.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier="nowhere")


def snapshots_elsewhere():
    """In another account of the same region, and in another region."""
    key = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
    rds.copy_db_cluster_snapshot(SourceDBClusterSnapshotIdentifier="shop-before", TargetDBClusterSnapshotIdentifier="shop-shared", KmsKeyId=key)
    rds.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier="shop-shared", WaiterConfig={"Delay": 1})
    name = arn("cluster-snapshot", "shop-shared")
    other, network = client("rds", account=OTHER), client("ec2", account=OTHER)
    seen = lambda **asked: [one["DBClusterSnapshotIdentifier"] for one in other.describe_db_cluster_snapshots(**asked)["DBClusterSnapshots"]]
    equal("seen by nobody else", seen(IncludeShared=True, IncludePublic=True), [])
    refused("nor by its ARN", "DBClusterSnapshotNotFoundFault", seen, DBClusterSnapshotIdentifier=name, status=404)
    with_others = {"DBClusterSnapshotIdentifier": "shop-shared", "AttributeName": "restore"}
    refused("encrypted, with everybody", "InvalidParameterCombination", rds.modify_db_cluster_snapshot_attribute, **with_others, ValuesToAdd=["all"])
    rds.modify_db_cluster_snapshot_attribute(**with_others, ValuesToAdd=[OTHER])
    equal("shared", shared("shop-shared"), [OTHER])
    for what, asked, found in (
        ("not among one's own", {}, []), ("where asked for", {"IncludeShared": True}, [name]), ("as shared", {"SnapshotType": "shared"}, [name]),
        ("not as public", {"SnapshotType": "public"}, []), ("by its ARN", {"DBClusterSnapshotIdentifier": name}, [name]),
    ):  # fmt: skip
        equal(f"it is seen {what}", seen(**asked), found)
    vpc = network.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        network.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-central-1{zone}")["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    other.create_db_subnet_group(DBSubnetGroupName="theirs", DBSubnetGroupDescription="x", SubnetIds=subnets)
    other.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="theirs", SnapshotIdentifier=name, Engine="aurora-postgresql", DBSubnetGroupName="theirs", ServerlessV2ScalingConfiguration=SCALING
    )
    other.create_db_instance(DBInstanceIdentifier="theirs-1", DBClusterIdentifier="theirs", Engine="aurora-postgresql", DBInstanceClass="db.serverless")
    other.get_waiter("db_instance_available").wait(DBInstanceIdentifier="theirs-1", WaiterConfig={"Delay": 1})
    equal("restored there", sql(other.describe_db_clusters()["DBClusters"][0]["Endpoint"], "select count(*) from item"), "2")
    other.delete_db_instance(DBInstanceIdentifier="theirs-1")
    until("without its instance", lambda: other.describe_db_instances()["DBInstances"], [])
    other.delete_db_cluster(DBClusterIdentifier="theirs", SkipFinalSnapshot=True)
    until("gone", lambda: other.describe_db_clusters()["DBClusters"], [])
    away = client("rds", region="us-east-1")
    copied = {"SourceDBClusterSnapshotIdentifier": name, "TargetDBClusterSnapshotIdentifier": "away", "SourceRegion": "eu-central-1"}
    refused("away without a key", "InvalidParameterCombination", away.copy_db_cluster_snapshot, **copied)
    away.copy_db_cluster_snapshot(**copied, KmsKeyId=key.replace("eu-central-1", "us-east-1"))
    away.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier="away", WaiterConfig={"Delay": 1})
    for where, snapshot in ((rds, "shop-shared"), (away, "away")):
        where.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=snapshot)


def shared(name="shop-before"):
    result = rds.describe_db_cluster_snapshot_attributes(DBClusterSnapshotIdentifier=name)["DBClusterSnapshotAttributesResult"]
    [attribute] = result["DBClusterSnapshotAttributes"]
    return attribute["AttributeValues"]


def deletion():
    refused("a protected cluster", "InvalidParameterCombination", rds.delete_db_cluster, DBClusterIdentifier="shop", SkipFinalSnapshot=True)
    rds.modify_db_cluster(DBClusterIdentifier="shop", DeletionProtection=False, ApplyImmediately=True)
    until("unprotected", lambda: (cluster()["DeletionProtection"], cluster()["Status"]), (False, "available"))
    refused("with instances", "InvalidDBClusterStateFault", rds.delete_db_cluster, DBClusterIdentifier="shop", SkipFinalSnapshot=True)
    rds.delete_db_proxy(DBProxyName="shop")
    until("the proxy is gone", lambda: [one["DBProxyName"] for one in rds.describe_db_proxies()["DBProxies"]], [])
    deletes = lambda name: rds.delete_db_instance(DBInstanceIdentifier=name)["DBInstance"]["DBInstanceStatus"]
    begun = sql(cluster()["Endpoint"], "select pg_postmaster_start_time()")
    equal("the reader is being deleted", deletes("shop-2"), "deleting")
    until("its endpoint leads to the writer", lambda: sql(cluster()["ReaderEndpoint"], "select pg_is_in_recovery()"), "f")
    equal("which has not been disturbed", sql(cluster()["ReaderEndpoint"], "select pg_postmaster_start_time()"), begun)
    equal("the writer is being deleted", deletes("shop-1"), "deleting")
    endpoint = cluster()["Endpoint"]
    until("no instances", lambda: rds.describe_db_instances()["DBInstances"], [])
    holds("nobody answers any more", "refused" in (said := sql(endpoint, "select 1")), said)
    refused("without a word about the data", "InvalidParameterCombination", rds.delete_db_cluster, DBClusterIdentifier="shop")
    refused(
        "a final snapshot and none",
        "InvalidParameterCombination",
        rds.delete_db_cluster,
        DBClusterIdentifier="shop",
        SkipFinalSnapshot=True,
        FinalDBSnapshotIdentifier="last",
    )
    rds.delete_db_cluster(DBClusterIdentifier="shop", FinalDBSnapshotIdentifier="shop-last")
    until("no cluster", lambda: rds.describe_db_clusters()["DBClusters"], [])
    until(
        "its last snapshot",
        lambda: sorted((one["DBClusterSnapshotIdentifier"], one["Status"]) for one in rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]),
        [("shop-before", "available"), ("shop-last", "available")],
    )


def restoration():
    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="again",
        SnapshotIdentifier="shop-last",
        Engine="aurora-postgresql",
        DBSubnetGroupName="shop",
        VpcSecurityGroupIds=[GROUP],
        ServerlessV2ScalingConfiguration=SCALING,
    )
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="again", WaiterConfig={"Delay": 1})
    equal("backups are kept as long as its source's", cluster("again")["BackupRetentionPeriod"], 14)
    add("again", "again-1")
    equal("the data is back", sql(cluster("again")["Endpoint"], "select count(*) from item"), "2")
    rds.delete_db_instance(DBInstanceIdentifier="again-1")
    until("no instances", lambda: rds.describe_db_instances()["DBInstances"], [])
    rds.delete_db_cluster(DBClusterIdentifier="again", SkipFinalSnapshot=True)
    until("no cluster", lambda: rds.describe_db_clusters()["DBClusters"], [])


def nothing_stands_in_the_way():
    for name in ("shop-before", "shop-last"):
        rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
    rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName="shop")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForRDS")["DeletionTaskId"]
    until("RDS's own role goes as well", lambda: iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"], "SUCCEEDED")
    rds.delete_db_subnet_group(DBSubnetGroupName="shop")
    refused("once more", "DBSubnetGroupNotFoundFault", rds.delete_db_subnet_group, DBSubnetGroupName="shop")
    ec2.delete_security_group(GroupId=GROUP)
    for subnet in SUBNETS:
        ec2.delete_subnet(SubnetId=subnet)
    equal("no interfaces are left", ec2.describe_network_interfaces()["NetworkInterfaces"], [])


run(
    subnet_groups,
    parameter_groups,
    clusters,
    instances,
    data,
    extensions,
    static_parameters,
    parameters_that_do_not_start,
    failing_over,
    stopping_and_starting,
    switches_and_options,
    modification,
    a_proxy,
    data_through_the_proxy,
    logs_in_cloudwatch,
    custom_endpoints,
    renaming,
    roles,
    a_managed_password,
    a_clone,
    what_nobody_has,
    log_files,
    what_needs_another_service_or_engine,
    snapshots,
    snapshots_elsewhere,
    deletion,
    restoration,
    nothing_stands_in_the_way,
)
