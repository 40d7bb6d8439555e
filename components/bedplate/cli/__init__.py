"""The `bedplate` command. It runs the sandbox and looks after it; it never replaces a pulumi command.

Nothing heavy is imported here: `bedplate --version` and a usage error answer at once.
"""

import sys
from collections.abc import Sequence

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    from bedplate.cli.parser import parse
    from bedplate.sandbox.errors import ServerError, UsageError

    try:
        arguments = parse(sys.argv[1:] if argv is None else argv)
    except SystemExit as stop:  # argparse has already said what is wrong, or printed the help
        return stop.code if isinstance(stop.code, int) else EXIT_USAGE
    try:
        return arguments.command(arguments)
    except UsageError as error:
        print(f"bedplate: {error}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        # The reader of our output has gone (`bedplate ... | head`); there is nobody left to tell.
        sys.stderr.close()
        return EXIT_FAILED
    except (ServerError, OSError) as error:
        # A full disk, a directory that may not be written: its own words name the file.
        print(f"bedplate: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("\nbedplate: stopped by Ctrl-C", file=sys.stderr)
        return EXIT_INTERRUPTED
