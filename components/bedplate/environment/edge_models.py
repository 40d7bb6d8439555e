"""What an environment at the edge is, beside its cluster."""

from typing import TYPE_CHECKING

from bedplate.core import Args
from bedplate.edge.nodes import EdgeNodesArgs
from bedplate.environment.settings import plain_part

if TYPE_CHECKING:
    NodeSettings = EdgeNodesArgs
else:
    NodeSettings = plain_part(EdgeNodesArgs, without=("cluster",))


class EdgeSettings(Args):
    """Sites at the edge.

    Attributes:
        nodes: The sites and their machines.
    """

    nodes: NodeSettings
