"""`bedplate sandbox types`: which resource types the sandbox knows, and where each one is kept."""

import json

from bedplate.cli.parser import Arguments


def types(arguments: Arguments) -> int:
    """`moto`: boto3 sees it. `store`: moto lacks it, the sandbox keeps it, and no boto3 call shows it."""
    from bedplate.sandbox.providers.aws.registry import REGISTRY

    kept = {
        token: "store" if handler.stored else "moto" for token, handler in sorted(REGISTRY.handlers.items())
    }
    if arguments.json:
        print(json.dumps({"aws": kept}))
        return 0
    width = max(map(len, kept), default=0)
    for token, where in kept.items():
        print(f"{token:<{width}}  {where}")
    stored = sum(where == "store" for where in kept.values())
    print(
        f"\n{len(kept)} types. moto: a boto3 client shows them ({len(kept) - stored}); "
        f"store: moto lacks them, the sandbox keeps them itself ({stored})."
    )
    return 0
