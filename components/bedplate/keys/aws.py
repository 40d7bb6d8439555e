"""An encryption key on AWS: KMS, customer-managed, rotated."""

import json
import re
from collections.abc import Sequence
from typing import Annotated

import pulumi
import pulumi_aws as aws
from pydantic import AfterValidator, Field

from bedplate.core import Args, In, checked
from bedplate.core.arns import partition
from bedplate.core.naming import KMS_ALIAS, child
from bedplate.core.tags import Tags, merge
from bedplate.keys.handles import KeyHandle
from bedplate.keys.policy_aws import KeyService, key_policy

__all__ = ["AwsKey", "AwsKeyArgs", "KeyService"]

_PRINCIPAL = re.compile(
    r"arn:aws(-cn|-us-gov)?:(iam|sts)::\d{12}:(root|(role|user|assumed-role|federated-user)/[\w+=,.@/-]+)",
    re.ASCII,
)


def _principal_arn(value: str) -> str:
    if not _PRINCIPAL.fullmatch(value):
        raise ValueError(
            f"{value!r} is not one principal's ARN; allowed: arn:<partition>:iam::<account>:role/<name> or "
            ".../user/<name>, without wildcards; name the role or user"
        )
    return value


def _alias(value: str) -> str:
    KMS_ALIAS.check(f"alias/{value}")
    return value


PrincipalArn = Annotated[str, AfterValidator(_principal_arn)]


class AwsKeyArgs(Args):
    """Arguments of AwsKey.

    Attributes:
        description: What the key protects; shown in the console.
        alias: The alias without `alias/`; the component's name by default.
        services: Services that use the key by themselves. "logs": CloudWatch log groups of this account and
            region. "cloudwatch", "budgets": alarms and budgets that publish to a topic encrypted with the
            key. "autoscaling": encrypted volumes of machines in Auto Scaling groups, EKS node groups among
            them; the account must have the service-linked role (`aws iam create-service-linked-role
            --aws-service-name autoscaling.amazonaws.com` makes it where no group was ever made), or KMS
            refuses the policy.
        administrator_arns: Roles and users that run the key without being able to decrypt; the account's
            administrators always can.
        user_arns: Roles and users that encrypt and decrypt. For roles in the same account use
            `grant_encrypt_decrypt`.
        rotation_period_in_days: Days between rotations, 90 to 2,560; a year by default.
        deletion_window_in_days: Days between the deletion of the key and the loss of what it encrypts, 7 to
            30; 30 by default.
        multi_region: Whether replicas of the key can be made in other regions. Cannot be changed later.
        region: The key's region; the provider's by default.
        tags: Tags of the key, over those of the provider.
    """

    description: str = Field(default="Encrypts the data of a Bedplate environment", max_length=8192)
    alias: Annotated[str, AfterValidator(_alias)] | None = None
    services: tuple[KeyService, ...] = ()
    administrator_arns: tuple[In[PrincipalArn], ...] = ()
    user_arns: tuple[In[PrincipalArn], ...] = ()
    rotation_period_in_days: int = Field(default=365, ge=90, le=2560)
    deletion_window_in_days: int = Field(default=30, ge=7, le=30)
    multi_region: bool = False
    region: str | None = None
    tags: Tags = Field(default_factory=dict)


class AwsKey(pulumi.ComponentResource):
    """A symmetric KMS key that rotates by itself, with an alias and a policy without wildcard principals."""

    handle: KeyHandle
    arn: pulumi.Output[str]
    """The key's ARN."""
    key_id: pulumi.Output[str]
    """The key's id."""
    alias_name: pulumi.Output[str]
    """The alias, `alias/` included."""

    def __init__(self, name: str, args: AwsKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsKey", name, None, opts)
        self._name = name
        key = aws.kms.Key(
            name,
            description=args.description,
            enable_key_rotation=True,
            rotation_period_in_days=args.rotation_period_in_days,
            deletion_window_in_days=args.deletion_window_in_days,
            multi_region=args.multi_region,
            policy=self._policy(args),
            region=args.region,
            tags=merge(args.tags, {"Name": name}),
            opts=pulumi.ResourceOptions(parent=self),
        )
        alias = aws.kms.Alias(
            name,
            name=f"alias/{args.alias or name}",
            target_key_id=key.key_id,
            region=args.region,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = key.arn
        self.key_id = key.key_id
        self.alias_name = alias.name
        self.handle = KeyHandle(arn=self.arn, key_id=self.key_id)
        self.register_outputs({"arn": self.arn, "key_id": self.key_id, "alias_name": self.alias_name})

    def grant_encrypt_decrypt(self, grantee: str, role_name: pulumi.Input[str]) -> aws.iam.RolePolicy:
        """Let a role of the same account encrypt and decrypt with the key.

        `grantee` names the grant among this key's (a resource's name is made of it), `role_name` is the
        role's name.
        """
        return aws.iam.RolePolicy(
            child(self._name, grantee),
            role=role_name,
            policy=self.arn.apply(_use_policy),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _policy(self, args: AwsKeyArgs) -> pulumi.Output[str]:
        invoke_options = pulumi.InvokeOutputOptions(parent=self)
        region = (
            pulumi.Output.from_input(args.region)
            if args.region is not None
            else aws.get_region_output(opts=invoke_options).region
        )
        return pulumi.Output.all(
            account=aws.get_caller_identity_output(opts=invoke_options).account_id,
            region=region,
            administrators=_principals("administrator_arns", args.administrator_arns),
            users=_principals("user_arns", args.user_arns),
        ).apply(
            lambda known: json.dumps(
                key_policy(
                    account=known["account"],
                    partition=partition(known["region"]),
                    region=known["region"],
                    services=args.services,
                    administrator_arns=known["administrators"],
                    user_arns=known["users"],
                )
            )
        )


def _use_policy(key_arn: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"],
                    "Resource": key_arn,
                }
            ],
        }
    )


def _principals(field: str, arns: Sequence[pulumi.Input[str]]) -> pulumi.Output[list[str]]:
    outputs = [checked(arn, _principal_arn, f"{field}[{index}]") for index, arn in enumerate(arns)]
    # `Output.all()` of nothing would be an empty dict.
    return pulumi.Output.all(*outputs) if outputs else pulumi.Output.from_input(list[str]())
