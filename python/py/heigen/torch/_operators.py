"""What the Hessian of a loss, the Gauss-Newton matrix and the Fisher matrices of a module have in common."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from heigen._arguments import finite, integer
from heigen._errors import Error, InputError, NotDeterministicError, NotFiniteError, TooLargeError, WrongTypeError
from heigen._operators import Operator
from heigen.torch._contents import Contents
from heigen.torch._data import Batches, Fingerprint, map_tensors, n_samples, parts, tensors
from heigen.torch._distributed import processes
from heigen.torch._losses import Loss, OfModel, OfOutputs, as_loss
from heigen.torch._options import DTYPES, Batched, as_tensor, dtype_of, home
from heigen.torch._parameters import Choice, State, aliases, followed, select, unwrap
from heigen.torch._products import Graph, WithLoss, saved_bytes, watch_for_samples
from heigen.torch._settings import exact, exclusive, has_recurrence, same_numbers, warn, warn_of_modes
from heigen.torch._unfused import Unfused

__all__ = ["Batched", "TorchOperator", "dtype_of"]

#: Directions go through a graph together as long as the numbers that a product works on are at most this many: beyond
#: it memory, not the overhead of a call, is what takes the time.
_SMALL = {"cpu": 1 << 19, "cuda": 1 << 27}
#: What a graph saves, at most, in units of what the forward pass alone does; measured: 1.3 to 3.6.
_OF_FORWARD = 4
#: Directions that solvers should ask for at a time where each goes through the model by itself: two, so that a repeated
#: eigenvalue is seen to be one.
_ONE_BY_ONE = 2
#: And where they go through it together on a device, for which a few are hardly more work than one.
_TOGETHER_ON_DEVICE = 4
#: The most numbers that several directions may make of it.
_TOGETHER = {"cpu": 1 << 22, "cuda": 1 << 29}


class TorchOperator(Operator):
    """What :class:`Hessian`, :class:`GGN`, :class:`EmpiricalFisher` and :class:`Fisher` have in common.

    ``model`` is any :class:`torch.nn.Module`; DistributedDataParallel and ``torch.compile`` are looked through.

    ``data`` is (X, y), a list of batches, a DataLoader, or a dict as Hugging Face's; X may be any tree of tensors. All
    batches are gone through once when the operator is made, so that mistakes show before work begins, and again whenever
    their graphs are not kept; other samples at another time are an error.

    ``loss_fn`` is a loss of ``torch.nn`` (a module, a function, a word such as "cross_entropy"), or a function
    ``loss_fn(model, batch)``; without it, the model returns its own loss. With the reduction "mean", L is the mean over all
    samples, however they are batched: a mean with a count of its own, as those with class weights or ``ignore_index``, is
    over all batches, too, and a function may return (loss, count). A function that sums says ``reduction="sum"``. Of a
    model's outputs that are a tuple or a list the loss is taken of the first, of a structure with ``logits`` of these. There
    is no weight decay: that of w/2 |theta|^2 is ``op.shift(w)``.

    ``params`` chooses parameters by name, name of a layer, regular expression, list of these or of the parameters
    themselves, or function of name and parameter; without it all that require a gradient, each once.

    ``microbatch`` bounds the samples that go through the model together. ``dtype`` is "float32" or "float64"; where the model
    has another, copies of its parameters are converted. ``batched`` sends several directions through the model
    at once (True), one by one (False), or what suits its size; :attr:`batched` says which, and why. ``memory`` bounds the
    bytes of the graphs that are kept between products: unless given, a quarter of the host's memory, 8 GiB at most, or half
    of what is free on a GPU. TF32 and autocast are off inside unless ``mixed_precision``.

    Where :mod:`torch.distributed` is initialized, every process holds its own part of the data and gets the products with the
    whole; ``distributed=False`` keeps to this process, ``group`` is the group of processes.

    The operator is that of the model as it is when a product is asked for: change a parameter, a buffer, the mode or a layer,
    and the next product is the new one's. Nothing of the model is changed: not its buffers, nor ``requires_grad``, nor its
    mode, nor ``.grad``. While a product is computed, the model's tensors and settings of the process are exchanged: products
    of several threads wait for each other, and no thread may use the model by itself meanwhile.
    """

    _kind = ""
    #: Whether random numbers belong to batches, so that another order of the samples is another matrix.
    _draws = False

    def __new__(cls, *arguments: Any, **options: Any) -> TorchOperator:
        if len(arguments) > 3:
            wanted = f"{cls.__name__}(model, (X, y), loss)"
            raise WrongTypeError("data are one argument, a pair", cls.__name__, f"{len(arguments)} arguments", wanted)
        if "weight_decay" in options:
            what = "the operator is that of the loss alone; weight decay adds a multiple of the identity"
            raise InputError(what, "weight_decay", options["weight_decay"], f"op.shift({options['weight_decay']})")
        return super().__new__(cls)

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
        if batched is not None and not isinstance(batched, (bool, np.bool_)):
            raise WrongTypeError("this is no choice", "batched", f"a {type(batched).__name__}", "True, False or None")
        self._microbatch = None if microbatch is None else integer(microbatch, "microbatch", 1)
        self._memory = None if memory is None else int(max(0.0, finite(memory, "memory")))
        self._mixed = bool(mixed_precision)
        with exclusive():
            self._model = unwrap(model)
            self._chosen = select(self._model, params)
            self._torch_dtype = dtype_of(self._chosen, dtype)
            self._device = self._chosen[0][1].device
            self._aliases = aliases(self._model, self._chosen)
            self._dtype: np.dtype[Any] = DTYPES[self._torch_dtype]
            self._processes = processes(self._device, distributed, group)
            self._shapes = [p.shape for _, p in self._chosen]
            self._sizes = [shape.numel() for shape in self._shapes]
            ends = np.cumsum(self._sizes).tolist()
            self._names = [(name, end - size, end) for (name, _), size, end in zip(self._chosen, self._sizes, ends)]
            self._length = ends[-1]
            self._look()
            self._state: State | None = None
            self._contents: Contents | None = None
            self._graphs: list[Graph] = []
            self._all_kept = False
            self._work = 0
            self._with_formulas = self._called = False
            self._survey(data, loss_fn, reduction)
            self._batched = self._decide(batched)
            self._block = _TOGETHER_ON_DEVICE if self._batched and self._device.type != "cpu" else _ONE_BY_ONE
            self._home = home(self._device, self._torch_dtype, self._length, self._processes)

    # What is asked before any work begins.

    def _look(self) -> None:
        """What depends on the model's layers and modes."""
        self._converts = any(p.dtype != self._torch_dtype for p in self._model.parameters())
        self._recurrent = has_recurrence(self._model)
        self._modes = warn_of_modes(self._model)
        if self._modes[1] and self._microbatch is not None:
            wanted = "model.eval(), or no microbatch"
            got = self._microbatch
            raise InputError("batch normalisation in training mode needs whole batches", "microbatch", got, wanted)

    def _survey(self, data: Any, loss_fn: Any, reduction: str | None) -> None:
        """Goes through all data once: counts samples, computes the loss, and finds what would fail."""
        failure: BaseException | None = None
        total, counts = 0.0, 0.0
        self._fingerprint = Fingerprint()
        self._n_parts = 0
        first: tuple[Any, int] | None = None
        try:
            self._read(data, loss_fn, reduction)
            with self._settings(), Unfused(), torch.no_grad():
                state = State(self._model, self._chosen, self._torch_dtype)
                for index, batch in enumerate(self._data):
                    self._check_batch(batch, index)
                    self._fingerprint.add(batch)
                    for part in self._parts(batch):
                        term, count = self._guarded(state, part, index)
                        total, counts = total + float(term), counts + count
                        self._n_parts += 1
                        first = first or (part, index)
                        del term
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
        self._try(first)

    def _try(self, first: tuple[Any, int] | None) -> None:
        """Computes the product with one direction over the first part of the data, so that a second derivative that is
        missing shows before work begins. Its graph is kept where the batches come in the same order."""
        failure: BaseException | None = None
        try:
            if first is not None:
                with self._settings():
                    self._renew(Contents(self._model))
                    assert self._state is not None
                    graph = self._made(self._state, *first)
                    with self._products_settings():
                        graph.product([torch.ones_like(leaf) for leaf in self._state.leaves], False)
                    if not graph.depends:
                        warn("the loss does not depend on the parameters: the matrix is zero")
                    if self._data.is_held and self._work <= self._budget():
                        self._graphs.append(graph)
                    self._contents_after()
            self._data.watch(self._n_parts * self._work)
        except (Error, Warning, KeyboardInterrupt) as error:
            failure = error
        except torch.OutOfMemoryError as error:
            failure = TooLargeError(f"a batch is too large for the device: {error}", "batch 0", None, "microbatch=...")
            failure.__cause__ = error
        except Exception as error:
            failure = InputError(f"the second derivative fails: {type(error).__name__}: {error}", "batch 0")
            failure.__cause__ = error
        self._processes.agree(failure)

    def _read(self, data: Any, loss_fn: Any, reduction: str | None) -> None:
        """Makes sense of the data and the loss."""
        self._data = Batches(data, self._torch_dtype)
        self._loss: Loss = as_loss(loss_fn, reduction).to(self._torch_dtype)
        self._with_loss = WithLoss(self._model, self._loss)

    def _check_batch(self, batch: Any, index: int) -> None:
        """Refuses data on another device, and single samples in place of batches."""
        for tensor in tensors(batch):
            if tensor.device != self._device and tensor.ndim:
                got = f"data on {tensor.device}"
                raise InputError("model and data are on different devices", "data", got, f"data on {self._device}")
        if isinstance(batch, (list, tuple)) and len(batch) > 1 and any(tensor.ndim for tensor in tensors(batch)):
            target = batch[-1]
            bare = isinstance(target, (int, float)) or (isinstance(target, Tensor) and not target.ndim)
            if bare and (isinstance(self._loss, OfOutputs) or self._data.is_dataset):
                self._refuse_sample(index)

    def _refuse_sample(self, index: int) -> None:
        wanted = "batches, such as DataLoader(dataset, batch_size=...) gives"
        raise InputError("this is a single sample and no batch of samples", "data", f"batch {index}", wanted)

    def _guarded(self, state: State, part: Any, index: int) -> tuple[Tensor, float]:
        where = f"batch {index}"
        alone: list[str] = []
        handles = [] if self._n_parts else watch_for_samples(self._model, list(tensors(part)), alone)
        try:
            term, count = self._term(state, part, index)
        except Error:
            raise
        except Exception as error:
            what = f"the model or the loss fails: {type(error).__name__}: {error}"
            own = type(self._loss) is OfModel
            wanted = "a function of one's own is called as loss_fn(model, batch)" if own else None
            raise InputError(what, where, None, wanted) from error
        finally:
            for handle in handles:
                handle.remove()
        if alone:
            self._refuse_sample(index)
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
        return exact(self._device, self._recurrent, self._mixed, formulas=False)

    def _made(self, state: State, part: Any, index: int) -> Graph:
        """The graph of a part, and its bytes where they are not known yet."""
        self._called = True
        with Unfused() as formulas:
            if self._work == 0:
                self._work = self._measured(state, part, index)
            graph = self._graph(state, part, index)
        # Formulas cost time also where they are not needed. In products they are where checkpoints compute values again.
        self._with_formulas = self._with_formulas or formulas.used
        return graph

    def _products_settings(self) -> Any:
        return Unfused() if self._with_formulas else contextlib.nullcontext()

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
        """The graphs of all batches: those that are kept, then new ones, which are kept while memory allows.

        Of data that may come in another order each time all graphs are kept or none: others could not be told apart.
        """
        contents = Contents(self._model)
        if self._state is None or self._contents is None or not self._contents.same(contents):
            self._renew(contents)
        self._data.check()
        held = self._data.is_held
        if not held and not self._all_kept:
            self._graphs = []
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
                graph = self._made(self._state, part, index)
                # Only graphs from the first on are kept, one after another, so that their order is that of the batches.
                needed = (len(self._graphs) + 1 if held else self._n_parts) * self._work
                if len(self._graphs) == number - 1 and needed <= budget:
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
        if not held and not self._all_kept and (any(self._modes) or self._draws) and seen.differs_in_order(self._fingerprint):
            raise NotDeterministicError(
                "the data loader gives the samples in another order each time, on which the matrix depends",
                "data",
                "a loader that shuffles",
                "shuffle=False, or more memory",
            )

    def _renew(self, contents: Contents) -> None:
        """Takes the model as it is now, and drops all graphs of what it was."""
        before = self._contents
        self._state, self._graphs, self._all_kept = None, [], False
        if before is not None:
            self._chosen = followed(self._model, self._chosen, self._aliases)
            if not before.same_parts(contents):
                self._look()
            self._converts = any(p.dtype != self._torch_dtype for p in self._model.parameters())
        self._state = State(self._model, self._chosen, self._torch_dtype)
        self._contents = contents

    def _contents_after(self) -> None:
        """What calls of the model have changed in it is no change."""
        if self._called and self._contents is not None:
            self._contents.refresh(self._model)
        self._called = False

    def _measured(self, state: State, part: Any, index: int) -> int:
        """The bytes that the graph of a part takes: a multiple of those of its forward pass, and the gradient."""
        with saved_bytes([*state.leaves, *tensors(part)]) as saved:
            self._term(state, part, index)
        return _OF_FORWARD * saved.total + self._length * self._torch_dtype.itemsize

    def _budget(self) -> int:
        if self._memory is not None:
            return self._memory
        if self._device.type == "cuda":
            return int(torch.cuda.mem_get_info(self._device)[0]) // 2
        return min(8 << 30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4)

    # Products.

    def _apply_into(self, rows: Any, out: Any) -> None:
        with self._settings():
            directions, products = as_tensor(rows), as_tensor(out)
            failure: BaseException | None = None
            try:
                self._sum_into(directions, products)
            except BaseException as error:
                failure = error
            self._contents_after()
            self._processes.agree(failure)
            self._processes.sum_(products)

    @contextlib.contextmanager
    def _by_hand(self) -> Iterator[State]:
        """For those who go through all batches themselves: the model's tensors, which nobody else touches meanwhile.

        A failure is raised in all processes, which would wait for this one for ever.
        """
        failure: BaseException | None = None
        try:
            with exclusive(), self._settings():
                yield State(self._model, followed(self._model, self._chosen, self._aliases), self._torch_dtype)
        except BaseException as error:
            failure = error
        self._processes.agree(failure)

    def _each_part(self) -> Iterator[tuple[int, Any]]:
        """The parts of all batches, each with the number of its batch."""
        for index, batch in enumerate(self._data):
            for part in self._parts(batch):
                yield index, part

    def _sum_into(self, directions: Tensor, products: Tensor) -> None:
        k = len(directions)
        pieces, targets = (
            [part.view(k, *shape) for part, shape in zip(torch.split(block, self._sizes, 1), self._shapes)]
            for block in (directions, products)
        )
        first = True
        for graph in self._each_graph():
            with self._products_settings():
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
        return max(1, min(left, limit * self._torch_dtype.itemsize // self._work))

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
            self._block = _ONE_BY_ONE
            self._batched = Batched(False, f"vmap does not know the model: {text[0] if text else type(error).__name__}")
            return None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_state": None, "_contents": None, "_graphs": [], "_all_kept": False}
