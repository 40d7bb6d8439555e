"""The published controls that rules for Kubernetes answer (numbers and titles from memory)."""

from bedplate_policies.rule import Control


def baseline(control: str) -> Control:
    """A control of the Pod Security Standards that every profile but "privileged" asks for."""
    return Control("Kubernetes Pod Security Standards", f"Baseline: {control}")


def restricted(control: str) -> Control:
    """A control that the profile "restricted" adds."""
    return Control("Kubernetes Pod Security Standards", f"Restricted: {control}")


def cis(id: str) -> Control:
    """A recommendation of the CIS benchmark for Kubernetes, version 1.9."""
    return Control("CIS Kubernetes 1.9", id)


def nsa(section: str) -> Control:
    """A section of the hardening guidance of NSA and CISA, version 1.2."""
    return Control("NSA/CISA Kubernetes Hardening 1.2", section)


def kubernetes(title: str) -> Control:
    """A page of the documentation of Kubernetes."""
    return Control("Kubernetes documentation", title)


def rook(title: str) -> Control:
    """A page of the documentation of Rook."""
    return Control("Rook documentation", title)
