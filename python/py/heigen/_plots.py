"""Pictures of an analysis, drawn by heigen itself: they show themselves in notebooks and save themselves in files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from heigen import _native
from heigen._drawings import Drawing
from heigen._errors import InputError
from heigen._progress import Progress, telling

if TYPE_CHECKING:
    from heigen._analysis import Analysis

__all__ = ["Picture", "Plots"]


#: The samples that pictures in the space of samples are for.
_FEATURES = {"planes": "planes are drawn of samples with two", "line": "a line is drawn of samples with one"}


class Picture(Drawing):
    """A picture of an analysis."""

    def __init__(self, analysis: Analysis, kind: str, options: str) -> None:
        super().__init__(partial(_drawn, analysis), kind, options)
        self._name = analysis.name

    def __repr__(self) -> str:
        return f"<picture {self._arguments[0]} of {self._name}>"


def _drawn(
    analysis: Analysis, kind: str, options: str, form: str, dpi: float | None, progress: Progress = False
) -> bytes:
    """The bytes of a picture's file."""
    with telling(progress) as tell:
        return analysis._at_work.picture(kind, analysis._asked, _native.making(), options, form, dpi, tell)


class Plots:
    """The pictures that there are of an analysis; each function returns a :class:`Picture`.

    ``spectrum``, ``overlaps``, ``planes`` and the like need all eigenvalues; ``density`` and ``layers`` do not.
    """

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def _picture(self, kind: str, progress: Progress = None, **options: Any) -> Picture:
        for key in ("vectors", "resolution", "points", "batch_size", "batches"):
            if options.get(key) is not None and _native.integer(options[key], key) < 1:
                raise InputError("the number is out of range", key, options[key], "a whole number from 1")
        options_text = _native.json_of({key: value for key, value in options.items() if value is not None})
        picture = Picture(self._analysis, kind, options_text)
        # What does not fit is said now, and not where the picture is looked at.
        try:
            picture._svg = _drawn(self._analysis, kind, options_text, "svg", None, progress).decode()
        except InputError as error:
            if kind not in ("planes", "line") or " features" not in error.what:
                raise
            said = error.what.split(";")[0]
            raise InputError(f"{said}; {_FEATURES[kind]}; plot.embedding() shows samples of any number of features") from None
        return picture

    def spectrum(self, *, progress: Progress = None) -> Picture:
        """All eigenvalues and their density, with the outliers marked."""
        return self._picture("spectrum", progress)

    def overlaps(self, vectors: int | None = None, *, progress: Progress = None) -> Picture:
        """Alignments of all samples with the leading eigenvectors, 25 unless told otherwise."""
        return self._picture("overlaps", progress, vectors=vectors)

    def samples(self, vectors: int | None = None, *, progress: Progress = None) -> Picture:
        """The paper's Figure 4: the alignment of every sample with the leading eigenvectors, class by class."""
        return self._picture("samples", progress, vectors=vectors)

    def planes(
        self,
        vectors: int | None = None,
        *,
        which: str = "top",
        resolution: int | None = None,
        individual_bars: bool = False,
        progress: Progress = None,
    ) -> Picture:
        """The paper's Figure 2, for samples of two features: the boundary, and maps of the alignment with v_1, v_2, ...

        For samples of more features there is :meth:`embedding`, and :func:`heigen.torch.boundary` with a plane of one's own.
        ``which`` is "top", "lowest", "random" (eigenvectors) or "directions" (random ones, which are none).
        """
        drawing = {"vectors": vectors, "which": which, "resolution": resolution, "individual_bars": individual_bars}
        return self._picture("planes", progress, **drawing)

    def boundary(
        self, vectors: int | None = None, *, resolution: int | None = None, progress: Progress = None
    ) -> Picture:
        """For samples of two features: the boundary beside the one put together from the leading alignments alone."""
        return self._picture("planes", progress, vectors=vectors, resolution=resolution, reconstructed=True)

    def line(self, *, progress: Progress = None) -> Picture:
        """The paper's Figure 1, for samples of one feature."""
        return self._picture("line", progress)

    def embedding(self, vectors: int | None = None, *, progress: Progress = None) -> Picture:
        """The paper's Figure 6: the samples by t-SNE, by class and by alignment."""
        return self._picture("embedding", progress, vectors=vectors)

    def eigenvectors(self, vectors: int | None = None, *, progress: Progress = None) -> Picture:
        """Entries of the leading eigenvectors, tensor by tensor."""
        return self._picture("eigenvectors", progress, vectors=vectors)

    def coherence(self, *, progress: Progress = None) -> Picture:
        """Cosines of all pairs of gradients of samples' losses, by class."""
        return self._picture("coherence", progress)

    def logit_coherence(self, *, progress: Progress = None) -> Picture:
        """Cosines of all pairs of gradients of logits."""
        return self._picture("logit-coherence", progress)

    def surface(
        self,
        *,
        directions: str = "eigenvectors",
        seed: int = 0,
        points: int | None = None,
        progress: Progress = None,
    ) -> Picture:
        """The loss over a plane through the weights, ``points`` by ``points``.

        ``directions`` is "eigenvectors" (v_1 and v_2), "filter-normalised" (two random ones of ``seed``, each filter as long as the
        weights') or "trajectory" (the first two principal components of the training, with its way on the plane), of
        arXiv:1712.09913.
        """
        return self._picture("surface", progress, directions=directions, seed=seed, points=points)

    def minibatches(
        self, batch_size: int | None = None, *, batches: int | None = None, seed: int = 0, progress: Progress = None
    ) -> Picture:
        """The largest eigenvalue over mini-batches, in an order of ``seed``, against that of all samples."""
        return self._picture("minibatches", progress, batch_size=batch_size, batches=batches, seed=seed)

    def density(self, *, progress: Progress = None) -> Picture:
        """The estimated density of eigenvalues; also for networks too large for a whole spectrum."""
        return self._picture("density", progress)

    def layers(self, *, progress: Progress = None) -> Picture:
        """Share of the trace, and largest and smallest eigenvalue, of every layer's block."""
        return self._picture("layers", progress)
