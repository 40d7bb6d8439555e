"""URNs and provider references, in Pulumi's form: urn:pulumi:<stack>::<project>::<qualified type>::<name>."""

from uuid import uuid4

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"


def qualified_type(urn: str) -> str:
    """The type with the types of its parents before it, joined by `$`."""
    return urn.split("::", 3)[2]


def urn_type(urn: str) -> str:
    return qualified_type(urn).rsplit("$", 1)[-1]


def urn_name(urn: str) -> str:
    return urn.split("::", 3)[3]


def is_stack(urn: str) -> bool:
    return qualified_type(urn) == STACK_TYPE


def create_urn(stack: str, project: str, parent: str, type_token: str, name: str) -> str:
    """The URN of a new resource. The stack itself is no part of a child's type."""
    prefix = f"{qualified_type(parent)}$" if parent and not is_stack(parent) else ""
    return f"urn:pulumi:{stack}::{project}::{prefix}{type_token}::{name}"


def is_provider_type(type_token: str) -> bool:
    return type_token.startswith(PROVIDER_PREFIX)


def package_of(type_token: str) -> str:
    """The package that serves a type: for a provider's own type the package that it is the provider of."""
    if is_provider_type(type_token):
        return type_token[len(PROVIDER_PREFIX) :]
    return type_token.split(":", 1)[0]


def reference(urn: str, id: str) -> str:
    """A provider reference: the provider's URN and id."""
    return f"{urn}::{id}"


def split_reference(ref: str) -> tuple[str, str]:
    """The provider's URN and id. Raises ValueError where the text is no provider reference."""
    urn, _, id = ref.rpartition("::")
    if not urn.startswith("urn:") or not id or not is_provider_type(urn_type(urn)):
        raise ValueError(f"{ref!r} is no provider reference: expected <URN of a provider>::<its id>")
    return urn, id


def is_default_provider(type_token: str, name: str) -> bool:
    """Whether this is a provider that the engine made by itself; such a one is not counted as a change."""
    return is_provider_type(type_token) and (name == "default" or name.startswith("default_"))


def new_provider_id() -> str:
    return str(uuid4())
