"""EBS volumes, and encryption by default."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem
from bedplate.sandbox.providers.aws.handlers.ec2_shape import given
from bedplate.sandbox.providers.aws.handlers.ec2_volume_limits import volume_problems
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference


@REGISTRY.register
class Volume(Ec2Handler):
    token = "aws:ebs/volume:Volume"
    tag_type = "volume"
    arn_type = "volume"
    describe = ("describe_volumes", "VolumeIds", "Volumes")
    replace_on = REGION | {
        "availabilityZone",
        "encrypted",
        "kmsKeyId",
        "snapshotId",
        "multiAttachEnabled",
        "outpostArn",
        "volumeInitializationRate",
    }
    defaults: ClassVar = {"finalSnapshot": False}
    references = (Reference("kmsKeyId", "kms:key"),)
    shows: ClassVar = {
        "availabilityZone": "AvailabilityZone",
        "size": "Size",
        "type": "VolumeType",
        "iops": "Iops",
        "throughput": "Throughput",
        "encrypted": "Encrypted",
        "kmsKeyId": "KmsKeyId",
        "snapshotId": "SnapshotId",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems = [] if ctx.unknown & {"type", "size"} else volume_problems(inputs, "", "type", "size")
        given_size = {"size", "snapshotId"} & ({*inputs} | ctx.unknown)
        if not given_size:
            problems.append(("size", "neither size nor snapshotId is given; give the size in GiB"))
        zone = inputs.get("availabilityZone")
        if zone and not str(zone).startswith(ctx.region):
            problems.append(
                ("availabilityZone", f"{zone!r} is not in {ctx.region}; choose a zone of that region")
            )
        if inputs.get("kmsKeyId") and not inputs.get("encrypted"):
            problems.append(("encrypted", "a key needs encryption; set encrypted to true"))
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        volume = self.client(ctx).create_volume(
            **given(inputs, "availabilityZone", "size", "iops", "throughput", "encrypted", "kmsKeyId"),
            **given(inputs, "snapshotId", "multiAttachEnabled", VolumeType="type"),
            **self.tagging(ctx, inputs),
        )
        return volume["VolumeId"], volume

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        return {
            # The clock is no part of what is compared: it stays as it was first seen.
            "createTime": state.get("createTime") or seen["CreateTime"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "multiAttachEnabled": bool(seen.get("MultiAttachEnabled", state.get("multiAttachEnabled"))),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "size" in changed and (new.get("size") or 0) < (old.get("size") or 0):
            raise CloudError(
                "InvalidParameterValue",
                f"New size cannot be smaller than existing size: {new.get('size')} < {old.get('size')} GiB; "
                "make another volume and copy the data",
            )
        call = given(
            {name: new.get(name) for name in changed}, "size", "iops", "throughput", VolumeType="type"
        )
        if call:
            self.client(ctx).modify_volume(VolumeId=id, **call)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ec2 = self.client(ctx)
        if state.get("finalSnapshot"):
            ec2.create_snapshot(VolumeId=id)
        ec2.delete_volume(VolumeId=id)


@REGISTRY.register
class EncryptionByDefault(Ec2Handler):
    """One setting of the account in a region; a delete turns it off."""

    token = "aws:ebs/encryptionByDefault:EncryptionByDefault"
    replace_on = REGION
    defaults: ClassVar = {"enabled": True}
    shows: ClassVar = {"enabled": "EbsEncryptionByDefault"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        self._set(ctx, bool(inputs.get("enabled", True)))
        return f"encryption-by-default-{ctx.region}", {"EbsEncryptionByDefault": inputs.get("enabled", True)}

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        return dict(self.client(ctx).get_ebs_encryption_by_default())

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        self._set(ctx, bool(new.get("enabled", True)))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        self._set(ctx, False)

    def _set(self, ctx: Context, enabled: bool) -> None:
        ec2 = self.client(ctx)
        if enabled:
            ec2.enable_ebs_encryption_by_default()
        else:
            ec2.disable_ebs_encryption_by_default()
