"""An environment: what its file says, and the one place where capabilities are wired together."""

from bedplate.environment.load import deploy, load
from bedplate.environment.models import AwsEnvironment

__all__ = ["AwsEnvironment", "deploy", "load"]
