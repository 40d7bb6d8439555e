"""Everything that is wrong with a file in one run, though what is wrong keeps the rest from being judged.

pydantic checks across fields only where each field is right. So the fields that are wrong are taken out, what
is left is checked, and what only the gaps have caused is not told.
"""

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bedplate.core.errors import ArgsError, Problem

# Each round takes out all that it finds; a field that must be there takes what holds it along in the next.
_MOST_ROUNDS = 12
# Of parts within parts; no file comes near.
_DEEPEST = 30
Place = tuple[str | int, ...]


def problems_with_gaps(
    shape: Callable[[dict[str, object]], object],
    whole: Callable[[dict[str, object]], object],
    data: Mapping[str, object],
    *,
    stand_ins: Mapping[str, object],
    follows: Mapping[str, tuple[str, ...]],
) -> list[Problem]:
    """All problems of a file.

    Args:
        shape: Checks each field; raises ArgsError.
        whole: Checks the fields against each other as well; raises ArgsError.
        data: The file's data.
        stand_ins: Stand for fields that cannot be left out, by path.
        follows: What cannot be judged, by path, where something under another path was taken out.
    """
    rest: dict[str, object] = {key: _unshared(value) for key, value in data.items()}
    found: list[Problem] = []
    removed: list[str] = []
    for _ in range(_MOST_ROUNDS):
        problems = _refused(shape, rest)
        if not problems:
            break
        found += [one for one in problems if not _near(one.path, removed)]
        _take_out(rest, problems, removed, stand_ins)
    else:
        return found
    unjudged = [other for path, others in follows.items() if _under(removed, path) for other in others]
    found += [
        one
        for one in _refused(whole, rest)
        if not _near(one.path, removed) and not any(_inside(one.path, other) for other in unjudged)
    ]
    return found


def _unshared(value: Any, depth: int = 0) -> Any:
    """A copy in which nothing stands in two places at once, as an alias in YAML has it.

    What is taken out of one place would be gone from the other. What holds itself ends in a word that no
    field takes.
    """
    if isinstance(value, dict | list) and depth >= _DEEPEST:
        return "..."
    if isinstance(value, dict):
        return {key: _unshared(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unshared(inner, depth + 1) for inner in value]
    return value


def _refused(check: Callable[[dict[str, object]], object], data: dict[str, object]) -> list[Problem]:
    try:
        check(data)
    except ArgsError as error:
        return list(error.problems)
    return []


def _take_out(
    rest: dict[str, object], problems: Iterable[Problem], removed: list[str], stand_ins: Mapping[str, object]
) -> None:
    places = sorted({_place(one.path, rest) for one in problems}, key=_order, reverse=True)
    for place in places:
        removed.append(_text(place))
        holder: Any = rest
        for key in place[:-1]:
            holder = holder[key]
        if removed[-1] in stand_ins:
            holder[place[-1]] = copy.deepcopy(stand_ins[removed[-1]])
            continue
        del holder[place[-1]]
        if isinstance(place[-1], int):
            # Those after it have other numbers now.
            removed.append(_text(place[:-1]))


def _order(place: Place) -> tuple[tuple[int, str], ...]:
    return tuple((key, "") if isinstance(key, int) else (-1, key) for key in place)


def _place(path: str, data: dict[str, object]) -> Place:
    """What is taken out for a problem: what its path names, or what should hold that and does not."""
    place: list[str | int] = []
    inner: Any = data
    while path:
        number = re.match(r"\[(\d+)\]\.?", path)
        if isinstance(inner, list) and number is not None and int(number[1]) < len(inner):
            key: str | int = int(number[1])
            path = path[number.end() :]
        elif isinstance(inner, dict):
            # A key may be a number, which a path does not tell from a word.
            keys = {str(one): one for one in inner if _inside(path, str(one))}
            if not keys:
                break
            word = max(keys, key=len)
            key = keys[word]
            path = path[len(word) :].removeprefix(".")
        else:
            break
        place.append(key)
        inner = inner[key]
    return tuple(place) or (path.partition(".")[0].partition("[")[0],)


def _text(place: Place) -> str:
    text = ""
    for key in place:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def _inside(path: str, other: str) -> bool:
    """Whether a path is another, or within it."""
    return path == other or path.startswith((f"{other}.", f"{other}["))


def _near(path: str, removed: Iterable[str]) -> bool:
    """Whether a gap is at the path, in it or around it."""
    return any(_inside(path, one) or _inside(one, path) for one in removed)


def _under(removed: Iterable[str], path: str) -> bool:
    return any(_inside(one, path) or _inside(path, one) for one in removed)
