"""What other capabilities need to know of an encryption key."""

import re
from dataclasses import dataclass

import pulumi

_KEY_ARN = re.compile(r"arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")


@dataclass(frozen=True, kw_only=True)
class KeyHandle:
    """A customer-managed encryption key.

    Attributes:
        arn: The key's ARN; resources that encrypt take this one.
        key_id: The key's id (the last part of the ARN).
    """

    arn: pulumi.Output[str]
    key_id: pulumi.Output[str]

    @classmethod
    def from_existing(cls, *, arn: pulumi.Input[str]) -> "KeyHandle":
        """The handle of a key that is made elsewhere. `arn` is the key's own ARN, not an alias's.

        Raises:
            ValueError: `arn` is not the ARN of a KMS key (an output is checked once it is known).
        """
        known = pulumi.Output.from_input(_key_arn(arn) if isinstance(arn, str) else arn).apply(_key_arn)
        return cls(arn=known, key_id=known.apply(lambda value: value.rsplit("/", 1)[1]))


def _key_arn(value: str) -> str:
    if not _KEY_ARN.fullmatch(value):
        raise ValueError(
            f"arn: {value!r} is not the ARN of a KMS key; "
            "allowed: arn:<partition>:kms:<region>:<account>:key/<id>; "
            "give the key's own ARN (for an alias: aws kms describe-key --key-id alias/... )"
        )
    return value
