"""The provider's functions."""

from typing import Any

import yaml

from bedplate.sandbox.providers.handler import CloudError, JsonObject

_INSTEAD = {
    "kubernetes:helm:template": (
        "helm.v3.Chart renders a chart with the `helm` command and its repository; the sandbox has neither. "
        "Use helm.v3.Release, or give the rendered manifests as yaml.ConfigFile"
    ),
    "kubernetes:kustomize:directory": (
        "the sandbox does not run kustomize; give what `kustomize build` prints as yaml.ConfigFile"
    ),
}


def invoke(token: str, args: JsonObject) -> JsonObject:
    """Raises CloudError for an unknown function, or text that is no YAML."""
    if token == "kubernetes:yaml:decode":
        return {"result": list(_decoded(str(args.get("text", "")), args.get("defaultNamespace")))}
    raise CloudError("NotSupported", _INSTEAD.get(token, f"the sandbox does not know the function {token}"))


def _decoded(text: str, namespace: Any) -> list[JsonObject]:
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise CloudError("InvalidYaml", " ".join(str(error).split())) from error
    found: list[JsonObject] = []
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict) or "kind" not in document or "apiVersion" not in document:
            raise CloudError("InvalidYaml", "a document is no object with apiVersion and kind")
        listed = (
            document["items"] if document["kind"].endswith("List") and "items" in document else [document]
        )
        for one in listed:
            if namespace:
                one.setdefault("metadata", {}).setdefault("namespace", namespace)
            found.append(one)
    return found


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a time stays the text that it is."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
