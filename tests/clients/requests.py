"""Checks recorded requests, one JSON object a line in the file named, against AWS's own models as botocore ships them:
the action, every parameter's name, type, length, range, pattern and enumeration, and the members that are required."""

import json
import re
import sys
from urllib.parse import parse_qsl, unquote

from botocore.loaders import Loader
from botocore.model import ServiceModel

SERVICES = ["ec2", "rds", "apprunner", "secretsmanager", "iam", "ssm", "sts", "logs", "lambda"]
MODELS = {name: ServiceModel(Loader().load_service_model(name, "service-2"), name) for name in SERVICES}


class Wrong(Exception):
    """What no model allows."""


def check(request):
    """Every violation in one request, as text."""
    model = MODELS.get(request["service"])
    if model is None:
        return [f"{request['service']} is no service that is known"]
    if request["action"] not in model.operation_names:
        return [f"there is no such action"]
    operation = model.operation_model(request["action"])
    try:
        value = read(model, operation, request)
    except Wrong as wrong:
        return [str(wrong)]
    shape = operation.input_shape
    if shape is None:
        return [f"{name} is no parameter" for name in value]
    return list(violations(shape, value, ""))


def read(model, operation, request):
    """The parameters by the names of the model's members."""
    if model.metadata["protocol"] == "json":
        wanted = f"{model.metadata['targetPrefix']}.{operation.name}"
        if request["target"] != wanted:
            raise Wrong(f"the target is {request['target']}, not {wanted}")
        return json.loads(request["body"] or "{}")
    if model.metadata["protocol"] == "rest-json":
        return rest(operation, request)
    form = dict(parse_qsl(request["body"], keep_blank_values=True, strict_parsing=True))
    if form.pop("Version", None) != model.api_version:
        raise Wrong("the version is not the model's")
    form.pop("Action")
    tree = {}
    for key, text in form.items():
        place = tree
        *outer, last = key.split(".")
        for part in outer:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise Wrong(f"{key} is a value and holds another")
        place[last] = text
    ec2 = model.metadata["protocol"] == "ec2"
    return {} if operation.input_shape is None and not tree else member(operation.input_shape, tree, "", ec2)


def rest(operation, request):
    """The parameters of path, query and body; those in headers are few, and none is required."""
    path, _, query = request["path"].partition("?")
    template = operation.http["requestUri"].split("/")
    given = path.rstrip("/").split("/")
    if request["method"] != operation.http["method"] or len(template) != len(given):
        raise Wrong(f"{request['method']} {path} is not {operation.http['method']} {operation.http['requestUri']}")
    value = {}
    for wanted, part in zip(template, given):
        if wanted.startswith("{"):
            value[wanted.strip("{}")] = unquote(part)
        elif wanted != part:
            raise Wrong(f"{path} is not {operation.http['requestUri']}")
    members = operation.input_shape.members
    for key, text in parse_qsl(query, keep_blank_values=True):
        name = next((name for name, inner in members.items() if inner.serialization.get("location") == "querystring" and inner.serialization["name"] == key), None)
        if name is None:
            raise Wrong(f"{key} is no parameter")
        if members[name].type_name == "list":
            value.setdefault(name, []).append(text)
        else:
            value[name] = int(text) if members[name].type_name == "integer" else text
    if payload := operation.input_shape.serialization.get("payload"):
        return value | {payload: request["body"]}
    body = json.loads(request["body"] or "{}")
    if elsewhere := [name for name in body if name in members and "location" in members[name].serialization]:
        raise Wrong(f"{elsewhere[0]} does not stand in the body")
    return value | body


def wire_name(name, shape, ec2):
    """A member's name on the wire of the query protocols."""
    written = shape.serialization
    if ec2:
        return written.get("queryName") or (written["name"][0].upper() + written["name"][1:] if "name" in written else name[0].upper() + name[1:])
    return written.get("name", name)


def member(shape, tree, path, ec2):
    """A part of a form, by the model's names and types."""
    if shape is None:
        raise Wrong(f"{', '.join(tree)}: there are no parameters")
    if shape.type_name == "structure":
        if not isinstance(tree, dict):
            raise Wrong(f"{path} is a text in place of a structure")
        names = {wire_name(name, inner, ec2): (name, inner) for name, inner in shape.members.items()}
        unknown = [part for part in tree if part not in names]
        if unknown:
            raise Wrong(f"{path}{unknown[0]} is no parameter")
        return {names[part][0]: member(names[part][1], inner, f"{path}{part}.", ec2) for part, inner in tree.items()}
    if shape.type_name == "list":
        if not isinstance(tree, dict):
            raise Wrong(f"{path} is a text in place of a list")
        flat = ec2 or shape.serialization.get("flattened")
        if not flat:
            inner = shape.member.serialization.get("name", "member")
            if list(tree) != [inner]:
                raise Wrong(f"{path} holds {', '.join(tree)} in place of {inner}")
            tree = tree[inner]
        if sorted(tree, key=lambda number: int(number)) != [str(number + 1) for number in range(len(tree))]:
            raise Wrong(f"{path} is not counted from 1")
        return [member(shape.member, tree[number], f"{path}{number}.", ec2) for number in sorted(tree, key=int)]
    if isinstance(tree, dict):
        raise Wrong(f"{path} is a structure in place of a {shape.type_name}")
    try:
        if shape.type_name in ("integer", "long"):
            return int(tree)
        if shape.type_name in ("float", "double"):
            return float(tree)
    except ValueError:
        raise Wrong(f"{path} is {tree!r}, no {shape.type_name}") from None
    if shape.type_name == "boolean":
        if tree not in ("true", "false"):
            raise Wrong(f"{path} is {tree!r}, no boolean")
        return tree == "true"
    return tree


TYPES = {"string": str, "integer": int, "long": int, "float": (int, float), "double": (int, float), "boolean": bool,
         "list": list, "map": dict, "structure": dict, "timestamp": (str, int, float), "blob": str}


def violations(shape, value, path):
    """What is wrong with a value of a shape, and in it."""
    kind, limits = shape.type_name, shape.metadata
    if not isinstance(value, TYPES[kind]) or (kind in ("integer", "long", "float", "double") and isinstance(value, bool)):
        yield f"{path or 'the input'} is of type {type(value).__name__}, not {kind}"
        return
    size = value if kind in ("integer", "long", "float", "double") else len(value) if hasattr(value, "__len__") else None
    if size is not None and kind not in ("structure",):
        if size < limits.get("min", size) or size > limits.get("max", size):
            yield f"{path} is or has {size}, outside of {limits.get('min')} to {limits.get('max')}"
    if kind == "string":
        if shape.enum and value not in shape.enum:
            yield f"{path} is {value!r}, none of {', '.join(shape.enum)}"
        pattern = limits.get("pattern")
        if pattern and not matches(pattern, value):
            yield f"{path} does not match {pattern}"
    elif kind == "list":
        for number, inner in enumerate(value):
            yield from violations(shape.member, inner, f"{path}[{number}]")
    elif kind == "map":
        for key, inner in value.items():
            yield from violations(shape.key, key, f"{path} key {key}")
            yield from violations(shape.value, inner, f"{path}.{key}")
    elif kind == "structure":
        for name in shape.required_members:
            if name not in value:
                yield f"{path}.{name} is required"
        for name, inner in value.items():
            if name not in shape.members:
                yield f"{path}.{name} is no parameter"
            else:
                yield from violations(shape.members[name], inner, f"{path}.{name}")


# Python has no \p{...} of Java's patterns; these are the classes that the models use, as far as ASCII goes.
CLASSES = {r"\p{L}": "A-Za-z", r"\p{Z}": " ", r"\p{N}": "0-9", r"\p{M}": "", r"\p{S}": "$+<=>^`|~", r"\p{P}": r"!-#%-*,-/:;?@\[-\]_{}",
           r"\p{ASCII}": "\x00-\x7f", r"\p{Alnum}": "A-Za-z0-9", r"\p{Graph}": "!-~", r"\p{Print}": " -~"}


def matches(pattern, value):
    """Whether a text matches, wholly, as AWS means its patterns."""
    for name, letters in CLASSES.items():
        pattern = pattern.replace(name, letters)
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        raise SystemExit(f"the pattern {pattern} cannot be read: add what it uses to CLASSES") from None


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        requests = [json.loads(line) for line in file if line.strip()]
    told = sorted({f"{request['service']} {request['action']}: {text}" for request in requests for text in check(request)})
    for line in told:
        print(line)
    print(f"{len(requests)} requests, {len(told)} violations")
    sys.exit(1 if told else 0)
