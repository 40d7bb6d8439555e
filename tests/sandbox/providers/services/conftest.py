"""A context that gives handlers moto in this process, so that each type is tried without a server."""

import gzip
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bedplate.sandbox.providers.handler import Created, JsonObject


class MemoryStore:
    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], JsonObject] = {}

    def get(self, kind: str, key: str) -> JsonObject | None:
        return self.rows.get((kind, key))

    def put(self, kind: str, key: str, value: JsonObject) -> None:
        self.rows[(kind, key)] = value

    def delete(self, kind: str, key: str) -> None:
        self.rows.pop((kind, key), None)

    def items(self, kind: str) -> dict[str, JsonObject]:
        return {key: value for (of, key), value in self.rows.items() if of == kind}


@cache
def type_schema() -> dict[str, Any]:
    """What the SDK's classes say of every type, as the package has it."""
    path = files("bedplate.sandbox.providers.aws").joinpath("schema.json.gz")
    schema: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return schema


@cache
def boto_client(service: str, region: str) -> Any:
    """One client for all tests: loading a service's model takes longer than a test."""
    return boto3.client(service, region_name=region)


class FakeContext:
    urn = "urn:pulumi:dev::test::aws:x/y:Z::name"
    region = "us-west-2"
    account_id = "123456789012"
    partition = "aws"

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.unknown: frozenset[str] = frozenset()
        self.default_tags = {"managed-by": "pulumi"}

    def client(self, service: str, region: str | None = None) -> Any:
        return boto_client(service, region or self.region)

    def tags(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        return {**self.default_tags, **(inputs.get("tags") or {})}


class Driver:
    """Takes one resource type through its life as the engine would."""

    def __init__(self, ctx: FakeContext) -> None:
        self.ctx = ctx

    def handler(self, token: str) -> Any:
        from bedplate.sandbox.providers.aws.registry import REGISTRY

        return REGISTRY.handlers[token]

    def problems(self, token: str, inputs: JsonObject) -> list[tuple[str, str]]:
        handler = self.handler(token)
        return list(handler.check(self.ctx, {**handler.defaults, **inputs}))

    def create(self, token: str, inputs: JsonObject) -> Created:
        handler = self.handler(token)
        inputs = {**handler.defaults, **inputs}
        assert handler.check(self.ctx, inputs) == []
        created: Created = handler.create(self.ctx, inputs)
        return created

    def round_trip(self, token: str, inputs: JsonObject, change: JsonObject | None = None) -> Created:
        """Create, read without drift, update in place, read without drift; leaves the resource there."""
        handler = self.handler(token)
        inputs = {**handler.defaults, **inputs}
        created = self.create(token, inputs)
        self.holds(token, created.outputs, inputs)
        assert handler.read(self.ctx, created.id, created.outputs) == created.outputs
        if change is None:
            return created
        after = {key: value for key, value in {**inputs, **change}.items() if value is not None}
        assert handler.check(self.ctx, after) == []
        assert not handler.replace_on & set(change)
        updated = handler.update(self.ctx, created.id, created.outputs, inputs, after)
        self.holds(token, updated, after)
        assert handler.read(self.ctx, created.id, updated) == updated
        return Created(created.id, updated)

    def holds(self, token: str, outputs: Any, inputs: Any, at: str = "") -> None:
        """Every input comes back in the outputs: what is missing would be shown as drift."""
        if not at:
            unknown = set(outputs) - set(type_schema()["resources"][token]["outputs"])
            assert not unknown, f"the type has no outputs {unknown}"
        if isinstance(inputs, Mapping):
            for key, value in inputs.items():
                assert key in outputs, f"{at}.{key} is not among the outputs"
                self.holds(token, outputs[key], value, f"{at}.{key}")
        else:
            assert outputs == inputs, at

    def delete(self, token: str, created: Created) -> None:
        """Delete; a read then finds nothing, and deleting once more is success."""
        handler = self.handler(token)
        handler.delete(self.ctx, created.id, created.outputs)
        assert handler.read(self.ctx, created.id, created.outputs) is None
        handler.delete(self.ctx, created.id, created.outputs)


@pytest.fixture
def ctx(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeContext]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    with mock_aws():
        yield FakeContext()


@pytest.fixture
def managed_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's managed policies in moto: a second per test, so only where one is attached."""
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")


@pytest.fixture
def driver(ctx: FakeContext) -> Driver:
    return Driver(ctx)
