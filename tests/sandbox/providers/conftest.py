"""A small cloud of its own for the framework's tests: two types, no moto, everything in memory."""

import gzip
import json
from typing import ClassVar

import pytest

from bedplate.sandbox.providers.handler import (
    AutoName,
    CloudError,
    Created,
    Handler,
    HandlerRegistry,
    Reference,
)
from bedplate.sandbox.providers.provider import ResourceProvider
from bedplate.sandbox.providers.schema import Schema
from bedplate.sandbox.server.database import Database
from bedplate.sandbox.server.journal import Journal
from bedplate.sandbox.server.objects import SqliteObjectStore
from bedplate.sandbox.server.operations import Operations
from bedplate.sandbox.server.requests import CloudRequest, CloudResponse

DISK = {
    "inputs": {
        "name": "string",
        "sizeGib": "integer",
        "encrypted": "boolean",
        "ratio": "number",
        "policy": "string",
        "hosts": ["list", "string"],
        "tags": ["map", "string"],
        "rules": ["list", ["object", "Rule"]],
        "network": "string",
        "password": "string",
        "region": "string",
    },
    "required": ["sizeGib"],
}
TOYS = {
    "version": "1.2.3",
    "provider": {"inputs": {"region": "string", "defaultTags": ["object", "Tags"]}, "required": []},
    "resources": {
        "toy:store/disk:Disk": DISK
        | {"outputs": DISK["inputs"] | {"arn": "string", "tagsAll": ["map", "string"]}},
        "toy:store/slot:Slot": {
            "inputs": {"index": "integer"},
            "required": ["index"],
            "outputs": {"index": "integer"},
        },
    },
    "types": {
        "Rule": {"inputs": {"port": "integer", "cidrs": ["list", "string"]}, "required": ["port"]},
        "Tags": {"inputs": {"tags": ["map", "string"]}, "required": []},
    },
}


class FakeApp:
    """Counts its requests, and answers each with an identifier made from the seed."""

    def __init__(self):
        self.seen = []
        self.seeds = 0
        self.fail = False

    def seed(self, value):
        self.seeds = value

    def reset(self):
        self.seen = []

    def run(self, request):
        self.seen.append((request.method, request.url))
        status = 500 if self.fail else 200
        return CloudResponse(status, (), f"disk-{self.seeds:017x}".encode())


class ToyContext:
    def __init__(self, cloud, urn, config, inputs, unknown):
        self.cloud, self.urn, self.unknown = cloud, urn, unknown
        self.region = inputs.get("region") or config["region"]
        self.default_tags = config.get("defaultTags", {}).get("tags", {})
        self.store = cloud.store

    def client(self, service, region=None):
        return self.cloud

    def tags(self, inputs):
        return {**self.default_tags, **(inputs.get("tags") or {})}


class Disk(Handler):
    token = "toy:store/disk:Disk"
    auto_name = AutoName("name", max_length=30)
    replace_on = frozenset({"network", "name"})
    defaults: ClassVar = {"encrypted": True}
    references = (Reference("network", "net"), Reference("rules[].cidrs[]", "net"))
    secret_outputs = frozenset({"password"})
    unordered = frozenset({"hosts", "rules[].cidrs"})
    json_documents = frozenset({"policy"})

    def check(self, ctx, inputs):
        if inputs.get("sizeGib", 1) < 1:
            return [("sizeGib", f"{inputs['sizeGib']} is too small; give at least 1")]
        return []

    def outputs(self, ctx, id, inputs):
        return {**inputs, "arn": f"arn:{ctx.region}:{id}", "region": ctx.region, "tagsAll": ctx.tags(inputs)}

    def create(self, ctx, inputs):
        id = ctx.client("toy").post(f"/disks/{inputs['name']}")
        ctx.store.put("disk", id, inputs)
        if inputs["sizeGib"] > 1000:
            raise CloudError("QuotaExceeded", f"no room for {inputs['name']} with {inputs.get('password')}")
        return Created(id, self.outputs(ctx, id, inputs))

    def read(self, ctx, id, state):
        found = ctx.store.get("disk", id)
        return None if found is None else self.outputs(ctx, id, found)

    def update(self, ctx, id, state, old_inputs, inputs):
        ctx.client("toy").post(f"/disks/{id}/change")
        ctx.store.put("disk", id, inputs)
        if inputs["sizeGib"] > 1000:
            raise CloudError("QuotaExceeded", "no room")
        return self.outputs(ctx, id, inputs)

    def delete(self, ctx, id, state):
        ctx.client("toy").post(f"/disks/{id}/delete")
        ctx.store.delete("disk", id)


class Slot(Handler):
    token = "toy:store/slot:Slot"
    delete_before_replace = True
    replace_on = frozenset({"index"})

    def create(self, ctx, inputs):
        return Created("slot", {"index": inputs["index"], "surprise": 1})


class ToyCloud:
    name = "toy"

    def __init__(self, path, database, journal):
        self.registry = HandlerRegistry()
        self.registry.register(Disk)
        self.registry.register(Slot)
        self.schema = Schema(path)
        self.journal = journal
        self.operations = Operations(database, journal)
        self.store = SqliteObjectStore(database)
        self.networks = {"net-1", "net-2"}

    def post(self, url):
        return self.journal.handle(CloudRequest("POST", url, (), b"")).body.decode()

    def check_config(self, inputs):
        return [("region", "'nowhere' is no region")] if inputs.get("region") == "nowhere" else []

    def configure(self, inputs):
        return inputs

    def context(self, config, urn, inputs, unknown=frozenset()):
        return ToyContext(self, urn, config, inputs, unknown)

    def known_outputs(self, config, schema, inputs):
        return {"region": inputs.get("region") or config["region"]} if "region" in schema.outputs else {}

    def implied_changes(self, config, schema, state, inputs):
        return {}

    def missing(self, ctx, kind, value):
        return (
            None
            if value in self.networks
            else CloudError("NoSuchNetwork", f"the network '{value}' does not exist")
        )

    def explain(self, exc):
        return CloudError("Toy", str(exc)) if isinstance(exc, OSError) else None

    def gone(self, exc):
        return False

    def invoke(self, config, token, args):
        return {"region": config["region"], **args}


class Toy:
    """The provider with its cloud, and the calls of an engine in short form."""

    def __init__(self, path, database, app, warnings):
        self.database, self.app, self.warnings = database, app, warnings
        self.journal = Journal(database, app, warnings.append)
        self.cloud = ToyCloud(path, database, self.journal)
        self.provider = ResourceProvider(self.cloud)
        self.provider.configure("peer", {"region": "here"})

    def urn(self, name="data", token="toy:store/disk:Disk"):
        return f"urn:pulumi:dev::shop::{token}::{name}"

    def check(self, inputs, old=None, name="data", token="toy:store/disk:Disk"):
        return self.provider.check("peer", self.urn(name, token), old or {}, inputs, b"")

    def problems(self, inputs, token="toy:store/disk:Disk"):
        return dict(self.check(inputs, token=token)[1])

    def up(self, inputs, name="data"):
        checked, problems = self.check(inputs, name=name)
        assert not problems, problems
        return (checked, *self.provider.create("peer", self.urn(name), checked, False))

    def diff(self, old, new, ignored=(), token="toy:store/disk:Disk", state=None):
        return self.provider.diff("peer", self.urn(token=token), "id", old, state or {}, new, ignored)

    def paths(self, old, new, **options):
        return {
            change.path: (change.kind, change.replaces) for change in self.diff(old, new, **options).changes
        }

    def disks(self):
        return self.cloud.store.items("disk")


@pytest.fixture
def make_toy(tmp_path):
    """Make a provider on the same database again, as a restarted server does."""
    path = tmp_path / "schema.json.gz"
    path.write_bytes(gzip.compress(json.dumps(TOYS).encode()))

    def make(database=None, app=None):
        return Toy(path, database or Database(None), app or FakeApp(), [])

    return make


@pytest.fixture
def toy(make_toy):
    return make_toy()
