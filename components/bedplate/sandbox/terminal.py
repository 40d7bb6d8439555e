"""Whether a stream gets colours."""

import os
from collections.abc import Mapping
from typing import TextIO


def use_color(choice: str, stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """`auto`: colours on a terminal, unless it is a dumb one or NO_COLOR is set (https://no-color.org)."""
    if choice != "auto":
        return choice == "always"
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb" and stream.isatty()
