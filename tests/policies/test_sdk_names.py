"""Rules name types and properties as the provider SDKs spell them: a renamed property breaks this test."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any

import pytest
from pulumi import _types as sdk

from bedplate_policies import RULES
from bedplate_policies.pods import expand_read
from bedplate_policies.rule import AnyRule
from bedplate_policies.value import Step, parse_path

# Custom resources have no class in an SDK: `kubernetes:<group>/<version>:<kind>` with one of these groups.
CUSTOM_GROUPS = (
    "ceph.rook.io",
    "gateway.networking.k8s.io",
    "jobset.x-k8s.io",
    "kubeflow.org",
    "kueue.x-k8s.io",
    "leaderworkerset.x-k8s.io",
    "ray.io",
)
PACKAGES = {"aws": "pulumi_aws", "gcp": "pulumi_gcp", "kubernetes": "pulumi_kubernetes"}


@cache
def classes(package: str) -> dict[str, tuple[str, str]]:
    """Type token -> module and class, as the SDK registers them."""
    spec = importlib.util.find_spec(PACKAGES[package])
    assert spec is not None
    assert spec.origin is not None
    found = re.search(r'resource_modules="""\n(.*?)\n"""', Path(spec.origin).read_text(), re.DOTALL)
    assert found is not None
    return {
        token: (module["fqn"], name)
        for module in json.loads(found.group(1))
        for token, name in module["classes"].items()
    }


def is_custom(token: str) -> bool:
    return token.startswith("kubernetes:") and token.split(":")[1].split("/")[0] in CUSTOM_GROUPS


@cache
def members(token: str) -> dict[str, Any]:
    """Property -> type, of what the resource takes and of what it gives."""
    module, name = classes(token.split(":")[0])[token]
    loaded = importlib.import_module(module)
    found = dict(sdk.resource_types(getattr(loaded, name)))
    arguments = getattr(loaded, f"{name}Args", None) or getattr(loaded, f"{name}InitArgs", None)
    if arguments is not None:
        # What is written and never read back (passwords) stands in the arguments only.
        found = {**sdk.input_type_types(arguments), **found}
    # The SDK's `id` is no property of the schema.
    return {"id": str, **found}


def problem(types: Mapping[str, Any], steps: Sequence[Step]) -> str:
    """What is wrong with a path from a resource on, or nothing."""
    first, *rest = steps
    if first not in types:
        return f"no property {first!r}"
    return problem_in(types[first], rest)  # type: ignore[index]


def problem_in(type: Any, steps: Sequence[Step]) -> str:
    if not steps or type is Any:
        return ""
    origin, arguments = typing.get_origin(type), typing.get_args(type)
    if origin in (typing.Union, UnionType):
        found = [problem_in(one, steps) for one in arguments if one is not None.__class__]
        return min(found, key=len)
    if origin is not None and issubclass(origin, Mapping):
        return problem_in(arguments[1], steps[1:]) if isinstance(steps[0], str) else "a map is no list"
    if origin is not None and issubclass(origin, Sequence):
        if isinstance(steps[0], str):
            return f"{steps[0]!r} of a list: write []"
        return problem_in(arguments[0], steps[1:])
    if sdk.is_output_type(type):
        return problem(sdk.output_type_types(type), steps) if isinstance(steps[0], str) else "no list"
    if sdk.is_input_type(type):
        return problem(sdk.input_type_types(type), steps) if isinstance(steps[0], str) else "no list"
    return f"{steps[0]!r} of a {getattr(type, '__name__', type)}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_types_and_properties_are_the_sdks(rule: AnyRule) -> None:
    wrong = []
    for token in rule.types:
        if is_custom(token):
            continue
        if token not in classes(token.split(":")[0]):
            wrong.append(f"no type {token}")
            continue
        for read in rule.reads:
            said = problem(members(token), parse_path(expand_read(read, token)))
            if said:
                wrong.append(f"{token} {read}: {said}")
    assert not wrong, "\n".join(wrong)


def test_every_custom_group_is_in_use() -> None:
    used = {token.split(":")[1].split("/")[0] for rule in RULES for token in rule.types if is_custom(token)}
    assert used == set(CUSTOM_GROUPS)


def test_a_wrong_name_is_noticed() -> None:
    bucket = members("aws:ebs/volume:Volume")
    assert problem(bucket, parse_path("encrypted")) == ""
    assert problem(bucket, parse_path("isEncrypted")) == "no property 'isEncrypted'"
    template = members("aws:ec2/launchTemplate:LaunchTemplate")
    assert problem(template, parse_path("blockDeviceMappings[].ebs.encrypted")) == ""
    assert "list" in problem(template, parse_path("blockDeviceMappings.ebs.encrypted"))
    assert "no property" in problem(template, parse_path("blockDeviceMappings[].ebs.crypt"))
    pod = members("kubernetes:core/v1:Pod")
    assert problem(pod, parse_path("spec.containers[].securityContext.privileged")) == ""


def test_rules_are_named_once_and_have_what_a_user_needs() -> None:
    names = [rule.name for rule in RULES]
    assert sorted(set(names)) == sorted(names)
    assert len(names) >= 120
    for rule in RULES:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.name)
        assert rule.description.endswith(".")
        assert rule.remediation
        assert rule.types or rule.group == "budget"
        assert all(option.description for option in rule.config.values())
