"""What every component is built on: arguments, wiring, errors."""

from pulumi import InputPropertiesError

from bedplate.core.args import Args
from bedplate.core.errors import ArgsError, ConfigError, Problem, Problems
from bedplate.core.inputs import In, checked

__all__ = ["Args", "ArgsError", "ConfigError", "In", "InputPropertiesError", "Problem", "Problems", "checked"]
