"""A recorder of the spectrum inside of somebody's own loop."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from heigen import _heigen, _native
from heigen._along import Along
from heigen._arguments import integer, positive
from heigen._errors import FileError, InputError, WrongTypeError
from heigen._solvers import eigsh
from heigen._solvers import trace as trace_of
from heigen.torch._curvature import Hessian
from heigen.torch._operators import TorchOperator
from heigen.torch._rules import Preconditioned, UpdateRule

__all__ = ["Recorder"]

Array = NDArray[np.float64]

#: Eigenvalues closer than this many residuals belong to one cluster.
_CLUSTER = 4.0
#: Every so many looks one begins from random directions.
_ANEW = 10
#: Tensors that a moment's file has beside its record.
_ARRAYS = ("vectors", "theta")


class Recorder:
    """Records the spectrum of an operator along a training, in two lines of one's own loop.

    >>> import torch, heigen.torch
    >>> _ = torch.manual_seed(0)
    >>> X, y = torch.randn(60, 2), torch.arange(60) % 3
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    >>> loss = torch.nn.CrossEntropyLoss()
    >>> recorder = heigen.torch.Recorder(heigen.torch.Hessian(model, (X, y), loss), every=5, k=3, optimizer=optimizer)
    >>> for step in range(20):
    ...     optimizer.zero_grad()
    ...     loss(model(X), y).backward()
    ...     optimizer.step()
    ...     recorder.step()
    >>> recorder.along.eigenvalues.shape
    (4, 4)

    ``op`` is an operator of :mod:`heigen.torch`; it follows the model. :meth:`step` looks at every ``every``-th call, at the
    ``k`` largest and the ``lowest`` eigenvalues, with residuals of at most ``tol`` times |A|. ``trace`` is the number of products
    of an estimate of the trace, 0 for none. With an ``optimizer`` (SGD with or without momentum, Adam or AdamW, one learning rate)
    there is the curvature as a fraction of the threshold above which its steps are unstable; for Adam that is of the
    preconditioned matrix D^-1/2 A D^-1/2. ``keep`` keeps the eigenvectors of at most so many moments, evenly spread, for the
    overlaps of all pairs.

    With a ``folder`` every moment is written there as soon as it is known, a file of NumPy's each; a recorder of a folder that has
    moments already goes on behind them.
    """

    def __init__(
        self,
        op: TorchOperator,
        every: int = 1,
        k: int = 10,
        *,
        lowest: int = 1,
        tol: float = 1e-4,
        trace: int = 0,
        optimizer: Any = None,
        keep: int = 64,
        folder: Any = None,
        name: str = "recorder",
    ) -> None:
        if not isinstance(op, TorchOperator):
            got = type(op).__name__
            raise WrongTypeError("this is no operator of heigen.torch", "op", got, "heigen.torch.Hessian(model, data, loss)")
        self._op, self._optimizer, self._name = op, optimizer, str(name)
        self._every, self._k = integer(every, "every", 1), integer(k, "k", 1)
        self._lowest, self._tol = integer(lowest, "lowest", 0), positive(tol, "tol")
        self._trace = integer(trace, "trace", 0)
        if 0 < self._trace < 6:
            raise InputError("an estimate of the trace takes more products", "trace", trace, "6 or more, or 0 for none")
        self._keep = integer(keep, "keep", 2)
        self._rule = None if optimizer is None else UpdateRule(optimizer, op)
        #: Calls of :meth:`step` so far.
        self.steps = 0
        self._moments: list[dict[str, Any]] = []
        self._arrays: dict[int, dict[str, Tensor]] = {}
        self._given, self._stride = 0, 1
        self._preconditioned: Any = None
        self._folder = None if folder is None else Path(_native.path_of(folder, "folder"))
        if self._folder is not None:
            self._read(self._folder)

    def step(self, **numbers: Any) -> bool:
        """Counts a step, and looks at the spectrum where its turn has come; whether it has. ``numbers``, such as the loss, are
        kept with the moment."""
        self.steps += 1
        if self.steps % self._every:
            return False
        self.look(**numbers)
        return True

    def look(self, **numbers: Any) -> dict[str, Any]:
        """Looks at the spectrum now: the moment's numbers."""
        op, last = self._op, len(self._moments) - 1
        before = self._arrays.get(last, {}).get("vectors")
        k = min(self._k, op.shape[0])
        lowest = min(self._lowest, op.shape[0] - k)
        # Now and then a look begins anew, so that no eigenvector is missed for long.
        known = None if len(self._moments) % _ANEW == 0 else before
        near = known is not None
        top = eigsh(op, k, "LA", self._tol, self._start(known, 0, k), refine=near, check=last < 0, progress=False)
        found = [top]
        if lowest:
            start = self._start(known, k, k + lowest)
            found.append(eigsh(op, lowest, "SA", self._tol, start, refine=near, check=False, progress=False))
        values = np.concatenate([pairs.eigenvalues for pairs in found])
        residuals = np.concatenate([pairs.residuals for pairs in found])
        scale = max(float(pairs.scale) for pairs in found)
        vectors = torch.cat([torch.as_tensor(pairs.eigenvectors).T for pairs in found]).contiguous()
        theta = torch.cat([p.detach().reshape(-1) for _, p in op._chosen]).to(vectors.device, vectors.dtype)
        moment: dict[str, Any] = dict(
            epoch=self.steps,
            eigenvalues=values.tolist(),
            residuals=residuals.tolist(),
            scale=scale,
            products=sum(int(pairs.products) for pairs in found),
        )
        vectors = self._matched(moment, vectors, before)
        ascending = sorted(values[:k].tolist())
        count = _heigen.outliers(ascending)[0]
        low = values[k] if lowest else None
        certain = k == op.shape[0] or (low is not None and values[k - 1] - low < 0.05 * max(values[0], 0.0))
        moment |= dict(outliers=count, outliers_certain=bool(certain))
        if self._trace:
            estimate = trace_of(op, self._trace, check=False, progress=False)
            moment["trace"] = dict(value=estimate.value, standard_error=estimate.standard_error, products=self._trace)
        if isinstance(op, Hessian):
            gradient = op.gradient().to(vectors.device)
            square = float(gradient.double().square().sum())
            parts = (vectors[:k] @ gradient).double().square()
            moment["grad_norm"] = square**0.5
            moment["gradient_in_top"] = float(parts.sum()) / square if square else 0.0
        if before is not None:
            old = self._arrays[last]
            moved = (theta - old["theta"]).double()
            inner = (before[:k] @ vectors[:k].T).double()
            moment["subspace_overlap"] = float(inner.square().sum()) / k
            along = (before[:k].double() @ moved).square()
            square = float(moved.square().sum())
            moment["step"] = dict(
                length=square**0.5,
                along_v1=float(before[0].double() @ moved),
                share_in_top=float(along.sum()) / square if square else 0.0,
            )
        if self._rule is not None:
            self._add_rule(moment, values)
        moment |= {key: float(v.detach() if isinstance(v, Tensor) else v) for key, v in numbers.items()}
        self._take(moment, dict(vectors=vectors, theta=theta))
        return moment

    def _start(self, before: Tensor | None, first: int, last: int) -> Any:
        return None if before is None else before[first:last].T

    def _matched(self, moment: dict[str, Any], vectors: Tensor, before: Tensor | None) -> Tensor:
        """The vectors turned to those of the moment before; their numbers go into ``moment``."""
        n = len(vectors)
        if before is None:
            self._given = max(self._given, n)
            moment |= dict(identities=list(range(n)), links=[], overlaps=[], died=[], crossings=[], identities_given=n)
            return vectors
        last = self._moments[-1]
        inner = (before @ vectors.T).double().cpu().numpy()
        tolerances = tuple(
            _CLUSTER * max([np.finfo(np.float64).eps * m["scale"], *m["residuals"]]) for m in (last, moment)
        )
        found = _heigen.matched(np.ascontiguousarray(inner), last["eigenvalues"], moment["eigenvalues"], tolerances)
        links, predecessors, overlaps, died, crossings, turn = found
        identities = []
        for place in predecessors:
            if place is None:
                identities.append(self._given)
                self._given += 1
            else:
                identities.append(last["identities"][place])
        moment |= dict(
            identities=identities,
            links=links,
            overlaps=overlaps,
            died=[last["identities"][place] for place in died],
            crossings=[[identities[a], identities[b]] for a, b in crossings],
            identities_given=self._given,
        )
        return torch.as_tensor(turn.T, dtype=vectors.dtype, device=vectors.device) @ vectors

    def _add_rule(self, moment: dict[str, Any], values: Array) -> None:
        assert self._rule is not None
        rate, threshold, decay = self._rule.now()
        moment |= dict(learning_rate=rate, threshold=threshold)
        met = float(values[0]) + decay
        diagonal = self._rule.diagonal()
        if self._rule.scales:
            if diagonal is None:
                return
            root = diagonal.rsqrt().to(self._op._device, self._op._torch_dtype)
            scaled = Preconditioned(self._op, root)
            start = self._preconditioned
            pair = eigsh(scaled, 1, "LA", self._tol, start, refine=start is not None, check=False, progress=False)
            self._preconditioned = pair.eigenvectors
            met = moment["preconditioned"] = float(pair.eigenvalues[0])
            moment["products"] += int(pair.products)
        moment["sharpness"] = met / threshold

    # What is kept, and the folder.

    def _take(self, moment: dict[str, Any], arrays: dict[str, Tensor]) -> None:
        place = len(self._moments)
        if self._folder is not None:
            self._write(self._folder, place, moment, arrays)
        self._moments.append(moment)
        self._arrays[place] = arrays
        self._thin()

    def _thin(self) -> None:
        """Drops arrays until at most as many as wanted are kept, evenly spread; those of the last moment stay."""
        last = len(self._moments) - 1
        while sum(place % self._stride == 0 for place in range(last + 1)) > self._keep:
            self._stride *= 2
        for place in [p for p in self._arrays if p % self._stride and p != last]:
            del self._arrays[place]

    def _write(self, folder: Path, place: int, moment: dict[str, Any], arrays: dict[str, Tensor]) -> None:
        tensors: dict[str, Any] = {key: tensor.cpu().numpy() for key, tensor in arrays.items()}
        tensors["vectors"] = tensors["vectors"].T
        path = folder / f"moment_{place:06}.npz"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    np.savez(file, **tensors, record=np.array(json.dumps(moment)))
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            raise FileError(f"the moment cannot be written: {error}", str(path)) from None

    def _read(self, folder: Path) -> None:
        """Takes over the moments that stand in a folder."""
        while (path := folder / f"moment_{len(self._moments):06}.npz").exists():
            try:
                with np.load(path, allow_pickle=False) as file:
                    moment = json.loads(str(file["record"]))
                    arrays = {key: file[key] for key in _ARRAYS}
            except (OSError, ValueError, KeyError) as error:
                raise FileError(f"this is no moment of a recorder ({error}); move it away", str(path)) from None
            p = self._op.shape[0]
            if arrays["vectors"].shape[:1] != (p,) or arrays["theta"].shape != (p,):
                got = f"{arrays['vectors'].shape[0]} parameters"
                raise InputError("the folder belongs to another operator", str(path), got, f"{p} parameters")
            home = self._op._torch_dtype, self._op._device
            tensors = {key: torch.as_tensor(np.ascontiguousarray(value)).to(home[1], home[0]) for key, value in arrays.items()}
            tensors["vectors"] = tensors["vectors"].T.contiguous()
            self._arrays[len(self._moments)] = tensors
            self._moments.append(moment)
            self._thin()
        if self._moments:
            self.steps = int(self._moments[-1]["epoch"])
            self._given = int(self._moments[-1]["identities_given"])

    @property
    def along(self) -> Along:
        """What was recorded so far."""
        kept = sorted(self._arrays)
        k = min(self._k, self._op.shape[0])
        tops = [self._arrays[place]["vectors"][:k] for place in kept]
        overlaps = [[float((a @ b.T).double().square().sum()) / k for b in tops] for a in tops]
        record = dict(
            name=self._name,
            weights="training",
            n_params=self._op.shape[0],
            k=k,
            lowest=min(self._lowest, self._op.shape[0] - k),
            tolerance=self._tol,
            moments=[dict(moment) for moment in self._moments],
            kept=kept,
            subspace_overlaps=overlaps,
        )
        arrays = dict(self._arrays)

        def array_of(place: int, what: str) -> Any:
            if place not in arrays:
                return None
            array = arrays[place][what].cpu().numpy()
            return array.T if what == "vectors" else array

        return Along(record, array_of, along="step")

    def __repr__(self) -> str:
        return f"<recorder of {self._op!r}, {len(self._moments)} moments in {self.steps} steps>"
