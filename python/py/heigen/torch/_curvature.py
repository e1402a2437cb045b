"""The Hessian of a loss, the Gauss-Newton matrix and the Fisher matrices of any module, as operators."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from heigen._arguments import integer
from heigen._errors import InputError
from heigen.torch._data import n_samples, pair
from heigen.torch._losses import OfOutputs
from heigen.torch._operators import TorchOperator
from heigen.torch._parameters import State
from heigen.torch._products import GaussNewtonGraph, Graph, HessianGraph, Outputs, drawn

__all__ = ["GGN", "EmpiricalFisher", "Fisher", "Hessian"]


class Hessian(TorchOperator):
    """The Hessian of the loss of a model over data: H = d^2 L / d theta^2.

    Arguments are those of :class:`TorchOperator`. Products are derivatives of the gradient, exact to rounding; the graph of
    the gradient is kept between them as far as ``memory`` goes, so that a product costs one reverse pass.

    >>> import torch, heigen, heigen.torch
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)).double()
    >>> X, y = torch.randn(20, 2).double(), torch.arange(20) % 3
    >>> H = heigen.torch.Hessian(model, (X, y), torch.nn.CrossEntropyLoss())
    >>> H.shape, H.names[0]
    ((51, 51), ('0.weight', 0, 16))
    >>> heigen.eigsh(H, 3).converged
    True
    """

    _kind = "Hessian"

    def _graph(self, state: State, part: Any, index: int) -> Graph:
        term, _ = self._term(state, part, index)
        return HessianGraph(term.reshape(()) / self._divisor, state.leaves)

    def gradient(self) -> Tensor:
        """The gradient of the loss of the model as it is now, [P]."""
        out = torch.zeros(1, self._length, dtype=self._torch_dtype, device=self._device)
        with self._settings():
            failure: BaseException | None = None
            try:
                for graph in self._each_graph():
                    assert isinstance(graph, HessianGraph)
                    out[0] += torch.cat([part.reshape(-1) for part in graph.gradient])
            except BaseException as error:
                failure = error
            self._contents_after()
            self._processes.agree(failure)
            self._processes.sum_(out)
        return out[0]


class GGN(TorchOperator):
    """The generalized Gauss-Newton matrix: 1/N sum_n J_n^T A_n J_n, with A_n the second derivative by the outputs.

    Arguments are those of :class:`TorchOperator`. A ``loss_fn(model, batch)`` of one's own has to call the model: its
    outputs are where the matrix is cut. The negative log-likelihood of log-probabilities counts as the cross-entropy of
    logits, the same function, whose matrix is not zero.

    References: Schraudolph, Neural Computation 14 (2002), 1723; Martens, arXiv:1412.1193.
    """

    _kind = "GGN"

    def _graph(self, state: State, part: Any, index: int) -> Graph:
        outputs = Outputs()
        handle = self._model.register_forward_hook(outputs)
        try:
            term, _ = self._term(state, part, index)
        finally:
            handle.remove()
        if not outputs.called:
            raise InputError(
                "the outputs of the model are not seen", "loss_fn", "a loss that does not call the model", "model(inputs)"
            )
        if not outputs.seen:
            got = f"a {outputs.called}"
            raise InputError("the outputs of the model have no tensor", "model", got, "tensors, or a structure of them")
        vectors, factor = self._vectors(term, outputs, part, index)
        term = self._curved(term, outputs, part)
        return GaussNewtonGraph(term.reshape(()) / self._divisor, outputs, state.leaves, vectors, factor)

    def _curved(self, term: Tensor, outputs: Outputs, part: Any) -> Tensor:
        """The loss whose second derivative counts.

        On log-probabilities the negative log-likelihood is linear; as a function of logits it is the cross-entropy, which
        has the same value there, because the log-softmax of log-probabilities is themselves.
        """
        loss = self._loss
        if not isinstance(loss, OfOutputs) or not isinstance(loss.module, nn.NLLLoss) or len(outputs.leaves) != 1:
            return term
        z = outputs.leaves[0]
        if not torch.allclose(z.detach().logsumexp(1), z.new_zeros(()), atol=1e-4):
            return term
        module = nn.CrossEntropyLoss(loss.module.weight, ignore_index=loss.module.ignore_index, reduction="sum")
        return module(z, loss.targets(z, pair(part)[1]))  # type: ignore[no-any-return]

    def _vectors(
        self, term: Tensor, outputs: Outputs, part: Any, index: int
    ) -> tuple[list[list[Tensor]] | None, float]:
        return None, 1.0


class EmpiricalFisher(GGN):
    """The second moment of the gradients of single samples against their own labels: 1/N sum_n g_n g_n^T.

    Arguments are those of :class:`TorchOperator`. L is the mean of the samples' own losses, whatever its division is, and
    g_n the gradient of one of them; of a sum, F is the sum. Batch normalisation in training mode mixes samples, which have no
    gradients of their own then.

    References: Kunstner, Balles, Hennig, arXiv:1905.12558.
    """

    _kind = "EmpiricalFisher"

    def _vectors(
        self, term: Tensor, outputs: Outputs, part: Any, index: int
    ) -> tuple[list[list[Tensor]] | None, float]:
        count = n_samples(part)
        for z in outputs.z:
            if not z.ndim or z.shape[0] != count:
                got = f"outputs of shape {tuple(z.shape)} for {count} samples"
                raise InputError("the samples' own gradients cannot be told apart", "model", got, "samples along dimension 0")
        slopes = torch.autograd.grad(term.reshape(()), outputs.leaves, retain_graph=True, materialize_grads=True)
        factor = self.n_samples / self._divisor**2 if self._loss.reduction == "mean" else 1.0
        return [[slope.detach() for slope in slopes]], factor


class Fisher(GGN):
    """The Fisher matrix by Monte Carlo: gradients against labels drawn from the model's own prediction.

    Arguments are those of :class:`TorchOperator`, and ``mc_samples`` labels for each sample from the stream of ``seed``.
    Its expectation is the :class:`GGN`. The loss is a cross-entropy, a binary cross-entropy of logits, or the squared error
    (normal targets). Draws belong to batches: other batches, other draws.

    References: Martens, arXiv:1412.1193.
    """

    _kind = "Fisher"
    _draws = True

    def __init__(self, *arguments: Any, mc_samples: int = 1, seed: int = 0, **options: Any) -> None:
        self._samples, self._seed = integer(mc_samples, "mc_samples", 1), integer(seed, "seed", 0)
        self._numbers: dict[int, int] = {}
        super().__init__(*arguments, **options)

    def _vectors(
        self, term: Tensor, outputs: Outputs, part: Any, index: int
    ) -> tuple[list[list[Tensor]] | None, float]:
        if len(outputs.leaves) != 1:
            raise InputError("labels are drawn for one output only", "model", f"{len(outputs.leaves)} outputs", "one")
        generator = torch.Generator(self._device)
        seed = (self._seed * 1_000_003 + self._processes.rank) * 1_000_003 + index
        generator.manual_seed(seed % (1 << 63))
        z = outputs.leaves[0].detach()
        targets = pair(part)[1]
        if isinstance(self._loss, OfOutputs):
            targets = self._loss.targets(z, targets)
        vectors = drawn(self._loss, z, targets, self._samples, generator)
        return vectors, 1.0 / (self._divisor * self._samples)
