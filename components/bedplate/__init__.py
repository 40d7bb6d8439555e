"""Bedplate: AI infrastructure with Pulumi. Nothing heavy is imported here; import the capability you need."""

__version__ = "0.1.0"
