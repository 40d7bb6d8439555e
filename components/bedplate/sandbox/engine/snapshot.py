"""The state as JSON documents: what the checkpoint held, and what the journal's records made of it.

The same code applies a record during a run and when the journal of a killed run is folded, so both end alike.
"""

from hashlib import sha256
from typing import Any

from .journal import Record
from .resources import Document, now

# The version of Pulumi whose state format this is (SDK 3.272, deployment version 3); part of the manifest.
MANIFEST_VERSION = "v3.260.0"


class Snapshot:
    """Resources by key: `n<number>` for those of this run, in the order made, then `o<number>` for the
    earlier ones.

    A resource of this run is made after what it depends on, and an earlier one only depends on what lies
    before it or was made again in this run, so the order is topological, as Pulumi demands.
    """

    def __init__(self, deployment: Document | None) -> None:
        deployment = deployment or {}
        self.news: dict[str, Document] = {}
        self.olds: dict[str, Document] = {
            f"o{index}": document for index, document in enumerate(deployment.get("resources") or [])
        }
        self.pending: dict[str, Document] = {
            f"c{index}": operation
            for index, operation in enumerate(deployment.get("pending_operations") or [])
        }
        self.secrets: Document | None = deployment.get("secrets_providers")
        self.aliases: dict[str, str] = {}
        self.changed = False
        self._other = {
            key: value
            for key, value in deployment.items()
            if key not in ("manifest", "resources", "pending_operations", "secrets_providers")
        }

    def apply(self, record: Record) -> None:
        """Make the changes of one record."""
        self.changed = True
        for key, document in record.get("put", ()):
            (self.olds if key.startswith("o") else self.news)[key] = document
        for old, new in record.get("move", ()):
            self.news[new] = self.olds.pop(old)
        for key in record.get("drop", ()):
            self.olds.pop(key, None)
            self.news.pop(key, None)
        if "begin" in record:
            number, operation = record["begin"]
            self.pending[number] = operation
        if "end" in record:
            self.pending.pop(record["end"], None)
        if "alias" in record:
            old_urn, new_urn = record["alias"]
            self.aliases[old_urn] = new_urn
        if "secrets" in record:
            self.secrets = {"type": "passphrase", "state": {"salt": record["secrets"]}}

    def settle(self) -> None:
        """Give every resource the place and key of an earlier one: what a new run starts from."""
        documents = self.documents()
        self.news, self.aliases = {}, {}
        self.olds = {f"o{index}": document for index, document in enumerate(documents)}
        self.pending = {f"c{index}": operation for index, operation in enumerate(self.pending.values())}

    def documents(self) -> list[Document]:
        """The resources in the order of the state file; references follow renamed resources."""
        documents = [*self.news.values(), *self.olds.values()]
        # A resource that failed before it got its new name still has the old one.
        present = {document["urn"] for document in self.news.values()} if self.aliases else set()
        known = {old: new for old, new in self.aliases.items() if new in present}
        return [_rename(document, known) for document in documents] if known else documents

    def prune_missing(self) -> None:
        """Forget references to resources that are gone (after a refresh found them missing)."""
        present: set[str] = set()
        for table in (self.news, self.olds):
            for key, document in table.items():
                present.add(document["urn"])
                table[key] = _prune(document, present)

    def deployment(self) -> dict[str, Any]:
        """The whole as a deployment of version 3."""
        result: dict[str, Any] = {
            "manifest": {
                "time": now(),
                "magic": sha256(MANIFEST_VERSION.encode()).hexdigest(),
                "version": MANIFEST_VERSION,
            }
        }
        if self.secrets:
            result["secrets_providers"] = self.secrets
        result["resources"] = self.documents()
        if self.pending:
            result["pending_operations"] = [
                {"resource": operation["resource"], "type": operation["type"]}
                for operation in self.pending.values()
            ]
        return {**result, **self._other, "metadata": self._other.get("metadata", {})}


def _rename(document: Document, known: dict[str, str]) -> Document:
    result = dict(document)
    for key in ("parent", "deletedWith"):
        if result.get(key) in known:
            result[key] = known[result[key]]
    if "dependencies" in result:
        result["dependencies"] = [known.get(urn, urn) for urn in result["dependencies"]]
    if "propertyDependencies" in result:
        result["propertyDependencies"] = {
            key: [known.get(urn, urn) for urn in urns] for key, urns in result["propertyDependencies"].items()
        }
    if "provider" in result:
        urn, _, id = result["provider"].rpartition("::")
        result["provider"] = f"{known.get(urn, urn)}::{id}"
    return result


def _prune(document: Document, present: set[str]) -> Document:
    if all(urn in present for urn in _references(document)):
        return document
    result = dict(document)
    for key in ("parent", "deletedWith"):
        if result.get(key) and result[key] not in present:
            del result[key]
    result["dependencies"] = [urn for urn in result.get("dependencies", []) if urn in present]
    result["propertyDependencies"] = {
        key: [urn for urn in urns if urn in present]
        for key, urns in result.get("propertyDependencies", {}).items()
    }
    return result


def _references(document: Document) -> list[str]:
    urns = [document[key] for key in ("parent", "deletedWith") if document.get(key)]
    urns.extend(document.get("dependencies", ()))
    for items in document.get("propertyDependencies", {}).values():
        urns.extend(items)
    return urns
