"""The Hessian of a loss, the Gauss-Newton matrix and the Fisher matrices of any module, as operators."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from heigen._errors import Error, InputError, NotDeterministicError, NotFiniteError, WrongTypeError
from heigen._operators import Operator
from heigen.torch._data import Batches, Fingerprint, map_tensors, n_samples, pair, parts, tensors
from heigen.torch._distributed import Alone, processes
from heigen.torch._home import TorchHome
from heigen.torch._losses import Loss, OfOutputs, as_loss
from heigen.torch._parameters import Choice, State, select, unwrap
from heigen.torch._products import GaussNewtonGraph, Graph, HessianGraph, Outputs, WithLoss, drawn, saved_bytes
from heigen.torch._settings import exact, has_recurrence, same_numbers, warn_of_modes

__all__ = ["GGN", "Batched", "EmpiricalFisher", "Fisher", "Hessian", "TorchOperator", "dtype_of"]

_DTYPES = {torch.float32: np.dtype(np.float32), torch.float64: np.dtype(np.float64)}
#: Directions go through a graph together as long as the numbers that a product works on are at most this many: beyond
#: it memory, not the overhead of a call, is what takes the time.
_SMALL = {"cpu": 1 << 19, "cuda": 1 << 27}
#: The most numbers that several directions may make of it.
_TOGETHER = {"cpu": 1 << 22, "cuda": 1 << 29}


@dataclass(frozen=True)
class Batched:
    """Whether several directions go through the model at once, and why."""

    together: bool
    why: str

    def __bool__(self) -> bool:
        return self.together


def dtype_of(chosen: Sequence[tuple[str, nn.Parameter]], asked: Any) -> torch.dtype:
    """The type to compute in: the one asked for, or the parameters' own, float32 where that is a short one."""
    if asked is not None:
        names = {"float32": torch.float32, "float64": torch.float64}
        dtype = asked if isinstance(asked, torch.dtype) else names.get(np.dtype(asked).name)
        if dtype not in _DTYPES:
            raise InputError("curvature is computed in two types only", "dtype", str(asked), "float32 or float64")
        return dtype  # type: ignore[no-any-return]
    own = {parameter.dtype for _, parameter in chosen}
    return torch.float64 if torch.float64 in own else torch.float32


class TorchOperator(Operator):
    """What :class:`Hessian`, :class:`GGN`, :class:`EmpiricalFisher` and :class:`Fisher` have in common.

    The operator is that of the model as it is when a product is asked for: change a parameter, and the next product is the
    new one's. Nothing of the model is changed: not its buffers, nor ``requires_grad``, nor its mode, nor ``.grad``.
    """

    _kind = ""

    def __init__(
        self,
        model: nn.Module,
        data: Any,
        loss_fn: Any = None,
        *,
        params: Choice = None,
        microbatch: int | None = None,
        dtype: Any = None,
        reduction: str | None = None,
        batched: bool | None = None,
        memory: int | None = None,
        mixed_precision: bool = False,
        distributed: bool | None = None,
        group: Any = None,
    ) -> None:
        self._model = unwrap(model)
        self._chosen = select(self._model, params)
        self._torch_dtype = dtype_of(self._chosen, dtype)
        self._device = self._chosen[0][1].device
        if self._device.type == "meta":
            raise InputError("the parameters have no values", "model", "parameters on the device meta", "a real device")
        self._converts = any(p.dtype != self._torch_dtype for p in self._model.parameters())
        self._dtype = _DTYPES[self._torch_dtype]
        self._microbatch = microbatch
        self._mixed = mixed_precision
        self._memory = memory
        self._processes = processes(self._device, distributed, group)
        sizes = [p.numel() for _, p in self._chosen]
        ends = np.cumsum(sizes).tolist()
        self._ranges = [(end - size, end) for size, end in zip(sizes, ends)]
        self._names = [(name, *span) for (name, _), span in zip(self._chosen, self._ranges)]
        self._length = ends[-1]
        self._recurrent = has_recurrence(self._model)
        self._state: State | None = None
        self._graphs: list[Graph] = []
        self._all_kept = False
        self._work = 0
        self._survey(data, loss_fn, reduction)
        self._batched = self._decide(batched)
        self._home = _home(self._device, self._torch_dtype, self._length, self._processes)

    # What is asked before any work begins.

    def _survey(self, data: Any, loss_fn: Any, reduction: str | None) -> None:
        """Goes through all data once: counts samples, computes the loss, and finds what would fail."""
        failure: BaseException | None = None
        total, counts = 0.0, 0.0
        self._fingerprint = Fingerprint()
        try:
            self._read(data, loss_fn, reduction)
            with self._settings(), torch.no_grad():
                state = State(self._model, self._chosen, self._torch_dtype)
                for index, batch in enumerate(self._data):
                    self._check_devices(batch)
                    self._fingerprint.add(batch)
                    for part in self._parts(batch):
                        term, count = self._guarded(state, part, index)
                        total, counts = total + float(term), counts + count
        except BaseException as error:
            failure = error
        self._processes.agree(failure)
        samples = float(self._fingerprint.count)
        total, counts, samples = self._processes.sums([total, counts, samples])
        self.n_samples = int(samples)
        if self.n_samples == 0:
            raise InputError("the data are empty", "data", "0 samples", "one sample or more")
        if self._processes.size > 1:
            sums = [float(p.detach().sum(dtype=torch.float64)) for _, p in self._chosen]
            self._processes.same([float(self._length), *sums], "parameters")
        self._divisor = self._loss.divisor(counts)
        self._counts = counts
        if self._divisor == 0:
            raise InputError("no sample counts in the loss", "data", "labels that are all ignored", "another label")
        self.loss = total / self._divisor
        if not np.isfinite(self.loss):
            raise NotFiniteError("the loss is not finite", "loss_fn", self.loss, "a number")

    def _read(self, data: Any, loss_fn: Any, reduction: str | None) -> None:
        """Makes sense of the data and the loss."""
        self._data = Batches(data)
        self._loss: Loss = as_loss(loss_fn, reduction).to(self._torch_dtype)
        self._with_loss = WithLoss(self._model, self._loss)
        size = self._microbatch
        if size is not None and size < 1:
            raise InputError("a part of a batch has a sample at least", "microbatch", size, "1 or more")
        if warn_of_modes(self._model) and size is not None:
            wanted = "model.eval(), or no microbatch"
            raise InputError("batch normalisation in training mode needs whole batches", "microbatch", size, wanted)

    def _check_devices(self, batch: Any) -> None:
        for tensor in tensors(batch):
            if tensor.device != self._device and tensor.ndim:
                got = f"data on {tensor.device}"
                raise InputError("model and data are on different devices", "data", got, f"data on {self._device}")

    def _guarded(self, state: State, part: Any, index: int) -> tuple[Tensor, float]:
        where = f"batch {index}"
        try:
            term, count = self._term(state, part, index)
        except Error:
            raise
        except Exception as error:
            what = f"the model or the loss fails: {type(error).__name__}: {error}"
            raise InputError(what, where) from error
        if term.numel() != 1:
            raise InputError("the loss is not one number", "loss_fn", f"shape {tuple(term.shape)}", "a scalar")
        return term.reshape(()), count

    def _decide(self, asked: bool | None) -> Batched:
        if asked is not None:
            return Batched(asked, "as asked for")
        limit = _SMALL.get(self._device.type, _SMALL["cuda"])
        largest = self._length * max(1, self._largest_batch())
        if largest > limit:
            return Batched(False, f"{largest} multiplications a direction keep the processor busy one by one")
        return Batched(True, "the model is small")

    def _largest_batch(self) -> int:
        count = self._fingerprint.count
        return count if self._microbatch is None else min(count, self._microbatch)

    @property
    def batched(self) -> Batched:
        """Whether several directions go through the model at once, or one by one, and why."""
        return self._batched

    def _describe(self) -> str:
        return f"{self._kind} of {type(self._model).__name__}, {self.n_samples} samples"

    # Graphs.

    def _settings(self) -> Any:
        return exact(self._device, self._recurrent, self._mixed)

    def _parts(self, batch: Any) -> Iterator[Any]:
        def own(tensor: Tensor) -> Tensor:
            if tensor.is_floating_point() and self._converts:
                tensor = tensor.to(self._torch_dtype)
            return tensor.clone() if tensor.is_inference() else tensor

        plain = not self._converts and not any(t.is_inference() for t in tensors(batch))
        for part in parts(batch, self._microbatch):
            yield part if plain else map_tensors(own, part)

    def _term(self, state: State, part: Any, index: int) -> tuple[Tensor, float]:
        with same_numbers(self._device, 7919 * self._processes.rank + index):
            everything = state.tensors("model.")
            return functional_call(self._with_loss, everything, (part, n_samples(part)))  # type: ignore[no-any-return]

    def _graph(self, state: State, part: Any, index: int) -> Graph:
        raise NotImplementedError

    def _each_graph(self) -> Iterator[Graph]:
        """The graphs of all batches: those that are kept, then new ones, which are kept while memory allows."""
        current = self._state is not None and self._state.version == self._state.current_version()
        if not current:
            self._state, self._graphs, self._all_kept = State(self._model, self._chosen, self._torch_dtype), [], False
        assert self._state is not None
        yield from self._graphs
        if self._all_kept:
            return
        kept = len(self._graphs)
        budget = self._budget()
        seen, number = Fingerprint(), 0
        for index, batch in enumerate(self._data):
            seen.add(batch)
            for part in self._parts(batch):
                number += 1
                if number <= kept:
                    continue
                if self._work == 0:
                    with saved_bytes([*self._state.leaves, *tensors(part)]) as saved:
                        self._graph(self._state, part, index)
                    self._work = max(1, saved.total)
                graph = self._graph(self._state, part, index)
                # Only graphs from the first on are kept, one after another, so that their order is that of the batches.
                if len(self._graphs) == number - 1 and (len(self._graphs) + 1) * self._work <= budget:
                    self._graphs.append(graph)
                yield graph
        if seen.differs(self._fingerprint):
            raise NotDeterministicError(
                "the data loader gives other samples each time it is gone through",
                "data",
                f"{seen.count} samples, before {self._fingerprint.count}"
                if seen.count != self._fingerprint.count
                else "other numbers in them",
                "the same samples: no random augmentation, and no drop_last with shuffle",
            )
        self._all_kept = len(self._graphs) == number

    def _budget(self) -> int:
        if self._memory is not None:
            return self._memory
        if self._device.type == "cuda":
            return int(torch.cuda.mem_get_info(self._device)[0]) // 2
        return min(8 << 30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4)

    # Products.

    def _apply_into(self, rows: Any, out: Any) -> None:
        with self._settings():
            directions, products = _as_tensor(rows), _as_tensor(out)
            failure: BaseException | None = None
            try:
                self._sum_into(directions, products)
            except BaseException as error:
                failure = error
            self._processes.agree(failure)
            self._processes.sum_(products)

    def _sum_into(self, directions: Tensor, products: Tensor) -> None:
        shapes = [(span, p.shape) for span, (_, p) in zip(self._ranges, self._chosen)]
        k = len(directions)
        pieces = [directions[:, a:b].view(k, *shape) for (a, b), shape in shapes]
        targets = [products[:, a:b].view(k, *shape) for (a, b), shape in shapes]
        first = True
        for graph in self._each_graph():
            self._add(graph, pieces, targets, k, first)
            first = False
        if first:
            products.zero_()

    def _add(self, graph: Graph, pieces: list[Tensor], targets: list[Tensor], k: int, first: bool) -> None:
        start = 0
        while start < k:
            step = self._together(k - start) if self._batched else 1
            span = slice(start, start + step)
            if self._batched and step > 1:
                results = self._tried(graph, [piece[span] for piece in pieces])
                if results is None:
                    continue
            else:
                span = slice(start, start + 1)
                step = 1
                results = [r[None] for r in graph.product([piece[start] for piece in pieces], False)]
            for target, result in zip(targets, results):
                target[span].copy_(result) if first else target[span].add_(result)
            start += step

    def _together(self, left: int) -> int:
        limit = _TOGETHER.get(self._device.type, _TOGETHER["cuda"])
        return max(1, min(left, limit // max(1, self._work // self._torch_dtype.itemsize)))

    def _tried(self, graph: Graph, pieces: list[Tensor]) -> list[Tensor] | None:
        """The products of several directions at once; None where the model does not allow it, which is noted."""
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=".*performance drop.*")
                return graph.product(pieces, True)
        except (RuntimeError, UserWarning, NotImplementedError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            text = str(error).strip().splitlines()
            self._batched = Batched(False, f"vmap does not know the model: {text[0] if text else type(error).__name__}")
            return None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_state": None, "_graphs": [], "_all_kept": False}


class Hessian(TorchOperator):
    """The Hessian of the loss of a model over data."""

    _kind = "Hessian"

    def _graph(self, state: State, part: Any, index: int) -> Graph:
        term, _ = self._term(state, part, index)
        return HessianGraph(term.reshape(()) / self._divisor, state.leaves)


class GGN(TorchOperator):
    """The generalized Gauss-Newton matrix: 1/N sum_n J_n^T A_n J_n, with A_n the second derivative by the outputs."""

    _kind = "GGN"

    def _graph(self, state: State, part: Any, index: int) -> Graph:
        outputs = Outputs()
        handle = self._model.register_forward_hook(outputs)
        try:
            term, _ = self._term(state, part, index)
        finally:
            handle.remove()
        if not outputs.z:
            raise InputError(
                "the outputs of the model are not seen", "loss_fn", "a loss that does not call the model", "model(inputs)"
            )
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
        return module(z, pair(part)[1])  # type: ignore[no-any-return]

    def _vectors(
        self, term: Tensor, outputs: Outputs, part: Any, index: int
    ) -> tuple[list[list[Tensor]] | None, float]:
        return None, 1.0


class EmpiricalFisher(GGN):
    """The second moment of the gradients of single samples against their own labels: 1/N sum_n g_n g_n^T."""

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
    """The Fisher matrix by Monte Carlo: gradients against labels drawn from the model's own prediction."""

    _kind = "Fisher"

    def __init__(self, *arguments: Any, mc_samples: int = 1, seed: int = 0, **options: Any) -> None:
        if mc_samples < 1:
            raise InputError("labels are drawn once at least", "mc_samples", mc_samples, "1 or more")
        self._samples, self._seed = mc_samples, seed
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
        vectors = drawn(self._loss, z, pair(part)[1], self._samples, generator)
        return vectors, 1.0 / (self._divisor * self._samples)


def _as_tensor(block: Any) -> Tensor:
    """A block as a tensor that shares its memory."""
    if isinstance(block, Tensor):
        return block
    if isinstance(block, np.ndarray):
        if block.flags.writeable:
            return torch.from_numpy(block)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.from_numpy(block)
    raise WrongTypeError("a block of directions has another type", None, f"a {type(block).__name__}", "a NumPy array")


def _home(device: torch.device, dtype: torch.dtype, length: int, group: Alone) -> TorchHome | None:
    """The home of the operator's vectors: None for the host's memory, which solvers share with PyTorch.

    Several processes take their decisions by the small matrices of the first.
    """
    if device.type == "cpu" and group.size == 1:
        return None
    return TorchHome(length, dtype, device, group.of_first if group.size > 1 else None)
