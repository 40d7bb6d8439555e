"""One resource of the state, and its form in a Pulumi deployment of version 3 (`sdk/go/common/apitype`,
ResourceV3).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .urns import is_default_provider, urn_name
from .values import SECRET, SIGNATURE, Properties, Value

Document = dict[str, Any]
Crypt = Callable[[str], str]


def now() -> str:
    """The time in the form that Pulumi writes (RFC 3339, UTC)."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def seal(value: Value, encrypt: Crypt) -> Value:
    """The value with each secret encrypted, as the state file holds it."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            text = json.dumps(seal(value.get("value"), encrypt), separators=(",", ":"))
            return {SIGNATURE: SECRET, "ciphertext": encrypt(text)}
        return {key: seal(item, encrypt) for key, item in value.items()}
    if isinstance(value, list):
        return [seal(item, encrypt) for item in value]
    return value


def unseal(value: Value, decrypt: Crypt) -> Value:
    """The opposite of `seal`; a secret that the file holds in plain text stays a secret."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            ciphertext = value.get("ciphertext")
            plain = (
                decrypt(ciphertext) if isinstance(ciphertext, str) else str(value.get("plaintext", "null"))
            )
            return {SIGNATURE: SECRET, "value": unseal(json.loads(plain), decrypt)}
        return {key: unseal(item, decrypt) for key, item in value.items()}
    if isinstance(value, list):
        return [unseal(item, decrypt) for item in value]
    return value


@dataclass
class Resource:
    """A resource as the engine knows it. `key` names its place in the state and journal; it is not
    written.
    """

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    external: bool = False
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    provider: str = ""
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    replacement_trigger: Value = None
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    init_errors: list[str] = field(default_factory=list)
    delete: bool = False
    pending_replacement: bool = False
    created: str = ""
    modified: str = ""
    # What Pulumi wrote and this engine does not use (hideDiff, sourcePosition, ...): kept as it is.
    other: Document = field(default_factory=dict)
    key: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        return urn_name(self.urn)

    @property
    def internal(self) -> bool:
        """A provider that the engine made by itself: not shown and not counted."""
        return is_default_provider(self.type, self.name)

    def depends_on(self) -> set[str]:
        """The URNs that must exist for this resource to exist."""
        urns = {self.parent, self.deleted_with, *self.dependencies, *self.replace_with}
        for items in self.property_dependencies.values():
            urns.update(items)
        if self.provider:
            urns.add(self.provider.rpartition("::")[0])
        return urns - {""}


# (attribute, JSON key); a value that is empty or false is left out, as Pulumi does.
_FIELDS = (
    ("delete", "delete"),
    ("id", "id"),
    ("inputs", "inputs"),
    ("outputs", "outputs"),
    ("parent", "parent"),
    ("protect", "protect"),
    ("external", "external"),
    ("dependencies", "dependencies"),
    ("init_errors", "initErrors"),
    ("provider", "provider"),
    ("property_dependencies", "propertyDependencies"),
    ("pending_replacement", "pendingReplacement"),
    ("additional_secret_outputs", "additionalSecretOutputs"),
    ("aliases", "aliases"),
    ("custom_timeouts", "customTimeouts"),
    ("import_id", "importID"),
    ("retain_on_delete", "retainOnDelete"),
    ("deleted_with", "deletedWith"),
    ("replace_with", "replaceWith"),
    ("replacement_trigger", "replacementTrigger"),
    ("ignore_changes", "ignoreChanges"),
    ("replace_on_changes", "replaceOnChanges"),
    ("created", "created"),
    ("modified", "modified"),
)
_SEALED = frozenset({"inputs", "outputs", "replacementTrigger"})
_KNOWN = frozenset({"urn", "type", "custom", *(key for _, key in _FIELDS)})


def to_document(resource: Resource, encrypt: Crypt) -> Document:
    """The resource as JSON, its secrets encrypted."""
    document: Document = {"urn": resource.urn, "custom": resource.custom, "type": resource.type}
    for attribute, key in _FIELDS:
        value = getattr(resource, attribute)
        if value or (key == "outputs" and resource.custom):
            document[key] = seal(value, encrypt) if key in _SEALED else value
    document.update(resource.other)
    return document


def from_document(document: Document, decrypt: Crypt, key: str) -> Resource:
    """The resource of some JSON. Raises PassphraseError where a secret cannot be read."""
    resource = Resource(
        urn=document["urn"], type=document["type"], custom=bool(document.get("custom")), key=key
    )
    for attribute, name in _FIELDS:
        if name in document and document[name] is not None:
            value = document[name]
            setattr(resource, attribute, unseal(value, decrypt) if name in _SEALED else value)
    resource.other = {name: value for name, value in document.items() if name not in _KNOWN}
    return resource
