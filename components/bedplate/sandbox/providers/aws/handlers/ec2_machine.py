"""Instance types: those of the catalogue, and beyond them those that moto lists."""

from botocore.exceptions import ClientError

from bedplate.catalog import AwsMachine, UnknownMachineError, aws_machine
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem
from bedplate.sandbox.providers.handler import Context


def machine_of(ctx: Context, name: str, at: str = "instanceType") -> tuple[AwsMachine | None, list[Problem]]:
    """The catalogue's machine (None for a type that only moto knows); the refusal of a type nobody knows."""
    try:
        return aws_machine(name), []
    except UnknownMachineError as error:
        unknown = str(error)
    try:
        found = ctx.client("ec2").describe_instance_types(InstanceTypes=[name])["InstanceTypes"]
    except ClientError:
        found = []
    return None, [] if found else [(at, unknown)]
