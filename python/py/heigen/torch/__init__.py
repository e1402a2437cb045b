"""Curvature of any PyTorch module, and what it says about the decision boundary.

:class:`Hessian`, :class:`GGN`, :class:`EmpiricalFisher` and :class:`Fisher` are operators: their products with
directions are computed by PyTorch, where the model lives, and the solvers of :mod:`heigen` work with them.
"""

from heigen.torch._boundary import PlaneBoundary, alignments, boundary, reinforcing_gradients
from heigen.torch._classes import ClassStructure, class_structure
from heigen.torch._curvature import GGN, EmpiricalFisher, Fisher, Hessian
from heigen.torch._generalization import g_theta
from heigen.torch._margin import margin
from heigen.torch._minibatches import MinibatchEigenvalues, minibatch_eigenvalues
from heigen.torch._operators import Batched, TorchOperator
from heigen.torch._recorder import Recorder
from heigen.torch._surface import loss_surface

__all__ = [
    "GGN",
    "Batched",
    "ClassStructure",
    "EmpiricalFisher",
    "Fisher",
    "Hessian",
    "MinibatchEigenvalues",
    "PlaneBoundary",
    "Recorder",
    "TorchOperator",
    "alignments",
    "boundary",
    "class_structure",
    "g_theta",
    "loss_surface",
    "margin",
    "minibatch_eigenvalues",
    "reinforcing_gradients",
]
