"""What the components cost: preview of aws-dev, without what runs on its Kubernetes cluster, against a plain
Pulumi program that registers the same resources.

The plain program is written from the recorded state of aws-dev: one call per resource, with the inputs it
has there, references where an input is another resource's id or ARN, and the same stack outputs. Goal: the
components take at most 1.1 times as long.
"""

import argparse
import statistics
import sys
from typing import Any

import yaml
from common import Project, finish, project

GOAL = 1.1


def plain_program(state: dict[str, Any]) -> tuple[str, int]:
    """The source of the program, and how many resources it registers."""
    custom = [
        resource
        for resource in state["resources"]
        if resource.get("custom") and not resource["type"].startswith("pulumi:")
    ]
    lines = ["import pulumi", "import pulumi_aws as aws", ""]
    known: dict[str, str] = {}
    for number, resource in enumerate(custom):
        package, module_path, name = resource["type"].split(":")
        module = module_path.split("/")[0]
        inputs = {_snake(key): value for key, value in resource["inputs"].items() if key != "__defaults"}
        arguments = ", ".join(f"{key}={_literal(value, known)}" for key, value in inputs.items())
        logical = resource["urn"].rsplit("::", 1)[-1]
        lines.append(f"r{number} = {package}.{module}.{name}({logical!r}, {arguments})")
        known.setdefault(str(resource["id"]), f"r{number}.id")
        arn = resource.get("outputs", {}).get("arn")
        if isinstance(arn, str):
            known.setdefault(arn, f"r{number}.arn")
    stack = next(one for one in state["resources"] if one["type"] == "pulumi:pulumi:Stack")
    for name, value in stack.get("outputs", {}).items():
        lines.append(f"pulumi.export({name!r}, {_literal(value, known)})")
    return "\n".join(lines) + "\n", len(custom)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _literal(value: object, known: dict[str, str]) -> str:
    if isinstance(value, str):
        return known.get(value, repr(value))
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item, known) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_literal(item, known)}" for key, item in value.items()) + "}"
    return repr(value)


def _leave_out_layer(one: Project) -> None:
    """A chart and its objects cost a component what they cost a plain program: one call each."""
    file = one.root / "stacks" / "config" / "Pulumi.aws-dev.yaml"
    document = yaml.safe_load(file.read_text())
    document["config"]["bedplate:environment"].pop("kubernetes")
    file.write_text(yaml.safe_dump(document))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measured previews of each, in turn")
    parser.add_argument("--show", action="store_true", help="print the plain program and stop")
    arguments = parser.parse_args()
    with project() as recorded:
        _leave_out_layer(recorded)
        recorded.sandbox("up")
        state = recorded.state()
    source, count = plain_program(state)
    if arguments.show:
        print(source)
        return 0
    region = _region(state)
    times: dict[str, list[float]] = {"components": [], "plain": []}
    with project() as components, project(source, {"aws:region": region}) as plain:
        _leave_out_layer(components)
        for round_number in range(arguments.rounds + 1):
            for name, one in (("components", components), ("plain", plain)):
                summary, seconds = one.sandbox("preview")
                assert summary["changes"]["create"] >= count
                if round_number:  # the first of each starts the sandbox and fills the bytecode caches
                    times[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["components"] / medians["plain"]
    figures: dict[str, object] = {
        "resources": count,
        "components preview seconds (median)": round(medians["components"], 2),
        "plain preview seconds (median)": round(medians["plain"], 2),
        "ratio": round(ratio, 3),
        "rounds": arguments.rounds,
    }
    return finish("preview_overhead", figures, {f"components at most {GOAL}x": ratio <= GOAL})


def _region(state: dict[str, Any]) -> str:
    found: str = next(
        resource["inputs"]["region"]
        for resource in state["resources"]
        if resource["type"] == "pulumi:providers:aws"
    )
    return found


if __name__ == "__main__":
    sys.exit(main())
