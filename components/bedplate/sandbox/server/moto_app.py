"""moto as a WSGI application inside this process: run one request, begin empty, choose its random numbers."""

import functools
import importlib
import io
import json
import os
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from bedplate.sandbox.server.repairs import repair
from bedplate.sandbox.server.requests import CloudRequest, CloudResponse

NOT_IMPLEMENTED = "SandboxLacksThisCall"
ACCOUNT_ID = "123456789012"


class MotoApp:
    """Not safe for threads: the journal runs one request at a time. There is one moto per process."""

    def __init__(self) -> None:
        # Read by moto when it is imported; the policies cost 0.1 s and roles attach them by ARN.
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        os.environ.setdefault("MOTO_ACCOUNT_ID", ACCOUNT_ID)
        from moto.moto_api._internal import mock_random
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self._random = mock_random
        dispatcher = DomainDispatcherApplication(create_backend_app)
        # moto looks through its own directories at every request, for a third of the request's time.
        dispatcher.get_backend_for_host = functools.cache(  # type: ignore[method-assign]
            dispatcher.get_backend_for_host
        )
        self._dispatcher = dispatcher
        self._application: Callable[..., Iterable[bytes]] = dispatcher

    def preload(self, services: tuple[str, ...]) -> None:
        """Import moto's services ahead of their first request (ec2 takes 1 s). May run beside requests."""
        for service in services:
            importlib.import_module(f"moto.{service}.models")

    def seed(self, value: int) -> None:
        """Choose moto's random numbers, and with them every identifier that the next request makes."""
        self._random.seed(value)

    def reset(self) -> None:
        """Forget everything."""
        from moto.core.base_backend import BackendDict
        from moto.core.model_instances import reset_model_data

        BackendDict.reset()
        reset_model_data()
        # Making a service's application makes its backend, and draws identifiers: it must happen again at the
        # same request as in a process that has just started.
        self._dispatcher.app_instances.clear()

    def run(self, request: CloudRequest) -> CloudResponse:
        """The answer.

        A call that moto lacks is an error of the request's own protocol, never a page of HTML.
        """
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            started.append((status, headers))

        try:
            chunks = self._application(_environ(request), start_response)
            body = b"".join(chunks)
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        except NotImplementedError as exc:
            return _lacking(request, str(exc) or "not implemented")
        except Exception as exc:  # noqa: BLE001 - moto's own failure is the caller's HTTP 500, as it is in moto's server
            return _error(request, 500, "InternalFailure", f"moto failed: {type(exc).__name__}: {exc}")
        status, headers = started[-1]
        code = int(status.split()[0])
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        if (
            code in (404, 405)
            and kind.startswith("text/html")
            and body.lstrip().lower().startswith(b"<!doctype html")
        ):
            return _lacking(request, "no such call in moto")
        if code < 300:
            repair(request)
        return CloudResponse(code, tuple(headers), body)


def _environ(request: CloudRequest) -> dict[str, Any]:
    parts = urlsplit(request.url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        # WSGI carries the decoded path as Latin-1 text (PEP 3333).
        "PATH_INFO": unquote(parts.path, "latin-1"),
        "QUERY_STRING": parts.query,
        "RAW_URI": request.url,
        "REQUEST_URI": request.url,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(request.body)),
    }
    kept_names: dict[str, str] = {}
    for name, value in request.headers:
        lowered = name.lower()
        if lowered in ("content-length", "transfer-encoding"):
            continue
        if lowered == "content-type":
            environ["CONTENT_TYPE"] = value
            continue
        key = "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
        if "_" in name:
            kept_names[key] = name
    if kept_names:
        from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY

        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = kept_names
    return environ


def _lacking(request: CloudRequest, detail: str) -> CloudResponse:
    service, _ = request.scope
    call = request.call or f"{request.method} {urlsplit(request.url).path}"
    return _error(request, 501, NOT_IMPLEMENTED, f"the sandbox's cloud has no {service} {call} ({detail})")


def _error(request: CloudRequest, status: int, code: str, message: str) -> CloudResponse:
    """An error that botocore parses in the protocol of the request."""
    service, _ = request.scope
    if request.header("Smithy-Protocol") == "rpc-v2-cbor":
        kind, body = "application/cbor", _cbor_map({"__type": code, "message": message})
        return CloudResponse(
            status,
            (("Content-Type", kind), ("smithy-protocol", "rpc-v2-cbor"), ("x-amzn-errortype", code)),
            body,
        )
    if service in ("s3", "ec2") or request.is_form:
        from xml.sax.saxutils import escape

        error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        if service == "ec2":
            error = f"<Response><Errors>{error}</Errors><RequestID>0</RequestID></Response>"
        elif service != "s3":
            error = f"<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>"
        return CloudResponse(status, (("Content-Type", "text/xml"),), error.encode())
    body = json.dumps({"__type": code, "message": message}).encode()
    return CloudResponse(status, (("Content-Type", "application/json"), ("x-amzn-errortype", code)), body)


def _cbor_map(fields: dict[str, str]) -> bytes:
    """A map of short texts in CBOR (RFC 8949, sections 3.1: major types 5 and 3)."""

    def text(value: str) -> bytes:
        raw = value.encode()
        return b"\x79" + len(raw).to_bytes(2, "big") + raw

    assert len(fields) < 24
    return bytes([0xA0 | len(fields)]) + b"".join(text(key) + text(value) for key, value in fields.items())
