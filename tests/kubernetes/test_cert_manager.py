"""cert-manager and its issuers: what is refused, what is made, and its life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pulumi
import pulumi_kubernetes as k8s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.core.errors import ArgsError, Problems
from bedplate.kubernetes.cert_manager import (
    CertificateIssuer,
    CertManager,
    CertManagerArgs,
    CertManagerHandle,
    certificate,
)
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

CERTIFICATE = GroupKind("cert-manager.io", "Certificate")
ISSUER = GroupKind("cert-manager.io", "ClusterIssuer")
POLICY = GroupKind("networking.k8s.io", "NetworkPolicy")
DIRECTORY = "https://acme-v02.api.letsencrypt.org/directory"
ACME = {"kind": "acme", "acme_server": DIRECTORY, "acme_gateway": "gateways/public"}
CA = {"kind": "ca", "secret_name": "internal-ca"}


@pytest.mark.parametrize(
    ("changes", "path", "parts"),
    [
        ({"namespace": "Certs"}, "namespace", ("'Certs'", "rename it")),
        ({"replicas": 0}, "replicas", ("0", "1")),
        ({"replicas": 6}, "replicas", ("6", "5")),
        ({"issuers": {"Not.A.Label": CA}}, "issuers", ("cannot stand in the name of a host",)),
        ({"issuers": {"own": {"kind": "ca"}}}, "issuers.own.secret_name", ("not given", "'ca'", "give it")),
        (
            {"issuers": {"own": {"kind": "self-signed", "secret_name": "x"}}},
            "issuers.own.secret_name",
            ("'self-signed'", "remove it"),
        ),
        (
            {"issuers": {"own": {**CA, "acme_email": "ops@example.com"}}},
            "issuers.own.acme_email",
            ("'ca'", "remove it"),
        ),
        (
            {"gateway_api": True, "issuers": {"le": {"kind": "acme", "acme_server": DIRECTORY}}},
            "issuers.le.acme_gateway",
            ("not given", "'acme'", "give it"),
        ),
        (
            {"gateway_api": True, "issuers": {"le": {**ACME, "acme_server": "http://acme.example.com"}}},
            "issuers.le.acme_server",
            ("is not https", "never asked in plain"),
        ),
        (
            {"gateway_api": True, "issuers": {"le": {**ACME, "acme_gateway": "public"}}},
            "issuers.le.acme_gateway",
            ("public",),
        ),
        (
            {"gateway_api": True, "issuers": {"le": {**ACME, "acme_email": "nobody"}}},
            "issuers.le.acme_email",
            ("nobody",),
        ),
        ({"issuers": {"le": ACME}}, "issuers.le.acme_gateway", ("gateway_api is off", "set gateway_api")),
        ({"issuer": {}}, "issuer", ("issuers",)),
    ],
)
def test_what_cannot_sign_is_refused(
    changes: dict[str, Any], path: str, parts: tuple[str, ...], refused: Callable[..., dict[str, str]]
) -> None:
    found = refused(lambda: CertManagerArgs.model_validate(changes))
    matching = [one for one in found if one == path or one.startswith(f"{path}.")]
    assert matching == list(found)
    for part in parts:
        assert part in found[matching[0]]


_FIELDS = {
    "secret_name": "internal-ca",
    "acme_server": DIRECTORY,
    "acme_email": "ops@example.com",
    "acme_gateway": "gateways/public",
}
_NEEDED = {"ca": {"secret_name"}, "acme": {"acme_server", "acme_gateway"}, "self-signed": set()}


@given(kind=st.sampled_from(sorted(_NEEDED)), fields=st.sets(st.sampled_from(sorted(_FIELDS))))
def test_an_issuer_has_the_fields_of_its_kind_and_no_others(kind: str, fields: set[str]) -> None:
    needed = _NEEDED[kind]
    allowed = needed | ({"acme_email"} if kind == "acme" else set())
    values = {"kind": kind, **{name: _FIELDS[name] for name in fields}}
    wrong = (needed - fields) | (fields - allowed)
    if not wrong:
        (signs,) = CertificateIssuer.model_validate(values).spec("own")
        assert signs == {"ca": "ca", "acme": "acme", "self-signed": "selfSigned"}[kind]
        return
    with pytest.raises(ArgsError) as caught:
        CertificateIssuer.model_validate(values)
    assert {one.path for one in caught.value.problems} == wrong


@pytest.mark.parametrize(
    ("issuer", "parts"),
    [
        ("internal", ()),
        ("else", ("'else' is not an issuer", "internal, public, first")),
        ("public", ("asks a public directory", "kind 'ca'", "'internal'")),
        ("first", ("nobody trusts it", "'internal'")),
    ],
)
def test_names_inside_of_a_cluster_are_signed_by_an_authority_of_ones_own(
    issuer: str, parts: tuple[str, ...]
) -> None:
    handle = CertManagerHandle(
        namespace="cert-manager",
        issuers=("internal", "public", "first"),
        release=cast(pulumi.Resource, None),
        issuer_kinds={"internal": "ca", "public": "acme", "first": "self-signed"},
    )
    problems = Problems("arguments")
    handle.check_inside(problems, "issuer", issuer)
    if not parts:
        problems.raise_if_any()
        return
    with pytest.raises(ArgsError) as caught:
        problems.raise_if_any()
    (found,) = caught.value.problems
    assert all(part in found.reason for part in parts)


def test_two_directories_have_an_account_each(record: Any) -> None:
    issuers = {"live": ACME, "trial": {**ACME, "acme_server": "https://acme.example.com/directory"}}
    args = CertManagerArgs.model_validate({"gateway_api": True, "issuers": issuers})
    made = record(lambda: CertManager("certs", args)).of_type("ClusterIssuer")
    specs = {one.inputs["metadata"]["name"]: one.inputs["spec"]["acme"] for one in made}
    assert specs["live"]["privateKeySecretRef"] == {"name": "live-account"}
    assert specs["trial"]["privateKeySecretRef"] == {"name": "trial-account"}
    parents = specs["live"]["solvers"][0]["http01"]["gatewayHTTPRoute"]["parentRefs"]
    assert parents == [{"name": "public", "namespace": "gateways", "kind": "Gateway"}]


@pytest.mark.parametrize("monitored", [False, True])
def test_nothing_comes_in_but_to_the_webhook_and_for_metrics(record: Any, monitored: bool) -> None:
    args = CertManagerArgs(service_monitor=monitored)
    made = record(lambda: CertManager("certs", args))
    doors = {one.inputs["metadata"]["name"]: one.inputs["spec"] for one in made.of_type("NetworkPolicy")}
    assert "ingress" not in doors["closed"]
    (rule,) = doors["open-to"]["ingress"]
    assert [one["port"] for one in rule["ports"]] == ([10250, 9402] if monitored else [10250])


def test_one_of_each_has_no_budget_that_would_hold_its_node(record: Any) -> None:
    def budget(replicas: int) -> Any:
        args = CertManagerArgs(replicas=replicas)
        values = record(lambda: CertManager("certs", args)).one("Release").inputs["values"]
        assert values["webhook"]["replicaCount"] == values["replicaCount"] == replicas
        return values["webhook"]["podDisruptionBudget"]["enabled"]

    assert (budget(1), budget(2)) == (False, True)


def program(days: int = 90, **changes: Any) -> Callable[[], None]:
    def run() -> None:
        provider = k8s.Provider("racks", cluster_identifier="racks")
        opts = pulumi.ResourceOptions(provider=provider)
        args = CertManagerArgs.model_validate({"issuers": {"internal": CA}, **changes})
        manager = CertManager("certs", args, opts)
        team = k8s.core.v1.Namespace("team", metadata={"name": "team"}, opts=opts)
        owner = pulumi.ComponentResource("test:index:Shop", "shop", None, opts)
        certificate(
            owner,
            "shop-tls",
            object_name="shop-tls",
            namespace="team",
            issuer="internal",
            dns_names=["shop.team.svc"],
            days=days,
            after=[manager.handle.release, team],
        )

    return run


def changed(result: Any) -> dict[str, int]:
    return {key: count for key, count in result.changes.items() if count and key != "same"}


@pytest.mark.xdist_group("kubernetes-cert_manager")
def test_life(sandbox: SandboxFixture, mandatory: Callable[..., list[str]]) -> None:
    sandbox.up(program())
    racks = sandbox.cluster("racks")
    assert racks.get(ISSUER, "", "internal")["spec"] == {"ca": {"secretName": "internal-ca"}}
    spec = racks.get(CERTIFICATE, "team", "shop-tls")["spec"]
    assert (spec["duration"], spec["renewBefore"]) == ("2160h", "720h")
    assert spec["issuerRef"] == {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "internal"}
    assert len(racks.objects(POLICY, "cert-manager")) == 2
    # The team's namespace is the test's own.
    made = [
        (one["type"], one["urn"].rsplit("::")[-1], one["inputs"])
        for one in sandbox.resources()
        if one["type"].startswith("kubernetes:") and not one["urn"].endswith("::team")
    ]
    assert mandatory(made) == []

    assert changed(sandbox.up(program())) == {}
    sandbox.up(program(days=30))
    assert sandbox.steps("update") == ["shop-tls"]
    sandbox.up(program(days=30, replicas=3))
    assert sandbox.steps("update") == ["certs-chart"]
    sandbox.up(program(days=30, replicas=3, issuers={"internal": {**CA, "secret_name": "newer-ca"}}))
    assert sandbox.steps("update") == ["certs-issuer-internal"]

    sandbox.destroy()
    order = sandbox.steps("delete")
    assert order.index("shop-tls") < order.index("certs-chart") < order.index("certs-namespace-closed")
    assert sandbox.resources() == []
    assert racks.objects(CERTIFICATE, "team") == []
