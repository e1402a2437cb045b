"""Choices of coordinates, of parameters by their names among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from heigen._arguments import array
from heigen._errors import InputError, WrongTypeError

__all__ = ["names_within", "ranges_of"]


def names_within(
    names: Iterable[tuple[str, int, int]], ranges: list[tuple[int, int]]
) -> Iterable[tuple[str, int, int]]:
    """The names whose coordinates were all chosen, with their new places."""
    for name, start, stop in names:
        place = 0
        for first, last in ranges:
            if first <= start and stop <= last:
                yield name, place + start - first, place + stop - first
            place += last - first


def ranges_of(
    coordinates: Any, length: int, names: Sequence[tuple[str, int, int]] = ()
) -> list[tuple[int, int]]:
    """A choice of coordinates as ascending ranges (first, one past the last) that neither overlap nor touch."""
    where = "the choice of coordinates"
    if isinstance(coordinates, (str, range, slice)) or (
        isinstance(coordinates, tuple) and len(coordinates) == 2 and all(isinstance(c, int) for c in coordinates)
    ):
        coordinates = [coordinates]
    pairs: list[tuple[int, int]] = []
    chosen = list(coordinates) if isinstance(coordinates, (list, tuple)) else None
    if chosen and not isinstance(chosen[0], (int, bool, np.integer, np.bool_)):
        known = {name: (start, stop) for name, start, stop in names}
        for one in chosen:
            if isinstance(one, str):
                within = [one] if one in known else [name for name in known if name.startswith(f"{one}.")]
                if not within:
                    raise InputError(f"there is no parameter and no layer named {one!r}", where, wanted=", ".join(known) or None)
                pairs.extend(known[name] for name in within)
            elif isinstance(one, (range, slice)):
                step = 1 if one.step is None else one.step
                start = 0 if one.start is None else one.start
                stop = length if one.stop is None else one.stop
                if step == 1:
                    pairs.append((start, stop))
                else:
                    pairs.extend((i, i + 1) for i in sorted(range(start, stop, step)))
            elif isinstance(one, tuple) and len(one) == 2:
                if not all(hasattr(end, "__index__") for end in one):
                    raise WrongTypeError("the ends of a range are whole numbers", where, one)
                pairs.append((int(one[0]), int(one[1])))
            else:
                raise WrongTypeError("ranges, pairs (start, stop) or names are expected", where, type(one).__name__)
    else:
        indices = array(coordinates, where)
        if indices.dtype == bool:
            if indices.shape != (length,):
                raise InputError("a mask must be as long as vectors are", where, indices.shape, (length,))
            indices = np.flatnonzero(indices)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise InputError("indices must be a list of integers", where, f"{indices.dtype} {indices.shape}")
        pairs = [(int(i), int(i) + 1) for i in np.sort(indices)]
    for start, stop in pairs:
        if not 0 <= start <= stop <= length:
            raise InputError(f"the range {start}..{stop} does not lie in the vector", where, wanted=f"within 0..{length}")
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(pair for pair in pairs if pair[0] < pair[1]):
        if joined and start < joined[-1][1]:
            raise InputError(f"coordinate {start} is chosen twice", where)
        if joined and start == joined[-1][1]:
            joined[-1] = joined[-1][0], stop
        else:
            joined.append((start, stop))
    if not joined:
        raise InputError("nothing is chosen", where)
    return joined
