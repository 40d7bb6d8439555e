"""The environment of stacks/config/Pulumi.aws-dev.yaml, and ways to change it."""

import copy
import importlib.util
import json
import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

ROOT = Path(__file__).parents[2]

_SPEC = importlib.util.spec_from_file_location(
    "environment_tests_recorder", ROOT / "tests/cluster/conftest.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
_SHARED = importlib.util.module_from_spec(_SPEC)
# dataclasses look their module up.
sys.modules[_SPEC.name] = _SHARED
_SPEC.loader.exec_module(_SHARED)

made = _SHARED.made


def _stack_file() -> dict[str, Any]:
    text = (ROOT / "stacks/config/Pulumi.aws-dev.yaml").read_text(encoding="utf-8")
    config: dict[str, Any] = yaml.safe_load(text)["config"]
    return config


@pytest.fixture
def aws_dev_whole() -> dict[str, Any]:
    """The environment's own data, to change at will."""
    return copy.deepcopy(_stack_file()["bedplate:environment"])


@pytest.fixture
def aws_dev(aws_dev_whole: dict[str, Any]) -> dict[str, Any]:
    """The same without what runs on the cluster, which is more than all the rest."""
    del aws_dev_whole["kubernetes"]
    return aws_dev_whole


@pytest.fixture
def changed(aws_dev: dict[str, Any]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """The environment with values put at dotted paths; `...` removes what is there."""

    def change(changes: Mapping[str, Any]) -> dict[str, Any]:
        for path, value in changes.items():
            *parents, last = path.split(".")
            inner = aws_dev
            for key in parents:
                inner = inner.setdefault(key, {})
            if value is ...:
                del inner[last]
            else:
                inner[last] = value
        return aws_dev

    return change


@pytest.fixture
def stack_program() -> Callable[[Mapping[str, Any] | None, str | None], Callable[[], object]]:
    """stacks/__main__.py as a program, under a configuration of one's own."""

    def program(
        environment: Mapping[str, Any] | None, region: str | None = "us-east-1"
    ) -> Callable[[], object]:
        config: dict[str, str] = {}
        if environment is not None:
            config["bedplate:environment"] = json.dumps(environment)
        if region is not None:
            config["aws:region"] = region

        def run() -> object:
            pulumi.runtime.set_all_config(config)
            return runpy.run_path(str(ROOT / "stacks/__main__.py"), run_name="__main__")

        return run

    return program
