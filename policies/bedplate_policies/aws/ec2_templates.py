"""Launch templates and auto scaling groups: what every machine of a pool is made of."""

from __future__ import annotations

from collections.abc import Iterator

from bedplate_policies.aws.controls import KEYS, STORED_SECRETS, cis, fsbp
from bedplate_policies.aws.ec2_instances import TEMPLATE, imdsv2, no_credentials
from bedplate_policies.checks import (
    custom,
    must_not_be,
    must_not_be_set,
)
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN, same

_DISK = "blockDeviceMappings[].ebs"


def _disks_encrypted(resource: Resource, _: Config) -> Iterator[Finding]:
    mappings = resource.get("blockDeviceMappings")
    if mappings is UNKNOWN:
        yield Finding.undetermined("blockDeviceMappings")
        return
    named = 0
    for disk in resource.at(_DISK):
        named += 1
        encrypted = disk.get("encrypted")
        where = disk.path("encrypted")
        if encrypted is UNKNOWN:
            yield Finding.undetermined(where)
        elif not same(encrypted, True):
            yield Finding.violation(f"{where} is {disk.shown('encrypted')}, it must be true", where)
    if not named:
        # The image's own disks then decide, and an image that is not encrypted gives disks that are not.
        yield Finding.violation(
            "blockDeviceMappings names no disk, so nothing encrypts the root volume", _DISK
        )


def _disks_customer_key(resource: Resource, _: Config) -> Iterator[Finding]:
    for disk in resource.at(_DISK):
        if disk.is_unknown:
            yield Finding.undetermined(disk.path(""))
        elif disk.get("kmsKeyId") in (MISSING, ""):
            where = disk.path("kmsKeyId")
            yield Finding.violation(f"{where} is not set, so AWS's own key is used", where)


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-ec2-launch-template-imdsv2",
        description="Launch templates require version 2 of the metadata service.",
        severity=Severity.HIGH,
        remediation='Set metadata_options.http_tokens="required" (or http_endpoint="disabled").',
        controls=(*fsbp("EC2.170"), *cis("5.6")),
        types=(TEMPLATE,),
        check=imdsv2(),
    ),
    rule(
        name="aws-ec2-launch-template-no-public-ip",
        description="Launch templates give network interfaces no public IPv4 address.",
        severity=Severity.HIGH,
        remediation='Set associate_public_ip_address="false" in each of network_interfaces.',
        controls=fsbp("EC2.25"),
        types=(TEMPLATE,),
        check=must_not_be("networkInterfaces[].associatePublicIpAddress", True),
    ),
    rule(
        name="aws-ec2-launch-template-disks-encrypted",
        description="Launch templates encrypt every disk of their machines.",
        severity=Severity.HIGH,
        remediation='Name each disk in block_device_mappings with ebs.encrypted="true".',
        controls=(*fsbp("EC2.181"), *cis("2.2.1")),
        types=(TEMPLATE,),
        group="encryption",
        check=custom(_disks_encrypted, f"{_DISK}.encrypted"),
    ),
    rule(
        name="aws-ec2-launch-template-disks-customer-key",
        description="Launch templates encrypt disks with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set ebs.kms_key_id in each of block_device_mappings to the ARN of a key of yours.",
        controls=KEYS,
        types=(TEMPLATE,),
        group="encryption",
        check=custom(_disks_customer_key, f"{_DISK}.kmsKeyId"),
    ),
    rule(
        name="aws-ec2-launch-template-user-data-credentials",
        description="Boot scripts of launch templates hold no access key.",
        severity=Severity.CRITICAL,
        remediation=(
            "Take the key out of user_data and set iam_instance_profile instead; then revoke the key."
        ),
        controls=STORED_SECRETS,
        types=(TEMPLATE,),
        check=no_credentials("userData"),
    ),
    rule(
        name="aws-autoscaling-launch-template",
        description="Auto scaling groups use launch templates: launch configurations lack current options.",
        severity=Severity.MEDIUM,
        remediation="Replace launch_configuration by launch_template or mixed_instances_policy.",
        controls=fsbp("AutoScaling.9"),
        types=("aws:autoscaling/group:Group",),
        check=must_not_be_set("launchConfiguration"),
    ),
)
