"""Launch template data: from the provider's property names to EC2's LaunchTemplateData, and back."""

from collections.abc import Mapping
from typing import Any

from bedplate.sandbox.providers.aws.base import tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.property_names import camel, pascal
from bedplate.sandbox.providers.handler import JsonObject

# Inputs that are data of a version, in the order of EC2's API reference.
FIELDS = (
    "kernelId",
    "ebsOptimized",
    "iamInstanceProfile",
    "blockDeviceMappings",
    "networkInterfaces",
    "secondaryInterfaces",
    "imageId",
    "instanceType",
    "keyName",
    "monitoring",
    "placement",
    "ramDiskId",
    "disableApiTermination",
    "instanceInitiatedShutdownBehavior",
    "userData",
    "tagSpecifications",
    "vpcSecurityGroupIds",
    "securityGroupNames",
    "instanceMarketOptions",
    "creditSpecification",
    "cpuOptions",
    "capacityReservationSpecification",
    "licenseSpecifications",
    "hibernationOptions",
    "metadataOptions",
    "enclaveOptions",
    "instanceRequirements",
    "privateDnsNameOptions",
    "maintenanceOptions",
    "disableApiStop",
    "networkPerformanceOptions",
)
# The provider's name at any level -> EC2's, where it is not the same with a capital first letter.
_NAMES = {
    "vpcSecurityGroupIds": "SecurityGroupIds",
    "securityGroupNames": "SecurityGroups",
    "ipv4AddressCount": "SecondaryPrivateIpAddressCount",
    "enableResourceNameDnsAaaaRecord": "EnableResourceNameDnsAAAARecord",
    "memoryMib": "MemoryMiB",
    "memoryGibPerVcpu": "MemoryGiBPerVCpu",
    "vcpuCount": "VCpuCount",
    "acceleratorTotalMemoryMib": "AcceleratorTotalMemoryMiB",
    "totalLocalStorageGb": "TotalLocalStorageGB",
}
_BACK = {cloud: ours for ours, cloud in _NAMES.items()}
# Flags that the provider writes as text, because they can be left out.
_TEXT_FLAGS = frozenset(
    {
        "encrypted",
        "deleteOnTermination",
        "associatePublicIpAddress",
        "associateCarrierIpAddress",
        "primaryIpv6",
        "ebsOptimized",
    }
)
# Lists of plain values that are lists of objects in EC2.
_WRAPPED = {
    "ipv6Addresses": ("Ipv6Addresses", "Ipv6Address"),
    "ipv4Prefixes": ("Ipv4Prefixes", "Ipv4Prefix"),
    "ipv6Prefixes": ("Ipv6Prefixes", "Ipv6Prefix"),
}


def to_cloud(inputs: Mapping[str, Any]) -> JsonObject:
    """LaunchTemplateData for a create call."""
    data: JsonObject = {}
    for name in FIELDS:
        value = inputs.get(name)
        if value in (None, "", [], {}):
            continue
        if name == "networkInterfaces":
            data["NetworkInterfaces"] = [_interface(one) for one in value]
        elif name == "tagSpecifications":
            data["TagSpecifications"] = [
                {"ResourceType": one["resourceType"], "Tags": tag_list(one.get("tags") or {})}
                for one in value
            ]
        elif name == "secondaryInterfaces":
            data["SecondaryInterfaces"] = [_secondary(one) for one in value]
        else:
            data[_NAMES.get(name, pascal_name(name))] = _flag(name, _renamed(value))
    return data


def from_cloud(data: Mapping[str, Any]) -> JsonObject:
    """The provider's properties for LaunchTemplateData, for a version that the program did not write."""
    outputs: JsonObject = {}
    for name, value in data.items():
        if value in (None, "", [], {}):
            continue
        if name == "TagSpecifications":
            outputs["tagSpecifications"] = [
                {"resourceType": one["ResourceType"], "tags": tag_map(one["Tags"])}
                for one in template_tags(data)
            ]
        elif name == "NetworkInterfaces":
            outputs["networkInterfaces"] = [_interface_back(one) for one in value]
        else:
            ours = _BACK.get(name, name[:1].lower() + name[1:])
            if ours in FIELDS:
                outputs[ours] = _back(ours, value)
    return outputs


def template_tags(data: Mapping[str, Any]) -> list[JsonObject]:
    """Tag specifications of a version, without those of the template itself, which moto puts there too."""
    specs = data.get("TagSpecifications") or []
    return [dict(one) for one in specs if one.get("ResourceType") != "launch-template"]


def pascal_name(name: str) -> str:
    return name[:1].upper() + name[1:]


def _renamed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            _NAMES.get(key, pascal_name(key)): _flag(key, _renamed(item))
            for key, item in value.items()
            if item not in (None, "", [], {})
        }
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    return value


def _flag(name: str, value: Any) -> Any:
    if name in _TEXT_FLAGS and not isinstance(value, bool):
        return str(value) in ("true", "1")
    return value


def _back(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            ours: _back(ours, item)
            for ours, item in (
                (_BACK.get(key, key[:1].lower() + key[1:]), item) for key, item in value.items()
            )
            if item not in (None, "", [], {})
        }
    if isinstance(value, list):
        return [_back("", item) for item in value]
    if name in _TEXT_FLAGS and isinstance(value, bool):
        return "true" if value else "false"
    return value


def _interface(given: Mapping[str, Any]) -> JsonObject:
    plain = {
        name: value
        for name, value in given.items()
        if name not in {"securityGroups", "ipv4Addresses", *_WRAPPED} and value is not None
    }
    call: JsonObject = _renamed(plain)
    if given.get("securityGroups"):
        call["Groups"] = list(given["securityGroups"])
    for name, (target, key) in _WRAPPED.items():
        if given.get(name):
            call[target] = [{key: value} for value in given[name]]
    addresses = given.get("ipv4Addresses") or []
    if addresses:
        first = given.get("privateIpAddress") or addresses[0]
        call["PrivateIpAddresses"] = [{"PrivateIpAddress": one, "Primary": one == first} for one in addresses]
    return call


def _interface_back(data: Mapping[str, Any]) -> JsonObject:
    wrapped = {target: (name, key) for name, (target, key) in _WRAPPED.items()}
    outputs: JsonObject = {}
    for name, value in data.items():
        if name == "Groups":
            outputs["securityGroups"] = list(value)
        elif name == "PrivateIpAddresses":
            outputs["ipv4Addresses"] = [one["PrivateIpAddress"] for one in value]
        elif name in wrapped:
            outputs[wrapped[name][0]] = [one[wrapped[name][1]] for one in value]
        else:
            outputs |= _back("", {name: value})
    return outputs


def _secondary(given: Mapping[str, Any]) -> JsonObject:
    call: JsonObject = pascal({name: value for name, value in given.items() if name != "privateIpAddresses"})
    if given.get("privateIpAddresses"):
        call["PrivateIpAddresses"] = [{"PrivateIpAddress": one} for one in given["privateIpAddresses"]]
    return {name: _flag(camel({name: 0}).popitem()[0], value) for name, value in call.items()}
