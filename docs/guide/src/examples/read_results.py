"""Reads the results of `heigen analyze --model net.pt --arch arch.json --data moons.npz` and checks them with PyTorch."""

import json

import numpy as np
import torch

stem = "results/grads/own/net_"
eigenvalues = np.load(stem + "heigenvalues.npy")  # [P], ascending
eigenvectors = np.load(stem + "heigenvectors.npy")  # [P, k], columns ascending with their eigenvalues
overlaps = np.load(stem + "overlaps.npy")  # [k, N], rows in the order of those columns
logits = np.load(stem + "logits.npy")  # [N, C]
with open(stem + "analysis.json") as file:
    summary = json.load(file)
lambda_1, v_1 = eigenvalues[-1], eigenvectors[:, -1]
print("P, k, N, C:", len(eigenvalues), eigenvectors.shape[1], *logits.shape)
print(f"lambda_1 {lambda_1:.6g}, trace {eigenvalues.sum():.6g}")
assert np.isclose(summary["lambda_max"], lambda_1) and np.isclose(summary["trace"], eigenvalues.sum())

# The same network in float64, in which heigen computes.
linear, tanh = torch.nn.Linear, torch.nn.Tanh
model = torch.nn.Sequential(linear(2, 8), tanh(), linear(8, 8), tanh(), linear(8, 2))
model.load_state_dict(torch.load("net.pt"))
model = model.double()
with np.load("moons.npz") as file:
    X, y = torch.from_numpy(file["X"]).double(), torch.from_numpy(file["y"])

print("same logits:", np.allclose(logits, model(X).detach().numpy()))

# H v_1 = lambda_1 v_1, H the Hessian of the mean loss.
loss = torch.nn.functional.cross_entropy
parameters = list(model.parameters())
gradient = torch.autograd.grad(loss(model(X), y), parameters, create_graph=True)
gradient = torch.cat([g.flatten() for g in gradient])
product = torch.autograd.grad(gradient @ torch.from_numpy(v_1), parameters)
product = torch.cat([p.flatten() for p in product]).numpy()
print("H v_1 = lambda_1 v_1:", np.allclose(product, lambda_1 * v_1))

# The alignment of sample 0 with v_1: the gradient of its loss against the class predicted for it, of norm 1, times v_1.
predicted = model(X[:1]).argmax(1)
gradient = torch.autograd.grad(loss(model(X[:1]), predicted), parameters)
gradient = torch.cat([g.flatten() for g in gradient]).numpy()
print("same alignment:", np.isclose(overlaps[-1, 0], gradient @ v_1 / np.linalg.norm(gradient)))
