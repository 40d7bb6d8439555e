"""The sandbox's server: the emulated clouds and their providers, in this process or as a daemon of one directory.

Importing this costs nothing: the parts that need moto, gRPC and pulumi are imported when a server starts.
"""

from bedplate.sandbox.server.instance import SandboxServer

__all__ = ["SandboxServer"]
