"""How the components install charts: only those that the catalogue pins, and as helm's own releases."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from bedplate.catalog import chart
from bedplate.kubernetes.objects import options


def release(
    component: pulumi.Resource,
    name: str,
    *,
    chart_name: str,
    namespace: pulumi.Input[str],
    release_name: str | None = None,
    values: Mapping[str, object] | None = None,
    after: Sequence[pulumi.Resource] = (),
    timeout_seconds: int = 600,
    skip_crds: bool = False,
    protect: bool = False,
) -> k8s.helm.v3.Release:
    """A release of a chart of the catalogue. Raises UnknownArtifactError where the catalogue lacks the chart.

    An upgrade that fails is rolled back (`atomic`), so that no half of it stays.
    """
    pin = chart(chart_name)
    where = (
        {"chart": f"{pin.repository}/{pin.name}"}
        if pin.repository.startswith("oci://")
        else {
            "chart": pin.name,
            "repository_opts": k8s.helm.v3.RepositoryOptsArgs(repo=pin.repository),
        }
    )
    return k8s.helm.v3.Release(
        name,
        name=release_name or chart_name,
        version=pin.version,
        namespace=namespace,
        values=dict(values or {}),
        atomic=True,
        timeout=timeout_seconds,
        skip_crds=skip_crds,
        opts=options(component, after, protect),
        **where,
    )
