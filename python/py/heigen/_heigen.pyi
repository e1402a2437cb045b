"""What the extension module holds; it is used by the package's own modules only."""

from collections.abc import Callable
from typing import Any

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
