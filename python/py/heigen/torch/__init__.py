"""Curvature of any PyTorch module, and what it says about the decision boundary.

:class:`Hessian`, :class:`GGN`, :class:`EmpiricalFisher` and :class:`Fisher` are operators: their products with
directions are computed by PyTorch, where the model lives, and the solvers of :mod:`heigen` work with them.
"""

from heigen.torch._operators import (
    GGN,
    Batched,
    EmpiricalFisher,
    Fisher,
    Hessian,
    TorchOperator,
)

__all__ = [
    "GGN",
    "Batched",
    "EmpiricalFisher",
    "Fisher",
    "Hessian",
    "TorchOperator",
]
