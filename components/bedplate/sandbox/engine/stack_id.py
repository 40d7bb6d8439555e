"""The name of a stack."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StackId:
    """Project and stack (the environment); the file backend has one organization, always called the same."""

    project: str
    stack: str
    organization: str = "organization"
