"""Secrets Manager: secrets, their versions and labels, deletion with a window, policies, lists."""

import json

from walk import ACCOUNT, client, equal, holds, pages, refused, run, tags, until

secrets = client("secretsmanager")


def creation():
    made = secrets.create_secret(Name="shop/db", SecretString='{"a":"b"}', Tags=tags(team="web"), Description="The shop's")
    arn = made["ARN"]
    holds(
        "the ARN has the account and ends with six characters",
        arn.startswith(f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:shop/db-") and len(arn.rsplit("-", 1)[1]) == 6,
        arn,
    )
    for name in ("shop/db", arn, arn[:-7]):
        equal(f"read by {name}", secrets.get_secret_value(SecretId=name)["SecretString"], '{"a":"b"}')
    told = secrets.describe_secret(SecretId=arn)
    equal("described", (told["Name"], told["Description"], told["Tags"]), ("shop/db", "The shop's", tags(team="web")))
    equal("one version, current", list(told["VersionIdsToStages"].values()), [["AWSCURRENT"]])
    equal("the first version's id is the answer's", list(told["VersionIdsToStages"]), [made["VersionId"]])
    refused("a name that is taken", "ResourceExistsException", secrets.create_secret, Name="shop/db", SecretString="x", status=400)
    refused(
        "a name with a character that is not allowed",
        ("ValidationException", "InvalidParameterException"),
        secrets.create_secret,
        Name="shop db",
        SecretString="x",
    )
    refused("a key that is no key", "EncryptionFailure", secrets.create_secret, Name="two", SecretString="x", KmsKeyId="nonsense")
    refused("nor for one that is there", "EncryptionFailure", secrets.update_secret, SecretId="shop/db", KmsKeyId="alias/mine")
    refused("text and bytes at once", "InvalidParameterException", secrets.create_secret, Name="two", SecretString="x", SecretBinary=b"x")
    refused("a secret that is not there", "ResourceNotFoundException", secrets.get_secret_value, SecretId="nowhere")
    empty = secrets.create_secret(Name="empty")
    holds("a secret without a value has no version", "VersionId" not in empty, empty)
    refused("the value of a secret without one", "ResourceNotFoundException", secrets.get_secret_value, SecretId="empty")
    token = "12345678-1234-1234-1234-123456789012"
    first = secrets.create_secret(Name="once", SecretString="x", ClientRequestToken=token)
    equal(
        "the same creation with the same token is the same secret",
        secrets.create_secret(Name="once", SecretString="x", ClientRequestToken=token)["ARN"],
        first["ARN"],
    )
    equal("the token is the version's id", first["VersionId"], token)


def versions():
    secrets.create_secret(Name="versions", SecretString="one")
    second = secrets.put_secret_value(SecretId="versions", SecretString="two")
    equal("a new value is current", second["VersionStages"], ["AWSCURRENT"])
    equal("the current value", secrets.get_secret_value(SecretId="versions")["SecretString"], "two")
    equal("the previous value", secrets.get_secret_value(SecretId="versions", VersionStage="AWSPREVIOUS")["SecretString"], "one")
    secrets.put_secret_value(SecretId="versions", SecretBinary=b"\x00\xff")
    equal("bytes", secrets.get_secret_value(SecretId="versions")["SecretBinary"], b"\x00\xff")
    listed = secrets.list_secret_version_ids(SecretId="versions")["Versions"]
    equal("the first version has lost its label", sorted(sum((one.get("VersionStages", []) for one in listed), [])), ["AWSCURRENT", "AWSPREVIOUS"])
    listed = secrets.list_secret_version_ids(SecretId="versions", IncludeDeprecated=True)["Versions"]
    equal("but is still there", len(listed), 3)
    refused("a version that is not there", "ResourceNotFoundException", secrets.get_secret_value, SecretId="versions", VersionStage="nothing")
    current = secrets.get_secret_value(SecretId="versions")["VersionId"]
    secrets.update_secret_version_stage(SecretId="versions", VersionStage="AWSCURRENT", MoveToVersionId=second["VersionId"], RemoveFromVersionId=current)
    equal("the label was moved back", secrets.get_secret_value(SecretId="versions")["SecretString"], "two")
    secrets.update_secret(SecretId="versions", Description="new", SecretString="four")
    equal(
        "updated", (secrets.describe_secret(SecretId="versions")["Description"], secrets.get_secret_value(SecretId="versions")["SecretString"]), ("new", "four")
    )


def tagging():
    secrets.create_secret(Name="tagged", SecretString="x")
    secrets.tag_resource(SecretId="tagged", Tags=tags(a="1", b="2"))
    secrets.tag_resource(SecretId="tagged", Tags=tags(a="3"))
    secrets.untag_resource(SecretId="tagged", TagKeys=["b", "never"])
    equal("tags", secrets.describe_secret(SecretId="tagged")["Tags"], tags(a="3"))
    equal(
        "by tag",
        [one["Name"] for one in secrets.list_secrets(Filters=[{"Key": "tag-key", "Values": ["a"]}, {"Key": "tag-value", "Values": ["3"]}])["SecretList"]],
        ["tagged"],
    )
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*"}]}
    secrets.put_resource_policy(SecretId="tagged", ResourcePolicy=json.dumps(policy))
    equal("policy", json.loads(secrets.get_resource_policy(SecretId="tagged")["ResourcePolicy"]), policy)
    secrets.delete_resource_policy(SecretId="tagged")
    holds("no policy", "ResourcePolicy" not in secrets.get_resource_policy(SecretId="tagged"))
    refused("a policy that is none", "MalformedPolicyDocumentException", secrets.put_resource_policy, SecretId="tagged", ResourcePolicy="{")


def lists():
    for number in range(5):
        secrets.create_secret(Name=f"many/{number}", SecretString=str(number))
    named = [{"Key": "name", "Values": ["many/"]}]
    equal("all pages of a list", [one["Name"] for one in pages(secrets, "list_secrets", "SecretList", 2, Filters=named)].__len__(), 5)
    equal(
        "nothing but that",
        [
            one["Name"]
            for one in secrets.list_secrets(Filters=[{"Key": "name", "Values": ["!many/", "versions"]}])["SecretList"]
            if one["Name"].startswith("many/")
        ],
        [],
    )
    several = secrets.batch_get_secret_value(SecretIdList=["many/1", "many/2", "nowhere"])
    equal("several values at once", sorted(one["SecretString"] for one in several["SecretValues"]), ["1", "2"])
    equal("and one that is not there", [one["ErrorCode"] for one in several["Errors"]], ["ResourceNotFoundException"])


def random_passwords():
    password = secrets.get_random_password()["RandomPassword"]
    equal("32 characters", len(password), 32)
    password = secrets.get_random_password(PasswordLength=64, ExcludePunctuation=True, ExcludeCharacters="abc")["RandomPassword"]
    holds("as asked for", len(password) == 64 and password.isalnum() and not set("abc") & set(password), password)


def rotation():
    secrets.create_secret(Name="turning", SecretString="x")
    holds("never rotated", not secrets.describe_secret(SecretId="turning").get("RotationEnabled"))
    refused("without a function", "InvalidRequestException", secrets.rotate_secret, SecretId="turning", RotationRules={"AutomaticallyAfterDays": 30}, status=400)
    function = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:rotate"
    refused("by a function that is not there", "AccessDeniedException", secrets.rotate_secret, SecretId="turning", RotationLambdaARN=function)
    refused("a secret that is not there", "ResourceNotFoundException", secrets.rotate_secret, SecretId="nowhere")
    equal("nothing to cancel", secrets.cancel_rotate_secret(SecretId="turning")["Name"], "turning")
    equal("the value is as it was", secrets.get_secret_value(SecretId="turning")["SecretString"], "x")
    secrets.delete_secret(SecretId="turning", ForceDeleteWithoutRecovery=True)


def deletion():
    secrets.create_secret(Name="leaving", SecretString="x")
    refused("a window that is too short", "InvalidParameterException", secrets.delete_secret, SecretId="leaving", RecoveryWindowInDays=3)
    refused(
        "a window without recovery",
        "InvalidParameterException",
        secrets.delete_secret,
        SecretId="leaving",
        RecoveryWindowInDays=7,
        ForceDeleteWithoutRecovery=True,
    )
    gone = secrets.delete_secret(SecretId="leaving", RecoveryWindowInDays=7)
    now = secrets.describe_secret(SecretId="leaving")
    holds("described while it waits", now.get("DeletedDate"), now)
    equal("seven days", (gone["DeletionDate"].date() - now["DeletedDate"].date()).days in (0, 7), True)
    refused("its value", "InvalidRequestException", secrets.get_secret_value, SecretId="leaving")
    refused("its name", "InvalidRequestException", secrets.create_secret, Name="leaving", SecretString="y")
    equal("not in lists", [one["Name"] for one in secrets.list_secrets(Filters=[{"Key": "name", "Values": ["leaving"]}])["SecretList"]], [])
    equal(
        "but where asked for",
        [one["Name"] for one in secrets.list_secrets(IncludePlannedDeletion=True, Filters=[{"Key": "name", "Values": ["leaving"]}])["SecretList"]],
        ["leaving"],
    )
    secrets.restore_secret(SecretId="leaving")
    equal("restored", secrets.get_secret_value(SecretId="leaving")["SecretString"], "x")
    secrets.delete_secret(SecretId="leaving", ForceDeleteWithoutRecovery=True)
    refused("gone", "ResourceNotFoundException", secrets.describe_secret, SecretId="leaving")
    secrets.create_secret(Name="leaving", SecretString="new")
    equal("the name is free again", secrets.get_secret_value(SecretId="leaving")["SecretString"], "new")


def replicas():
    paris, virginia = (client("secretsmanager", region=region) for region in ("eu-west-3", "us-east-1"))
    asked = {"Name": "both", "SecretString": "one", "Description": "d", "Tags": tags(a="1"), "ClientRequestToken": "12345678-1234-1234-1234-000000000000"}
    asked["AddReplicaRegions"] = [{"Region": "eu-west-3"}]
    made = secrets.create_secret(**asked)
    arn = made["ARN"]
    equal("on its way", [(one["Region"], one["Status"]) for one in made["ReplicationStatus"]], [("eu-west-3", "InProgress")])
    told = lambda: [(one["Region"], one["Status"]) for one in secrets.describe_secret(SecretId="both")["ReplicationStatus"]]
    until("there", told, [("eu-west-3", "InSync")])
    again = secrets.create_secret(**asked)
    equal("the same creation again", (again["ARN"], [one["Region"] for one in again["ReplicationStatus"]]), (arn, ["eu-west-3"]))
    replica = paris.describe_secret(SecretId="both")
    copy = replica["ARN"]
    equal("the same ARN but for the region", copy, arn.replace("eu-central-1", "eu-west-3"))
    equal("with all that it has", (replica["Description"], replica["Tags"], list(replica["VersionIdsToStages"])), ("d", tags(a="1"), [made["VersionId"]]))
    equal("where the primary is", (replica["PrimaryRegion"], secrets.describe_secret(SecretId="both")["PrimaryRegion"]), ("eu-central-1", "eu-central-1"))
    equal("its value", paris.get_secret_value(SecretId=copy)["SecretString"], "one")
    holds("when it was read there", "LastAccessedDate" in secrets.describe_secret(SecretId="both")["ReplicationStatus"][0])
    value = lambda where: where.get_secret_value(SecretId="both")["SecretString"]
    second = secrets.put_secret_value(SecretId="both", SecretString="two")["VersionId"]
    until("it follows the value", lambda: value(paris), "two")
    equal("and the versions", paris.get_secret_value(SecretId="both", VersionStage="AWSPREVIOUS")["VersionId"], made["VersionId"])
    secrets.tag_resource(SecretId="both", Tags=tags(b="2"))
    secrets.untag_resource(SecretId="both", TagKeys=["a"])
    until("the tags", lambda: paris.describe_secret(SecretId="both")["Tags"], tags(b="2"))
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*"}]}
    secrets.put_resource_policy(SecretId="both", ResourcePolicy=json.dumps(policy))
    until("the policy", lambda: json.loads(paris.get_resource_policy(SecretId="both").get("ResourcePolicy", "null")), policy)
    secrets.update_secret_version_stage(SecretId="both", VersionStage="AWSCURRENT", MoveToVersionId=made["VersionId"], RemoveFromVersionId=second)
    until("the labels", lambda: value(paris), "one")
    for operation, parameters in (
        ("put_secret_value", {"SecretString": "x"}),
        ("update_secret", {"SecretString": "x"}),
        ("update_secret", {"Description": "x"}),
        ("update_secret_version_stage", {"VersionStage": "AWSCURRENT", "MoveToVersionId": second, "RemoveFromVersionId": made["VersionId"]}),
        ("tag_resource", {"Tags": tags(c="3")}),
        ("untag_resource", {"TagKeys": ["b"]}),
        ("put_resource_policy", {"ResourcePolicy": json.dumps(policy)}),
        ("delete_resource_policy", {}),
        ("rotate_secret", {"RotationRules": {"AutomaticallyAfterDays": 30}}),
        ("delete_secret", {}),
        ("delete_secret", {"ForceDeleteWithoutRecovery": True}),
        ("replicate_secret_to_regions", {"AddReplicaRegions": [{"Region": "us-east-1"}]}),
        ("remove_regions_from_replication", {"RemoveReplicaRegions": ["eu-west-3"]}),
    ):
        refused(f"{operation} of a replica", "InvalidParameterException", getattr(paris, operation), SecretId="both", **parameters)
    paris.update_secret(SecretId="both", KmsKeyId="alias/aws/secretsmanager")
    equal("but its key", paris.describe_secret(SecretId="both")["KmsKeyId"], "alias/aws/secretsmanager")
    refused("a second secret of its name", "ResourceExistsException", paris.create_secret, Name="both", SecretString="x")
    by_region = lambda where, region: [one["Name"] for one in where.list_secrets(Filters=[{"Key": "primary-region", "Values": [region]}])["SecretList"]]
    equal("by its primary region", (by_region(paris, "eu-central"), by_region(paris, "eu-west-3"), by_region(secrets, "eu-central-1")), (["both"], [], ["both"]))

    virginia.create_secret(Name="both", SecretString="another's")
    add = lambda region, **more: secrets.replicate_secret_to_regions(SecretId="both", AddReplicaRegions=[{"Region": region}], **more)
    for what, codes, region in (
        ("its own region", "InvalidParameterException", "eu-central-1"),
        ("a region that is none", ("InvalidParameterException", "ValidationException"), "mars"),
        ("a region that is not there", "InvalidParameterException", "xx-nowhere-9"),
        ("a region again", ("InvalidParameterException", "InvalidRequestException"), "eu-west-3"),
    ):
        refused(f"replication to {what}", codes, lambda: add(region))
    refused("replication to nowhere", ("InvalidParameterException", "ValidationException"), secrets.replicate_secret_to_regions, SecretId="both", AddReplicaRegions=[])
    refused("of no secret", "ResourceNotFoundException", secrets.replicate_secret_to_regions, SecretId="nowhere", AddReplicaRegions=[{"Region": "us-east-1"}])
    add("us-east-1")
    until("where the name is taken", told, [("eu-west-3", "InSync"), ("us-east-1", "Failed")])
    message = secrets.describe_secret(SecretId="both")["ReplicationStatus"][1]["StatusMessage"]
    holds("saying why", "already exists in region us-east-1" in message, message)
    equal("nothing was overwritten", value(virginia), "another's")
    add("us-east-1", ForceOverwriteReplicaSecret=True)
    until("unless it is to be", told, [("eu-west-3", "InSync"), ("us-east-1", "InSync")])
    equal("overwritten", value(virginia), "one")
    refused("deletion before the replicas'", "InvalidParameterException", secrets.delete_secret, SecretId="both")
    refused("at once neither", "InvalidParameterException", secrets.delete_secret, SecretId="both", ForceDeleteWithoutRecovery=True)
    refused("to stop what is no replica", ("InvalidRequestException", "InvalidParameterException"), secrets.stop_replication_to_replica, SecretId="both")
    refused(
        "removal of a region that has none",
        ("InvalidParameterException", "InvalidRequestException"),
        secrets.remove_regions_from_replication,
        SecretId="both",
        RemoveReplicaRegions=["eu-north-1"],
    )
    equal("it stands alone", virginia.stop_replication_to_replica(SecretId="both")["ARN"], arn.replace("eu-central-1", "us-east-1"))
    until("and is no replica any more", told, [("eu-west-3", "InSync")])
    virginia.put_secret_value(SecretId="both", SecretString="its own")
    left = secrets.remove_regions_from_replication(SecretId="both", RemoveReplicaRegions=["eu-west-3"])
    equal("no replicas", (left["ARN"], left.get("ReplicationStatus", [])), (arn, []))
    refused("the replica is gone at once", "ResourceNotFoundException", paris.get_secret_value, SecretId="both")
    holds("one secret as any other", "PrimaryRegion" not in secrets.describe_secret(SecretId="both"))
    secrets.delete_secret(SecretId="both", ForceDeleteWithoutRecovery=True)
    equal("the one that stands alone stays", value(virginia), "its own")
    virginia.delete_secret(SecretId="both", ForceDeleteWithoutRecovery=True)


def apart():
    equal("another region has nothing", client("secretsmanager", region="us-east-1").list_secrets()["SecretList"], [])
    equal("another account has nothing", client("secretsmanager", account="444455556666").list_secrets()["SecretList"], [])


run(creation, versions, tagging, lists, random_passwords, rotation, deletion, replicas, apart)
