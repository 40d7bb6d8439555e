"""What a stack costs, from its resources: those of a program at preview, or those of a state."""

import datetime
from collections import Counter
from collections.abc import Iterable

from bedplate.catalog import Catalog
from bedplate.cost import aws_services, gcp_types, kubernetes_types
from bedplate.cost.figures import Estimate
from bedplate.cost.free_types import is_free
from bedplate.cost.prices import PriceBook
from bedplate.cost.resource import StackResource
from bedplate.cost.scope import Scope, gcp_region
from bedplate.cost.usage import Usage, add_usage

_HANDLERS = {**aws_services.HANDLERS, **gcp_types.HANDLERS, **kubernetes_types.HANDLERS}
_AWS_PROVIDER, _GCP_PROVIDER = "pulumi:providers:aws", "pulumi:providers:gcp"


def stack_cost(
    resources: Iterable[StackResource],
    *,
    catalog: Catalog,
    today: datetime.date,
    usage: Usage | None = None,
    name: str = "stack",
    region: str = "",
    uncounted_types: Iterable[str] = (),
) -> Estimate:
    """Every resource of a stack at its minimum, as asked for now, and at its maximum.

    What is not known yet is in the estimate's `undetermined`, what has no price in `unpriced`.

    Args:
        usage: What is declared of gigabytes and requests in a month; nothing by default.
        region: Where AWS resources are that do not say so; by default the provider's region, else the one
            that all others of the stack name.
        uncounted_types: Types whose cost is accepted as not counted.
    """
    found = tuple(resources)
    scope = Scope(catalog, found, today, region or _region(found), _gcp_region(found))
    accepted = frozenset(uncounted_types)
    for resource in found:
        handler = _HANDLERS.get(resource.type)
        if resource.type in accepted:
            scope.to.free.append(f"{resource.name}: {resource.type} is accepted as not counted")
        elif handler is not None:
            handler(scope, resource)
        elif not is_free(resource.type):
            reason = "no cost model for this type; accept it as not counted (uncounted_types) or leave it out"
            scope.unpriced(resource, resource.type, reason)
    declared = usage or Usage()
    add_usage(scope.to, PriceBook(catalog, scope.region), declared, scope.kinds)
    add_usage(scope.to, PriceBook(catalog, scope.gcp_region, gcp=True), declared, scope.kinds)
    return scope.to.estimate(name, scope.region or scope.gcp_region, today)


def _region(resources: tuple[StackResource, ...]) -> str:
    for resource in resources:
        if resource.type == _AWS_PROVIDER and resource.text("region"):
            return resource.text("region")
    named = Counter(
        resource.text("region")
        for resource in resources
        if resource.type.startswith("aws:") and resource.text("region")
    )
    return next(iter(named)) if len(named) == 1 else ""


def _gcp_region(resources: tuple[StackResource, ...]) -> str:
    for resource in resources:
        if resource.type == _GCP_PROVIDER and resource.text("region"):
            return resource.text("region")
    named = {
        gcp_region(resource.text(key))
        for resource in resources
        if resource.type.startswith("gcp:")
        for key in ("region", "zone", "location")
    } - {""}
    return named.pop() if len(named) == 1 else ""
