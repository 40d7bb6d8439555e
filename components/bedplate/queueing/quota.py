"""Quota arithmetic: so many nodes or accelerators of a pool, as cores, memory, accelerators and fabric.

Everything is whole millicores, mebibytes and devices, and every division is rounded down, so that the parts
of a pool never add up to more than the pool.
"""

from dataclasses import dataclass
from fractions import Fraction

from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.kubernetes.handles import NodePoolHandle
from bedplate.kubernetes.names import K8sName

CPU, MEMORY = "cpu", "memory"

# A resource's name with its amount: millicores, MiB, or devices.
Amounts = dict[str, int]


class PoolQuota(Args):
    """A share of a pool, in nodes or in accelerators; the limits are in the same unit.

    Attributes:
        pool: The pool's name.
        nodes: So many whole nodes with all that is in them.
        accelerators: So many accelerators, each with its part of the node's cores, memory and fabric.
        borrowing_limit: At most so much more from the cohort's idle quota; without limit by default.
        lending_limit: At most so much of it is lent while idle; all of it by default.
    """

    pool: K8sName
    nodes: int | None = Field(default=None, ge=0)
    accelerators: int | None = Field(default=None, ge=0)
    borrowing_limit: int | None = Field(default=None, ge=0)
    lending_limit: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _check(self) -> "PoolQuota":
        problems = Problems("PoolQuota")
        if (self.nodes is None) == (self.accelerators is None):
            problems.add(
                "nodes",
                f"{'neither' if self.nodes is None else 'both'} of nodes and accelerators given for pool "
                f"{self.pool}; allowed: one of the two; say how much of the pool it is",
            )
        elif self.lending_limit is not None and self.lending_limit > self.amount:
            problems.add(
                "lending_limit",
                f"{self.lending_limit} is above the quota of {self.amount} {self.unit}, and nobody lends "
                "more than they have; allowed: at most the quota; lower it",
            )
        problems.raise_if_any()
        return self

    @property
    def amount(self) -> int:
        return (self.nodes if self.nodes is not None else self.accelerators) or 0

    @property
    def unit(self) -> str:
        return "nodes" if self.nodes is not None else "accelerators"

    def share(self, pool: NodePoolHandle, amount: int | None = None) -> Fraction:
        """The quota (or another amount in its unit) in nodes. The pool has accelerators where they are asked
        for.
        """
        wanted = self.amount if amount is None else amount
        if self.nodes is not None:
            return Fraction(wanted)
        assert pool.accelerator is not None, "checked with the pools"
        return Fraction(wanted, pool.accelerator.count)

    def problem(self, pool: NodePoolHandle, *, whole_nodes: bool) -> str | None:
        """What is wrong with it on that pool; None where nothing is."""
        if self.nodes is not None:
            return None
        if pool.accelerator is None:
            return (
                f"{self.accelerators} accelerators of pool {pool.name}, which has none; allowed: nodes; "
                "give nodes in place of accelerators"
            )
        count = pool.accelerator.count
        for field in ("accelerators", "borrowing_limit", "lending_limit"):
            value: int | None = getattr(self, field)
            if whole_nodes and value is not None and value % count:
                down = value - value % count
                return (
                    f"{field} {value} is no whole number of nodes of pool {pool.name} with {count} each, and "
                    f"its topology is scheduled by node; allowed: multiples of {count}; give {down} or "
                    f"{down + count}"
                )
        return None


@dataclass(frozen=True, kw_only=True)
class NodeShape:
    """What jobs can have of one node: the machine less what the kubelet and the node's agents keep."""

    cpu_millicores: int
    memory_mib: int
    devices: dict[str, int]

    @classmethod
    def of(cls, pool: NodePoolHandle, reserve_percent: float) -> "NodeShape":
        free = 1 - Fraction(str(reserve_percent)) / 100
        devices: dict[str, int] = {}
        if pool.accelerator is not None:
            devices[pool.accelerator.resource] = pool.accelerator.count
        if pool.fabric is not None and pool.fabric.count:
            devices[pool.fabric.resource] = pool.fabric.count
        return cls(
            cpu_millicores=int(Fraction(str(pool.cpu)) * 1000 * free),
            memory_mib=int(Fraction(str(pool.memory_gib)) * 1024 * free),
            devices=devices,
        )

    def times(self, nodes: Fraction) -> Amounts:
        """So many nodes, rounded down resource by resource."""
        return {
            CPU: int(self.cpu_millicores * nodes),
            MEMORY: int(self.memory_mib * nodes),
            **{name: int(count * nodes) for name, count in self.devices.items()},
        }


def covered(pools: list[NodePoolHandle]) -> list[str]:
    """The resources that a queue over these pools counts, in one order for all of its flavors."""
    devices = [name for pool in pools for name in NodeShape.of(pool, 0).devices]
    return [CPU, MEMORY, *dict.fromkeys(devices)]


def quantity(resource: str, amount: int) -> str:
    """An amount as Kubernetes writes it."""
    if resource == CPU:
        return str(amount // 1000) if amount % 1000 == 0 else f"{amount}m"
    if resource == MEMORY:
        return f"{amount // 1024}Gi" if amount % 1024 == 0 else f"{amount}Mi"
    return str(amount)


def flavor_quota(
    quota: PoolQuota, pool: NodePoolHandle, *, resources: list[str], reserve_percent: float, limits: bool
) -> list[dict[str, str]]:
    """The `resources` of a flavor of a ClusterQueue or Cohort, in the order of `resources`.

    What the pool lacks is 0: each flavor of a group names each resource of the group. `limits` is whether
    there is a cohort to borrow from; without one Kueue refuses limits.
    """
    shape = NodeShape.of(pool, reserve_percent)
    nominal = shape.times(quota.share(pool))
    rows = [{"name": name, "nominalQuota": quantity(name, nominal.get(name, 0))} for name in resources]
    for field, value in (
        ("borrowingLimit", quota.borrowing_limit),
        ("lendingLimit", quota.lending_limit),
    ):
        if limits and value is not None:
            amounts = shape.times(quota.share(pool, value))
            for row in rows:
                row[field] = quantity(row["name"], amounts.get(row["name"], 0))
    return rows
