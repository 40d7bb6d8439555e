"""What a kubeconfig must be before anything is made with it. Nothing of its content is ever in a message."""

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import yaml

from bedplate.core.errors import ArgsError, Problem, Problems

_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_PEM = re.compile(rb"-----BEGIN [A-Z ]+-----")


def check_kubeconfig(text: str, context: str | None = None) -> str:
    """The kubeconfig, given back. Raises ArgsError with everything that is wrong with the part that is used.

    It must stand on its own: files that it names are on one machine only, and are refused.
    """
    _entries(text, context)
    return text


def server_of(text: str, context: str | None = None) -> str:
    """The API server that the context names, without its scheme: it tells one cluster from another."""
    cluster, _ = _entries(text, context)
    return str(cluster["server"]).removeprefix("https://").rstrip("/")


def _entries(text: str, context: str | None) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """The cluster and the user of the context."""
    problems = Problems("kubeconfig")
    config = _document(text)
    wanted = context or config.get("current-context")
    if not isinstance(wanted, str) or not wanted:
        raise _one("it has no current-context; allowed: one that exists; set it, or give context")
    chosen = _named(config, "contexts", "context", wanted, problems)
    cluster: Mapping[str, object] = {}
    user: Mapping[str, object] = {}
    if chosen is not None:
        found = _named(config, "clusters", "cluster", chosen.get("cluster"), problems)
        if found is not None:
            cluster = found
            _check_cluster(problems, found)
        owner = _named(config, "users", "user", chosen.get("user"), problems)
        if owner is not None:
            user = owner
            _check_user(problems, owner)
    problems.raise_if_any()
    return cluster, user


def _one(reason: str) -> ArgsError:
    return ArgsError("kubeconfig", [Problem("", reason)])


def _document(text: str) -> Mapping[str, object]:
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError:
        # The parser's own text quotes the document.
        raise _one("it is not YAML; allowed: what `kubectl config view --raw --flatten` prints") from None
    if not isinstance(config, dict) or "clusters" not in config or config.get("kind", "Config") != "Config":
        raise _one(
            "it is not a kubeconfig (kind Config with clusters, contexts and users); allowed: what "
            "`kubectl config view --raw --flatten` prints, and not the path of a file; give its content"
        )
    return config


def _named(
    config: Mapping[str, object], section: str, key: str, name: object, problems: Problems
) -> Mapping[str, object] | None:
    entries = config.get(section)
    listed = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    found = [entry.get(key) for entry in listed if entry.get("name") == name]
    names = ", ".join(sorted(str(entry.get("name")) for entry in listed)) or "none"
    if len(found) != 1:
        count = "no entry" if not found else f"{len(found)} entries"
        problems.add(section, f"{count} called {name!r}; allowed: one; there are {names}; correct the name")
        return None
    return found[0] if isinstance(found[0], dict) else {}


def _check_cluster(problems: Problems, cluster: Mapping[str, object]) -> None:
    server = cluster.get("server")
    parts = urlsplit(server) if isinstance(server, str) else None
    if parts is None or parts.scheme != "https" or not parts.hostname:
        problems.add(
            "clusters.server", "it is not an https address; allowed: https://<host>[:port]; correct it"
        )
    if cluster.get("insecure-skip-tls-verify") not in (None, False):
        problems.add(
            "clusters.insecure-skip-tls-verify",
            "anybody on the way could pose as the API server; allowed: false; remove it and give the "
            "certificate authority",
        )
    if cluster.get("certificate-authority"):
        problems.add(
            "clusters.certificate-authority",
            "it names a file of one machine; allowed: certificate-authority-data; run "
            "`kubectl config view --raw --flatten`",
        )
    elif not cluster.get("certificate-authority-data"):
        problems.add(
            "clusters.certificate-authority-data",
            "none, so that the API server cannot be told from another; allowed: the cluster's authority, "
            "PEM in base64; add it",
        )
    elif not _is_pem(cluster["certificate-authority-data"]):
        problems.add(
            "clusters.certificate-authority-data", "it is not PEM in base64; allowed: that; export it anew"
        )


def _check_user(problems: Problems, user: Mapping[str, object]) -> None:
    for field in ("client-certificate", "client-key", "tokenFile"):
        if user.get(field):
            problems.add(
                f"users.{field}",
                "it names a file of one machine; allowed: the data itself, a token or an exec plugin; run "
                "`kubectl config view --raw --flatten`",
            )
    for field in ("username", "password", "auth-provider"):
        if user.get(field):
            problems.add(
                f"users.{field}",
                "Kubernetes no longer knows it; allowed: a client certificate, a token or an exec plugin; "
                "use one",
            )
    plugin = user.get("exec")
    if isinstance(plugin, dict):
        if plugin.get("apiVersion") not in _EXEC_VERSIONS or not plugin.get("command"):
            problems.add(
                "users.exec",
                f"it lacks a command or an apiVersion; allowed: {' and '.join(_EXEC_VERSIONS)}; correct it",
            )
        return
    certificate, key = user.get("client-certificate-data"), user.get("client-key-data")
    if bool(certificate) != bool(key):
        problems.add(
            "users.client-key-data", "a certificate needs its key and a key its certificate; give both"
        )
    for field in ("client-certificate-data", "client-key-data"):
        if user.get(field) and not _is_pem(user[field]):
            problems.add(f"users.{field}", "it is not PEM in base64; allowed: that; export it anew")
    if not certificate and not user.get("token") and not problems:
        problems.add("users", "no way to log in; allowed: a client certificate, a token or an exec plugin")


def _is_pem(data: object) -> bool:
    try:
        return bool(_PEM.match(base64.b64decode(str(data), validate=True).lstrip()))
    except (binascii.Error, ValueError):
        return False
