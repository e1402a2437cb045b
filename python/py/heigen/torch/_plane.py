"""Lines between classes in the plane, traced on a grid, and measures of their complexity.

The definitions are those of the native engine's ``decision_boundary`` and ``boundary_complexity``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["complexity", "trace"]

Point = tuple[float, float]

#: Ends of segments closer than this fraction of the plane are one point.
_SAME = 1e-9
#: Ends of lines closer than this fraction of the boundary's extent are one point.
_MEET = 1e-7
#: Two straight segments are one if their directions differ by less.
_STRAIGHT = math.pi / 180
#: Wiggles of up to this many diagonals of a cell are taken as straight; segments of at least so many diagonals count.
_WIGGLE, _RESOLVED = 0.5, 2.0


def trace(nodes: NDArray[np.float64], outputs: NDArray[np.float64], nx: int, ny: int) -> list[list[Point]]:
    """Polylines on which the largest output [nx * ny, C] changes, the first coordinate of the nodes fastest."""
    predicted = outputs.argmax(1).reshape(ny, nx)
    segments: list[tuple[Point, Point]] = []
    lower = (predicted[:-1, :-1], predicted[:-1, 1:], predicted[1:, 1:])
    upper = (predicted[:-1, :-1], predicted[1:, :-1], predicted[1:, 1:])
    mixed = [(a != b) | (b != c) for a, b, c in (lower, upper)]
    for j, i in zip(*np.nonzero(mixed[0] | mixed[1])):
        corner = int(i) + int(j) * nx
        # The diagonal runs the same way in every square, so that neighbouring squares share whole edges.
        if mixed[0][j, i]:
            _in_triangle(nodes, outputs, (corner, corner + 1, corner + nx + 1), segments)
        if mixed[1][j, i]:
            _in_triangle(nodes, outputs, (corner, corner + nx, corner + nx + 1), segments)
    return _chained(segments, float(np.ptp(nodes, axis=0).max()))


def _in_triangle(
    nodes: NDArray[np.float64],
    outputs: NDArray[np.float64],
    corners: tuple[int, int, int],
    segments: list[tuple[Point, Point]],
) -> None:
    """The boundary's segments inside one triangle, on which the outputs are linear."""
    points, values = nodes[list(corners)], outputs[list(corners)]
    classes = values.shape[1]
    for a in range(classes):
        for b in range(a + 1, classes):
            difference = values[:, a] - values[:, b]
            ends = []
            for p, q in ((0, 1), (1, 2), (0, 2)):
                if (difference[p] >= 0) != (difference[q] >= 0):
                    t = difference[p] / (difference[p] - difference[q])
                    weights = np.zeros(3)
                    weights[p], weights[q] = 1 - t, t
                    ends.append(weights)
            if len(ends) != 2:
                continue
            # The segment is cut off where another class wins.
            start, stop = 0.0, 1.0
            for c in range(classes):
                if c in (a, b):
                    continue
                at = [float(w @ (values[:, c] - values[:, a])) for w in ends]
                if at[0] > 0 and at[1] > 0:
                    stop = -1.0
                elif at[0] > 0:
                    start = max(start, at[0] / (at[0] - at[1]))
                elif at[1] > 0:
                    stop = min(stop, at[0] / (at[0] - at[1]))
            if start < stop:
                first, last = (ends[0] + s * (ends[1] - ends[0]) for s in (start, stop))
                segments.append((tuple((first @ points).tolist()), tuple((last @ points).tolist())))


def _chained(segments: Sequence[tuple[Point, Point]], size: float) -> list[list[Point]]:
    """Segments that share an end, joined into lines; where more than two meet, lines end."""

    def key(point: Point) -> tuple[int, int]:
        return round(point[0] / (size * _SAME)), round(point[1] / (size * _SAME))

    at: dict[tuple[int, int], list[int]] = {}
    used = [key(a) == key(b) for a, b in segments]
    for i, segment in enumerate(segments):
        if not used[i]:
            for point in segment:
                at.setdefault(key(point), []).append(i)

    def walk(first: int, end: int) -> list[Point]:
        line = [segments[first][end], segments[first][1 - end]]
        used[first] = True
        while True:
            meeting = at[key(line[-1])]
            following = [i for i in meeting if not used[i]] if len(meeting) == 2 else []
            if not following:
                return line
            used[following[0]] = True
            a, b = segments[following[0]]
            line.append(b if key(a) == key(line[-1]) else a)

    lines = []
    # Open lines come first, from their ends; what remains are closed ones.
    for i, segment in enumerate(segments):
        for end in range(2):
            if not used[i] and len(at[key(segment[end])]) != 2:
                lines.append(walk(i, end))
    for i in range(len(segments)):
        if not used[i]:
            lines.append(walk(i, 0))
    return lines


def complexity(lines: Sequence[Sequence[Point]], cell: float) -> tuple[int, int, float, float]:
    """Pieces, straight segments, length and total turning of lines traced on cells of the diagonal ``cell``."""
    points = [point for line in lines for point in line]
    extent = max((max(c) - min(c) for c in zip(*points)), default=0.0)
    same = _MEET * extent
    n_linear, length, turning = 0, 0.0, 0.0
    for line in lines:
        if len(line) < 2:
            continue
        length += sum(math.dist(a, b) for a, b in zip(line, line[1:]))
        closed = len(line) > 2 and math.dist(line[0], line[-1]) <= same
        kept = _simplified(line, closed, _WIGGLE * cell)
        headings = [math.atan2(b[1] - a[1], b[0] - a[0]) for a, b in zip(kept, kept[1:])]
        around = [*headings, headings[0]] if closed else headings
        turning += sum(_angle(a, b) for a, b in zip(around, around[1:]))
        long = [h for h, a, b in zip(headings, kept, kept[1:]) if math.dist(a, b) >= _RESOLVED * cell]
        bends = sum(_angle(a, b) >= _STRAIGHT for a, b in zip(long, long[1:]))
        if long and closed and bends > 0:
            n_linear += bends + (_angle(long[-1], long[0]) >= _STRAIGHT)
        else:
            n_linear += bends + 1
    return _connected(lines, same), n_linear, length, turning


def _simplified(line: Sequence[Point], closed: bool, tolerance: float) -> list[Point]:
    """The fewest vertices from which the line keeps within the tolerance (Douglas and Peucker)."""
    last = len(line) - 1
    keep = {0, last}
    todo = [(0, last)]
    if closed:
        far = max(range(last), key=lambda i: (math.dist(line[i], line[0]), -i))
        keep.add(far)
        todo = [(0, far), (far, last)]
    while todo:
        start, stop = todo.pop()
        worst, off = start, 0.0
        for i in range(start + 1, stop):
            distance = _to_segment(line[i], line[start], line[stop])
            if distance > off:
                worst, off = i, distance
        if off > tolerance:
            keep.add(worst)
            todo += [(start, worst), (worst, stop)]
    return [line[i] for i in sorted(keep)]


def _to_segment(p: Point, a: Point, b: Point) -> float:
    d, r = (b[0] - a[0], b[1] - a[1]), (p[0] - a[0], p[1] - a[1])
    squared = d[0] * d[0] + d[1] * d[1]
    t = min(1.0, max(0.0, (r[0] * d[0] + r[1] * d[1]) / squared)) if squared > 0 else 0.0
    return math.hypot(r[0] - t * d[0], r[1] - t * d[1])


def _angle(a: float, b: float) -> float:
    turn = (b - a) % math.tau
    return min(turn, math.tau - turn)


def _connected(lines: Sequence[Sequence[Point]], same: float) -> int:
    """Connected pieces of lines that share ends."""
    piece = list(range(len(lines)))

    def root(i: int) -> int:
        while piece[i] != i:
            i = piece[i]
        return i

    at: dict[tuple[int, int], int] = {}
    unit = max(same, 2.2250738585072014e-308)
    for i, line in enumerate(lines):
        for point in (line[0], line[-1]) if line else ():
            key = round(point[0] / unit), round(point[1] / unit)
            a, b = root(i), root(at.setdefault(key, i))
            piece[max(a, b)] = min(a, b)
    return sum(piece[i] == i and len(line) > 0 for i, line in enumerate(lines))
