"""What the extension module holds; it is used by the package's own modules only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__version__: str

_Vector = NDArray[np.float64]
_Tell = Callable[[str, int, int | None, str], Any] | None

def run_program(arguments: list[str]) -> int: ...
def set_threads(number: int) -> None: ...
def copies_of_kept_memory() -> int: ...
def panic_for_tests(text: str) -> None: ...
def random_entries(
    length: int, seed: int, start: int, stop: int, law: str, single: bool
) -> NDArray[Any]: ...
def eigsh(
    operator: Any,
    k: int,
    which: str,
    tolerance: float,
    start: Any,
    refine: bool,
    block: int | None,
    max_subspace: int | None,
    max_products: int | None,
    seed: int,
    check: bool,
    tell: _Tell,
) -> tuple[_Vector, Any, _Vector, float, float, int, int, bool]: ...
def spectrum(
    operator: Any, method: str, memory: float, check: bool, tell: _Tell
) -> tuple[
    _Vector, Any, list[int], str, dict[str, Any], float, tuple[float, list[tuple[int, int]], int] | None
]: ...
def certify(operator: Any, values: list[float], vectors: Any, check: bool, tell: _Tell) -> dict[str, Any]: ...
def outliers(ascending: list[float]) -> tuple[int, float, int, int, list[tuple[float, int]]]: ...
def density(
    operator: Any, probes: int, steps: int, seed: int, check: bool, tell: _Tell
) -> tuple[list[_Vector], list[_Vector]]: ...
def density_vectors(length: int, entry_bytes: int, probes: int, steps: int) -> int: ...
def density_curve(
    n_params: int, nodes: list[list[float]], weights: list[list[float]], points: int, bandwidth: float
) -> tuple[_Vector, _Vector, _Vector, float]: ...
def density_estimate(
    what: str, n_params: int, nodes: list[list[float]], weights: list[list[float]], x: float
) -> tuple[float, float]: ...
def trace(
    operator: Any, products: int, plain: bool, seed: int, check: bool, tell: _Tell
) -> tuple[float, float]: ...
def frobenius_norm(
    operator: Any, products: int, seed: int, check: bool, tell: _Tell
) -> tuple[float, float]: ...
def diagonal(
    operator: Any, samples: int | None, seed: int, check: bool, tell: _Tell
) -> tuple[_Vector, _Vector]: ...
def solve(
    operator: Any,
    right: Any,
    damping: float,
    tolerance: float,
    max_products: int | None,
    check: bool,
    tell: _Tell,
) -> tuple[Any, _Vector, _Vector, float, int, bool]: ...

def matched(
    inner: _Vector, before: list[float], after: list[float], tolerances: tuple[float, float]
) -> tuple[list[str], list[int | None], list[float], list[int], list[tuple[int, int]], _Vector]: ...
def trajectory_plane(points: _Vector) -> tuple[_Vector, _Vector, tuple[float, float]]: ...
def stability_threshold(rule: str, momentum: float, eta: float) -> float: ...

_Notes = list[tuple[bool, str]]

def experiments() -> list[str]: ...

@final
class NativeHandle:
    @property
    def length(self) -> int: ...
    def apply(self, rows: NDArray[Any], out: NDArray[Any]) -> None: ...

@final
class Workspace:
    @staticmethod
    def taken_in(
        origin: str,
        resources: str,
        folder: Path | None,
        tensors: list[tuple[str, NDArray[np.float64]]] | None,
        samples: tuple[bytes, bytes] | None,
        progress: _Tell,
    ) -> tuple[Workspace, _Notes]: ...
    @staticmethod
    def named(name: str, resources: str, folder: Any) -> tuple[Workspace, list[str]]: ...
    @staticmethod
    def analyses_in(folder: Path) -> list[str]: ...
    @staticmethod
    def stored(
        resources: str, folder: Path | None, given: dict[str, bytes] | None, record: str
    ) -> tuple[Workspace, str, str, str]: ...
    @property
    def name(self) -> str: ...
    @property
    def config(self) -> str: ...
    @property
    def folder(self) -> Path | None: ...
    def train(self, making_options: str, progress: _Tell) -> tuple[str, _Notes]: ...
    def analyse(self, options: str, making_options: str, progress: _Tell) -> tuple[str, str, _Notes]: ...
    def doubts(self, record: str) -> list[str]: ...
    def boundary(self, options: str, making_options: str, margin: bool, progress: _Tell) -> str: ...
    def follow(
        self, options: str, making_options: str, progress: _Tell
    ) -> tuple[str, str, list[tuple[str, list[Path]]], _Notes]: ...
    def attribution(
        self, options: str, making_options: str, vectors: int | None, rise: float, progress: _Tell
    ) -> tuple[str, _Notes]: ...
    def array_of_moment(self, record: str, place: int, what: str) -> bytes | None: ...
    def picture(
        self,
        name: str,
        options: str,
        making_options: str,
        drawing: str,
        format: str,
        dpi: float | None,
        progress: _Tell,
    ) -> bytes: ...
    def report(
        self, options: str, making_options: str, margin: bool, notes: tuple[list[str], list[str]], progress: _Tell
    ) -> tuple[str, _Notes]: ...
    def operator(self, options: str, progress: _Tell) -> NativeHandle: ...
    def array(self, record: str, name: str) -> bytes | None: ...
    def parameters(self, layers: list[str]) -> list[tuple[str, int, int, list[int]]]: ...
    def samples(
        self,
    ) -> tuple[
        NDArray[np.float32], list[int], NDArray[np.int64], list[str] | None, tuple[NDArray[np.float64], int] | None
    ]: ...
    def weights(self) -> list[tuple[str, list[int], NDArray[np.float64]]]: ...
    def hand_over(self, record: str, folder: str) -> tuple[Path, Path, Path, int]: ...
    def save(self, folder: Path, force: bool) -> None: ...
    def files(self) -> dict[str, bytes]: ...
def draw_spectrum(
    title: str, eigenvalues: list[float], outliers: int, format: str, dpi: float | None
) -> bytes: ...
def draw_density(
    title: str,
    name: str,
    eigenvalues: list[float],
    density: list[float],
    errors: list[float],
    format: str,
    dpi: float | None,
) -> bytes: ...

_Line = list[list[float]]

def draw_spectra_along(
    title: str,
    along: str,
    tracks: list[tuple[_Line, bool, bool]],
    losses: list[tuple[str, _Line]],
    threshold: tuple[str, _Line] | None,
    outliers: _Line,
    format: str,
    dpi: float | None,
) -> bytes: ...
def draw_landscape(
    title: str,
    axes: tuple[str, str],
    a_range: tuple[float, float],
    b_range: tuple[float, float],
    grid: tuple[int, int],
    losses: list[float],
    accuracies: list[float] | None,
    loss: float,
    path: list[list[float]] | None,
    logarithmic: bool,
    format: str,
    dpi: float | None,
) -> bytes: ...
def draw_histogram(
    title: str,
    axis: str,
    values: list[float],
    bins: int,
    levels: list[tuple[str, float]],
    format: str,
    dpi: float | None,
) -> bytes: ...
def draw_subspaces(
    title: str, along: str, moments: list[str], overlaps: list[float], k: int, format: str, dpi: float | None
) -> bytes: ...
