"""What EC2 refuses in the network interfaces of a machine: counts, cards, EFA."""

from collections.abc import Mapping, Sequence
from typing import Any

from bedplate.catalog import AwsMachine
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem

_EFA = ("efa", "efa-only")
_TYPES = ("interface", *_EFA)


def interface_problems(
    machine: AwsMachine | None, interfaces: Sequence[Mapping[str, Any]], at: str = "networkInterfaces"
) -> list[Problem]:
    """Problems of a launch template's network interfaces; `machine` is None where the type is not known.

    Rules: EC2 user guide, "Elastic Fabric Adapter" and "Elastic network interfaces" (from memory).
    """
    return [*_layout(interfaces, at), *(_limits(machine, interfaces, at) if machine else ())]


def _layout(interfaces: Sequence[Mapping[str, Any]], at: str) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[tuple[int, int], int] = {}
    for index, one in enumerate(interfaces):
        here, kind = f"{at}[{index}]", one.get("interfaceType") or "interface"
        if kind not in _TYPES:
            problems.append(
                (f"{here}.interfaceType", f"{kind!r} is not one of {', '.join(_TYPES)}; choose one of these")
            )
        place = _place(one)
        if place in seen:
            problems.append(
                (
                    here,
                    f"InvalidParameterValue: network card {place[0]}, device {place[1]} is taken by "
                    f"{at}[{seen[place]}]; give each interface a card and device of its own",
                )
            )
        seen.setdefault(place, index)
        if place == (0, 0) and kind == "efa-only":
            problems.append(
                (
                    f"{here}.interfaceType",
                    "InvalidParameterCombination: the primary interface cannot be efa-only, which has no IP "
                    "address; use efa or interface there",
                )
            )
        if len(interfaces) > 1 and str(one.get("associatePublicIpAddress")) in ("true", "1"):
            problems.append(
                (
                    f"{here}.associatePublicIpAddress",
                    "InvalidParameterCombination: no public address can be given at launch with several "
                    "interfaces; leave it out and use a private subnet with a NAT gateway",
                )
            )
    return problems


def _limits(machine: AwsMachine, interfaces: Sequence[Mapping[str, Any]], at: str) -> list[Problem]:
    problems: list[Problem] = []
    efa = [index for index, one in enumerate(interfaces) if one.get("interfaceType") in _EFA]
    if efa and machine.fabric is None:
        problems.append(
            (
                f"{at}[{efa[0]}].interfaceType",
                f"InvalidParameterCombination: {machine.name} does not support EFA; use interface, or "
                "choose a machine with EFA",
            )
        )
    elif machine.fabric and len(efa) > machine.fabric.interfaces:
        problems.append(
            (
                at,
                f"AttachmentLimitExceeded: {len(efa)} EFA interfaces exceed the {machine.fabric.interfaces} "
                f"of {machine.name}; ask for at most {machine.fabric.interfaces}",
            )
        )
    most = machine.max_network_interfaces
    if most is not None and len(interfaces) > most:
        problems.append(
            (
                at,
                f"AttachmentLimitExceeded: interface count {len(interfaces)} exceeds the limit of {most} for "
                f"{machine.name}; ask for at most {most}",
            )
        )
    for index, one in enumerate(interfaces):
        card = _place(one)[0]
        if card >= machine.network_cards:
            problems.append(
                (
                    f"{at}[{index}].networkCardIndex",
                    f"InvalidParameterValue: {machine.name} has {machine.network_cards} network card(s), 0 "
                    f"to {machine.network_cards - 1}; {card} does not exist",
                )
            )
    return problems


def _place(one: Mapping[str, Any]) -> tuple[int, int]:
    return int(one.get("networkCardIndex") or 0), int(one.get("deviceIndex") or 0)
