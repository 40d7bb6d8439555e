"""boto3 clients that reach moto without a socket: botocore's `before-send` event answers from the journal."""

import os
import threading
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from bedplate.sandbox.server.journal import Journal
from bedplate.sandbox.server.requests import CloudRequest

ACCESS_KEY_ID = "sandbox"
SECRET_ACCESS_KEY = "sandbox"


class _Raw(BytesIO):
    """The file-like body that botocore reads a response from."""

    def stream(self, amt: int = 65536, decode_content: bool | None = None) -> Any:
        while chunk := self.read(amt):
            yield chunk


class Clients:
    """boto3 clients by service and region, made once. Safe for threads, as the clients themselves are."""

    def __init__(self, journal: Journal, endpoint: str) -> None:
        self._journal = journal
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._session: Any = None

    def get(self, service: str, region: str) -> Any:
        """A client. A refused parameter raises botocore's ParamValidationError before anything is sent."""
        key = (service, region)
        client = self._clients.get(key)
        if client is not None:
            return client
        # boto3 sessions are not safe for threads; making a client takes up to 0.3 s the first time.
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(service, region)
            return self._clients[key]

    def preload(self, services: tuple[str, ...], region: str) -> None:
        """Load service models ahead of their first use."""
        for service in services:
            self.get(service, region)

    def _make(self, service: str, region: str) -> Any:
        import boto3
        import botocore.session
        from botocore.config import Config

        if self._session is None:
            # Nothing from the user's files or AWS_PROFILE: a profile that they name need not exist here.
            core = botocore.session.Session(
                session_vars={
                    "profile": (None, None, None, None),
                    "config_file": (None, None, os.devnull, None),
                    "credentials_file": (None, None, os.devnull, None),
                }
            )
            self._session = boto3.session.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, botocore_session=core)
        client = self._session.client(
            service,
            region_name=region,
            endpoint_url=self._endpoint,
            config=Config(
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                # Checksums that the caller did not ask for only cost time on the way to the same process.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        client.meta.events.register("before-send", self._send)
        return client

    def _send(self, request: Any, **_: object) -> Any:
        from botocore.awsrequest import AWSResponse
        from botocore.compat import HTTPHeaders

        parts = urlsplit(request.url)
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        elif not isinstance(body, bytes | bytearray):
            body = body.read()
        headers = [(str(name), _text(value)) for name, value in request.headers.items()]
        headers.append(("Host", parts.netloc))
        url = parts.path + (f"?{parts.query}" if parts.query else "")
        answer = self._journal.handle(CloudRequest(request.method, url or "/", tuple(headers), bytes(body)))
        response_headers = HTTPHeaders()
        for name, value in answer.headers:
            response_headers[name] = value
        return AWSResponse(request.url, answer.status, response_headers, _Raw(answer.body))


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
