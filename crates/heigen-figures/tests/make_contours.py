"""Writes contours.json: lines of equal loss of quadratic bowls by matplotlib, at levels by NumPy.

The bowl is c + (l1 u^2 + l2 v^2) / 2 in coordinates turned by an angle, so that its lines are ellipses. On a linear scale levels
stand at equal distances, on a logarithmic one at equal ratios, and matplotlib draws the lines of log(loss).
Not needed to build or test the project. Needs: numpy matplotlib. Run here: python make_contours.py
"""
import json

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

LINES, ROOM = 14, 0.06


def case(name, curvatures, angle, offset, a_range, b_range, grid, logarithmic):
    a, b = np.linspace(*a_range, grid[0]), np.linspace(*b_range, grid[1])
    A, B = np.meshgrid(a, b)
    u, v = np.cos(angle) * A + np.sin(angle) * B, -np.sin(angle) * A + np.cos(angle) * B
    losses = offset + (curvatures[0] * u**2 + curvatures[1] * v**2) / 2
    shown = np.log(losses) if logarithmic else losses
    low, high = shown.min(), shown.max()
    room = max(ROOM * (high - low), np.log(1.05)) if logarithmic else ROOM * (high - low)
    ends = np.linspace(low - room, high + room, LINES + 1)
    levels = (ends[:-1] + ends[1:]) / 2
    lines = plt.contour(a, b, shown, levels=levels).allsegs
    points = [sorted({(round(float(x), 12), round(float(y), 12)) for line in of_level for x, y in line}) for of_level in lines]
    return {
        "name": name,
        "curvatures": curvatures,
        "angle": angle,
        "offset": offset,
        "a_range": a_range,
        "b_range": b_range,
        "grid": grid,
        "logarithmic": logarithmic,
        "levels": (np.exp(levels) if logarithmic else levels).tolist(),
        "points": points,
    }


cases = [
    case("linear", [4.0, 1.0], 0.0, 0.25, [-1.0, 1.0], [-1.5, 1.0], [17, 11], False),
    case("turned", [3.0, 0.2], 0.7, 1.0, [-1.0, 2.0], [-1.0, 1.0], [16, 19], False),
    case("logarithmic", [40.0, 2.0], 0.4, 0.01, [-1.0, 1.0], [-1.0, 1.0], [21, 21], True),
]
with open("contours.json", "w") as f:
    f.write(json.dumps(cases, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
