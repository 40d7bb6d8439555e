"""`python -m bedplate.cli`, for where the command is not on PATH."""

import sys

from bedplate.cli import main

if __name__ == "__main__":
    sys.exit(main())
