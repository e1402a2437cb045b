"""One of several processes that hold parts of the data: computes products and writes them to a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import heigen
import heigen.torch
from modules import made


def shard(batches: list, rank: int, size: int) -> list:  # type: ignore[type-arg]
    """Parts of unequal size: rank 1 holds one sample of the first batch, the last rank nothing of it but all others."""
    if size == 1:
        return batches
    X, y = batches[0]
    own = {0: [(X[1:], y[1:])], 1: [(X[:1], y[:1])]}.get(rank, [])
    return own + (batches[1:] if rank == size - 1 else [])


def main(folder: Path, rank: int, size: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=size)
    out = {}
    for name in ("attention", "LeakyReLU", "class weights", "sum over samples", "tied weights and ignore_index"):
        case = made(name, torch.float64)
        data = shard(case.batches, rank, size)
        for kind in (heigen.torch.Hessian, heigen.torch.GGN, heigen.torch.EmpiricalFisher):
            if kind is heigen.torch.EmpiricalFisher and name.startswith("tied"):
                continue
            op = kind(case.model, data, case.loss)
            directions = np.random.RandomState(0).randn(op.shape[0], 3)
            out[f"{name}/{kind.__name__}"] = op @ directions
            out[f"{name}/{kind.__name__}/loss"] = np.array([op.loss, op.n_samples])
            if hasattr(heigen, "eigsh") and kind is heigen.torch.Hessian:
                found = heigen.eigsh(op, 4)
                out[f"{name}/eigenvalues"] = np.asarray(found.eigenvalues)
                out[f"{name}/eigenvectors"] = np.asarray(found.eigenvectors.cpu() if size > 1 else found.eigenvectors)
    case = made("LeakyReLU", torch.float64)
    wrapped = DistributedDataParallel(case.model)
    op = heigen.torch.Hessian(wrapped, shard(case.batches, rank, size), case.loss)
    out["DistributedDataParallel"] = op @ np.random.RandomState(0).randn(op.shape[0], 3)
    out["alone"] = heigen.torch.Hessian(case.model, case.batches, case.loss, distributed=False) @ np.ones(op.shape[0])
    # One process has all samples, the others none.
    op = heigen.torch.GGN(case.model, case.batches if rank == 0 else [], case.loss)
    structure = heigen.torch.class_structure(op, np.random.RandomState(1).randn(op.shape[0], 2))
    out["class structure"] = np.concatenate([structure.shares.pairs.ravel(), structure.weights])
    out["class means"] = np.asarray(structure.class_means)
    if size > 1:
        messages = []
        X, y = case.batches[0]
        for data in ([(X, y + 7 * rank)], [(X, y)] if rank == 0 else iter([(X, y)])):
            try:
                heigen.torch.Hessian(case.model, data, case.loss)
                messages.append("none")
            except heigen.Error as error:
                messages.append(str(error))
        with torch.no_grad():
            case.model[0].bias += rank
        try:
            heigen.torch.Hessian(case.model, shard(case.batches, rank, size), nn.CrossEntropyLoss())
            messages.append("none")
        except heigen.Error as error:
            messages.append(str(error))
        out["messages"] = np.array(messages)
    np.savez(folder / f"{size}-{rank}.npz", **out)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    # The results are written. One process of some dozens was seen to abort in C++ while the interpreter was shut down
    # ("terminate called without an active exception"): threads of PyTorch's that were still there.
    sys.stdout.flush()
    os._exit(0)
