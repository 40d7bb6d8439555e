"""Functions that look something up in the emulated account."""

import hashlib
import re
from typing import Any

from botocore.exceptions import ClientError

from bedplate.sandbox.providers.aws.base import not_found, tag_map
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject

# Public parameters under which AWS publishes machine images (EKS User Guide, "Retrieve recommended Amazon
# Linux AMI IDs", 2026-11-24). The sandbox has no such images: it answers with an id made from the name and
# the region.
_PUBLIC_IMAGE = re.compile(
    r"^/aws/service/(eks/optimized-ami|ami-amazon-linux-latest|bottlerocket|deeplearning|ecs)/"
)
_ADDON_VERSION = "v1.0.0-eksbuild.1"


def _filters(args: JsonObject) -> list[dict[str, Any]]:
    filters = [{"Name": item["name"], "Values": item["values"]} for item in args.get("filters") or ()]
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in (args.get("tags") or {}).items()]
    return filters


def _only(found: list[dict[str, Any]], what: str) -> dict[str, Any]:
    if len(found) != 1:
        raise CloudError(
            "NotFound" if not found else "MultipleFound",
            f"{len(found)} matching {what}s were found, one is needed; use other filters",
        )
    return found[0]


def vpc(ctx: Context, args: JsonObject) -> JsonObject:
    request: dict[str, Any] = {}
    filters = _filters(args)
    for name, key in (("cidrBlock", "cidr"), ("dhcpOptionsId", "dhcp-options-id"), ("state", "state")):
        if args.get(name):
            filters.append({"Name": key, "Values": [args[name]]})
    if args.get("default") is not None:
        filters.append({"Name": "is-default", "Values": [str(bool(args["default"])).lower()]})
    if args.get("id"):
        request["VpcIds"] = [args["id"]]
    if filters:
        request["Filters"] = filters
    client = ctx.client("ec2")
    found = _only(client.describe_vpcs(**request)["Vpcs"], "VPC")
    id = found["VpcId"]
    tables = client.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [id]}])["RouteTables"]
    main = [t for t in tables if any(link.get("Main") for link in t.get("Associations", ()))]
    attributes = {
        name: client.describe_vpc_attribute(VpcId=id, Attribute=name)[name[0].upper() + name[1:]]["Value"]
        for name in ("enableDnsSupport", "enableDnsHostnames")
    }
    return {
        "id": id,
        "arn": f"arn:{ctx.partition}:ec2:{ctx.region}:{ctx.account_id}:vpc/{id}",
        "cidrBlock": found["CidrBlock"],
        "cidrBlockAssociations": [
            {
                "associationId": item["AssociationId"],
                "cidrBlock": item["CidrBlock"],
                "state": item["CidrBlockState"]["State"],
            }
            for item in found.get("CidrBlockAssociationSet", ())
        ],
        "default": bool(found.get("IsDefault")),
        "dhcpOptionsId": found.get("DhcpOptionsId", ""),
        "instanceTenancy": found.get("InstanceTenancy", "default"),
        "ipv6AssociationId": "",
        "ipv6CidrBlock": "",
        "mainRouteTableId": main[0]["RouteTableId"] if main else "",
        "ownerId": ctx.account_id,
        "state": found["State"],
        "tags": tag_map(found.get("Tags")),
        "region": ctx.region,
        **attributes,
    }


def subnet(ctx: Context, args: JsonObject) -> JsonObject:
    request: dict[str, Any] = {}
    filters = _filters(args)
    for name, key in (
        ("vpcId", "vpc-id"),
        ("cidrBlock", "cidr-block"),
        ("availabilityZone", "availability-zone"),
    ):
        if args.get(name):
            filters.append({"Name": key, "Values": [args[name]]})
    if args.get("id"):
        request["SubnetIds"] = [args["id"]]
    if filters:
        request["Filters"] = filters
    found = _only(ctx.client("ec2").describe_subnets(**request)["Subnets"], "subnet")
    return {
        "id": found["SubnetId"],
        "arn": f"arn:{ctx.partition}:ec2:{ctx.region}:{ctx.account_id}:subnet/{found['SubnetId']}",
        "availabilityZone": found["AvailabilityZone"],
        "availabilityZoneId": found.get("AvailabilityZoneId", ""),
        "availableIpAddressCount": found["AvailableIpAddressCount"],
        "cidrBlock": found["CidrBlock"],
        "defaultForAz": bool(found.get("DefaultForAz")),
        "mapPublicIpOnLaunch": bool(found.get("MapPublicIpOnLaunch")),
        "assignIpv6AddressOnCreation": bool(found.get("AssignIpv6AddressOnCreation")),
        "ownerId": ctx.account_id,
        "state": found["State"],
        "tags": tag_map(found.get("Tags")),
        "vpcId": found["VpcId"],
        "region": ctx.region,
    }


def subnets(ctx: Context, args: JsonObject) -> JsonObject:
    filters = _filters(args)
    found = ctx.client("ec2").describe_subnets(**({"Filters": filters} if filters else {}))["Subnets"]
    return {
        "id": ctx.region,
        "region": ctx.region,
        "ids": sorted(item["SubnetId"] for item in found),
        "filters": args.get("filters"),
        "tags": args.get("tags") or {},
    }


def ami(ctx: Context, args: JsonObject) -> JsonObject:
    request: dict[str, Any] = {}
    if filters := _filters(args):
        request["Filters"] = filters
    if args.get("owners"):
        request["Owners"] = args["owners"]
    found = ctx.client("ec2").describe_images(**request)["Images"]
    pattern = args.get("nameRegex")
    if pattern:
        found = [image for image in found if re.search(pattern, image.get("Name", ""))]
    found.sort(key=lambda image: str(image.get("CreationDate", "")), reverse=True)
    if found and args.get("mostRecent"):
        found = found[:1]
    image = _only(found, "image")
    return {
        "id": image["ImageId"],
        "imageId": image["ImageId"],
        "arn": f"arn:{ctx.partition}:ec2:{ctx.region}::image/{image['ImageId']}",
        "name": image.get("Name", ""),
        "architecture": image.get("Architecture", ""),
        "creationDate": image.get("CreationDate", ""),
        "description": image.get("Description", ""),
        "ownerId": image.get("OwnerId", ""),
        "rootDeviceName": image.get("RootDeviceName", ""),
        "rootDeviceType": image.get("RootDeviceType", ""),
        "state": image.get("State", ""),
        "tags": tag_map(image.get("Tags")),
        "virtualizationType": image.get("VirtualizationType", ""),
        "region": ctx.region,
    }


def parameter(ctx: Context, args: JsonObject) -> JsonObject:
    name = args["name"]
    arn = f"arn:{ctx.partition}:ssm:{ctx.region}:{ctx.account_id}:parameter/{name.lstrip('/')}"
    common = {
        "id": name,
        "name": name,
        "arn": arn,
        "region": ctx.region,
        "withDecryption": args.get("withDecryption"),
    }
    try:
        found = ctx.client("ssm").get_parameter(
            Name=name,
            WithDecryption=True if args.get("withDecryption") is None else bool(args["withDecryption"]),
        )["Parameter"]
    except ClientError as exc:
        if not _PUBLIC_IMAGE.match(name):
            raise
        del exc
        value = image_id(name, ctx.region)
        return {**common, "type": "String", "value": value, "insecureValue": value, "version": 1}
    plain = found["Value"] if found["Type"] != "SecureString" else None
    return {
        **common,
        "arn": found["ARN"],
        "type": found["Type"],
        "value": found["Value"],
        "insecureValue": plain,
        "version": found["Version"],
    }


def image_id(parameter_name: str, region: str) -> str:
    """The made-up image that stands for a public parameter's: the same for the same name and region."""
    return "ami-" + hashlib.sha256(f"{region} {parameter_name}".encode()).hexdigest()[:17]


def cluster(ctx: Context, args: JsonObject) -> JsonObject:
    found = ctx.client("eks").describe_cluster(name=args["name"])["cluster"]
    network = found.get("resourcesVpcConfig", {})
    return {
        "id": found["name"],
        "name": found["name"],
        "arn": found["arn"],
        "certificateAuthorities": [{"data": found.get("certificateAuthority", {}).get("data", "")}],
        "createdAt": found["createdAt"].isoformat() if "createdAt" in found else "",
        "endpoint": found.get("endpoint", ""),
        "identities": [{"oidcs": [{"issuer": found.get("identity", {}).get("oidc", {}).get("issuer", "")}]}],
        "platformVersion": found.get("platformVersion", ""),
        "roleArn": found["roleArn"],
        "status": found["status"],
        "tags": found.get("tags") or {},
        "version": found.get("version", ""),
        "vpcConfig": {
            "clusterSecurityGroupId": network.get("clusterSecurityGroupId", ""),
            "endpointPrivateAccess": bool(network.get("endpointPrivateAccess")),
            "endpointPublicAccess": bool(network.get("endpointPublicAccess")),
            "publicAccessCidrs": network.get("publicAccessCidrs", []),
            "securityGroupIds": network.get("securityGroupIds", []),
            "subnetIds": network.get("subnetIds", []),
            "vpcId": network.get("vpcId", ""),
        },
        "region": ctx.region,
    }


def addon_version(ctx: Context, args: JsonObject) -> JsonObject:
    """A made-up version: moto has no list of add-on versions."""
    return {
        "id": args["addonName"],
        "addonName": args["addonName"],
        "kubernetesVersion": args["kubernetesVersion"],
        "mostRecent": args.get("mostRecent"),
        "version": _ADDON_VERSION,
        "region": ctx.region,
    }


def bucket(ctx: Context, args: JsonObject) -> JsonObject:
    name = args["bucket"]
    client = ctx.client("s3")
    try:
        client.head_bucket(Bucket=name)
    except ClientError as exc:
        if not_found(exc):
            raise CloudError("NoSuchBucket", f"the bucket '{name}' does not exist") from exc
        raise
    region = client.get_bucket_location(Bucket=name).get("LocationConstraint") or "us-east-1"
    return {
        "id": name,
        "bucket": name,
        "arn": f"arn:{ctx.partition}:s3:::{name}",
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegion": region,
        "bucketRegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        "hostedZoneId": "",
        "region": region,
    }


def key(ctx: Context, args: JsonObject) -> JsonObject:
    found = ctx.client("kms").describe_key(KeyId=args["keyId"])["KeyMetadata"]
    return {
        "id": found["KeyId"],
        "keyId": args["keyId"],
        "arn": found["Arn"],
        "awsAccountId": found["AWSAccountId"],
        "creationDate": found["CreationDate"].isoformat(),
        "customerMasterKeySpec": found.get("CustomerMasterKeySpec", ""),
        "description": found.get("Description", ""),
        "enabled": found["Enabled"],
        "keyManager": found["KeyManager"],
        "keySpec": found.get("KeySpec", ""),
        "keyState": found["KeyState"],
        "keyUsage": found["KeyUsage"],
        "multiRegion": bool(found.get("MultiRegion")),
        "origin": found["Origin"],
        "region": ctx.region,
    }


def alias(ctx: Context, args: JsonObject) -> JsonObject:
    name = args["name"]
    pages = ctx.client("kms").get_paginator("list_aliases").paginate()
    found = [
        item
        for page in pages
        for item in page["Aliases"]
        if item["AliasName"] == name and item.get("TargetKeyId")
    ]
    if not found:
        raise CloudError(
            "NotFoundException", f"the KMS alias '{name}' does not exist in {ctx.region}; create it first"
        )
    target = found[0]["TargetKeyId"]
    return {
        "id": found[0]["AliasArn"],
        "name": name,
        "arn": found[0]["AliasArn"],
        "targetKeyId": target,
        "targetKeyArn": f"arn:{ctx.partition}:kms:{ctx.region}:{ctx.account_id}:key/{target}",
        "region": ctx.region,
    }
