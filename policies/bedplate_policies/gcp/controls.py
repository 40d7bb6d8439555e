"""The published controls that rules for Google Cloud answer."""

from bedplate_policies.rule import Control


def gke(id: str) -> Control:
    """A recommendation of the CIS benchmark for GKE, version 1.8 (numbers from a public listing)."""
    return Control("CIS GKE 1.8", id)


def cis(id: str) -> Control:
    """A recommendation of the CIS benchmark for Google Cloud, version 3.0 (numbers from memory)."""
    return Control("CIS Google Cloud 3.0", id)


def google(title: str) -> Control:
    """A page of Google's own documentation, by its title (from memory)."""
    return Control("Google Cloud documentation", title)
