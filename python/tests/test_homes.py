"""Solvers give the same through any home of vectors."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import low_rank, matrix_with
from numpy_home import NumpyHome

import heigen
from heigen import _heigen


class At(heigen.Operator):
    """A matrix as an operator whose vectors live in a given home."""

    def __init__(self, matrix, home):
        self._matrix, self._home = matrix, home
        self._length, self._dtype = len(matrix), home.dtype

    def _apply_into(self, rows, out):
        out[...] = rows @ self._matrix


class AtTorch(At):
    def _apply_into(self, rows, out):
        import torch

        torch.matmul(rows, torch.as_tensor(self._matrix, dtype=rows.dtype), out=out)


def homes(length):
    yield lambda a: At(a, NumpyHome(length))
    torch_home = pytest.importorskip("heigen.torch._home")
    import torch

    yield lambda a: AtTorch(a, torch_home.TorchHome(length, torch.float64))


def host(vectors):
    return np.asarray(vectors)


@pytest.mark.parametrize("which", [0, 1], ids=["numpy", "torch"])
def test_all_solvers_agree_with_the_host(which, rng):
    p = 300
    a, _ = matrix_with(low_rank(p, 40), rng)
    op = list(homes(p))[which](a)
    mine, theirs = heigen.spectrum(a), heigen.spectrum(op)
    np.testing.assert_allclose(mine.eigenvalues, theirs.eigenvalues, atol=1e-13)
    assert mine.method == theirs.method == "exact"
    large = np.abs(mine.eigenvalues[mine.places]) > 1e-6
    large_theirs = np.abs(theirs.eigenvalues[theirs.places]) > 1e-6
    np.testing.assert_allclose(mine.eigenvectors[:, large], host(theirs.eigenvectors)[:, large_theirs], atol=1e-9)
    for kind in ("LM", "LA", "SA", "BE"):
        x, y = heigen.eigsh(a, 5, kind, 1e-11), heigen.eigsh(op, 5, kind, 1e-11)
        np.testing.assert_allclose(x.eigenvalues, y.eigenvalues, atol=1e-12)
        inner = np.abs(np.sum(x.eigenvectors * host(y.eigenvectors), axis=0))
        np.testing.assert_allclose(inner, 1.0, atol=1e-8)
        assert x.products == y.products
    x, y = heigen.density(a, 4, 20), heigen.density(op, 4, 20)
    for s, t in zip(x.nodes, y.nodes):
        np.testing.assert_allclose(s, t, atol=1e-10)
    for f in (heigen.trace, heigen.frobenius_norm):
        x, y = f(a, 30), f(op, 30)
        assert x.value == pytest.approx(y.value, abs=1e-10)
        assert x.standard_error == pytest.approx(y.standard_error, rel=1e-6, abs=1e-10)
    np.testing.assert_allclose(heigen.diagonal(a).values, heigen.diagonal(op).values, atol=1e-13)
    np.testing.assert_allclose(heigen.diagonal(a, 20).values, heigen.diagonal(op, 20).values, atol=1e-13)
    b = rng.standard_normal((p, 2))
    x, y = heigen.solve(a, b, 1.0), heigen.solve(op, b, 1.0)
    np.testing.assert_allclose(x.x, host(y.x), atol=1e-7)
    c, d = (heigen.certify(o, mine.eigenvalues[mine.places], mine.eigenvectors) for o in (a, op))
    assert c.whole and d.whole and d.residual_max < 1e-13
    assert c.trace_probes == pytest.approx(d.trace_probes, abs=1e-11)


@pytest.mark.parametrize("which", [0, 1], ids=["numpy", "torch"])
def test_expressions_in_another_home(which, rng):
    p = 60
    a, _ = matrix_with(np.linspace(-1, 2, p), rng)
    op = list(homes(p))[which](a)
    chosen = [(0, 20), (30, 45)]
    expression = (2.0 * op + op.shift(0.25)).restrict(chosen)
    index = np.r_[0:20, 30:45]
    wanted = (3.0 * a + 0.25 * np.eye(p))[np.ix_(index, index)]
    np.testing.assert_allclose(heigen.spectrum(expression).eigenvalues, np.linalg.eigvalsh(wanted), atol=1e-12)
    v = rng.standard_normal((35, 3))
    np.testing.assert_allclose(expression @ v, wanted @ v, atol=1e-12)
    np.testing.assert_allclose(expression @ v[:, 0], wanted @ v[:, 0], atol=1e-12)


def test_torch_home_operation_by_operation(rng):
    torch = pytest.importorskip("torch")
    from heigen.torch._home import TorchHome

    length = 2 * 4096 + 77
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-4)):
        home = TorchHome(length, dtype)
        a, b = home.random(1, 0, 3, "gaussian"), home.random(2, 5, 7, "uniform")
        x, y = a.double().numpy(), b.double().numpy()
        assert a.dtype == dtype
        np.testing.assert_allclose(home.gram(a, b), x @ y.T, rtol=tolerance, atol=length * tolerance)
        np.testing.assert_allclose(home.dots(a[:2], b), (x[:2] * y).sum(1), rtol=tolerance, atol=length * tolerance)
        for law in ("gaussian", "uniform", "rademacher"):
            entries = _heigen.random_entries(length, 1, 0, 3, law, dtype == torch.float32)
            np.testing.assert_array_equal(home.random(1, 0, 3, law).numpy(), entries)
        c = a.clone()
        c[0, 17], c[0, 18] = -9.0, 9.0
        assert home.largest(c)[0] == -9.0, "the first of equal magnitudes"
        assert home.is_finite(c)
        c[1, 4] = float("nan")
        assert not home.is_finite(c)
        c[1, 4] = float("inf")
        assert not home.is_finite(c)
        part = home.gather(a, [(3, 10), (4000, 5000)])
        back = home.scatter(part, [(3, 10), (4000, 5000)])
        assert torch.equal(home.gather(back, [(3, 10), (4000, 5000)]), part) and back.count_nonzero() == 3 * 1007
        out = b.clone()
        weights = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]])
        home.combine(2.0, weights, a, 0.5, out)
        np.testing.assert_allclose(out.double().numpy(), 2 * weights @ x + 0.5 * y, atol=tolerance)
        out = torch.full_like(b, float("nan"))
        home.combine(1.0, weights, a, 0.0, out)
        assert home.is_finite(out), "what is not read does no harm"


def test_small_matrices_go_through_the_agreement(rng):
    """Under torch.distributed every small matrix is that of the first process."""
    torch = pytest.importorskip("torch")
    from heigen.torch._home import TorchHome

    seen = []

    def agree(small):
        seen.append(small.shape)
        return small

    a, _ = matrix_with(low_rank(50, 10), rng)
    op = AtTorch(a, TorchHome(50, torch.float64, agree=agree))
    heigen.eigsh(op, 3)
    assert len(seen) > 10
    # The matrix that is decomposed on the host is one of them, and so is the diagonal.
    seen.clear()
    heigen.spectrum(op, "dense")
    assert (50, 50) in seen


def test_products_of_a_torch_home_are_exact_whatever_is_set(rng):
    """TF32 and automatic casts of the user's do not reach the vectors, and his settings stay."""
    torch = pytest.importorskip("torch")
    from heigen.torch._home import TorchHome

    home = TorchHome(5000, torch.float32)
    a = home.random(1, 0, 3, "gaussian")
    wanted = home.gram(a, a)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            np.testing.assert_array_equal(home.gram(a, a), wanted)
            out = home.zeros(1)
            home.combine(1.0, np.ones((1, 3)), a, 0.0, out)
            assert torch.allclose(out[0], a.sum(0), atol=1e-5)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
