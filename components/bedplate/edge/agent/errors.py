"""Why a transfer or an update did not come about; `reason` becomes a label of a metric."""


class TransferError(Exception):
    """A download that failed."""

    reason = "link"

    def __init__(self, message: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class LinkError(TransferError):
    """The link or the server: trying again helps, and what has arrived is kept."""


class RefusedError(TransferError):
    """The server says no: 401, 403, 404 and the like."""

    reason = "refused"


class CorruptError(TransferError):
    """What arrived is not what was announced; it is thrown away."""

    reason = "corrupt"


class DiskError(TransferError):
    """It does not fit on the disk."""

    reason = "disk"


class SignatureError(TransferError):
    """Nobody who may release models has signed it."""

    reason = "signature"
