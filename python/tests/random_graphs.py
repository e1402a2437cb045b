"""Random small graphs of operations, and the comparison of the native engine with PyTorch on them.

A seed makes a graph of a few nodes with at most 200 parameters, its weights and samples. Two operations follow from the seed, so
that a run of consecutive seeds has them all; shapes, settings and everything else are random. Numbers stay away from kinks
and poles: every node is looked at by PyTorch before it is kept. The native engine's loss, gradient and matrices (Hessian, GGN,
empirical Fisher, remainder) in float64 must be those of :mod:`graph_oracle` to 1e-9 of the largest.

    python -m random_graphs --seeds 500            all of them, and which settings occurred
    python -m random_graphs --only 37 --show       one graph, written out
    python -m random_graphs --seeds 500 --generate --cover graph_settings.json
                                                   what tests compare: few seeds, and the settings that they must have
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import graph_oracle
import numpy as np
import torch
from graph_losses import (
    LOSSES,
    N_OUTPUTS,
    GaussianNLL,
    OneLogit,
    Tokens,
    counted,
    loss_of,
    of_logits,
    options_of,
    twice_differentiable,
)
from graph_operations import FOCUSED, KINDS, made
from graph_writer import Refused, Writer, settings_of
from numpy.typing import NDArray

#: Agreement is asked for up to this part of the largest number.
TOLERANCE = 1e-9
OPERATORS = ("hessian", "ggn", "fisher", "remainder")
N_SAMPLES = 5


@dataclass
class Case:
    """A graph with its weights, samples and loss."""

    seed: int
    spec: dict[str, Any]
    tensors: dict[str, NDArray[np.float64]]
    X: NDArray[np.float64]
    y: torch.Tensor
    loss: torch.nn.Module

    @property
    def settings(self) -> set[str]:
        """The operations and the loss with their settings in words."""
        found = settings_of(self.spec) | options_of(self.loss)
        if any(np.isinf(tensor).any() for tensor in self.tensors.values()):
            found.add("buffer of infinite numbers")
        if counted(self.loss, self.y) < len(self.y):
            found.add("samples that the loss ignores")
            if "batch_norm training = True" in found:
                found.add("samples that the loss ignores in a batch")
        return found


def case(seed: int) -> Case:
    """The graph of a seed."""
    for attempt in range(60):
        rng = np.random.default_rng([20230612, seed, attempt])
        try:
            return _case(seed, rng, exchanged=attempt >= 20)
        except Refused:
            continue
    raise AssertionError(f"seed {seed} makes no graph")


def _case(seed: int, rng: np.random.Generator, exchanged: bool) -> Case:
    focus = [FOCUSED[(2 * seed + i) % len(FOCUSED)] for i in range(2)]
    if exchanged:
        # One of them may make numbers on which the other one has a kink.
        focus.reverse()
    kinds = [KINDS[op] for op in focus if op in KINDS]
    kind = str(kinds[0] if kinds else rng.choice(["features", "sequence", "signal", "image"]))
    writer = Writer(rng, kind, N_SAMPLES)
    x = made(writer, "embedding" if kind == "tokens" else "start", "x")
    others = [str(op) for op in rng.choice(FOCUSED, rng.integers(0, 5))]
    for op in [*(op for op in focus if not (kind == "tokens" and op == "embedding")), *others]:
        x = writer.tried(op, x, optional=op not in focus)
    output, loss, y = loss_of(LOSSES[seed % len(LOSSES)], writer, writer.head(x, N_OUTPUTS))
    spec = {"layers": [writer.graph(output)]}
    return Case(seed, spec, writer.tensors, writer.X, y, loss)


def cover(settings: dict[int, set[str]]) -> list[int]:
    """Few seeds that have all settings together: again and again the one that has most of those that are left."""
    left, chosen = set().union(*settings.values()), []
    while left:
        best = max(settings, key=lambda seed: (len(settings[seed] & left), -seed))
        chosen.append(best)
        left -= settings[best]
    return sorted(chosen)


@dataclass
class Numbers:
    """What is compared."""

    loss: float
    grad_norm: float
    matrices: dict[str, NDArray[np.float64]]


def by_pytorch(case: Case) -> Numbers:
    """The numbers of the oracle."""
    given = case.spec, case.tensors, case.X, case.y
    loss = twice_differentiable(case.loss)
    value, gradient = graph_oracle.loss_and_gradient(*given, loss)
    known = graph_oracle.jacobian(*given[:3])
    hessian, ggn = graph_oracle.hessian(*given, loss), graph_oracle.ggn(*given, of_logits(case.loss), known)
    # The objective as a mean of as many losses as there are samples that count: one is N times the part of its sample.
    parts = graph_oracle.gradients(*known, case.y, loss)
    fisher = parts.T @ parts * (counted(case.loss, case.y) if case.loss.reduction == "mean" else 1)
    matrices = {"hessian": hessian, "ggn": ggn, "fisher": fisher, "remainder": hessian - ggn}
    return Numbers(value, float(np.linalg.norm(gradient)), matrices)


def by_heigen(case: Case) -> Numbers:
    """The numbers of the native engine."""
    import heigen

    model = case.spec, case.tensors
    loss = case.loss.plain() if isinstance(case.loss, (GaussianNLL, OneLogit, Tokens)) else case.loss
    settings = {"loss": loss, "targets": getattr(case.loss, "targets", None)}
    analysis = heigen.analyze(model, case.X, case.y, **settings, eigenpairs=False, trace=6, progress=False, threads=1)
    matrices = {}
    for kind in OPERATORS:
        operator = analysis.operator(kind)
        matrices[kind] = operator @ np.eye(operator.shape[0])
    return Numbers(analysis.loss, analysis.grad_norm, matrices)


def differences(case: Case) -> dict[str, float]:
    """How far the engine is from the oracle, relative to the largest number."""
    wanted, got = by_pytorch(case), by_heigen(case)
    scale = max(*(np.abs(matrix).max() for matrix in wanted.matrices.values()), wanted.grad_norm, 1e-3)
    return {
        "loss": abs(got.loss - wanted.loss) / max(abs(wanted.loss), 1e-3),
        "gradient": float(abs(got.grad_norm - wanted.grad_norm) / scale),
        **{kind: float(np.abs(got.matrices[kind] - wanted.matrices[kind]).max() / scale) for kind in OPERATORS},
    }


def main(arguments: list[str] | None = None) -> int:
    """Compares the graphs of many seeds; returns how many differ."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="number of seeds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", type=int, help="this seed only")
    parser.add_argument("--show", action="store_true", help="write the graph out")
    parser.add_argument("--generate", action="store_true", help="make the graphs, but compare nothing")
    parser.add_argument("--cover", type=Path, help="write few of the seeds that have all settings, and the settings, into this file")
    options = parser.parse_args(arguments)
    seeds = [options.only] if options.only is not None else range(options.first, options.first + options.seeds)
    settings: dict[int, set[str]] = {}
    wrong, begun = [], time.monotonic()
    for seed in seeds:
        one = case(seed)
        settings[seed] = one.settings
        if options.show:
            print(json.dumps(one.spec, indent=1))
        if options.generate:
            continue
        try:
            found = differences(one)
        except Exception as error:
            found = {f"{type(error).__name__}: {error}": float("inf")}
        bad = {key: value for key, value in found.items() if not value <= TOLERANCE}
        if bad or options.only is not None:
            operations = " ".join(node["op"] for layer in one.spec["layers"] for node in layer["nodes"])
            print(f"seed {seed}: {bad or found}\n    {operations}", flush=True)
        wrong += [seed] if bad else []
    seen = Counter(setting for found in settings.values() for setting in found)
    if options.cover is not None:
        options.cover.write_text(json.dumps({"seeds": cover(settings), "settings": sorted(seen)}, indent=0) + "\n")
    if options.only is None:
        print("\n".join(f"{n:6} {what}" for what, n in sorted(seen.items())))
    print(f"{len(seeds) - len(wrong)} of {len(seeds)} agree in {time.monotonic() - begun:.0f} s; others: {wrong}")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
