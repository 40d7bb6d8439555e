"""The names of AWS's private endpoints."""

import difflib
import re
from typing import Literal

GatewayEndpoint = Literal["s3", "dynamodb"]

# Services that clusters, training jobs and their tooling call, as the last part of their endpoint's name:
# https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html (2026-11)
INTERFACE_SERVICES = frozenset(
    {
        "autoscaling",
        "autoscaling-plans",
        "batch",
        "bedrock-runtime",
        "cloudformation",
        "cloudtrail",
        "ec2",
        "ec2messages",
        "ecr.api",
        "ecr.dkr",
        "ecs",
        "eks",
        "eks-auth",
        "elasticfilesystem",
        "elasticloadbalancing",
        "events",
        "fsx",
        "guardduty-data",
        "kms",
        "lambda",
        "logs",
        "monitoring",
        "sagemaker.api",
        "sagemaker.runtime",
        "secretsmanager",
        "servicequotas",
        "sns",
        "sqs",
        "ssm",
        "ssmmessages",
        "sts",
        "xray",
    }
)

_FULL_NAME = re.compile(r"(cn\.)?com\.amazonaws\.(vpce\.)?[a-z]{2}(-[a-z]+)+-\d\.[a-z0-9.-]*[a-z0-9]")


def check_interface_service(value: str) -> str:
    """The value itself, if it is a known short name or a full service name.

    Raises:
        ValueError: neither; names the nearest short names.
    """
    if value in INTERFACE_SERVICES or _FULL_NAME.fullmatch(value):
        return value
    near = difflib.get_close_matches(value, sorted(INTERFACE_SERVICES), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(INTERFACE_SERVICES))}"
    raise ValueError(
        f"{value!r} is not a known interface endpoint; {hint} "
        "For another service give its full name, as in com.amazonaws.us-east-1.transfer"
    )


def service_name(service: str, region: str) -> str:
    """The full name of a service's endpoint in a region; a full name is returned as it is."""
    return service if _FULL_NAME.fullmatch(service) else f"com.amazonaws.{region}.{service}"


def short_name(service: str) -> str:
    """What an endpoint's resource is called: the short name, with dashes only."""
    tail = service.rsplit("amazonaws.", 1)[-1] if _FULL_NAME.fullmatch(service) else service
    return tail.replace(".", "-")
