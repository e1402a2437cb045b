"""Operators see the solver's memory itself; nothing is copied, and whatever they keep does no harm."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import low_rank, matrix_with

import heigen
from heigen import _heigen


class Looking(heigen.Operator):
    _probed = True

    def __init__(self, matrix):
        self._matrix, self._length, self._dtype = matrix, len(matrix), matrix.dtype
        self.seen = []

    def _apply_into(self, rows, out):
        assert type(rows) is np.ndarray and type(out) is np.ndarray
        assert rows.dtype == out.dtype == self._dtype and rows.shape == out.shape
        assert rows.flags.c_contiguous and out.flags.c_contiguous
        assert not rows.flags.owndata and not out.flags.owndata, "these are views of the solver's memory"
        assert not rows.flags.writeable and out.flags.writeable
        np.matmul(rows, self._matrix, out=out)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_copy_is_made(dtype, rng):
    a, _ = matrix_with(low_rank(80, 12), rng)
    before = _heigen.copies_of_kept_memory()
    heigen.eigsh(Looking(a.astype(dtype)), 3, tol=1e-5)
    assert _heigen.copies_of_kept_memory() == before


def test_directions_cannot_be_written_to(rng):
    class Writing(Looking):
        def _apply_into(self, rows, out):
            rows[0, 0] = 1.0

    with pytest.raises(ValueError, match="read-only"):
        heigen.eigsh(Writing(np.eye(5)), 1)


def test_what_an_operator_keeps_is_copied_before_it_changes(rng):
    class Keeping(Looking):
        def _apply_into(self, rows, out):
            np.matmul(rows, self._matrix, out=out)
            self.seen.append((rows, rows.copy(), out, out.copy()))
            if len(self.seen) > 1:
                # Too late to change anything.
                self.seen[-2][2][...] = np.nan

    a, _ = matrix_with(low_rank(60, 8), rng)
    op, before = Keeping(a), _heigen.copies_of_kept_memory()
    pairs = heigen.eigsh(op, 3, tol=1e-10)
    np.testing.assert_allclose(pairs.eigenvalues, heigen.eigsh(a, 3, tol=1e-10).eigenvalues, atol=1e-13)
    assert _heigen.copies_of_kept_memory() - before == len(op.seen)
    for rows, copied, _, _ in op.seen:
        np.testing.assert_array_equal(rows, copied)
    np.testing.assert_array_equal(op.seen[-1][2], op.seen[-1][3])


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_torch_shares_the_memory_too(rng):
    torch = pytest.importorskip("torch")

    class Torch(Looking):
        def _apply_into(self, rows, out):
            directions, result = torch.from_numpy(rows), torch.from_numpy(out)
            assert directions.data_ptr() == rows.ctypes.data and result.data_ptr() == out.ctypes.data
            torch.matmul(directions, torch.from_numpy(self._matrix), out=result)

    a, _ = matrix_with(low_rank(60, 8), rng)
    before = _heigen.copies_of_kept_memory()
    np.testing.assert_allclose(heigen.eigsh(Torch(a), 2).eigenvalues, [1.0, 10 ** (-3 / 8)], atol=1e-8)
    assert _heigen.copies_of_kept_memory() == before


def test_results_own_their_memory(rng):
    a, _ = matrix_with(low_rank(60, 8), rng)
    vectors = heigen.eigsh(a, 2).eigenvectors
    assert vectors.shape == (60, 2) and vectors.flags.f_contiguous and vectors.flags.writeable
