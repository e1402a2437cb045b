"""A home of vectors written in NumPy alone, with arithmetic of its own: everything a solver needs and nothing else."""

from __future__ import annotations

import numpy as np

from heigen import _heigen


class NumpyHome:
    def __init__(self, length, dtype=np.float64):
        self.length, self.dtype, self.device, self.calls = length, np.dtype(dtype), "numpy", 0

    def zeros(self, k):
        return np.zeros((k, self.length), self.dtype)

    def block(self, columns):
        return np.ascontiguousarray(np.asarray(columns).T, self.dtype)

    def random(self, seed, start, stop, law):
        return _heigen.random_entries(self.length, seed, start, stop, law, self.dtype == np.float32)

    def select(self, block, rows):
        return block[np.array(rows, int)].copy()

    def gram(self, a, b):
        self.calls += 1
        return np.einsum("ip,jp->ij", a.astype(np.float64), b.astype(np.float64))

    def dots(self, a, b):
        return np.einsum("ip,ip->i", a.astype(np.float64), b.astype(np.float64))

    def is_finite(self, a):
        return bool(np.isfinite(a).all())

    def combine(self, alpha, weights, a, beta, y):
        assert weights.shape == (len(y), len(a))
        new = alpha * (weights @ a.astype(np.float64))
        y[...] = new + beta * y if beta else new

    def scale(self, a, factors):
        a *= factors[:, None].astype(self.dtype)

    def add_scaled(self, factors, x, y):
        y += factors[:, None].astype(self.dtype) * x

    def multiply_add(self, a, b, y):
        y += a * b

    def of_rows(self, ranges):
        return NumpyHome(sum(b - a for a, b in ranges), self.dtype)

    def gather(self, block, ranges):
        return np.concatenate([block[:, a:b] for a, b in ranges], axis=1)

    def scatter(self, part, ranges):
        whole, place = self.zeros(len(part)), 0
        for a, b in ranges:
            whole[:, a:b] = part[:, place : place + b - a]
            place += b - a
        return whole

    def largest(self, a):
        return a[np.arange(len(a)), np.abs(a).argmax(axis=1)].astype(np.float64)

    def to_host(self, a, start=0, stop=None):
        return np.ascontiguousarray(a[:, start : self.length if stop is None else stop], np.float64)

    def from_host(self, a):
        return np.array(a, self.dtype)
