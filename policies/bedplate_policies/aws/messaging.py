"""SNS topics, SQS queues, Kinesis streams and MSK clusters."""

from __future__ import annotations

from bedplate_policies.aws.controls import AT_REST, IN_TRANSIT, KEYS, fsbp, security_hub
from bedplate_policies.aws.documents import denies_plain_text
from bedplate_policies.checks import (
    all_of,
    any_of,
    must_be_given,
    must_equal,
    must_not_be,
)
from bedplate_policies.document import no_public_principal, policy_document
from bedplate_policies.rule import AnyRule, Severity, rule

_TOPIC = "aws:sns/topic:Topic"
_TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
_QUEUE = "aws:sqs/queue:Queue"
_QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
_STREAM = "aws:kinesis/stream:Stream"
_MSK = "aws:msk/cluster:Cluster"

RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-sns-encrypted",
        description="SNS topics are encrypted.",
        severity=Severity.MEDIUM,
        remediation="Set kms_master_key_id; alarms and budgets can publish only with a key of yours.",
        controls=(*security_hub("SNS.1"), *AT_REST),
        types=(_TOPIC,),
        group="encryption",
        check=must_be_given("kmsMasterKeyId"),
    ),
    rule(
        name="aws-sns-policy-not-public",
        description="SNS topics grant nothing to everybody.",
        severity=Severity.HIGH,
        remediation="Name services with aws:SourceAccount, or accounts, in policy.",
        controls=fsbp("SNS.4"),
        types=(_TOPIC, _TOPIC_POLICY),
        check=policy_document("policy", no_public_principal),
    ),
    rule(
        name="aws-sns-policy-tls-only",
        description="SNS policies deny messages that do not come over TLS.",
        severity=Severity.MEDIUM,
        remediation=(
            'Add a Deny statement for "sns:Publish" with the condition Bool "aws:SecureTransport": "false".'
        ),
        controls=IN_TRANSIT,
        types=(_TOPIC_POLICY,),
        group="encryption",
        check=policy_document("policy", denies_plain_text("sns:Publish")),
    ),
    rule(
        name="aws-sns-subscription-https",
        description="SNS delivers to web hooks over TLS.",
        severity=Severity.HIGH,
        remediation='Set protocol="https".',
        controls=IN_TRANSIT,
        types=("aws:sns/topicSubscription:TopicSubscription",),
        group="encryption",
        check=must_not_be("protocol", "http"),
    ),
    rule(
        name="aws-sqs-encrypted",
        description="SQS queues are encrypted.",
        severity=Severity.MEDIUM,
        remediation="Set kms_master_key_id, or sqs_managed_sse_enabled=True.",
        controls=fsbp("SQS.1"),
        types=(_QUEUE,),
        group="encryption",
        check=any_of(must_be_given("kmsMasterKeyId"), must_equal("sqsManagedSseEnabled", True)),
    ),
    rule(
        name="aws-sqs-policy-not-public",
        description="SQS queues grant nothing to everybody.",
        severity=Severity.HIGH,
        remediation="Name services with aws:SourceArn, or accounts, in policy.",
        controls=fsbp("SQS.3"),
        types=(_QUEUE, _QUEUE_POLICY),
        check=policy_document("policy", no_public_principal),
    ),
    rule(
        name="aws-sqs-policy-tls-only",
        description="SQS policies deny messages that do not come over TLS.",
        severity=Severity.MEDIUM,
        remediation=(
            'Add a Deny statement for "sqs:*" with the condition Bool "aws:SecureTransport": "false".'
        ),
        controls=IN_TRANSIT,
        types=(_QUEUE_POLICY,),
        group="encryption",
        check=policy_document("policy", denies_plain_text("sqs:SendMessage", "sqs:ReceiveMessage")),
    ),
    rule(
        name="aws-kinesis-stream-encrypted",
        description="Kinesis streams are encrypted with a customer-managed key.",
        severity=Severity.HIGH,
        remediation='Set encryption_type="KMS" and kms_key_id.',
        controls=(*fsbp("Kinesis.1"), *KEYS),
        types=(_STREAM,),
        group="encryption",
        check=all_of(must_equal("encryptionType", "KMS"), must_be_given("kmsKeyId")),
    ),
    rule(
        name="aws-kinesis-firehose-encrypted",
        description="Firehose streams that are written to directly are encrypted.",
        severity=Severity.MEDIUM,
        remediation=(
            'Set server_side_encryption.enabled=True and key_type="CUSTOMER_MANAGED_CMK" with key_arn.'
        ),
        controls=AT_REST,
        types=("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",),
        group="encryption",
        # A stream that reads from Kinesis takes that stream's encryption and refuses one of its own.
        check=any_of(
            must_equal("serverSideEncryption.enabled", True),
            must_be_given("kinesisSourceConfiguration.kinesisStreamArn"),
            must_be_given("mskSourceConfiguration.mskClusterArn"),
        ),
    ),
    rule(
        name="aws-msk-customer-key",
        description="MSK encrypts with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set encryption_info.encryption_at_rest_kms_key_arn.",
        controls=KEYS,
        types=(_MSK,),
        group="encryption",
        check=must_be_given("encryptionInfo.encryptionAtRestKmsKeyArn"),
    ),
    rule(
        name="aws-msk-in-transit",
        description="MSK talks TLS to clients and between brokers.",
        severity=Severity.HIGH,
        remediation=(
            'Leave encryption_info.encryption_in_transit out, or set client_broker="TLS" and in_cluster=True.'
        ),
        controls=fsbp("MSK.1"),
        types=(_MSK,),
        group="encryption",
        check=all_of(
            must_equal("encryptionInfo.encryptionInTransit.clientBroker", "TLS", missing="ok"),
            must_equal("encryptionInfo.encryptionInTransit.inCluster", True, missing="ok"),
        ),
    ),
    rule(
        name="aws-msk-not-public",
        description="MSK brokers are not reached from the internet, and nobody talks to them without a name.",
        severity=Severity.CRITICAL,
        remediation=(
            'Set connectivity_info.public_access.type="DISABLED" and '
            "client_authentication.unauthenticated=False."
        ),
        controls=fsbp("MSK.4", "MSK.6"),
        types=(_MSK,),
        check=all_of(
            must_equal("brokerNodeGroupInfo.connectivityInfo.publicAccess.type", "DISABLED", missing="ok"),
            must_not_be("clientAuthentication.unauthenticated", True),
        ),
    ),
)
