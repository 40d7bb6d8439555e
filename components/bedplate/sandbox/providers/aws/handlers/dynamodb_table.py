"""DynamoDB tables."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import keep
from bedplate.sandbox.providers.handler import AutoName, CloudError, Context, JsonObject, Reference

_NAME = Pattern(r"[\w.-]{3,255}", "3 to 255 of letters, digits, '.', '-' and '_'")
_MISSING = (
    *("importTable", "replicas", "restoreBackupArn", "restoreDateTime", "restoreSourceName"),
    *("restoreSourceTableArn", "globalTableWitness"),
)


@REGISTRY.register
class DynamoTable(ServiceHandler):
    token = "aws:dynamodb/table:Table"
    service = "dynamodb"
    auto_name = AutoName("name", 255)
    replace_on = frozenset({"name", "hashKey", "rangeKey", "localSecondaryIndexes"})
    defaults: ClassVar = {
        "billingMode": "PROVISIONED",
        "deletionProtectionEnabled": False,
        "tableClass": "STANDARD",
    }
    references = (Reference("serverSideEncryption.kmsKeyArn", "kms:key"),)
    unordered = frozenset({"attributes", "globalSecondaryIndexes", "localSecondaryIndexes"})
    enums: ClassVar = {
        "attributes[].type": "dynamodb.ScalarAttributeType",
        "billingMode": "dynamodb.BillingMode",
        "streamViewType": "dynamodb.StreamViewType",
        "tableClass": "dynamodb.TableClass",
        "globalSecondaryIndexes[].projectionType": "dynamodb.ProjectionType",
        "localSecondaryIndexes[].projectionType": "dynamodb.ProjectionType",
    }
    patterns: ClassVar = {"name": _NAME}
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = [
            (name, "the sandbox does not make it; remove it or use a real account")
            for name in _MISSING
            if inputs.get(name)
        ]
        if {"attributes", "globalSecondaryIndexes", "localSecondaryIndexes"} & ctx.unknown:
            return problems
        if not inputs.get("hashKey") and "hashKey" not in ctx.unknown:
            problems.append(("hashKey", "missing; name the attribute that is the table's partition key"))
        defined = {item["name"] for item in inputs.get("attributes") or []}
        used = {name for name in (inputs.get("hashKey"), inputs.get("rangeKey")) if name}
        for index in [
            *(inputs.get("globalSecondaryIndexes") or []),
            *(inputs.get("localSecondaryIndexes") or []),
        ]:
            used |= {name for name in (index.get("hashKey"), index.get("rangeKey")) if name}
            used |= {key["attributeName"] for key in index.get("keySchemas") or []}
        for name in sorted(used - defined):
            problems.append(("attributes", f"{name!r} is a key and not defined; add it with its type"))
        for name in sorted(defined - used):
            problems.append(("attributes", f"{name!r} is not a key of the table or an index; remove it"))
        if inputs.get("billingMode") == "PROVISIONED":
            for name in ("readCapacity", "writeCapacity"):
                if not inputs.get(name) and name not in ctx.unknown:
                    problems.append(
                        (name, "missing; needed with PROVISIONED, or set billingMode PAY_PER_REQUEST")
                    )
        if inputs.get("streamEnabled") and not {"streamViewType"} & (set(inputs) | ctx.unknown):
            problems.append(("streamViewType", "missing; a stream needs it, e.g. NEW_AND_OLD_IMAGES"))
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        dynamodb, name = ctx.client("dynamodb"), str(inputs["name"])
        request: JsonObject = {
            "TableName": name,
            "AttributeDefinitions": [
                {"AttributeName": item["name"], "AttributeType": item["type"]}
                for item in inputs["attributes"]
            ],
            "KeySchema": _keys(inputs),
            "BillingMode": inputs["billingMode"],
            "TableClass": inputs["tableClass"],
            "DeletionProtectionEnabled": bool(inputs.get("deletionProtectionEnabled")),
            "Tags": tag_list(inputs["tagsAll"]),
            **_settings(inputs),
        }
        if inputs["billingMode"] == "PROVISIONED":
            request["ProvisionedThroughput"] = _capacity(inputs)
        for group in ("globalSecondaryIndexes", "localSecondaryIndexes"):
            if inputs.get(group):
                request[group[:1].upper() + group[1:]] = [
                    _index(item, inputs, group) for item in inputs[group]
                ]
        dynamodb.create_table(**request)
        self._extras(ctx, name, inputs, frozenset({"ttl", "pointInTimeRecovery"}))
        self.remember(ctx, name, self._indexes(ctx, name))
        return name

    def _extras(self, ctx: Context, name: str, inputs: JsonObject, changed: frozenset[str]) -> None:
        dynamodb = ctx.client("dynamodb")
        ttl = inputs.get("ttl")
        if "ttl" in changed and ttl and ttl.get("attributeName"):
            specification = {"Enabled": ttl.get("enabled", True), "AttributeName": ttl["attributeName"]}
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
        recovery = inputs.get("pointInTimeRecovery")
        if "pointInTimeRecovery" in changed and recovery is not None:
            dynamodb.update_continuous_backups(
                TableName=name,
                PointInTimeRecoverySpecification={
                    "PointInTimeRecoveryEnabled": bool(recovery.get("enabled"))
                },
            )

    def _indexes(self, ctx: Context, name: str) -> Any:
        table = ctx.client("dynamodb").describe_table(TableName=name)["Table"]
        names = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        return {group: sorted(item["IndexName"] for item in table.get(group) or []) for group in names}

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        dynamodb = ctx.client("dynamodb")
        table = dynamodb.describe_table(TableName=id)["Table"]
        backups = dynamodb.describe_continuous_backups(TableName=id)["ContinuousBackupsDescription"]
        recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
        keys = {item["KeyType"]: item["AttributeName"] for item in table["KeySchema"]}
        definitions = [
            {"name": item["AttributeName"], "type": item["AttributeType"]}
            for item in table["AttributeDefinitions"]
        ]
        stream = table.get("StreamSpecification") or {}
        arn = table["TableArn"]
        seen: JsonObject = {
            "name": id,
            "arn": arn,
            "hashKey": keys["HASH"],
            "billingMode": (table.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED"),
            "attributes": keep(state.get("attributes"), definitions),
            "deletionProtectionEnabled": bool(table.get("DeletionProtectionEnabled")),
            "streamEnabled": bool(stream.get("StreamEnabled")),
            "pointInTimeRecovery": {**(state.get("pointInTimeRecovery") or {}), "enabled": recovery},
            "tagsAll": tag_map(dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]),
        }
        if keys.get("RANGE"):
            seen["rangeKey"] = keys["RANGE"]
        if seen["billingMode"] == "PROVISIONED":
            capacity = table["ProvisionedThroughput"]
            seen |= {
                "readCapacity": capacity["ReadCapacityUnits"],
                "writeCapacity": capacity["WriteCapacityUnits"],
            }
        if table.get("LatestStreamArn"):
            seen |= {"streamArn": table["LatestStreamArn"], "streamLabel": table["LatestStreamLabel"]}
        if not self.remembers(ctx, id, self._indexes(ctx, id)):
            seen["globalSecondaryIndexes"] = [
                {"name": item["IndexName"], "projectionType": item["Projection"].get("ProjectionType", "ALL")}
                for item in table.get("GlobalSecondaryIndexes") or []
            ]
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        request: JsonObject = {}
        if changed & {"billingMode", "readCapacity", "writeCapacity"}:
            request["BillingMode"] = new["billingMode"]
            if new["billingMode"] == "PROVISIONED":
                request["ProvisionedThroughput"] = _capacity(new)
        if "deletionProtectionEnabled" in changed:
            request["DeletionProtectionEnabled"] = bool(new.get("deletionProtectionEnabled"))
        if changed & {"serverSideEncryption", "streamEnabled", "streamViewType"}:
            request |= _settings(new)
        if "globalSecondaryIndexes" in changed:
            request |= _index_updates(old, new)
        if request:
            ctx.client("dynamodb").update_table(TableName=id, **request)
        self._extras(ctx, id, new, changed)
        self.remember(ctx, id, self._indexes(ctx, id))

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("dynamodb").untag_resource(ResourceArn=state["arn"], TagKeys=drop)
        if put:
            ctx.client("dynamodb").tag_resource(ResourceArn=state["arn"], Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        dynamodb = ctx.client("dynamodb")
        if dynamodb.describe_table(TableName=id)["Table"].get("DeletionProtectionEnabled"):
            raise CloudError(
                "ValidationException",
                f"table {id} is protected against deletion; set deletionProtectionEnabled to false first",
            )
        dynamodb.delete_table(TableName=id)
        self.forget(ctx, id)


def _keys(item: JsonObject) -> list[dict[str, str]]:
    if item.get("keySchemas"):
        return [
            {"AttributeName": key["attributeName"], "KeyType": key["keyType"]} for key in item["keySchemas"]
        ]
    keys = (("hashKey", "HASH"), ("rangeKey", "RANGE"))
    return [{"AttributeName": item[name], "KeyType": kind} for name, kind in keys if item.get(name)]


def _capacity(item: JsonObject) -> dict[str, int]:
    return {
        "ReadCapacityUnits": item.get("readCapacity") or 1,
        "WriteCapacityUnits": item.get("writeCapacity") or 1,
    }


def _index(item: JsonObject, table: JsonObject, group: str) -> JsonObject:
    projection: JsonObject = {"ProjectionType": item["projectionType"]}
    if item.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = item["nonKeyAttributes"]
    keyed = item if group == "globalSecondaryIndexes" else {"hashKey": table["hashKey"], **item}
    request: JsonObject = {"IndexName": item["name"], "KeySchema": _keys(keyed), "Projection": projection}
    if group == "globalSecondaryIndexes" and table.get("billingMode") == "PROVISIONED":
        request["ProvisionedThroughput"] = _capacity(item)
    return request


def _index_updates(old: JsonObject, new: JsonObject) -> JsonObject:
    group = "globalSecondaryIndexes"
    was = {item["name"]: item for item in old.get(group) or []}
    will = {item["name"]: item for item in new.get(group) or []}
    updates: list[JsonObject] = []
    for name in sorted(set(was) | set(will)):
        if name in was and was[name] != will.get(name):
            updates.append({"Delete": {"IndexName": name}})
        if name in will and will[name] != was.get(name):
            updates.append({"Create": _index(will[name], new, group)})
    definitions = [
        {"AttributeName": item["name"], "AttributeType": item["type"]} for item in new.get("attributes") or []
    ]
    return {"AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": updates}


def _settings(inputs: JsonObject) -> JsonObject:
    request: JsonObject = {}
    encryption = inputs.get("serverSideEncryption")
    if encryption:
        request["SSESpecification"] = {"Enabled": bool(encryption.get("enabled"))}
        if encryption.get("kmsKeyArn"):
            request["SSESpecification"] |= {"SSEType": "KMS", "KMSMasterKeyId": encryption["kmsKeyArn"]}
    if inputs.get("streamEnabled"):
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": inputs["streamViewType"]}
    return request
