"""What a GPU is cut into, and whether it can be."""

from collections.abc import Mapping

from bedplate.gpu.kubernetes.facts import MigSlice, mig_layouts, mig_slices, nvidia_gpus

MIG_LABEL = "nvidia.com/mig.config"


def mig_family(model: str) -> str:
    """The family whose slices a model has. Raises ValueError where it has none, or is not known."""
    gpu = nvidia_gpus().get(model)
    able = ", ".join(name for name, one in nvidia_gpus().items() if one.mig_family)
    if gpu is None:
        raise ValueError(f"what {model!r} can be cut into is not known; allowed: {able}; leave MIG out")
    if gpu.mig_family is None:
        raise ValueError(f"{model} has no MIG; allowed: {able}; leave MIG out or use time_slices")
    return gpu.mig_family


def layout(model: str, profile: str) -> dict[str, int]:
    """What one of NVIDIA's profiles makes of a GPU: slice -> count.

    Raises ValueError where the model does not have it.
    """
    known = mig_layouts(mig_family(model))
    if profile not in known:
        raise ValueError(
            f"{profile!r} is not a MIG profile of {model}; allowed: {', '.join(known)}; choose one of these, "
            "or give mig_instances"
        )
    return dict(known[profile])


def check_instances(model: str, instances: Mapping[str, int]) -> None:
    """Raises ValueError where a GPU of the model cannot hold these instances at once."""
    known = mig_slices(mig_family(model))
    for name in instances:
        if name not in known:
            raise ValueError(
                f"{name!r} is not a MIG slice of {model}; allowed: {', '.join(known)}; choose one of these"
            )
    for name, count in instances.items():
        if count > known[name].most_per_gpu:
            raise ValueError(
                f"{count} instances {name}; a {model} holds at most {known[name].most_per_gpu}; give fewer"
            )
    whole = max(known.values(), key=lambda one: one.memory_slices)
    taken = sum(known[name].compute_slices * count for name, count in instances.items())
    if taken > whole.compute_slices:
        raise ValueError(
            f"{_text(instances)} take {taken} compute slices; a {model} has {whole.compute_slices}; "
            "give fewer or smaller instances"
        )
    wanted = sorted(
        (known[name] for name, count in instances.items() for _ in range(count)),
        key=lambda one: -one.memory_slices,
    )
    if not _placed(wanted, frozenset(range(whole.memory_slices))):
        raise ValueError(
            f"{_text(instances)} cannot be placed on the {whole.memory_slices} memory slices of a {model}; "
            "give fewer or smaller instances"
        )


def _text(instances: Mapping[str, int]) -> str:
    return " + ".join(f"{count} x {name}" for name, count in instances.items())


def _placed(wanted: list[MigSlice], free: frozenset[int]) -> bool:
    """Whether each instance finds its memory slices, at one of the places where it may begin."""
    if not wanted:
        return True
    first, *others = wanted
    return any(
        place <= free and _placed(others, free - place)
        for place in (frozenset(range(start, start + first.memory_slices)) for start in first.starts)
    )


def resource_name(slice_name: str) -> str:
    """What pods ask for under the strategy `mixed`."""
    return f"nvidia.com/mig-{slice_name.replace('+', '.')}"
