"""What the walks share: a client for the local cloud, and checks that are named, counted and told where they are wrong."""

import sys
import time
import traceback

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]
ACCOUNT = "111122223333"
REGION = "eu-central-1"

_checks = 0
_wrong = 0


def client(service, region=REGION, account=ACCOUNT, token=None):
    """A client without retries and without checks of its own: what is wrong has to be refused by the cloud."""
    return boto3.client(
        service,
        endpoint_url=URL,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="any",
        aws_session_token=token,
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )


def holds(what, condition, seen=None):
    """Checks that something is so; `seen` is told where it is not."""
    global _checks, _wrong
    _checks += 1
    if not condition:
        _wrong += 1
        print(f"WRONG: {what}" + ("" if seen is None else f": {seen}"))


def equal(what, got, wanted):
    """Checks a value."""
    holds(what, got == wanted, f"{got!r} in place of {wanted!r}")


def refused(what, codes, call, status=None, **parameters):
    """Checks that a call is refused with the error code that AWS documents (or one of several); the message that it has."""
    codes = (codes,) if isinstance(codes, str) else codes
    try:
        answer = call(**parameters)
    except ClientError as error:
        told = error.response["Error"]
        holds(what, told["Code"] in codes and told.get("Message"), f"{told} in place of {' or '.join(codes)}")
        if status is not None:
            equal(f"{what}: HTTP status", error.response["ResponseMetadata"]["HTTPStatusCode"], status)
        return told.get("Message", "")
    else:
        answer.pop("ResponseMetadata", None)
        holds(what, False, f"accepted with {answer}, not refused with {' or '.join(codes)}")
        return ""


def until(what, read, wanted, seconds=60):
    """Checks that a value comes to be as wanted, asking again and again."""
    end = time.monotonic() + seconds
    while (got := read()) != wanted and time.monotonic() < end:
        time.sleep(0.1)
    equal(what, got, wanted)


def pages(service, operation, result, size, **parameters):
    """Everything that a list has, page by page."""
    paginator = service.get_paginator(operation)
    return [item for page in paginator.paginate(PaginationConfig={"PageSize": size}, **parameters) for item in page[result]]


def tags(**pairs):
    """Tags as most services take them."""
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def run(*walks):
    """Runs each walk, whatever became of the one before; ends the program with 1 where anything was wrong."""
    global _wrong
    for walk in walks:
        try:
            walk()
        except Exception:
            _wrong += 1
            print(f"WRONG: {walk.__name__} ended early")
            traceback.print_exc(file=sys.stdout)
    print(f"{_checks} checks, {_wrong} wrong")
    sys.exit(1 if _wrong else 0)
