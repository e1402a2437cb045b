"""How PyTorch computes inside a product: with second derivatives, without loss of precision, and the same each time."""

from __future__ import annotations

import contextlib
import inspect
import os
import threading
import warnings
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from heigen._errors import Warning as HeigenWarning
from heigen.torch._unfused import Unfused, eager

__all__ = ["batch_dependent", "exact", "exclusive", "has_recurrence", "same_numbers", "warn", "warn_of_modes"]

#: A product exchanges the tensors of the model, and settings and random streams of the whole process: one at a time.
_lock = threading.RLock()
_of_fork = threading.local()
#: Seconds for which a process that is about to be copied waits for a product, so that the copy has a whole model.
_PATIENCE = 1.0


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """One thread at a time inside; a thread may enter again what it has entered."""
    with _lock:
        yield


def _before_fork() -> None:
    _of_fork.held = _lock.acquire(timeout=_PATIENCE)


def _in_parent() -> None:
    if _of_fork.__dict__.pop("held", False):
        _lock.release()


def _in_child() -> None:
    global _lock
    _of_fork.__dict__.clear()
    # Threads that may have held it are not there in the copy.
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)


def has_recurrence(model: nn.Module) -> bool:
    """Whether the model has recurrent layers, whose fused kernels have no second derivative."""
    return any(isinstance(module, nn.RNNBase) for module in model.modules())


@contextlib.contextmanager
def _without_onednn() -> Iterator[None]:
    """The kernels of PyTorch itself. Entering and leaving oneDNN's flags warns of TF32 on devices that are not there."""
    flags = torch.backends.mkldnn.flags(enabled=False, allow_tf32=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flags.__enter__()
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            flags.__exit__(None, None, None)


@contextlib.contextmanager
def exact(device: torch.device, recurrent: bool, as_asked: bool, formulas: bool = True) -> Iterator[None]:
    """Kernels that have second derivatives; unless ``as_asked``, also full precision. Everything is put back afterwards.

    Fused attention and the recurrent layers of cuDNN and oneDNN have no second derivative. TF32 and autocast round to
    10 or fewer bits. These settings are the whole process's, so that threads wait here for each other. With
    ``formulas``, functions whose kernels have none are replaced (:class:`Unfused`).
    """
    with exclusive(), contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        if recurrent:
            stack.enter_context(_without_onednn())
        if device.type == "cuda":
            cudnn = torch.backends.cudnn
            tf32 = cudnn.allow_tf32 if as_asked else False
            stack.enter_context(
                cudnn.flags(
                    enabled=cudnn.enabled and not recurrent,
                    benchmark=cudnn.benchmark,
                    deterministic=cudnn.deterministic,
                    allow_tf32=tf32,
                )
            )
        if not as_asked:
            stack.enter_context(torch.autocast(device.type, enabled=False))
            precision = torch.get_float32_matmul_precision()
            if precision != "highest":
                torch.set_float32_matmul_precision("highest")
                stack.callback(torch.set_float32_matmul_precision, precision)
        stack.enter_context(eager())
        if formulas:
            stack.enter_context(Unfused())
        yield


@contextlib.contextmanager
def same_numbers(device: torch.device, seed: int) -> Iterator[None]:
    """Random numbers of PyTorch that are the same at every call, and the user's own streams as they were."""
    devices = [device] if device.type == "cuda" else []
    with exclusive(), torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def batch_dependent(model: nn.Module) -> list[str]:
    """The layers whose outputs for a sample depend on the other samples of the batch."""
    kind = nn.modules.batchnorm._BatchNorm
    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, kind)]
    return [name or type(m).__name__ for name, m in layers if m.training or m.running_mean is None]


def _random(model: nn.Module) -> list[str]:
    """The layers that drop numbers by chance."""
    out = []
    for name, module in model.named_modules():
        probability: float = 0
        if isinstance(module, nn.modules.dropout._DropoutNd):
            probability = module.p
        elif isinstance(module, (nn.MultiheadAttention, nn.RNNBase)):
            probability = module.dropout
        if module.training and probability:
            out.append(name or type(module).__name__)
    return out


def warn(message: str) -> None:
    """Warns at the line of the user's that has led here."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").startswith("heigen."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, HeigenWarning, stacklevel=level)


def warn_of_modes(model: nn.Module) -> tuple[bool, bool]:
    """Warns of layers in training mode whose output depends on chance or on the batch; returns whether each are there."""
    drops, batches = _random(model), batch_dependent(model)
    if drops:
        warn(
            f"dropout is active in {_listed(drops)}: the loss is that of one fixed draw of its masks; model.eval() turns it "
            "off"
        )
    if batches:
        warn(
            f"batch normalisation is in training mode in {_listed(batches)}: the loss depends on how the samples are "
            "batched; model.eval() uses the running statistics"
        )
    return bool(drops), bool(batches)
