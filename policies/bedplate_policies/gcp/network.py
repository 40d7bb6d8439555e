"""Networks: who gets in, what is recorded, and how TLS ends."""

from collections.abc import Iterator

from bedplate_policies.checks import (
    all_of,
    custom,
    equals,
    is_open,
    must_be_given,
    must_be_one_of,
    must_be_set,
    must_equal,
    negated,
    when,
)
from bedplate_policies.gcp.controls import cis, google
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Check, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

FIREWALL = ("gcp:compute/firewall:Firewall",)
SUBNETWORK = ("gcp:compute/subnetwork:Subnetwork",)
_READS = ("sourceRanges[]", "direction", "disabled", "allows[].protocol", "allows[].ports[]")
# Subnetworks of these purposes hold no machines, and Google refuses flow logs on them.
_NO_MACHINES = (
    "REGIONAL_MANAGED_PROXY",
    "GLOBAL_MANAGED_PROXY",
    "INTERNAL_HTTPS_LOAD_BALANCER",
    "PRIVATE_NAT",
)


def _open_to_all(resource: Resource) -> object:
    """True, False or UNKNOWN: whether an ingress rule takes the whole internet."""
    if resource.get("direction") == "EGRESS" or resource.get("disabled") is True:
        return False
    sources = [value for _, value in resource.each("sourceRanges[]")]
    if any(is_open(value) for value in sources):
        return True
    if UNKNOWN in sources or UNKNOWN in (resource.get("direction"), resource.get("disabled")):
        return UNKNOWN
    narrowed = any(
        resource.get(path) is not MISSING for path in ("sourceTags", "sourceServiceAccounts", "sourceRanges")
    )
    # Without any source, Google takes 0.0.0.0/0.
    return not narrowed


def _covers(allowed: Resource, port: int | None) -> object:
    protocol = allowed.get("protocol")
    if allowed.is_unknown or protocol is UNKNOWN:
        return UNKNOWN
    if protocol not in ("all", "tcp", "6"):
        return False
    ports = [value for _, value in allowed.each("ports[]")]
    if not ports:
        # No port means every port; that is asked once, by the rule about all ports.
        return port is None or protocol != "all"
    if UNKNOWN in ports:
        return UNKNOWN
    return any(_within(str(value), port) for value in ports)


def _within(written: str, port: int | None) -> bool:
    first, _, last = written.partition("-")
    try:
        low, high = int(first), int(last or first)
    except ValueError:
        return True
    return low <= 1 and high >= 65535 if port is None else low <= port <= high


def closed(port: int | None) -> Check:
    """No rule lets the whole internet reach this port; None stands for all ports at once."""
    what = "every port" if port is None else f"port {port}"

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        opened = _open_to_all(resource)
        for allowed in resource.at("allows[]"):
            covered = _covers(allowed, port)
            if opened is False or covered is False:
                continue
            if UNKNOWN in (opened, covered):
                yield Finding.undetermined("sourceRanges" if opened is UNKNOWN else allowed.path(""))
            else:
                yield Finding.violation(
                    f"{allowed.path('')} lets the whole internet reach {what}", allowed.path("")
                )

    return custom(run, *_READS)


def with_machines(check: Check) -> Check:
    """The check on subnetworks that hold machines."""
    return when(negated(equals("purpose", *_NO_MACHINES)), check)


RULES: tuple[AnyRule, ...] = (
    *(
        rule(
            name=f"gcp-firewall-{service}",
            description=f"The internet does not reach {what}.",
            severity=severity,
            remediation=f"Name your own ranges in source_ranges, {instead}.",
            controls=controls,
            types=FIREWALL,
            check=closed(port),
        )
        for service, what, severity, instead, controls, port in (
            ("ssh", "SSH", Severity.CRITICAL, "or 35.235.240.0/20 for IAP", (cis("3.6"),), 22),
            ("rdp", "remote desktops", Severity.CRITICAL, "or 35.235.240.0/20 for IAP", (cis("3.7"),), 3389),
            (
                "all-ports",
                "all ports of a machine",
                Severity.CRITICAL,
                "and the ports that are served in allows[].ports",
                (google("VPC firewall rules"),),
                None,
            ),
            (
                "jupyter",
                "notebooks",
                Severity.HIGH,
                "and publish notebooks behind IAP",
                (google("VPC firewall rules"),),
                8888,
            ),
            (
                "ray",
                "the dashboard of a Ray cluster, which runs any code",
                Severity.CRITICAL,
                "and publish the dashboard behind IAP",
                (google("VPC firewall rules"),),
                8265,
            ),
        )
    ),
    rule(
        name="gcp-firewall-logging",
        description="Firewall rules record the connections that they decide on.",
        severity=Severity.LOW,
        remediation='Set log_config={"metadata": "INCLUDE_ALL_METADATA"}.',
        controls=(google("Firewall Rules Logging"),),
        types=FIREWALL,
        enforcement="advisory",
        check=must_be_set("logConfig.metadata"),
    ),
    rule(
        name="gcp-network-custom-subnets",
        description="A network has the subnetworks that somebody planned, not one in each region.",
        severity=Severity.MEDIUM,
        remediation="Set auto_create_subnetworks=False.",
        controls=(cis("3.1"),),
        types=("gcp:compute/network:Network",),
        check=must_equal("autoCreateSubnetworks", False),
    ),
    rule(
        name="gcp-subnetwork-flow-logs",
        description="Subnetworks record what flows through them.",
        severity=Severity.MEDIUM,
        remediation='Set log_config={"flow_sampling": 0.5, "metadata": "INCLUDE_ALL_METADATA"}.',
        controls=(cis("3.8"),),
        types=SUBNETWORK,
        check=with_machines(must_be_set("logConfig")),
    ),
    rule(
        name="gcp-subnetwork-private-google-access",
        description="Machines without public addresses reach Google's APIs.",
        severity=Severity.MEDIUM,
        remediation="Set private_ip_google_access=True.",
        controls=(google("Private Google Access"),),
        types=SUBNETWORK,
        check=with_machines(must_equal("privateIpGoogleAccess", True)),
    ),
    rule(
        name="gcp-dns-dnssec",
        description="Public DNS zones are signed.",
        severity=Severity.MEDIUM,
        remediation='Set dnssec_config={"state": "on"}, or visibility="private".',
        controls=(cis("3.3"),),
        types=("gcp:dns/managedZone:ManagedZone",),
        check=when(negated(equals("visibility", "private")), must_equal("dnssecConfig.state", "on")),
    ),
    rule(
        name="gcp-tls-version",
        description="Load balancers take TLS 1.2 or later, with modern ciphers.",
        severity=Severity.HIGH,
        remediation='Set min_tls_version="TLS_1_2" and profile="MODERN" or "RESTRICTED".',
        controls=(cis("3.9"),),
        types=("gcp:compute/sSLPolicy:SSLPolicy",),
        group="encryption",
        check=all_of(
            must_be_one_of("minTlsVersion", ("TLS_1_2", "TLS_1_3")),
            must_be_one_of("profile", ("MODERN", "RESTRICTED", "FIPS_202205")),
        ),
    ),
    rule(
        name="gcp-tls-policy",
        description="HTTPS load balancers have a TLS policy; Google's default takes TLS 1.0.",
        severity=Severity.MEDIUM,
        remediation="Set ssl_policy to a gcp.compute.SSLPolicy.",
        controls=(cis("3.9"),),
        types=(
            "gcp:compute/targetHttpsProxy:TargetHttpsProxy",
            "gcp:compute/regionTargetHttpsProxy:RegionTargetHttpsProxy",
        ),
        group="encryption",
        check=must_be_given("sslPolicy"),
    ),
)
