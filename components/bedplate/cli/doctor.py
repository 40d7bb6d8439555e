"""`bedplate doctor`: what is here, what is missing, and the command that fixes each. It changes nothing."""

import json
import sys

from bedplate.cli.checks import Row, checks
from bedplate.cli.parser import Arguments
from bedplate.sandbox.terminal import use_color

_COLORS = {"ok": "\x1b[32m", "missing": "\x1b[31m", "optional": "\x1b[33m"}


def doctor(arguments: Arguments) -> int:
    """Exit code 1 only if something that the sandbox cannot do without is missing."""
    rows = checks(arguments.root)
    missing = [row for row in rows if row.status == "missing"]
    if arguments.json:
        print(json.dumps({"ok": not missing, "checks": [row.as_dict() for row in rows]}))
    else:
        _print(rows, color=use_color(arguments.color, sys.stdout))
        print(
            f"\nThe sandbox lacks {', '.join(row.name for row in missing)}."
            if missing
            else "\nThe sandbox can run. `optional` rows are for real clouds or Pulumi's own engine."
        )
    return 1 if missing else 0


def _print(rows: list[Row], *, color: bool) -> None:
    width = max(len(row.name) for row in rows)
    for row in rows:
        status = f"{row.status:<8}"
        if color:
            status = f"{_COLORS[row.status]}{status}\x1b[0m"
        print(f"{status}  {row.name:<{width}}  {row.found}")
        if row.fix:
            print(f"{'':<8}  {'':<{width}}  fix: {row.fix}")
