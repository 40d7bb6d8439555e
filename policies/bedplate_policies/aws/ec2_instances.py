"""EC2 instances, spot requests and launch configurations: metadata service, disks, addresses, credentials."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from bedplate_policies.aws.controls import (
    AT_REST,
    HANDS_OFF,
    KEYS,
    LEAST_PRIVILEGE,
    STORED_SECRETS,
    cis,
    fsbp,
)
from bedplate_policies.checks import (
    BuiltCheck,
    any_of,
    at_most,
    custom,
    each_must_equal,
    is_set,
    must_be_given,
    must_equal,
    must_not_be,
    must_not_be_set,
    negated,
    when,
)
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Check, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

INSTANCE = "aws:ec2/instance:Instance"
SPOT = "aws:ec2/spotInstanceRequest:SpotInstanceRequest"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
CONFIGURATION = "aws:ec2/launchConfiguration:LaunchConfiguration"

# Access key ids, and the name of the secret in a file or a shell variable.
_CREDENTIAL = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|aws_secret_access_key\s*[=:]", re.IGNORECASE)


def imdsv2() -> BuiltCheck:
    """Version 2 of the metadata service is required, or the service is off."""
    return any_of(
        must_equal("metadataOptions.httpTokens", "required"),
        must_equal("metadataOptions.httpEndpoint", "disabled"),
    )


def _own(path: str, check: Check) -> BuiltCheck:
    """The check, unless the instance leaves this block to its launch template, which has rules of its own."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        if resource.get("launchTemplate") is not MISSING and resource.get(path) is MISSING:
            return
        yield from check(resource, config)

    return custom(run, "launchTemplate", path, *getattr(check, "reads", ()))


def no_credentials(*paths: str) -> BuiltCheck:
    """Boot scripts hold no access key; who may describe the instance can read them."""

    def run(resource: Resource, _: Config) -> Iterator[Finding]:
        for path in paths:
            value = resource.get(path)
            if value is UNKNOWN:
                yield Finding.undetermined(path)
            elif isinstance(value, str) and any(
                _CREDENTIAL.search(text) for text in (value, _decoded(value))
            ):
                yield Finding.violation(f"{path} holds what looks like an AWS access key", path)

    return custom(run, *paths)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-ec2-instance-imdsv2",
        description="EC2 instances give credentials only to session-oriented metadata requests (IMDSv2).",
        severity=Severity.HIGH,
        remediation='Set metadata_options.http_tokens="required" (or http_endpoint="disabled").',
        controls=(*fsbp("EC2.8"), *cis("5.6")),
        types=(INSTANCE, SPOT),
        check=_own("metadataOptions", imdsv2()),
    ),
    rule(
        name="aws-ec2-launch-configuration-imdsv2",
        description=(
            "Launch configurations give credentials only to session-oriented metadata requests (IMDSv2)."
        ),
        severity=Severity.HIGH,
        remediation='Set metadata_options.http_tokens="required", or move to a launch template.',
        controls=(*fsbp("AutoScaling.3"), *cis("5.6")),
        types=(CONFIGURATION,),
        check=imdsv2(),
    ),
    rule(
        name="aws-ec2-metadata-hop-limit",
        description="Answers of the metadata service do not travel further than a container on the instance.",
        severity=Severity.MEDIUM,
        remediation="Set metadata_options.http_put_response_hop_limit to 1, or 2 where pods need it.",
        controls=LEAST_PRIVILEGE,
        types=(INSTANCE, SPOT, CONFIGURATION, TEMPLATE),
        check=at_most("metadataOptions.httpPutResponseHopLimit", 2, option="max_hops", missing="ok"),
    ),
    rule(
        name="aws-ec2-instance-no-public-ip",
        description="EC2 instances have no public IPv4 address.",
        severity=Severity.HIGH,
        remediation=(
            "Set associate_public_ip_address=False and reach the instance through SSM or a load balancer."
        ),
        controls=fsbp("EC2.9"),
        types=(INSTANCE, SPOT),
        check=must_not_be("associatePublicIpAddress", True),
    ),
    rule(
        name="aws-ec2-launch-configuration-no-public-ip",
        description="Launch configurations give instances no public IPv4 address.",
        severity=Severity.HIGH,
        remediation="Set associate_public_ip_address=False.",
        controls=fsbp("AutoScaling.5"),
        types=(CONFIGURATION,),
        check=must_not_be("associatePublicIpAddress", True),
    ),
    rule(
        name="aws-ec2-root-volume-encrypted",
        description="Root volumes of EC2 instances are encrypted.",
        severity=Severity.HIGH,
        remediation="Set root_block_device.encrypted=True.",
        controls=(*fsbp("EC2.3"), *cis("2.2.1")),
        types=(INSTANCE, SPOT),
        group="encryption",
        check=_own("rootBlockDevice", must_equal("rootBlockDevice.encrypted", True)),
    ),
    rule(
        name="aws-ec2-root-volume-customer-key",
        description="Root volumes of EC2 instances are encrypted with a customer-managed key.",
        severity=Severity.LOW,
        remediation="Set root_block_device.kms_key_id to the ARN of a key of yours.",
        controls=KEYS,
        types=(INSTANCE, SPOT),
        group="encryption",
        enforcement="advisory",
        check=_own("rootBlockDevice", must_be_given("rootBlockDevice.kmsKeyId")),
    ),
    rule(
        name="aws-ec2-launch-configuration-root-volume-encrypted",
        description="Root volumes of launch configurations are encrypted.",
        severity=Severity.HIGH,
        remediation="Set root_block_device.encrypted=True.",
        controls=(*cis("2.2.1"), *AT_REST),
        types=(CONFIGURATION,),
        group="encryption",
        check=must_equal("rootBlockDevice.encrypted", True),
    ),
    rule(
        name="aws-ec2-block-devices-encrypted",
        description="Further volumes of EC2 instances are encrypted.",
        severity=Severity.HIGH,
        remediation="Set encrypted=True in each of ebs_block_devices.",
        controls=(*fsbp("EC2.3"), *cis("2.2.1")),
        types=(INSTANCE, SPOT, CONFIGURATION),
        group="encryption",
        check=each_must_equal("ebsBlockDevices[].encrypted", True),
    ),
    rule(
        name="aws-ec2-no-key-pair",
        description=(
            "Machines take no SSH key pair: people reach them through Session Manager, which is logged."
        ),
        severity=Severity.LOW,
        remediation="Leave key_name unset and give the role AmazonSSMManagedInstanceCore.",
        controls=HANDS_OFF,
        types=(INSTANCE, SPOT, CONFIGURATION, TEMPLATE),
        enforcement="advisory",
        check=must_not_be_set("keyName"),
    ),
    rule(
        name="aws-ec2-user-data-credentials",
        description="Boot scripts of EC2 instances hold no access key.",
        severity=Severity.CRITICAL,
        remediation=(
            "Take the key out of user_data and set iam_instance_profile instead; then revoke the key."
        ),
        controls=STORED_SECRETS,
        types=(INSTANCE, SPOT, CONFIGURATION),
        check=no_credentials("userData", "userDataBase64"),
    ),
    rule(
        name="aws-ec2-instance-profile",
        description="EC2 instances have a role, so that nobody brings long-lived keys onto them.",
        severity=Severity.LOW,
        remediation="Set iam_instance_profile.",
        controls=cis("1.18"),
        types=(INSTANCE, SPOT),
        enforcement="advisory",
        check=when(negated(is_set("launchTemplate")), must_be_given("iamInstanceProfile")),
    ),
)
