"""Lambda: functions from creation to deletion, and what they answer when they are called."""

import base64
import concurrent.futures
import hashlib
import io
import json
import re
import sys
import zipfile

from walk import ACCOUNT, client, equal, holds, pages, refused, run, until

lambdas, ec2, iam, logs = (client(service) for service in ("lambda", "ec2", "iam", "logs"))
ARN = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:echo"

# A runtime as AWS documents it: fetches calls from its API, and answers them.
BOOTSTRAP = f"""#!{sys.executable}
import json, os, time, urllib.request

BASE = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime"

def post(path, value):
    urllib.request.urlopen(urllib.request.Request(BASE + path, data=json.dumps(value).encode()))

while True:
    answer = urllib.request.urlopen(BASE + "/invocation/next")
    request = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.load(answer)
    print("called with", event, flush=True)
    if event.get("bytes"):
        os.write(1, b"\\xff is no text\\nand this is\\n")
    if event.get("fail"):
        post(f"/invocation/{{request}}/error", {{"errorMessage": "no", "errorType": "Refused"}})
    elif event.get("exit"):
        os._exit(3)
    elif event.get("wait"):
        time.sleep(event["wait"])
        post(f"/invocation/{{request}}/response", os.path.exists("bootstrap"))
    elif event.get("sleep"):
        time.sleep(60)
    else:
        post(f"/invocation/{{request}}/response", {{"event": event, "handler": os.environ["_HANDLER"], "mode": os.environ.get("MODE"),
             "client": answer.headers["Lambda-Runtime-Client-Context"], "name": os.environ["AWS_LAMBDA_FUNCTION_NAME"], "arn": answer.headers["Lambda-Runtime-Invoked-Function-Arn"]}})
"""


def packed(text=BOOTSTRAP, name="bootstrap"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o755 << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, text)
    return buffer.getvalue()


def prepare():
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="runner", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="runner", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole")
    return role


ROLE = prepare()


def call(event, name="echo", **options):
    answer = lambdas.invoke(FunctionName=name, Payload=json.dumps(event), **options)
    return answer, json.load(answer["Payload"])


def made():
    create = dict(FunctionName="echo", Role=ROLE, Runtime="provided.al2023", Handler="one", Code={"ZipFile": packed()}, Timeout=20)
    refused("no code", "InvalidParameterValueException", lambdas.create_function, **(create | {"Code": {}}))
    refused("no zip", "InvalidParameterValueException", lambdas.create_function, **(create | {"Code": {"ZipFile": b"no"}}))
    refused("no such role", "InvalidParameterValueException", lambdas.create_function, **(create | {"Role": ROLE + "-other"}), status=400)
    refused("too long", "InvalidParameterValueException", lambdas.create_function, **(create | {"Timeout": 901}))
    refused("a runtime of the past", "InvalidParameterValueException", lambdas.create_function, **(create | {"Runtime": "python3.7"}))
    refused("too many variables", "InvalidParameterValueException", lambdas.create_function, **(create | {"Environment": {"Variables": {"LONG": "x" * 4096}}}))
    error = refused("no such runtime", "InvalidParameterValueException", lambdas.create_function, **(create | {"Runtime": "cobol"}))
    holds("in Lambda's words", "Value cobol at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [" in error and error.endswith("] or be a valid ARN"), error)
    new = lambdas.create_function(**create, Tags={"a": "b"}, Environment={"Variables": {"MODE": "first"}})
    holds("no network, and no change under way", "VpcConfig" not in new and "LastUpdateStatus" not in new, new)
    equal("a new function", (new["State"], new["Version"], new["FunctionArn"], new["ResponseMetadata"]["HTTPStatusCode"]), ("Pending", "$LATEST", ARN, 201))
    equal("its digest", new["CodeSha256"], base64.b64encode(hashlib.sha256(packed()).digest()).decode())
    lambdas.get_waiter("function_active_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1})
    refused("a second one", "ResourceConflictException", lambdas.create_function, **create, status=409)
    found = lambdas.get_function(FunctionName=ARN)
    equal("looked at", (found["Configuration"]["State"], found["Configuration"]["LastUpdateStatus"], found["Tags"]), ("Active", "Successful", {"a": "b"}))
    for look in (lambdas.get_function, lambdas.get_function_configuration, lambdas.invoke):
        refused("a version that is not there", "ResourceNotFoundException", look, FunctionName="echo", Qualifier="7", status=404)
        refused("an alias that is not there", "ResourceNotFoundException", look, FunctionName=f"{ARN}:live", status=404)
    equal("the newest version", lambdas.get_function_configuration(FunctionName="echo", Qualifier="$LATEST")["FunctionArn"], f"{ARN}:$LATEST")
    refused("in another account", "AccessDeniedException", lambdas.get_function, FunctionName=ARN.replace(ACCOUNT, "999999999999"), status=403)
    [version] = lambdas.list_versions_by_function(FunctionName="echo")["Versions"]
    equal("its one version", (version["Version"], version["FunctionArn"]), ("$LATEST", f"{ARN}:$LATEST"))
    refused("another one", "ResourceNotFoundException", lambdas.get_function, FunctionName="nobody", status=404)


def called():
    answer, value = call({"a": 1})
    equal("an answer", (answer["StatusCode"], answer.get("FunctionError"), answer["ExecutedVersion"]), (200, None, "$LATEST"))
    equal("what it was told", value, {"event": {"a": 1}, "handler": "one", "mode": "first", "client": None, "name": "echo", "arn": ARN})
    told = base64.b64encode(b'{"client": {"app_title": "x"}}').decode()
    equal("what a client tells of itself", json.loads(call({}, ClientContext=told)[1]["client"]), {"client": {"app_title": "x"}})
    refused("what is none", "InvalidRequestContentException", lambdas.invoke, FunctionName="echo", ClientContext="x", status=400)
    answer, value = call({"fail": True}, LogType="Tail")
    equal("a refusal of its own", (answer["FunctionError"], value), ("Unhandled", {"errorMessage": "no", "errorType": "Refused"}))
    last = base64.b64decode(answer["LogResult"]).decode().splitlines()[-1]
    report = r"REPORT RequestId: [0-9a-f-]{36}\tDuration: [0-9]+\.[0-9]{2} ms\tBilled Duration: [0-9]+ ms\tMemory Size: 128 MB\tMax Memory Used: [1-9][0-9]* MB\tInit Duration: [0-9]+\.[0-9]{2} ms\t"
    holds("a line to its end", re.fullmatch(report, last), last)
    holds("the end of the log", "called with {'fail': True}" in base64.b64decode(answer["LogResult"]).decode(), answer["LogResult"])
    answer, value = call({"bytes": True}, LogType="Tail")
    holds("what it says after what is no text", "\ufffd is no text\nand this is\n" in base64.b64decode(answer["LogResult"]).decode(), answer["LogResult"])
    answer, value = call({"exit": True})
    equal("one that ends", (answer["FunctionError"], value["errorType"]), ("Unhandled", "Runtime.ExitError"))
    holds("how it ended", value["errorMessage"].endswith(" Error: Runtime exited with error: exit status 3"), value)
    said = [event["message"] for event in logs.filter_log_events(logGroupName="/aws/lambda/echo", filterPattern="INIT_START")["events"]]
    holds("a process begins with its runtime", said and all(re.fullmatch(rf"INIT_START Runtime Version: provided:al2023\.v[0-9]+\tRuntime Version ARN: arn:aws:lambda:{lambdas.meta.region_name}::runtime:[0-9a-f]{{64}}", line) for line in said), said)
    equal("a trial", lambdas.invoke(FunctionName="echo", InvocationType="DryRun")["StatusCode"], 204)
    equal("one that nobody waits for", lambdas.invoke(FunctionName="echo", InvocationType="Event", Payload='{"later": 1}')["StatusCode"], 202)
    refused("what is no JSON", "InvalidRequestContentException", lambdas.invoke, FunctionName="echo", Payload=b"{", status=400)
    refused("too much", "RequestTooLargeException", lambdas.invoke, FunctionName="echo", Payload=b'"' + b"x" * (6 << 20) + b'"', status=413)
    event = dict(FunctionName="echo", InvocationType="Event", Payload=b'"' + b"x" * (1 << 20) + b'"')
    refused("too much for one that nobody waits for", "RequestTooLargeException", lambdas.invoke, **event, status=413)
    refused("nobody", "ResourceNotFoundException", lambdas.invoke, FunctionName="nobody", status=404)

    def said():
        events = logs.filter_log_events(logGroupName="/aws/lambda/echo")["events"]
        return any("called with {'later': 1}" in event["message"] for event in events)

    until("what it said is in its log group", said, True)


def not_changed():
    before = lambdas.get_function_configuration(FunctionName="echo")
    code = dict(FunctionName="echo", ZipFile=packed(name="other"))
    refused("code of another revision", "PreconditionFailedException", lambdas.update_function_code, RevisionId="another", **code, status=412)
    refused("settings of another revision", "PreconditionFailedException", lambdas.update_function_configuration, FunctionName="echo", RevisionId="another", status=412)
    refused("a version", "InvalidParameterValueException", lambdas.update_function_code, Publish=True, **code)
    tried = lambdas.update_function_code(DryRun=True, **code)
    holds("another digest for a trial", tried["CodeSha256"] != before["CodeSha256"])
    after = lambdas.get_function_configuration(FunctionName="echo")
    equal("nothing has changed", *({name: value for name, value in one.items() if name != "ResponseMetadata"} for one in (after, before)))
    signed = dict(FunctionName="signed", Role=ROLE, Runtime="provided.al2023", Handler="x", Code={"ZipFile": packed()})
    signed["CodeSigningConfigArn"] = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:code-signing-config:csc-0123456789abcdefg"
    refused("signatures", "CodeSigningConfigNotFoundException", lambdas.create_function, **signed, status=404)


def changed_while_it_runs():
    with concurrent.futures.ThreadPoolExecutor() as pool:
        under_way = pool.submit(call, {"wait": 2})
        until("it runs", lambda: "called with {'wait': 2}" in str(logs.filter_log_events(logGroupName="/aws/lambda/echo")["events"]), True)
        lambdas.update_function_code(FunctionName="echo", ZipFile=packed(BOOTSTRAP + "# other\n"))
        equal("its code stays until its end", under_way.result()[1], True)
    lambdas.get_waiter("function_updated_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1})


def changed():
    code = lambdas.update_function_code(FunctionName="echo", ZipFile=packed(BOOTSTRAP.replace('"handler"', '"by"')))
    holds("another digest", code["CodeSha256"] != base64.b64encode(hashlib.sha256(packed()).digest()).decode())
    lambdas.get_waiter("function_updated_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1})
    lambdas.update_function_configuration(FunctionName="echo", Handler="two", Timeout=1, Environment={"Variables": {}})
    lambdas.get_waiter("function_updated_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1})
    _, value = call({})
    equal("the other code with the other settings", (value["by"], value["mode"]), ("two", None))
    answer, value = call({"sleep": True})
    holds("too slow", answer["FunctionError"] == "Unhandled" and "Task timed out after 1.00 seconds" in value["errorMessage"], value)
    lambdas.update_function_code(FunctionName="echo", ZipFile=packed(name="other"))
    lambdas.get_waiter("function_updated_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1})
    answer, value = call({}, LogType="Tail")
    equal("no bootstrap", value["errorType"], "Runtime.InvalidEntrypoint")
    holds("in Lambda's words", value["errorMessage"].endswith(" Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"), value)
    lines = [line.split()[0] for line in base64.b64decode(answer["LogResult"]).decode().splitlines()]
    equal("its log", lines, ["START", "RequestId:", "Runtime.InvalidEntrypoint", "END", "REPORT"])


def named():
    new = lambdas.create_function(FunctionName="function", Role=ROLE, Runtime="provided.al2023", Handler="x", Code={"ZipFile": packed(name="other")})
    equal("one called function", (new["FunctionName"], new["FunctionArn"]), ("function", ARN.replace("echo", "function")))
    refused("its name without one", "ValidationException", lambdas.create_function, FunctionName="function:", Role=ROLE, Runtime="provided.al2023", Handler="x", Code={"ZipFile": packed()})
    lambdas.delete_function(FunctionName=new["FunctionArn"])
    equal("its neighbour's code is there", call({"a": 2})[1]["event"], {"a": 2})
    for given in ("function:echo", f"{ACCOUNT}:function:echo", f"{ACCOUNT}:echo", ARN):
        equal(given, lambdas.get_function_configuration(FunctionName=given)["FunctionArn"], ARN)
    refused("in another region", "ResourceNotFoundException", lambdas.get_function, FunctionName=ARN.replace("eu-central-1", "us-east-1"), status=404)


def logged():
    def change(**config):
        lambdas.update_function_configuration(FunctionName="echo", LoggingConfig=config)
        lambdas.get_waiter("function_updated_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1})
        return lambdas.get_function_configuration(FunctionName="echo")["LoggingConfig"]

    equal("another group", change(LogGroup="echoes"), {"LogFormat": "Text", "LogGroup": "echoes"})
    equal("levels in JSON", change(LogFormat="JSON"), {"LogFormat": "JSON", "LogGroup": "echoes", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"})
    equal("none in text", change(LogFormat="Text", LogGroup="/aws/lambda/echo"), {"LogFormat": "Text", "LogGroup": "/aws/lambda/echo"})
    refused("a level in text", "InvalidParameterValueException", lambdas.update_function_configuration, FunctionName="echo", LoggingConfig={"SystemLogLevel": "WARN"})


def tagged():
    lambdas.tag_resource(Resource=ARN, Tags={"c": "d e"})
    lambdas.untag_resource(Resource=ARN, TagKeys=["a", "nothing"])
    equal("its tags", lambdas.list_tags(Resource=ARN)["Tags"], {"c": "d e"})


def attached():
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="app", Description="the app", VpcId=vpc)["GroupId"]
    config = {"SubnetIds": [subnet], "SecurityGroupIds": [group]}
    made = lambdas.update_function_configuration(FunctionName="echo", VpcConfig=config)
    equal("where it is", made["VpcConfig"]["VpcId"], vpc)
    refused("its subnet", "DependencyViolation", ec2.delete_subnet, SubnetId=subnet)
    refused("its group", "DependencyViolation", ec2.delete_security_group, GroupId=group)


def what_it_has_none_of():
    for call, member in (
        (lambdas.list_aliases, "Aliases"),
        (lambdas.list_function_url_configs, "FunctionUrlConfigs"),
        (lambdas.list_function_event_invoke_configs, "FunctionEventInvokeConfigs"),
        (lambdas.list_provisioned_concurrency_configs, "ProvisionedConcurrencyConfigs"),
        (lambdas.list_event_source_mappings, "EventSourceMappings"),
    ):
        equal(f"no {member}", call(FunctionName="echo")[member], [])
        refused(f"{member} of nothing", "ResourceNotFoundException", call, FunctionName="none", status=404)
    equal("no mapping at all", lambdas.list_event_source_mappings()["EventSourceMappings"], [])
    equal("no layers", lambdas.list_layers()["Layers"], [])
    for call, more in (
        (lambdas.get_policy, {}),
        (lambdas.remove_permission, {"StatementId": "x"}),
        (lambdas.get_function_url_config, {}),
        (lambdas.get_function_event_invoke_config, {}),
        (lambdas.get_alias, {"Name": "live"}),
    ):
        refused(f"{call.__name__} of a function that has none", "ResourceNotFoundException", call, FunctionName="echo", status=404, **more)
    refused("a mapping that is not there", "ResourceNotFoundException", lambdas.get_event_source_mapping, UUID="00000000-0000-4000-8000-000000000000", status=404)
    holds("nothing is reserved", "ReservedConcurrentExecutions" not in lambdas.get_function_concurrency(FunctionName="echo"))
    holds("nothing is signed", "CodeSigningConfigArn" not in lambdas.get_function_code_signing_config(FunctionName="echo"))
    equal("nothing to take away", lambdas.delete_function_concurrency(FunctionName="echo")["ResponseMetadata"]["HTTPStatusCode"], 204)
    equal("how its runtime is renewed", lambdas.get_runtime_management_config(FunctionName="echo")["UpdateRuntimeOn"], "Auto")
    equal("loops of it end", lambdas.get_function_recursion_config(FunctionName="echo")["RecursiveLoop"], "Terminate")


def listed_and_deleted():
    for number in range(3):
        lambdas.create_function(FunctionName=f"more-{number}", Role=ROLE, Runtime="provided.al2023", Handler="x", Code={"ZipFile": packed()})
    found = pages(lambdas, "list_functions", "Functions", 2)
    equal("page by page", [one["FunctionName"] for one in found], ["echo", "more-0", "more-1", "more-2"])
    holds("without states", all("State" not in one for one in found))
    refused("its newest version alone", "InvalidParameterValueException", lambdas.delete_function, FunctionName="echo", Qualifier="$LATEST", status=400)
    for one in found:
        lambdas.delete_function(FunctionName=one["FunctionName"])
    equal("nothing is left", lambdas.list_functions()["Functions"], [])
    refused("deleted twice", "ResourceNotFoundException", lambdas.delete_function, FunctionName="echo", status=404)
    equal("its interfaces go", ec2.describe_network_interfaces()["NetworkInterfaces"], [])


run(made, called, named, not_changed, changed_while_it_runs, changed, logged, tagged, attached, what_it_has_none_of, listed_and_deleted)
