"""The log agent's configuration, from typed arguments. Pure.

Options are those of Vector 0.56 (vectordotdev/vector at v0.56.0, src/sources, src/transforms, src/sinks).
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import pulumi

from bedplate.monitoring.kubernetes.logs_args import (
    AwsKey,
    CloudWatchSink,
    LogShippingArgs,
    LokiSink,
    OtlpSink,
)
from bedplate.monitoring.kubernetes.logs_patterns import SECRETS
from bedplate.monitoring.kubernetes.routing_args import SecretRef

Config: TypeAlias = dict[str, object]

SECRETS_DIRECTORY = "/etc/vector-secrets"
METRICS_PORT = 9598
METRICS_SINK = "prom_exporter"
"""The chart names the container's port after it: `prom-exporter`."""
KEY_ID, SECRET_KEY = "archive_key_id", "archive_secret_key"


def vector_config(args: LogShippingArgs) -> Config:
    """The whole configuration."""
    sources: Config = {"internal": {"type": "internal_metrics"}, "pods": _pods(args)}
    transforms: Config = {}
    lines = "pods"
    if args.continuations:
        transforms["joined"] = _joined(args.continuations)
        lines = "joined"
    inputs = [lines]
    if args.kernel != "off":
        sources["kernel"] = {
            "type": "journald",
            "include_matches": {"_TRANSPORT": ["kernel"]},
            "journal_directory": "/var/log/journal",
            "current_boot_only": False,
        }
        inputs.append("kernel")
        if args.kernel == "faults":
            transforms["faults"] = {
                "type": "filter",
                "inputs": ["kernel"],
                "condition": _any(args.kernel_patterns),
            }
            inputs[-1] = "faults"
    transforms["clean"] = {
        "type": "remap",
        "inputs": inputs,
        "source": clean_source(args),
        # A line that cannot be redacted is not shipped.
        "drop_on_error": True,
        "drop_on_abort": True,
    }
    last = "clean"
    if args.drop:
        rules = " || ".join(f"({_drop(rule.namespace, rule.container, rule.message)})" for rule in args.drop)
        transforms["kept"] = {"type": "filter", "inputs": ["clean"], "condition": f"!({rules})"}
        last = "kept"
    sinks: Config = {
        METRICS_SINK: {
            "type": "prometheus_exporter",
            "inputs": ["internal"],
            "address": f"0.0.0.0:{METRICS_PORT}",
        }
    }
    for loki in args.loki:
        sinks[loki.name] = _loki(loki, last, args)
    for otlp in args.otlp:
        transforms[f"{otlp.name}_records"] = {"type": "remap", "inputs": [last], "source": _OTLP}
        sinks[otlp.name] = _otlp(otlp, f"{otlp.name}_records", args)
    for group in args.cloudwatch:
        sinks[group.name] = _cloudwatch(group, last, args)
    if args.archive is not None:
        sinks["archive"] = _archive(args, last)
    return {
        "data_dir": "/vector-data-dir",
        "secret": {
            "files": {
                "type": "directory",
                "path": SECRETS_DIRECTORY,
                "remove_trailing_whitespace": True,
            }
        },
        "sources": sources,
        "transforms": transforms,
        "sinks": sinks,
    }


def files(args: LogShippingArgs) -> dict[str, SecretRef]:
    """The files in the directory of secrets, and what each holds. The archive's key is not among them."""
    found: dict[str, SecretRef] = {}

    def add(name: str, reference: SecretRef | None) -> None:
        if reference is not None:
            found[name] = reference

    for loki in args.loki:
        for part in ("username", "password", "bearer_token", "ca"):
            add(f"{loki.name}_{part}", getattr(loki, part))
    for otlp in args.otlp:
        add(f"{otlp.name}_ca", otlp.ca)
        for header, reference in otlp.headers.items():
            add(_header_file(otlp.name, header), reference)
    for group in args.cloudwatch:
        if group.key is not None:
            add(f"{group.name}_key_id", group.key.access_key_id)
            add(f"{group.name}_secret_key", group.key.secret_access_key)
    return found


def clean_source(args: LogShippingArgs) -> str:
    """Hides secrets and says where a line is from, in Vector's own language."""
    patterns = ", ".join(_raw(pattern) for pattern in (*SECRETS, *args.redact))
    return f"""\
if is_string(.message) {{
  .message = redact(
    string!(.message),
    filters: [{patterns}],
    redactor: {{"type": "text", "replacement": "[REDACTED]"}}
  )
}}
.cluster = "{args.cluster.name}"
.kind = if exists(.kubernetes) {{ "pod" }} else {{ "kernel" }}
.namespace = to_string(.kubernetes.pod_namespace) ?? ""
.pod = to_string(.kubernetes.pod_name) ?? ""
.container = to_string(.kubernetes.container_name) ?? ""
.run = to_string(.kubernetes.pod_labels."bedplate/run") ?? ""
.node = if exists(.kubernetes) {{ .kubernetes.pod_node_name }} else {{ .host }}
xid, error = parse_regex(.message, r'NVRM: Xid \\([^)]*\\): (?P<number>\\d+)')
.xid = if error == null {{ xid.number }} else {{ "" }}
del(.kubernetes)
del(.timestamp_end)
del(.file)
"""


_OTLP = """\
. = {"resourceLogs": [{
  "resource": {"attributes": [
    {"key": "k8s.cluster.name", "value": {"stringValue": .cluster}},
    {"key": "k8s.namespace.name", "value": {"stringValue": .namespace}},
    {"key": "k8s.pod.name", "value": {"stringValue": .pod}},
    {"key": "k8s.container.name", "value": {"stringValue": .container}},
    {"key": "k8s.node.name", "value": {"stringValue": .node}},
    {"key": "bedplate.run", "value": {"stringValue": .run}},
    {"key": "bedplate.xid", "value": {"stringValue": .xid}}
  ]},
  "scopeLogs": [{"logRecords": [{
    "timeUnixNano": to_unix_timestamp!(.timestamp, unit: "nanoseconds"),
    "body": {"stringValue": .message}
  }]}]
}]}
"""


def _pods(args: LogShippingArgs) -> Config:
    source: Config = {
        "type": "kubernetes_logs",
        # One answer of the API server for all agents, instead of one each from etcd.
        "use_apiserver_cache": True,
        "max_line_bytes": 262144,
        "glob_minimum_cooldown_ms": 5000,
        "exclude_paths_glob_patterns": [
            "**/*.gz",
            "**/*.tmp",
            *(f"/var/log/pods/{name}_*/**" for name in args.exclude_namespaces),
        ],
    }
    if args.include_namespaces:
        source["include_paths_glob_patterns"] = [
            f"/var/log/pods/{name}_*/**" for name in args.include_namespaces
        ]
    return source


def _joined(continuations: Sequence[str]) -> Config:
    return {
        "type": "reduce",
        "inputs": ["pods"],
        "group_by": ["kubernetes.pod_uid", "kubernetes.container_name", "stream"],
        "merge_strategies": {"message": "concat_newline"},
        "starts_when": f"!({_any(continuations)})",
        "expire_after_ms": 2000,
        "max_events": 500,
    }


def _any(patterns: Sequence[str]) -> str:
    listed = ", ".join(_raw(pattern) for pattern in patterns)
    return f'match_any(to_string(.message) ?? "", [{listed}])'


def _drop(namespace: str | None, container: str | None, message: str | None) -> str:
    parts = []
    if namespace is not None:
        parts.append(f'.namespace == "{namespace}"')
    if container is not None:
        parts.append(f'.container == "{container}"')
    if message is not None:
        parts.append(_any([message]))
    return " && ".join(parts)


def _raw(pattern: str) -> str:
    """A pattern as Vector's language has it. A quote would end it."""
    return "r'" + pattern.replace("'", "\\x27").replace("\n", "\\n") + "'"


def _sink(kind: str, source: str, args: LogShippingArgs) -> Config:
    return {
        "type": kind,
        "inputs": [source],
        # The position in a file moves on only when the sink has, or the disk holds, what was read.
        "acknowledgements": {"enabled": True},
        "buffer": {"type": "disk", "max_size": args.buffer_gib * 2**30, "when_full": "block"},
    }


def _secret(file: str) -> str:
    return f"SECRET[files.{file}]"


def _tls(name: str, ca: SecretRef | None) -> Config:
    return {} if ca is None else {"tls": {"ca_file": f"{SECRETS_DIRECTORY}/{name}_ca"}}


def _loki(sink: LokiSink, source: str, args: LogShippingArgs) -> Config:
    config: Config = {
        **_sink("loki", source, args),
        "endpoint": sink.url,
        "encoding": {"codec": "text"},
        # Few labels: each combination is a stream of its own.
        "labels": {name: f"{{{{ {name} }}}}" for name in ("cluster", "kind", "namespace", "container")},
        "structured_metadata": {name: f"{{{{ {name} }}}}" for name in ("node", "pod", "run", "xid")},
        "out_of_order_action": "accept",
        **_tls(sink.name, sink.ca),
    }
    if sink.tenant is not None:
        config["tenant_id"] = sink.tenant
    if sink.username is not None:
        config["auth"] = {
            "strategy": "basic",
            "user": _secret(f"{sink.name}_username"),
            "password": _secret(f"{sink.name}_password"),
        }
    if sink.bearer_token is not None:
        config["auth"] = {"strategy": "bearer", "token": _secret(f"{sink.name}_bearer_token")}
    return config


def _header_file(sink: str, header: str) -> str:
    return f"{sink}_header_{header.lower().replace('-', '_')}"


def _otlp(sink: OtlpSink, source: str, args: LogShippingArgs) -> Config:
    config = _sink("opentelemetry", source, args)
    headers = {name: _secret(_header_file(sink.name, name)) for name in sink.headers}
    config["protocol"] = {
        "type": "http",
        "uri": sink.url,
        "method": "post",
        "encoding": {"codec": "otlp"},
        "acknowledgements": config.pop("acknowledgements"),
        "request": {"headers": {"Content-Type": "application/x-protobuf", **headers}},
        **_tls(sink.name, sink.ca),
    }
    return config


def _cloudwatch(sink: CloudWatchSink, source: str, args: LogShippingArgs) -> Config:
    return {
        **_sink("aws_cloudwatch_logs", source, args),
        "region": sink.region,
        "group_name": sink.log_group,
        "stream_name": "{{ node }}",
        # A group that is made on the way would keep everything for ever, under no key.
        "create_missing_group": False,
        "create_missing_stream": True,
        "compression": "gzip",
        "encoding": {"codec": "json"},
        **_key(sink.name, sink.key),
    }


def _key(name: str, key: AwsKey | None) -> Config:
    if key is None:
        return {}
    return {
        "auth": {
            "access_key_id": _secret(f"{name}_key_id"),
            "secret_access_key": _secret(f"{name}_secret_key"),
        }
    }


def _archive(args: LogShippingArgs, source: str) -> Config:
    store, settings = args.archive, args.archive_settings
    assert store is not None
    config: Config = {
        **_sink("aws_s3", source, args),
        "bucket": store.name,
        "region": store.region,
        "key_prefix": f"{settings.prefix}/cluster={args.cluster.name}/date=%F/hour=%H/",
        "compression": "gzip",
        "encoding": {"codec": "json"},
        "framing": {"method": "newline_delimited"},
        "batch": {"max_bytes": settings.object_mib * 2**20, "timeout_secs": settings.seconds},
        "force_path_style": store.path_style,
    }
    if store.endpoint is not None:
        config["endpoint"] = store.endpoint
    if store.key is not None:
        config |= {"server_side_encryption": "aws:kms", "ssekms_key_id": store.key.arn}
    if store.credentials is not None:
        config["auth"] = {"access_key_id": _secret(KEY_ID), "secret_access_key": _secret(SECRET_KEY)}
    return config


def escaped(value: object) -> object:
    """The same, so that helm, which fills in templates in the configuration, gives it back as it was."""
    if isinstance(value, str):
        return value.replace("{{", "{{`{{`}}")
    if isinstance(value, Mapping):
        return {key: escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [escaped(item) for item in value]
    assert value is None or isinstance(value, bool | int | float | pulumi.Output)
    return value
