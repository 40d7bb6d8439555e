"""Rules for Google Cloud, one module per service."""

from bedplate_policies.gcp import (
    data,
    databases,
    disks,
    gke_cluster,
    gke_nodes,
    iam,
    instances,
    kms,
    labels,
    logs,
    network,
    secrets,
    side_services,
    storage,
)
from bedplate_policies.rule import AnyRule

RULES: tuple[AnyRule, ...] = (
    *gke_cluster.RULES,
    *gke_nodes.RULES,
    *storage.RULES,
    *kms.RULES,
    *disks.RULES,
    *instances.RULES,
    *network.RULES,
    *data.RULES,
    *databases.RULES,
    *secrets.RULES,
    *side_services.RULES,
    *iam.RULES,
    *logs.RULES,
    *labels.RULES,
)
