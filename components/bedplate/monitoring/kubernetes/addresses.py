"""What the arguments of several components share: addresses that data leaves for, what a pod asks for."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from bedplate.core import Args, ArgsError, Problem


def validate_https(url: str) -> str:
    """An https address without a secret in it, given back. Raises ValueError; a secret is never shown."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        # As an ArgsError, because any other would be told with the value, which may hold the secret.
        reason = (
            "the address holds a user, a password or a query, where secrets would be readable by everyone; "
            "put them into a Kubernetes Secret and name it"
        )
        raise ArgsError("address", [Problem("", reason)])
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(
            f"{url[:80]!r} is not https://host[:port][/path]; only encrypted addresses are taken"
        )
    if "{{" in url:
        raise ValueError(f"{url[:80]!r} holds a template, which helm would fill in; write the address itself")
    return url


HttpsUrl = Annotated[str, AfterValidator(validate_https)]


class PodResources(Args):
    """What a container asks for and gets. Memory is its limit too; the CPU is not limited.

    Attributes:
        cpu: Cores that are kept for it.
        memory_gib: Memory, in GiB.
    """

    cpu: float = Field(gt=0, le=256)
    memory_gib: float = Field(gt=0, le=4096)

    def manifest(self) -> dict[str, dict[str, str]]:
        """As a container has it."""
        memory = f"{round(self.memory_gib * 1024)}Mi"
        return {
            "requests": {"cpu": f"{round(self.cpu * 1000)}m", "memory": memory},
            "limits": {"memory": memory},
        }
