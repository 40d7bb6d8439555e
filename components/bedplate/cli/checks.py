"""The doctor's checks. None makes a network call beyond loopback, and none prints a credential's value."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bedplate import __version__
from bedplate.sandbox import home as homes
from bedplate.sandbox import pulumi_engine
from bedplate.sandbox.errors import UsageError

_INSTALL_PULUMI = "https://www.pulumi.com/docs/install/"
_PACKAGES = ("pulumi", "pulumi-aws", "pulumi-gcp", "pulumi-kubernetes", "boto3", "moto")
# The plugins of the clouds: the sandbox serves its own, so they are only for the real ones.
_PLUGINS = {"aws": "pulumi-aws", "gcp": "pulumi-gcp", "kubernetes": "pulumi-kubernetes"}


@dataclass(frozen=True)
class Row:
    """One thing: `status` is ok, missing (the sandbox cannot run) or optional; `fix` is a command or ""."""

    name: str
    status: str
    found: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def checks(root: Path | None, environ: Mapping[str, str] = os.environ) -> list[Row]:
    """Every check, in the order in which a person would fix things."""
    user = Path(environ.get("HOME") or Path.home())
    return [
        _python(),
        Row("bedplate", "ok", __version__),
        *_packages(),
        _loopback(),
        *_project(root, environ),
        _engine(environ),
        _language_plugin(environ),
        *_plugins(environ, user),
        _uv(environ),
        _aws(environ, user),
        _gcp(environ, user),
        _kubeconfig(environ, user),
    ]


def _python() -> Row:
    # An older Python cannot install the package at all (requires-python): nothing to compare here.
    return Row("python", "ok", f"{platform.python_version()} ({sys.executable})")


def _packages() -> list[Row]:
    found, absent = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            absent.append(name)
    if absent:
        return [
            Row(
                "packages",
                "missing",
                f"not installed: {', '.join(absent)}",
                "make setup (or: pip install bedplate)",
            )
        ]
    return [Row("packages", "ok", ", ".join(found))]


def _loopback() -> Row:
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
    except OSError as error:
        return Row(
            "loopback", "missing", f"no port on 127.0.0.1: {error}", "ip link set lo up; free some ports"
        )
    return Row("loopback", "ok", "127.0.0.1 has free ports")


def _project(root: Path | None, environ: Mapping[str, str]) -> list[Row]:
    try:
        home = homes.find(root, environ)
    except UsageError as error:
        return [Row("project", "optional", str(error), "cd to a directory with Pulumi.yaml")]
    rows = [Row("project", "ok", str(home.root)), _daemon(home)]
    if "PULUMI_CONFIG_PASSPHRASE" in environ or environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        return [*rows, Row("passphrase", "ok", "yours, from the environment")]
    made = "generated, " if home.passphrase_file.exists() else "will be generated: "
    return [*rows, Row("passphrase", "ok", f"{made}{home.passphrase_file}")]


def _daemon(home: homes.Home) -> Row:
    if not home.path.is_dir():
        return Row("sandbox", "ok", "not started yet; each command starts it")
    from bedplate.sandbox.server import running

    info = running(home.path)
    if info is None:
        return Row("sandbox", "ok", "not running; each command starts it")
    return Row("sandbox", "ok", f"running, process {info.pid}, {info.moto_url}")


def _engine(environ: Mapping[str, str]) -> Row:
    try:
        pulumi = pulumi_engine.find(environ)
    except UsageError as error:
        return Row("engine", "missing", str(error), f"reinstall Pulumi: {_INSTALL_PULUMI}")
    if pulumi:
        return Row("engine", "ok", f"pulumi {pulumi.version} ({pulumi.path})")
    return Row(
        "engine",
        "optional",
        "no `pulumi` on PATH: the sandbox uses its offline engine; a real cloud needs Pulumi's",
        f"curl -fsSL https://get.pulumi.com | sh   ({_INSTALL_PULUMI})",
    )


def _language_plugin(environ: Mapping[str, str]) -> Row:
    path = shutil.which("pulumi-language-python", path=environ.get("PATH"))
    if path:
        return Row("python for pulumi", "ok", path)
    return Row(
        "python for pulumi",
        "optional",
        "pulumi-language-python is not on PATH; it comes with the pulumi command",
        f"curl -fsSL https://get.pulumi.com | sh   ({_INSTALL_PULUMI})",
    )


def _plugins(environ: Mapping[str, str], user: Path) -> list[Row]:
    directory = Path(environ.get("PULUMI_HOME") or user / ".pulumi") / "plugins"
    rows = []
    for name, package in _PLUGINS.items():
        wanted = (
            importlib.metadata.version(package) if importlib.util.find_spec(package.replace("-", "_")) else ""
        )
        prefix = f"resource-{name}-v"
        have = sorted(entry.name[len(prefix) :] for entry in directory.glob(f"{prefix}*") if entry.is_dir())
        if wanted in have or (have and not wanted):
            rows.append(Row(f"plugin {name}", "ok", ", ".join(have)))
            continue
        found = f"have {', '.join(have)}; the SDK is {wanted}" if have else "none; only a real cloud needs it"
        rows.append(
            Row(f"plugin {name}", "optional", found, f"pulumi plugin install resource {name} v{wanted}")
        )
    return rows


def _uv(environ: Mapping[str, str]) -> Row:
    beside = Path(sys.executable).with_name("uv")
    path = shutil.which("uv", path=environ.get("PATH")) or (str(beside) if beside.exists() else None)
    if path:
        return Row("uv", "ok", path)
    return Row("uv", "optional", "not found; Pulumi.yaml names it as the toolchain", "pip install uv")


def _aws(environ: Mapping[str, str], user: Path) -> Row:
    kinds = []
    if environ.get("AWS_ACCESS_KEY_ID"):
        temporary = " (temporary)" if environ.get("AWS_SESSION_TOKEN") else ""
        kinds.append(f"access key in the environment{temporary}")
    if environ.get("AWS_PROFILE"):
        kinds.append(f"profile {environ['AWS_PROFILE']}")
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        kinds.append("web identity token file")
    if environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or environ.get(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    ):
        kinds.append("container credentials")
    if Path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or user / ".aws" / "credentials").is_file():
        kinds.append("shared credentials file")
    if Path(environ.get("AWS_CONFIG_FILE") or user / ".aws" / "config").is_file():
        kinds.append("config file")
    if environ.get("AWS_ENDPOINT_URL"):
        kinds.append(f"endpoint {environ['AWS_ENDPOINT_URL']}")
    if kinds:
        return Row("aws credentials", "ok", "; ".join(kinds))
    return Row("aws credentials", "optional", "none; the sandbox needs none", "aws configure sso")


def _gcp(environ: Mapping[str, str], user: Path) -> Row:
    if environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return Row("gcp credentials", "ok", "file named by GOOGLE_APPLICATION_CREDENTIALS")
    config = Path(environ.get("CLOUDSDK_CONFIG") or user / ".config" / "gcloud")
    if (config / "application_default_credentials.json").is_file():
        return Row("gcp credentials", "ok", "application default credentials")
    return Row(
        "gcp credentials", "optional", "none; the sandbox needs none", "gcloud auth application-default login"
    )


def _kubeconfig(environ: Mapping[str, str], user: Path) -> Row:
    named = environ.get("KUBECONFIG")
    files = [Path(part) for part in named.split(os.pathsep) if part] if named else [user / ".kube" / "config"]
    there = [str(file) for file in files if file.is_file()]
    if there:
        return Row("kubeconfig", "ok", ", ".join(there))
    return Row(
        "kubeconfig",
        "optional",
        "none; only an existing cluster needs one",
        "aws eks update-kubeconfig --name CLUSTER, or set KUBECONFIG",
    )
