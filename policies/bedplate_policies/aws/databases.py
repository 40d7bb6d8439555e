"""DynamoDB, ElastiCache, MemoryDB, OpenSearch, Redshift, and backup vaults."""

from __future__ import annotations

from bedplate_policies.aws.controls import IN_TRANSIT, KEYS, PUBLIC_ACCESS, fsbp
from bedplate_policies.checks import (
    all_of,
    at_least,
    must_be_given,
    must_be_one_of,
    must_be_set,
    must_equal,
    must_not_be,
)
from bedplate_policies.document import no_public_principal, policy_document
from bedplate_policies.rule import AnyRule, Severity, rule

_TABLE = "aws:dynamodb/table:Table"
_DAX = "aws:dax/cluster:Cluster"
_REDIS = "aws:elasticache/replicationGroup:ReplicationGroup"
_MEMORYDB = "aws:memorydb/cluster:Cluster"
# AWS renamed the service; the provider has a type for either name, with the same properties.
_SEARCH = ("aws:opensearch/domain:Domain", "aws:elasticsearch/domain:Domain")
_REDSHIFT = "aws:redshift/cluster:Cluster"
_REDSHIFT_SERVERLESS = "aws:redshiftserverless/workgroup:Workgroup"

RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-dynamodb-customer-key",
        description="DynamoDB tables are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set server_side_encryption.enabled=True and server_side_encryption.kms_key_arn.",
        controls=KEYS,
        types=(_TABLE,),
        group="encryption",
        check=all_of(
            must_equal("serverSideEncryption.enabled", True),
            must_be_given("serverSideEncryption.kmsKeyArn"),
        ),
    ),
    rule(
        name="aws-dynamodb-point-in-time-recovery",
        description="DynamoDB tables can be brought back as they were at any second of the last days.",
        severity=Severity.MEDIUM,
        remediation="Set point_in_time_recovery.enabled=True.",
        controls=fsbp("DynamoDB.2"),
        types=(_TABLE,),
        check=must_equal("pointInTimeRecovery.enabled", True),
    ),
    rule(
        name="aws-dynamodb-deletion-protection",
        description="DynamoDB tables are not deleted by accident.",
        severity=Severity.MEDIUM,
        remediation="Set deletion_protection_enabled=True.",
        controls=fsbp("DynamoDB.6"),
        types=(_TABLE,),
        check=must_equal("deletionProtectionEnabled", True),
    ),
    rule(
        name="aws-dax-encrypted",
        description="DAX clusters are encrypted at rest and in transit.",
        severity=Severity.MEDIUM,
        remediation='Set server_side_encryption.enabled=True and cluster_endpoint_encryption_type="TLS".',
        controls=fsbp("DynamoDB.3", "DynamoDB.7"),
        types=(_DAX,),
        group="encryption",
        check=all_of(
            must_equal("serverSideEncryption.enabled", True),
            must_equal("clusterEndpointEncryptionType", "TLS"),
        ),
    ),
    rule(
        name="aws-elasticache-encrypted",
        description="Redis and Valkey are encrypted at rest.",
        severity=Severity.MEDIUM,
        remediation="Set at_rest_encryption_enabled=True.",
        controls=fsbp("ElastiCache.4"),
        types=(_REDIS,),
        group="encryption",
        check=must_equal("atRestEncryptionEnabled", True),
    ),
    rule(
        name="aws-elasticache-customer-key",
        description="Redis and Valkey are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key of yours.",
        controls=KEYS,
        types=(_REDIS, "aws:elasticache/serverlessCache:ServerlessCache"),
        group="encryption",
        check=must_be_given("kmsKeyId"),
    ),
    rule(
        name="aws-elasticache-in-transit",
        description="Redis and Valkey take TLS only.",
        severity=Severity.HIGH,
        remediation="Set transit_encryption_enabled=True.",
        controls=fsbp("ElastiCache.5"),
        types=(_REDIS,),
        group="encryption",
        check=all_of(
            must_equal("transitEncryptionEnabled", True), must_not_be("transitEncryptionMode", "preferred")
        ),
    ),
    rule(
        name="aws-elasticache-backups",
        description="Redis and Valkey keep backups.",
        severity=Severity.LOW,
        remediation="Set snapshot_retention_limit=1 or more.",
        controls=fsbp("ElastiCache.1"),
        types=(_REDIS,),
        enforcement="advisory",
        check=at_least("snapshotRetentionLimit", 1, option="fewest_days"),
    ),
    rule(
        name="aws-elasticache-minor-upgrades",
        description="Redis and Valkey take security fixes by themselves.",
        severity=Severity.LOW,
        remediation="Leave auto_minor_version_upgrade on.",
        controls=fsbp("ElastiCache.2"),
        types=(_REDIS,),
        check=must_not_be("autoMinorVersionUpgrade", False),
    ),
    rule(
        name="aws-memorydb-in-transit",
        description="MemoryDB takes TLS only and asks who is there.",
        severity=Severity.HIGH,
        remediation='Leave tls_enabled on and set acl_name to a list of your own, not "open-access".',
        controls=IN_TRANSIT,
        types=(_MEMORYDB,),
        group="encryption",
        check=all_of(must_not_be("tlsEnabled", False), must_not_be("aclName", "open-access")),
    ),
    rule(
        name="aws-memorydb-customer-key",
        description="MemoryDB is encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_arn to the ARN of a key of yours.",
        controls=KEYS,
        types=(_MEMORYDB,),
        group="encryption",
        check=must_be_given("kmsKeyArn"),
    ),
    rule(
        name="aws-opensearch-encrypted",
        description=(
            "OpenSearch domains are encrypted at rest with a customer-managed key, and between nodes."
        ),
        severity=Severity.HIGH,
        remediation=(
            "Set encrypt_at_rest.enabled=True, encrypt_at_rest.kms_key_id and "
            "node_to_node_encryption.enabled=True."
        ),
        controls=(*fsbp("Opensearch.1", "Opensearch.3"), *KEYS),
        types=_SEARCH,
        group="encryption",
        check=all_of(
            must_equal("encryptAtRest.enabled", True),
            must_be_given("encryptAtRest.kmsKeyId"),
            must_equal("nodeToNodeEncryption.enabled", True),
        ),
    ),
    rule(
        name="aws-opensearch-tls",
        description="OpenSearch takes HTTPS only, with TLS 1.2 or later.",
        severity=Severity.HIGH,
        remediation=(
            "Set domain_endpoint_options.enforce_https=True and "
            'domain_endpoint_options.tls_security_policy="Policy-Min-TLS-1-2-PFS-2023-10".'
        ),
        controls=fsbp("Opensearch.8"),
        types=_SEARCH,
        group="encryption",
        check=all_of(
            must_equal("domainEndpointOptions.enforceHttps", True),
            must_be_one_of(
                "domainEndpointOptions.tlsSecurityPolicy",
                ("Policy-Min-TLS-1-2-PFS-2023-10", "Policy-Min-TLS-1-2-2019-07"),
            ),
        ),
    ),
    rule(
        name="aws-opensearch-not-public",
        description="OpenSearch domains stand in a VPC.",
        severity=Severity.CRITICAL,
        remediation="Set vpc_options.subnet_ids.",
        controls=fsbp("Opensearch.2"),
        types=_SEARCH,
        check=must_be_set("vpcOptions.subnetIds"),
    ),
    rule(
        name="aws-opensearch-access",
        description="OpenSearch knows who may read which index, and its policy is not everybody's.",
        severity=Severity.HIGH,
        remediation="Set advanced_security_options.enabled=True and name principals in access_policies.",
        controls=fsbp("Opensearch.7"),
        types=_SEARCH,
        check=all_of(
            must_equal("advancedSecurityOptions.enabled", True),
            policy_document("accessPolicies", no_public_principal),
        ),
    ),
    rule(
        name="aws-redshift-encrypted",
        description="Redshift clusters are encrypted with a customer-managed key.",
        severity=Severity.HIGH,
        remediation='Set encrypted="true" and kms_key_id.',
        controls=(*fsbp("Redshift.10"), *KEYS),
        types=(_REDSHIFT,),
        group="encryption",
        check=all_of(must_equal("encrypted", True), must_be_given("kmsKeyId")),
    ),
    rule(
        name="aws-redshift-not-public",
        description="Redshift has no public address.",
        severity=Severity.CRITICAL,
        remediation="Set publicly_accessible=False.",
        controls=fsbp("Redshift.1"),
        types=(_REDSHIFT, _REDSHIFT_SERVERLESS),
        check=must_equal("publiclyAccessible", False, missing="ok"),
    ),
    rule(
        name="aws-redshift-vpc-routing",
        description="Redshift loads and unloads inside the VPC.",
        severity=Severity.MEDIUM,
        remediation="Set enhanced_vpc_routing=True.",
        controls=fsbp("Redshift.7"),
        types=(_REDSHIFT, _REDSHIFT_SERVERLESS),
        check=must_equal("enhancedVpcRouting", True),
    ),
    rule(
        name="aws-redshift-snapshots",
        description="Redshift keeps snapshots for a week or more.",
        severity=Severity.MEDIUM,
        remediation="Set automated_snapshot_retention_period=7 or more.",
        controls=fsbp("Redshift.3"),
        types=(_REDSHIFT,),
        check=at_least("automatedSnapshotRetentionPeriod", 7, option="fewest_days"),
    ),
    rule(
        name="aws-redshift-serverless-customer-key",
        description="Redshift Serverless is encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key of yours.",
        controls=KEYS,
        types=("aws:redshiftserverless/namespace:Namespace",),
        group="encryption",
        check=must_be_given("kmsKeyId"),
    ),
    rule(
        name="aws-backup-vault-customer-key",
        description="Backup vaults are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_arn to the ARN of a key of yours.",
        controls=KEYS,
        types=("aws:backup/vault:Vault",),
        group="encryption",
        check=must_be_given("kmsKeyArn"),
    ),
    rule(
        name="aws-backup-vault-policy-not-public",
        description="Backup vaults grant nothing to everybody.",
        severity=Severity.CRITICAL,
        remediation="Name accounts in policy, or narrow * by aws:PrincipalOrgID.",
        controls=PUBLIC_ACCESS,
        types=("aws:backup/vaultPolicy:VaultPolicy",),
        check=policy_document("policy", no_public_principal),
    ),
)
