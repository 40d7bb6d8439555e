"""Load balancers and their listeners."""

from __future__ import annotations

from collections.abc import Iterator

from bedplate_policies.aws.controls import IN_TRANSIT, LOGGING, NETWORK, fsbp
from bedplate_policies.checks import (
    all_of,
    custom,
    equals,
    must_be_given,
    must_be_one_of,
    must_equal,
    must_not_be,
    negated,
    when,
)
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

_BALANCERS = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
_LISTENERS = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
_GROUPS = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
_CLASSIC = "aws:elb/loadBalancer:LoadBalancer"


def _encrypted(resource: Resource, _: Config) -> Iterator[Finding]:
    protocol = resource.get("protocol")
    if protocol is UNKNOWN:
        yield Finding.undetermined("protocol")
    elif protocol in ("HTTP", MISSING):
        # A listener of an application load balancer without a protocol is HTTP on port 80.
        for action in resource.at("defaultActions[]"):
            kind = action.get("type")
            where = action.path("redirect.protocol")
            if kind is UNKNOWN or action.is_unknown:
                yield Finding.undetermined(where)
            elif kind != "redirect" or action.get("redirect.protocol") != "HTTPS":
                if protocol is MISSING and resource.get("certificateArn") is not MISSING:
                    continue
                yield Finding.violation(
                    "protocol is HTTP and the action is not a redirect to HTTPS", "protocol"
                )
                return


def _modern_tls(resource: Resource, _: Config) -> Iterator[Finding]:
    protocol, policy = resource.get("protocol"), resource.get("sslPolicy")
    if protocol is UNKNOWN or (protocol in ("HTTPS", "TLS") and policy is UNKNOWN):
        yield Finding.undetermined("sslPolicy")
    elif protocol in ("HTTPS", "TLS"):
        # AWS's names say the oldest version: ELBSecurityPolicy-TLS13-1-2-..., -FS-1-2-..., -TLS-1-2-....
        text = policy if isinstance(policy, str) else ""
        modern = any(part in text for part in ("TLS13-1-2", "TLS13-1-3", "FS-1-2", "TLS-1-2"))
        if not modern:
            shown = "not set" if policy is MISSING else "an older policy"
            yield Finding.violation(
                f"sslPolicy is {shown}, it must be one with TLS 1.2 or later", "sslPolicy"
            )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-lb-listener-encrypted",
        description="Listeners take HTTPS, or send HTTP on to it.",
        severity=Severity.HIGH,
        remediation='Set protocol="HTTPS" with certificate_arn, or a redirect to HTTPS in default_actions.',
        controls=(*fsbp("ELB.1"), *IN_TRANSIT),
        types=_LISTENERS,
        group="encryption",
        check=custom(
            _encrypted,
            "protocol",
            "certificateArn",
            "defaultActions[].type",
            "defaultActions[].redirect.protocol",
        ),
    ),
    rule(
        name="aws-lb-listener-tls-policy",
        description="Listeners take TLS 1.2 or later.",
        severity=Severity.MEDIUM,
        remediation='Set ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06".',
        controls=fsbp("ELB.17"),
        types=_LISTENERS,
        group="encryption",
        check=custom(_modern_tls, "protocol", "sslPolicy"),
    ),
    rule(
        name="aws-lb-drop-invalid-headers",
        description="Load balancers drop header fields that are not valid, which smuggle requests.",
        severity=Severity.MEDIUM,
        remediation="Set drop_invalid_header_fields=True.",
        controls=fsbp("ELB.4"),
        types=_BALANCERS,
        check=when(
            negated(equals("loadBalancerType", "network", "gateway")),
            must_equal("dropInvalidHeaderFields", True),
        ),
    ),
    rule(
        name="aws-lb-desync-mitigation",
        description="Load balancers guard against requests that servers read in two ways.",
        severity=Severity.MEDIUM,
        remediation='Leave desync_mitigation_mode out, or set "defensive" or "strictest".',
        controls=fsbp("ELB.12"),
        types=(*_BALANCERS, _CLASSIC),
        check=must_not_be("desyncMitigationMode", "monitor"),
    ),
    rule(
        name="aws-lb-access-logs",
        description="Load balancers record requests.",
        severity=Severity.LOW,
        remediation="Set access_logs.enabled=True and access_logs.bucket.",
        controls=(*fsbp("ELB.5"), *LOGGING),
        types=_BALANCERS,
        enforcement="advisory",
        check=all_of(must_be_given("accessLogs.bucket"), must_equal("accessLogs.enabled", True)),
    ),
    rule(
        name="aws-lb-deletion-protection",
        description="Load balancers are not deleted by accident.",
        severity=Severity.LOW,
        remediation="Set enable_deletion_protection=True.",
        controls=fsbp("ELB.6"),
        types=_BALANCERS,
        enforcement="advisory",
        check=must_equal("enableDeletionProtection", True),
    ),
    rule(
        name="aws-lb-internal",
        description="Load balancers that face the internet do so knowingly.",
        severity=Severity.MEDIUM,
        remediation="Set internal=True, or exempt the load balancer with the reason.",
        controls=NETWORK,
        types=(*_BALANCERS, _CLASSIC),
        enforcement="advisory",
        check=must_equal("internal", True),
    ),
    rule(
        name="aws-lb-target-group-encrypted",
        description="Traffic from the load balancer to machines is encrypted.",
        severity=Severity.LOW,
        remediation='Set protocol="HTTPS" (or "TLS").',
        controls=IN_TRANSIT,
        types=_GROUPS,
        group="encryption",
        enforcement="advisory",
        check=must_not_be("protocol", "HTTP", "TCP"),
    ),
    rule(
        name="aws-elb-classic-listener-encrypted",
        description="Classic load balancers take HTTPS or TLS.",
        severity=Severity.HIGH,
        remediation=(
            'Set lb_protocol to "https" or "ssl" in each of listeners, or move to an application load '
            "balancer."
        ),
        controls=fsbp("ELB.3"),
        types=(_CLASSIC,),
        group="encryption",
        check=must_be_one_of("listeners[].lbProtocol", ("https", "HTTPS", "ssl", "SSL")),
    ),
)
