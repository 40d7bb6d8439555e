"""What other capabilities need to know of the place where alarms go."""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class AlarmTopicHandle:
    """A topic that alarms are published to.

    Attributes:
        arn: The topic's ARN, as an alarm's action takes it.
    """

    arn: pulumi.Output[str]

    @classmethod
    def from_existing(cls, *, arn: pulumi.Input[str]) -> "AlarmTopicHandle":
        """The handle of a topic that is made elsewhere; its policy must let CloudWatch publish to it."""
        return cls(arn=pulumi.Output.from_input(arn))
