"""Lambda functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bedplate_policies.aws.controls import (
    KEYS,
    PUBLIC_ACCESS,
    STORED_SECRETS,
    fsbp,
    well_architected,
)
from bedplate_policies.checks import (
    custom,
    equals,
    is_set,
    must_be_given,
    must_equal,
    must_not_be,
    when,
)
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

_FUNCTION = "aws:lambda/function:Function"
_URL = "aws:lambda/functionUrl:FunctionUrl"
_PERMISSION = "aws:lambda/permission:Permission"

_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")

# Runtimes whose security updates have ended (docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, from
# memory).
_ENDED = (
    *("python2.7", "python3.6", "python3.7", "python3.8"),
    *("nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs16.x", "nodejs18.x"),
    *("java8", "go1.x", "ruby2.5", "ruby2.7", "dotnetcore3.1", "dotnet6", "dotnet7", "provided"),
)


def _unset(resource: Resource, *paths: str) -> bool:
    return all(resource.get(path) is MISSING for path in paths)


def _public_permission(resource: Resource, _: Config) -> Iterator[Finding]:
    principal = resource.get("principal")
    if principal is UNKNOWN:
        yield Finding.undetermined("principal")
    elif principal == "*" and _unset(resource, "principalOrgId", "sourceArn", "sourceAccount"):
        yield Finding.violation("principal is everybody, without an organisation or a source", "principal")


def _service_permission(resource: Resource, _: Config) -> Iterator[Finding]:
    principal = resource.get("principal")
    if principal is UNKNOWN:
        yield Finding.undetermined("principal")
    elif str(principal).endswith(".amazonaws.com") and _unset(resource, "sourceArn", "sourceAccount"):
        # Otherwise any customer's use of that service may call the function (confused deputy).
        yield Finding.violation("neither sourceArn nor sourceAccount is set", "sourceArn")


def _environment(resource: Resource, _: Config) -> Iterator[Finding]:
    variables = resource.get("environment.variables")
    if variables is UNKNOWN:
        yield Finding.undetermined("environment.variables")
    elif isinstance(variables, Mapping):
        if any(isinstance(value, str) and _ACCESS_KEY.search(value) for value in variables.values()):
            yield Finding.violation(
                "a variable holds what looks like an AWS access key", "environment.variables"
            )
        elif any(value is UNKNOWN for value in variables.values()):
            yield Finding.undetermined("environment.variables")


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-lambda-environment-customer-key",
        description="Variables of functions are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_arn to the ARN of a key of yours.",
        controls=KEYS,
        types=(_FUNCTION,),
        group="encryption",
        check=when(is_set("environment.variables"), must_be_given("kmsKeyArn")),
    ),
    rule(
        name="aws-lambda-environment-credentials",
        description="Variables of functions hold no access key.",
        severity=Severity.CRITICAL,
        remediation="Give the function's role the permission and take the key out; then revoke it.",
        controls=STORED_SECRETS,
        types=(_FUNCTION,),
        check=custom(_environment, "environment.variables"),
    ),
    rule(
        name="aws-lambda-runtime-supported",
        description="Functions run on a runtime that still gets security updates.",
        severity=Severity.MEDIUM,
        remediation="Set runtime to a current one.",
        controls=fsbp("Lambda.2"),
        types=(_FUNCTION,),
        check=must_not_be("runtime", *_ENDED),
    ),
    rule(
        name="aws-lambda-tracing",
        description="Functions are traced.",
        severity=Severity.LOW,
        remediation='Set tracing_config.mode="Active".',
        controls=well_architected("OPS04-BP05"),
        types=(_FUNCTION,),
        enforcement="disabled",
        check=must_equal("tracingConfig.mode", "Active"),
    ),
    rule(
        name="aws-lambda-url-not-public",
        description="Function URLs ask who is calling.",
        severity=Severity.HIGH,
        remediation='Set authorization_type="AWS_IAM".',
        controls=(*fsbp("Lambda.1"), *PUBLIC_ACCESS),
        types=(_URL,),
        check=must_equal("authorizationType", "AWS_IAM"),
    ),
    rule(
        name="aws-lambda-url-cors",
        description="Function URLs do not let every web page call them with the visitor's credentials.",
        severity=Severity.MEDIUM,
        remediation="Name the pages in cors.allow_origins.",
        controls=PUBLIC_ACCESS,
        types=(_URL,),
        check=when(equals("cors.allowCredentials", True), must_not_be("cors.allowOrigins[]", "*")),
    ),
    rule(
        name="aws-lambda-permission-not-public",
        description="Functions are not everybody's to call.",
        severity=Severity.CRITICAL,
        remediation="Name an account or service in principal, or set principal_org_id.",
        controls=fsbp("Lambda.1"),
        types=(_PERMISSION,),
        check=custom(_public_permission, "principal", "principalOrgId", "sourceArn", "sourceAccount"),
    ),
    rule(
        name="aws-lambda-permission-source",
        description="Services call functions for one account's or one resource's events.",
        severity=Severity.MEDIUM,
        remediation="Set source_arn or source_account.",
        controls=PUBLIC_ACCESS,
        types=(_PERMISSION,),
        check=custom(_service_permission, "principal", "sourceArn", "sourceAccount"),
    ),
)
