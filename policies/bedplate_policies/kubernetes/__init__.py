"""Rules for Kubernetes objects and custom resources, one module per kind of concern."""

from bedplate_policies.kubernetes import (
    images,
    namespaces,
    network,
    objects,
    pod_content,
    pod_host,
    pod_user,
    queueing,
    rbac,
    rook,
    rook_data,
    storage,
)
from bedplate_policies.rule import AnyRule

RULES: tuple[AnyRule, ...] = (
    *pod_host.RULES,
    *pod_user.RULES,
    *images.RULES,
    *pod_content.RULES,
    *namespaces.RULES,
    *rbac.RULES,
    *network.RULES,
    *objects.RULES,
    *storage.RULES,
    *rook.RULES,
    *rook_data.RULES,
    *queueing.RULES,
)
