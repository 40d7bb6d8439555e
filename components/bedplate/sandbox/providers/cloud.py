"""What the provider framework asks of one cloud: its types, configuration, errors, and what exists in it."""

from collections.abc import Mapping
from typing import Any, Protocol

from bedplate.sandbox.providers.handler import CloudError, Context, HandlerRegistry, JsonObject
from bedplate.sandbox.providers.schema import Problem, ResourceSchema, Schema
from bedplate.sandbox.server.operations import Operations


class Cloud(Protocol):
    """Implemented by `aws/cloud.py`. `config` is what `configure` returned for the connection of the call."""

    @property
    def name(self) -> str:
        """The package's name, as in type tokens."""
        ...

    @property
    def registry(self) -> HandlerRegistry: ...
    @property
    def schema(self) -> Schema: ...
    @property
    def operations(self) -> Operations: ...

    def check_config(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with a provider's configuration beyond its schema; unknown values are left out."""
        ...

    def configure(self, inputs: Mapping[str, Any]) -> object:
        """The configuration of a connection. Raises CloudError where the provider would refuse to start."""
        ...

    def context(
        self, config: object, urn: str, inputs: Mapping[str, Any], unknown: frozenset[str] = frozenset()
    ) -> Context: ...

    def known_outputs(self, config: object, schema: ResourceSchema, inputs: Mapping[str, Any]) -> JsonObject:
        """Outputs that are certain before anything is made."""
        ...

    def implied_changes(
        self, config: object, schema: ResourceSchema, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> dict[str, bool]:
        """Outputs that the provider's configuration changes, and whether that replaces the resource."""
        ...

    def missing(self, ctx: Context, kind: str, value: str) -> CloudError | None:
        """The cloud's own refusal if what a reference names does not exist."""
        ...

    def explain(self, exc: Exception) -> CloudError | None:
        """An exception of the cloud's client in the cloud's words; None for one that is our own mistake."""
        ...

    def gone(self, exc: Exception) -> bool:
        """Whether an exception of the cloud's client says that what was named does not exist."""
        ...

    def invoke(self, config: object, token: str, args: JsonObject) -> JsonObject:
        """A function's answer. Raises CloudError for an unknown function or a refusal."""
        ...
