"""Writes statistics.json: rank correlations, differences and bootstrap intervals by SciPy and NumPy."""

import json
import pathlib

import numpy as np
from scipy import stats

rng = np.random.default_rng(20)


def pair(n, strength, digits):
    x = rng.normal(size=n)
    y = strength * x + rng.normal(size=n)
    return np.round(x, digits), np.round(y, digits)


def interval(x, y, statistic, room):
    found = stats.bootstrap(
        (x, y), statistic, paired=True, vectorized=False, n_resamples=20_000, method="percentile", random_state=1
    ).confidence_interval
    return {"low": found.low, "high": found.high, "room": room}


spearman = []
for n, strength, digits in [(5, 1.0, 2), (20, 0.5, 1), (60, -1.0, 0), (200, 0.1, 0)]:
    x, y = pair(n, strength, digits)
    spearman.append({"x": x.tolist(), "y": y.tolist(), "rho": stats.spearmanr(x, y).statistic})

groups, deviations = [], [[], []]
for g in range(4):
    x, y = pair(15 + 5 * g, 2.0, 1)
    x, y = x + 6 * g, y - 12 * g
    groups.append({"x": x.tolist(), "y": y.tolist()})
    for side, values in enumerate((x, y)):
        ranks = stats.rankdata(values)
        deviations[side].extend((ranks - ranks.mean()) / len(values))
within = {
    "groups": groups,
    "rho": np.corrcoef(*deviations)[0, 1],
    "across": stats.spearmanr(np.concatenate([g["x"] for g in groups]), np.concatenate([g["y"] for g in groups])).statistic,
}

differences, bootstrap = [], []
for n, digits in [(20, 2), (25, 0)]:
    x, y = pair(n, 0.5, digits)
    x = np.round(x + 0.4, digits)
    sign = np.sign(x[:, None] - y[None, :])
    low, middle, high = np.quantile(x - y, [0.025, 0.5, 0.975])
    differences.append({
        "x": x.tolist(), "y": y.tolist(), "dominance": np.sign(x - y).mean(), "cliffs_delta": sign.mean(),
        "median": middle, "low": low, "high": high,
    })
    bootstrap.append({"statistic": "dominance", "x": x.tolist(), "y": y.tolist(),
                      **interval(x, y, lambda x, y: np.sign(x - y).mean(), 0.09)})
for n, strength in [(30, 0.5), (100, 1.0)]:
    x, y = pair(n, strength, 2)
    bootstrap.append({"statistic": "spearman", "x": x.tolist(), "y": y.tolist(),
                      **interval(x, y, lambda x, y: stats.spearmanr(x, y).statistic, 0.03)})
    bootstrap.append({"statistic": "median", "x": x.tolist(), "y": y.tolist(),
                      **interval(x, y, lambda x, y: np.median(x - y), 0.04)})

found = {"spearman": spearman, "within": within, "differences": differences, "bootstrap": bootstrap}
pathlib.Path(__file__).with_name("statistics.json").write_text(json.dumps(found) + "\n")
