"""The EC2 handlers against moto in this process: no server, no engine."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bedplate.sandbox.providers import aws
from bedplate.sandbox.providers.handler import Created, JsonObject
from bedplate.sandbox.providers.schema import Schema

SCHEMA = Schema(Path(aws.__file__).with_name("schema.json.gz"))


@cache
def _client(service: str, region: str) -> Any:
    """Made once: EC2's model takes longer to load than a test."""
    return boto3.client(service, region_name=region)


class Objects:
    """An object store in memory."""

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


class Ec2Context:
    urn = "urn:pulumi:dev::test::aws:ec2/x:X::name"
    region = "us-west-2"
    account_id = "123456789012"
    partition = "aws"

    def __init__(self) -> None:
        self.store = Objects()
        self.unknown: frozenset[str] = frozenset()

    def client(self, service: str, region: str | None = None) -> Any:
        return _client(service, region or self.region)

    def tags(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        return {"managed-by": "pulumi", **(inputs.get("tags") or {})}


class Cloud:
    """Calls handlers as the provider does: defaults filled in, names given, checked first."""

    def __init__(self) -> None:
        self.ctx = Ec2Context()
        self.made = 0

    @property
    def ec2(self) -> Any:
        return self.ctx.client("ec2")

    def handler(self, token: str) -> Any:
        from bedplate.sandbox.providers.aws.registry import REGISTRY

        return REGISTRY.handlers[token]

    def full(self, token: str, inputs: JsonObject) -> JsonObject:
        handler = self.handler(token)
        filled = {**handler.defaults, **inputs}
        name = handler.auto_name
        if name and name.property not in filled:
            self.made += 1
            filled[name.property] = f"name-{self.made:07x}"
        return filled

    def problems(self, token: str, inputs: JsonObject) -> dict[str, str]:
        return dict(self.handler(token).check(self.ctx, self.full(token, inputs)))

    def create(self, token: str, inputs: JsonObject) -> Created:
        filled = self.full(token, inputs)
        assert SCHEMA.problems(SCHEMA.resource(token), filled) == []
        assert self.problems(token, filled) == {}
        created: Created = self.handler(token).create(self.ctx, filled)
        extra = set(created.outputs) - set(SCHEMA.resource(token).outputs)
        assert not extra, f"outputs that the type does not have: {extra}"
        return created

    def read(self, token: str, created: Created) -> Any:
        return self.handler(token).read(self.ctx, created.id, created.outputs)

    def update(self, token: str, created: Created, old: JsonObject, new: JsonObject) -> Created:
        handler = self.handler(token)
        assert self.problems(token, new) == {}
        changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        assert not changed & handler.replace_on, "a change that replaces is no update"
        return Created(created.id, handler.update(self.ctx, created.id, created.outputs, old, new))

    def delete(self, token: str, created: Created) -> None:
        self.handler(token).delete(self.ctx, created.id, created.outputs)

    # What most types stand on.

    def vpc(self, block: str = "10.0.0.0/16", **more: Any) -> Created:
        return self.create("aws:ec2/vpc:Vpc", {"cidrBlock": block, **more})

    def subnet(self, vpc: Created, block: str = "10.0.0.0/24", zone: str = "us-west-2a") -> Created:
        inputs = {"vpcId": vpc.id, "cidrBlock": block, "availabilityZone": zone}
        return self.create("aws:ec2/subnet:Subnet", inputs)

    def group(self, vpc: Created, **more: Any) -> Created:
        return self.create("aws:ec2/securityGroup:SecurityGroup", {"vpcId": vpc.id, **more})

    def table(self, vpc: Created, **more: Any) -> Created:
        return self.create("aws:ec2/routeTable:RouteTable", {"vpcId": vpc.id, **more})

    def gateway(self, vpc: Created) -> Created:
        return self.create("aws:ec2/internetGateway:InternetGateway", {"vpcId": vpc.id})

    def address(self) -> Created:
        return self.create("aws:ec2/eip:Eip", {"domain": "vpc"})

    def nat(self, subnet: Created, address: Created) -> Created:
        inputs = {"subnetId": subnet.id, "allocationId": address.id}
        return self.create("aws:ec2/natGateway:NatGateway", inputs)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    with mock_aws():
        yield Cloud()
