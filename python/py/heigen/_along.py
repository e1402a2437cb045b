"""Spectra along a training: what was found at each moment, and pictures of all of them."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heigen import _heigen, _native
from heigen._arguments import integer, positive
from heigen._drawings import Drawing
from heigen._errors import InputError, NotComputedError, WrongTypeError
from heigen._experiment import Experiment, experiment
from heigen._progress import Progress, telling

__all__ = ["Along", "follow"]

Array = NDArray[Any]

#: Endings of files with weights, as a folder of checkpoints has them.
_WEIGHTS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz")


class Along:
    """Spectra along a training; :func:`heigen.follow` and :class:`heigen.torch.Recorder` make it.

    Arrays have one row for each of the T moments. In a row of eigenpairs the k largest come first, largest first, then the
    lowest ones, lowest first. An eigenvector is followed from moment to moment by its number in :attr:`identities`: which of
    two eigenvalues that came close is which is told by their vectors.
    """

    def __init__(
        self,
        record: dict[str, Any],
        array_of: Callable[[int, str], Array | None],
        pictures: Mapping[str, Sequence[Path]] | None = None,
        along: str = "epoch",
    ) -> None:
        #: The record as the command line prints it with ``--json``; ``record["moments"]`` has everything about each moment.
        self.record = record
        #: The files of the pictures that were drawn, by their kind.
        self.pictures: dict[str, list[Path]] = {kind: list(paths) for kind, paths in (pictures or {}).items()}
        self._array_of, self._along = array_of, along

    @property
    def name(self) -> str:
        """The name of the experiment, or of the recorder."""
        return str(self.record["name"])

    @property
    def moments(self) -> list[dict[str, Any]]:
        """Everything about each moment."""
        moments: list[dict[str, Any]] = self.record["moments"]
        return moments

    def __len__(self) -> int:
        return len(self.moments)

    def __getitem__(self, key: str) -> Array:
        """A number of every moment by its name in the record, such as "grad_norm" or "sharpness"; NaN where there is none."""
        if not any(key in moment for moment in self.moments):
            names = sorted({name for moment in self.moments for name in moment})
            raise InputError("the moments have no such number", key, wanted=", ".join(names))
        values = [moment.get(key) for moment in self.moments]
        if any(isinstance(value, (list, dict, str)) for value in values):
            wanted = f"[moment[{key!r}] for moment in along.moments]"
            raise WrongTypeError("this is no single number at each moment", key, wanted=wanted)
        return np.array([np.nan if value is None else value for value in values], np.float64)

    def _rows(self, key: str, kind: Any) -> Array:
        return np.array([moment[key] for moment in self.moments], kind).reshape(len(self), -1)

    @property
    def epochs(self) -> Array:
        """Finished epochs at each moment, [T]; of weights in files the numbers in their names, of a recorder its steps."""
        return np.array([moment["epoch"] for moment in self.moments], np.int64)

    @property
    def eigenvalues(self) -> Array:
        """The eigenvalues, [T, k + l]."""
        return self._rows("eigenvalues", np.float64)

    @property
    def residuals(self) -> Array:
        """Upper bounds on |H v - lambda v|, [T, k + l]."""
        return self._rows("residuals", np.float64)

    @property
    def identities(self) -> Array:
        """The numbers by which the eigenvectors are known along the way, [T, k + l]."""
        return self._rows("identities", np.int64)

    @property
    def k(self) -> int:
        """Number of the largest eigenvalues at each moment."""
        return int(self.record["k"])

    @property
    def tracks(self) -> dict[int, tuple[Array, Array]]:
        """For each eigenvector's number its epochs and its eigenvalues there."""
        found: dict[int, tuple[list[int], list[float]]] = {}
        for moment in self.moments:
            for number, value in zip(moment["identities"], moment["eigenvalues"]):
                epochs, values = found.setdefault(int(number), ([], []))
                epochs.append(moment["epoch"])
                values.append(value)
        return {number: (np.array(epochs), np.array(values)) for number, (epochs, values) in found.items()}

    @property
    def losses(self) -> dict[str, Array]:
        """The losses of the parts that there are, [T] each."""
        parts = ("train", "validation", "test")
        there = [part for part in parts if all(moment.get(part) for moment in self.moments)]
        return {part: np.array([moment[part]["loss"] for moment in self.moments], np.float64) for part in there}

    @property
    def kept(self) -> Array:
        """The places of the moments whose eigenvectors are kept, [M]."""
        return np.array(self.record["kept"], np.int64)

    @property
    def subspace_overlaps(self) -> Array:
        """The overlaps of the spans of the k leading eigenvectors of all pairs of kept moments, [M, M]: the mean squared
        cosine of the angles between them, k / P by chance."""
        return np.array(self.record["subspace_overlaps"], np.float64)

    def vectors(self, place: int) -> Array:
        """The eigenvectors at the moment of a place, [P, k + l]."""
        return self._array(place, "vectors")

    def theta(self, place: int) -> Array:
        """The weights at the moment of a place, [P]."""
        return self._array(place, "theta")

    def _array(self, place: int, what: str) -> Array:
        place = integer(place, "place", -len(self))
        if not -len(self) <= place < len(self):
            raise InputError("there is no such moment", "place", place, f"0 to {len(self) - 1}")
        found = self._array_of(place % len(self), what)
        if found is None:
            raise NotComputedError(f"the {what} of this moment were not kept; those of the moments in .kept are")
        return found

    def plot(self) -> Drawing:
        """Eigenvalues by eigenvector, with losses, outliers and the threshold of stability."""
        tracks: dict[int, tuple[list[list[float]], bool, bool]] = {}
        for at, moment in enumerate(self.moments):
            for i, (number, value) in enumerate(zip(moment["identities"], moment["eigenvalues"])):
                line, _, _ = tracks.setdefault(int(number), ([], at > 0, i >= self.k))
                line.append([float(moment["epoch"]), float(value)])
        epochs = self.epochs.astype(float)
        losses = [
            (part, np.column_stack([epochs, values]).tolist()) for part, values in self.losses.items() if np.all(values >= 0)
        ]
        threshold = None
        if all(moment.get("threshold") for moment in self.moments) and not any(
            moment.get("preconditioned") for moment in self.moments
        ):
            threshold = (r"threshold", np.column_stack([epochs, self["threshold"]]).tolist())
        outliers = np.column_stack([epochs, self["outliers"]]).tolist()
        return Drawing(
            _heigen.draw_spectra_along, self.name, self._along, list(tracks.values()), losses, threshold, outliers
        )

    def plot_subspaces(self) -> Drawing:
        """The overlaps of the leading subspaces of all pairs of kept moments."""
        names = [str(epoch) for epoch in self.epochs[self.kept]]
        overlaps = np.clip(self.subspace_overlaps, 0, 1).ravel().tolist()
        return Drawing(_heigen.draw_subspaces, self.name, self._along, names, overlaps, self.k)

    def __repr__(self) -> str:
        return f"<{self.name}, {len(self)} moments of {self.k} eigenvalues>"


def follow(
    network: Any,
    *,
    every: int | str | None = None,
    k: int = 10,
    lowest: int = 2,
    tol: float = 1e-6,
    trace: int = 30,
    whole: int | None = None,
    weights: Any = None,
    figures: Any = None,
    folder: Any = None,
    images: Any = None,
    threads: int = 0,
    memory: float | None = None,
    seed: int | None = None,
    pretrained: Any = None,
    force: bool = False,
    progress: Progress = None,
) -> Along:
    """The spectrum of the Hessian along a training.

    ``network`` is an experiment, its name, such as "gauss/normal_training", or the path of its file. It is trained, and
    looked at every ``every`` epochs, or steps of the update rule (``every="50steps"``); without it about forty times and some more at
    the beginning. ``weights`` are looked at instead: "snapshots" that the training has kept, a folder of checkpoints of a network trained elsewhere, or a list of files
    in their order.

    At every moment there are the ``k`` largest and the ``lowest`` eigenvalues with residuals of at most ``tol`` times |H|, the
    trace (from ``trace`` products where it is not known exactly; 0 for none), outliers, the gradient's share in the top
    subspace, the curvature as a fraction of the update rule's threshold, losses, and on planes the boundary. At ``whole``
    moments the whole spectrum gives G_theta; unless given, at as many as are quick. Pictures go to the folder ``figures``, the
    film of an experiment on the plane among them. Results stay in memory unless ``folder`` names a folder of results; there a
    call that was killed goes on where it was.
    """
    if not isinstance(network, Experiment):
        network = experiment(network, folder=folder, images=images, threads=threads, memory=memory)
    elif folder is not None or images is not None:
        given = "folder" if folder is not None else "images"
        raise InputError("an experiment has its own already", given, wanted=f"heigen.experiment(name, {given}=...)")
    listed, snapshots = _listed(weights)
    options = dict(
        every=None if every is None else every if isinstance(every, str) else str(integer(every, "every", 1)),
        k=integer(k, "k", 1),
        lowest=integer(lowest, "lowest", 0),
        tol=positive(tol, "tol"),
        trace=_products(trace),
        whole=None if whole is None else integer(whole, "whole", 0),
        snapshots=snapshots,
        weights=listed,
        figures=None if figures is None else _native.path_of(figures, "figures"),
    )
    making = _native.making(seed, pretrained, force)
    with telling(progress) as tell:
        record, path, pictures, notes = network._workspace.follow(_native.json_of(options), making, tell)
    _native.told(notes)
    workspace = network._workspace

    def array_of(place: int, what: str) -> Array | None:
        found = workspace.array_of_moment(path, place, what)
        return None if found is None else np.load(io.BytesIO(found))

    told = json.loads(record)
    drawn = {kind: [Path(file) for file in files] for kind, files in pictures}
    return Along(told, array_of, drawn, told.get("counted_in", "epoch"))


def _products(trace: Any) -> int:
    """Products of an estimate of the trace; fewer than 6 give no estimate."""
    products: int = integer(trace, "trace", 0)
    if 0 < products < 6:
        raise InputError("an estimate of the trace takes more products", "trace", products, "6 or more, or 0 for none")
    return products


def _listed(weights: Any) -> tuple[list[str], bool]:
    """Files of weights in their order, and whether snapshots are meant instead."""
    if weights is None:
        return [], False
    if isinstance(weights, str) and weights == "snapshots":
        return [], True
    if isinstance(weights, (str, os.PathLike)):
        path = Path(_native.path_of(weights, "weights"))
        if not path.is_dir():
            return [str(path)], False
        found = sorted(_in(path), key=lambda file: (_number(file), file.name))
        if not found:
            raise InputError("the folder has no files of weights", "weights", str(path), " ".join(_WEIGHTS))
        return [str(file) for file in found], False
    files = [_native.path_of(file, "weights") for file in _native.items_of(weights, "weights", "a folder, or a list of files")]
    if not files:
        raise InputError("there are no files", "weights", "an empty list", "a folder, or a list of files")
    return files, False


def _in(folder: Path) -> Iterator[Path]:
    for file in folder.iterdir():
        if file.suffix.lower() in _WEIGHTS:
            yield file


def _number(file: Path) -> int:
    """The last whole number in a file's name."""
    digits = "".join(c if c in "0123456789" else " " for c in file.stem).split()
    return int(digits[-1]) if digits else -1
