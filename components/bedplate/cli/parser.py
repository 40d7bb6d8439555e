"""The command line: what may be asked, and which function answers, imported only when it is asked for."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bedplate import __version__
from bedplate.sandbox.task import Operation

Basis = Literal["minimum", "desired", "maximum"]


@dataclass(frozen=True)
class Arguments:
    """One parsed command line; options that a command does not have keep their default."""

    command: Callable[["Arguments"], int]
    operation: Operation = "up"
    environment: str = ""
    root: Path | None = None
    engine: str | None = None
    json: bool = False
    color: str = "auto"
    parallel: int = 16
    diff: bool = False
    show_secrets: bool = False
    foreground: bool = False
    yes: bool = False
    basis: Basis | None = None
    prices: Path | None = None
    html: Path | None = None
    against: str | None = None
    against_state: bool = False
    policy_packs: list[Path] | None = None
    policy_pack_configs: list[Path] | None = None
    no_policies: bool = False
    skip_preview: bool = False
    kind: str = ""
    object_name: str | None = None
    namespace: str | None = None
    cluster: str = "sandbox"
    output: str | None = None


def _operate(arguments: Arguments) -> int:
    from bedplate.cli.operate import operate

    return operate(arguments)


def _outputs(arguments: Arguments) -> int:
    from bedplate.cli.outputs import outputs

    return outputs(arguments)


def _serve(arguments: Arguments) -> int:
    from bedplate.cli.serve import serve

    return serve(arguments)


def _stop(arguments: Arguments) -> int:
    from bedplate.cli.serve import stop

    return stop(arguments)


def _reset(arguments: Arguments) -> int:
    from bedplate.cli.serve import reset

    return reset(arguments)


def _types(arguments: Arguments) -> int:
    from bedplate.cli.types import types

    return types(arguments)


def _kubectl(arguments: Arguments) -> int:
    from bedplate.cli.kubectl import get

    return get(arguments)


def _cost(arguments: Arguments) -> int:
    from bedplate.cli.cost import cost

    return cost(arguments)


def _doctor(arguments: Arguments) -> int:
    from bedplate.cli.doctor import doctor

    return doctor(arguments)


def parse(argv: Sequence[str]) -> Arguments:
    """Raises SystemExit as argparse does: 0 after --help or --version, 2 for a wrong command line."""
    parsed = vars(_parser().parse_args(list(argv)))
    return Arguments(**{name: value for name, value in parsed.items() if value is not None})


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bedplate", description="AI infrastructure with Pulumi: the sandbox, and what it needs."
    )
    parser.add_argument("--version", action="version", version=f"bedplate {__version__}")
    groups = parser.add_subparsers(required=True, metavar="COMMAND")

    sandbox = groups.add_parser("sandbox", help="run an environment on emulated clouds on this machine")
    commands = sandbox.add_subparsers(required=True, metavar="COMMAND")
    _operations(commands)

    outputs = commands.add_parser("outputs", help="print the outputs of the last `up`")
    outputs.add_argument("environment", metavar="ENV", help="the environment, e.g. aws-dev")
    outputs.add_argument("--show-secrets", action="store_true", help="print secret outputs in plain text")
    _common(outputs, _outputs)

    serve = commands.add_parser(
        "serve", help='start the sandbox and print its variables: eval "$(bedplate sandbox serve)"; pulumi up'
    )
    serve.add_argument("--foreground", action="store_true", help="stay until Ctrl-C, then stop the sandbox")
    _common(serve, _serve)
    _common(commands.add_parser("stop", help="stop the sandbox; its content and the state stay"), _stop)
    reset = commands.add_parser(
        "reset", help="delete the sandbox's content and the state of every environment"
    )
    reset.add_argument("--yes", "-y", action="store_true", help="do not ask")
    _common(reset, _reset)
    _common(commands.add_parser("types", help="list the resource types that the sandbox knows"), _types)

    _kubectl_options(commands)

    _cost_options(groups.add_parser("cost", help="say what an environment costs, from its file alone"))
    _common(groups.add_parser("doctor", help="say what is here, what is missing and what fixes it"), _doctor)
    return parser


def _kubectl_options(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    kubectl = commands.add_parser("kubectl", help="read what is in an emulated Kubernetes cluster")
    get = kubectl.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "get", help="list the objects of a kind, or show one"
    )
    get.add_argument("kind", metavar="KIND", help="e.g. deployments, deploy, Deployment, widgets.example.com")
    get.add_argument("object_name", metavar="NAME", nargs="?", help="one object (default: all)")
    get.add_argument("--namespace", "-n", metavar="NS", help="one namespace (default: every one)")
    get.add_argument("--cluster", metavar="NAME", help="which cluster (default: sandbox)")
    get.add_argument("--output", "-o", choices=("json", "yaml", "name"), help="default: a table")
    _common(get, _kubectl)


def _cost_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("environment", metavar="ENV", help="the environment, e.g. aws-dev")
    command.add_argument(
        "--basis",
        choices=("minimum", "desired", "maximum"),
        help="which size of the pools the limit is held against (default: the environment's, else maximum)",
    )
    command.add_argument(
        "--prices", type=Path, metavar="FILE", help="your own prices over the catalogue's (.csv or .yaml)"
    )
    command.add_argument("--html", type=Path, metavar="FILE", help="write one page with a chart")
    other = command.add_mutually_exclusive_group()
    other.add_argument("--against", metavar="ENV2", help="show what changes from ENV2 to ENV")
    other.add_argument(
        "--against-state", action="store_true", help="show what changes from the last `up` to the file"
    )
    _common(command, _cost)


def _operations(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for name, text in {
        "up": "create or update the environment",
        "preview": "show what `up` would change",
        "refresh": "read what exists and adopt it in the state",
        "destroy": "delete everything in the environment",
    }.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("environment", metavar="ENV", help="the environment, e.g. aws-dev")
        command.add_argument(
            "--engine",
            choices=("pulumi", "offline"),
            help="default: pulumi where it is on PATH, else the offline engine",
        )
        command.add_argument(
            "--parallel",
            "-p",
            type=_positive,
            metavar="N",
            help="resources handled at the same time (default 16)",
        )
        command.add_argument("--diff", action="store_true", help="show every changed property in full")
        if name in ("up", "preview"):
            _policies(command)
        if name == "up":
            command.add_argument(
                "--skip-preview",
                action="store_true",
                help="with policy packs: do not preview first, which shows them the whole before it is made",
            )
        command.set_defaults(operation=name)
        _common(command, _operate)


def _policies(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--policy-pack",
        dest="policy_packs",
        action="append",
        type=Path,
        metavar="DIR",
        help="run this policy pack; may be repeated (default: every pack in the project's policies/)",
    )
    command.add_argument(
        "--policy-pack-config",
        dest="policy_pack_configs",
        action="append",
        type=Path,
        metavar="FILE",
        help="JSON configuration of the pack named at the same place (by default packs go by name)",
    )
    command.add_argument("--no-policies", action="store_true", help="run no policy pack")


def _common(command: argparse.ArgumentParser, answer: Callable[[Arguments], int]) -> None:
    command.add_argument(
        "--root", type=Path, metavar="DIR", help="where to look for Pulumi.yaml, upwards (default: here)"
    )
    command.add_argument(
        "--json", action="store_true", help="machine-readable lines on stdout, the rest on stderr"
    )
    command.add_argument("--color", choices=("auto", "always", "never"), help="default: auto")
    command.set_defaults(command=answer)
