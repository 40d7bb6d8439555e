"""What the provider protocol's front (`servicer.py`) asks of a provider, on plain values."""

from collections.abc import Iterable
from typing import Any, Protocol

from bedplate.sandbox.providers.difference import Change
from bedplate.sandbox.providers.handler import JsonObject
from bedplate.sandbox.providers.schema import Problem

Values = dict[str, Any]


class Answer(Protocol):
    """The answer of a diff."""

    @property
    def changes(self) -> tuple[Change, ...]: ...
    @property
    def delete_before_replace(self) -> bool: ...
    @property
    def replaces(self) -> list[str]: ...
    @property
    def tops(self) -> list[str]: ...


class ServedProvider(Protocol):
    """`ResourceProvider` for the clouds whose types have handlers, `KubernetesProvider` for manifests."""

    @property
    def name(self) -> str: ...
    def package(self) -> JsonObject:
        """The types in the form of Pulumi's package schema."""
        ...

    def check_config(self, inputs: Values) -> tuple[Values, list[Problem]]: ...
    def configure(self, peer: str, inputs: Values) -> None: ...
    def config_replaces(self, old: Values, new: Values) -> list[str]:
        """The settings whose change means another place: every resource of the provider is made anew."""
        ...

    def check(
        self, peer: str, urn: str, old: Values, new: Values, seed: bytes
    ) -> tuple[Values, list[Problem]]: ...
    def diff(
        self, peer: str, urn: str, id: str, old: Values, state: Values, new: Values, ignored: Iterable[str]
    ) -> Answer: ...
    def create(self, peer: str, urn: str, inputs: Values, preview: bool) -> tuple[str, Values]: ...
    def read(
        self, peer: str, urn: str, id: str, inputs: Values, state: Values
    ) -> tuple[Values, Values] | None: ...
    def update(
        self, peer: str, urn: str, id: str, old: Values, state: Values, new: Values, preview: bool
    ) -> Values: ...
    def delete(self, peer: str, urn: str, id: str, state: Values) -> None: ...
    def invoke(self, peer: str, token: str, args: Values) -> JsonObject: ...
