"""A request to the emulated cloud, and what can be told of it without running it: service, region, call,
effect.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

_READ = re.compile(
    r"^(Describe|List|Get|BatchGet|BatchDescribe|Query|Scan|Search|Lookup|Select|Head|Simulate|Validate|Estimate)"
)
_RPC_PATH = re.compile(r"^/service/[^/]+/operation/([^/]+)$")
_READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class CloudRequest:
    """One HTTP request. `url` is path and query as sent; header names keep the sender's spelling."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    @property
    def scope(self) -> tuple[str, str]:
        """(service, region) of the signature; ("s3", "us-east-1") for a request without one, as moto takes
        it.
        """
        credential = self.header("Authorization").partition("Credential=")[2].split(",")[0].split("/")
        return (credential[3].lower(), credential[2]) if len(credential) == 5 else ("s3", "us-east-1")

    @property
    def is_form(self) -> bool:
        return self.header("Content-Type").startswith("application/x-www-form-urlencoded")

    @property
    def call(self) -> str:
        """The name of the call where the protocol carries one (JSON, query, CBOR), else an empty string."""
        if target := self.header("X-Amz-Target"):
            return target.rpartition(".")[2]
        parts = urlsplit(self.url)
        if match := _RPC_PATH.match(parts.path):
            return match.group(1)
        fields = parse_qs(parts.query)
        if self.is_form:
            fields.update(parse_qs(self.body.decode("utf-8", "replace")))
        return fields.get("Action", [""])[0]

    @property
    def changes(self) -> bool:
        """Whether the request may change the cloud; in doubt it does."""
        call = self.call
        return _READ.match(call) is None if call else self.method not in _READ_METHODS


@dataclass(frozen=True)
class CloudResponse:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
