"""What can go wrong in front of the engine and in a test, each a class that a caller can tell apart."""

from collections.abc import Sequence


class UsageError(ValueError):
    """The command or the project's files are wrong; the text says what to do. Exit code 2."""


class ServerError(RuntimeError):
    """The sandbox's server does not start or stop; the text has the end of its log."""


class SandboxError(RuntimeError):
    """An operation on the sandbox failed; `errors` are the engine's own texts."""

    def __init__(self, operation: str, errors: Sequence[str]) -> None:
        super().__init__(f"{operation} failed:\n" + "\n".join(errors))
        self.operation = operation
        self.errors = tuple(errors)
