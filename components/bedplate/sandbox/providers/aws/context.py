"""What an AWS handler may use during one call, and the configuration of a provider instance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bedplate.sandbox.providers.handler import ObjectStore
from bedplate.sandbox.server.transport import Clients

# moto's account, whatever credentials are used.
ACCOUNT_ID = "123456789012"


@dataclass(frozen=True)
class AwsConfig:
    """One provider instance's configuration."""

    region: str
    default_tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        return partition_of(self.region)


@dataclass(frozen=True)
class AwsContext:
    """A `Context` of `handler.py`."""

    urn: str
    config: AwsConfig
    region: str
    clients: Clients
    store: ObjectStore
    unknown: frozenset[str] = frozenset()

    @property
    def account_id(self) -> str:
        return ACCOUNT_ID

    @property
    def partition(self) -> str:
        return partition_of(self.region)

    def client(self, service: str, region: str | None = None) -> Any:
        return self.clients.get(service, region or self.region)

    def tags(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        return {**self.config.default_tags, **(inputs.get("tags") or {})}


def partition_of(region: str) -> str:
    """The ARN partition of a region (AWS General Reference, "Amazon Resource Names", 2026-11-24)."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
