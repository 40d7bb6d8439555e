"""`python -m agent update|mirror|coordinate`, told how by /etc/bedplate/config.json and the environment."""

import json
import os
import sys
import time
from pathlib import Path

from .coordinator import ConfigMap, prometheus, turn
from .fetch import Limits, Store
from .metrics import Metrics, serve
from .mirror import Mirror
from .rollout import Plan
from .sigv4 import Credentials
from .slots import Slots
from .updater import Updater, reader, settings_from

CONFIG = Path(os.environ.get("BEDPLATE_CONFIG", "/etc/bedplate"))


def main(arguments: list[str]) -> int:
    mode = arguments[0] if arguments else ""
    config = json.loads((CONFIG / "config.json").read_text(encoding="utf-8"))
    labels = {**config.get("labels", {}), "node": os.environ.get("NODE_NAME", "")}
    metrics = Metrics({key: value for key, value in labels.items() if value})
    port = int(config.get("port", 9464))
    pause = float(config.get("poll_seconds", 30))
    if mode == "update":
        slots = Slots(Path(config["root"]), config["settings"].get("keep", 2))
        settings = settings_from(config["settings"], _store(config))
        updater = Updater(settings, slots, metrics, reader(CONFIG / "rollout"))
        step = updater.step
    elif mode == "mirror":
        mirror = Mirror(
            _store(config),
            config["bucket"],
            config["prefix"],
            Path(config["root"]),
            metrics,
            size_bytes=config["size_bytes"],
            limits=Limits(**config.get("limits", {})),
        )
        step = mirror.step
    elif mode == "coordinate":
        query = prometheus(config["prometheus_url"], config.get("token_file", ""), config.get("ca_file", ""))
        memory = ConfigMap(config["namespace"], config["progress_name"])

        def step() -> None:
            metrics.beat()
            plan = Plan.parse((CONFIG / "rollout" / "plan.json").read_text(encoding="utf-8"))
            try:
                progress = turn(plan, memory, query)
            except OSError as error:
                print(f"the API server does not answer: {error}", flush=True)
                return
            metrics.only("bedplate_edge_rollout_wave", progress.wave, version=progress.version)
            for verdict in ("running", "done", "held", "rolled-back"):
                metrics.set("bedplate_edge_rollout_verdict", progress.verdict == verdict, verdict=verdict)

    else:
        print("usage: python -m agent update|mirror|coordinate", file=sys.stderr)
        return 2
    serve(metrics, port)
    while True:
        step()
        time.sleep(pause)


def _store(config: dict[str, object]) -> Store:
    key = os.environ.get("AWS_ACCESS_KEY_ID", "")
    credentials = (
        Credentials(key, os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN", ""))
        if key
        else None
    )
    return Store(**config.get("store", {}), credentials=credentials)  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
