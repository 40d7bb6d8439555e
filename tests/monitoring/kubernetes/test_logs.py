"""Shipping of logs: what is refused, what is hidden, where it goes, and its life on a sandboxed cluster."""

import json
import re
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.core import InputPropertiesError
from bedplate.kubernetes.handles import KubernetesHandle, Platform
from bedplate.monitoring.kubernetes.handles import MonitoringHandle
from bedplate.monitoring.kubernetes.logs import LogShipping, LogShippingArgs, agent_values
from bedplate.monitoring.kubernetes.logs_config import METRICS_PORT, escaped, files, vector_config
from bedplate.monitoring.kubernetes.logs_patterns import CONTINUATIONS, KERNEL, SECRETS
from bedplate.monitoring.kubernetes.prometheus import PrometheusStack, PrometheusStackArgs
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.storage.handles import CredentialsReference, ObjectStoreHandle
from bedplate_policies.kubernetes import RULES
from bedplate_policies.rule import Rule
from bedplate_policies.testing import findings

pytestmark = pytest.mark.xdist_group("monitoring-kubernetes-logs")

LOKI = {"url": "https://loki.example.com"}
KEY = {"name": "sink", "key": "value"}
AWS_KEY = {
    "access_key_id": {"name": "aws", "key": "id"},
    "secret_access_key": {"name": "aws", "key": "secret"},
}
ROLE = "arn:aws:iam::123456789012:role/logs"


def cluster(platform: Platform = "onprem") -> KubernetesHandle:
    provider = k8s.Provider("cluster", cluster_identifier="sandbox")
    return KubernetesHandle(name="dresden", platform=platform, version="1.36", provider=provider)


def bucket(namespace: str | None = "logging", **more: Any) -> ObjectStoreHandle:
    reference = None
    if namespace is not None:
        reference = CredentialsReference(
            namespace=pulumi.Output.from_input(namespace), secret_name=pulumi.Output.from_input("logs-bucket")
        )
    return ObjectStoreHandle.from_existing(
        name="logs",
        region="us-east-1",
        endpoint="https://rook-ceph-rgw-objects.rook-ceph.svc",
        path_style=True,
        credentials=reference,
        **more,
    )


@pytest.fixture
def made(record: Callable[..., Any]) -> Callable[..., LogShippingArgs]:
    """Arguments that are taken."""

    def make(platform: Platform = "onprem", **args: Any) -> LogShippingArgs:
        found: list[LogShippingArgs] = []
        record(lambda: found.append(LogShippingArgs(cluster=cluster(platform), **args)))
        return found[0]

    return make


@pytest.mark.parametrize(
    ("args", "path", "words"),
    [
        ({}, "", "no sink"),
        ({"loki": [LOKI, LOKI]}, "", "2 sinks are called 'loki'"),
        ({"loki": [{"url": "http://loki.example.com"}]}, "loki[0].url", "only encrypted"),
        ({"loki": [{**LOKI, "username": KEY}]}, "loki[0].password", "go together"),
        (
            {"loki": [{**LOKI, "username": KEY, "password": KEY, "bearer_token": KEY}]},
            "loki[0].bearer_token",
            "one way",
        ),
        (
            {"loki": [LOKI], "include_namespaces": ["a"], "exclude_namespaces": ["b"]},
            "exclude_namespaces",
            "(a)",
        ),
        ({"loki": [LOKI], "include_namespaces": ["logging"]}, "include_namespaces", "come back"),
        ({"loki": [LOKI], "drop": [{}]}, "drop[0]", "every line"),
        ({"loki": [LOKI], "drop": [{"message": "("}]}, "drop[0].message", "no regular expression"),
        ({"loki": [LOKI], "redact": [r"(a)\1"]}, "redact[0]", "looks ahead, behind or back"),
        ({"loki": [LOKI], "kernel_patterns": []}, "kernel_patterns", "'off'"),
        ({"loki": [LOKI], "buffer_gib": 0}, "buffer_gib", "1"),
        ({"loki": [LOKI], "role_arn": ROLE}, "role_arn", "no role of AWS"),
        (
            {"cloudwatch": [{"region": "eu-west-1", "log_group": "/k8s"}]},
            "cloudwatch[0].key",
            "no identity of AWS",
        ),
    ],
)
def test_what_cannot_be_is_refused(record, args: dict[str, Any], path: str, words: str) -> None:
    caught: dict[str, str] = {}

    def program() -> None:
        with pytest.raises(InputPropertiesError) as error:
            LogShippingArgs(cluster=cluster(), **args)
        caught.update({one["property_path"]: one["reason"] for one in error.value.errors or []})

    record(program)
    assert list(caught) == [path]
    assert words in caught[path]


def test_an_archive_without_a_key_needs_the_identity_of_a_cloud(record) -> None:
    def program() -> None:
        with pytest.raises(InputPropertiesError, match="has no credentials on onprem"):
            LogShippingArgs(cluster=cluster(), archive=bucket(None))
        LogShippingArgs(cluster=cluster("eks"), archive=bucket(None), role_arn=ROLE)

    record(program)


def test_objects_that_would_fill_the_agent_s_memory_are_refused(record) -> None:
    def program() -> None:
        with pytest.raises(InputPropertiesError, match="allowed: at most 128;"):
            LogShippingArgs(cluster=cluster(), archive=bucket(), archive_settings={"object_mib": 129})
        LogShippingArgs(cluster=cluster(), archive=bucket(), archive_settings={"object_mib": 128})

    record(program)


HIDDEN = {
    "AKIAIOSFODNN7EXAMPLE": "id is AKIAIOSFODNN7EXAMPLE here",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "aws_secret_access_key = "
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "hf_" + "a1" * 17: "using hf_" + "a1" * 17,
    "ghp_" + "B2" * 18: "cloning with ghp_" + "B2" * 18,
    "abcdef0123456789": "GET / authorization: Bearer abcdef0123456789",
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJ": "token eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJ",
    "hunter2hunter2": 'db: {"password": "hunter2hunter2", "host": "x"}',
    "s3cr3t-value": "WANDB_API_KEY=s3cr3t-value",
    "me:hunter2@": "fetching https://me:hunter2@example.com/a",
    "MIIEow": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    "A" * 64: "A" * 64,
}
SHOWN = (
    "step 100 loss 2.31 tokens_per_second: 1234567 total_tokens=987654321",
    "loading tokenizer from s3://models/tokenizer.json",
    "https://example.com:8443/path is healthy",
    "NVRM: Xid (PCI:0000:1b:00): 79, pid=1234, GPU has fallen off the bus.",
    "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "NCCL INFO Channel 00/24 : 0[0] -> 1[1] via P2P/CUMEM",
)


def _redacted(line: str) -> str:
    for pattern in SECRETS:
        line = re.sub(pattern, "[REDACTED]", line)
    return line


@pytest.mark.parametrize(("secret", "line"), HIDDEN.items())
def test_secrets_are_hidden(secret: str, line: str) -> None:
    assert secret in line
    assert secret not in _redacted(line)


@pytest.mark.parametrize("line", SHOWN)
def test_what_is_no_secret_stays_as_it_is(line: str) -> None:
    assert _redacted(line) == line


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=8, max_size=60))
def test_whatever_is_assigned_to_a_password_is_hidden(value: str) -> None:
    word = re.split(r"[\s\"',;&]", value)[0]
    if len(word) >= 8:
        assert word not in _redacted(f"password={word}")


def test_the_patterns_mean_the_same_to_both_languages() -> None:
    """Python tries them, Rust runs them: nothing that only one of them has."""
    for pattern in (*SECRETS, *CONTINUATIONS, *KERNEL):
        re.compile(pattern)
        assert not re.search(r"\(\?[<=!P#]|\\[1-9AZz]|[*+?}]\+", pattern), pattern


@pytest.mark.parametrize(
    ("line", "goes_on"),
    [
        ('  File "train.py", line 3, in <module>', True),
        ("ValueError: bad shape", True),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory", True),
        ("Caused by: java.io.IOException: x", True),
        ("Traceback (most recent call last):", False),
        ("2026-11-25 step 3", False),
        ("Error rate is 3%", False),
    ],
)
def test_a_trace_is_one_event(line: str, goes_on: bool) -> None:
    assert any(re.search(pattern, line) for pattern in CONTINUATIONS) is goes_on


@pytest.mark.parametrize(
    ("line", "shipped"),
    [
        ("NVRM: Xid (PCI:0000:1b:00): 79, GPU has fallen off the bus.", True),
        ("Memory cgroup out of memory: oom-kill:constraint=CONSTRAINT_MEMCG", True),
        ("mlx5_core 0000:3b:00.0: health compromised - reached miss count", True),
        ("IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready", False),
    ],
)
def test_the_kernel_tells_of_faults(line: str, shipped: bool) -> None:
    assert any(re.search(pattern, line) for pattern in KERNEL) is shipped


def test_no_secret_is_in_the_configuration(made) -> None:
    args = made(
        loki=[{**LOKI, "username": KEY, "password": KEY, "ca": {"name": "ca", "key": "ca.crt"}}],
        otlp=[{"url": "https://otel.example.com/v1/logs", "headers": {"X-Api-Key": KEY}}],
        cloudwatch=[{"region": "eu-west-1", "log_group": "/k8s", "key": AWS_KEY}],
    )
    sinks = vector_config(args)["sinks"]
    assert sinks["loki"]["auth"]["password"] == "SECRET[files.loki_password]"
    assert sinks["loki"]["tls"] == {"ca_file": "/etc/vector-secrets/loki_ca"}
    assert (
        sinks["otlp"]["protocol"]["request"]["headers"]["X-Api-Key"] == "SECRET[files.otlp_header_x_api_key]"
    )
    assert sinks["cloudwatch"]["auth"]["secret_access_key"] == "SECRET[files.cloudwatch_secret_key]"
    named = set(re.findall(r"SECRET\[files\.([a-z0-9_]+)\]", json.dumps(sinks))) | {"loki_ca"}
    assert named == set(files(args))
    volumes = {one["name"]: one for one in agent_values(args)["extraVolumes"]}
    items = [
        item for source in volumes["secrets"]["projected"]["sources"] for item in source["secret"]["items"]
    ]
    assert {item["path"] for item in items} == named


def test_every_sink_waits_on_disk_and_holds_the_source_back(made) -> None:
    args = made(
        "eks",
        loki=[LOKI],
        otlp=[{"url": "https://otel.example.com/v1/logs"}],
        cloudwatch=[{"region": "eu-west-1", "log_group": "/k8s"}],
        archive=bucket(),
        buffer_gib=2,
    )
    sinks = {name: one for name, one in vector_config(args)["sinks"].items() if name != "prom_exporter"}
    assert sorted(sinks) == sorted(args.sink_names) == ["archive", "cloudwatch", "loki", "otlp"]
    for sink in sinks.values():
        assert sink["buffer"] == {"type": "disk", "max_size": 2 * 2**30, "when_full": "block"}
        acknowledged = sink.get("acknowledgements") or sink["protocol"]["acknowledgements"]
        assert acknowledged == {"enabled": True}
    assert sinks["cloudwatch"]["create_missing_group"] is False


def test_every_line_passes_the_redaction_before_any_sink(made) -> None:
    """Followed back from the sinks, every way goes through the transform that hides secrets."""
    args = made(
        loki=[LOKI],
        otlp=[{"url": "https://otel.example.com/v1/logs"}],
        drop=[{"namespace": "kube-system", "message": "healthz"}],
    )
    config = vector_config(args)
    steps = {**config["sources"], **config["transforms"]}
    assert config["transforms"]["clean"]["drop_on_error"] is True
    for name, sink in config["sinks"].items():
        if name == "prom_exporter":
            continue
        at = sink["inputs"]
        while at != ["clean"]:
            assert len(at) == 1
            assert steps[at[0]].get("type") in ("filter", "remap")
            at = steps[at[0]]["inputs"]
    assert config["transforms"]["kept"]["condition"] == (
        '!((.namespace == "kube-system" && match_any(to_string(.message) ?? "", [r\'healthz\'])))'
    )


def test_what_is_read_follows_the_arguments(made) -> None:
    some = vector_config(made(loki=[LOKI], include_namespaces=["team-a"], kernel="off", continuations=[]))
    assert some["sources"]["pods"]["include_paths_glob_patterns"] == ["/var/log/pods/team-a_*/**"]
    assert "kernel" not in some["sources"]
    assert some["transforms"]["clean"]["inputs"] == ["pods"]
    rest = vector_config(made(loki=[LOKI], exclude_namespaces=["kube-system"], kernel="all"))
    assert "/var/log/pods/kube-system_*/**" in rest["sources"]["pods"]["exclude_paths_glob_patterns"]
    assert rest["transforms"]["clean"]["inputs"] == ["joined", "kernel"]


def test_an_xid_can_be_searched_for(made) -> None:
    config = vector_config(made(loki=[LOKI]))
    assert config["sinks"]["loki"]["structured_metadata"]["xid"] == "{{ xid }}"
    (pattern,) = re.findall(r"parse_regex\(\.message, r'(.*)'\)", config["transforms"]["clean"]["source"])
    found = re.search(pattern, "NVRM: Xid (PCI:0000:1b:00): 79, pid=1234, GPU has fallen off the bus.")
    assert found is not None
    assert found["number"] == "79"


def test_a_quote_does_not_end_a_pattern(made) -> None:
    source = vector_config(made(loki=[LOKI], redact=["it's"]))["transforms"]["clean"]["source"]
    assert r"r'it\x27s'" in source
    assert re.search("it\\x27s", "it's")


def test_helm_gives_templates_back_as_they_were() -> None:
    shown = escaped({"a": ["{{ node }}", "x"], "b": {"c": "{{{{"}, "d": 1})
    assert shown == {"a": ["{{`{{`}} node }}", "x"], "b": {"c": "{{`{{`}}{{`{{`}}"}, "d": 1}
    assert str(shown["a"][0]).replace("{{`{{`}}", "{{") == "{{ node }}"


def test_the_agents_have_no_more_of_the_host_than_they_need(made) -> None:
    values = agent_values(made(loki=[LOKI]))
    paths = [
        one["hostPath"]["path"]
        for one in (*values["defaultVolumes"], *values["extraVolumes"])
        if "hostPath" in one
    ]
    assert paths == ["/var/log", "/etc/machine-id"]
    assert values["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert values["image"] == {"base": "debian"}
    assert agent_values(made(loki=[LOKI], kernel="off"))["image"] == {"base": "distroless-libc"}


def test_the_archive_s_secret_must_be_where_the_agents_are(record) -> None:
    def program() -> None:
        LogShipping("logs", LogShippingArgs(cluster=cluster(), archive=bucket("team-a")))

    with pytest.raises(Exception, match="archive: its key is in a secret of the namespace 'team-a'"):
        record(program)


def _program(retries: int = 5, **args: Any) -> Callable[[], None]:
    def program() -> None:
        handle = cluster()
        stack = PrometheusStack("watch", PrometheusStackArgs(cluster=handle), handle.options())
        LogShipping(
            "logs",
            LogShippingArgs(
                cluster=handle,
                monitoring=stack.handle,
                loki=[LOKI],
                archive=bucket(),
                buffer_gib=retries,
                **args,
            ),
            handle.options(),
        )

    return program


def test_the_life_of_the_agents(sandbox: SandboxFixture) -> None:
    sandbox.up(_program())
    there = sandbox.cluster()
    monitor = there.get(GroupKind("monitoring.coreos.com", "PodMonitor"), "logging", "bedplate-log-agents")
    assert monitor is not None
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == "prom-exporter"
    release = there.get(GroupKind("helm.sh", "Release"), "logging", "vector")
    assert release is not None
    again = sandbox.up().changes
    assert {op for op, count in again.items() if count} == {"same"}
    sandbox.up(_program(9))
    assert sandbox.steps("update") == ["logs-agents"]
    sandbox.destroy()
    assert sandbox.resources() == []


def test_no_rule_of_the_policy_packs_is_broken(record) -> None:
    found = record(_program())
    mine = [one for one in found.made if one.name.startswith("logs")]
    broken = {
        f"{one.name}: {rule.name}"
        for one in mine
        for rule in RULES
        if isinstance(rule, Rule) and one.type in rule.types and rule.enforcement != "advisory"
        for _ in findings(rule, one.type, one.inputs)
    }
    # The logs of the others are files of the host.
    assert broken <= {"logs-namespace: kubernetes-namespace-pod-security"}
    (scraped,) = (one for one in mine if one.name == "logs-scraped")
    assert scraped.inputs["spec"]["ingress"][0]["ports"] == [{"port": METRICS_PORT, "protocol": "TCP"}]


def test_an_existing_stack_scrapes_the_agents(record) -> None:
    stack = MonitoringHandle.from_existing(cluster="dresden", release="kps")
    found = record(
        lambda: LogShipping(
            "logs", LogShippingArgs(cluster=cluster("eks"), monitoring=stack, loki=[LOKI], role_arn=ROLE)
        )
    )
    assert found.one("PodMonitor").inputs["metadata"]["labels"]["release"] == "kps"
    account = found.one("Release").inputs["values"]["serviceAccount"]
    assert account["annotations"] == {"eks.amazonaws.com/role-arn": ROLE}
