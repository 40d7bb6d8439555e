"""A cluster in memory, for what needs no engine."""

import json
from typing import Any

import pytest

from bedplate.sandbox.providers.kubernetes.cluster import Cluster
from bedplate.sandbox.providers.kubernetes.connection import Connection
from bedplate.sandbox.providers.kubernetes.helm import ReleaseLife
from bedplate.sandbox.providers.kubernetes.kinds import built_in
from bedplate.sandbox.providers.kubernetes.lives import ObjectLife


class MemoryStore:
    """An `ObjectStore` that keeps values as the sandbox's own does: as JSON."""

    def __init__(self) -> None:
        self._texts: dict[str, dict[str, str]] = {}

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        text = self._texts.get(kind, {}).get(key)
        return None if text is None else json.loads(text)

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        self._texts.setdefault(kind, {})[key] = json.dumps(value)

    def delete(self, kind: str, key: str) -> None:
        self._texts.get(kind, {}).pop(key, None)

    def items(self, kind: str) -> dict[str, dict[str, Any]]:
        return {key: json.loads(text) for key, text in sorted(self._texts.get(kind, {}).items())}


class Api:
    """What a user can do with manifests."""

    def __init__(self) -> None:
        self.cluster = Cluster(MemoryStore(), "sandbox", built_in("1.36"))

    def life(self, manifest: dict[str, Any]) -> ObjectLife:
        connection = Connection("sandbox", "default")
        return ObjectLife(self.cluster, connection, manifest["apiVersion"], manifest["kind"])

    def release(self) -> ReleaseLife:
        return ReleaseLife(self.cluster, Connection("sandbox", "default"))

    def problems(self, manifest: dict[str, Any]) -> dict[str, str]:
        return dict(self.life(manifest).problems(manifest))

    def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        assert self.problems(manifest) == {}
        return self.life(manifest).create(manifest)


@pytest.fixture
def kubernetes() -> Api:
    return Api()
