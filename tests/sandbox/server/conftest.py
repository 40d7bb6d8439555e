import sqlite3
import time

import boto3
import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from bedplate.sandbox.providers.wire import decode_struct, encode_struct
from bedplate.sandbox.server import client_environment, ensure_daemon, stop_daemon


class Attached:
    """An engine's connection to the daemon's AWS provider, and boto3 beside it."""

    def __init__(self, info, region="eu-west-1", **config):
        self.info = info
        # A connection of its own: gRPC shares one between channels with equal settings otherwise.
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{info.providers['aws']}", options)
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)
        self.region = region
        args = encode_struct({"region": region, **config})
        self.stub.Configure(provider_pb2.ConfigureRequest(args=args))

    def urn(self, token, name):
        return f"urn:pulumi:dev::shop::{token}::{name}"

    def check(self, token, name, inputs, old=None):
        return self.stub.Check(
            provider_pb2.CheckRequest(
                urn=self.urn(token, name), olds=encode_struct(old or {}), news=encode_struct(inputs)
            )
        )

    def checked(self, token, name, inputs, old=None):
        answer = self.check(token, name, inputs, old)
        assert not answer.failures, answer.failures
        return decode_struct(answer.inputs)

    def create(self, token, name, inputs, preview=False, timeout=60):
        answer = self.stub.Create(
            provider_pb2.CreateRequest(
                urn=self.urn(token, name), properties=encode_struct(inputs), preview=preview
            ),
            timeout=timeout,
        )
        return answer.id, decode_struct(answer.properties)

    def up(self, token, name, inputs):
        return self.create(token, name, self.checked(token, name, inputs))

    def diff(self, token, name, id, old, state, new, ignored=()):
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                urn=self.urn(token, name),
                id=id,
                olds=encode_struct(state),
                old_inputs=encode_struct(old),
                news=encode_struct(new),
                ignoreChanges=ignored,
            )
        )

    def acknowledge(self, token, name, id, inputs, state):
        self.diff(token, name, id, inputs, state, inputs)

    def delete(self, token, name, id, state):
        self.stub.Delete(
            provider_pb2.DeleteRequest(urn=self.urn(token, name), id=id, properties=encode_struct(state))
        )

    def client(self, service, region=None):
        environment = client_environment(self.info)
        return boto3.client(
            service,
            region_name=region or self.region,
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )

    def vpcs(self):
        return [vpc for vpc in self.client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]


@pytest.fixture
def home(tmp_path):
    """A directory for a daemon, which is stopped at the end."""
    path = tmp_path / "home"
    yield path
    stop_daemon(path)


@pytest.fixture
def attach():
    """Attach to a daemon as an engine does: `attach(info, region=...)`."""
    connections = []

    def make(info, **config):
        connections.append(Attached(info, **config))
        return connections[-1]

    yield make
    for connection in connections:
        connection.channel.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One daemon for the tests of a module that neither stop it nor need it empty."""
    path = tmp_path_factory.mktemp("shared")
    yield ensure_daemon(path)
    stop_daemon(path)


@pytest.fixture
def start(home, attach):
    """Start the daemon of `home` (or start it again) and attach: `start()`."""
    return lambda **config: attach(ensure_daemon(home), **config)


@pytest.fixture
def rows(home):
    """A query of the daemon's database from outside: `rows("SELECT ...")`."""

    def query(sql):
        connection = sqlite3.connect(home / "sandbox.db")
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    return query


@pytest.fixture
def eventually():
    """Wait until a condition holds: `eventually(lambda: ..., seconds)`."""

    def wait(condition, seconds=20.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.05)

    return wait
