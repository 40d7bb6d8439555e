"""What the cluster itself adds to an object: identity, addresses, and the status of a settled cluster."""

import datetime as dt
import hashlib
import itertools
import threading
import time
import uuid
from typing import Any

from bedplate.sandbox.providers.handler import CloudError, JsonObject
from bedplate.sandbox.providers.kubernetes.cluster import DEFINITION, NAMESPACE, Cluster, place
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

SERVICE = GroupKind("", "Service")
# The default range of kubeadm (kubeadm documentation, serviceSubnet, from memory): 10.96.0.0/12.
_ADDRESSES = 2**20
_NODE_PORTS = range(30000, 32768)
_SERVER_METADATA = ("uid", "creationTimestamp", "resourceVersion", "generation")
_lock = threading.Lock()
_last = 0


def next_version() -> str:
    """A resource version, larger than every one before; opaque to clients, as on a cluster."""
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1000)
        return str(_last)


def new_metadata(metadata: JsonObject) -> JsonObject:
    """The metadata of a new object."""
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**metadata, "uid": str(uuid.uuid4()), "creationTimestamp": now, "generation": 1}


def carried(live: JsonObject, old_inputs: JsonObject, new: JsonObject) -> JsonObject:
    """A changed object: the new one with what the cluster, or somebody else, has given to the live one."""
    metadata = dict(new["metadata"])
    before, given = live["metadata"], old_inputs.get("metadata") or {}
    for name in ("labels", "annotations"):
        foreign = {
            key: value
            for key, value in (before.get(name) or {}).items()
            if key not in (given.get(name) or {})
        }
        both = {**foreign, **(metadata.get(name) or {})}
        if both:
            metadata[name] = both
    metadata.update({name: before[name] for name in _SERVER_METADATA if name in before})
    result = {**new, "metadata": metadata}
    if "status" in live:
        result["status"] = live["status"]
    return result


def count(value: JsonObject, live: JsonObject) -> None:
    """A change of what is desired, and not only of metadata, makes a new generation."""
    desired = {key: part for key, part in value.items() if key not in ("metadata", "status")}
    kept = {key: part for key, part in live.items() if key not in ("metadata", "status")}
    if desired != kept:
        value["metadata"]["generation"] = live["metadata"].get("generation", 1) + 1


def addresses(cluster: Cluster, service: JsonObject, live: JsonObject | None) -> None:
    """Give a service its cluster IP and node ports; what it has, it keeps.

    Raises CloudError for a conflict.
    """
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return
    me = place(service)
    others = [one for one in cluster.objects(SERVICE) if place(one) != me]
    taken = {one["spec"].get("clusterIP") for one in others}
    before: dict[str, Any] = live["spec"] if live is not None else {}
    wanted = spec.get("clusterIP") or before.get("clusterIP")
    if wanted and wanted != "None" and wanted in taken:
        raise CloudError("Invalid", f"spec.clusterIP: {wanted} is another service's; leave the field out")
    spec["clusterIP"] = wanted or _free_address(f"{cluster.name}/{me[1]}/{me[2]}", taken)
    spec["clusterIPs"] = [spec["clusterIP"]]
    wants_ports = spec["type"] == "NodePort" or (
        spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True)
    )
    if not wants_ports:
        return
    used = {port.get("nodePort") for one in others for port in one["spec"].get("ports") or ()}
    kept = {(port["port"], port["protocol"]): port.get("nodePort") for port in before.get("ports") or ()}
    for port in spec.get("ports") or ():
        number = port.get("nodePort") or kept.get((port["port"], port["protocol"]))
        if number and number in used:
            raise CloudError(
                "Invalid", f"spec.ports: node port {number} is another service's; choose another"
            )
        port["nodePort"] = number or next(one for one in _NODE_PORTS if one not in used)
        used.add(port["nodePort"])


def _free_address(seed: str, taken: set[Any]) -> str:
    start = int(hashlib.sha256(seed.encode()).hexdigest(), 16)
    for step in itertools.count():
        number = 16 + (start + step) % (_ADDRESSES - 32)
        address = f"10.{96 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        if address not in taken:
            return address
    raise AssertionError("the range is larger than any test's services")


def status(kind: GroupKind, live: JsonObject) -> JsonObject | None:
    """What the controllers would have written once all is well; None for a kind without one here."""
    spec = live.get("spec") or {}
    replicas = spec.get("replicas", 1)
    if kind == NAMESPACE:
        return {"phase": "Active"}
    if kind == DEFINITION:
        names = spec["names"]
        stored = [one["name"] for one in spec["versions"] if one.get("storage")]
        conditions = [{"type": name, "status": "True"} for name in ("NamesAccepted", "Established")]
        return {"acceptedNames": names, "storedVersions": stored, "conditions": conditions}
    if kind == SERVICE:
        if spec.get("type") != "LoadBalancer":
            return {"loadBalancer": {}}
        # TEST-NET-3 (RFC 5737): an address that nobody has.
        last = int(hashlib.sha256(live["metadata"]["uid"].encode()).hexdigest(), 16) % 254 + 1
        return {"loadBalancer": {"ingress": [{"ip": f"203.0.113.{last}", "ipMode": "VIP"}]}}
    if kind in (GroupKind("apps", "Deployment"), GroupKind("apps", "StatefulSet")):
        counts = dict.fromkeys(
            ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), replicas
        )
        return {**counts, "observedGeneration": live["metadata"]["generation"]}
    if kind == GroupKind("batch", "Job"):
        return {
            "succeeded": spec.get("completions", 1),
            "conditions": [{"type": "Complete", "status": "True"}],
        }
    if kind == GroupKind("", "PersistentVolumeClaim"):
        return {"phase": "Bound", "accessModes": spec.get("accessModes", [])}
    if kind == GroupKind("", "Pod"):
        return {"phase": "Running"}
    return None
