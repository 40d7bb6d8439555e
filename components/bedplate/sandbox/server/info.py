"""What a client needs to know of a running sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Served(Protocol):
    """Anything that says where a sandbox answers: a `ServerInfo` or a `SandboxServer`."""

    @property
    def moto_url(self) -> str: ...
    @property
    def providers(self) -> Mapping[str, int]: ...


@dataclass(frozen=True)
class ServerInfo:
    """A daemon that answers. `warnings`: what was not as before when it brought its content back."""

    pid: int
    moto_url: str
    providers: Mapping[str, int]
    version: str
    warnings: tuple[str, ...] = ()


def client_environment(server: Served) -> dict[str, str]:
    """The variables under which boto3, the `aws` command and an unmodified `pulumi up` use the sandbox."""
    return {
        "AWS_ENDPOINT_URL": server.moto_url,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        # A user's own profile would name another account, and its files other endpoints.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PULUMI_DEBUG_PROVIDERS": ",".join(
            f"{name}:{port}" for name, port in sorted(server.providers.items())
        ),
    }
