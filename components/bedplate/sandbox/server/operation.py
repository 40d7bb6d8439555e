"""One create, update or delete of a resource: all of its calls to the cloud take effect, or none does (ADR
1).
"""

import sqlite3
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Operation:
    """Its row in the database appears with its first change, so that an operation without one costs
    nothing.
    """

    urn: str
    inputs: str = "{}"
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    begun: bool = False

    def begin(self, connection: sqlite3.Connection) -> None:
        """Write down that the operation has begun to change things.

        Called in the transaction of the change.
        """
        if not self.begun:
            connection.execute("INSERT INTO running VALUES (?,?,?)", (self.id, self.urn, self.inputs))
            self.begun = True


# The operation on whose behalf this thread calls the cloud; None for everybody else.
current_operation: ContextVar[Operation | None] = ContextVar("bedplate_operation", default=None)
