"""Starting a pack as Pulumi expects it: a port on standard output, and an analyzer behind it."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
import yaml
from pulumi.runtime.proto import analyzer_pb2_grpc

from bedplate_policies.errors import PolicyError
from bedplate_policies.rule import AnyRule, Group
from bedplate_policies.servicer import Servicer

# A stack of thousands of resources comes in one message.
_OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
_THREADS = 4


@dataclass(frozen=True)
class Pack:
    """A pack's name, version and rules."""

    name: str
    version: str
    description: str
    rules: tuple[AnyRule, ...]


def load(directory: Path, group: Group) -> Pack:
    """The pack in a directory: its PulumiPolicy.yaml and the rules of its group."""
    project = yaml.safe_load((directory / "PulumiPolicy.yaml").read_text())
    return Pack(
        name=f"bedplate-{group}",
        version=str(project["version"]),
        description=str(project["description"]),
        rules=rules_of(group),
    )


def rules_of(group: Group) -> tuple[AnyRule, ...]:
    """The rules of one pack; only their modules are loaded, since the cost model takes its time."""
    if group == "budget":
        from bedplate_policies import budget

        return budget.RULES
    from bedplate_policies import aws, gcp, kubernetes

    return tuple(rule for rule in (*aws.RULES, *gcp.RULES, *kubernetes.RULES) if rule.group == group)


def serve(directory: Path, group: Group) -> None:
    """Serve the pack of a group. Only a pack's __main__.py calls this: it returns when its engine is gone."""
    serve_pack(load(directory, group), directory)


def serve_pack(pack: Pack, directory: Path) -> None:
    """Serve any pack, such as one with rules of a user's own; its exemptions stand in `directory`."""
    parent = os.getppid()
    server = grpc.server(ThreadPoolExecutor(max_workers=_THREADS), options=_OPTIONS)
    servicer = Servicer(pack.name, pack.version, pack.description, pack.rules, directory)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    if not port:
        raise PolicyError("no port of this machine can be opened for the policy pack")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        # An engine that was killed stops nobody: see for ourselves that it is gone.
        while os.getppid() == parent:
            time.sleep(1)
    except KeyboardInterrupt:
        pass
    server.stop(None)
