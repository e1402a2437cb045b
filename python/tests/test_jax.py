"""Operators of JAX functions against jax.hessian, and against the same model in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import heigen  # noqa: E402
import heigen.jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

stream = np.random.RandomState(0)
PARAMS = {
    "first": {"w": stream.randn(3, 5), "b": stream.randn(5)},
    "layers": [stream.randn(5, 4), (stream.randn(4), np.float64(0.3))],
}
X, Y = stream.randn(7, 3), np.arange(7) % 4
BATCHES = [(X[:2], Y[:2]), (X[2:3], Y[2:3]), (X[3:], Y[3:])]


def outputs(p: Any, batch: Any) -> Any:
    w, (b, scale) = p["layers"]
    return scale * (jnp.tanh(batch[0] @ p["first"]["w"] + p["first"]["b"]) @ w + b)


def of_outputs(z: Any, batch: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), batch[1][:, None], 1))


def loss(p: Any, batch: Any) -> Any:
    return of_outputs(outputs(p, batch), batch)


def dense(function: Any) -> np.ndarray:
    with heigen.jax._x64(True):
        theta, unravel = jax.flatten_util.ravel_pytree(jax.tree_util.tree_map(jnp.asarray, PARAMS))
        return np.asarray(jax.hessian(lambda t: function(unravel(t)))(theta))


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-13), ("float32", 1e-5)])
@pytest.mark.parametrize("data", [(X, Y), BATCHES, [*BATCHES, (X[:0], Y[:0])]])
def test_hessian_is_that_of_jax(dtype: str, tolerance: float, data: Any) -> None:
    wanted = dense(lambda p: loss(p, (X, Y)))
    x64 = jax.config.jax_enable_x64
    op = heigen.jax.Hessian(loss, PARAMS, data, dtype=dtype)
    got = op @ np.eye(op.shape[0])
    assert got.dtype == np.dtype(dtype) == op.dtype
    assert np.abs(got - wanted).max() <= tolerance * np.abs(wanted).max()
    assert jax.config.jax_enable_x64 == x64 and op.n_samples == 7
    one = heigen.jax.Hessian(loss, PARAMS, data, dtype=dtype, together=1)
    assert np.abs(one @ np.eye(op.shape[0]) - got).max() <= tolerance
    assert op.names[0][0] == "['first']['b']" and op.names[-1][2] == op.shape[0]
    total = heigen.jax.Hessian(lambda p, b: loss(p, b) * len(b[1]), PARAMS, data, dtype=dtype, reduction="sum")
    assert np.abs(total @ np.eye(op.shape[0]) - 7 * wanted).max() <= 7 * tolerance * np.abs(wanted).max()


def test_ggn_is_the_hessian_of_the_linearized_model() -> None:
    with heigen.jax._x64(True):
        theta, unravel = jax.flatten_util.ravel_pytree(jax.tree_util.tree_map(jnp.asarray, PARAMS))
        z = outputs(PARAMS, (X, Y))
        J = np.asarray(jax.jacobian(lambda t: outputs(unravel(t), (X, Y)))(theta)).reshape(28, -1)
        A = np.asarray(jax.hessian(lambda z: of_outputs(z, (X, Y)))(z)).reshape(28, 28)
    op = heigen.jax.GGN(of_outputs, PARAMS, BATCHES, model=outputs)
    got = op @ np.eye(op.shape[0])
    assert np.abs(got - J.T @ A @ J).max() <= 1e-13


def test_a_loss_with_its_own_count() -> None:
    weights = np.array([0.0, 1.0, 2.0, 5.0])

    def weighted(p: Any, batch: Any) -> Any:
        w = jnp.asarray(weights)[batch[1]]
        terms = -jnp.take_along_axis(jax.nn.log_softmax(outputs(p, batch)), batch[1][:, None], 1)[:, 0]
        return (w * terms).sum() / w.sum(), w.sum()

    data = [(X[:3], Y[:3]), (X[3:], Y[3:])]
    wanted = dense(lambda p: weighted(p, (X, Y))[0])
    got = heigen.jax.Hessian(weighted, PARAMS, data) @ np.eye(len(wanted))
    assert np.abs(got - wanted).max() <= 1e-13


def test_the_same_model_in_pytorch() -> None:
    torch = pytest.importorskip("torch")
    import heigen.torch

    class Model(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            first, (w, (b, scale)) = PARAMS["first"], PARAMS["layers"]  # type: ignore[misc]
            names = [("b1", first["b"]), ("w1", first["w"]), ("w2", w), ("b2", b), ("scale", scale)]  # type: ignore[call-overload]
            for name, value in names:
                self.register_parameter(name, torch.nn.Parameter(torch.tensor(value, dtype=torch.float64)))

        def forward(self, x: Any) -> Any:
            return self.scale * (torch.tanh(x @ self.w1 + self.b1) @ self.w2 + self.b2)

    data = (torch.from_numpy(X), torch.from_numpy(Y))
    other = heigen.torch.Hessian(Model(), data, torch.nn.CrossEntropyLoss())
    v = np.random.RandomState(1).randn(other.shape[0], 3)
    assert np.abs(other @ v - heigen.jax.Hessian(loss, PARAMS, BATCHES) @ v).max() < 1e-13


def repeated(p: Any, batch: Any) -> Any:
    """A loop without an end that is known, which has no reverse pass."""
    return jax.lax.while_loop(lambda c: c[1] < 3, lambda c: (c[0] * c[0], c[1] + 1), (p["first"]["b"].sum(), 0))[0]


def test_mistakes_are_named() -> None:
    cases: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        ((3, PARAMS, (X, Y)), {}, "no loss"),
        ((loss, {}, (X, Y)), {}, "no parameters"),
        ((loss, {"a": np.arange(3)}, (X, Y)), {}, r"params\['a'\].*real numbers"),
        ((loss, PARAMS, iter(BATCHES)), {}, "once only"),
        ((loss, PARAMS, []), {}, "empty"),
        ((loss, PARAMS, (X[:, :2], Y)), {}, "batch 0: the loss fails"),
        ((outputs, PARAMS, (X, Y)), {}, "not one number"),
        ((lambda p, b: loss(p, b) / 0, PARAMS, (X, Y)), {}, "not finite|fails"),
        ((loss, PARAMS, (X, Y)), {"dtype": "float16"}, "two types"),
        ((loss, PARAMS, (X, Y)), {"reduction": "none"}, "reduction"),
        ((loss, PARAMS, (X, Y)), {"together": 0}, "together"),
        ((loss, PARAMS, (X, Y)), {"together": "a"}, "together.*integer"),
        ((loss, PARAMS, (X, Y)), {"dtype": "foo"}, "two types.*foo"),
        ((loss, PARAMS, ("a", "b")), {}, "no numbers.*str"),
        ((lambda p, b: jnp.int32(3), PARAMS, (X, Y)), {}, "no real number.*int32"),
        ((lambda p, b: float(p["first"]["b"][0]), PARAMS, (X, Y)), {}, "second derivative fails: Concretization"),
        ((repeated, PARAMS, (X, Y)), {}, "second derivative fails: ValueError: Reverse-mode"),
    ]
    for arguments, options, pattern in cases:
        with pytest.raises(heigen.Error, match=pattern):
            heigen.jax.Hessian(*arguments, **options)
