"""Names of Kubernetes objects."""

import re
from typing import Annotated

from pydantic import AfterValidator

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def validate_k8s_name(name: str) -> str:
    """The name of an object, given back. Raises ValueError where the API server would refuse it.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ (from memory)
    """
    if len(name) > 253 or not _SUBDOMAIN.fullmatch(name):
        raise ValueError(
            f"{name[:80]!r} is not the name of a Kubernetes object; allowed are at most 253 lower-case "
            "letters, digits, hyphens and dots, beginning and ending with a letter or digit; rename it"
        )
    return name


def validate_label(name: str) -> str:
    """A name that becomes part of a host's name, given back. Raises ValueError where it cannot."""
    if not _LABEL.fullmatch(name):
        raise ValueError(
            f"{name[:80]!r} cannot stand in the name of a host; allowed are at most 63 lower-case letters, "
            "digits and hyphens, beginning and ending with a letter or digit; rename it"
        )
    return name


K8sName = Annotated[str, AfterValidator(validate_k8s_name)]
K8sLabel = Annotated[str, AfterValidator(validate_label)]
