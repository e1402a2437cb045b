"""Operators, where they come from, and expressions of them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from conftest import matrix_with

import heigen


class ByColumns:
    """Somebody's own class with the least that is asked for."""

    def __init__(self, a):
        self.a, self.shape = a, a.shape

    def matvec(self, v):
        return self.a @ v


class ByBlocks(ByColumns):
    def matmat(self, v):
        return self.a @ v


class LikeCurvlinops:
    """Its own products take tensors, its type is PyTorch's, and it knows the way to SciPy."""

    def __init__(self, a):
        torch = pytest.importorskip("torch")
        self.a, self.shape, self.dtype = a, a.shape, torch.float64

    def __matmul__(self, v):
        raise TypeError("a tensor is expected")

    def to_scipy(self):
        from scipy.sparse.linalg import LinearOperator

        return LinearOperator(self.shape, matvec=lambda v: self.a @ v, dtype=np.float64)


@pytest.fixture
def a(rng):
    return matrix_with(np.linspace(-1.0, 3.0, 40), rng)[0]


def sources(a):
    scipy = pytest.importorskip("scipy.sparse")
    torch = pytest.importorskip("torch")
    from scipy.sparse.linalg import aslinearoperator

    return {
        "array": a,
        "list": a.tolist(),
        "matvec": ByColumns(a),
        "matmat": ByBlocks(a),
        "scipy": aslinearoperator(a),
        "sparse": scipy.csr_matrix(a),
        "tensor": torch.from_numpy(a),
        "function": heigen.as_operator(lambda v: a @ v, n=40),
        "function of blocks": heigen.as_operator(lambda v: a @ v, n=40, block=True),
        "column": heigen.as_operator(lambda v: (a @ v)[:, None], n=40),
        "peer": LikeCurvlinops(a),
        "back": heigen.as_operator(a).to_scipy(),
        "curvature": heigen.as_operator(a),
    }


def test_all_sources_have_the_same_spectrum(a):
    wanted = np.linalg.eigvalsh(a)
    for name, source in sources(a).items():
        np.testing.assert_allclose(heigen.spectrum(source).eigenvalues, wanted, atol=1e-12, err_msg=name)


def test_products_take_the_form_of_their_directions(a, rng):
    torch = pytest.importorskip("torch")
    op = heigen.as_operator(a)
    v = rng.standard_normal((40, 3))
    for directions in (v, v[:, 0], np.asfortranarray(v), v[:, ::2]):
        product = op @ directions
        assert isinstance(product, np.ndarray) and product.shape == directions.shape
        np.testing.assert_allclose(product, a @ directions, atol=1e-13)
    tensor = torch.from_numpy(v)
    assert torch.allclose(op @ tensor, torch.from_numpy(a @ v)) and (op @ tensor[:, 0]).shape == (40,)
    np.testing.assert_allclose(op.matvec(v[:, 0]), a @ v[:, 0], atol=1e-13)


def test_expressions(a, rng):
    op, b = heigen.as_operator(a), matrix_with(np.linspace(0, 1, 40), rng)[0]
    v = rng.standard_normal((40, 3))
    index = np.r_[3:10, 20, 30:33]
    mask = np.zeros(40, bool)
    mask[index] = True
    block = a[np.ix_(index, index)]
    cases = {
        "sum": (op + b, a + b),
        "sum of an array and an operator": (b + op, a + b),
        "difference": (op - b, a - b),
        "multiple": (2.5 * op, 2.5 * a),
        "numpy number": (np.float64(2.5) * op, 2.5 * a),
        "quotient": (op / 4, a / 4),
        "negative": (-op, -a),
        "shift": (op.shift(0.5), a + 0.5 * np.eye(40)),
        "deep": (2.0 * (op.shift(1.0) + (-b)) / 3.0, 2.0 * (a + np.eye(40) - b) / 3.0),
        "range": (op.restrict(range(3, 17)), a[3:17, 3:17]),
        "slice": (op.restrict(slice(3, None, 5)), a[3::5, 3::5]),
        "pair": (op.restrict((0, 7)), a[:7, :7]),
        "ranges": (op.restrict([(3, 10), (20, 21), range(30, 33)]), block),
        "indices": (op.restrict(index[::-1]), block),
        "mask": (op.restrict(mask), block),
        "restricted shift": (op.shift(2.0).restrict(index), block + 2 * np.eye(len(index))),
    }
    for name, (expression, wanted) in cases.items():
        assert expression.shape == wanted.shape, name
        directions = v[: len(wanted)]
        np.testing.assert_allclose(expression @ directions, wanted @ directions, atol=1e-12, err_msg=name)
        found = heigen.spectrum(expression).eigenvalues
        np.testing.assert_allclose(found, np.linalg.eigvalsh(wanted), atol=1e-12, err_msg=name)


def test_a_shifted_operator_of_low_rank_takes_the_exact_way(rng):
    """The hook `split` of the solvers' own operators works through expressions of Python's."""
    q, _ = np.linalg.qr(rng.standard_normal((300, 8)))
    low = heigen.as_operator(lambda v: q @ (q.T @ v), n=300)
    found = heigen.spectrum(low.shift(0.25))
    assert found.method == "exact" and found.on_complement == (0.25, [(0, 300)], 292 - (len(found.places) - 8))
    np.testing.assert_allclose(found.eigenvalues, np.r_[np.full(292, 0.25), np.full(8, 1.25)], atol=1e-13)


def test_names_follow_a_restriction(a):
    op = heigen.as_operator(a)
    op._names = [("w", 0, 10), ("b", 10, 15), ("rest", 15, 40)]
    part = op.restrict(["b", "rest"])
    assert part.names == [("b", 0, 5), ("rest", 5, 30)] and part.shape == (30, 30)
    with pytest.raises(heigen.InputError, match="no parameter and no layer named 'c'.*w, b, rest"):
        op.restrict("c")


@pytest.mark.parametrize(
    ("coordinates", "text"),
    [
        ([], "nothing"),
        ((5, 50), "does not lie"),
        ([(0, 5), (4, 8)], "chosen twice"),
        ([3, 3], "chosen twice"),
        (np.zeros(7, bool), "as long as"),
        (np.array([1.5, 2.0]), "integers"),
        ([1.5, 2.0], "names are expected"),
        ([-1, 2], "does not lie"),
        ("w", "no parameter"),
    ],
)
def test_choices_that_make_no_sense(a, coordinates, text):
    with pytest.raises(heigen.Error, match=text):
        heigen.as_operator(a).restrict(coordinates)


def test_representations(a):
    op = heigen.as_operator(a)
    assert repr(op) == "<heigen Dense [40 x 40], float64>"
    assert repr(2.0 * op.shift(1.0)) == "<heigen 2 (Dense + 1 I) [40 x 40], float64>"
    assert op.device == "cpu" and op.dtype == np.float64


def test_operators_pickle(a):
    op = heigen.as_operator(a).shift(1.0).restrict((0, 20))
    again = pickle.loads(pickle.dumps(op))
    np.testing.assert_array_equal(again @ np.ones(20), op @ np.ones(20))


def test_scipy_solves_with_ours(a):
    linalg = pytest.importorskip("scipy.sparse.linalg")
    theirs = linalg.eigsh(heigen.as_operator(a).to_scipy(), 3, which="LA", return_eigenvectors=False)
    np.testing.assert_allclose(np.sort(theirs), heigen.eigsh(a, 3, "LA").eigenvalues[::-1], atol=1e-7)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: heigen.as_operator(np.ones((3, 4))), heigen.InputError, "square"),
        (lambda: heigen.as_operator(np.ones(3)), heigen.InputError, "square"),
        (lambda: heigen.as_operator(lambda v: v), heigen.InputError, "n=P"),
        (lambda: heigen.as_operator("hessian"), heigen.WrongTypeError, "not an operator"),
        (lambda: heigen.as_operator(np.eye(3) * 1j), heigen.WrongTypeError, "real"),
        (lambda: heigen.as_operator(lambda v: v, n=0), heigen.InputError, "positive"),
        (lambda: heigen.as_operator(lambda v: v, n=3, dtype="complex64"), heigen.WrongTypeError, "real"),
        (lambda: heigen.as_operator(lambda v: v, n=3, dtype="numbers"), heigen.WrongTypeError, "no type of numbers"),
        (lambda: heigen.as_operator(np.eye(3)) + np.eye(4), heigen.InputError, "different sizes"),
        (lambda: heigen.as_operator(np.eye(3)) * "x", heigen.WrongTypeError, "a number"),
        (lambda: heigen.as_operator(np.eye(3)).shift(np.nan), heigen.InputError, "not finite"),
        (lambda: heigen.as_operator(np.eye(3)) @ np.ones(4), heigen.InputError, "do not fit"),
        (lambda: heigen.as_operator(np.eye(3)) @ np.ones((3, 2, 2)), heigen.InputError, "do not fit"),
        (lambda: heigen.as_operator(np.eye(3)) @ 3.0, heigen.InputError, "do not fit"),
        (
            lambda: heigen.as_operator(np.eye(3)) + heigen.as_operator(np.eye(3, dtype=np.float32)),
            heigen.InputError,
            "different types",
        ),
    ],
)
def test_what_is_no_operator_is_refused(make, error, text):
    with pytest.raises(error, match=text) as caught:
        make()
    assert isinstance(caught.value, heigen.Error)


def test_types_may_be_pytorchs():
    torch = pytest.importorskip("torch")
    assert heigen.as_operator(lambda v: v, n=3, dtype=torch.float32).dtype == np.float32
    assert heigen.as_operator(lambda v: v, n=3, dtype=torch.float64).dtype == np.float64


def test_sums_of_many_operators(a):
    op = heigen.as_operator(a)
    many = sum([op] * 3000)
    v = np.ones(40)
    np.testing.assert_allclose(many @ v, 3000 * (a @ v), rtol=1e-12)
    assert heigen.eigsh(many, 1, "LA").eigenvalues[0] == pytest.approx(9000.0)
    assert repr(many) == "<heigen (Dense + Dense + Dense + ...) [40 x 40], float64>"
    np.testing.assert_allclose((sum([op, op]) + 2.0 * op) @ v, 4 * (a @ v), rtol=1e-12)


def test_expressions_nested_without_end_are_refused(a):
    """Regression: the interpreter's stack was used up."""
    op = heigen.as_operator(a)
    for _ in range(200):
        op = 1.0 * op
    heigen.eigsh(op, 1)
    for _ in range(100_000):
        op = 1.0 * op
    with pytest.raises(heigen.InputError, match="nested more than 200 times"):
        heigen.eigsh(op, 1)

    class Own(heigen.Operator):
        _length = 3

        def _expression(self):
            return "scaled", self, 2.0

    with pytest.raises(heigen.InputError, match="nested"):
        heigen.eigsh(Own(), 1)


def test_lists_are_directions_as_arrays_are(a):
    op = heigen.as_operator(np.diag([1.0, 2.0]))
    assert (op @ [1.0, 2.0]).tolist() == [1.0, 4.0]
    assert (op @ [[1.0, 0.0], [2.0, 1.0]]).tolist() == [[1.0, 0.0], [4.0, 2.0]]
    with pytest.raises(heigen.WrongTypeError, match="directions"):
        op @ ["x", "y"]


def test_an_array_less_an_operator_is_an_operator(a):
    op = heigen.as_operator(a)
    np.testing.assert_allclose((np.eye(40) - op) @ np.eye(40), np.eye(40) - a, atol=1e-12)


def test_a_function_that_computes_in_float32_is_told_from_an_asymmetric_operator(a):
    def product(v):
        return a.astype(np.float32) @ v.astype(np.float32)

    with pytest.raises(heigen.InputError, match='float32.*dtype="float32"'):
        heigen.eigsh(heigen.as_operator(product, n=40), 2)
    assert heigen.eigsh(heigen.as_operator(product, n=np.int64(40), dtype="float32"), 2, "LA", 1e-4).converged


def test_arrays_of_other_libraries_are_matrices():
    class Array:
        """An array as JAX has them: neither NumPy's nor PyTorch's."""

        shape, ndim = (3, 3), 2

        def __array__(self, dtype=None, copy=None):
            return np.diag([1.0, 2.0, 3.0])

    assert heigen.spectrum(Array()).eigenvalues.tolist() == pytest.approx([1.0, 2.0, 3.0])
    torch = pytest.importorskip("torch")
    assert heigen.outliers(torch.tensor([5.0, 0.1, 0.05, 0.0])).count == 1
