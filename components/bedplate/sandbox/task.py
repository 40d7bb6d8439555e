"""What the command line asks an engine to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Operation = Literal["up", "preview", "refresh", "destroy"]


@dataclass(frozen=True)
class Task:
    """`machine` asks for JSON lines on stdout; `parallel` is how many resources are handled at once.

    `policy_packs` are directories with the file of their configuration, if they have one.
    """

    operation: Operation
    environment: str
    parallel: int = 16
    full_diff: bool = False
    color: bool = False
    machine: bool = False
    policy_packs: tuple[tuple[Path, Path | None], ...] = ()
