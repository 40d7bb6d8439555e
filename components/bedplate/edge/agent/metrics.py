"""Metrics in Prometheus' text format, and whether the loop still turns."""

import http.server
import threading
import time
from collections.abc import Mapping


class Metrics:
    """Counters and gauges by name and labels; safe to read while they change."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = dict(labels)
        self._values: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        self._lock = threading.Lock()
        self._beat = time.monotonic()

    def add(self, name: str, amount: float = 1.0, **labels: str) -> None:
        with self._lock:
            series = self._values.setdefault(name, {})
            key = tuple(sorted(labels.items()))
            series[key] = series.get(key, 0.0) + amount

    def set(self, name: str, value: float, **labels: str) -> None:
        with self._lock:
            self._values.setdefault(name, {})[tuple(sorted(labels.items()))] = value

    def only(self, name: str, value: float = 1.0, **labels: str) -> None:
        """Set one series of the name and forget all others of it."""
        with self._lock:
            self._values[name] = {tuple(sorted(labels.items())): value}

    def clear(self, name: str) -> None:
        with self._lock:
            self._values.pop(name, None)

    def get(self, name: str, **labels: str) -> float | None:
        with self._lock:
            return self._values.get(name, {}).get(tuple(sorted(labels.items())))

    def beat(self) -> None:
        """The loop turns."""
        self._beat = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        return time.monotonic() - self._beat

    def text(self) -> str:
        lines = []
        with self._lock:
            for name, series in sorted(self._values.items()):
                lines.append(f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}")
                for key, value in sorted(series.items()):
                    labels = ",".join(f'{k}="{_escaped(v)}"' for k, v in [*self._labels.items(), *key])
                    lines.append(f"{name}{{{labels}}} {value:.17g}")
        return "\n".join([*lines, ""])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def serve(metrics: Metrics, port: int, stuck_seconds: float = 300.0) -> http.server.ThreadingHTTPServer:
    """/metrics, and /healthz, which fails when the loop has stood still for `stuck_seconds`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, metrics.text())
            elif self.path == "/healthz":
                stuck = metrics.idle_seconds > stuck_seconds
                self._answer(503 if stuck else 200, f"last turn {metrics.idle_seconds:.0f} s ago\n")
            else:
                self._answer(404, "")

        def _answer(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
