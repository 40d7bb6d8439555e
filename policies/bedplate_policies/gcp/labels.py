"""Labels by which a bill is split among teams."""

from collections.abc import Iterator, Mapping

from bedplate_policies.checks import BuiltCheck, custom
from bedplate_policies.gcp.controls import google
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Option, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN, Value, child

# What costs money while it stands, by the name of its property for labels.
_LABELLED = (
    (
        "resources",
        "labels",
        (
            "gcp:storage/bucket:Bucket",
            "gcp:compute/disk:Disk",
            "gcp:compute/regionDisk:RegionDisk",
            "gcp:compute/instance:Instance",
            "gcp:filestore/instance:Instance",
            "gcp:lustre/instance:Instance",
            "gcp:parallelstore/instance:Instance",
            "gcp:artifactregistry/repository:Repository",
            "gcp:bigquery/dataset:Dataset",
            "gcp:redis/instance:Instance",
            "gcp:workbench/instance:Instance",
            "gcp:tpu/v2Vm:V2Vm",
        ),
    ),
    ("clusters", "resourceLabels", ("gcp:container/cluster:Cluster",)),
    ("node-pools", "nodeConfig.resourceLabels", ("gcp:container/nodePool:NodePool",)),
    ("databases", "settings.userLabels", ("gcp:sql/databaseInstance:DatabaseInstance",)),
)
_KEYS = Option("array", ["environment", "team"], "The labels that every resource that costs money carries.")


def _has(found: object, key: str) -> bool:
    # A label that an output fills is there, whatever it will say.
    return isinstance(found, Mapping) and found.get(key) not in (None, "")


def _labelled(path: str) -> BuiltCheck:
    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        own = resource.get(path)
        inherited: Value = MISSING
        if isinstance(resource.provider, Mapping):
            inherited = child(resource.provider, "defaultLabels")
        absent = [
            key
            for key in config.strings("required_labels")
            if not _has(own, key) and not _has(inherited, key)
        ]
        if absent and UNKNOWN in (own, inherited):
            yield Finding.undetermined(path)
        elif absent:
            yield Finding.violation(f"{path} lacks {', '.join(absent)}", path)

    return custom(run, path, options={"required_labels": _KEYS})


RULES: tuple[AnyRule, ...] = tuple(
    rule(
        name=f"gcp-labels-{what}",
        description="Resources that cost money say whose they are.",
        severity=Severity.LOW,
        remediation="Set the labels on the resource, or default_labels on the gcp provider.",
        controls=(google("Labels overview (Resource Manager)"),),
        types=types,
        enforcement="advisory",
        check=_labelled(path),
    )
    for what, path, types in _LABELLED
)
