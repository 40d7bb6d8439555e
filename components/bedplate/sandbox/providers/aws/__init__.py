"""The sandbox's AWS provider. `supported()` lists the resource types and where each one is kept."""


def supported() -> list[tuple[str, str]]:
    """Every resource type the sandbox knows: (token, "moto" | "store").

    "moto": boto3 against the sandbox shows the resource. "store": moto lacks the type, and the sandbox keeps
    it in its own database.
    """
    # Imported here: the handlers are heavy next to a mere `import bedplate.sandbox.providers.aws.base`.
    from bedplate.sandbox.providers.aws.registry import REGISTRY

    return [
        (token, "store" if handler.stored else "moto") for token, handler in sorted(REGISTRY.handlers.items())
    ]
