"""Hessian-vector products of ResNet18 by PyTorch's double reverse pass.

The side to compare `cargo bench -p heigen --bench resnet` with: 32 images of 3 x 32 x 32, the first convolution 3 x 3 with stride
1, batch normalisation with its running statistics. The graph of the gradient is kept, so that a product is one reverse pass over
it; beside it stands the whole way, gradient included. Needs: torch torchvision. Run: python resnet.py [threads]
"""
import sys
import time

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import resnet18

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
N, ROUNDS = 32, 3


def gradient(model, x, y):
    loss = functional.cross_entropy(model(x), y)
    return torch.autograd.grad(loss, list(model.parameters()), create_graph=True)


def best(function):
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


for dtype in (torch.float64, torch.float32):
    torch.manual_seed(0)
    model = resnet18(num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    model = model.to(dtype).eval()
    x, y = torch.randn(N, 3, 32, 32, dtype=dtype), torch.arange(N) % 10
    v = [torch.randn_like(p) for p in model.parameters()]
    kept = gradient(model, x, y)
    product = best(lambda: torch.autograd.grad(kept, list(model.parameters()), v, retain_graph=True))
    del kept
    whole = best(lambda: torch.autograd.grad(gradient(model, x, y), list(model.parameters()), v))
    print(f"{str(dtype)[6:]}: {product:.2f} s with the graph of the gradient kept, {whole:.2f} s from nothing", flush=True)
