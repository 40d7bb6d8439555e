"""Kubernetes objects that make a cloud bill something: load balancers of services, and volumes of claims."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from bedplate.cost.figures import Counts
from bedplate.cost.prices import PriceBook
from bedplate.cost.resource import StackResource
from bedplate.cost.scope import Scope

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_UNITS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}


def _service(scope: Scope, resource: StackResource) -> None:
    if resource.text("spec", "type") != "LoadBalancer" or not _on_aws(scope):
        return
    book = PriceBook(scope.catalog, scope.region)
    note = "made by the cluster's load balancer controller"
    book.add(scope.to, resource.name, "network load balancer", Counts.always(1), "hour", note=note)
    scope.kinds.update(("nlb", "egress"))


def _claim(scope: Scope, resource: StackResource) -> None:
    if not _on_aws(scope):
        return
    asked = resource.get("spec", "resources", "requests", "storage")
    match = _QUANTITY.fullmatch(asked) if isinstance(asked, str) else None
    if match is None:
        scope.unknown(resource, "spec.resources.requests.storage")
        return
    size = Decimal(match[1]) * _UNITS[match[2] or ""] / 2**30
    note = "counted as gp3; its storage class decides"
    book = PriceBook(scope.catalog, scope.region)
    book.add(scope.to, resource.name, "EBS gp3", Counts.always(1), "GB-month", each=size, note=note)


def _on_aws(scope: Scope) -> bool:
    """Whether the cluster is EKS, as far as this stack tells: elsewhere both cost nothing by themselves."""
    return any(resource.type == "aws:eks/cluster:Cluster" for resource in scope.resources)


HANDLERS: Mapping[str, Callable[[Scope, StackResource], None]] = {
    "kubernetes:core/v1:Service": _service,
    "kubernetes:core/v1:PersistentVolumeClaim": _claim,
}
"""How an object of each type is priced."""
