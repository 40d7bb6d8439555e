"""What the sandbox knows of one resource type: data on the class, and four small calls.

A handler sees plain JSON values with the provider's own property names (camelCase). Unknown values never
reach it, secrets are unwrapped before and wrapped again after; the framework in `provider.py` does both, as
it does the schema check, auto-naming, defaults, the diff and the exactly-once bookkeeping.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

JsonObject = dict[str, Any]


class CloudError(Exception):
    """A refusal as the cloud would word it: code, message, and what to do.

    Shown to the user without a stack.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Created:
    """The answer of a create: the provider's id and every output that the type has."""

    id: str
    outputs: JsonObject


class ObjectStore(Protocol):
    """The sandbox's own persisted objects, for what moto does not keep; values survive a restart."""

    def get(self, kind: str, key: str) -> JsonObject | None: ...
    def put(self, kind: str, key: str, value: JsonObject) -> None: ...
    def delete(self, kind: str, key: str) -> None: ...
    def items(self, kind: str) -> dict[str, JsonObject]: ...


class Context(Protocol):
    """What a handler may use during one call."""

    @property
    def urn(self) -> str: ...
    @property
    def region(self) -> str:
        """The resource's own `region` input, else the provider's."""
        ...

    @property
    def account_id(self) -> str: ...
    @property
    def partition(self) -> str: ...
    @property
    def store(self) -> ObjectStore: ...
    @property
    def unknown(self) -> frozenset[str]:
        """Top-level inputs that are not (wholly) known yet; they are left out of the inputs given to
        `check`.
        """
        ...

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client to moto.

        If the operation fails or is cut off, everything that it changed is taken back (ADR 1).
        """
        ...

    def tags(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """The provider's default tags with the resource's own over them (what the cloud gets, output
        `tagsAll`).
        """
        ...


@dataclass(frozen=True)
class AutoName:
    """How the provider names a resource whose name is not given: `<logical name>-<7 hex digits>`."""

    property: str
    max_length: int = 255
    lower_case: bool = False
    suffix: str = ""


@dataclass(frozen=True)
class Reference:
    """An input (dotted path; `[]` for each element) that must name something that exists, e.g. kind
    `ec2:subnet`.
    """

    path: str
    kind: str


class Handler:
    """One resource type. Subclasses set the class data and implement the four calls."""

    token: ClassVar[str]
    auto_name: ClassVar[AutoName | None] = None
    replace_on: ClassVar[frozenset[str]] = frozenset()
    delete_before_replace: ClassVar[bool] = False
    defaults: ClassVar[Mapping[str, Any]] = {}
    references: ClassVar[tuple[Reference, ...]] = ()
    secret_outputs: ClassVar[frozenset[str]] = frozenset()
    # Inputs that are sets in the cloud: their order is no difference.
    unordered: ClassVar[frozenset[str]] = frozenset()
    # Members of nested inputs (dotted paths) that the cloud fills in: leaving them out is no difference. For
    # whole properties the schema says so (`ResourceSchema.computed`).
    filled_in: ClassVar[frozenset[str]] = frozenset()
    # Inputs that hold a JSON document: white space and key order are no difference.
    json_documents: ClassVar[frozenset[str]] = frozenset()
    # Outputs that a change in place may move (a version number): unknown while that change is previewed.
    moved_by_update: ClassVar[frozenset[str]] = frozenset()
    # True where moto lacks the type and the sandbox keeps it in its own store (no boto3 call shows it).
    stored: ClassVar[bool] = False

    def check(self, ctx: Context, inputs: JsonObject) -> list[tuple[str, str]]:
        """Problems beyond the schema, as (property path, reason with what is allowed and what to do)."""
        return []

    def create(self, ctx: Context, inputs: JsonObject) -> Created:
        raise NotImplementedError

    def read(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        """Every output as it is now, or None where the resource no longer exists. `state` is empty on an
        import.
        """
        raise NotImplementedError

    def update(
        self, ctx: Context, id: str, state: JsonObject, old_inputs: JsonObject, inputs: JsonObject
    ) -> JsonObject:
        """Change in place what is not in `replace_on`; returns the outputs."""
        raise NotImplementedError

    def delete(self, ctx: Context, id: str, state: JsonObject) -> None:
        """Delete; something already gone is success."""
        raise NotImplementedError


@dataclass
class HandlerRegistry:
    """The types that a provider knows, by token."""

    handlers: dict[str, Handler] = field(default_factory=dict)

    def register(self, handler_class: type[Handler]) -> type[Handler]:
        """Class decorator. Raises ValueError for a token that is already there."""
        token = handler_class.token
        if token in self.handlers:
            raise ValueError(
                f"two handlers for {token}: {type(self.handlers[token]).__name__}, {handler_class.__name__}"
            )
        self.handlers[token] = handler_class()
        return handler_class
