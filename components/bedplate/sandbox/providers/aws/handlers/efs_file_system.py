"""EFS file systems, mount targets and access points."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.property_names import camel, pascal
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler, stable_id
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given, keep
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference

_FILE_SYSTEM = Pattern(r"fs-[0-9a-f]{8,40}", "the id of a file system, 'fs-...'")


@REGISTRY.register
class EfsFileSystem(ServiceHandler):
    token = "aws:efs/fileSystem:FileSystem"
    service = "efs"
    replace_on = frozenset(
        {"availabilityZoneName", "creationToken", "encrypted", "kmsKeyId", "performanceMode"}
    )
    defaults: ClassVar = {"throughputMode": "bursting"}
    references = (Reference("kmsKeyId", "kms:key"),)
    unordered = frozenset({"lifecyclePolicies"})
    enums: ClassVar = {
        "performanceMode": "efs.PerformanceMode",
        "throughputMode": "efs.ThroughputMode",
        "lifecyclePolicies[].transitionToIa": "efs.TransitionToIARules",
        "lifecyclePolicies[].transitionToArchive": "efs.TransitionToArchiveRules",
        "lifecyclePolicies[].transitionToPrimaryStorageClass": "efs.TransitionToPrimaryStorageClassRules",
    }
    patterns: ClassVar = {
        "kmsKeyId": Pattern(r"arn:[^:]+:kms:\S+", "the ARN of a KMS key"),
        "creationToken": Pattern(r".{1,64}", "1 to 64 characters"),
    }
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        provisioned = inputs.get("throughputMode") == "provisioned"
        if provisioned and not {"provisionedThroughputInMibps"} & (set(inputs) | ctx.unknown):
            problems.append(("provisionedThroughputInMibps", "missing; throughputMode provisioned needs it"))
        if inputs.get("provisionedThroughputInMibps") and not provisioned:
            problems.append(
                ("provisionedThroughputInMibps", "only with throughputMode 'provisioned'; remove it")
            )
        if inputs.get("kmsKeyId") and inputs.get("encrypted") is False:
            problems.append(("kmsKeyId", "needs encrypted; set it to true"))
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        efs = ctx.client("efs")
        token = inputs.setdefault("creationToken", f"pulumi-{stable_id(ctx.urn, length=26)}")
        if inputs.get("kmsKeyId"):
            inputs["encrypted"] = True
        answer = efs.create_file_system(
            CreationToken=token,
            Tags=tag_list(inputs["tagsAll"]),
            **given(
                inputs,
                AvailabilityZoneName="availabilityZoneName",
                Encrypted="encrypted",
                KmsKeyId="kmsKeyId",
                PerformanceMode="performanceMode",
                ProvisionedThroughputInMibps="provisionedThroughputInMibps",
                ThroughputMode="throughputMode",
            ),
        )
        id = str(answer["FileSystemId"])
        if inputs.get("lifecyclePolicies"):
            self._lifecycle(ctx, id, inputs)
        return id

    def _lifecycle(self, ctx: Context, id: str, inputs: JsonObject) -> None:
        rules = [
            {_BOTO.get(key, key): value for key, value in pascal(item).items()}
            for item in inputs.get("lifecyclePolicies") or []
        ]
        ctx.client("efs").put_lifecycle_configuration(FileSystemId=id, LifecyclePolicies=rules)

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        efs = ctx.client("efs")
        shown = efs.describe_file_systems(FileSystemId=id)["FileSystems"][0]
        rules = efs.describe_lifecycle_configuration(FileSystemId=id)["LifecyclePolicies"]
        named = {value: key for key, value in _BOTO.items()}
        policies = [camel({named.get(key, key): value for key, value in item.items()}) for item in rules]
        seen: JsonObject = {
            "arn": f"arn:{ctx.partition}:elasticfilesystem:{ctx.region}:{ctx.account_id}:file-system/{id}",
            "dnsName": f"{id}.efs.{ctx.region}.amazonaws.com",
            "creationToken": shown["CreationToken"],
            "encrypted": bool(shown.get("Encrypted")),
            "performanceMode": shown.get("PerformanceMode") or "generalPurpose",
            "throughputMode": state.get("throughputMode") or shown.get("ThroughputMode", "bursting"),
            "ownerId": ctx.account_id,
            "name": shown.get("Name") or "",
            # Mounting is no change of the file system.
            "numberOfMountTargets": state.get("numberOfMountTargets", 0),
            "tagsAll": tag_map(shown.get("Tags")),
        }
        if policies or state.get("lifecyclePolicies"):
            seen["lifecyclePolicies"] = keep(state.get("lifecyclePolicies"), policies)
        if shown.get("KmsKeyId") or state.get("kmsKeyId"):
            seen["kmsKeyId"] = state.get("kmsKeyId") or shown.get("KmsKeyId")
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        # moto has no update of a file system: throughput is what the state says.
        if "lifecyclePolicies" in changed:
            self._lifecycle(ctx, id, new)

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("efs").untag_resource(ResourceId=id, TagKeys=drop)
        if put:
            ctx.client("efs").tag_resource(ResourceId=id, Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("efs").delete_file_system(FileSystemId=id)


_BOTO = {"TransitionToIa": "TransitionToIA"}


@REGISTRY.register
class EfsMountTarget(ServiceHandler):
    token = "aws:efs/mountTarget:MountTarget"
    service = "efs"
    replace_on = frozenset({"fileSystemId", "subnetId", "ipAddress", "ipAddressType", "ipv6Address"})
    delete_before_replace = True
    references = (
        Reference("subnetId", "ec2:subnet"),
        Reference("securityGroups[]", "ec2:security-group"),
    )
    unordered = frozenset({"securityGroups"})
    patterns: ClassVar = {"fileSystemId": _FILE_SYSTEM}

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        if len(inputs.get("securityGroups") or []) > 5:
            return [("securityGroups", "more than 5 security groups; a mount target may have 5")]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        answer = ctx.client("efs").create_mount_target(
            **given(
                inputs,
                FileSystemId="fileSystemId",
                IpAddress="ipAddress",
                SecurityGroups="securityGroups",
                SubnetId="subnetId",
            )
        )
        return str(answer["MountTargetId"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        efs = ctx.client("efs")
        shown = efs.describe_mount_targets(MountTargetId=id)["MountTargets"][0]
        groups = efs.describe_mount_target_security_groups(MountTargetId=id)["SecurityGroups"]
        system = shown["FileSystemId"]
        prefix = f"arn:{ctx.partition}:elasticfilesystem:{ctx.region}:{ctx.account_id}"
        return {
            "fileSystemId": system,
            "fileSystemArn": f"{prefix}:file-system/{system}",
            "subnetId": shown["SubnetId"],
            "ipAddress": shown["IpAddress"],
            "networkInterfaceId": shown["NetworkInterfaceId"],
            "ownerId": shown.get("OwnerId", ctx.account_id),
            "availabilityZoneId": shown["AvailabilityZoneId"],
            "availabilityZoneName": shown["AvailabilityZoneName"],
            "dnsName": f"{system}.efs.{ctx.region}.amazonaws.com",
            "mountTargetDnsName": f"{shown['AvailabilityZoneName']}.{system}.efs.{ctx.region}.amazonaws.com",
            "securityGroups": keep(state.get("securityGroups"), groups),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "securityGroups" in changed:
            ctx.client("efs").modify_mount_target_security_groups(
                MountTargetId=id, SecurityGroups=new.get("securityGroups") or []
            )

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("efs").delete_mount_target(MountTargetId=id)


@REGISTRY.register
class EfsAccessPoint(ServiceHandler):
    token = "aws:efs/accessPoint:AccessPoint"
    service = "efs"
    replace_on = frozenset({"fileSystemId", "posixUser", "rootDirectory"})
    patterns: ClassVar = {
        "fileSystemId": _FILE_SYSTEM,
        "rootDirectory.path": Pattern(r"/|(/[^/\s]+){1,4}", "an absolute path of at most 4 directories"),
        "rootDirectory.creationInfo.permissions": Pattern(r"[0-7]{3,4}", "3 or 4 octal digits, e.g. '0755'"),
    }
    ranges: ClassVar = {
        "posixUser.uid": (0, 4294967295),
        "posixUser.gid": (0, 4294967295),
        "rootDirectory.creationInfo.ownerUid": (0, 4294967295),
        "rootDirectory.creationInfo.ownerGid": (0, 4294967295),
    }
    tagged = True

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        efs, system = ctx.client("efs"), inputs["fileSystemId"]
        if not efs.describe_file_systems(FileSystemId=system)["FileSystems"]:
            raise CloudError("FileSystemNotFound", f"file system {system} does not exist; create it first")
        answer = efs.create_access_point(
            ClientToken=stable_id(ctx.urn, str(inputs)),
            FileSystemId=system,
            Tags=tag_list(inputs["tagsAll"]),
            **{
                pascal_name: pascal(inputs[name])
                for name, pascal_name in (("posixUser", "PosixUser"), ("rootDirectory", "RootDirectory"))
                if inputs.get(name)
            },
        )
        return str(answer["AccessPointId"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        shown = ctx.client("efs").describe_access_points(AccessPointId=id)["AccessPoints"][0]
        system = shown["FileSystemId"]
        prefix = f"arn:{ctx.partition}:elasticfilesystem:{ctx.region}:{ctx.account_id}"
        seen: JsonObject = {
            "arn": shown["AccessPointArn"],
            "fileSystemId": system,
            "fileSystemArn": f"{prefix}:file-system/{system}",
            "ownerId": shown.get("OwnerId", ctx.account_id),
            "rootDirectory": state.get("rootDirectory") or camel(shown.get("RootDirectory") or {"Path": "/"}),
            "tagsAll": tag_map(shown.get("Tags")),
        }
        if shown.get("PosixUser"):
            seen["posixUser"] = keep(state.get("posixUser"), camel(shown["PosixUser"]))
        return seen

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("efs").untag_resource(ResourceId=id, TagKeys=drop)
        if put:
            ctx.client("efs").tag_resource(ResourceId=id, Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("efs").delete_access_point(AccessPointId=id)
