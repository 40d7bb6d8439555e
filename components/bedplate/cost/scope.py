"""What the pricing of one resource may look at: the others of its stack, and the prices of its region."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bedplate.catalog import Catalog
from bedplate.cost.figures import Collected, Unpriced
from bedplate.cost.parts import unknown
from bedplate.cost.prices import PriceBook
from bedplate.cost.resource import MISSING, UNKNOWN, StackResource, whole


@dataclass
class Scope:
    """A stack while it is priced.

    Attributes:
        region: where AWS resources are that do not say so themselves; empty where nobody knows.
        kinds: what is there that costs by use, as the declaration of usage calls it.
    """

    catalog: Catalog
    resources: Sequence[StackResource]
    today: datetime.date
    region: str
    gcp_region: str
    to: Collected = field(default_factory=Collected)
    kinds: set[str] = field(default_factory=set)

    def book(self, resource: StackResource) -> PriceBook:
        """The prices where an AWS resource is."""
        if resource.get("region") is UNKNOWN:
            self.unknown(resource, "region")
        return PriceBook(self.catalog, resource.text("region") or self.region)

    def gcp_book(self, resource: StackResource) -> PriceBook:
        """The prices where a resource of Google Cloud is: its region, or that of its zone."""
        place = resource.text("region") or resource.text("zone") or resource.text("location")
        return PriceBook(self.catalog, gcp_region(place) or self.gcp_region, gcp=True)

    def unknown(self, resource: StackResource, path: str) -> None:
        unknown(self.to, resource.name, path, resource.urn)

    def unpriced(self, resource: StackResource, item: str, reason: str) -> None:
        self.to.unpriced.append(Unpriced(item, resource.name, "1", reason, None))

    def number(self, resource: StackResource, default: int | None, *path: str) -> int | None:
        """A whole number of the resource; None, noted, where it decides the price and is not known."""
        value = resource.get(*path)
        if value is MISSING and default is not None:
            return default
        found = whole(value)
        if found is None or found < 0:
            self.unknown(resource, ".".join(path))
            return None
        return found

    def linked(self, resource: StackResource, property: str, *types: str) -> StackResource | None:
        """The resource of this stack that a property refers to: by dependency, else by its id or name."""
        for urn in resource.dependencies.get(property, ()):
            found = self._by_urn.get(urn)
            if found is not None and found.type in types:
                return found
        named = self._by_id.get(resource.text(property))
        if named is not None and named.type in types:
            return named
        for part in resource.parts(property):
            for key in ("id", "name", "launchTemplateId", "launchTemplateName"):
                value = part.get(key)
                if isinstance(value, str) and (found := self._by_id.get(value)) and found.type in types:
                    return found
        return None

    @cached_property
    def _by_urn(self) -> Mapping[str, StackResource]:
        return {resource.urn: resource for resource in self.resources}

    @cached_property
    def _by_id(self) -> Mapping[str, StackResource]:
        found = {resource.text("name"): resource for resource in self.resources if resource.text("name")}
        return {**found, **{resource.id: resource for resource in self.resources if resource.id}}


def gcp_region(place: str) -> str:
    """The region of a zone (`us-central1-a`), or the region itself."""
    parts = place.split("-")
    return "-".join(parts[:2]) if len(parts) in (2, 3) else ""
