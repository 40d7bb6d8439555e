"""One alert all the way: an exporter, Prometheus with our rules, Alertmanager with our routes, a webhook."""

import json
import queue
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from bedplate.monitoring.kubernetes.model import AlertGroup
from bedplate.monitoring.kubernetes.routing import alertmanager_config
from bedplate.monitoring.kubernetes.routing_args import AlertRouting
from bedplate.monitoring.kubernetes.rules import all_groups, rule_file

PAGE = b'DCGM_FI_DEV_XID_ERRORS{gpu="3",UUID="GPU-a",Hostname="n1"} 79\n'
DEADLINE_SECONDS = 120
"""Against a test that hangs; nothing is measured with it."""


@contextmanager
def http_server(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Exporter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        pass


def receiver(delivered: "queue.Queue[tuple[str, dict[str, Any]]]") -> type[BaseHTTPRequestHandler]:
    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            delivered.put((self.headers.get("Authorization", ""), json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Webhook


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(log: Path, *command: str) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def write(file: Path, content: dict[str, Any]) -> str:
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return str(file)


def routes(tmp_path: Path, port: int) -> dict[str, Any]:
    secret = tmp_path / "secrets" / "hook" / "token"
    secret.parent.mkdir(parents=True)
    secret.write_text("sesame", encoding="utf-8")
    target = {"url": f"http://127.0.0.1:{port}/alerts", "token": {"name": "hook", "key": "token"}}
    routing = {
        "receivers": {"oncall": {"webhooks": [target]}, "nobody": {}},
        "default": "oncall",
        "routes": [{"receiver": "nobody", "severities": ["info"]}],
        "group_wait_seconds": 1,
        "group_interval_seconds": 1,
    }
    return alertmanager_config(
        AlertRouting.model_validate(routing), secrets_directory=str(tmp_path / "secrets")
    )


def test_an_xid_reaches_the_webhook(tmp_path: Path, program: Callable[[str], str]) -> None:
    delivered: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
    with ExitStack() as stack:
        exporter = stack.enter_context(http_server(Exporter))
        webhook = stack.enter_context(http_server(receiver(delivered)))
        manager, server = free_port(), free_port()
        configuration = write(tmp_path / "alertmanager.yml", routes(tmp_path, webhook))
        write(tmp_path / "rules.yml", rule_file(all_groups(only=[AlertGroup.GPU])))
        scrapes = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{manager}"]}]}]},
            "scrape_configs": [
                {"job_name": "dcgm", "static_configs": [{"targets": [f"127.0.0.1:{exporter}"]}]}
            ],
        }
        stack.enter_context(
            running(
                tmp_path / "alertmanager.log",
                program("prometheus-alertmanager"),
                f"--config.file={configuration}",
                f"--storage.path={tmp_path / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{manager}",
                "--cluster.listen-address=",
            )
        )
        stack.enter_context(
            running(
                tmp_path / "prometheus.log",
                program("prometheus"),
                f"--config.file={write(tmp_path / 'prometheus.yml', scrapes)}",
                f"--storage.tsdb.path={tmp_path / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{server}",
            )
        )
        try:
            authorization, message = delivered.get(timeout=DEADLINE_SECONDS)
        except queue.Empty:
            logs = [(tmp_path / f"{name}.log").read_text() for name in ("prometheus", "alertmanager")]
            raise AssertionError("no alert was delivered\n" + "\n".join(logs)) from None
    assert authorization == "Bearer sesame"
    assert (message["status"], message["receiver"]) == ("firing", "oncall")
    (alert,) = message["alerts"]
    assert alert["labels"] == {
        "alertname": "GpuXidFatal",
        "severity": "critical",
        "group": "gpu",
        "gpu": "3",
        "UUID": "GPU-a",
        "Hostname": "n1",
        "instance": alert["labels"]["instance"],
        "job": "dcgm",
    }
    assert alert["annotations"]["summary"] == "A GPU on n1 reports XID 79"
    assert alert["annotations"]["runbook_url"] == "docs/runbooks/gpu.md#gpuxidfatal"
