"""Every solver against NumPy's dense linear algebra."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from conftest import low_rank, matrix_with

import heigen

P = 300


@pytest.fixture
def known(rng):
    values = low_rank(P, 40)
    a, q = matrix_with(values, rng)
    return a, values, q


def counted(a):
    """An operator that counts the directions of its products."""

    class Counted(heigen.Operator):
        _probed, count = True, 0
        _length, _dtype = len(a), a.dtype

        def _apply_into(self, rows, out):
            self.count += len(rows)
            np.matmul(rows, a, out=out)

    return Counted()


@pytest.mark.parametrize(
    ("which", "order"),
    [
        ("LM", lambda v: sorted(v, key=abs, reverse=True)[:6]),
        ("LA", lambda v: sorted(v, reverse=True)[:6]),
        ("SA", lambda v: sorted(v)[:6]),
        ("BE", lambda v: sorted(v, reverse=True)[:3] + sorted(v)[:3]),
    ],
)
def test_extreme_eigenpairs(known, which, order):
    a, values, _ = known
    op = counted(a)
    found = heigen.eigsh(op, 6, which, 1e-11)
    np.testing.assert_allclose(found.eigenvalues, order(values), atol=1e-11)
    v = found.eigenvectors
    np.testing.assert_allclose(v.T @ v, np.eye(6), atol=1e-12)
    residuals = np.linalg.norm(a @ v - v * found.eigenvalues, axis=0)
    assert (residuals <= found.residuals + 1e-14).all()
    assert (found.residuals <= found.tolerance * found.scale).all()
    assert found.products == op.count
    values, vectors = found
    assert values is found.eigenvalues and vectors is found.eigenvectors


def test_a_start_near_the_eigenvectors_saves_products(known):
    a, _, q = known
    cold = heigen.eigsh(a, 3, "LA")
    warm = heigen.eigsh(a, 3, "LA", v0=cold.eigenvectors)
    assert warm.products < cold.products
    one = heigen.eigsh(a, 1, "LA", v0=q[:, 0])
    assert one.eigenvalues[0] == pytest.approx(1.0, abs=1e-12)


def test_repeated_eigenvalues_are_all_found(rng):
    a, _ = matrix_with(np.r_[np.ones(9), np.linspace(0, 0.5, 91)], rng)
    np.testing.assert_allclose(heigen.eigsh(a, 10, "LA").eigenvalues, [1.0] * 9 + [0.5], atol=1e-8)


def test_the_products_are_used_up(rng):
    a, _ = matrix_with(np.linspace(0, 1, 300), rng)
    with pytest.raises(heigen.NotConvergedError, match="allow more products") as caught:
        heigen.eigsh(a, 20, "LA", max_products=60)
    assert isinstance(caught.value, RuntimeError)
    reached = caught.value.result
    assert len(reached) == 20 and not reached.converged
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value) and len(again.result) == 20


def test_the_whole_spectrum(known):
    a, values, _ = known
    found = heigen.spectrum(a)
    np.testing.assert_allclose(found.eigenvalues, np.sort(values), atol=1e-13)
    assert found.method == "exact" and found.rank == 40 and found.certificate.whole
    assert found.trace == pytest.approx(values.sum(), abs=1e-12)
    assert found.lambda_max == pytest.approx(1.0)
    v = found.eigenvectors
    np.testing.assert_allclose((v * found.eigenvalues[found.places]) @ v.T, a, atol=1e-12)
    dense = heigen.spectrum(a, "dense")
    assert dense.method == "dense" and dense.eigenvectors.shape == (P, P)
    np.testing.assert_allclose(dense.eigenvalues, np.sort(values), atol=1e-13)
    top, vectors = found.top(2)
    np.testing.assert_allclose(top, np.sort(values)[::-1][:2], atol=1e-13)
    np.testing.assert_allclose(a @ vectors, vectors * top, atol=1e-12)


def test_a_spectrum_too_large_for_the_memory(known):
    with pytest.raises(heigen.TooLargeError, match="need 4.9 MiB, 1.0 KiB are available") as caught:
        heigen.spectrum(np.diag(np.arange(400.0)), memory=1000.0)
    assert isinstance(caught.value, MemoryError)


def test_certificates_of_others_pairs(known):
    a, values, _ = known
    theirs, vectors = np.linalg.eigh(a)
    whole = heigen.certify(a, theirs, vectors)
    assert whole.whole and whole.pairs_hold and whole.residual_max < 1e-13
    whole.check()
    # A few pairs are eigenpairs, and what they leave out is bounded.
    few = heigen.certify(a, theirs[-3:], vectors[:, -3:])
    assert few.pairs_hold and not few.whole
    few.check(whole=False)
    with pytest.raises(heigen.NotCertifiedError, match="outside"):
        few.check()
    rest = np.abs(theirs[:-3]).max()
    assert rest <= few.outside_bound <= 100 * rest
    # Wrong pairs are seen to be wrong.
    wrong = heigen.certify(a, theirs + 1e-3, vectors)
    assert wrong.residual_max == pytest.approx(1e-3, rel=1e-6) and not wrong.pairs_hold
    with pytest.raises(heigen.NotCertifiedError, match="no eigenpairs"):
        wrong.check(whole=False)
    skewed = vectors.copy()
    skewed[:, 0] += 0.1 * skewed[:, 1]
    assert heigen.certify(a, theirs, skewed).orthogonality == pytest.approx(0.1, rel=0.02)


def test_float32_says_what_float32_can_know(known):
    a, values, _ = known
    found = heigen.spectrum(a.astype(np.float32))
    assert found.eigenvectors.dtype == np.float32 and found.eigenvalues.dtype == np.float64
    np.testing.assert_allclose(found.eigenvalues, np.sort(values), atol=1e-5)
    assert found.certificate.limit == pytest.approx(512 * 2.0**-23 * np.sqrt(P))
    assert found.zero >= 4 * 2.0**-23 * np.sqrt(P) * 0.99
    with pytest.raises(heigen.InputError, match="float64"):
        heigen.spectrum(a.astype(np.float32), "exact")
    pairs = heigen.eigsh(a.astype(np.float32), 4, "LA")
    assert pairs.eigenvectors.dtype == np.float32 and pairs.tolerance > 1e-5
    np.testing.assert_allclose(pairs.eigenvalues, np.sort(values)[::-1][:4], atol=1e-5)


def test_an_operator_can_tell_the_error_of_its_matrix(known):
    a, _, _ = known

    class Single(heigen.Operator):
        _length, _dtype = P, np.dtype(np.float32)

        def _apply_into(self, rows, out):
            np.matmul(rows, a.astype(np.float32), out=out)

        def _recompute_into(self, rows, out, trial):
            out[...] = rows.astype(np.float64) @ a
            return True

    error = heigen.spectrum(Single()).certificate.matrix_error
    assert 0 < error < 1e-5
    assert heigen.spectrum(a).certificate.matrix_error is None


def test_density(known):
    a, values, _ = known
    found = heigen.density(a, 20, 60)
    assert len(found.nodes) == 20 and found.n_params == P
    second = found.mean_of(lambda x: x**2)
    assert abs(second.value - np.mean(values**2)) < 5 * second.standard_error
    low, high = found.range
    assert low == pytest.approx(values.min(), abs=1e-6) and high == pytest.approx(1.0, abs=1e-6)
    count = found.count_below(-1e-3)
    assert abs(count.value - np.sum(values <= -1e-3)) < 5 * count.standard_error + 1
    grid, curve, errors = found.curve(400, 0.02)
    assert grid.shape == curve.shape == errors.shape == (400,)
    assert np.trapezoid(curve, grid) == pytest.approx(1.0, abs=1e-3)
    assert "300 eigenvalues" in repr(found)


def test_estimates(known):
    a, values, _ = known
    exact = heigen.trace(a, products=P)
    assert exact.value == pytest.approx(values.sum(), abs=1e-12) and exact.standard_error == 0
    rough = heigen.trace(a, products=30)
    assert abs(rough.value - values.sum()) < 5 * rough.standard_error
    plain = heigen.trace(a, 40, "hutchinson")
    assert abs(plain.value - values.sum()) < 5 * plain.standard_error
    norm = heigen.frobenius_norm(a, products=30)
    wanted = np.sqrt(np.sum(values**2))
    assert abs(norm.value - wanted) < 5 * norm.standard_error + 1e-12 and norm.standard_error < 0.05 * wanted
    assert heigen.frobenius_norm(a, P).value == pytest.approx(wanted, rel=1e-12)
    assert float(norm) == norm.value and "+-" in str(norm)
    entries = heigen.diagonal(a)
    np.testing.assert_allclose(entries.values, np.diag(a), atol=1e-14)
    assert not entries.standard_errors.any()
    few = heigen.diagonal(a, 64)
    assert (np.abs(few.values - np.diag(a)) < 6 * few.standard_errors).all()
    np.testing.assert_array_equal(np.asarray(few), few.values)


def test_log_determinant_and_effective_dimension(rng):
    values = np.abs(low_rank(P, 40))
    a, _ = matrix_with(values, rng)
    found = heigen.log_determinant(a, 0.1, probes=30, steps=80)
    assert abs(found.value - np.log(values + 0.1).sum()) < 5 * found.standard_error
    found = heigen.effective_dimension(a, 0.1, probes=30, steps=80)
    assert abs(found.value - (values / (values + 0.1)).sum()) < 5 * found.standard_error
    with pytest.raises(heigen.NotPositiveError, match="damping"):
        heigen.log_determinant(-a, 0.1)


def test_linear_systems(known, rng):
    a, values, _ = known
    b = rng.standard_normal((P, 3))
    found = heigen.solve(a, b, damping=1.0)
    wanted = np.linalg.solve(a + np.eye(P), b)
    np.testing.assert_allclose(found.x, wanted, atol=1e-6)
    residuals = np.linalg.norm(b - a @ found.x - found.x, axis=0)
    np.testing.assert_allclose(found.residuals, residuals, atol=1e-13)
    one = heigen.solve(a, b[:, 0], damping=1.0)
    assert one.x.shape == (P,) and one.residuals.shape == (1,)
    psd, _ = matrix_with(np.abs(values), rng)
    bounded = heigen.solve(psd, b, damping=0.01)
    exact = np.linalg.solve(psd + 0.01 * np.eye(P), b)
    assert (np.linalg.norm(bounded.x - exact, axis=0) <= bounded.error_bound).all()
    with pytest.raises(heigen.NotPositiveError, match="more damping"):
        heigen.solve(a, b)
    with pytest.raises(heigen.NotConvergedError) as caught:
        heigen.solve(psd, b, damping=1e-6, max_products=3)
    assert caught.value.result.x.shape == (P, 3)
    np.testing.assert_array_equal(heigen.solve(a, np.zeros(P), 1.0).x, 0.0)


def test_outliers_are_heigens(rng):
    top = [0.154, 0.023, 0.009, 0.006, 0.005]
    values = np.r_[top, np.zeros(45)]
    assert int(heigen.outliers(values)) == heigen.outliers(matrix_with(values, rng)[0]).count == 2
    assert heigen.spectrum(matrix_with(values, rng)[0]).outliers().count == 2
    # A large operator: only as many eigenvalues are computed as are needed.
    large = np.r_[5.09, 2.30, 1.42, 0.63, 0.35 * np.linspace(1, 0, 3000)]
    found = heigen.outliers(heigen.as_operator(lambda v: large[:, None] * v.reshape(3004, -1), n=3004))
    assert found == heigen.outliers(large) and found.count == 4


def test_results_pickle_and_are_small(known):
    a, _, _ = known
    results = [
        heigen.eigsh(a, 2),
        heigen.spectrum(a),
        heigen.density(a, 2, 5),
        heigen.diagonal(a),
        heigen.trace(a, 10),
        heigen.solve(a, np.ones(P), 1.0),
        heigen.outliers(a),
        heigen.certify(a, [1.0], np.ones((P, 1))),
    ]
    for result in results:
        again = pickle.loads(pickle.dumps(result))
        assert type(again) is type(result) and repr(again) == repr(result)
        assert len(repr(result)) < 700
        with pytest.raises(AttributeError):
            result.anything = 1


def test_results_do_not_depend_on_threads(known):
    a, _, _ = known
    found = []
    for threads in (1, 3, 0):
        heigen.set_threads(threads)
        found.append(heigen.eigsh(a, 4))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].eigenvectors, other.eigenvectors)


def test_an_operator_of_one_and_of_no_curvature():
    one = heigen.spectrum(np.array([[3.0]]))
    np.testing.assert_array_equal(one.eigenvalues, [3.0])
    zero = heigen.spectrum(np.zeros((20, 20)))
    assert zero.rank == 0 and zero.certificate.vanishes
    np.testing.assert_array_equal(heigen.eigsh(np.zeros((20, 20)), 2).eigenvalues, 0.0)
    assert len(heigen.eigsh(np.eye(3), 8)) == 3


def test_an_operator_may_prefer_a_number_of_directions(known):
    a, _, _ = known
    widths = []

    class Preferring(heigen.Operator):
        _length, _block, _probed = P, 9, True

        def _apply_into(self, rows, out):
            widths.append(len(rows))
            np.matmul(rows, a, out=out)

    # A function's operator prefers none, whether the function takes blocks or not.
    assert heigen.as_operator(lambda v: a @ v, n=P)._block is None
    heigen.eigsh(2.0 * Preferring(), 3, "LA")
    assert widths[0] == 9
    widths.clear()
    heigen.eigsh(Preferring(), 3, "LA", block=2)
    assert widths[0] == 2


def test_a_function_of_blocks_is_given_blocks(known):
    """Regression: that a function takes blocks was taken for its preference of a single direction."""
    a, _, _ = known
    widths = []

    def product(v):
        widths.append(v.shape[1])
        return a @ v

    heigen.eigsh(heigen.as_operator(product, n=P, block=True), 3, "LA", check=False)
    assert widths[0] == 2


def test_set_threads_is_for_the_native_engine_too():
    from heigen import _native

    try:
        heigen.set_threads(2)
        assert json.loads(_native.resources())["threads"] == 2
        assert json.loads(_native.resources(threads=3))["threads"] == 3
    finally:
        heigen.set_threads(0)
    assert json.loads(_native.resources())["threads"] == 0
