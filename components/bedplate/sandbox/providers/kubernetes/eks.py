"""What the emulated EKS tells of a cluster."""

from bedplate.sandbox.providers.kubernetes.kinds import known_versions


def version_of(cluster: str) -> str:
    """The Kubernetes version of the EKS cluster with that endpoint or ARN.

    Empty for a cluster that is not EKS's, for one whose version has no published schema here, and where
    clusters of several versions have the endpoint.
    """
    if ".eks." not in cluster and ":eks:" not in cluster:
        return ""
    from moto.eks.models import eks_backends

    found = {
        one.version
        for account in eks_backends.values()
        for region in account.values()
        for one in region.clusters.values()
        if cluster in (one.arn, one.endpoint.removeprefix("https://").rstrip("/"))
    }
    version = found.pop() if len(found) == 1 else ""
    return version if version in known_versions() else ""
