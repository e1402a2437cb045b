"""The largest eigenpairs of gauss/normal_training's Hessian by SciPy's eigsh on PyTorch's Hessian-vector products.

The side to compare `cargo bench -p heigen --bench top_k` with. Needs: torch numpy scipy. Run here: python top_k.py
"""
import json
import struct
import time

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse.linalg import LinearOperator, eigsh

GOLDEN = "../../../../tests/fixtures/golden/gauss_100_ce"

raw = open(f"{GOLDEN}.safetensors", "rb").read()
length = struct.unpack("<Q", raw[:8])[0]
header = json.loads(raw[8:8 + length])
theta = []
for name in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "fc3.weight", "fc3.bias"):
    start, end = header[name]["data_offsets"]
    values = np.frombuffer(raw[8 + length + start:8 + length + end], np.float32).astype(np.float64)
    theta.append(torch.tensor(values.reshape(header[name]["shape"]), requires_grad=True))
golden = np.load(f"{GOLDEN}.npz")
X, y = torch.tensor(golden["X"]).double(), torch.tensor(golden["y"])

w1, b1, w2, b2, w3, b3 = theta
out = F.linear(F.relu(F.linear(F.relu(F.linear(X, w1, b1)), w2, b2)), w3, b3)
gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(F.cross_entropy(out, y), theta, create_graph=True)])
P = gradient.numel()
products = 0


def product(v):
    global products
    products += 1
    hv = torch.autograd.grad(gradient @ torch.tensor(v.ravel()), theta, retain_graph=True)
    return torch.cat([h.reshape(-1) for h in hv]).numpy()


H = LinearOperator((P, P), matvec=product, dtype=np.float64)
for k in (10, 50):
    for tol in (1e-6, 1e-10):
        products, begun = 0, time.time()
        values, vectors = eigsh(H, k=k, which="LA", tol=tol)
        seconds = time.time() - begun
        residual = max(np.linalg.norm(product(vectors[:, i]) - values[i] * vectors[:, i]) for i in range(k))
        print(f"{k:3} {tol:7.0e} {seconds:8.3f} s {products:6} products, residual {residual / values[-1]:.1e} of |A|")
