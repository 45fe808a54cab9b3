"""The aws CLI, as a shell would call it: its own parameters, waiters, queries, pages and exit codes."""

import json
import os
import subprocess

from walk import ACCOUNT, REGION, URL, equal, holds, run

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "AWS_CONFIG_FILE": os.environ["AWS_CONFIG_FILE"],
    "AWS_SHARED_CREDENTIALS_FILE": os.environ["AWS_SHARED_CREDENTIALS_FILE"],
    "HOME": "/nonexistent",
    "AWS_ENDPOINT_URL": URL,
    "AWS_ACCESS_KEY_ID": ACCOUNT,
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_MAX_ATTEMPTS": "1",
}


def ran(*arguments):
    return subprocess.run(["aws", *arguments], env=ENVIRONMENT, capture_output=True, text=True)


def aws(*arguments):
    """What a command answers."""
    done = ran(*arguments)
    holds("aws " + " ".join(arguments), done.returncode == 0, done.stderr.strip())
    return json.loads(done.stdout) if done.stdout.strip() else None


def fails(code, *arguments):
    done = ran(*arguments)
    holds("aws " + " ".join(arguments), done.returncode != 0 and f"({code})" in done.stderr, f"{done.returncode} {done.stderr.strip()} in place of {code}")


def who():
    equal("the account", aws("sts", "get-caller-identity")["Account"], ACCOUNT)
    fails("InvalidAction", "ec2", "describe-fpga-images")


def network():
    vpc = ran("ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--query", "Vpc.VpcId", "--output", "text").stdout.strip()
    aws("ec2", "wait", "vpc-available", "--vpc-ids", vpc)
    aws("ec2", "create-tags", "--resources", vpc, "--tags", "Key=Name,Value=walk")
    found = aws("ec2", "describe-vpcs", "--filters", "Name=tag:Name,Values=walk", "--query", "Vpcs[].[VpcId,State]")
    equal("the VPC by its tag", found, [[vpc, "available"]])
    for number in range(6):
        aws("ec2", "create-subnet", "--vpc-id", vpc, "--cidr-block", f"10.0.{number}.0/24")
    equal("all pages", len(aws("ec2", "describe-subnets", "--page-size", "5")["Subnets"]), 6)
    first = aws("ec2", "describe-subnets", "--max-items", "2")
    holds("some of them, and where to go on", len(first["Subnets"]) == 2 and first["NextToken"], first)
    fails("DependencyViolation", "ec2", "delete-vpc", "--vpc-id", vpc)
    fails("InvalidVpcID.NotFound", "ec2", "describe-vpcs", "--vpc-ids", "vpc-0123456789abcdef0")
    fails("DryRunOperation", "ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--dry-run")


def secrets():
    aws("secretsmanager", "create-secret", "--name", "cli", "--secret-string", '{"username":"app"}')
    value = aws("secretsmanager", "get-secret-value", "--secret-id", "cli")
    equal("its value", json.loads(value["SecretString"]), {"username": "app"})
    fails("ResourceExistsException", "secretsmanager", "create-secret", "--name", "cli", "--secret-string", "x")
    aws("secretsmanager", "delete-secret", "--secret-id", "cli", "--force-delete-without-recovery")


def parameters():
    aws("ssm", "put-parameter", "--name", "/cli/a", "--value", "1", "--type", "String")
    equal("by path", aws("ssm", "get-parameters-by-path", "--path", "/cli", "--query", "Parameters[].Value"), ["1"])
    fails("ParameterNotFound", "ssm", "get-parameter", "--name", "/nowhere")


def roles():
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    aws("iam", "create-role", "--role-name", "cli", "--assume-role-policy-document", trust)
    aws("iam", "wait", "role-exists", "--role-name", "cli")
    fails("NoSuchEntity", "iam", "get-role", "--role-name", "nobody")


def other_services():
    equal("no clusters", aws("rds", "describe-db-clusters")["DBClusters"], [])
    equal("no services", aws("apprunner", "list-services")["ServiceSummaryList"], [])
    aws("logs", "create-log-group", "--log-group-name", "/cli")
    equal("a log group", aws("logs", "describe-log-groups", "--log-group-name-prefix", "/cli", "--query", "logGroups[].logGroupName"), ["/cli"])


run(who, network, secrets, parameters, roles, other_services)
