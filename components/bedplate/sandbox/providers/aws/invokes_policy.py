"""`aws.iam.get_policy_document`: computed here, as the vendor's provider computes it without a call to the
cloud.
"""

import json
from typing import Any

from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject


def policy_document(ctx: Context, args: JsonObject) -> JsonObject:
    """The document of statements, sources and overrides.

    Raises CloudError for the same `sid` twice in sources.
    """
    version = args.get("version") or "2012-10-17"
    document_id = args.get("policyId")
    merged: list[JsonObject] = []
    sources = [args["sourceJson"]] if args.get("sourceJson") else []
    for text in [*sources, *(args.get("sourcePolicyDocuments") or ())]:
        source = _parse(text, "sourcePolicyDocuments")
        document_id = document_id or source.get("Id")
        merged = _append(merged, source["Statement"], "sourcePolicyDocuments")
    own = [_statement(statement, version) for statement in args.get("statements") or ()]
    sids = [statement["Sid"] for statement in own if statement.get("Sid")]
    if len(sids) != len(set(sids)):
        raise CloudError(
            "DuplicateSid", "statements: the same sid is used twice; give each statement its own"
        )
    merged = _override(merged, own)
    overrides = [args["overrideJson"]] if args.get("overrideJson") else []
    for text in [*overrides, *(args.get("overridePolicyDocuments") or ())]:
        override = _parse(text, "overridePolicyDocuments")
        document_id = override.get("Id") or document_id
        merged = _override(merged, override["Statement"])
    document: JsonObject = {"Version": version}
    if document_id:
        document["Id"] = document_id
    if merged:
        document["Statement"] = merged
    text = json.dumps(document, indent=2)
    return {
        **args,
        "id": _hash(text),
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
    }


def _statement(given: JsonObject, version: str) -> JsonObject:
    # The key order is that of the vendor's provider: Sid, Effect, Action..., so that documents compare equal.
    statement: JsonObject = {}
    if given.get("sid"):
        statement["Sid"] = given["sid"]
    effect = given.get("effect") or "Allow"
    if effect not in ("Allow", "Deny"):
        raise CloudError(
            "InvalidEffect", f"statements: effect '{effect}' was given; allowed are Allow and Deny"
        )
    statement["Effect"] = effect
    for name, key in (
        ("actions", "Action"),
        ("notActions", "NotAction"),
        ("resources", "Resource"),
        ("notResources", "NotResource"),
    ):
        if given.get(name):
            statement[key] = _one_or_sorted([_variables(value, version) for value in given[name]])
    for name, key in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if given.get(name):
            statement[key] = _principals(given[name], version)
    if given.get("conditions"):
        statement["Condition"] = _conditions(given["conditions"], version)
    return statement


def _principals(given: list[JsonObject], version: str) -> Any:
    if any(item["type"] == "*" and item["identifiers"] == ["*"] for item in given):
        return "*"
    merged: dict[str, list[str]] = {}
    for item in given:
        merged.setdefault(item["type"], []).extend(
            _variables(value, version) for value in item["identifiers"]
        )
    return {kind: _one_or_sorted(values) for kind, values in sorted(merged.items())}


def _conditions(given: list[JsonObject], version: str) -> JsonObject:
    merged: dict[str, dict[str, list[str]]] = {}
    for item in given:
        values = merged.setdefault(item["test"], {}).setdefault(item["variable"], [])
        values.extend(_variables(value, version) for value in item["values"])
    return {
        test: {
            variable: values[0] if len(values) == 1 else values
            for variable, values in sorted(variables.items())
        }
        for test, variables in sorted(merged.items())
    }


def _variables(text: str, version: str) -> str:
    """`&{...}` stands for IAM's own `${...}`, which only the newer policy language has."""
    if "&{" in text and version == "2008-10-17":
        raise CloudError(
            "InvalidVariable", f"'{text}': version 2008-10-17 has no policy variables; use 2012-10-17"
        )
    return text.replace("&{", "${")


def _one_or_sorted(values: list[str]) -> Any:
    unique = sorted(set(values), reverse=True)
    return unique[0] if len(unique) == 1 else unique


def _parse(text: str, name: str) -> JsonObject:
    try:
        document = json.loads(text)
    except ValueError as exc:
        raise CloudError(
            "MalformedPolicyDocument", f"{name}: not JSON ({exc}); give a policy document"
        ) from exc
    statements = document.get("Statement", [])
    return {**document, "Statement": statements if isinstance(statements, list) else [statements]}


def _append(merged: list[JsonObject], more: list[JsonObject], name: str) -> list[JsonObject]:
    known = {statement.get("Sid") for statement in merged if statement.get("Sid")}
    for statement in more:
        if statement.get("Sid") in known:
            raise CloudError(
                "DuplicateSid", f"{name}: the sid '{statement['Sid']}' is in two documents; rename one"
            )
    return [*merged, *more]


def _override(merged: list[JsonObject], more: list[JsonObject]) -> list[JsonObject]:
    """Statements with a sid that is there already replace it, the others are added."""
    result = list(merged)
    for statement in more:
        sid = statement.get("Sid")
        index = next((index for index, item in enumerate(result) if sid and item.get("Sid") == sid), None)
        if index is None:
            result.append(statement)
        else:
            result[index] = statement
    return result


def _hash(text: str) -> str:
    import zlib

    return str(zlib.crc32(text.encode()))
