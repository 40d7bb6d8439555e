"""Wrong environments on your own racks: refused before anything is registered, with path, reason "
"and advice."""

import copy
import json
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from bedplate import environment
from bedplate.core import ConfigError
from bedplate.core.errors import Problem
from bedplate.environment.gaps import problems_with_gaps
from bedplate.environment.onprem_models import FOLLOWS, STAND_INS, OnPremEnvironment, OnPremFields

ROOT = Path(__file__).parents[2]
Data = dict[str, Any]


def _config(name: str) -> Data:
    text = (ROOT / f"stacks/config/Pulumi.{name}.yaml").read_text(encoding="utf-8")
    config: Data = yaml.safe_load(text)["config"]
    return config


PRODUCTION = _config("onprem-prod")
KUBECONFIG: str = PRODUCTION["bedplate:kubeconfig"]


def _changed(changes: Mapping[str, Any]) -> Data:
    """onprem-prod with values put at places; `...` removes what is there."""
    data: Data = copy.deepcopy(PRODUCTION["bedplate:environment"])
    for path, value in changes.items():
        *parents, last = path.split("|")
        inner: Any = data
        for key in parents:
            inner = inner[int(key)] if isinstance(inner, list) else inner.setdefault(key, {})
        place: Any = int(last) if isinstance(inner, list) else last
        if value is ...:
            del inner[place]
        else:
            inner[place] = value
    return data


NET = "network|plugin"
CEPH = "ceph|cluster"
GPU = "kubernetes|gpu"
MON = "kubernetes|monitoring"
QUEUES = "kubernetes|queueing|queues"

# name: (changes of onprem-prod, path below bedplate:environment, words that the reason must hold)
WRONG: dict[str, tuple[Data, str, tuple[str, ...]]] = {
    "no owner": ({"owner": ...}, "owner", ("required",)),
    "upper-case name": ({"name": "Prod"}, "name", ("'Prod'", "lower-case")),
    "old Kubernetes": ({"cluster|version": "1.20"}, "cluster.version", ("'1.20'", "1.32 and newer")),
    "version as a number": ({"cluster|version": 1.36}, "cluster.version", ("quotes",)),
    "unknown accelerator": (
        {"cluster|pools|h100|accelerator|model": "H100-SXM5-80G"},
        "cluster.pools.h100.accelerator.model",
        ("did you mean", "H100-SXM5-80GB"),
    ),
    "machine in two pools": (
        {"cluster|pools|system|nodes|0|name": "gpu-0"},
        "cluster.pools.h100.nodes[0].name",
        ("'gpu-0'", "one pool"),
    ),
    "two machines of the control plane": (
        {"cluster|control_plane|2": ...},
        "cluster.control_plane",
        ("2 machines", "1, 3, 5 or 7"),
    ),
    "every pool tainted": (
        {"cluster|pools|system|taints": [{"key": "x", "effect": "NoSchedule"}]},
        "cluster.pools",
        ("all of them are tainted", "system"),
    ),
    "GPU pool without GPUs": (
        {"cluster|pools|inference|accelerator": ...},
        "cluster.pools.inference.accelerator",
        ("role is gpu", "give it"),
    ),
    "adapters that GPUs share unevenly": (
        {"cluster|pools|h100|fabric|devices": 3},
        "cluster.pools.h100.fabric.devices",
        ("3 for 8", "multiple or a divisor"),
    ),
    "services over nodes": (
        {f"{NET}|service_cidrs": ["10.50.12.0/24"]},
        "network.plugin.service_cidrs[0]",
        ("10.50.0.0/20", "shares addresses"),
    ),
    "routing that nobody knows": (
        {f"{NET}|bgp": ..., "network|load_balancers": {}},
        "network.plugin.routing",
        ("nobody knows the way", "tunnel"),
    ),
    "reserved network number": (
        {f"{NET}|bgp|local_asn": 65535},
        "network.plugin.bgp.local_asn",
        ("65535 is reserved", "64512"),
    ),
    "addresses of the nodes": (
        {"network|load_balancers|services|addresses": ["10.50.4.0/24"]},
        "network.load_balancers.services.addresses[0]",
        ("10.50.4.0/24", "10.50.0.0/20"),
    ),
    "load balancers without a plugin": (
        {NET: ...},
        "network.load_balancers",
        ("without plugin", "both or none"),
    ),
    "RDMA without a fabric": (
        {"cluster|pools|h100|fabric": ..., f"{GPU}|nvidia|gpudirect_rdma": False},
        "network.rdma.fabrics",
        ("'rdma/infiniband' is the resource of no pool",),
    ),
    "RDMA with half of the adapters": (
        {"network|rdma|fabrics|rdma/infiniband|interfaces": ["ibp0s0"]},
        "network.rdma.fabrics.rdma/infiniband.interfaces",
        ("1 adapters", "have 8"),
    ),
    "two that discover nodes' features": (
        {"network|rdma|node_feature_discovery": True},
        "network.rdma.node_feature_discovery",
        ("undo each other's labels",),
    ),
    "Ceph on a machine that is not there": (
        {f"{CEPH}|nodes|0|name": "storage-9"},
        "ceph.cluster.nodes[0].name",
        ("'storage-9'", "no machine of cluster.pools"),
    ),
    "Ceph's disk by a path that changes": (
        {f"{CEPH}|nodes|0|devices|0": "/dev/sdb"},
        "ceph.cluster.nodes[0].devices[0]",
        ("another disk after a reboot", "by-id"),
    ),
    "more disks than the machine has": (
        {f"{CEPH}|nodes|0|devices": [f"/dev/disk/by-id/nvme-{n}" for n in range(5)]},
        "ceph.cluster.nodes[0].devices",
        ("5 disks", "has 4"),
    ),
    "Ceph kept away from its machines": (
        {f"{CEPH}|node_role": ...},
        "ceph.cluster.node_role",
        ("not given", "role storage"),
    ),
    "chunks that do not fit": (
        {"ceph|object_stores|datasets|redundancy": {"data_chunks": 8, "coding_chunks": 3}},
        "ceph.object_stores.datasets.redundancy",
        ("11", "8"),
    ),
    "both kinds of Ceph": (
        {"ceph|external": {}},
        "ceph.cluster",
        ("both given", "exactly one"),
    ),
    "certificate by an unknown issuer": (
        {"ceph|object_stores|datasets|issuer": "intern"},
        "ceph.object_stores.datasets.issuer",
        ("'intern'", "internal"),
    ),
    "bucket without a store": (
        {"buckets|datasets|object_store": "data"},
        "buckets.datasets.object_store",
        ("'data'", "datasets, checkpoints"),
    ),
    "bucket on one of two stores": (
        {"buckets|datasets|object_store": ...},
        "buckets.datasets.object_store",
        ("not given", "name the one it is on"),
    ),
    "archive that is no bucket": (
        {f"{MON}|log_archive": "log"},
        "kubernetes.monitoring.log_archive",
        ("'log'", "logs"),
    ),
    "archive whose key is elsewhere": (
        {"buckets|logs|namespace": "vision"},
        "buckets.logs.namespace",
        ("'vision'", "'logging'"),
    ),
    "Grafana on a class that comes later": (
        {f"{MON}|stack|grafana|storage_class": ...},
        "kubernetes.monitoring.stack.grafana.storage_class",
        ("'onprem-prod-disks'", "waits for Grafana's volume", "ceph.cluster.prometheus"),
    ),
    "Prometheus by a certificate that comes later": (
        {f"{MON}|stack|cert_manager": True},
        "kubernetes.monitoring.stack.cert_manager",
        ("made after Prometheus", "remove it"),
    ),
    "routes without routing": (
        {f"{MON}|alerts|routing": ...},
        "kubernetes.monitoring.alerts.routing",
        ("routes",),
    ),
    "receiver that is not there": (
        {f"{MON}|alerts|routing|default": "night"},
        "kubernetes.monitoring.alerts.routing",
        ("'night'", "on-call, team"),
    ),
    "quota of an unknown pool": (
        {f"{QUEUES}|teams|0|quotas|0|pool": "h200"},
        "kubernetes.queueing.queues.teams[0].quotas[0].pool",
        ("'h200'", "h100"),
    ),
    "quota of more than there is": (
        {f"{QUEUES}|teams|0|quotas|0|nodes": 60},
        "kubernetes.queueing.queues.teams",
        ("70 nodes", "at most 16"),
    ),
    "quota of a pool that is cut": (
        {f"{QUEUES}|teams|0|quotas|0": {"pool": "inference", "nodes": 1}},
        "kubernetes.queueing.queues.teams[0].quotas[0].pool",
        ("MIG instances", "whole GPUs"),
    ),
    "MIG on an L40S": (
        {"cluster|pools|inference|accelerator|model": "L40S"},
        "kubernetes.gpu.nvidia.pools.inference.mig_profile",
        ("L40S",),
    ),
    "GPU pool that is not there": (
        {f"{GPU}|nvidia|pools|h200": {}},
        "kubernetes.gpu.nvidia.pools.h200",
        ("'h200'", "inference"),
    ),
    "drain without cert-manager": (
        {
            "kubernetes|cert_manager": ...,
            "ceph|object_stores|datasets": {"certificate_secret_name": "a"},
            "ceph|object_stores|checkpoints": {"certificate_secret_name": "b"},
        },
        "kubernetes.gpu.health.cert_manager",
        ("'drain'", "store with TLS"),
    ),
    "gateways without a controller": (
        {"kubernetes|serving|gateway": ...},
        "kubernetes.serving.gateways",
        ("models", "controller"),
    ),
    "gateway of an unknown kind": (
        {"kubernetes|serving|gateway|implementation": "nginx"},
        "kubernetes.serving.gateway.implementation",
        ("'nginx'", "envoy"),
    ),
    "gateway's certificate by an unknown issuer": (
        {"kubernetes|serving|gateways|models|issuer": "public"},
        "kubernetes.serving.gateways.models.issuer",
        ("'public'", "internal"),
    ),
    "addresses of an unknown pool": (
        {"kubernetes|serving|gateway|address_pool": "service"},
        "kubernetes.serving.gateway.address_pool",
        ("'service'", "services"),
    ),
    "trainer without JobSet": (
        {"kubernetes|queueing|jobset": ...},
        "kubernetes.queueing.trainer",
        ("without jobset",),
    ),
    "namespace that is made twice": (
        {"kubernetes|serving|gateways|models|namespace": "vision"},
        "kubernetes.serving.gateways.models.namespace",
        ("'vision'", "teams[0]"),
    ),
    "costs of no pool": (
        {
            "costs|h200": {
                "capital_usd": 1,
                "amortisation_months": 1,
                "power_watts": 1,
                "energy_usd_per_kwh": 1,
            }
        },
        "costs.h200",
        ("'h200' is no pool", "control_plane"),
    ),
    "Karpenter off AWS": (
        {"kubernetes|scaling|karpenter": {}},
        "kubernetes.scaling.karpenter",
        ("machines of your own", "EKS"),
    ),
}


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whatever is registered but the stack itself."""
    found: list[str] = []
    original = pulumi.Resource.__init__

    def note(self: pulumi.Resource, t: str, *args: Any, **options: Any) -> None:
        if not t.startswith("pulumi:pulumi:"):
            found.append(t)
        original(self, t, *args, **options)

    monkeypatch.setattr(pulumi.Resource, "__init__", note)
    return found


def _refused(
    data: Mapping[str, Any], kubeconfig: str | None = PRODUCTION["bedplate:kubeconfig"]
) -> ConfigError:
    """What stacks/__main__.py says to a configuration."""
    config = {"bedplate:environment": json.dumps(data)}
    if kubeconfig is not None:
        config["bedplate:kubeconfig"] = kubeconfig
    pulumi.runtime.set_all_config(config)
    try:
        with pytest.raises(ConfigError) as refused:
            runpy.run_path(str(ROOT / "stacks/__main__.py"), run_name="__main__")
    finally:
        pulumi.runtime.set_all_config({})
    return refused.value


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.replace(" ", "-"))
def test_a_wrong_environment_is_refused_before_anything_is_made(case: str, registered: list[str]) -> None:
    changes, path, words = WRONG[case]
    refused = _refused(_changed(changes))
    reasons = {one.path: one.reason for one in refused.problems}
    full = f"bedplate:environment.{path}"
    assert full in reasons, str(refused)
    assert list(reasons) == [full], "one mistake is one problem"
    for word in words:
        assert word in reasons[full]
    assert registered == []


def test_the_table_is_as_long_as_promised() -> None:
    assert len(WRONG) >= 30


@pytest.mark.parametrize(
    ("kubeconfig", "words"),
    [
        (None, ("bedplate:kubeconfig", "pulumi config set --secret")),
        ("", ("bedplate:kubeconfig",)),
        ("not: [yaml", ("bedplate:kubeconfig",)),
        (KUBECONFIG.replace("https://", "http://"), ("https",)),
        (
            KUBECONFIG.replace("server:", "insecure-skip-tls-verify: true\n      server:"),
            ("insecure-skip-tls-verify",),
        ),
    ],
    ids=["missing", "empty", "not-YAML", "in-the-clear", "unverified"],
)
def test_a_wrong_kubeconfig_is_refused_before_anything_is_made(
    kubeconfig: str | None, words: tuple[str, ...], registered: list[str]
) -> None:
    refused = _refused(PRODUCTION["bedplate:environment"], kubeconfig)
    for word in words:
        assert word in str(refused)
    assert registered == []


def test_mistakes_in_every_section_are_told_in_one_run() -> None:
    refused = _refused(
        _changed(
            {
                "owner": 7,
                "cluster|version": "1.20",
                f"{NET}|routng": "native",
                f"{CEPH}|monitors": 4,
                "buckets|logs|object_store": "nope",
                f"{GPU}|nvidia|pools|inference|mig_profile": "all-9g",
                f"{MON}|alerts|routing|default": "night",
                f"{QUEUES}|teams|0|quotas|0|pool": "h200",
                "kubernetes|serving|gateways|models|issuer": "public",
            }
        ),
        kubeconfig=None,
    )
    assert {one.path.removeprefix("bedplate:environment.") for one in refused.problems} == {
        "bedplate:kubeconfig",
        "owner",
        "cluster.version",
        "network.plugin.routng",
        "ceph.cluster.monitors",
        "kubernetes.gpu.nvidia.pools.inference.mig_profile",
        "kubernetes.monitoring.alerts.routing",
        "kubernetes.queueing.queues.teams[0].quotas[0].pool",
        "kubernetes.serving.gateways.models.issuer",
    }


def test_a_part_that_is_refused_is_no_reason_to_blame_those_that_build_on_it() -> None:
    """Ceph whose machines are wrong: its pools, stores and buckets are not judged by that."""
    refused = _refused(_changed({f"{CEPH}|failure_domain": "zone", f"{CEPH}|nodes|0|name": "storage-9"}))
    assert {one.path.split(".")[1] for one in refused.problems} == {"ceph"}
    assert all(one.path.startswith("bedplate:environment.ceph.cluster") for one in refused.problems)


def _fields(value: object, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The places of all keys in the file."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if isinstance(value, dict):
            yield (*place, key)
        yield from _fields(inner, (*place, key))


def _misspelt(word: str) -> str:
    return word[:-1] + ("x" if word[-1] != "x" else "y") if len(word) > 3 else f"{word}x"


# Keys that the file chooses: names, and what stands for itself.
_CHOSEN = (
    ("cluster", "pools"),
    ("network", "load_balancers"),
    ("network", "rdma", "fabrics"),
    ("ceph", "block"),
    ("ceph", "files"),
    ("ceph", "object_stores"),
    ("buckets",),
    ("costs",),
    ("kubernetes", "cert_manager", "issuers"),
    ("kubernetes", "gpu", "nvidia", "pools"),
    ("kubernetes", "monitoring", "alerts", "routing", "receivers"),
    ("kubernetes", "serving", "gateways"),
    ("kubernetes", "serving", "gateways", "models", "listeners"),
    ("kubernetes", "serving", "gateways", "models", "routes"),
)


def _shape_problems(data: Data) -> list[Problem]:
    return problems_with_gaps(
        OnPremFields.model_validate, lambda _: None, data, stand_ins=STAND_INS, follows=FOLLOWS
    )


def test_every_field_that_is_misspelt_is_refused_by_its_path_with_the_nearest_name() -> None:
    original: Data = PRODUCTION["bedplate:environment"]
    tried: set[tuple[str, ...]] = set()
    for place in _fields(original):
        if place[:-1] in _CHOSEN or place == ("kind",):
            continue
        kind = tuple(str(key) for key in place if not isinstance(key, int))
        if kind in tried:
            continue
        tried.add(kind)
        data = copy.deepcopy(original)
        inner: Any = data
        for key in place[:-1]:
            inner = inner[key]
        word = str(place[-1])
        inner[_misspelt(word)] = inner.pop(word)
        path = ""
        for key in place[:-1]:
            path += f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
        path = f"{path}.{_misspelt(word)}" if path else _misspelt(word)
        reasons = [one.reason for one in _shape_problems(data) if one.path == path]
        assert any(word in reason for reason in reasons), (path, reasons)
    assert len(tried) >= 120


def test_what_is_right_is_accepted_with_and_without_its_parts() -> None:
    """Each part of the layer can be left out where nothing else needs it."""
    for leave in ("kubernetes|queueing", "kubernetes|scaling", "kubernetes|policies", "kubernetes|serving"):
        assert environment.load(_changed({leave: ...})).name == "onprem-prod"
    without_prometheus = _changed({"kubernetes|monitoring": ...})
    env = environment.load(without_prometheus)
    assert isinstance(env, OnPremEnvironment)


def test_a_part_that_stands_in_two_places_and_keys_that_are_numbers_are_explained() -> None:
    """As an alias and an unquoted key in YAML make them."""
    data = _changed({})
    shared: dict[Any, Any] = {0: [], "nodes": []}
    data["ceph"]["cluster"] = shared
    data["network"]["plugin"] = shared
    with pytest.raises(ConfigError) as refused:
        environment.load(data)
    paths = {problem.path for problem in refused.value.problems}
    assert "bedplate:environment.ceph.cluster.0" in paths
    assert "bedplate:environment.network.plugin.0" in paths
