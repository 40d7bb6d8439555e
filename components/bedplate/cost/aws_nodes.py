"""Machines of AWS and their disks: node groups, Auto Scaling groups, instances, volumes, reservations."""

from collections.abc import Mapping

from bedplate.cost.figures import Counts, Pool
from bedplate.cost.parts import Disk, add_disk, add_monitoring, dearest
from bedplate.cost.prices import PriceBook
from bedplate.cost.resource import MISSING, UNKNOWN, StackResource, get, true, whole
from bedplate.cost.scope import Scope

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
# What EKS takes where a node group says nothing: CreateNodegroup, instanceTypes and diskSize (from memory).
_EKS_MACHINE = "t3.medium"
_EKS_DISK_GIB = 20
_BILLED = "counted at the on-demand price: spot and reserved capacity never pass the gate"


def node_group(scope: Scope, resource: StackResource) -> None:
    """An EKS node group: machines, their disks, their detailed monitoring."""
    fields = ("scalingConfig.minSize", "scalingConfig.desiredSize", "scalingConfig.maxSize")
    counts = [scope.number(resource, None, *path.split(".")) for path in fields]
    template = scope.linked(resource, "launchTemplate", TEMPLATE)
    if template is None and resource.get("launchTemplate") is not MISSING:
        scope.unknown(resource, "launchTemplate")
        return
    count = _counts(counts)
    if count is None:
        return
    note = _BILLED if resource.text("capacityType") not in ("", "ON_DEMAND") else ""
    types = resource.get("instanceTypes")
    if types is MISSING and template is not None:
        types = template.get("instanceType")
    machines = [types] if isinstance(types, str) else types
    if machines is MISSING:
        machines = [_EKS_MACHINE]
    _machines(scope, resource, machines, "instanceTypes", count, fields, note)
    if template is not None and _has_disks(template):
        _template_disks(scope, resource, template, count)
    else:
        size = scope.number(resource, _EKS_DISK_GIB, "diskSize")
        if size is not None:
            add_disk(scope.book(resource), scope.to, resource.name, Disk(size), count, pool=resource.urn)
    _monitoring(scope, resource, template, count)


def autoscaling_group(scope: Scope, resource: StackResource) -> None:
    """An Auto Scaling group; one with mixed machines counts the dearest."""
    fields = ("minSize", "desiredCapacity", "maxSize")
    least = scope.number(resource, None, "minSize")
    count = _counts(
        [least, scope.number(resource, least, "desiredCapacity"), scope.number(resource, None, "maxSize")]
    )
    policy = resource.get("mixedInstancesPolicy", "launchTemplate", "overrides")
    mixed = resource.get("mixedInstancesPolicy") is not MISSING
    source = "mixedInstancesPolicy" if mixed else "launchTemplate"
    template = scope.linked(resource, source, TEMPLATE)
    if template is None:
        scope.unknown(resource, source)
        return
    machines = [get(part, "instanceType") for part in policy] if isinstance(policy, list | tuple) else []
    machines = machines or [template.get("instanceType")]
    if count is None:
        return
    _machines(scope, resource, machines, f"{source}.instanceType", count, fields, "")
    _template_disks(scope, resource, template, count)
    _monitoring(scope, resource, template, count)


def instance(scope: Scope, resource: StackResource) -> None:
    """A single machine with the disks that it names."""
    count = Counts.always(1)
    template = scope.linked(resource, "launchTemplate", TEMPLATE)
    machine = resource.get("instanceType")
    if machine is MISSING and template is not None:
        machine = template.get("instanceType")
    _machines(scope, resource, [machine], "instanceType", count, None, "")
    book = scope.book(resource)
    root = next(iter(resource.parts("rootBlockDevice")), None)
    for part in ([root] if root else []) + list(resource.parts("ebsBlockDevices")):
        _disk(scope, resource, book, part, count, "")
    if root is None and template is not None and _has_disks(template):
        _template_disks(scope, resource, template, count)
    elif root is None:
        scope.to.free.append(f"{resource.name}: the root disk's size is the image's and is not counted")
    if true(resource.get("monitoring")):
        add_monitoring(book, scope.to, resource.name, count)
    if true(resource.get("associatePublicIpAddress")):
        book.add(scope.to, resource.name, "public IPv4", count, "hour")


def volume(scope: Scope, resource: StackResource) -> None:
    """An EBS volume of its own."""
    part = {**resource.inputs, "volumeSize": resource.get("size"), "volumeType": resource.get("type")}
    _disk(scope, resource, scope.book(resource), part, Counts.always(1), "")


def reservation(scope: Scope, resource: StackResource) -> None:
    """Reserved capacity is billed whether machines run in it or not."""
    count = scope.number(resource, None, "instanceCount")
    if count is not None:
        note = "reserved, billed whether used or not; the machines that use it are counted besides it"
        types = [resource.get("instanceType")]
        _machines(scope, resource, types, "instanceType", Counts.always(count), None, note)


def _counts(found: list[int | None]) -> Counts | None:
    least, desired, most = found
    if least is None or desired is None or most is None:
        return None
    return Counts.of(least, desired, most)


def _machines(
    scope: Scope,
    resource: StackResource,
    machines: object,
    path: str,
    count: Counts,
    fields: tuple[str, str, str] | None,
    note: str,
) -> None:
    """The machines, and the pool where their number can be changed (`fields`)."""
    names = [name for name in machines if isinstance(name, str)] if isinstance(machines, list | tuple) else []
    if not names or (isinstance(machines, list | tuple) and len(names) < len(machines)):
        scope.unknown(resource, path)
        return
    book = scope.book(resource)
    name = dearest(book, names)
    if len(names) > 1:
        note = "; ".join(filter(None, [f"the dearest of {', '.join(names)}", note]))
    pool = resource.urn if fields else ""
    if fields:
        # An EKS node group's maximum is at least 1, an Auto Scaling group's may be 0.
        floor = 1 if fields[0].startswith("scalingConfig") else 0
        scope.to.pools.append(Pool(resource.name, name, count, fields, floor, pool))
    book.add_machines(scope.to, resource.name, name, count, pool=pool, note=note)


def _has_disks(template: StackResource) -> bool:
    return template.get("blockDeviceMappings") is not MISSING


def _template_disks(scope: Scope, resource: StackResource, template: StackResource, count: Counts) -> None:
    if template.get("blockDeviceMappings") is UNKNOWN:
        scope.unknown(template, "blockDeviceMappings")
        return
    if not _has_disks(template):
        scope.to.free.append(f"{resource.name}: the root disk's size is the image's and is not counted")
    for part in template.parts("blockDeviceMappings"):
        if (ebs := part.get("ebs")) is UNKNOWN:
            scope.unknown(template, "blockDeviceMappings[].ebs")
        elif isinstance(ebs, Mapping):
            _disk(scope, resource, scope.book(resource), ebs, count, resource.urn)


def _disk(
    scope: Scope,
    resource: StackResource,
    book: PriceBook,
    part: Mapping[str, object],
    count: Counts,
    pool: str,
) -> None:
    size, kind = whole(part.get("volumeSize")), part.get("volumeType")
    if part.get("volumeSize") in (None, MISSING):
        scope.to.free.append(f"{resource.name}: a disk's size is the image's and is not counted")
        return
    if size is None:
        scope.unknown(resource, "volumeSize")
        return
    if any(part.get(name) is UNKNOWN for name in ("volumeType", "iops", "throughput")):
        scope.unknown(resource, "volumeType, iops or throughput")
        return
    # EC2 makes gp2 where nothing is said: RunInstances, VolumeType (from memory).
    disk = Disk(
        size,
        kind if isinstance(kind, str) else "gp2",
        whole(part.get("iops")),
        whole(part.get("throughput")),
    )
    add_disk(book, scope.to, resource.name, disk, count, pool=pool)


def _monitoring(scope: Scope, resource: StackResource, template: StackResource | None, count: Counts) -> None:
    if template is not None and true(template.get("monitoring", "enabled")):
        add_monitoring(scope.book(resource), scope.to, resource.name, count, pool=resource.urn)
