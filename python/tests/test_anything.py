"""Whatever is given for whichever argument: the answer is a result or an error of heigen's, never a crash or another class."""

from __future__ import annotations

import numpy as np
import pytest

import heigen

A = np.diag([3.0, 2.0, 1.0, 0.5])
B = np.ones(4)

THINGS = [
    None,
    "x",
    b"x",
    3,
    -1,
    0,
    2.5,
    float("nan"),
    float("inf"),
    1j,
    [],
    [1, 2],
    [[1, 2], [3]],
    {},
    object(),
    np.array("x"),
    np.ones((0, 0)),
    np.ones((2, 2, 2)),
    np.array([["a", "b"], ["c", "d"]]),
    np.array([[None, 1], [1, 2]]),
    np.ones(4, complex),
    np.ones((4, 0)),
    np.ones((4, 2), object),
    np.eye(4, dtype=np.float16),
    np.asfortranarray(np.ones((4, 3)))[:, ::2],
    True,
    10**30,
    np.float32(1),
    np.int64(2),
    type,
    slice(3),
    range(3),
    "tensor: half",
    "tensor: eye",
    "tensor: grad",
]

CALLS = {
    "as_operator": lambda x: heigen.as_operator(x),
    "n": lambda x: heigen.as_operator(lambda v: v, n=x),
    "dtype": lambda x: heigen.as_operator(lambda v: v, n=3, dtype=x),
    "eigsh": lambda x: heigen.eigsh(x, 1),
    "k": lambda x: heigen.eigsh(A, x),
    "which": lambda x: heigen.eigsh(A, 1, x),
    "tol": lambda x: heigen.eigsh(A, 1, tol=x),
    "v0": lambda x: heigen.eigsh(A, 1, v0=x),
    "block": lambda x: heigen.eigsh(A, 1, block=x),
    "max_subspace": lambda x: heigen.eigsh(A, 1, max_subspace=x),
    "max_products": lambda x: heigen.eigsh(A, 1, max_products=x),
    "seed": lambda x: heigen.eigsh(A, 1, seed=x),
    "spectrum": lambda x: heigen.spectrum(x),
    "method": lambda x: heigen.spectrum(A, x),
    "memory": lambda x: heigen.spectrum(A, memory=x),
    "eigenvalues": lambda x: heigen.certify(A, x, np.eye(4)),
    "eigenvectors": lambda x: heigen.certify(A, [1, 2, 3, 4], x),
    "probes": lambda x: heigen.density(A, x),
    "steps": lambda x: heigen.density(A, 2, x),
    "points": lambda x: heigen.density(A, 2, 2).curve(x),
    "bandwidth": lambda x: heigen.density(A, 2, 2).curve(10, x),
    "count_below": lambda x: heigen.density(A, 2, 2).count_below(x),
    "log_determinant": lambda x: heigen.log_determinant(A, x),
    "effective_dimension": lambda x: heigen.effective_dimension(A, x),
    "trace": lambda x: heigen.trace(A, x),
    "trace's method": lambda x: heigen.trace(A, 8, x),
    "diagonal": lambda x: heigen.diagonal(A, x),
    "frobenius_norm": lambda x: heigen.frobenius_norm(A, x),
    "outliers": lambda x: heigen.outliers(x),
    "b": lambda x: heigen.solve(A, x),
    "damping": lambda x: heigen.solve(A, B, x),
    "tolerance of solve": lambda x: heigen.solve(A, B, 1.0, x),
    "products of solve": lambda x: heigen.solve(A, B, 1.0, max_products=x),
    "@": lambda x: heigen.as_operator(A) @ x,
    "+": lambda x: heigen.as_operator(A) + x,
    "-": lambda x: heigen.as_operator(A) - x,
    "*": lambda x: heigen.as_operator(A) * x,
    "/": lambda x: heigen.as_operator(A) / x,
    "shift": lambda x: heigen.as_operator(A).shift(x),
    "restrict": lambda x: heigen.as_operator(A).restrict(x),
    "title": lambda x: heigen.spectrum(A).plot(x).svg,
    "path": lambda x: heigen.spectrum(A).plot().save(x),
    "a product": lambda x: heigen.eigsh(heigen.as_operator(lambda v: x, n=4), 1),
}


def made(thing):
    if not isinstance(thing, str) or not thing.startswith("tensor"):
        return thing
    torch = pytest.importorskip("torch")
    if thing.endswith("half"):
        return torch.ones(4, 4, dtype=torch.bfloat16)
    return torch.eye(4, requires_grad=thing.endswith("grad"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_anything(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for thing in THINGS:
        value = made(thing)
        try:
            CALLS[name](value)
        except heigen.Error as error:
            assert not isinstance(error, heigen.InternalError), thing
            assert str(error)
    assert not list(tmp_path.iterdir()), "nothing was written"
