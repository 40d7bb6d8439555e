"""`bedplate sandbox types`: which resource types the sandbox knows, and where each one is kept."""

import json

from bedplate.cli.parser import Arguments


def types(arguments: Arguments) -> int:
    """`moto`: boto3 sees it. `store`: moto lacks it, the sandbox keeps it, and no boto3 call shows it.

    Kubernetes kinds are built in, or come with the charts that are named.
    """
    from bedplate.sandbox.providers.aws.registry import REGISTRY

    kept = {
        token: "store" if handler.stored else "moto" for token, handler in sorted(REGISTRY.handlers.items())
    }
    kinds = _kubernetes()
    if arguments.json:
        print(json.dumps({"aws": kept, "kubernetes": kinds}))
        return 0
    width = max(map(len, [*kept, *kinds]), default=0)
    for token, where in {**kept, **kinds}.items():
        print(f"{token:<{width}}  {where}")
    stored = sum(where == "store" for where in kept.values())
    native = sum(where == "built in" for where in kinds.values())
    print(
        f"\n{len(kept)} types of AWS. moto: a boto3 client shows them ({len(kept) - stored}); "
        f"store: moto lacks them, the sandbox keeps them itself ({stored}).\n"
        f"{len(kinds)} kinds of Kubernetes. built in: every cluster has them ({native}); the others come "
        f"with the release of a chart that is named, or your own definition ({len(kinds) - native})."
    )
    return 0


def _kubernetes() -> dict[str, str]:
    from bedplate.sandbox.providers.kubernetes.document import built_in_types, custom_types, token
    from bedplate.sandbox.providers.kubernetes.kinds import built_in, default_version

    found = {
        token(version, kind): "built in" for version, kind in built_in_types(built_in(default_version()))
    }
    found["kubernetes:helm.sh/v3:Release"] = "built in"
    for version, kind, charts in sorted(custom_types()):
        found[token(version, kind)] = charts or "no chart"
    return found
