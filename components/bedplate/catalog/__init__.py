"""Facts as data: machines, accelerators, fabrics, disks, regions and prices, each with source and date."""

from bedplate.catalog.artifacts import Artifact, artifacts, chart, image
from bedplate.catalog.catalogue import Catalog
from bedplate.catalog.current import (
    aws_machine,
    aws_machines,
    aws_regions,
    aws_service_price,
    current_catalog,
    load_overlay,
    unload_overlay,
)
from bedplate.catalog.errors import (
    CatalogError,
    RowProblem,
    UnknownArtifactError,
    UnknownItemError,
    UnknownMachineError,
)
from bedplate.catalog.gcp import GcpCatalog, GcpMachine
from bedplate.catalog.machines import (
    Accelerator,
    AwsMachine,
    Fabric,
    LocalDisks,
    NetworkCard,
    Price,
    RowSource,
    ServicePrice,
)

__all__ = [
    "Accelerator",
    "Artifact",
    "AwsMachine",
    "Catalog",
    "CatalogError",
    "Fabric",
    "GcpCatalog",
    "GcpMachine",
    "LocalDisks",
    "NetworkCard",
    "Price",
    "RowProblem",
    "RowSource",
    "ServicePrice",
    "UnknownArtifactError",
    "UnknownItemError",
    "UnknownMachineError",
    "artifacts",
    "aws_machine",
    "aws_machines",
    "aws_regions",
    "aws_service_price",
    "chart",
    "current_catalog",
    "image",
    "load_overlay",
    "unload_overlay",
]
