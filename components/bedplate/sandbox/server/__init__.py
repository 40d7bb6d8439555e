"""The sandbox's server: the emulated clouds and their providers, in this process or as a daemon of one
directory.

Importing this costs nothing: what needs moto, gRPC and pulumi is imported when a server starts.
"""

from bedplate.sandbox.server.daemon import ensure_daemon, running, stop_daemon
from bedplate.sandbox.server.info import ServerInfo, client_environment
from bedplate.sandbox.server.instance import SandboxServer

__all__ = ["SandboxServer", "ServerInfo", "client_environment", "ensure_daemon", "running", "stop_daemon"]
