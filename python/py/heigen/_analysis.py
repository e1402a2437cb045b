"""Analyses by the native engine: the spectrum of a network's loss, certified, and all that follows from it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heigen import _native
from heigen._errors import FileError, InputError, NotComputedError
from heigen._explorer import Explorer, explored
from heigen._heigen import Workspace
from heigen._native_operators import NativeOperator, Reordered
from heigen._operators import Operator
from heigen._parts import Boundary, DensityCurve, GTheta, GThetas, Layer, Margin, boundary_of
from heigen._plots import Plots
from heigen._progress import Progress, telling
from heigen._results import Certificate, Diagonal, Estimate, Outliers
from heigen._show import as_html, in_a_line

__all__ = ["Analysis", "load"]

Array = NDArray[Any]

#: What an analysis has, in words.
_KINDS = {"whole": "a whole spectrum", "part": "a part of the spectrum", "none": "estimates only"}
#: What arrays are called here that have other names in files.
_ARRAYS = {
    "heigenvalues": "eigenvalues", "heigenvectors": "eigenvectors", "overlaps": "alignments", "hessian": "matrix",
}  # fmt: skip


class Analysis:
    """What the native engine found about a network's loss; :func:`heigen.analyze` makes it.

    Vectors have one entry for each parameter, in the order of :attr:`names`; for a module of PyTorch's that is the order
    of its ``parameters()``. Arrays are read when they are first asked for. What was not asked for raises
    :class:`heigen.NotComputedError`, which is an AttributeError, too.

    ``notes`` are sentences about how network and samples were read, and what was left out; ``warnings`` are sentences about
    reasons why the numbers may mislead; ``summary`` is the record of the analysis, as the command line prints it with ``--json``.
    """

    def __init__(
        self,
        workspace: Workspace,
        options: dict[str, Any],
        record: str,
        summary: dict[str, Any],
        notes: Sequence[str] = (),
        warnings: Sequence[str] | None = (),
        order: Sequence[str] | None = None,
    ) -> None:
        self._workspace, self._options, self._record = workspace, options, record
        self._asked = _native.asked(options)
        #: The record of the analysis, as the command line prints it with ``--json``.
        self.summary: dict[str, Any] = summary
        #: Sentences about how network and samples were read, and what was left out.
        self.notes: list[str] = list(notes)
        if warnings is not None:
            self.warnings = list(warnings)
        self._order_of_names = None if order is None else list(order)
        #: Whether the results stand in a folder that was read, and that nobody asked to write into.
        self._is_read = False

    @cached_property
    def _at_work(self) -> Workspace:
        """The workspace in which more is made: in memory, unless a folder was given to write into."""
        if not self._is_read:
            return self._workspace
        root = Path(self._record).parents[2]
        record = Path(self._record).relative_to(root).as_posix()
        return Workspace.stored(_native.resources(), None, self._workspace.files(), record)[0]

    @cached_property
    def warnings(self) -> list[str]:
        """Sentences about reasons why the numbers may mislead, such as weights that are no minimum of the loss.

        :func:`heigen.analyze` gives each as a :class:`heigen.Warning`, too. Of an analysis that was loaded they are found
        when they are first asked for.
        """
        return list(self._workspace.doubts(self._record))

    # Numbers.

    @property
    def name(self) -> str:
        """The name of the experiment that stands for the network."""
        return str(self.summary["name"])

    @property
    def kind(self) -> str:
        """How much of the spectrum is known: "whole", "part" or "none"."""
        return "whole" if "rank" in self.summary else "part" if "which" in self.summary else "none"

    @property
    def operator_kind(self) -> str:
        """The matrix: "hessian", "ggn", "fisher" or "remainder"."""
        return str(self.summary["of"]["operator"])

    @property
    def n_params(self) -> int:
        """P, the order of the matrix."""
        return int(self.summary["n_params"])

    @property
    def n_samples(self) -> int:
        """N, the number of samples that the loss is the mean over."""
        return int(self.summary["n_samples"])

    @property
    def loss(self) -> float:
        """The mean loss."""
        return float(self.summary["loss"])

    @property
    def accuracy(self) -> float | None:
        """The share of samples that are classified correctly; None where samples have no class."""
        accuracy = self.summary.get("accuracy")
        return None if accuracy is None else float(accuracy)

    @property
    def grad_norm(self) -> float:
        """The norm of the loss's gradient, which is 0 at a minimum."""
        return float(self.summary["grad_norm"])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The number type of the computation."""
        dtype: np.dtype[Any] = np.dtype(self.summary["dtype"])
        return dtype

    @property
    def seconds(self) -> float:
        """The time that the analysis took."""
        return float(self.summary["seconds"])

    @property
    def rank(self) -> int:
        """Number of eigenvalues that are not zero."""
        return int(self._whole("rank"))

    @property
    def trace(self) -> float | Estimate:
        """The sum of the eigenvalues; of a part of a spectrum the estimate that was asked for."""
        if self.kind == "whole":
            return float(self.summary["trace"])
        found = self.summary.get("estimates", {}).get("trace")
        if found is None:
            raise NotComputedError("the trace was not estimated", self.name, wanted="analyze(..., trace=120)")
        return Estimate(found["value"], found["standard_error"])

    @property
    def lambda_max(self) -> float:
        """The largest eigenvalue that was found."""
        return float(self.summary["lambda_max"] if self.kind == "whole" else max(self._some("lambda_max")))

    @property
    def lambda_min(self) -> float:
        """The smallest eigenvalue that was found."""
        return float(self.summary["lambda_min"] if self.kind == "whole" else min(self._some("lambda_min")))

    def _some(self, what: str) -> list[float]:
        if self.kind != "part":
            raise NotComputedError(f"{what} needs eigenvalues, and none were asked for", self.name, wanted="eigenpairs=True")
        return list(self.summary["eigenvalues"])

    @property
    def residuals(self) -> Array:
        """|A v - lambda v| of every pair, where only some eigenpairs were looked for."""
        if self.kind != "part":
            wanted = "certificate" if self.kind == "whole" else "analyze(..., k=10)"
            raise NotComputedError(
                "residuals of single pairs are kept of a part of a spectrum", self.name, _KINDS[self.kind], wanted
            )
        return np.asarray(self.summary["residuals"])

    @property
    def certificate(self) -> Certificate:
        """Error bounds of the whole spectrum, from products that had no part in computing it.

        They are about :attr:`eigenvectors` with their eigenvalues: ``outside_bound`` is no less than the largest of those that
        count as zero, whose vectors are left out.
        """
        kept = dict(self._whole("certificate"))
        # Records of earlier versions have a bound of their own for what was left out.
        kept["outside_bound"] = max(kept["outside_bound"], self.summary["outside_bound"])
        scale = float(max(self.summary["lambda_max"], -self.summary["lambda_min"]))
        kept.pop("trace_scale", None)
        known = {name: kept[name] for name in Certificate.__dataclass_fields__ if name in kept}
        return Certificate(**known, vanishes=scale == 0.0, scale=scale)

    @property
    def g_theta(self) -> GThetas:
        """The generalization measure G_theta by all definitions; as a number it is the recommended one."""
        return GThetas(GTheta(**one) for one in self._whole("g_theta"))

    @property
    def outliers(self) -> Outliers:
        """How many eigenvalues stand apart from the bulk."""
        found = dict(self._whole("outliers"))
        sensitivity = [(float(gap), int(count)) for gap, count in map(_pair, found.get("sensitivity", ()))]
        known = {key: found[key] for key in Outliers.__dataclass_fields__ if key in found}
        return Outliers(**{**known, "sensitivity": sensitivity})

    @property
    def layers(self) -> list[Layer]:
        """The curvature of every layer, where ``by_layer=True`` asked for it."""
        found = self.summary.get("estimates", {}).get("by_layer")
        if found is None:
            raise NotComputedError("there is no table by layer", self.name, wanted="analyze(..., by_layer=True)")
        return [Layer(**{key: one.get(key) for key in Layer.__dataclass_fields__}) for one in found]

    def _whole(self, key: str) -> Any:
        if key not in self.summary:
            wanted = "an analysis without k=" if self.kind == "part" else "an analysis with eigenpairs=True, and without k="
            raise NotComputedError(f"{key} needs the whole spectrum", self.name, _KINDS[self.kind], wanted)
        return self.summary[key]

    # Arrays.

    def _array(self, name: str, hint: str) -> Array:
        if self.kind == "part" and name in ("coherence", "logit_coherence", "overlaps", "hessian"):
            self._whole(_ARRAYS.get(name, name))
        content = self._workspace.array(self._record, name)
        if content is None:
            raise NotComputedError(f"the analysis has no {_ARRAYS.get(name, name)}", self.name, wanted=f"analyze(..., {hint})")
        array: Array = np.load(io.BytesIO(content), allow_pickle=False)
        return array

    @cached_property
    def eigenvalues(self) -> Array:
        """All P eigenvalues, ascending; of a part of a spectrum [k], in the order of ``which``."""
        return self._array("heigenvalues", "eigenpairs=True")

    @cached_property
    def eigenvectors(self) -> Array:
        """The eigenvectors [P, k] of the nonzero eigenvalues, ascending: column -1 belongs to the largest.

        Of a part of a spectrum in the order of its eigenvalues.
        """
        vectors = self._array("heigenvectors", "eigenpairs=True")
        return vectors if self._order is None else vectors[self._order]

    @cached_property
    def alignments(self) -> Array:
        """Cosines [k, N] of the samples' reinforcing gradients with the eigenvectors."""
        return self._array("overlaps", "eigenpairs=True")

    @cached_property
    def coherence(self) -> Array:
        """Cosines [N, N] of all pairs of gradients of samples' losses, sorted by class."""
        return self._array("coherence", "coherence=True")

    @cached_property
    def logit_coherence(self) -> Array:
        """Cosines [C N, C N] of all pairs of gradients of logits, sorted by logit and class."""
        return self._array("logit_coherence", "coherence=True")

    @cached_property
    def matrix(self) -> Array:
        """The matrix itself [P, P], where ``matrix=True`` asked for it."""
        matrix = self._array("hessian", "matrix=True")
        return matrix if self._order is None else matrix[np.ix_(self._order, self._order)]

    @cached_property
    def diagonal(self) -> Diagonal:
        """The diagonal with standard errors, where ``diagonal=`` asked for it."""
        pairs = self._array("diagonal", "diagonal=200")
        pairs = pairs if self._order is None else pairs[self._order]
        return Diagonal(np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1]))

    @cached_property
    def density(self) -> DensityCurve:
        """The density of eigenvalues, where ``density=True`` asked for it."""
        curve = self._array("density", "density=True")
        told = self.summary["estimates"]["density"]
        trace = Estimate(told["trace"], told["trace_standard_error"])
        grid, density, errors = (np.ascontiguousarray(curve[:, i]) for i in range(3))
        return DensityCurve(grid, density, errors, told["bandwidth"], told["probes"], told["steps"], trace)

    # The decision boundary.

    @cached_property
    def boundary(self) -> Boundary:
        """Measures of the decision boundary; the margin of large networks is measured by :attr:`margin` only."""
        return self.measure_boundary()

    @cached_property
    def margin(self) -> Margin:
        """The margin estimated by v_1. For large networks this takes minutes."""
        measured = self.measure_boundary(margin=True).margin
        if measured is None:
            raise NotComputedError("the network has no boundary, or its Hessian no positive eigenvalue: no margin", self.name)
        return measured

    def measure_boundary(self, margin: bool = False, *, progress: Progress = None) -> Boundary:
        """Measure the decision boundary, with the margin also where that takes minutes."""
        if self.kind != "whole":
            self._whole("boundary")
        with telling(progress) as tell:
            record = self._at_work.boundary(self._asked, _native.making(), margin, tell)
        return boundary_of(json.loads(record))

    # Parameters and operators.

    @cached_property
    def _tensors(self) -> list[tuple[str, int, int, list[int]]]:
        layers = json.loads(self._asked)["layers"]
        return [(name, a, b, list(shape)) for name, a, b, shape in self._workspace.parameters(layers)]

    @cached_property
    def _order(self) -> Array | None:
        """For every coordinate of the user's the engine's, where the two differ."""
        wanted = self._order_of_names
        have = [name for name, *_ in self._tensors]
        if wanted is None or [name for name in wanted if name in have] == have:
            return None
        places = {name: (a, b) for name, a, b, _ in self._tensors}
        return np.concatenate([np.arange(*places[name]) for name in wanted if name in places])

    @property
    def names(self) -> list[tuple[str, int, int]]:
        """The parameters in the order of all vectors: (name, first coordinate, one past the last)."""
        tensors = self._tensors
        if self._order is not None and self._order_of_names is not None:
            known = {name: b - a for name, a, b, _ in tensors}
            lengths = [(name, known[name]) for name in self._order_of_names if name in known]
        else:
            lengths = [(name, b - a) for name, a, b, _ in tensors]
        ends = np.cumsum([length for _, length in lengths]).tolist()
        return [(name, end - length, end) for (name, length), end in zip(lengths, ends)]

    def by_name(self, vector: Any) -> dict[str, Array]:
        """A vector [P] as arrays in the shapes of the parameters, by name."""
        vector = _native.to_numpy(vector, "vector")
        if vector.shape != (self.n_params,):
            raise InputError("this is no vector of the analysis", "vector", vector.shape, (self.n_params,))
        shapes = {name: shape for name, _, _, shape in self._tensors}
        return {name: vector[a:b].reshape(shapes[name]) for name, a, b in self.names}

    def operator(self, kind: str | None = None, **options: Any) -> Operator:
        """The matrix as an operator for :func:`heigen.eigsh` and all other solvers, which work on it natively.

        ``kind`` is "hessian", "ggn", "fisher" or "remainder"; the matrix that was analysed unless given.
        """
        asked = {**self._options, **options}
        if kind is not None:
            asked["operator"] = kind
        text = _native.asked(asked)
        told = json.loads(text)
        handle = self._workspace.operator(text, None)
        names = [(name, a, b) for name, a, b, _ in self._workspace.parameters(told["layers"])]
        native = NativeOperator(handle, names, told.get("dtype", "float64"), told.get("operator", "hessian"))
        if self._order is None or native.shape[0] != self.n_params:
            return native
        return Reordered(native, self._order, self.names)

    @property
    def samples(self) -> tuple[Array, Array]:
        """The samples that the loss is the mean over, as the engine has them: X in float32, and y."""
        features, shape, labels, _, others = self._workspace.samples()
        y: Array = labels if others is None else others[0].reshape(-1, others[1])
        return features.reshape(-1, *shape), y

    @property
    def classes(self) -> list[str] | None:
        """The names of the classes, where the samples name them."""
        classes: list[str] | None = self._workspace.samples()[3]
        return classes

    # Pictures, pages, files.

    @property
    def plot(self) -> Plots:
        """The pictures of the analysis: ``analysis.plot.spectrum()`` shows itself in a notebook."""
        return Plots(self)

    def report(self, path: Any = None, *, margin: bool = False, progress: Progress = None) -> str:
        """One HTML page with everything, which needs no network to be read; with ``path`` it is also written there."""
        file = None if path is None else Path(_native.path_of(path, "path"))
        if file is not None and not file.parent.is_dir():
            raise FileError("the folder of the page is not there", str(file), wanted=f"a folder {file.parent}")
        with telling(progress) as tell:
            told = (self.notes, self.warnings)
            page, notes = self._at_work.report(self._asked, _native.making(), margin, told, tell)
        _native.told([note for note in notes if note[1] not in self.warnings])
        if file is not None:
            with _native.written(file):
                file.write_text(page, encoding="utf-8")
        return page

    def explore(self, *, height: int = 900, threads: int = 0) -> Explorer:
        """A live page that begins at the weights and samples of the analysis: train on, move along eigenvectors, change samples.

        In a notebook the page shows itself in a frame of so many pixels' ``height``; elsewhere ``.open()`` shows it in the browser.
        It is served by a process of the package's own program on this machine, which ends with ``.close()`` or with the
        interpreter, and it writes nothing. It has the loss of the analysis and the Hessian of its mean over all training samples,
        whichever part or matrix was analysed; weight decay of the analysis is that of the update rule.

        Raises :class:`heigen.InputError` where a live page cannot show the network: it takes samples of two or more features
        with classes, at most 1,000 of them, and at most 100,000 parameters.
        """
        return explored(self, height, threads)

    def save(self, folder: Any, *, force: bool = False) -> None:
        """Write network, samples and results into a folder, where :func:`heigen.load` and the command ``heigen`` find them.

        Weights of another network under the same name are replaced only with ``force=True``.
        """
        self._workspace.save(Path(_native.path_of(folder, "folder")), _native.truth(force, "force"))

    def __repr__(self) -> str:
        return in_a_line(self)

    def _repr_svg_(self) -> str | None:
        return self.plot.spectrum().svg if self.kind == "whole" else None

    def _repr_html_(self) -> str:
        return as_html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        root = Path(self._record).parents[2]
        record = Path(self._record).relative_to(root).as_posix()
        kept = (self._options, self.notes, self.warnings, self._order_of_names)
        return _restored, (self._workspace.files(), record, *kept)


def _pair(value: Any) -> tuple[Any, Any]:
    first, second = value.values() if isinstance(value, dict) else value
    return first, second


def _restored(
    files: dict[str, bytes],
    record: str,
    options: dict[str, Any],
    notes: list[str],
    warnings: list[str],
    order: list[str] | None,
) -> Analysis:
    workspace, _, path, summary = Workspace.stored(_native.resources(), None, files, record)
    return Analysis(workspace, options, path, json.loads(summary), notes, warnings, order)


def load(folder: Any, name: str | None = None, *, threads: int = 0, memory: float | None = None) -> Analysis:
    """An analysis that the command line or :meth:`Analysis.save` wrote.

    ``folder`` is a folder of results, or the file ``..._analysis.json`` of one analysis in it. ``name`` chooses among
    several: "gauss/normal_training", or with what its files add to it, "gauss/normal_training+ggn".
    """
    path = Path(_native.path_of(folder, "folder"))
    name = _native.text(name, "name")
    if path.is_file():
        path = path.absolute() if len(path.parents) < 3 else path
        root, found = path.parents[2], [path]
    else:
        root = path
        found = [Path(one) for one in Workspace.analyses_in(root)]
        named = {f"{one.parent.name}/{one.name.removesuffix('_analysis.json')}": one for one in found}
        if name is not None and name in named:
            found = [named[name]]
        elif name is not None or len(found) != 1:
            plain = [one for key, one in named.items() if "+" not in key]
            if name is None and len(plain) == 1:
                found = plain
            elif not named:
                raise FileError("there is no analysis", str(root), wanted="a folder of results, as `heigen hessian` writes it")
            else:
                raise InputError("which analysis?", "name", name, ", ".join(sorted(named)[:20]))
    record = found[0].relative_to(root).as_posix()
    resources = _native.resources(threads, memory)
    workspace, options, at, summary = Workspace.stored(resources, root, None, record)
    analysis = Analysis(workspace, _words(json.loads(options)), at, json.loads(summary), warnings=None)
    analysis._is_read = True
    return analysis


def _words(options: dict[str, Any]) -> dict[str, Any]:
    """The engine's options as the keywords of :func:`heigen.analyze`."""
    return {key: value for key, value in options.items() if value is not None and value != []}
