"""`bedplate sandbox outputs ENV`: what the last `up` exported, from the state, whichever engine wrote it."""

import json
import sys

from bedplate.cli.parser import Arguments
from bedplate.sandbox import home as homes
from bedplate.sandbox.stack_files import deployment, stack_file
from bedplate.sandbox.state_outputs import read
from bedplate.sandbox.values import block, plain


def outputs(arguments: Arguments) -> int:
    """Exit code 1 where there is no state yet."""
    home = homes.find(arguments.root)
    stack_file(home.root, arguments.environment)
    state = deployment(home, arguments.environment)
    if not state.get("resources"):
        print(
            f"{arguments.environment} has no state; `bedplate sandbox up {arguments.environment}` creates it",
            file=sys.stderr,
        )
        return 1
    found = read(state, home if arguments.show_secrets else None)
    if arguments.json:
        shown = {name: plain(value, show_secrets=arguments.show_secrets) for name, value in found.items()}
        print(json.dumps(shown))
        return 0
    for name, value in sorted(found.items()):
        print(f"{name}: {block(value, '', show_secrets=arguments.show_secrets)}")
    return 0
