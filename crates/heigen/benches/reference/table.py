"""heigen beside PyTorch, line by line, in one run on one machine.

Each line is measured twice, heigen's side by `cargo bench -p heigen --bench table` and PyTorch's here, one after the other. Times of
lines that take PyTorch many minutes (its own loop over the rows of a Hessian) are those of some rows, times the number of rows; they
are marked with ~. Goals are seconds on two cores with AVX-512.

Needs: torch torchvision numpy scipy. Run here: python table.py [--long] [--heigen COMMAND] [LINE...]; `--long` adds the spectrum of
width 300 (a minute or two) and the reproduction of the paper (several minutes).
"""
import argparse
import functools
import gzip
import os
import shlex
import struct
import subprocess
import tempfile
import time

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import nn
from torch.nn import functional

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../..")
GOLDEN = os.path.join(ROOT, "tests/fixtures/golden")
ROWS = 100  # rows of a Hessian that are timed


def best(function, rounds=3):
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def kept_gradient(model, x, y):
    """The parameters and the gradient with its graph, which makes a product one reverse pass."""
    parameters = list(model.parameters())
    return parameters, torch.autograd.grad(functional.cross_entropy(model(x), y), parameters, create_graph=True)


def product_seconds(model, x, y):
    parameters, kept = kept_gradient(model, x, y)
    v = [torch.randn_like(p) for p in parameters]
    return best(lambda: torch.autograd.grad(kept, parameters, v, retain_graph=True)), "graph of the gradient kept"


def images(n, dtype):
    torch.manual_seed(0)
    return torch.randn(n, 3, 32, 32, dtype=dtype), torch.arange(n) % 10


def resnet(dtype):
    from torchvision.models import resnet18

    model = resnet18(num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    return product_seconds(model.to(dtype).eval(), *images(32, dtype))


def lenet(dtype):
    # heigen's LeNet5: padding 0, max pooling, ReLU.
    model = nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )
    return product_seconds(model.to(dtype), *images(1024, dtype))


@functools.cache
def gauss():
    """gauss/normal_training: the network at the golden file's weights, and its samples."""
    golden = np.load(f"{GOLDEN}/gauss_100_ce.npz")
    raw = open(f"{GOLDEN}/gauss_100_ce.safetensors", "rb").read()
    length = struct.unpack("<Q", raw[:8])[0]
    import json

    header = json.loads(raw[8 : 8 + length])
    model = nn.Sequential(nn.Linear(2, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 3)).double()
    for layer, name in ((0, "fc1"), (2, "fc2"), (4, "fc3")):
        for part in ("weight", "bias"):
            start, end = header[f"{name}.{part}"]["data_offsets"]
            values = np.frombuffer(raw[8 + length + start : 8 + length + end], np.float32)
            target = getattr(model[layer], part)
            target.data = torch.tensor(values).double().reshape(target.shape)
    return model, torch.tensor(golden["X"]).double(), torch.tensor(golden["y"])


def row(parameters, kept, v):
    found = torch.autograd.grad(kept, parameters, v, retain_graph=True)
    return torch.cat([h.reshape(-1) for h in found])


def gauss_top(k, tolerance):
    parameters, kept = kept_gradient(*gauss())
    gradient = torch.cat([g.reshape(-1) for g in kept])
    size, products = gradient.numel(), 0

    def product(v):
        nonlocal products
        products += 1
        return row(parameters, gradient, torch.tensor(v.ravel())).numpy()

    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    begun = time.perf_counter()
    eigsh(operator, k=k, which="LA", tol=tolerance)
    return time.perf_counter() - begun, f"eigsh, {products} products"


def loop(model, x, y):
    """The reference's way: a reverse pass for every row of the Hessian, then its eigenproblem (left out here)."""
    parameters, kept = kept_gradient(model, x, y)
    gradient = torch.cat([g.reshape(-1) for g in kept])
    begun = time.perf_counter()
    for i in range(ROWS):
        row(parameters, gradient[i], None)
    size = gradient.numel()
    return (time.perf_counter() - begun) * size / ROWS, f"~ by {ROWS} of {size} rows, without the eigenproblem"


def digits(per_class=300):
    """The 450 training digits 0, 1, 7 of the paper, not in its order."""
    read = lambda name, skip: gzip.open(os.path.join(ROOT, "datasets", name)).read()[skip:]
    pixels = np.frombuffer(read("mnist10k-images-idx3-ubyte.gz", 16), np.uint8).reshape(-1, 1, 28, 28)
    labels = np.frombuffer(read("mnist10k-labels-idx1-ubyte.gz", 8), np.uint8)
    chosen = np.concatenate([np.flatnonzero(labels == digit)[: per_class // 2] for digit in (0, 1, 7)])
    return torch.tensor(pixels[chosen].astype(np.float32)), torch.tensor(np.repeat(np.arange(3), per_class // 2))


def cnn():
    """The paper's CNN, of 7,203 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 3),
    )


def cnn_spectrum():
    x, y = digits()
    return loop(cnn().double(), x.double() / 255, y)


def cnn_epoch():
    x, y = digits()
    model = cnn()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)

    def epoch():
        order = torch.randperm(len(x))
        for batch in order.split(64):
            optimizer.zero_grad()
            functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()

    epoch()
    return best(epoch, 5), "450 digits in batches of 64"


# Name, what it is, goal in seconds, PyTorch's side.
LINES = [
    ("resnet18-float64", "ResNet18, N = 32, one product, float64", 1.2, lambda: resnet(torch.float64)),
    ("resnet18-float32", "the same in float32, per direction in a block of four", 0.45, lambda: resnet(torch.float32)),
    ("lenet5-float64", "LeNet5, N = 1,024, one product, float64", 0.12, lambda: lenet(torch.float64)),
    ("lenet5-float32", "the same in float32", 0.07, lambda: lenet(torch.float32)),
    ("gauss-top10-1e-6", "gauss 2-100-100-3, top 10 to 1e-6", 0.03, lambda: gauss_top(10, 1e-6)),
    ("gauss-top10-1e-10", "the same to 1e-10", 0.045, lambda: gauss_top(10, 1e-10)),
    ("gauss-top50-1e-6", "top 50 to 1e-6", 0.2, lambda: gauss_top(50, 1e-6)),
    ("gauss-top50-1e-10", "the same to 1e-10", 0.25, lambda: gauss_top(50, 1e-10)),
    ("gauss-exact", "gauss, whole exact analysis with certificate", 2.5, lambda: loop(*gauss())),
    ("cnn-spectrum", "CNN, 450 digits, whole spectrum with certificate", 12.0, cnn_spectrum),
    ("cnn-epoch", "CNN, one epoch of training, float32", 0.013, cnn_epoch),
]
LONG = [("width300-exact", "2-300-300-3 (P = 92,103), whole spectrum", 80.0, None)]


def reproduce(heigen):
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        subprocess.run([*shlex.split(heigen), "reproduce"], cwd=folder, check=True, capture_output=True)
        return time.perf_counter() - begun


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("lines", nargs="*", metavar="LINE", help="only these lines")
    options.add_argument("--long", action="store_true", help="also width 300 and `heigen reproduce`")
    options.add_argument("--heigen", default="cargo bench --quiet -p heigen --bench table --", help="heigen's side")
    options.add_argument("--program", default="heigen", help="the program, for `reproduce`")
    options.add_argument("--threads", type=int, default=2)
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    environment = dict(os.environ, RAYON_NUM_THREADS=str(asked.threads))
    lines = LINES + LONG * asked.long
    print("| work | PyTorch | heigen | times faster | goal | of goal | remarks |\n| --- | --- | --- | --- | --- | --- | --- |")
    for name, what, goal, other in lines:
        if asked.lines and name not in asked.lines:
            continue
        command = [*shlex.split(asked.heigen), name]
        run = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
        _, own, remark = run.stdout.strip().splitlines()[-1].split("\t")
        seconds, how = other() if other else (None, "PyTorch: out of reach")
        show(what, seconds, float(own), goal, f"{remark}; {how}")
    if asked.long and not asked.lines:
        show("`heigen reproduce`, everything from nothing", None, reproduce(asked.program), 180.0, "")


def show(what, other, own, goal, remark):
    digits = lambda x: f"{x:.3g}" if x < 1000 else f"{x:.0f}"
    theirs, faster = ("", "") if other is None else (f"{digits(other)} s", digits(other / own))
    print(f"| {what} | {theirs} | {digits(own)} s | {faster} | {goal:g} s | {own / goal:.2f} | {remark} |", flush=True)


if __name__ == "__main__":
    main()
