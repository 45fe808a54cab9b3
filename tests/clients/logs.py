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
    refused("events out of order", "InvalidParameterException", logs.put_log_events, logGroupName="/shop", logStreamName="web", logEvents=put[::-1])
    refused("a stream that is not there", "ResourceNotFoundException", logs.put_log_events, logGroupName="/shop", logStreamName="none", logEvents=put)
    equal("streams", [one["logStreamName"] for one in logs.describe_log_streams(logGroupName="/shop")["logStreams"]], ["web"])


def deletion():
    logs.delete_log_stream(logGroupName="/shop", logStreamName="web")
    logs.delete_log_group(logGroupName="/shop")
    refused("once more", "ResourceNotFoundException", logs.delete_log_group, logGroupName="/shop")
    equal("none", logs.describe_log_groups()["logGroups"], [])


run(groups, events, deletion)
