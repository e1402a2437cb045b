"""Bad input is refused by name before work begins, and whatever goes wrong is an exception."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from conftest import low_rank, matrix_with

import heigen
from heigen import _heigen


def counting(function, n):
    """A function's operator, and the list of how many directions it was asked for."""
    asked = []

    def product(v):
        asked.append(1)
        return function(v)

    return heigen.as_operator(product, n=n), asked


def test_an_asymmetric_operator_is_named(rng):
    a = rng.standard_normal((50, 50))
    for solver in (heigen.eigsh, heigen.spectrum, heigen.density, heigen.trace):
        with pytest.raises(heigen.NotSymmetricError, match="not symmetric") as caught:
            solver(a)
        assert "Dense" in caught.value.where and isinstance(caught.value, ValueError)
    slightly = matrix_with(low_rank(50, 20), rng)[0]
    slightly[3, 4] += 1e-4
    with pytest.raises(heigen.NotSymmetricError):
        heigen.eigsh(slightly)
    heigen.trace(slightly, check=False)
    with pytest.raises(heigen.NotSymmetricError):
        heigen.eigsh(2.0 * heigen.as_operator(a).shift(1.0))


def test_an_operator_that_changes_is_named(rng):
    a, _ = matrix_with(low_rank(50, 20), rng)
    op, asked = counting(lambda v: (1.0 + 0.01 * rng.standard_normal()) * (a @ v), 50)
    with pytest.raises(heigen.NotDeterministicError, match="shuffled"):
        heigen.spectrum(op)
    assert len(asked) == 6, "it was found out before work began"


def test_an_operator_is_looked_at_once(rng):
    a, _ = matrix_with(low_rank(50, 20), rng)
    op, asked = counting(lambda v: a @ v, 50)
    first = heigen.eigsh(op)
    assert len(asked) == first.products + 6
    second = heigen.eigsh(op)
    assert len(asked) == first.products + second.products + 6


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_products_that_are_not_finite(bad, rng):
    a, _ = matrix_with(low_rank(50, 20), rng)
    calls = []

    def product(v):
        calls.append(1)
        return a @ v if len(calls) < 12 else a @ v * bad

    for solver in (heigen.eigsh, heigen.spectrum, heigen.density, lambda op: heigen.solve(op, np.ones(50), 1.0)):
        calls.clear()
        with pytest.raises(heigen.NotFiniteError, match="infinite or NaN") as caught:
            solver(heigen.as_operator(product, n=50))
        assert isinstance(caught.value, ArithmeticError)
    with pytest.raises(heigen.NotFiniteError):
        heigen.eigsh(a * bad)


def test_exceptions_of_the_operator_come_back_as_they_are(rng):
    class OutOfMemory(Exception):
        pass

    failure = OutOfMemory("the device is full")

    def product(v):
        raise failure

    with pytest.raises(OutOfMemory) as caught:
        heigen.spectrum(heigen.as_operator(product, n=5))
    assert caught.value is failure
    assert caught.traceback[-1].name == "product"


@pytest.mark.parametrize(
    ("product", "error", "text"),
    [
        (lambda v: v[:-1], heigen.InputError, r"another shape.*got \(4,\), wanted \(5,\)"),
        (lambda v: None, heigen.WrongTypeError, "array of"),
        (lambda v: v * 1j, heigen.WrongTypeError, "array of"),
        (lambda v: "text", heigen.WrongTypeError, "array of"),
    ],
)
def test_products_of_another_form(product, error, text):
    with pytest.raises(error, match=text):
        heigen.eigsh(heigen.as_operator(product, n=5))


class Shaped:
    """An object that is an operator but for its shape or its product."""

    def __init__(self, shape, product=lambda v: v):
        self.shape, self.matvec = shape, product


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda a: heigen.eigsh(a, 0), heigen.InputError, "k: the number is too small; got 0, wanted 1 or more"),
        (lambda a: heigen.eigsh(a, 2.5), heigen.WrongTypeError, "k: an integer"),
        (lambda a: heigen.eigsh(a, which="SM"), heigen.InputError, "which=\"SM\""),
        (lambda a: heigen.eigsh(a, tol=-1), heigen.InputError, "tol: the number is not positive"),
        (lambda a: heigen.eigsh(a, tol=None), heigen.WrongTypeError, "tol: a number"),
        (lambda a: heigen.eigsh(a, v0=np.ones(7)), heigen.InputError, r"v0: vectors do not fit.*\(7,\)"),
        (lambda a: heigen.eigsh(a, v0=np.full(30, np.nan)), heigen.NotFiniteError, "starting direction"),
        (lambda a: heigen.eigsh(a, seed=-1), heigen.InputError, "seed"),
        (lambda a: heigen.eigsh(a, seed=1 << 40), heigen.InputError, "seed"),
        (lambda a: heigen.eigsh(a, progress=3), heigen.WrongTypeError, "progress"),
        (lambda a: heigen.spectrum(a, "lanczos"), heigen.InputError, "method"),
        (lambda a: heigen.spectrum(a, memory=0), heigen.InputError, "memory"),
        (lambda a: heigen.experiment("gauss/normal_training", memory=16), heigen.InputError, "memory"),
        (lambda a: heigen.eigsh(a * 1e300), heigen.InputError, r"entries up to \d.\de\+?(29|30).*op \* 1e-(29|30)"),
        (lambda a: heigen.frobenius_norm(a * 1e-300), heigen.InputError, r"near the limits of its type"),
        (lambda a: heigen.density(a.astype(np.float32) * 1e30), heigen.InputError, "1e-24 to 1e24"),
        (lambda a: heigen.density(a, 1), heigen.InputError, "probes"),
        (lambda a: heigen.density(a, 2, 0), heigen.InputError, "steps"),
        (lambda a: heigen.density(a, 2, 5).curve(1), heigen.InputError, "points"),
        (lambda a: heigen.trace(a, 3), heigen.InputError, "products"),
        (lambda a: heigen.trace(a, method="xtrace"), heigen.InputError, "hutch"),
        (lambda a: heigen.diagonal(a, 1), heigen.InputError, "samples"),
        (lambda a: heigen.frobenius_norm(a, 5), heigen.InputError, "products"),
        (lambda a: heigen.solve(a, np.ones(3)), heigen.InputError, "b: vectors do not fit"),
        (lambda a: heigen.solve(a, np.full(30, np.inf), 1.0), heigen.NotFiniteError, "infinite"),
        (lambda a: heigen.solve(a, np.ones(30), np.nan), heigen.InputError, "damping"),
        (lambda a: heigen.certify(a, [1.0, 2.0], np.ones((30, 3))), heigen.InputError, "one eigenvalue for each"),
        (lambda a: heigen.certify(a, [np.nan], np.ones((30, 1))), heigen.InputError, "eigenvalue is infinite or NaN"),
        (lambda a: heigen.certify(a, [1.0], np.full((30, 1), np.nan)), heigen.NotFiniteError, "eigenvector"),
        (lambda a: heigen.outliers([1.0, np.nan]), heigen.InputError, "eigenvalue"),
        (lambda a: heigen.log_determinant(a, "x"), heigen.WrongTypeError, "damping"),
        (lambda a: heigen.set_threads(-1), heigen.InputError, "number"),
        (lambda a: heigen.set_threads(100_000), heigen.InputError, "number.*1024"),
        (lambda a: heigen.density(a, 10**9), heigen.TooLargeError, "density: the numbers .* do not fit"),
        (lambda a: heigen.density(a, 2, 5).curve(10**12), heigen.InputError, "points.*at most 100000"),
        (lambda a: heigen.trace(a, 2**62, "hutchinson"), heigen.TooLargeError, "trace: the numbers"),
        (lambda a: heigen.diagonal(a, 2**62), heigen.TooLargeError, "diagonal: the numbers"),
        (lambda a: heigen.eigsh(a, True), heigen.WrongTypeError, "k: an integer"),
        (lambda a: heigen.Outliers.of([np.nan, 1.0]), heigen.InputError, "infinite or NaN"),
        (lambda a: heigen.Outliers.of(a), heigen.InputError, r"finite eigenvalues.*\(30, 30\)"),
        (lambda a: heigen.as_operator(a).restrict([(1.5, 3)]), heigen.WrongTypeError, "whole numbers"),
        (lambda a: heigen.density(a, 2, 5).mean_of(lambda x: x[:-1]), heigen.InputError, "one value for each node"),
        (lambda a: heigen.density(a, 2, 5).mean_of(lambda x: "text"), heigen.WrongTypeError, "a value of the function"),
        (lambda a: heigen.as_operator(lambda v: v, n=True), heigen.InputError, "n: .*positive integer"),
        (lambda a: heigen.eigsh(lambda v: v), heigen.InputError, "n=P"),
        (lambda a: heigen.eigsh(Shaped(None)), heigen.WrongTypeError, r"shape \(P, P\)"),
        (lambda a: heigen.eigsh(Shaped("30")), heigen.WrongTypeError, r"shape \(P, P\)"),
        (lambda a: heigen.eigsh(Shaped((-3, -3))), heigen.InputError, "square"),
        (lambda a: heigen.eigsh(Shaped((3, 4))), heigen.InputError, "square"),
        (lambda a: heigen.eigsh(Shaped((3, 3), None)), heigen.WrongTypeError, "are functions"),
        (lambda a: heigen.solve(a, np.ones(30), 0.0).error_bound, heigen.InputError, "damping"),
    ],
)
def test_bad_arguments(call, error, text, rng):
    a, _ = matrix_with(np.linspace(1, 2, 30), rng)
    with pytest.raises(error, match=text) as caught:
        call(a)
    assert isinstance(caught.value, heigen.Error)


def test_blocks_of_another_form_are_no_crash(rng):
    """The extension module itself, without the checks of the package before it."""
    op = heigen.as_operator(np.eye(5))
    for start in (np.ones((2, 4)), np.ones(5), np.ones((2, 5), np.float32), "text", 3, None):
        try:
            _heigen.eigsh(op, 1, "LA", 1e-8, start, False, None, None, None, 0, True, None)
        except (heigen.InputError, heigen.WrongTypeError):
            assert start is not None
    with pytest.raises(heigen.InputError, match="2 eigenvalues and 1 eigenvectors"):
        _heigen.certify(op, [1.0, 2.0], np.ones((1, 5)), True, None)
    with pytest.raises(heigen.InputError, match="do not fit"):
        _heigen.solve(op, np.ones((1, 4)), 0.0, 1e-8, None, True, None)
    with pytest.raises((heigen.Error, AttributeError)):
        _heigen.spectrum(object(), "auto", 1e9, True, None)


def test_a_panic_is_an_exception_that_asks_for_a_report(capfd):
    with pytest.raises(heigen.InternalError, match="report it: as a test") as caught:
        _heigen.panic_for_tests("as a test")
    assert isinstance(caught.value, RuntimeError)
    np.testing.assert_allclose(heigen.eigsh(np.eye(4), 1).eigenvalues, [1.0], err_msg="the interpreter goes on")


def test_errors_say_what_where_got_and_wanted():
    error = heigen.InputError("a thing does not fit", "the place", 3, "4 or more")
    assert str(error) == "the place: a thing does not fit; got 3, wanted 4 or more"
    assert (error.what, error.where, error.got, error.wanted) == ("a thing does not fit", "the place", 3, "4 or more")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and again.got == 3
    classes = [getattr(heigen, name) for name in heigen.__all__ if name.endswith("Error")]
    assert len(classes) >= 11 and all(issubclass(one, heigen.Error) for one in classes)


@pytest.mark.parametrize("n", [10**13, 2**62, 10**30])
def test_vectors_that_no_memory_holds_are_refused(n):
    """Regression: an allocation that failed ended the interpreter."""
    asked = []
    op = heigen.as_operator(asked.append, n=n)
    solvers = [
        heigen.eigsh,
        heigen.spectrum,
        heigen.density,
        heigen.trace,
        lambda op: heigen.trace(op, method="hutchinson"),
        heigen.diagonal,
        lambda op: heigen.diagonal(op, 10),
        heigen.frobenius_norm,
        heigen.outliers,
        lambda op: heigen.log_determinant(op, 1.0),
    ]
    for solver in solvers:
        with pytest.raises(heigen.TooLargeError, match="do not fit into the memory") as caught:
            solver(op)
        assert isinstance(caught.value, MemoryError) and asked == []


def test_more_steps_than_memory_holds_are_refused():
    op = heigen.as_operator(lambda v: v, n=10**8)
    with pytest.raises(heigen.TooLargeError, match="density"):
        heigen.density(op, 100, 1000)
    with pytest.raises(heigen.TooLargeError, match="eigsh"):
        heigen.eigsh(op, 10_000)
