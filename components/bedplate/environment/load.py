"""From a stack's configuration to an environment, or to everything that is wrong with it at once."""

import copy
from collections.abc import Mapping

import pulumi

from bedplate.cluster.versions import supported_versions
from bedplate.core.describe import describe
from bedplate.core.errors import ArgsError, ConfigError, Problem
from bedplate.environment.aws import deploy_aws
from bedplate.environment.models import AwsEnvironment

KEY = "bedplate:environment"
_MODELS = {"aws": AwsEnvironment}
_EXAMPLE = "see docs/environment.md for an example"


# Parts of which there are many, each with a name.
_NAMED = ("gpu_pools", "buckets", "workloads")
# Stand for fields that cannot be left out and say nothing about the others.
_STAND_INS: dict[str, object] = {"name": "environment", "owner": "owner"}
_ANY_CLUSTER: dict[str, object] = {
    "version": next(iter(supported_versions())),
    "bootstrap_cluster_creator_admin_permissions": True,
}


def load(config: pulumi.Config | Mapping[str, object], region: str | None = None) -> AwsEnvironment:
    """The environment of a stack.

    Args:
        config: The stack's configuration (namespace `bedplate`, key `environment`), or the
            environment's own data.
        region: The provider's region (`aws:region`), which must be the environment's; None where it is
            not set.

    Raises:
        ConfigError: with every problem, each with its path below `bedplate:environment`.
    """
    data = _data(config)
    problems = _kind_problems(data)
    if not problems:
        found, problems = _parse(data)
        if not any(problem.path == "region" for problem in problems):
            problems += _region_problems(data, region)
        if found is not None and not problems:
            return found
    raise ConfigError.in_file("configuration", problems, KEY)


def deploy(env: AwsEnvironment) -> dict[str, pulumi.Input[object]]:
    """Registers every resource of the environment; returns the outputs of the stack."""
    return deploy_aws(env)


def _data(config: pulumi.Config | Mapping[str, object]) -> Mapping[str, object]:
    data: object = config.get_object("environment") if isinstance(config, pulumi.Config) else config
    if data is None:
        raise ConfigError(f"configuration: {KEY} is missing; allowed: one environment; {_EXAMPLE}")
    if not isinstance(data, Mapping):
        raise ConfigError(
            f"configuration: {KEY} is a {type(data).__name__}; allowed: a mapping of fields; {_EXAMPLE}"
        )
    return data


def _kind_problems(data: Mapping[str, object]) -> list[Problem]:
    kind = data.get("kind")
    if isinstance(kind, str) and kind in _MODELS:
        return []
    value = "nothing given" if kind is None else f"{describe(kind)} is not supported in this version"
    return [Problem("kind", f"{value}; allowed: {', '.join(_MODELS)}; write kind: aws")]


def _region_problems(data: Mapping[str, object], region: str | None) -> list[Problem]:
    mine = data.get("region")
    if region is None or not isinstance(mine, str) or mine == region:
        return []
    return [
        Problem(
            "region",
            f"{mine!r}, but aws:region is {region!r}; allowed: the same region in both, as the provider "
            "makes "
            "everything in its own; change one of the two",
        )
    ]


def _parse(data: Mapping[str, object]) -> tuple[AwsEnvironment | None, list[Problem]]:
    """The environment or its problems, those across fields among them.

    pydantic checks across fields only where each field is right. So that one run shows everything, the parts
    that
    are wrong by themselves are taken out, and what is left is checked again.
    """
    try:
        return AwsEnvironment.model_validate(dict(data)), []
    except ArgsError as error:
        first = list(error.problems)
    rest = _without(data, first)
    if rest is None:
        return None, first
    wrong = {_section(problem.path) for problem in first}
    try:
        AwsEnvironment.model_validate(rest)
    except ArgsError as error:
        # What a part that was taken out caused says nothing about the file.
        unjudged = wrong | ({_section("cluster")} if _section("network") in wrong else set())
        first += [p for p in error.problems if _section(p.path) not in unjudged]
    return None, first


def _section(path: str) -> tuple[str, ...]:
    """The part of the file that a path is in: a top-level key, and a name where there are many of it."""
    parts = path.partition("[")[0].split(".")
    return tuple(parts[: 2 if parts[0] in _NAMED else 1])


def _without(data: Mapping[str, object], problems: list[Problem]) -> dict[str, object] | None:
    """The data less the fields that have problems; None where what is left could not be judged."""
    rest = copy.deepcopy(dict(data))
    for problem in problems:
        section, field = _section(problem.path), problem.path.partition("[")[0].split(".")
        top = section[0]
        if top in _STAND_INS:
            rest[top] = _STAND_INS[top]
        elif top in ("kind", "region", "zones"):
            return None
        elif len(field) == 1 or top in ("gpu_pools", "workloads", "tags"):
            _remove(rest, section)
        else:
            _remove(rest, tuple(field[: len(section) + 1]))
    cluster = rest.get("cluster")
    rest["cluster"] = {**_ANY_CLUSTER, **cluster} if isinstance(cluster, dict) else _ANY_CLUSTER
    return rest


def _remove(data: dict[str, object], path: tuple[str, ...]) -> None:
    inner: object = data
    for key in path[:-1]:
        inner = inner.get(key) if isinstance(inner, dict) else None
    if isinstance(inner, dict):
        inner.pop(path[-1], None)
