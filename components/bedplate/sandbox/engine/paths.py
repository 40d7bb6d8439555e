"""Property paths such as `tags.team`, `rules[0].port`, `["a.b"]` and `rules[*].port`, as Pulumi's options
write them.
"""

import re

from .values import SIGNATURE, Properties, Value

Step = str | int
_PART = re.compile(r'\.?([^.\[\]"]+)|\.?\[(\d+)\]|\.?\[\*\]|\.?\["((?:[^"\\]|\\.)*)"\]')


def parse_path(text: str) -> tuple[Step, ...]:
    """The steps of a path; `*` stands for every element. Raises ValueError where it cannot be read."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            raise ValueError(
                f"property path {text!r}: cannot be read from character {position}: {text[position:]!r}"
            )
        name, index, quoted = match.groups()
        if name is not None:
            steps.append(name)
        elif index is not None:
            steps.append(int(index))
        elif quoted is not None:
            steps.append(quoted.replace('\\"', '"'))
        else:
            steps.append("*")
        position = match.end()
    return tuple(steps)


def contains(pattern: tuple[Step, ...], path: tuple[Step, ...]) -> bool:
    """Whether `path` is at or below `pattern`."""
    return len(pattern) <= len(path) and all(
        want in ("*", have) for want, have in zip(pattern, path, strict=False)
    )


def _open(value: Value) -> Value:
    while isinstance(value, dict) and SIGNATURE in value and "value" in value:
        value = value["value"]
    return value


def look_up(properties: Properties, path: tuple[Step, ...]) -> Value:
    """The value at a path, through secrets; None where there is none. A secret on the way makes the result
    secret.
    """
    current: Value = properties
    for step in path:
        inner = _open(current)
        if inner is not current:
            return current
        if isinstance(inner, dict) and isinstance(step, str):
            current = inner.get(step)
        elif isinstance(inner, list) and isinstance(step, int):
            current = inner[step] if step < len(inner) else None
        else:
            return None
    return current


def reset(old: Value, new: Value, path: tuple[Step, ...]) -> bool:
    """Set what lies at `path` in `new` back to what it was in `old`, in place.

    False where the path's container is in only one of the two (Pulumi cannot ignore added or removed elements
    either).
    """
    old, new = _open(old), _open(new)
    step, rest = path[0], path[1:]
    if step == "*":
        if isinstance(old, dict) and isinstance(new, dict):
            keys: list[Step] = [*old, *(key for key in new if key not in old)]
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            keys = list(range(len(old)))
        else:
            return old is None and new is None
        return all(reset(old, new, (key, *rest)) for key in keys)
    if isinstance(old, dict) and isinstance(new, dict):
        key = str(step)
        if rest:
            if key not in old or key not in new:
                return key not in old and key not in new
            return reset(old[key], new[key], rest)
        if key in old:
            new[key] = old[key]
        else:
            new.pop(key, None)
        return True
    if isinstance(old, list) and isinstance(new, list) and isinstance(step, int):
        if step >= len(old) or step >= len(new):
            return False
        if rest:
            return reset(old[step], new[step], rest)
        new[step] = old[step]
        return True
    return False
