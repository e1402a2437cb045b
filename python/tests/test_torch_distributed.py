"""Processes that hold parts of the data give what one process gives, and the same bytes to all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
if not torch.distributed.is_available():
    pytest.skip("this PyTorch has no torch.distributed", allow_module_level=True)

import heigen  # noqa: E402

HERE = Path(__file__).parent


def ran(folder: Path, size: int) -> list[Any]:
    """The results of all processes of one run."""
    folder.mkdir()
    path = os.pathsep.join([str(HERE), str(Path(heigen.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    worker = str(HERE / "distributed_worker.py")
    started = [
        subprocess.Popen(
            [sys.executable, worker, str(folder), str(rank), str(size)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(size)
    ]
    try:
        texts = [process.communicate(timeout=200)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    for process, text in zip(started, texts):
        assert process.returncode == 0, text
    return [dict(np.load(folder / f"{size}-{rank}.npz")) for rank in range(size)]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[Any]]:
    folder = tmp_path_factory.mktemp("processes")
    return {size: ran(folder / str(size), size) for size in (1, 2, 3)}


@pytest.mark.parametrize("size", [2, 3])
def test_parts_of_unequal_size_give_what_one_process_gives(results: dict[int, list[Any]], size: int) -> None:
    (one,) = results[1]
    assert len(one) > 20
    for key, wanted in one.items():
        for other in results[size]:
            assert np.abs(np.abs(other[key]) - np.abs(wanted)).max() <= 1e-11 * np.abs(wanted).max(), key


@pytest.mark.parametrize("size", [2, 3])
def test_every_process_has_the_same_bytes(results: dict[int, list[Any]], size: int) -> None:
    first, *others = results[size]
    for other in others:
        for key, value in first.items():
            if key != "messages":
                assert value.tobytes() == other[key].tobytes(), key


def test_a_mistake_in_one_process_is_an_error_in_all(results: dict[int, list[Any]]) -> None:
    first, second = (result["messages"] for result in results[2])
    assert "rank 1: another process has failed" in first[0] and "label is out of range" in second[0]
    assert "rank 1: another process has failed" in first[1] and "once only" in second[1]
    assert "different parameters" in first[2] and "different parameters" in second[2]
