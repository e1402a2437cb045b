"""What the leading eigenvectors of a classifier carry: pairs of classes, and pieces of the boundary."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heigen import _native
from heigen._arguments import integer, positive
from heigen._errors import InputError
from heigen._experiment import Experiment, experiment
from heigen._progress import Progress, telling

__all__ = ["Attribution", "ClassShares", "Pieces", "attribute"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassShares:
    """The parts of v^T G v by classes, for each of k vectors v; G is the Gauss-Newton matrix of a cross-entropy.

    ``class_means``, ``cross_class``, ``within`` and ``own`` add up to ``total``, [k] each (arXiv:2008.11865).
    """

    #: v^T G v, [k].
    total: Array
    #: The part of the means of classes, [k].
    class_means: Array
    #: The part of the means of pairs of classes around those of their class, [k].
    cross_class: Array
    #: The part of single samples around the means of their pairs, [k].
    within: Array
    #: The part of the gradients against the samples' own classes, [k].
    own: Array
    #: The contributions of the samples of class c as if they were labelled c', which add up to ``total``, [k, C, C].
    pairs: Array
    #: The squared length of the projection of v / |v| on the span of the class means, [k].
    in_class_means: Array

    def __repr__(self) -> str:
        parts = "class_means", "cross_class", "within", "own"
        told = ", ".join(f"{part} {getattr(self, part)[0] / self.total[0]:.0%}" for part in parts) if len(self.total) else "none"
        return f"ClassShares({len(self.total)} vectors; of the first: {told})"


@dataclass(frozen=True, eq=False)
class Pieces:
    """The pieces of the boundary in the plane, longest first, each with the eigenvectors that carry it."""

    #: The two classes that meet at each piece, [pieces, 2].
    classes: NDArray[np.int64]
    #: Lengths, [pieces].
    lengths: Array
    #: The share of each piece's length on which an eigenvector has the largest absolute alignment of all, [pieces, k].
    carried: Array
    #: The mean absolute alignment along each piece, [pieces, k].
    alignments: Array
    #: The factor of each eigenvector by which the loss rises by :attr:`Attribution.rise`, along v and along -v, [k, 2]; NaN where it
    #: does not rise so far.
    steps: Array
    #: What becomes of each piece there: "removed", "shifted" or "unmoved", [k, 2, pieces]; "" without a step.
    fates: NDArray[np.str_]
    #: The share of the length that is lost, and the median shift of what is left, [k, 2, pieces]; NaN without a step.
    lost: Array
    shifts: Array


class Attribution:
    """What the leading eigenvectors of the Hessian carry; :func:`heigen.attribute` makes it."""

    def __init__(self, record: dict[str, Any]) -> None:
        #: The record as the command line prints it with ``--json``.
        self.record = record
        vectors = record["vectors"]
        #: The eigenvalues, largest first, [k].
        self.eigenvalues: Array = np.array([vector["eigenvalue"] for vector in vectors], np.float64)
        #: The names of the classes.
        self.class_names: list[str] = list(record["class_names"])
        #: The rise of the loss up to which the weights were moved.
        self.rise = float(record["rise"])
        spectra = record["spectra"]
        #: The eigenvalues of the class part and of the cross-class part of the Gauss-Newton matrix, largest first; None where it was not
        #: taken apart.
        self.class_spectrum: Array | None = None if spectra is None else np.array(spectra["class"][::-1], np.float64)
        self.cross_spectrum: Array | None = None if spectra is None else np.array(spectra["cross"][::-1], np.float64)
        #: Why the Gauss-Newton matrix was not taken apart by classes; None where it was.
        self.without_classes: str | None = record["without_classes"]
        #: The parts by classes; None where the matrix was not taken apart.
        self.shares: ClassShares | None = _shares([vector["shares"] for vector in vectors])
        #: The pieces of the boundary; None where inputs do not lie in a plane.
        self.pieces: Pieces | None = _pieces(record)

    @property
    def name(self) -> str:
        """The name of the experiment."""
        return str(self.record["name"])

    def __repr__(self) -> str:
        pieces = "" if self.pieces is None else f", {len(self.pieces.lengths)} pieces of the boundary"
        return f"<attribution of {self.name}: {len(self.eigenvalues)} eigenvectors{pieces}>"


def _shares(shares: list[Any]) -> ClassShares | None:
    if not shares or any(share is None for share in shares):
        return None
    names = dict(total="total", class_means="class", cross_class="cross", within="within", own="own", pairs="pairs")
    arrays = {ours: np.array([share[theirs] for share in shares], np.float64) for ours, theirs in names.items()}
    return ClassShares(**arrays, in_class_means=np.array([share["in_class_means"] for share in shares], np.float64))


def _pieces(record: dict[str, Any]) -> Pieces | None:
    pieces, vectors = record["pieces"], record["vectors"]
    if not any(vector["moved"] for vector in vectors):
        return None
    k, n = len(vectors), len(pieces)
    steps, fates = np.full((k, 2), np.nan), np.full((k, 2, n), "", "U8")
    lost, shifts = np.full((k, 2, n), np.nan), np.full((k, 2, n), np.nan)
    for i, vector in enumerate(vectors):
        for side, moved in enumerate(vector["moved"]):
            if moved["step"] is None:
                continue
            steps[i, side] = moved["step"]
            for place, fate in enumerate(moved["fates"]):
                fates[i, side, place] = fate["fate"]
                lost[i, side, place], shifts[i, side, place] = fate["lost"], fate["shift"]
    return Pieces(
        classes=np.array([piece["classes"] for piece in pieces], np.int64).reshape(n, 2),
        lengths=np.array([piece["length"] for piece in pieces], np.float64),
        carried=np.array([piece["carried"] for piece in pieces], np.float64).reshape(n, k),
        alignments=np.array([piece["alignment"] for piece in pieces], np.float64).reshape(n, k),
        steps=steps,
        fates=fates,
        lost=lost,
        shifts=shifts,
    )


def attribute(
    network: Any,
    *,
    vectors: int | None = None,
    rise: float = 0.1,
    folder: Any = None,
    images: Any = None,
    threads: int = 0,
    memory: float | None = None,
    seed: int | None = None,
    pretrained: Any = None,
    force: bool = False,
    progress: Progress = None,
    **options: Any,
) -> Attribution:
    """What the leading eigenvectors of the Hessian carry, as ``heigen attribute`` tells it.

    >>> import heigen
    >>> found = heigen.attribute("gauss/normal_training")
    >>> found.shares.class_means[0] / found.shares.total[0] > 0.5
    True

    ``network`` is an experiment, its name, or the path of its file; with a ``folder`` of results what stands there is found again, else
    it is trained and analysed in memory. ``vectors`` is the number of eigenvectors, largest eigenvalue first; unless given, that of the
    outliers, 8 at most. On planes the weights are moved along each eigenvector until the loss has risen by ``rise``. Further options
    choose the analysis, as those of :meth:`Experiment.analyze`.
    """
    if not isinstance(network, Experiment):
        network = experiment(network, folder=folder, images=images, threads=threads, memory=memory)
    elif folder is not None or images is not None:
        given = "folder" if folder is not None else "images"
        raise InputError("an experiment has its own already", given, wanted=f"heigen.experiment(name, {given}=...)")
    count = None if vectors is None else integer(vectors, "vectors", 1)
    making = _native.making(seed, pretrained, force)
    with telling(progress) as tell:
        record, notes = network._workspace.attribution(_native.asked(options), making, count, positive(rise, "rise"), tell)
    _native.told(notes)
    return Attribution(json.loads(record))
