"""From a stack's configuration to an environment, or to everything that is wrong with it at once."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from bedplate.cluster.versions import supported_versions
from bedplate.core.describe import describe
from bedplate.core.errors import ArgsError, ConfigError, Problem
from bedplate.environment.aws import deploy_aws
from bedplate.environment.models import AwsEnvironment

if TYPE_CHECKING:
    from bedplate.environment.onprem_models import OnPremEnvironment

    Environment = AwsEnvironment | OnPremEnvironment

KEY = "bedplate:environment"
_EXAMPLE = "see docs/environment.md for an example"
_ANY_VERSION = next(iter(supported_versions()))


@dataclass(frozen=True)
class _Kind:
    """How a file of one kind is read.

    Attributes:
        model: What it says.
        named: Parts of which there are many, each with a name.
        stand_ins: Stand for fields that cannot be left out and say nothing about the others.
        beneath: Likewise, for fields of a part.
        decisive: Without these nothing else can be judged.
        follows: What a wrong part makes unjudgeable besides itself.
    """

    model: "Callable[[], type[AwsEnvironment] | type[OnPremEnvironment]]"
    named: tuple[str, ...]
    stand_ins: Mapping[str, object]
    beneath: Mapping[str, Mapping[str, object]]
    decisive: tuple[str, ...]
    follows: Mapping[str, tuple[str, ...]]


def _onprem() -> "type[OnPremEnvironment]":
    # Ceph, edge sites and the Kubernetes layer take seconds to import, and many an AWS file has none of them.
    from bedplate.environment.onprem_models import OnPremEnvironment

    return OnPremEnvironment


_STAND_INS = {"name": "environment", "owner": "owner"}
_KINDS = {
    "aws": _Kind(
        model=lambda: AwsEnvironment,
        named=("gpu_pools", "buckets", "workloads"),
        stand_ins=_STAND_INS,
        beneath={"cluster": {"version": _ANY_VERSION, "bootstrap_cluster_creator_admin_permissions": True}},
        decisive=("region", "zones"),
        follows={
            "network": ("cluster",),
            "cluster": ("kubernetes",),
            "gpu_pools": ("kubernetes",),
            "buckets": ("kubernetes",),
        },
    ),
    "onprem": _Kind(
        model=_onprem,
        named=("buckets",),
        stand_ins=_STAND_INS,
        beneath={},
        decisive=("cluster",),
        follows={"ceph": ("buckets",), "buckets": ("edge",)},
    ),
}


def load(config: pulumi.Config | Mapping[str, object], region: str | None = None) -> "Environment":
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
        found, problems = _parse(data, _KINDS[str(data["kind"])])
        if data["kind"] == "aws" and not any(problem.path == "region" for problem in problems):
            problems += _region_problems(data, region)
        kubeconfig = _kubeconfig_problems(config) if data["kind"] == "onprem" else []
        if found is not None and not problems and not kubeconfig:
            return found
        if kubeconfig:
            raise ConfigError.in_file("configuration", [*(one.under(KEY) for one in problems), *kubeconfig])
    raise ConfigError.in_file("configuration", problems, KEY)


def deploy(env: "Environment") -> dict[str, pulumi.Input[object]]:
    """Registers every resource of the environment; returns the outputs of the stack.

    Raises ConfigError where the stack's configuration lacks what the file does not hold: the kubeconfig of a
    cluster of one's own (`bedplate:kubeconfig`).
    """
    if isinstance(env, AwsEnvironment):
        return deploy_aws(env)
    from bedplate.environment.onprem import deploy_onprem

    return deploy_onprem(env)


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
    if isinstance(kind, str) and kind in _KINDS:
        return []
    value = "nothing given" if kind is None else f"{describe(kind)} is not supported in this version"
    return [Problem("kind", f"{value}; allowed: {', '.join(_KINDS)}; write kind: aws or kind: onprem")]


def _kubeconfig_problems(config: pulumi.Config | Mapping[str, object]) -> list[Problem]:
    """What is wrong with the kubeconfig beside an environment on racks of one's own."""
    if not isinstance(config, pulumi.Config):
        return []
    from bedplate.cluster.onprem_kubeconfig import check_kubeconfig

    text, key = config.get("kubeconfig"), config.full_key("kubeconfig")
    if text is None:
        how = f"set it with `pulumi config set --secret {key} < kubeconfig`"
        return [Problem(key, f"not given; allowed: the cluster's kubeconfig; {how}")]
    try:
        check_kubeconfig(text, _context(config))
    except ArgsError as error:
        return [one.under(key) for one in error.problems]
    return []


def _context(config: pulumi.Config) -> str | None:
    """The kubeconfig's context that the environment names."""
    cluster = (config.get_object("environment") or {}).get("cluster")
    context = cluster.get("context") if isinstance(cluster, Mapping) else None
    return context if isinstance(context, str) else None


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


def _parse(data: Mapping[str, object], kind: _Kind) -> "tuple[Environment | None, list[Problem]]":
    """The environment or its problems, those across fields among them.

    pydantic checks across fields only where each field is right. So that one run shows everything, the parts
    that are wrong by themselves are taken out, and what is left is checked again.
    """
    try:
        return kind.model().model_validate(dict(data)), []
    except ArgsError as error:
        first = list(error.problems)
    if data["kind"] == "onprem":
        return None, _onprem_problems(data)
    rest = _without(data, first, kind)
    if rest is None:
        return None, first
    wrong = {_section(problem.path, kind) for problem in first}
    try:
        kind.model().model_validate(rest)
    except ArgsError as error:
        # What a part that was taken out caused says nothing about the file.
        unjudged = wrong | {
            _section(other, kind) for part in wrong for other in kind.follows.get(part[0], ())
        }
        tops = {part[0] for part in unjudged if len(part) == 1}
        first += [
            p
            for p in error.problems
            if _section(p.path, kind) not in unjudged and _section(p.path, kind)[0] not in tops
        ]
    return None, first


def _onprem_problems(data: Mapping[str, object]) -> list[Problem]:
    from bedplate.environment import onprem_models
    from bedplate.environment.gaps import problems_with_gaps

    return problems_with_gaps(
        onprem_models.OnPremFields.model_validate,
        onprem_models.OnPremEnvironment.model_validate,
        data,
        stand_ins=onprem_models.STAND_INS,
        follows=onprem_models.FOLLOWS,
    )


def _section(path: str, kind: _Kind) -> tuple[str, ...]:
    """The part of the file that a path is in: a top-level key, and a name where there are many of it."""
    parts = path.partition("[")[0].split(".")
    return tuple(parts[: 2 if parts[0] in kind.named else 1])


def _without(data: Mapping[str, object], problems: list[Problem], kind: _Kind) -> dict[str, object] | None:
    """The data less the fields that have problems; None where what is left could not be judged."""
    rest = copy.deepcopy(dict(data))
    for problem in problems:
        section, field = _section(problem.path, kind), problem.path.partition("[")[0].split(".")
        top = section[0]
        if top in kind.stand_ins:
            rest[top] = kind.stand_ins[top]
        elif top == "kind" or top in kind.decisive:
            return None
        elif len(field) == 1 or top in ("gpu_pools", "workloads", "tags"):
            _remove(rest, section)
        else:
            _remove(rest, tuple(field[: len(section) + 1]))
    for top, fields in kind.beneath.items():
        there = rest.get(top)
        rest[top] = {**fields, **there} if isinstance(there, dict) else dict(fields)
    return rest


def _remove(data: dict[str, object], path: tuple[str, ...]) -> None:
    inner: object = data
    for key in path[:-1]:
        inner = inner.get(key) if isinstance(inner, dict) else None
    if isinstance(inner, dict):
        inner.pop(path[-1], None)
