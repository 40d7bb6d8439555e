"""Rules for AWS, one module per service."""

from __future__ import annotations

from bedplate_policies.aws import (
    ebs,
    ec2_instances,
    ec2_templates,
    ecr,
    efs,
    eks,
    fsx,
    iam,
    kms,
    messaging,
    observability,
    s3,
    security_groups,
    vpc,
)
from bedplate_policies.rule import AnyRule

RULES: tuple[AnyRule, ...] = (
    *ec2_instances.RULES,
    *ec2_templates.RULES,
    *ebs.RULES,
    *security_groups.RULES,
    *vpc.RULES,
    *eks.RULES,
    *s3.RULES,
    *kms.RULES,
    *iam.RULES,
    *efs.RULES,
    *fsx.RULES,
    *messaging.RULES,
    *observability.RULES,
    *ecr.RULES,
)
