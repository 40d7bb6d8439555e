"""ECR repositories."""

from __future__ import annotations

from bedplate_policies.aws.companions import every_has
from bedplate_policies.aws.controls import (
    KEYS,
    PATCHING,
    PUBLIC_ACCESS,
    cis_eks,
    fsbp,
    security_hub,
    well_architected,
)
from bedplate_policies.checks import (
    all_of,
    must_be_given,
    must_be_one_of,
    must_be_set,
    must_equal,
    must_not_be,
)
from bedplate_policies.document import no_public_principal, policy_document
from bedplate_policies.rule import AnyRule, Severity, rule, stack_rule

_REPOSITORY = "aws:ecr/repository:Repository"
_LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"

RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-ecr-immutable-tags",
        description="An image's tag stays what it was when it was tested.",
        severity=Severity.MEDIUM,
        remediation='Set image_tag_mutability="IMMUTABLE" (or "IMMUTABLE_WITH_EXCLUSION").',
        controls=fsbp("ECR.2"),
        types=(_REPOSITORY,),
        check=must_be_one_of("imageTagMutability", ("IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION")),
    ),
    rule(
        name="aws-ecr-scan-on-push",
        description="Images are scanned for known vulnerabilities when they arrive.",
        severity=Severity.HIGH,
        remediation="Set image_scanning_configuration.scan_on_push=True.",
        controls=(*fsbp("ECR.1"), *cis_eks("5.1.1")),
        types=(_REPOSITORY,),
        check=must_equal("imageScanningConfiguration.scanOnPush", True),
    ),
    rule(
        name="aws-ecr-customer-key",
        description="Repositories are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation=(
            'Set encryption_configurations=[{"encryption_type": "KMS", "kms_key": ...}]; it cannot be '
            "changed later."
        ),
        controls=(*security_hub("ECR.5"), *KEYS),
        types=(_REPOSITORY,),
        group="encryption",
        check=all_of(
            must_be_set("encryptionConfigurations"),
            must_be_one_of("encryptionConfigurations[].encryptionType", ("KMS", "KMS_DSSE")),
            must_be_given("encryptionConfigurations[].kmsKey"),
        ),
    ),
    rule(
        name="aws-ecr-no-force-delete",
        description="A repository with images is not deleted by accident.",
        severity=Severity.LOW,
        remediation="Leave force_delete out.",
        controls=well_architected("REL09-BP01"),
        types=(_REPOSITORY,),
        enforcement="advisory",
        check=must_not_be("forceDelete", True),
    ),
    rule(
        name="aws-ecr-policy-not-public",
        description="Repositories are not everybody's.",
        severity=Severity.HIGH,
        remediation="Name accounts or roles in policy, or narrow * by aws:PrincipalOrgID.",
        controls=PUBLIC_ACCESS,
        types=("aws:ecr/repositoryPolicy:RepositoryPolicy",),
        check=policy_document("policy", no_public_principal),
    ),
    rule(
        name="aws-ecr-registry-scanning",
        description="The registry scans continuously, not only once.",
        severity=Severity.LOW,
        remediation='Set scan_type="ENHANCED".',
        controls=PATCHING,
        types=("aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",),
        enforcement="advisory",
        check=must_equal("scanType", "ENHANCED"),
    ),
    stack_rule(
        name="aws-ecr-lifecycle",
        description="Every repository drops old images; those of AI stacks have several GiB each.",
        severity=Severity.LOW,
        remediation="Add aws.ecr.LifecyclePolicy(repository=repository.name, policy=...).",
        controls=fsbp("ECR.3"),
        types=(_LIFECYCLE,),
        reads=("repository",),
        enforcement="advisory",
        check=every_has(
            (_REPOSITORY,), (_LIFECYCLE,), "repository", "no aws.ecr.LifecyclePolicy names this repository"
        ),
    ),
)
