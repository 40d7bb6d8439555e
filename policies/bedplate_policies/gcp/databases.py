"""Cloud SQL, Memorystore and AlloyDB: databases beside the cluster."""

from bedplate_policies.checks import (
    all_of,
    must_be_one_of,
    must_equal,
    no_open_cidr,
)
from bedplate_policies.gcp.controls import cis, google
from bedplate_policies.gcp.keys import key_given
from bedplate_policies.rule import AnyRule, Severity, rule

SQL = ("gcp:sql/databaseInstance:DatabaseInstance",)
REDIS = ("gcp:redis/instance:Instance",)

RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-sql-cmek",
        description="Cloud SQL instances are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation="Set encryption_key_name to a key from Cloud KMS.",
        controls=(google("Customer-managed encryption keys (Cloud SQL)"),),
        types=SQL,
        group="encryption",
        check=key_given("encryptionKeyName"),
    ),
    rule(
        name="gcp-sql-tls",
        description="Cloud SQL instances take encrypted connections only.",
        severity=Severity.HIGH,
        remediation='Set settings.ip_configuration.ssl_mode="ENCRYPTED_ONLY" or '
        '"TRUSTED_CLIENT_CERTIFICATE_REQUIRED".',
        controls=(cis("6.4"),),
        types=SQL,
        group="encryption",
        check=must_be_one_of(
            "settings.ipConfiguration.sslMode", ("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED")
        ),
    ),
    rule(
        name="gcp-sql-private",
        description="Cloud SQL instances have no public address.",
        severity=Severity.HIGH,
        remediation="Set settings.ip_configuration.ipv4_enabled=False and private_network.",
        controls=(cis("6.6"),),
        types=SQL,
        check=must_equal("settings.ipConfiguration.ipv4Enabled", False),
    ),
    rule(
        name="gcp-sql-authorized-networks",
        description="Cloud SQL instances do not take connections from the whole internet.",
        severity=Severity.CRITICAL,
        remediation="Name your own ranges in settings.ip_configuration.authorized_networks.",
        controls=(cis("6.5"),),
        types=SQL,
        check=no_open_cidr(["settings.ipConfiguration.authorizedNetworks[].value"]),
    ),
    rule(
        name="gcp-sql-backup",
        description="Cloud SQL instances are backed up every day.",
        severity=Severity.HIGH,
        remediation="Set settings.backup_configuration.enabled=True.",
        controls=(cis("6.7"),),
        types=SQL,
        check=must_equal("settings.backupConfiguration.enabled", True),
    ),
    rule(
        name="gcp-sql-deletion-protection",
        description="Cloud SQL instances are not deleted by an update.",
        severity=Severity.HIGH,
        remediation="Leave deletion_protection at True and set settings.deletion_protection_enabled=True, "
        "which "
        "also holds outside of Pulumi.",
        controls=(google("Prevent deletion of an instance (Cloud SQL)"),),
        types=SQL,
        check=all_of(
            must_equal("deletionProtection", True, missing="ok"),
            must_equal("settings.deletionProtectionEnabled", True),
        ),
    ),
    rule(
        name="gcp-redis-tls",
        description="Memorystore for Redis encrypts what clients say to it.",
        severity=Severity.HIGH,
        remediation='Set transit_encryption_mode="SERVER_AUTHENTICATION".',
        controls=(google("In-transit encryption (Memorystore for Redis)"),),
        types=REDIS,
        group="encryption",
        check=must_equal("transitEncryptionMode", "SERVER_AUTHENTICATION"),
    ),
    rule(
        name="gcp-redis-auth",
        description="Memorystore for Redis asks its clients for a password.",
        severity=Severity.HIGH,
        remediation="Set auth_enabled=True.",
        controls=(google("Redis AUTH (Memorystore for Redis)"),),
        types=REDIS,
        check=must_equal("authEnabled", True),
    ),
    rule(
        name="gcp-redis-cmek",
        description="Memorystore for Redis is encrypted with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation="Set customer_managed_key to a key from Cloud KMS.",
        controls=(google("Customer-managed encryption keys (Memorystore for Redis)"),),
        types=REDIS,
        group="encryption",
        check=key_given("customerManagedKey"),
    ),
    rule(
        name="gcp-alloydb-cmek",
        description="AlloyDB clusters and their backups are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation='Set encryption_config={"kms_key_name": key.id}.',
        controls=(google("About CMEK (AlloyDB)"),),
        types=("gcp:alloydb/cluster:Cluster",),
        group="encryption",
        check=key_given("encryptionConfig.kmsKeyName"),
    ),
)
