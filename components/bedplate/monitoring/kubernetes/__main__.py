"""`python -m bedplate.monitoring.kubernetes DIRECTORY`: writes the runbooks."""

import sys
from pathlib import Path

from bedplate.monitoring.kubernetes.rules import all_groups
from bedplate.monitoring.kubernetes.runbooks import runbook_page

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bedplate.monitoring.kubernetes DIRECTORY")
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for group in all_groups():
        (directory / f"{group.name}.md").write_text(runbook_page(group), encoding="utf-8")
