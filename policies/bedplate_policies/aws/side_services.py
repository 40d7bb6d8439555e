"""Services that stand beside an AI stack: the keys of what they hold, and what they leave open."""

from __future__ import annotations

import json
from collections.abc import Iterator

from bedplate_policies.aws.controls import (
    AT_REST,
    HANDS_OFF,
    IN_TRANSIT,
    KEYS,
    LEAST_PRIVILEGE,
    LOGGING,
    PATCHING,
    PUBLIC_ACCESS,
    fsbp,
)
from bedplate_policies.checks import (
    all_of,
    custom,
    equals,
    must_be_given,
    must_be_one_of,
    must_equal,
    must_not_be,
    when,
)
from bedplate_policies.document import no_admin, no_wildcard_action, policy_document
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Rule, Severity, rule
from bedplate_policies.value import UNKNOWN, has_unknown, same

_ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
_BROKER = "aws:mq/broker:Broker"
_FIREWALL = "aws:networkfirewall/firewall:Firewall"
_SESSION_LOGS = (
    ("s3BucketName", "s3EncryptionEnabled"),
    ("cloudWatchLogGroupName", "cloudWatchEncryptionEnabled"),
)
_FIREWALL_PARTS = (
    _FIREWALL,
    "aws:networkfirewall/firewallPolicy:FirewallPolicy",
    "aws:networkfirewall/ruleGroup:RuleGroup",
)


def _keyed(name: str, what: str, types: tuple[str, ...], path: str, remediation: str) -> Rule:
    return rule(
        name=name,
        description=f"{what} with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation=remediation,
        controls=(*AT_REST, *KEYS),
        types=types,
        group="encryption",
        check=must_be_given(path),
    )


def _sessions_recorded(resource: Resource, _: Config) -> Iterator[Finding]:
    """A Session Manager document keeps what was typed, encrypted, and encrypts the session itself."""
    kind, content = resource.get("documentType"), resource.get("content")
    if kind is not UNKNOWN and kind != "Session":
        return
    if kind is UNKNOWN or content is UNKNOWN:
        yield Finding.undetermined("content")
        return
    try:
        document = json.loads(content) if isinstance(content, str) else None
    except ValueError:
        # YAML says the same; whoever wants it checked writes JSON.
        return
    inputs = document.get("inputs") if isinstance(document, dict) else None
    if not isinstance(inputs, dict) or has_unknown(inputs):
        return
    if not inputs.get("kmsKeyId"):
        yield Finding.violation(
            "inputs.kmsKeyId is not set in content: sessions are not encrypted", "content"
        )
    logs = (
        ("s3BucketName", "s3EncryptionEnabled"),
        ("cloudWatchLogGroupName", "cloudWatchEncryptionEnabled"),
    )
    kept = [encrypted for target, encrypted in logs if inputs.get(target)]
    if not kept:
        yield Finding.violation("no log of sessions is kept", "content")
    for encrypted in kept:
        if not same(inputs.get(encrypted), True):
            yield Finding.violation(f"inputs.{encrypted} is not true in content", "content")


RULES: tuple[AnyRule, ...] = (
    _keyed(
        "aws-ebs-copy-customer-key",
        "Copies of snapshots and machine images are encrypted",
        ("aws:ebs/snapshotCopy:SnapshotCopy", "aws:ec2/amiCopy:AmiCopy"),
        "kmsKeyId",
        "Set kms_key_id to the ARN of a key of yours.",
    ),
    rule(
        name="aws-ec2-image-disks-encrypted",
        description="Disks of a machine image are encrypted.",
        severity=Severity.HIGH,
        remediation=(
            "Set encrypted=True in each of ebs_block_devices, or register a snapshot that is encrypted "
            "(snapshot_id)."
        ),
        controls=AT_REST,
        types=("aws:ec2/ami:Ami",),
        group="encryption",
        check=must_equal("ebsBlockDevices[].encrypted", True),
    ),
    _keyed(
        "aws-dynamodb-replica-customer-key",
        "Replicas of DynamoDB tables are encrypted",
        ("aws:dynamodb/tableReplica:TableReplica",),
        "kmsKeyArn",
        "Set kms_key_arn to a key of the replica's region.",
    ),
    _keyed(
        "aws-memorydb-snapshot-customer-key",
        "Snapshots of MemoryDB are encrypted",
        ("aws:memorydb/snapshot:Snapshot",),
        "kmsKeyArn",
        "Set kms_key_arn to the ARN of a key of yours.",
    ),
    _keyed(
        "aws-redshift-copy-grant-customer-key",
        "Copies of Redshift snapshots in other regions are encrypted",
        ("aws:redshift/snapshotCopyGrant:SnapshotCopyGrant",),
        "kmsKeyId",
        "Set kms_key_id to a key of the region that the copies go to.",
    ),
    _keyed(
        "aws-codeartifact-customer-key",
        "Package repositories are encrypted",
        ("aws:codeartifact/domain:Domain",),
        "encryptionKey",
        "Set encryption_key to the ARN of a key of yours.",
    ),
    _keyed(
        "aws-kinesis-video-customer-key",
        "Video streams are encrypted",
        ("aws:kinesis/videoStream:VideoStream",),
        "kmsKeyId",
        "Set kms_key_id to the ARN of a key of yours.",
    ),
    _keyed(
        "aws-kendra-customer-key",
        "Search indexes of Kendra are encrypted",
        ("aws:kendra/index:Index",),
        "serverSideEncryptionConfiguration.kmsKeyId",
        "Set server_side_encryption_configuration.kms_key_id to the ARN of a key of yours.",
    ),
    _keyed(
        "aws-scheduler-customer-key",
        "Schedules, whose payloads may hold anything, are encrypted",
        ("aws:scheduler/schedule:Schedule",),
        "kmsKeyArn",
        "Set kms_key_arn to the ARN of a key of yours.",
    ),
    _keyed(
        "aws-sagemaker-flow-customer-key",
        "Reviews by people are written encrypted",
        ("aws:sagemaker/flowDefinition:FlowDefinition",),
        "outputConfig.kmsKeyId",
        "Set output_config.kms_key_id to the ARN of a key of yours.",
    ),
    rule(
        name="aws-sagemaker-data-quality-encrypted",
        description="Data quality jobs encrypt output and disks with a key of yours, and their traffic.",
        severity=Severity.MEDIUM,
        remediation=(
            "Set kms_key_id in data_quality_job_output_config, volume_kms_key_id in "
            "job_resources.cluster_config and network_config.enable_inter_container_traffic_encryption=True."
        ),
        controls=(*AT_REST, *KEYS, *IN_TRANSIT),
        types=("aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition",),
        group="encryption",
        check=all_of(
            must_be_given("dataQualityJobOutputConfig.kmsKeyId"),
            must_be_given("jobResources.clusterConfig.volumeKmsKeyId"),
            must_equal("networkConfig.enableInterContainerTrafficEncryption", True),
        ),
    ),
    rule(
        name="aws-glue-security-configuration",
        description="Glue jobs and crawlers name a security configuration, which says how they encrypt.",
        severity=Severity.MEDIUM,
        remediation="Set security_configuration to the name of an aws.glue.SecurityConfiguration.",
        controls=(*fsbp("Glue.3"), *AT_REST),
        types=("aws:glue/job:Job", "aws:glue/crawler:Crawler", "aws:glue/devEndpoint:DevEndpoint"),
        group="encryption",
        check=must_be_given("securityConfiguration"),
    ),
    rule(
        name="aws-workspaces-encrypted",
        description="Both disks of a virtual desktop are encrypted.",
        severity=Severity.HIGH,
        remediation="Set root_volume_encryption_enabled and user_volume_encryption_enabled to True.",
        controls=(*fsbp("WorkSpaces.1", "WorkSpaces.2"), *AT_REST),
        types=("aws:workspaces/workspace:Workspace",),
        group="encryption",
        check=all_of(
            must_equal("rootVolumeEncryptionEnabled", True), must_equal("userVolumeEncryptionEnabled", True)
        ),
    ),
    rule(
        name="aws-ses-tls",
        description="Mail leaves over TLS or not at all.",
        severity=Severity.MEDIUM,
        remediation='Set delivery_options.tls_policy to "Require" ("REQUIRE" in sesv2).',
        controls=IN_TRANSIT,
        types=("aws:ses/configurationSet:ConfigurationSet", "aws:sesv2/configurationSet:ConfigurationSet"),
        group="encryption",
        check=must_be_one_of("deliveryOptions.tlsPolicy", ("Require", "REQUIRE")),
    ),
    rule(
        name="aws-transfer-protocols",
        description="File transfer servers speak no FTP without TLS.",
        severity=Severity.HIGH,
        remediation="Leave FTP out of protocols: SFTP, FTPS and AS2 are encrypted.",
        controls=(*fsbp("Transfer.2"), *IN_TRANSIT),
        types=("aws:transfer/server:Server",),
        group="encryption",
        check=must_not_be("protocols[]", "FTP"),
    ),
    rule(
        name="aws-mq-customer-key",
        description="Message brokers are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set encryption_options.kms_key_id and use_aws_owned_key=False.",
        controls=(*AT_REST, *KEYS),
        types=(_BROKER,),
        group="encryption",
        check=all_of(
            must_equal("encryptionOptions.useAwsOwnedKey", False),
            must_be_given("encryptionOptions.kmsKeyId"),
        ),
    ),
    rule(
        name="aws-mq-not-public",
        description="Message brokers have no public address.",
        severity=Severity.CRITICAL,
        remediation="Leave publicly_accessible out.",
        controls=PUBLIC_ACCESS,
        types=(_BROKER,),
        check=must_equal("publiclyAccessible", False, missing="ok"),
    ),
    rule(
        name="aws-mq-logs",
        description="Message brokers write logs.",
        severity=Severity.MEDIUM,
        remediation="Set logs.general=True (and audit=True for ActiveMQ).",
        controls=(*fsbp("MQ.2"), *LOGGING),
        types=(_BROKER,),
        check=must_equal("logs.general", True),
    ),
    _keyed(
        "aws-network-firewall-customer-key",
        "Network firewalls and their rules are encrypted",
        _FIREWALL_PARTS,
        "encryptionConfiguration.keyId",
        'Set encryption_configuration with type="CUSTOMER_KMS" and key_id.',
    ),
    rule(
        name="aws-network-firewall-deletion-protection",
        description="A network firewall is not deleted by accident.",
        severity=Severity.MEDIUM,
        remediation="Set delete_protection=True.",
        controls=fsbp("NetworkFirewall.9"),
        types=(_FIREWALL,),
        check=must_equal("deleteProtection", True),
    ),
    rule(
        name="aws-ssm-session-recorded",
        description="Session Manager encrypts sessions and keeps encrypted logs of them.",
        severity=Severity.MEDIUM,
        remediation=(
            "Set kmsKeyId, and s3BucketName with s3EncryptionEnabled or cloudWatchLogGroupName with "
            "cloudWatchEncryptionEnabled, in inputs of content."
        ),
        controls=(*LOGGING, *HANDS_OFF),
        types=("aws:ssm/document:Document",),
        check=custom(_sessions_recorded, "documentType", "content"),
    ),
    rule(
        name="aws-sso-no-administrator-access",
        description="No permission set holds AWS's policy for administrators.",
        severity=Severity.HIGH,
        remediation="Attach a policy that grants what the people behind it do.",
        controls=LEAST_PRIVILEGE,
        types=("aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment",),
        check=must_not_be("managedPolicyArn", _ADMIN),
    ),
    rule(
        name="aws-sso-policy-no-admin",
        description="No permission set grants everything by a policy of its own.",
        severity=Severity.HIGH,
        remediation="Name actions and resources in inline_policy.",
        controls=LEAST_PRIVILEGE,
        types=("aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy",),
        check=policy_document("inlinePolicy", no_admin, no_wildcard_action),
    ),
    rule(
        name="aws-elasticache-cluster-minor-upgrades",
        description="Cache clusters take security fixes by themselves.",
        severity=Severity.MEDIUM,
        remediation='Leave auto_minor_version_upgrade out or set it to "true".',
        controls=(*fsbp("ElastiCache.2"), *PATCHING),
        types=("aws:elasticache/cluster:Cluster",),
        check=must_equal("autoMinorVersionUpgrade", True, missing="ok"),
    ),
    rule(
        name="aws-firehose-customer-key",
        description="Firehose streams that encrypt by themselves do so with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation='Set server_side_encryption.key_type="CUSTOMER_MANAGED_CMK" and key_arn.',
        controls=(*AT_REST, *KEYS),
        types=("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",),
        group="encryption",
        check=when(
            equals("serverSideEncryption.enabled", True),
            all_of(
                must_equal("serverSideEncryption.keyType", "CUSTOMER_MANAGED_CMK"),
                must_be_given("serverSideEncryption.keyArn"),
            ),
        ),
    ),
)
