"""The charts and images that components run, each pinned: one file, with source and date per row."""

import csv
import datetime
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from bedplate.catalog.errors import UnknownArtifactError

Kind = Literal["chart", "image"]


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A chart or an image.

    Attributes:
        name: The chart's name in its repository, or the short name by which components ask for an image.
        repository: The chart repository's URL (https:// or oci://), or the image without its tag.
        version: The exact version; an image's tag.
        digest: `sha256:...` where the publisher's own documents give it; empty where they do not.
        source: Where version and digest are from.
        date: The day of that source, or the day it was read.
    """

    kind: Kind
    name: str
    repository: str
    version: str
    digest: str
    source: str
    date: datetime.date

    @property
    def reference(self) -> str:
        """An image as a pod names it."""
        return f"{self.repository}:{self.version}" + (f"@{self.digest}" if self.digest else "")


@cache
def artifacts() -> tuple[Artifact, ...]:
    """Everything that is pinned, as `data/artifacts.csv` has it."""
    text = resources.files("bedplate.catalog").joinpath("data/artifacts.csv").read_text(encoding="utf-8")
    return tuple(
        Artifact(
            kind="chart" if row["kind"] == "chart" else "image",
            name=row["name"],
            repository=row["repository"],
            version=row["version"],
            digest=row["digest"],
            source=row["source"],
            date=datetime.date.fromisoformat(row["date"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


def _find(kind: Kind, name: str) -> Artifact:
    mine = {one.name: one for one in artifacts() if one.kind == kind}
    if name not in mine:
        raise UnknownArtifactError(kind, name, mine)
    return mine[name]


def chart(name: str) -> Artifact:
    """A chart's pin. Raises UnknownArtifactError with the nearest names."""
    return _find("chart", name)


def image(name: str) -> Artifact:
    """An image's pin. Raises UnknownArtifactError with the nearest names."""
    return _find("image", name)
