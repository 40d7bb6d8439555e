"""Pub/Sub, Artifact Registry, BigQuery and the managed services that run models: keys and readers."""

from collections.abc import Iterator

from bedplate_policies.checks import (
    custom,
    equals,
    must_equal,
    must_not_be,
    when,
)
from bedplate_policies.gcp.controls import cis, gke, google
from bedplate_policies.gcp.identity import EVERYBODY, no_public_member
from bedplate_policies.gcp.keys import key_given
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import UNKNOWN

REPOSITORY = ("gcp:artifactregistry/repository:Repository",)
DATASET = ("gcp:bigquery/dataset:Dataset",)


def _no_public_access(resource: Resource, config: Config) -> Iterator[Finding]:
    for path in ("specialGroup", "iamMember", "accesses[].specialGroup", "accesses[].iamMember"):
        for place, value in resource.each(path):
            if value is UNKNOWN:
                yield Finding.undetermined(place)
            elif value in EVERYBODY:
                yield Finding.violation(f"{place} is everybody ({value})", place)


RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-pubsub-cmek",
        description="Pub/Sub topics are encrypted with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_name to a key from Cloud KMS.",
        controls=(google("Configuring message encryption (Pub/Sub)"),),
        types=("gcp:pubsub/topic:Topic",),
        group="encryption",
        check=key_given("kmsKeyName"),
    ),
    rule(
        name="gcp-pubsub-no-public-members",
        description="Nobody unnamed reads or writes a topic.",
        severity=Severity.CRITICAL,
        remediation="Name a service account or group in member(s) instead of allUsers.",
        controls=(google("Access control with IAM (Pub/Sub)"),),
        types=(
            "gcp:pubsub/topicIAMMember:TopicIAMMember",
            "gcp:pubsub/topicIAMBinding:TopicIAMBinding",
            "gcp:pubsub/topicIAMPolicy:TopicIAMPolicy",
            "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember",
            "gcp:pubsub/subscriptionIAMBinding:SubscriptionIAMBinding",
            "gcp:pubsub/subscriptionIAMPolicy:SubscriptionIAMPolicy",
        ),
        check=no_public_member(),
    ),
    rule(
        name="gcp-artifact-registry-cmek",
        description="Repositories of images are encrypted with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_name to a key from Cloud KMS.",
        controls=(google("Enabling customer-managed encryption keys (Artifact Registry)"),),
        types=REPOSITORY,
        group="encryption",
        check=key_given("kmsKeyName"),
    ),
    rule(
        name="gcp-artifact-registry-scanning",
        description="Nobody switches off the search for known weaknesses in images.",
        severity=Severity.MEDIUM,
        remediation='Leave vulnerability_scanning_config out, or set enablement_config="INHERITED".',
        controls=(gke("5.1.1"),),
        types=REPOSITORY,
        check=must_not_be("vulnerabilityScanningConfig.enablementConfig", "DISABLED"),
    ),
    rule(
        name="gcp-artifact-registry-immutable-tags",
        description="A tag of an image means the same image for ever.",
        severity=Severity.LOW,
        remediation="Set docker_config.immutable_tags=True.",
        controls=(google("Prevent tag mutation (Artifact Registry)"),),
        types=REPOSITORY,
        enforcement="advisory",
        check=when(equals("format", "DOCKER"), must_equal("dockerConfig.immutableTags", True)),
    ),
    rule(
        name="gcp-artifact-registry-no-public-members",
        description="Nobody unnamed pulls or pushes images.",
        severity=Severity.CRITICAL,
        remediation="Name the nodes' service account in member(s) instead of allUsers.",
        controls=(gke("5.1.2"),),
        types=(
            "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
            "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding",
            "gcp:artifactregistry/repositoryIamPolicy:RepositoryIamPolicy",
        ),
        check=no_public_member(),
    ),
    rule(
        name="gcp-bigquery-dataset-cmek",
        description="BigQuery datasets encrypt new tables with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation='Set default_encryption_configuration={"kms_key_name": key.id}.',
        controls=(cis("7.3"),),
        types=DATASET,
        group="encryption",
        check=key_given("defaultEncryptionConfiguration.kmsKeyName"),
    ),
    rule(
        name="gcp-bigquery-table-cmek",
        description="BigQuery tables are encrypted with a key of the customer.",
        severity=Severity.LOW,
        remediation='Set encryption_configuration={"kms_key_name": key.id}, or give the dataset a default '
        "key.",
        controls=(cis("7.2"),),
        types=("gcp:bigquery/table:Table",),
        group="encryption",
        enforcement="advisory",
        check=key_given("encryptionConfiguration.kmsKeyName"),
    ),
    rule(
        name="gcp-bigquery-no-public-access",
        description="No dataset is open to everybody.",
        severity=Severity.CRITICAL,
        remediation="Name users, groups or domains in accesses instead of allUsers or allAuthenticatedUsers.",
        controls=(cis("7.1"),),
        types=(*DATASET, "gcp:bigquery/datasetAccess:DatasetAccess"),
        check=custom(_no_public_access),
    ),
    rule(
        name="gcp-bigquery-no-public-members",
        description="Nothing in a dataset is granted to everybody.",
        severity=Severity.CRITICAL,
        remediation="Name users, groups or service accounts in member(s) instead of allUsers.",
        controls=(cis("7.1"),),
        types=(
            "gcp:bigquery/datasetIamMember:DatasetIamMember",
            "gcp:bigquery/datasetIamBinding:DatasetIamBinding",
            "gcp:bigquery/datasetIamPolicy:DatasetIamPolicy",
        ),
        check=no_public_member(),
    ),
    rule(
        name="gcp-bigquery-table-deletion-protection",
        description="BigQuery tables are not deleted by an update.",
        severity=Severity.MEDIUM,
        remediation="Leave deletion_protection at its default, or set it to True.",
        controls=(),
        types=("gcp:bigquery/table:Table",),
        check=must_equal("deletionProtection", True, missing="ok"),
    ),
    rule(
        name="gcp-vertex-endpoint-cmek",
        description="Endpoints that serve models are encrypted with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation='Set encryption_spec={"kms_key_name": key.id}.',
        controls=(google("Customer-managed encryption keys (Vertex AI)"),),
        types=("gcp:vertex/aiEndpoint:AiEndpoint",),
        group="encryption",
        check=key_given("encryptionSpec.kmsKeyName"),
    ),
    rule(
        name="gcp-dataproc-cmek",
        description="Disks of Dataproc clusters are encrypted with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation='Set cluster_config.encryption_config={"kms_key_name": key.id}.',
        controls=(cis("8.1"),),
        types=("gcp:dataproc/cluster:Cluster",),
        group="encryption",
        check=key_given("clusterConfig.encryptionConfig.kmsKeyName"),
    ),
    rule(
        name="gcp-dataproc-private",
        description="Machines of a Dataproc cluster have no public addresses.",
        severity=Severity.HIGH,
        remediation="Set cluster_config.gce_cluster_config.internal_ip_only=True.",
        controls=(cis("4.9"),),
        types=("gcp:dataproc/cluster:Cluster",),
        check=must_equal("clusterConfig.gceClusterConfig.internalIpOnly", True),
    ),
    rule(
        name="gcp-cloudrun-no-public-members",
        description="Nobody unnamed calls a Cloud Run service.",
        severity=Severity.HIGH,
        remediation="Name who calls in member(s) instead of allUsers, or put a load balancer with IAP in "
        "front.",
        controls=(google("Allowing public (unauthenticated) access (Cloud Run)"),),
        types=(
            "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
            "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding",
            "gcp:cloudrunv2/serviceIamPolicy:ServiceIamPolicy",
            "gcp:cloudfunctionsv2/functionIamMember:FunctionIamMember",
            "gcp:cloudfunctionsv2/functionIamBinding:FunctionIamBinding",
        ),
        check=no_public_member(),
    ),
    rule(
        name="gcp-gke-backup-cmek",
        description="Backups of a GKE cluster are encrypted with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation='Set backup_config.encryption_key={"gcp_kms_encryption_key": key.id}.',
        controls=(google("Backup for GKE: CMEK encryption"),),
        types=("gcp:gkebackup/backupPlan:BackupPlan",),
        group="encryption",
        check=key_given("backupConfig.encryptionKey.gcpKmsEncryptionKey"),
    ),
)
