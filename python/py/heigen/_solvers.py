"""What can be learnt about a symmetric operator from its products alone.

Every function takes an operator of heigen's, or anything that :func:`heigen.as_operator` takes. Vectors live where the
operator's do. An operator that has not been looked at before is tried first: it must be symmetric and give the same product
twice (``check=False`` leaves this out). ``progress`` may be False or a function of (stage, done, total, unit).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from heigen import _heigen, _native
from heigen._arguments import array, finite, integer, positive, seed_of, text
from heigen._errors import InputError, NotConvergedError, TooLargeError
from heigen._operators import Operator, as_operator
from heigen._progress import Progress, telling
from heigen._results import Certificate, Density, Diagonal, EigenPairs, Estimate, Outliers, Solution, Spectrum

__all__ = [
    "certify",
    "density",
    "diagonal",
    "effective_dimension",
    "eigsh",
    "frobenius_norm",
    "log_determinant",
    "outliers",
    "set_threads",
    "solve",
    "spectrum",
    "trace",
]


def eigsh(
    op: Any,
    k: int = 6,
    which: str = "LM",
    tol: float = 1e-8,
    v0: Any = None,
    *,
    refine: bool = False,
    block: int | None = None,
    max_subspace: int | None = None,
    max_products: int | None = None,
    seed: int = 0,
    check: bool = True,
    progress: Progress = None,
) -> EigenPairs:
    """The k eigenpairs at an end of the spectrum, all P where k is larger, by block Lanczos with full reorthogonalisation and
    thick restarts.

    ``which`` is "LM" (largest magnitude), "LA" (largest), "SA" (smallest) or "BE" (both ends); pairs come in this order, the
    outermost first. ``tol`` is the largest residual allowed, as a fraction of |A|. ``v0``, [P] or [P, b], are directions to
    start from, such as eigenvectors found earlier. With ``refine`` they are those of an operator nearby, such as that of a model a
    few steps earlier, and grow by what is missing only, which takes the fewest products; an eigenvector that nothing of them points
    to is missed then. Repeated eigenvalues are found as often as they are there. ``block`` is the
    number of directions in one product, 2 unless the operator prefers another: fewer need fewer products, more make each cheaper
    where the operator takes several at once. ``max_subspace`` bounds the vectors that are kept.

    Raises :class:`heigen.NotConvergedError`, with what was reached as its ``result``, where ``max_products`` are used up.
    """
    op = as_operator(op)
    k = integer(k, "k", 1)
    which = text(which, "which").upper()
    start = None if v0 is None else _rows(op, v0, "v0")
    block = op._block if block is None else integer(block, "block", 1)
    max_products = None if max_products is None else integer(max_products, "max_products", 1)
    max_subspace = None if max_subspace is None else integer(max_subspace, "max_subspace", 1)
    tolerance = positive(tol, "tol")
    _room_for(op, 3 * min(k, op.shape[0]) + 8 * (block or 2), "eigsh")
    with telling(progress) as tell:
        values, vectors, residuals, scale, applied, products, restarts, converged = _heigen.eigsh(
            op, k, which, tolerance, start, bool(refine), block, max_subspace, max_products, seed_of(seed), bool(check), tell
        )
    pairs = EigenPairs(values, vectors.T, residuals, scale, applied, products, restarts, converged)
    if not pairs.converged:
        good = int(np.count_nonzero(pairs.residuals <= pairs.tolerance * pairs.scale))
        error = NotConvergedError(
            f"{good} of {len(pairs)} eigenpairs are good enough after {pairs.products} products; allow more products, "
            "a larger subspace or a larger tolerance",
            "eigsh",
            f"residuals up to {float(np.max(pairs.residuals)):.1e}",
            f"{pairs.tolerance * pairs.scale:.1e}",
        )
        error.result = pairs
        raise error
    return pairs


def spectrum(
    op: Any, method: str = "auto", *, memory: float | None = None, check: bool = True, progress: Progress = None
) -> Spectrum:
    """The whole spectrum, certified.

    With "exact" the range of the operator is found, and a small eigenproblem solved on it, which needs float64 and pays where
    the rank is far below P; with "dense" the matrix is formed; "auto" takes the first where it can. ``memory`` is what may be
    used, in bytes; three quarters of what is available unless given.

    Raises :class:`heigen.NotCertifiedError` where the certificate does not hold, and :class:`heigen.TooLargeError` where memory
    does not hold the matrix.
    """
    op = as_operator(op)
    allowed = _available() if memory is None else positive(memory, "memory")
    _room_for(op, _PROBES, "spectrum")
    with telling(progress) as tell:
        values, vectors, places, way, certificate, zero, rest = _heigen.spectrum(
            op, text(method, "method").lower(), allowed, bool(check), tell
        )
    return Spectrum(
        values, vectors.T, np.asarray(places, np.int64), way, Certificate(**certificate), zero, rest
    )


def certify(
    op: Any, eigenvalues: Any, eigenvectors: Any, *, check: bool = True, progress: Progress = None
) -> Certificate:
    """The certificate of eigenpairs that anybody has computed: eigenvalues [k] and eigenvectors [P, k].

    ``certificate.check()`` raises where they are not the whole spectrum, ``certificate.check(whole=False)`` where they are not
    eigenpairs.
    """
    op = as_operator(op)
    values = np.asarray(array(eigenvalues, "eigenvalues"), np.float64)
    rows = _rows(op, eigenvectors, "eigenvectors")
    if values.shape != (len(rows),):
        raise InputError("there is not one eigenvalue for each eigenvector", "certify", values.shape, (len(rows),))
    if not np.isfinite(values).all():
        raise InputError("an eigenvalue is infinite or NaN", "certify")
    _room_for(op, len(values) + _PROBES, "certify")
    with telling(progress) as tell:
        return Certificate(**_heigen.certify(op, values.tolist(), rows, bool(check), tell))


def density(
    op: Any, probes: int = 10, steps: int = 100, *, seed: int = 0, check: bool = True, progress: Progress = None
) -> Density:
    """The distribution of all eigenvalues by stochastic Lanczos quadrature: ``steps`` products with ``probes`` directions.

    The probes take their steps together as far as their vectors fit into 4 GiB, else one group after another. Standard errors
    of what follows from it are the scatter over probes; :meth:`Density.count_below` also bounds what the quadrature leaves
    open.
    """
    op = as_operator(op)
    probes, steps = integer(probes, "probes", 2), integer(steps, "steps", 1)
    # Nodes and weights of all probes, twice, and the small matrices of those that go together.
    _numbers_for(probes * 4.0 * min(steps, op.shape[0]), "density")
    _room_for(op, 1, "density")
    _room_for(op, _heigen.density_vectors(op.shape[0], op.dtype.itemsize, probes, steps), "density")
    with telling(progress) as tell:
        nodes, weights = _heigen.density(op, probes, steps, seed_of(seed), bool(check), tell)
    return Density(op.shape[0], nodes, weights)


def log_determinant(
    op: Any,
    damping: float,
    probes: int = 10,
    steps: int = 100,
    *,
    seed: int = 0,
    check: bool = True,
    progress: Progress = None,
) -> Estimate:
    """log det(A + damping I), by stochastic Lanczos quadrature; for several dampings take :func:`density` once."""
    damping = finite(damping, "damping")
    return density(op, probes, steps, seed=seed, check=check, progress=progress).log_determinant(damping)


def effective_dimension(
    op: Any,
    damping: float,
    probes: int = 10,
    steps: int = 100,
    *,
    seed: int = 0,
    check: bool = True,
    progress: Progress = None,
) -> Estimate:
    """tr A (A + damping I)^-1, the number of directions whose curvature stands out of the damping, by quadrature."""
    damping = finite(damping, "damping")
    return density(op, probes, steps, seed=seed, check=check, progress=progress).effective_dimension(damping)


def trace(
    op: Any,
    products: int = 300,
    method: str = "hutch++",
    *,
    seed: int = 0,
    check: bool = True,
    progress: Progress = None,
) -> Estimate:
    """The trace from ``products`` products: by "hutch++" or by "hutchinson", the plain average; exact from P products on."""
    op = as_operator(op)
    name = text(method, "method").lower()
    if name not in ("hutch++", "hutchinson"):
        raise InputError("there is no such method", "trace", method, '"hutch++" or "hutchinson"')
    plain = name == "hutchinson"
    products = integer(products, "products", 2 if plain else 6)
    _numbers_for(products if plain else 0.0, "trace")
    _room_for(op, max(min(products, 64), _PROBES) if plain else 4 * (products // 3), "trace")
    with telling(progress) as tell:
        return Estimate(*_heigen.trace(op, products, plain, seed_of(seed), bool(check), tell))


def diagonal(
    op: Any, samples: int | None = None, *, seed: int = 0, check: bool = True, progress: Progress = None
) -> Diagonal:
    """The diagonal: estimated from ``samples`` products, or exact from P products where none are given."""
    op = as_operator(op)
    samples = None if samples is None else integer(samples, "samples", 2)
    _numbers_for(0.0 if samples is None else samples, "diagonal")
    _room_for(op, 3 * 64 if samples is None or samples > 64 else 3 * samples, "diagonal")
    with telling(progress) as tell:
        return Diagonal(*_heigen.diagonal(op, samples, seed_of(seed), bool(check), tell))


def frobenius_norm(
    op: Any, products: int = 300, *, seed: int = 0, check: bool = True, progress: Progress = None
) -> Estimate:
    """(sum_i lambda_i^2)^(1/2) from ``products`` products; exact from P products on."""
    op = as_operator(op)
    products = integer(products, "products", 6)
    _room_for(op, 4 * (products // 3), "frobenius_norm")
    with telling(progress) as tell:
        return Estimate(*_heigen.frobenius_norm(op, products, seed_of(seed), bool(check), tell))


#: Up to this many parameters outliers are counted from the whole spectrum.
_WHOLE = 1000
#: The bulk has begun where so many eigenvalues have no gap between them of this fraction of the largest one, the smallest gap
#: with which outliers are counted.
_BULK = 12
_GAP = 0.01


def outliers(op: Any, *, check: bool = True, progress: Progress = None) -> Outliers:
    """How many eigenvalues stand apart from the bulk at the upper end.

    ``op`` is an operator, or eigenvalues: a list, an array [P], a :class:`Spectrum`. Of a large operator the largest eigenvalues
    are computed, twice as many each time, until the bulk has begun: it is taken to have where so many of them follow one
    another that no gap of 1 % of the largest one is between any two, or where they have fallen below that gap.
    """
    if isinstance(op, Spectrum):
        return op.outliers()
    if isinstance(op, EigenPairs):
        return Outliers.of(op.eigenvalues)
    if isinstance(op, (list, tuple, np.ndarray)) or hasattr(op, "detach") or hasattr(op, "__array__") and hasattr(op, "shape"):
        values = np.asarray(array(op, "outliers"), np.float64)
        if values.ndim == 1:
            return Outliers.of(values)
    op = as_operator(op)
    size = op.shape[0]
    if size <= _WHOLE:
        return spectrum(op, check=check, progress=progress).outliers()
    k, start = 16, None
    while True:
        pairs = eigsh(op, k, "LA", tol=1e-6, v0=start, check=check, progress=progress)
        largest, smallest = pairs.eigenvalues[0], pairs.eigenvalues[-1]
        last = pairs.eigenvalues[-_BULK:]
        close = len(pairs) > _BULK and np.max(last[:-1] - last[1:]) < _GAP * largest
        if smallest <= _GAP * largest or close or k >= size:
            below = np.linspace(min(float(smallest), 0.0), float(smallest), size - len(pairs))
            return Outliers.of(np.concatenate([below, pairs.eigenvalues]))
        k, start = min(2 * k, size), pairs.eigenvectors


def solve(
    op: Any,
    b: Any,
    damping: float = 0.0,
    tol: float = 1e-8,
    *,
    max_products: int | None = None,
    check: bool = True,
    progress: Progress = None,
) -> Solution:
    """The solutions of (A + damping I) x = b by conjugate gradients, for b [P] or several right-hand sides [P, k].

    ``tol`` is the largest residual allowed, as a fraction of |b|; residuals are computed from the returned solutions.
    ``max_products`` is for one right-hand side.

    Raises :class:`heigen.NotPositiveError` where A + damping I is not positive definite, and
    :class:`heigen.NotConvergedError`, with what was reached as its ``result``.
    """
    op = as_operator(op)
    damping = finite(damping, "damping")
    rows = _rows(op, b, "b")
    tolerance = positive(tol, "tol")
    max_products = None if max_products is None else integer(max_products, "max_products", 1)
    _room_for(op, 5 * len(rows) + _PROBES, "solve")
    with telling(progress) as tell:
        x, residuals, norms, applied, products, converged = _heigen.solve(
            op, rows, damping, tolerance, max_products, bool(check), tell
        )
    single = np.ndim(b) == 1 if not hasattr(b, "shape") else len(b.shape) == 1
    solution = Solution(x[0] if single else x.T, residuals, norms, damping, applied, products, converged)
    if not converged:
        error = NotConvergedError(
            "the residual is too large; more damping, more products or float64 bring it down",
            "solve",
            f"{float(np.max(residuals / np.where(norms > 0, norms, 1.0))):.1e} of b after {products} products",
            f"{applied:.1e}",
        )
        error.result = solution
        raise error
    return solution


def set_threads(number: int = 0) -> None:
    """Let operations on vectors in the host's memory run in so many threads; 0 is one for each processor.

    It is also the number for the native engine wherever a call has no ``threads=`` of its own. Operators keep the threads that
    they were made with. Results do not depend on it. The threads of PyTorch, JAX and NumPy are their own.
    """
    number = integer(number, "number", 0)
    if number > 1024:
        raise InputError("the number of threads is out of range", "number", number, "0 (all cores) to 1024")
    _heigen.set_threads(number)
    _native.choose_threads(number)


def _rows(op: Operator, directions: Any, where: str) -> Any:
    """The user's directions [P] or [P, k] as a block of the operator's home."""
    if not hasattr(directions, "shape"):
        directions = array(directions, where)
    shape = tuple(directions.shape)
    if len(shape) not in (1, 2) or shape[0] != op.shape[0]:
        wanted = f"({op.shape[0]},) or ({op.shape[0]}, k)"
        raise InputError("vectors do not fit the operator", where, shape, wanted)
    return op._rows_of(directions)[0]


#: Vectors that are held when an operator is tried for symmetry, or a spectrum certified.
_PROBES = 30


def _room_for(op: Operator, vectors: int, where: str) -> None:
    """Refuse work for which the host's memory does not hold the vectors: an allocation that fails would end the process."""
    if op._home is not None:
        return
    needed, allowed = float(op.shape[0]) * op.dtype.itemsize * min(vectors, op.shape[0]), _available()
    if needed > allowed:
        gib = 2.0**30
        raise TooLargeError(
            f"{min(vectors, op.shape[0])} vectors of {op.shape[0]} entries do not fit into the memory that is available",
            where,
            f"{needed / gib:.1f} GiB",
            f"{allowed / gib:.1f} GiB",
        )


def _numbers_for(count: float, where: str) -> None:
    """Refuse work whose results alone, so many float64, the host's memory does not hold."""
    if 8.0 * count > _available():
        gib = 2.0**30
        got, wanted = f"{8.0 * count / gib:.3g} GiB", f"at most {_available() / gib:.1f} GiB"
        raise TooLargeError("the numbers that are asked for do not fit into the memory that is available", where, got, wanted)


def _available() -> float:
    """Three quarters of the memory that the system reports as available, in bytes; 16 GiB where it reports nothing."""
    try:
        with open("/proc/meminfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return 0.75 * 1024.0 * float(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    try:
        return 0.75 * float(os.sysconf("SC_PAGE_SIZE")) * float(os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return 16.0 * 2**30
