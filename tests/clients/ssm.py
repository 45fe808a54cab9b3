"""SSM's parameter store: parameters, versions, labels, paths, secure strings, tags."""

from walk import ACCOUNT, client, equal, holds, pages, refused, run, tags

ssm = client("ssm")


def names(answer):
    return sorted(one["Name"] for one in answer["Parameters"])


def parameters():
    made = ssm.put_parameter(Name="/shop/url", Value="one", Type="String", Tags=tags(a="b"), Description="where")
    equal("the first version, of the standard tier", (made["Version"], made["Tier"]), (1, "Standard"))
    got = ssm.get_parameter(Name="/shop/url")["Parameter"]
    equal("as put", (got["Value"], got["Type"], got["DataType"]), ("one", "String", "text"))
    equal("its ARN", got["ARN"], f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/shop/url")
    refused("a name that is taken", "ParameterAlreadyExists", ssm.put_parameter, Name="/shop/url", Value="x", Type="String", status=400)
    refused("a new one without a type", "ValidationException", ssm.put_parameter, Name="/shop/new", Value="x")
    refused("tags while overwriting", "ValidationException", ssm.put_parameter, Name="/shop/url", Value="x", Overwrite=True, Tags=tags(a="c"))
    refused("a reserved name", ("AccessDeniedException", "ValidationException"), ssm.put_parameter, Name="/aws/x", Value="x", Type="String")
    ssm.put_parameter(Name="/top", Value="x", Type="String")
    equal("by its ARN, at the top of the hierarchy", ssm.get_parameter(Name=f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/top")["Parameter"]["Name"], "/top")
    ssm.delete_parameter(Name="/top")
    refused("no parameter", "ParameterNotFound", ssm.get_parameter, Name="/nowhere")
    refused(
        "a value that the pattern does not allow",
        "ParameterPatternMismatchException",
        ssm.put_parameter,
        Name="/shop/n",
        Value="x",
        Type="String",
        AllowedPattern="^[0-9]+$",
    )
    refused("a value over 4 KB in the standard tier", "ValidationException", ssm.put_parameter, Name="/shop/big", Value="x" * 4097, Type="String")


def versions():
    equal("the second version", ssm.put_parameter(Name="/shop/url", Value="two", Overwrite=True)["Version"], 2)
    equal("the newest", ssm.get_parameter(Name="/shop/url")["Parameter"]["Value"], "two")
    equal("an older one", ssm.get_parameter(Name="/shop/url:1")["Parameter"]["Value"], "one")
    refused("a version that never was", "ParameterVersionNotFound", ssm.get_parameter, Name="/shop/url:9")
    equal("history", [(one["Version"], one["Value"]) for one in ssm.get_parameter_history(Name="/shop/url")["Parameters"]], [(1, "one"), (2, "two")])
    ssm.label_parameter_version(Name="/shop/url", ParameterVersion=1, Labels=["stable"])
    equal("by label", ssm.get_parameter(Name="/shop/url:stable")["Parameter"]["Value"], "one")


def secure_strings():
    ssm.put_parameter(Name="/shop/key", Value="hidden", Type="SecureString")
    equal("with decryption", ssm.get_parameter(Name="/shop/key", WithDecryption=True)["Parameter"]["Value"], "hidden")
    refused("a key that is no key", "InvalidKeyId", ssm.put_parameter, Name="/shop/other", Value="x", Type="SecureString", KeyId="nonsense")
    holds("without, it is not shown", "hidden" not in ssm.get_parameter(Name="/shop/key")["Parameter"]["Value"])
    equal("AWS's key", ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": ["/shop/key"]}])["Parameters"][0]["KeyId"], "alias/aws/ssm")


def lists():
    for number in range(5):
        ssm.put_parameter(Name=f"/many/deep/{number}", Value=str(number), Type="String")
    equal("not deeper than asked", names(ssm.get_parameters_by_path(Path="/many")), [])
    equal("page by page", len(pages(ssm, "get_parameters_by_path", "Parameters", 2, Path="/many", Recursive=True)), 5)
    equal(
        "described", len(pages(ssm, "describe_parameters", "Parameters", 2, ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/many"]}])), 5
    )
    several = ssm.get_parameters(Names=["/many/deep/1", "/nowhere"])
    equal("several, and one that is not there", (names(several), several["InvalidParameters"]), (["/many/deep/1"], ["/nowhere"]))
    refused("eleven at once", "ValidationException", ssm.get_parameters, Names=[f"/x/{number}" for number in range(11)])


def tagging():
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/shop/url", Tags=tags(c="d"))
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId="/shop/url", TagKeys=["a"])
    equal("tags", ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/shop/url")["TagList"], tags(c="d"))
    refused("tags of nothing", "InvalidResourceId", ssm.list_tags_for_resource, ResourceType="Parameter", ResourceId="/nowhere")
    arn = ssm.get_parameter(Name="/shop/url")["Parameter"]["ARN"]
    equal("shared with nobody", ssm.get_resource_policies(ResourceArn=arn)["Policies"], [])
    refused("nor is what is not there", "ResourceNotFoundException", ssm.get_resource_policies, ResourceArn=arn + "x")


def deletion():
    ssm.delete_parameter(Name="/shop/url")
    refused("once more", "ParameterNotFound", ssm.delete_parameter, Name="/shop/url")
    gone = ssm.delete_parameters(Names=["/shop/key", "/nowhere"])
    equal("several", (gone["DeletedParameters"], gone["InvalidParameters"]), (["/shop/key"], ["/nowhere"]))
    equal("a new one begins with version 1", ssm.put_parameter(Name="/shop/url", Value="x", Type="String")["Version"], 1)


run(parameters, versions, secure_strings, lists, tagging, deletion)
