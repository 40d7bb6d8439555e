"""Secrets, configuration, service accounts and packaged releases."""

import re
from collections.abc import Iterator, Mapping

from bedplate_policies.checks import custom, must_be_set, must_equal
from bedplate_policies.kubernetes.controls import cis, kubernetes, nsa
from bedplate_policies.kubernetes.names import sounds_secret
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

SECRET = ("kubernetes:core/v1:Secret",)
CONFIG_MAP = ("kubernetes:core/v1:ConfigMap",)
SERVICE_ACCOUNT = ("kubernetes:core/v1:ServiceAccount",)
RELEASE = ("kubernetes:helm.sh/v3:Release",)

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_FROM_CONTROLLERS = ("kubernetes.io/tls", "helm.sh/release.v1", "kubernetes.io/service-account-token")


def _plain_secret(resource: Resource, config: Config) -> Iterator[Finding]:
    kind = resource.get("type")
    if kind in _FROM_CONTROLLERS:
        return
    for path in ("data", "stringData"):
        value = resource.get(path)
        if value not in (MISSING, {}):
            if UNKNOWN in (kind, value):
                yield Finding.undetermined("type" if kind is UNKNOWN else path)
            else:
                yield Finding.violation(f"{path} holds the secret, and so do the program and its state", path)


def _config_map(resource: Resource, config: Config) -> Iterator[Finding]:
    for path in ("data", "binaryData"):
        content = resource.get(path)
        if content is UNKNOWN:
            yield Finding.undetermined(path)
        for key, value in content.items() if isinstance(content, Mapping) else ():
            where = resource.path(f'{path}["{key}"]') if '"' not in key else path
            if sounds_secret(key) or (isinstance(value, str) and _PRIVATE_KEY.search(value)):
                yield Finding.violation(
                    f"{where} looks like a secret, and configuration is read by many", where
                )
            elif value is UNKNOWN:
                yield Finding.undetermined(where)


def _default_account(resource: Resource, config: Config) -> Iterator[Finding]:
    name = resource.get("metadata.name")
    mounts = resource.get("automountServiceAccountToken")
    if mounts is False or name not in ("default", UNKNOWN):
        return
    if UNKNOWN in (name, mounts):
        yield Finding.undetermined("metadata.name" if name is UNKNOWN else "automountServiceAccountToken")
    else:
        yield Finding.violation(
            "automountServiceAccountToken is not false on the default account", "automountServiceAccountToken"
        )


def _repository(resource: Resource, config: Config) -> Iterator[Finding]:
    for path in ("repositoryOpts.repo", "chart"):
        value = resource.get(path)
        if value is UNKNOWN:
            yield Finding.undetermined(path)
        elif isinstance(value, str) and value.startswith("http://"):
            yield Finding.violation(f"{path} is reached without TLS", path)


def _pinned(resource: Resource, config: Config) -> Iterator[Finding]:
    chart = resource.get("chart")
    # A chart in a folder, or in an archive whose name says so, is what it is.
    local = isinstance(chart, str) and (chart.startswith((".", "/")) or chart.endswith(".tgz"))
    if not local:
        yield from must_be_set("version")(resource, config)


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-secret-external",
        description="Secrets come from a secrets manager, not from the program.",
        severity=Severity.LOW,
        remediation="Use the External Secrets Operator or the secrets store's CSI driver.",
        controls=(cis("5.4.2"), nsa("Secrets")),
        types=SECRET,
        enforcement="advisory",
        check=custom(_plain_secret, "data", "stringData", "type"),
    ),
    rule(
        name="kubernetes-secret-long-lived-token",
        description="No token of a service account lasts for ever.",
        severity=Severity.HIGH,
        remediation="Use tokens that the kubelet projects and renews, or kubectl create token.",
        controls=(cis("5.1.6"), nsa("Protecting Pod service account tokens")),
        types=SECRET,
        check=custom(
            lambda resource, config: (
                (Finding.undetermined("type"),)
                if resource.get("type") is UNKNOWN
                else (Finding.violation("type is kubernetes.io/service-account-token", "type"),)
                if resource.get("type") == "kubernetes.io/service-account-token"
                else ()
            ),
            "type",
        ),
    ),
    rule(
        name="kubernetes-config-map-secret",
        description="No configuration holds a secret.",
        severity=Severity.HIGH,
        remediation="Put it into a Secret, or better into a secrets manager.",
        controls=(nsa("Secrets"),),
        types=CONFIG_MAP,
        check=custom(_config_map, "data", "binaryData"),
    ),
    rule(
        name="kubernetes-default-service-account",
        description="A namespace's default service account hands out no token.",
        severity=Severity.MEDIUM,
        remediation="Set automount_service_account_token=False on it.",
        controls=(cis("5.1.5"),),
        types=SERVICE_ACCOUNT,
        check=custom(_default_account, "automountServiceAccountToken", "metadata.name"),
    ),
    rule(
        name="kubernetes-service-account-token",
        description="Service accounts hand their token only to pods that ask for it.",
        severity=Severity.LOW,
        remediation="Set automount_service_account_token=False, and True in the pods that call the API.",
        controls=(cis("5.1.6"),),
        types=SERVICE_ACCOUNT,
        enforcement="advisory",
        check=must_equal("automountServiceAccountToken", False),
    ),
    rule(
        name="kubernetes-helm-version",
        description="A release names the version of its chart.",
        severity=Severity.MEDIUM,
        remediation="Set version.",
        controls=(kubernetes("Helm: Chart Management"),),
        types=RELEASE,
        check=custom(_pinned, "version", "chart"),
    ),
    rule(
        name="kubernetes-helm-repository-tls",
        description="Charts are fetched over TLS.",
        severity=Severity.HIGH,
        remediation="Use an https:// or oci:// repository.",
        controls=(kubernetes("Helm: Chart Repositories"),),
        types=RELEASE,
        group="encryption",
        check=custom(_repository, "repositoryOpts.repo", "chart"),
    ),
)
