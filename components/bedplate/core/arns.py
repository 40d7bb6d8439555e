"""ARNs: those that users name, and the partition that each begins with."""

import re
from typing import Annotated

from pydantic import AfterValidator

_POLICY = re.compile(
    r"arn:aws(-cn|-us-gov)?:iam::(aws|\d{12}):policy/([\w+=,.@-]+/)*[\w+=,.@-]{1,128}", re.ASCII
)


def policy_arn(value: str) -> str:
    """The ARN of an IAM policy, given back. Raises ValueError where it is none."""
    if not _POLICY.fullmatch(value):
        raise ValueError(
            f"{value!r} is not the ARN of an IAM policy; allowed: arn:aws:iam::aws:policy/<name> or "
            "arn:aws:iam::<account>:policy/<name>; correct it"
        )
    return value


PolicyArn = Annotated[str, AfterValidator(policy_arn)]


def partition(region: str) -> str:
    """The ARN partition of a region: aws, aws-cn or aws-us-gov."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
