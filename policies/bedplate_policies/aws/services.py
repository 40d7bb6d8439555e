"""Athena, Glue, CodeBuild, CloudFront and API Gateway: what stands around an AI stack."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bedplate_policies.aws.controls import (
    AT_REST,
    IN_TRANSIT,
    KEYS,
    LOGGING,
    STORED_SECRETS,
    fsbp,
    well_architected,
)
from bedplate_policies.checks import (
    all_of,
    custom,
    must_be_given,
    must_be_one_of,
    must_equal,
    must_not_be,
)
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

_WORKGROUP = "aws:athena/workgroup:Workgroup"
_BUILD = "aws:codebuild/project:Project"
_DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
_RESULTS = "configuration.resultConfiguration.encryptionConfiguration"
_CATALOG = "dataCatalogEncryptionSettings"
_CREDENTIAL_NAMES = re.compile(r"^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY)$|PASSWORD|_TOKEN$")


def _plain_credentials(resource: Resource, _: Config) -> Iterator[Finding]:
    for one in resource.at("environment.environmentVariables[]"):
        name, kind = one.get("name"), one.get("type")
        if one.is_unknown or UNKNOWN in (name, kind):
            yield Finding.undetermined(one.path("type"))
        elif kind in (MISSING, "PLAINTEXT") and _CREDENTIAL_NAMES.search(str(name).upper()):
            yield Finding.violation("a variable that is named like a secret is PLAINTEXT", one.path("type"))


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-athena-results-encrypted",
        description="Athena encrypts results with a key of KMS, and clients cannot say otherwise.",
        severity=Severity.MEDIUM,
        remediation=(
            'Set configuration.result_configuration.encryption_configuration.encryption_option="SSE_KMS", '
            "kms_key_arn, and leave enforce_workgroup_configuration on."
        ),
        controls=(*AT_REST, *KEYS),
        types=(_WORKGROUP,),
        group="encryption",
        check=all_of(
            must_be_one_of(f"{_RESULTS}.encryptionOption", ("SSE_KMS", "CSE_KMS")),
            must_be_given(f"{_RESULTS}.kmsKeyArn"),
            must_not_be("configuration.enforceWorkgroupConfiguration", False),
        ),
    ),
    rule(
        name="aws-glue-catalog-encrypted",
        description=(
            "Glue's catalogue and its connections' passwords are encrypted with a customer-managed key."
        ),
        severity=Severity.MEDIUM,
        remediation=(
            'Set encryption_at_rest.catalog_encryption_mode="SSE-KMS", sse_aws_kms_key_id, and '
            "connection_password_encryption.return_connection_password_encrypted=True."
        ),
        controls=(*AT_REST, *KEYS),
        types=("aws:glue/dataCatalogEncryptionSettings:DataCatalogEncryptionSettings",),
        group="encryption",
        check=all_of(
            must_be_one_of(
                f"{_CATALOG}.encryptionAtRest.catalogEncryptionMode", ("SSE-KMS", "SSE-KMS-WITH-SERVICE-ROLE")
            ),
            must_be_given(f"{_CATALOG}.encryptionAtRest.sseAwsKmsKeyId"),
            must_equal(f"{_CATALOG}.connectionPasswordEncryption.returnConnectionPasswordEncrypted", True),
        ),
    ),
    rule(
        name="aws-codebuild-customer-key",
        description="Builds encrypt what they make with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set encryption_key and leave artifacts.encryption_disabled out.",
        controls=KEYS,
        types=(_BUILD,),
        group="encryption",
        check=all_of(must_be_given("encryptionKey"), must_not_be("artifacts.encryptionDisabled", True)),
    ),
    rule(
        name="aws-codebuild-no-plain-credentials",
        description="Variables of builds hold no secret in plain text.",
        severity=Severity.CRITICAL,
        remediation='Set type="SECRETS_MANAGER" or "PARAMETER_STORE" in environment.environment_variables.',
        controls=(*fsbp("CodeBuild.2"), *STORED_SECRETS),
        types=(_BUILD,),
        check=custom(
            _plain_credentials,
            "environment.environmentVariables[].name",
            "environment.environmentVariables[].type",
        ),
    ),
    rule(
        name="aws-codebuild-not-privileged",
        description="Builds are root on their machine knowingly (building images needs it).",
        severity=Severity.LOW,
        remediation=(
            "Leave environment.privileged_mode out, or build images with a tool that needs no daemon."
        ),
        controls=well_architected("SEC06-BP02"),
        types=(_BUILD,),
        enforcement="advisory",
        check=must_not_be("environment.privilegedMode", True),
    ),
    rule(
        name="aws-cloudfront-https",
        description="CloudFront takes HTTPS, or sends HTTP on to it.",
        severity=Severity.MEDIUM,
        remediation='Set viewer_protocol_policy="redirect-to-https" or "https-only".',
        controls=fsbp("CloudFront.3"),
        types=(_DISTRIBUTION,),
        group="encryption",
        check=all_of(
            must_not_be("defaultCacheBehavior.viewerProtocolPolicy", "allow-all", missing="violation"),
            must_not_be("orderedCacheBehaviors[].viewerProtocolPolicy", "allow-all", missing="violation"),
        ),
    ),
    rule(
        name="aws-cloudfront-logs",
        description="CloudFront records requests.",
        severity=Severity.LOW,
        remediation="Set logging_config.bucket.",
        controls=(*fsbp("CloudFront.5"), *LOGGING),
        types=(_DISTRIBUTION,),
        enforcement="advisory",
        check=must_be_given("loggingConfig.bucket"),
    ),
    rule(
        name="aws-apigateway-domain-tls",
        description="API Gateway's domains take TLS 1.2 or later.",
        severity=Severity.MEDIUM,
        remediation='Set security_policy="TLS_1_2".',
        controls=IN_TRANSIT,
        types=("aws:apigateway/domainName:DomainName",),
        group="encryption",
        check=must_not_be("securityPolicy", "TLS_1_0", missing="violation"),
    ),
    rule(
        name="aws-apigateway-stage-logs",
        description="Stages of API Gateway record requests.",
        severity=Severity.MEDIUM,
        remediation="Set access_log_settings.destination_arn and access_log_settings.format.",
        controls=LOGGING,
        types=("aws:apigateway/stage:Stage", "aws:apigatewayv2/stage:Stage"),
        check=must_be_given("accessLogSettings.destinationArn"),
    ),
)
