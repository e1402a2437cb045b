"""The native engine and PyTorch agree on random graphs, in which all operations, losses and settings occur."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import graph_losses
import graph_oracle
import pytest
import random_graphs

#: Few seeds that have all settings which occur in 500, and these settings. Where the generator has changed they are found by
#: ``python -m random_graphs --seeds 500 --generate --cover graph_settings.json``.
COVER = json.loads((Path(__file__).parent / "graph_settings.json").read_text())
SEEDS = sorted({*COVER["seeds"], *range(20)})


@functools.cache
def case(seed: int) -> random_graphs.Case:
    return random_graphs.case(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_graph_has_pytorchs_numbers(seed):
    found = random_graphs.differences(case(seed))
    assert set(found) == {"loss", "gradient", *random_graphs.OPERATORS}
    assert all(value <= random_graphs.TOLERANCE for value in found.values()), found


def test_every_operation_loss_and_setting_occurs():
    seen = set().union(*(case(seed).settings for seed in SEEDS))
    assert not set(graph_oracle._OPERATIONS) - seen
    assert not set(COVER["settings"]) - seen
    kinds = {graph_losses.LOSSES[seed % len(graph_losses.LOSSES)] for seed in SEEDS}
    assert kinds == set(graph_losses.LOSSES)
    assert set(random_graphs.OPERATORS) == {"hessian", "ggn", "fisher", "remainder"}


def test_the_settings_are_those_of_the_generator():
    """Every maker of operations has its settings in the list: one that the generator has no longer would fail above."""
    options = {setting.split()[0] for setting in COVER["settings"]}
    assert set(graph_oracle._OPERATIONS) <= options
    for loss in ("CrossEntropyLoss", "NLLLoss", "BCEWithLogitsLoss", "MultiMarginLoss", "Tokens", "OneLogit"):
        assert {f"{loss} reduction = mean", f"{loss} reduction = sum"} <= set(COVER["settings"])
