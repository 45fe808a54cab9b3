"""CloudWatch Logs: groups, streams, events, retention, tags."""

import time

from walk import client, equal, holds, refused, run

logs = client("logs")
NOW = int(time.time() * 1000)


def groups():
    logs.create_log_group(logGroupName="/shop", tags={"a": "b"})
    refused("a name that is taken", "ResourceAlreadyExistsException", logs.create_log_group, logGroupName="/shop", status=400)
    refused("a name with a character that is not allowed", "InvalidParameterException", logs.create_log_group, logGroupName="a b")
    group = logs.describe_log_groups(logGroupNamePrefix="/sh")["logGroups"][0]
    holds("kept for ever", "retentionInDays" not in group, group)
    holds("two forms of the ARN", group["arn"] == group["logGroupArn"] + ":*", group)
    equal("tags", logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"], {"a": "b"})
    logs.tag_resource(resourceArn=group["logGroupArn"], tags={"c": "d"})
    logs.untag_resource(resourceArn=group["logGroupArn"], tagKeys=["a"])
    equal("other tags", logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"], {"c": "d"})
    logs.put_retention_policy(logGroupName="/shop", retentionInDays=7)
    equal("kept for a week", logs.describe_log_groups(logGroupNamePrefix="/shop")["logGroups"][0]["retentionInDays"], 7)
    refused("two days are no choice", "InvalidParameterException", logs.put_retention_policy, logGroupName="/shop", retentionInDays=2)
    logs.delete_retention_policy(logGroupName="/shop")
    holds("for ever again", "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix="/shop")["logGroups"][0])


def events():
    logs.create_log_stream(logGroupName="/shop", logStreamName="web")
    refused("a stream that is there", "ResourceAlreadyExistsException", logs.create_log_stream, logGroupName="/shop", logStreamName="web")
    refused("a stream of no group", "ResourceNotFoundException", logs.create_log_stream, logGroupName="/nowhere", logStreamName="web")
    put = [{"timestamp": NOW + number, "message": message} for number, message in enumerate(("hello", "error: one", "bye"))]
    logs.put_log_events(logGroupName="/shop", logStreamName="web", logEvents=put)
    read = logs.get_log_events(logGroupName="/shop", logStreamName="web", startFromHead=True)
    equal("from the head", [one["message"] for one in read["events"]], ["hello", "error: one", "bye"])
    equal(
        "nothing after it", logs.get_log_events(logGroupName="/shop", logStreamName="web", startFromHead=True, nextToken=read["nextForwardToken"])["events"], []
    )
    equal("the last one", [one["message"] for one in logs.get_log_events(logGroupName="/shop", logStreamName="web", limit=1)["events"]], ["bye"])
    equal("by a word", [one["message"] for one in logs.filter_log_events(logGroupName="/shop", filterPattern="error")["events"]], ["error: one"])
    equal("by time", [one["message"] for one in logs.filter_log_events(logGroupName="/shop", startTime=NOW + 2)["events"]], ["bye"])
    refused("by a stream that is not there", "ResourceNotFoundException", logs.filter_log_events, logGroupName="/shop", logStreamNames=["web", "none"])
    [found] = logs.describe_log_groups(logGroupNamePattern="hop")["logGroups"]
    equal("what a search for groups tells", sorted(found), ["arn", "creationTime", "logGroupName"])
    equal("it heeds the case", logs.describe_log_groups(logGroupNamePattern="HOP")["logGroups"], [])
    refused("events out of order", "InvalidParameterException", logs.put_log_events, logGroupName="/shop", logStreamName="web", logEvents=put[::-1])
    refused("a stream that is not there", "ResourceNotFoundException", logs.put_log_events, logGroupName="/shop", logStreamName="none", logEvents=put)
    equal("streams", [one["logStreamName"] for one in logs.describe_log_streams(logGroupName="/shop")["logStreams"]], ["web"])


def filters():
    metric = {"metricName": "errors", "metricNamespace": "shop", "metricValue": "1"}
    put = lambda name, **more: logs.put_metric_filter(logGroupName="/shop", filterName=name, filterPattern="ERROR", metricTransformations=[metric | more])
    put("errors")
    put("more", metricName="others")
    refused("a group that is not there", "ResourceNotFoundException", logs.put_metric_filter, logGroupName="/nowhere", filterName="x", filterPattern="", metricTransformations=[metric])
    refused("dimensions and a default", "InvalidParameterException", put, name="x", dimensions={"a": "$.a"}, defaultValue=0)
    names = lambda **wanted: [one["filterName"] for one in logs.describe_metric_filters(**wanted)["metricFilters"]]
    equal("of the group", names(logGroupName="/shop"), ["errors", "more"])
    equal("by prefix", names(logGroupName="/shop", filterNamePrefix="mo"), ["more"])
    equal("by metric", names(metricName="errors", metricNamespace="shop"), ["errors"])
    first = logs.describe_metric_filters(logGroupName="/shop", limit=1)
    equal("page by page", names(logGroupName="/shop", limit=1, nextToken=first["nextToken"]), ["more"])
    refused("a token that nobody gave", "InvalidParameterException", logs.describe_metric_filters, logGroupName="/shop", nextToken="x")
    equal("counted", logs.describe_log_groups(logGroupNamePrefix="/shop")["logGroups"][0]["metricFilterCount"], 2)
    for name in ("errors", "more"):
        logs.delete_metric_filter(logGroupName="/shop", filterName=name)
    refused("once more", "ResourceNotFoundException", logs.delete_metric_filter, logGroupName="/shop", filterName="more")
    refused(
        "a destination that cannot be reached",
        "InvalidParameterException",
        logs.put_subscription_filter,
        logGroupName="/shop",
        filterName="x",
        filterPattern="",
        destinationArn="arn:aws:lambda:eu-central-1:111122223333:function:none",
    )
    equal("no subscription", logs.describe_subscription_filters(logGroupName="/shop")["subscriptionFilters"], [])
    refused("a subscription that is not there", "ResourceNotFoundException", logs.delete_subscription_filter, logGroupName="/shop", filterName="x")


def patterns():
    messages = ["ERROR one", "a warning", "error two", "ERROR: it was late"]
    meant = lambda pattern: [(one["eventNumber"], one["eventMessage"]) for one in logs.test_metric_filter(filterPattern=pattern, logEventMessages=messages)["matches"]]
    found = lambda *numbers: [(number, messages[number - 1]) for number in numbers]
    for pattern, numbers in (
        ("", (1, 2, 3, 4)),
        ("ERROR", (1, 4)),
        ("ERROR one", (1,)),
        ('"it was"', (4,)),
        ("?one ?two", (1, 3)),
        ("ERROR -late", (1,)),
        ("nothing", ()),
    ):
        equal(f"what {pattern!r} means", meant(pattern), found(*numbers))
    refused("no messages", "InvalidParameterException", logs.test_metric_filter, filterPattern="x", logEventMessages=[])
    refused("a pattern that is not closed", "InvalidParameterException", meant, pattern='"x')
    refused("a pattern of JSON", "InvalidParameterException", meant, pattern="{ $.a = 1 }")


def policies_and_protection():
    document = '{"Version":"2012-10-17","Statement":[]}'
    equal("a policy", logs.put_resource_policy(policyName="es", policyDocument=document)["resourcePolicy"]["policyDocument"], document)
    refused("one that is not JSON", "InvalidParameterException", logs.put_resource_policy, policyName="x", policyDocument="{")
    equal("policies", [one["policyName"] for one in logs.describe_resource_policies()["resourcePolicies"]], ["es"])
    logs.delete_resource_policy(policyName="es")
    refused("once more", "ResourceNotFoundException", logs.delete_resource_policy, policyName="es")
    equal("listed by a pattern", [one["logGroupName"] for one in logs.list_log_groups(logGroupNamePattern="^/sh")["logGroups"]], ["/shop"])
    key = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000000"
    refused("a key without an ARN", "InvalidParameterException", logs.associate_kms_key, logGroupName="/shop", kmsKeyId="alias/aws/logs")
    refused("a new group with no key", "InvalidParameterException", logs.create_log_group, logGroupName="/x", kmsKeyId="nonsense")
    logs.associate_kms_key(logGroupName="/shop", kmsKeyId=key)
    equal("the key", logs.describe_log_groups(logGroupNamePrefix="/shop")["logGroups"][0]["kmsKeyId"], key)
    logs.disassociate_kms_key(logGroupName="/shop")
    logs.put_log_group_deletion_protection(logGroupIdentifier="/shop", deletionProtectionEnabled=True)
    refused("protected", "ValidationException", logs.delete_log_group, logGroupName="/shop")
    logs.put_log_group_deletion_protection(logGroupIdentifier="/shop", deletionProtectionEnabled=False)


def what_nobody_has():
    for call, member, asked in (
        (logs.describe_destinations, "destinations", {}),
        (logs.describe_export_tasks, "exportTasks", {}),
        (logs.describe_account_policies, "accountPolicies", {"policyType": "DATA_PROTECTION_POLICY"}),
        (logs.describe_index_policies, "indexPolicies", {"logGroupIdentifiers": ["/shop"]}),
        (logs.describe_query_definitions, "queryDefinitions", {}),
        (logs.describe_queries, "queries", {"logGroupName": "/shop"}),
        (logs.describe_deliveries, "deliveries", {}),
        (logs.describe_delivery_sources, "deliverySources", {}),
        (logs.describe_delivery_destinations, "deliveryDestinations", {}),
        (logs.list_log_anomaly_detectors, "anomalyDetectors", {}),
        (logs.list_anomalies, "anomalies", {}),
        (logs.describe_field_indexes, "fieldIndexes", {"logGroupIdentifiers": ["/shop"]}),
    ):
        equal(f"no {member}", call(**asked)[member], [])
    refused("of a group that is not there", "ResourceNotFoundException", logs.describe_index_policies, logGroupIdentifiers=["/nowhere"])
    for call, asked in (
        (logs.cancel_export_task, {"taskId": "x"}),
        (logs.delete_destination, {"destinationName": "x"}),
        (logs.get_delivery, {"id": "x"}),
        (logs.get_delivery_source, {"name": "x"}),
        (logs.delete_delivery_destination, {"name": "x"}),
        (logs.get_log_anomaly_detector, {"anomalyDetectorArn": "arn:aws:logs:eu-central-1:111122223333:anomaly-detector:x"}),
        (logs.delete_query_definition, {"queryDefinitionId": "x"}),
    ):
        refused(f"{call.__name__} of what nobody has", "ResourceNotFoundException", call, **asked)
    refused("of no kind", "InvalidParameterException", logs.describe_account_policies)
    refused("a token that nobody gave", "InvalidParameterException", logs.describe_destinations, nextToken="x")


def deletion():
    logs.delete_log_stream(logGroupName="/shop", logStreamName="web")
    logs.delete_log_group(logGroupName="/shop")
    refused("once more", "ResourceNotFoundException", logs.delete_log_group, logGroupName="/shop")
    equal("none", logs.describe_log_groups()["logGroups"], [])


run(groups, events, filters, patterns, policies_and_protection, what_nobody_has, deletion)
