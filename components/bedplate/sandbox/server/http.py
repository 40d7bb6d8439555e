"""moto's HTTP endpoint on loopback, for boto3 and the `aws` command of whoever uses the sandbox."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from bedplate.sandbox.server.journal import Journal
from bedplate.sandbox.server.requests import CloudRequest

# Set by the server itself for each answer.
_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "server", "date", "content-length"})


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # keep-alive

    def make_environ(self) -> dict[str, Any]:
        environ = super().make_environ()
        # As sent: WSGI cannot tell `x_y` from `x-y`, and S3 metadata may have either.
        environ["bedplate.headers"] = tuple((name, value) for name, value in self.headers.items())
        return environ

    def log(self, type: str, message: str, *args: object) -> None:
        """No line per request: the journal is the record."""


class HttpEndpoint:
    """Serves from its own thread, each connection in a thread of its own."""

    def __init__(self, port: int = 0) -> None:
        """Bind a loopback port (0: a free one); requests wait until `start`."""
        self._journal: Journal | None = None
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, self._application, threaded=True, request_handler=_Handler
        )
        self.url = f"http://127.0.0.1:{self._server.port}"

    def start(self, journal: Journal) -> None:
        self._journal = journal
        threading.Thread(target=self._server.serve_forever, name="sandbox-http", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert self._journal is not None
        if environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read()
        else:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        request = CloudRequest(
            environ["REQUEST_METHOD"], environ["RAW_URI"], environ["bedplate.headers"], body
        )
        answer = self._journal.handle(request)
        headers = [pair for pair in answer.headers if pair[0].lower() not in _HOP_BY_HOP]
        length = next((value for name, value in answer.headers if name.lower() == "content-length"), None)
        # A HEAD's answer states the length of what a GET would send.
        headers.append(
            ("Content-Length", length if request.method == "HEAD" and length else str(len(answer.body)))
        )
        start_response(f"{answer.status} {'OK' if answer.status < 400 else 'Error'}", headers)
        return [answer.body]
