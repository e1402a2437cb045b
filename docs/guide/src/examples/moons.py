"""Trains a small classifier on two moons; writes moons.npz, net.pt, net.onnx and arch.json into the current folder."""

import json
import pathlib
import sys

import numpy as np
import torch

# Two half circles with noise, so much of it that no network gets every sample right: X [200, 2], y [200].
rng = np.random.RandomState(0)
angle = np.pi * rng.rand(200)
y = np.arange(200) % 2
circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
X = np.where(y[:, None] == 0, circle, [1.0, 0.5] - circle) + 0.3 * rng.randn(200, 2)
X = X.astype(np.float32)
y = y.astype(np.int64)
np.savez("moons.npz", X=X, y=y)

# 2 -> 8 -> 8 -> 2 with tanh: 114 parameters.
torch.set_num_threads(1)
torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Linear(2, 8),
    torch.nn.Tanh(),
    torch.nn.Linear(8, 8),
    torch.nn.Tanh(),
    torch.nn.Linear(8, 2),
)
inputs, labels = torch.from_numpy(X), torch.from_numpy(y)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1500, 2250], gamma=0.1)
for _ in range(3000):
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
    scheduler.step()
accuracy = (model(inputs).argmax(1) == labels).float().mean()
print(f"loss {loss.item():.4f}, accuracy {100 * accuracy.item():.1f} %")

# The weights alone, and the list of layers that they belong to.
torch.save(model.state_dict(), "net.pt")
layers = [
    {"type": "linear", "out_features": 8},
    {"type": "tanh"},
    {"type": "linear", "out_features": 8},
    {"type": "tanh"},
    {"type": "linear", "out_features": 2},
]
pathlib.Path("arch.json").write_text(json.dumps({"layers": layers}, indent=2) + "\n")

# Weights and layers in one file. The exporter needs the packages onnx and onnxscript; without them this is left out.
try:
    import onnxscript  # noqa: F401
except ImportError:
    print("net.onnx was not written; it takes: pip install onnx onnxscript")
    sys.exit()
torch.onnx.export(model.eval(), (inputs[:1],), "net.onnx", optimize=False)
