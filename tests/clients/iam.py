"""IAM and STS: roles with their policies and tags, managed policies and versions, deletion in order, who is calling."""

import json

from walk import ACCOUNT, client, equal, holds, pages, refused, run, tags

iam = client("iam", region="us-east-1")
sts = client("sts")


def trust(principal):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})


def within(service, credentials):
    """A client with temporary credentials."""
    return client(service, account=credentials["AccessKeyId"], token=credentials["SessionToken"])


def trusts(service):
    return trust({"Service": service})


def allows(actions, resources):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]})


ECR = "arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess"


def roles():
    made = iam.create_role(RoleName="instance", Path="/infra/walk/", AssumeRolePolicyDocument=trusts("tasks.apprunner.amazonaws.com"), Tags=tags(a="b"))["Role"]
    equal("the ARN has the path", made["Arn"], f"arn:aws:iam::{ACCOUNT}:role/infra/walk/instance")
    holds("the id is a role's", made["RoleId"].startswith("AROA"), made["RoleId"])
    equal("one hour", iam.get_role(RoleName="instance")["Role"]["MaxSessionDuration"], 3600)
    equal(
        "the trust policy comes back as a document", made["AssumeRolePolicyDocument"]["Statement"][0]["Principal"], {"Service": "tasks.apprunner.amazonaws.com"}
    )
    iam.create_role(RoleName="access", AssumeRolePolicyDocument=trusts("build.apprunner.amazonaws.com"))
    refused("a name that is taken", "EntityAlreadyExists", iam.create_role, RoleName="access", AssumeRolePolicyDocument=trusts("rds.amazonaws.com"), status=409)
    refused("a name that differs only in case", "EntityAlreadyExists", iam.create_role, RoleName="ACCESS", AssumeRolePolicyDocument=trusts("rds.amazonaws.com"))
    refused("a document that is none", "MalformedPolicyDocument", iam.create_role, RoleName="x", AssumeRolePolicyDocument="{")
    refused(
        "a trust policy without a principal", "MalformedPolicyDocument", iam.create_role, RoleName="x", AssumeRolePolicyDocument=allows("sts:AssumeRole", "*")
    )
    arn = lambda resource, service="iam", account=ACCOUNT: f"arn:aws:{service}::{account}:{resource}"
    for what, principal in {
        "a role that is not there": {"AWS": arn("role/infra/walk/nobody")}, "itself, before it is there": {"AWS": [arn("root"), arn("role/x")]},
        "a user that is not there": {"AWS": arn("user/nobody")}, "a group": {"AWS": arn("group/all", account="444455556666")},
        "a pattern": {"AWS": arn("role/*", account="444455556666")}, "a bucket": {"AWS": "arn:aws:s3:::all"}, "no account": {"AWS": "12345"},
        "a service elsewhere": {"Service": "rds.example.com"}, "no service": {"Service": ".amazonaws.com"}, "a service in capitals": {"Service": "RDS.amazonaws.com"},
    }.items():  # fmt: skip
        refused(f"trust in {what}", "MalformedPolicyDocument", iam.create_role, RoleName="x", AssumeRolePolicyDocument=trust(principal))
    refused("trust, changed, in a role that is not there", "MalformedPolicyDocument", iam.update_assume_role_policy,
            RoleName="access", PolicyDocument=trust({"AWS": arn("role/nobody")}))  # fmt: skip
    known = {"AWS": [arn("root"), arn("user/local"), arn("role/infra/walk/instance"), arn("role/theirs", account="444455556666"), arn("assumed-role/a/b", "sts")],
             "Service": ["logs.eu-central-1.amazonaws.com", "edgelambda.amazonaws.com"]}  # fmt: skip
    iam.create_role(RoleName="trusting", AssumeRolePolicyDocument=trust(known))
    iam.delete_role(RoleName="trusting")
    refused(
        "a name with a character that is not allowed", "ValidationError", iam.create_role, RoleName="x y", AssumeRolePolicyDocument=trusts("rds.amazonaws.com")
    )
    refused("a role that is not there", "NoSuchEntity", iam.get_role, RoleName="nobody", status=404)
    equal("by path", [role["RoleName"] for role in iam.list_roles(PathPrefix="/infra/")["Roles"]], ["instance"])
    iam.update_assume_role_policy(RoleName="instance", PolicyDocument=trusts("rds.amazonaws.com"))
    equal(
        "another trust policy",
        iam.get_role(RoleName="instance")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"],
        {"Service": "rds.amazonaws.com"},
    )
    iam.update_role(RoleName="instance", Description="changed", MaxSessionDuration=7200)
    role = iam.get_role(RoleName="instance")["Role"]
    equal("changed", (role["Description"], role["MaxSessionDuration"]), ("changed", 7200))
    iam.tag_role(RoleName="instance", Tags=tags(a="c", d="e"))
    iam.untag_role(RoleName="instance", TagKeys=["d"])
    equal("tags", iam.list_role_tags(RoleName="instance")["Tags"], tags(a="c"))
    equal("tags with the role", iam.get_role(RoleName="instance")["Role"]["Tags"], tags(a="c"))


def role_policies():
    iam.put_role_policy(RoleName="instance", PolicyName="read", PolicyDocument=allows("secretsmanager:GetSecretValue", "*"))
    equal("inline", iam.list_role_policies(RoleName="instance")["PolicyNames"], ["read"])
    equal(
        "its document", iam.get_role_policy(RoleName="instance", PolicyName="read")["PolicyDocument"]["Statement"][0]["Action"], "secretsmanager:GetSecretValue"
    )
    refused("an inline policy that is not there", "NoSuchEntity", iam.get_role_policy, RoleName="instance", PolicyName="write")
    refused(
        "an inline policy that is none",
        "MalformedPolicyDocument",
        iam.put_role_policy,
        RoleName="instance",
        PolicyName="x",
        PolicyDocument=json.dumps({"Statement": "x"}),
    )
    iam.attach_role_policy(RoleName="access", PolicyArn=ECR)
    iam.attach_role_policy(RoleName="access", PolicyArn=ECR)
    equal("attached once", [policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName="access")["AttachedPolicies"]], [ECR])
    refused("a managed policy that is not there", "NoSuchEntity", iam.attach_role_policy, RoleName="access", PolicyArn="arn:aws:iam::aws:policy/Nothing")
    equal(
        "told by simulation",
        iam.simulate_principal_policy(PolicySourceArn=iam.get_role(RoleName="instance")["Role"]["Arn"], ActionNames=["secretsmanager:GetSecretValue"])[
            "EvaluationResults"
        ][0]["EvalDecision"],
        "allowed",
    )
    equal(
        "what is not allowed",
        iam.simulate_principal_policy(PolicySourceArn=iam.get_role(RoleName="instance")["Role"]["Arn"], ActionNames=["s3:GetObject"])["EvaluationResults"][0][
            "EvalDecision"
        ],
        "implicitDeny",
    )
    decisions = lambda answer: [(one["EvalActionName"], one["EvalDecision"]) for one in answer["EvaluationResults"]]
    custom = lambda *policies, **more: iam.simulate_custom_policy(PolicyInputList=list(policies), ActionNames=["s3:GetObject", "s3:PutObject"], **more)
    equal("of a policy that nobody has", decisions(custom(allows("s3:Get*", "*"))), [("s3:GetObject", "allowed"), ("s3:PutObject", "implicitDeny")])
    within = custom(allows("s3:*", "*"), PermissionsBoundaryPolicyInputList=[allows("s3:Put*", "*")])
    equal("within a boundary", decisions(within), [("s3:GetObject", "implicitDeny"), ("s3:PutObject", "allowed")])
    equal("which is told", [one["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for one in within["EvaluationResults"]], [False, True])
    refused("what is no policy", "InvalidInput", iam.simulate_custom_policy, PolicyInputList=["{"], ActionNames=["s3:GetObject"], status=400)
    instance = iam.get_role(RoleName="instance")["Role"]["Arn"]
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=allows("s3:*", "*"))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="instance", PermissionsBoundary=boundary)
    bounded = lambda **more: decisions(iam.simulate_principal_policy(PolicySourceArn=instance, ActionNames=["secretsmanager:GetSecretValue"], **more))
    equal("a role's own boundary", bounded(), [("secretsmanager:GetSecretValue", "implicitDeny")])
    equal("another one in its place", bounded(PermissionsBoundaryPolicyInputList=[allows("*", "*")]), [("secretsmanager:GetSecretValue", "allowed")])
    iam.delete_role_permissions_boundary(RoleName="instance")
    iam.delete_policy(PolicyArn=boundary)


def managed_policies():
    arn = iam.create_policy(PolicyName="own", PolicyDocument=allows("s3:*", "*"))["Policy"]["Arn"]
    equal("the ARN", arn, f"arn:aws:iam::{ACCOUNT}:policy/own")
    refused("a name that is taken", "EntityAlreadyExists", iam.create_policy, PolicyName="own", PolicyDocument=allows("s3:*", "*"))
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allows("s3:Get*", "*"), SetAsDefault=True)
    equal("the default version", iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"], "v2")
    equal("its document", iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]["Statement"][0]["Action"], "s3:Get*")
    for _ in range(3):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=allows("s3:List*", "*"))
    refused("a sixth version", "LimitExceeded", iam.create_policy_version, PolicyArn=arn, PolicyDocument=allows("s3:*", "*"))
    refused("the default version's deletion", "DeleteConflict", iam.delete_policy_version, PolicyArn=arn, VersionId="v2")
    refused("deletion with versions", "DeleteConflict", iam.delete_policy, PolicyArn=arn)
    for version in ("v1", "v3", "v4", "v5"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    iam.attach_role_policy(RoleName="access", PolicyArn=arn)
    equal("attached", iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"], 1)
    equal("to whom", [role["RoleName"] for role in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]], ["access"])
    refused("deletion while attached", "DeleteConflict", iam.delete_policy, PolicyArn=arn)
    iam.detach_role_policy(RoleName="access", PolicyArn=arn)
    refused("detached already", "NoSuchEntity", iam.detach_role_policy, RoleName="access", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    equal("only one's own", iam.list_policies(Scope="Local")["Policies"], [])
    arns = [policy["Arn"] for policy in pages(iam, "list_policies", "Policies", 7, Scope="AWS")]
    everyday = ["AmazonSQSFullAccess", "AmazonDynamoDBFullAccess", "AmazonSNSFullAccess", "AmazonSESFullAccess", "AmazonBedrockFullAccess", "AmazonEKSClusterPolicy"]
    for name in everyday:
        iam.attach_role_policy(RoleName="access", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    attached = [policy["PolicyName"] for policy in iam.list_attached_role_policies(RoleName="access")["AttachedPolicies"]]
    equal("those of other services", sorted(set(attached) & set(everyday)), sorted(everyday))
    for name in everyday:
        iam.detach_role_policy(RoleName="access", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    holds("AWS's own, page by page, each once", ECR in arns and len(arns) == len(set(arns)), arns)


def deletion():
    refused("a role with an inline policy", "DeleteConflict", iam.delete_role, RoleName="instance", status=409)
    refused("a role with an attached policy", "DeleteConflict", iam.delete_role, RoleName="access")
    iam.delete_role_policy(RoleName="instance", PolicyName="read")
    iam.detach_role_policy(RoleName="access", PolicyArn=ECR)
    for role in ("instance", "access"):
        iam.delete_role(RoleName=role)
        refused(f"{role} once more", "NoSuchEntity", iam.delete_role, RoleName=role)


def service_linked_roles():
    made = iam.create_service_linked_role(AWSServiceName="apprunner.amazonaws.com")["Role"]
    equal("its path", made["Path"], "/aws-service-role/apprunner.amazonaws.com/")
    refused("a second one", "InvalidInput", iam.create_service_linked_role, AWSServiceName="apprunner.amazonaws.com")


def who_is_calling():
    told = sts.get_caller_identity()
    equal("the account is the access key, as in LocalStack", told["Account"], ACCOUNT)
    holds("an ARN of that account", told["Arn"].startswith(f"arn:aws:iam::{ACCOUNT}:"), told)
    iam.create_role(
        RoleName="ours",
        AssumeRolePolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}]}
        ),
    )
    assumed = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/ours", RoleSessionName="walk")
    equal("the session's ARN", assumed["AssumedRoleUser"]["Arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/ours/walk")
    holds("temporary credentials", assumed["Credentials"]["AccessKeyId"].startswith("ASIA") and assumed["Credentials"]["SessionToken"])
    session = within("sts", assumed["Credentials"])
    tokenless = client("sts", account=assumed["Credentials"]["AccessKeyId"])
    refused("the key without its token", "InvalidClientTokenId", tokenless.get_caller_identity, status=403)
    told = session.get_caller_identity()
    equal("who calls with them", (told["Account"], told["Arn"]), (ACCOUNT, assumed["AssumedRoleUser"]["Arn"]))
    equal("the id of the role and the session", told["UserId"], f"{iam.get_role(RoleName='ours')['Role']['RoleId']}:walk")
    equal("what they find", within("iam", assumed["Credentials"]).get_role(RoleName="ours")["Role"]["RoleName"], "ours")
    chained = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/ours", "RoleSessionName": "next"}
    refused("a session from a session, for long", "ValidationError", session.assume_role, **chained, DurationSeconds=7200)
    equal("and for an hour", session.assume_role(**chained)["AssumedRoleUser"]["Arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/ours/next")
    refused("a user's session from a role's", "AccessDenied", session.get_session_token, status=403)
    federated = sts.get_federation_token(Name="guest")
    told = within("sts", federated["Credentials"]).get_caller_identity()
    equal("a federated user", (told["Arn"], told["UserId"]), (f"arn:aws:sts::{ACCOUNT}:federated-user/guest", f"{ACCOUNT}:guest"))
    refused("a message that nobody encoded", "InvalidAuthorizationMessageException", sts.decode_authorization_message, EncodedMessage="x")
    iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=trusts("rds.amazonaws.com"))
    refused("a role for a service only", "AccessDenied", sts.assume_role, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/theirs", RoleSessionName="walk", status=403)
    for role in ("ours", "theirs"):
        iam.delete_role(RoleName=role)
    own = sts.get_session_token()["Credentials"]
    holds("a session of one's own", own["AccessKeyId"].startswith("ASIA"), own["AccessKeyId"])
    equal("is oneself", within("sts", own).get_caller_identity()["Arn"], sts.get_caller_identity()["Arn"])
    refused("for a minute", "ValidationError", sts.get_session_token, DurationSeconds=60)
    equal("whose key it is", sts.get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPLE")["Account"], ACCOUNT)


def instance_profiles():
    made = iam.create_instance_profile(InstanceProfileName="web", Path="/shop/", Tags=tags(team="web"))["InstanceProfile"]
    equal("the ARN has the path", (made["Arn"], made["Roles"]), (f"arn:aws:iam::{ACCOUNT}:instance-profile/shop/web", []))
    refused("a name that is taken", "EntityAlreadyExists", iam.create_instance_profile, InstanceProfileName="WEB", status=409)
    refused("one that is not there", "NoSuchEntity", iam.get_instance_profile, InstanceProfileName="nowhere", status=404)
    for role in ("web", "other"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trusts("ec2.amazonaws.com"))
    refused("a role that is not there", "NoSuchEntity", iam.add_role_to_instance_profile, InstanceProfileName="web", RoleName="nowhere")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    refused("a second role", "LimitExceeded", iam.add_role_to_instance_profile, InstanceProfileName="web", RoleName="other", status=409)
    names = lambda answer: [one["InstanceProfileName"] for one in answer["InstanceProfiles"]]
    equal("of the role", names(iam.list_instance_profiles_for_role(RoleName="web")), ["web"])
    equal("of the other", names(iam.list_instance_profiles_for_role(RoleName="other")), [])
    equal("by path", names(iam.list_instance_profiles(PathPrefix="/shop/")), ["web"])
    equal("by another path", names(iam.list_instance_profiles(PathPrefix="/else/")), [])
    shown = iam.get_instance_profile(InstanceProfileName="web")["InstanceProfile"]
    equal("with its role", [role["RoleName"] for role in shown["Roles"]], ["web"])
    iam.tag_instance_profile(InstanceProfileName="web", Tags=tags(a="b"))
    iam.untag_instance_profile(InstanceProfileName="web", TagKeys=["team"])
    equal("other tags", iam.list_instance_profile_tags(InstanceProfileName="web")["Tags"], tags(a="b"))
    refused("a role that it keeps", "DeleteConflict", iam.delete_role, RoleName="web", status=409)
    refused("with a role in it", "DeleteConflict", iam.delete_instance_profile, InstanceProfileName="web", status=409)
    iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="web")
    refused("once more", "NoSuchEntity", iam.remove_role_from_instance_profile, InstanceProfileName="web", RoleName="web")
    iam.delete_instance_profile(InstanceProfileName="web")
    for role in ("web", "other"):
        iam.delete_role(RoleName=role)
    equal("none is left", iam.list_instance_profiles()["InstanceProfiles"], [])


def the_account():
    me = sts.get_caller_identity()["Arn"]
    equal("who asks", iam.get_user()["User"]["Arn"], me)
    equal("by the same id", iam.get_user()["User"]["UserId"], sts.get_caller_identity()["UserId"])
    refused("somebody else", "NoSuchEntity", iam.get_user, UserName="nobody", status=404)
    equal("users", [user["Arn"] for user in iam.list_users()["Users"]], [me])
    for call, member in (
        (iam.list_groups, "Groups"),
        (iam.list_saml_providers, "SAMLProviderList"),
        (iam.list_server_certificates, "ServerCertificateMetadataList"),
        (iam.list_virtual_mfa_devices, "VirtualMFADevices"),
        (iam.list_account_aliases, "AccountAliases"),
    ):
        equal(f"no {member}", call()[member], [])
    refused("no policy of passwords", "NoSuchEntity", iam.get_account_password_policy, status=404)
    equal("no provider", iam.list_open_id_connect_providers()["OpenIDConnectProviderList"], [])
    before = iam.get_account_summary()["SummaryMap"]["Roles"]
    iam.create_role(RoleName="counted", AssumeRolePolicyDocument=trusts("rds.amazonaws.com"))
    equal("one more role", iam.get_account_summary()["SummaryMap"]["Roles"], before + 1)
    iam.put_role_policy(RoleName="counted", PolicyName="own", PolicyDocument=allows("s3:*", "*"))
    iam.attach_role_policy(RoleName="counted", PolicyArn=ECR)
    told = pages(iam, "get_account_authorization_details", "RoleDetailList", 2)
    [counted] = [role for role in told if role["RoleName"] == "counted"]
    equal("all that it may do", ([one["PolicyName"] for one in counted["RolePolicyList"]], [one["PolicyArn"] for one in counted["AttachedManagedPolicies"]]), (["own"], [ECR]))
    equal("its own document", counted["RolePolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"], "s3:*")
    of_aws = iam.get_account_authorization_details(Filter=["AWSManagedPolicy"])
    equal("and nothing else", (ECR in [one["Arn"] for one in of_aws["Policies"]], of_aws["RoleDetailList"], of_aws["UserDetailList"]), (True, [], []))
    iam.delete_role_policy(RoleName="counted", PolicyName="own")
    iam.detach_role_policy(RoleName="counted", PolicyArn=ECR)
    iam.delete_role(RoleName="counted")


def what_policies_speak_of():
    condition = {"StringEquals": {"aws:PrincipalTag/team": "${aws:username}"}, "DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}
    statement = {"Effect": "Allow", "Action": ["s3:Get*", "rds:*"], "Resource": "arn:aws:s3:::home/${aws:username}/${*}", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    keys = ["aws:CurrentTime", "aws:PrincipalTag/team", "aws:username"]
    equal("keys of a policy", sorted(iam.get_context_keys_for_custom_policy(PolicyInputList=[document])["ContextKeyNames"]), keys)
    refused("of what is none", "InvalidInput", iam.get_context_keys_for_custom_policy, PolicyInputList=["{"])
    role = iam.create_role(RoleName="speaks", AssumeRolePolicyDocument=trusts("rds.amazonaws.com"))["Role"]["Arn"]
    iam.put_role_policy(RoleName="speaks", PolicyName="own", PolicyDocument=document)
    iam.attach_role_policy(RoleName="speaks", PolicyArn=ECR)
    equal("keys of a role", sorted(iam.get_context_keys_for_principal_policy(PolicySourceArn=role)["ContextKeyNames"]), keys)
    refused("of nobody", "NoSuchEntity", iam.get_context_keys_for_principal_policy, PolicySourceArn=f"{role}-2", status=404)
    granted = iam.list_policies_granting_service_access(Arn=role, ServiceNamespaces=["s3", "ecr", "iam"])["PoliciesGrantingServiceAccess"]
    equal("who lets it into services", [(one["ServiceNamespace"], [policy["PolicyName"] for policy in one["Policies"]]) for one in granted], [("s3", ["own"]), ("ecr", [ECR.split("/")[-1]]), ("iam", [])])
    refused("of nobody", "NoSuchEntity", iam.list_policies_granting_service_access, Arn=f"{role}-2", ServiceNamespaces=["s3"], status=404)
    iam.delete_role_policy(RoleName="speaks", PolicyName="own")
    iam.detach_role_policy(RoleName="speaks", PolicyArn=ECR)
    iam.delete_role(RoleName="speaks")
    for call, member in (
        (iam.list_access_keys, "AccessKeyMetadata"),
        (iam.list_attached_user_policies, "AttachedPolicies"),
        (iam.list_groups_for_user, "Groups"),
        (iam.list_user_tags, "Tags"),
    ):
        equal(f"no {member} of the user", call(UserName="local")[member], [])
        refused(f"{member} of nobody", "NoSuchEntity", call, UserName="nobody", status=404)


def one_for_all_regions():
    iam.create_role(RoleName="everywhere", AssumeRolePolicyDocument=trusts("rds.amazonaws.com"))
    equal("seen from another region", client("iam", region="eu-west-1").get_role(RoleName="everywhere")["Role"]["RoleName"], "everywhere")
    refused("but not from another account", "NoSuchEntity", client("iam", account="444455556666").get_role, RoleName="everywhere")
    iam.delete_role(RoleName="everywhere")


run(roles, role_policies, managed_policies, deletion, service_linked_roles, who_is_calling, instance_profiles, the_account, what_policies_speak_of, one_for_all_regions)
