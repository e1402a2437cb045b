"""Networks that people export to ONNX, analysed by the native engine and compared with PyTorch in float64.

Every network has random weights and goes through both exporters of PyTorch at their defaults, for a batch of one sample. Of
each file, with two samples of the smallest size that the network takes:

- ONNX Runtime's outputs are compared with those of the module in float64 whose parameters are the file's,
- the engine's loss, and one product of the Hessian and one of the GGN matrix, with that module's.

The module is found by numbers: each tensor of the file is that of the module (or of the module with its batch normalisation
folded into convolutions, as exporters do) that has the same numbers, perhaps transposed. Parameters of the module that the file
does not have are held fixed.

    pip install heigen torch==2.15.0 torchvision==0.29.2 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0 safetensors==0.8.0
    python python/tools/breadth.py [names...]

prints the table of the guide's chapter on own networks.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

CLASSES = 10


class Block(nn.Module):
    """A block of a transformer as GPT-2 has it, or, with ``after``, as BERT has it."""

    def __init__(self, width: int, heads: int, causal: bool, after: bool) -> None:
        super().__init__()
        self.heads, self.causal, self.after = heads, causal, after
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc, self.out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def attention(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        q, k, v = (part.view(n, length, self.heads, -1).transpose(1, 2) for part in self.qkv(x).split(width, dim=2))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.proj(y.transpose(1, 2).reshape(n, length, width))

    def forward(self, x: Tensor) -> Tensor:
        if self.after:
            x = self.ln_1(x + self.attention(x))
            return self.ln_2(x + self.out(functional.gelu(self.fc(x))))
        x = x + self.attention(self.ln_1(x))
        return x + self.out(functional.gelu(self.fc(self.ln_2(x)), approximate="tanh"))


class Transformer(nn.Module):
    """A toy GPT, or BERT, that classifies sequences of tokens."""

    def __init__(self, kind: str, vocabulary: int = 17, length: int = 8, width: int = 16) -> None:
        super().__init__()
        self.bert = kind == "bert"
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.register_buffer("positions", torch.arange(length), persistent=False)
        self.h = nn.Sequential(*(Block(width, 2, not self.bert, self.bert) for _ in range(2)))
        self.ln_f = nn.LayerNorm(width)
        self.pooler = nn.Linear(width, width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.wte(tokens) + self.wpe(self.positions)
        x = self.ln_f(self.h(x))
        x = torch.tanh(self.pooler(x[:, 0])) if self.bert else x[:, -1]
        return self.head(x)


def vgg11() -> nn.Module:
    """VGG11 with hidden layers of 64 units instead of 4,096, which make nine tenths of its parameters."""
    model = torchvision.models.vgg11(num_classes=CLASSES)
    model.classifier[0], model.classifier[3], model.classifier[6] = nn.Linear(25088, 64), nn.Linear(64, 64), nn.Linear(64, CLASSES)
    return model


def alexnet() -> nn.Module:
    """AlexNet with hidden layers of 64 units instead of 4,096."""
    model = torchvision.models.alexnet(num_classes=CLASSES)
    model.classifier[1], model.classifier[4], model.classifier[6] = nn.Linear(9216, 64), nn.Linear(64, 64), nn.Linear(64, CLASSES)
    return model


def of_torchvision(name: str, **arguments: Any) -> Callable[[], nn.Module]:
    return lambda: getattr(torchvision.models, name)(num_classes=CLASSES, **arguments)


#: The older exporter refuses adaptive pools whose output does not divide their input.
DIVISIBLE = {"AlexNet": (3, 224, 224), "VGG11": (3, 224, 224)}
#: Name, module, and the shape of a sample; tokens are integers.
NETWORKS: list[tuple[str, Callable[[], nn.Module], tuple[int, ...]]] = [
    ("GPT (toy)", lambda: Transformer("gpt"), (8,)),
    ("BERT (toy)", lambda: Transformer("bert"), (8,)),
    ("AlexNet", alexnet, (3, 63, 63)),
    ("VGG11", vgg11, (3, 32, 32)),
    ("ResNet18", of_torchvision("resnet18"), (3, 32, 32)),
    ("ResNet50", of_torchvision("resnet50"), (3, 32, 32)),
    ("DenseNet121", of_torchvision("densenet121"), (3, 32, 32)),
    ("MobileNetV2", of_torchvision("mobilenet_v2"), (3, 32, 32)),
    ("MobileNetV3", of_torchvision("mobilenet_v3_small"), (3, 32, 32)),
    ("EfficientNet-B0", of_torchvision("efficientnet_b0"), (3, 32, 32)),
    ("ShuffleNetV2", of_torchvision("shufflenet_v2_x0_5"), (3, 32, 32)),
    ("ConvNeXt-Tiny", of_torchvision("convnext_tiny"), (3, 32, 32)),
    ("Swin-T", of_torchvision("swin_t"), (3, 32, 32)),
    ("ViT-B/16", of_torchvision("vit_b_16", image_size=32), (3, 32, 32)),
]


def randomized(module: nn.Module, seed: int) -> nn.Module:
    """The module with numbers that are all different, of the size of a network in training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if not tensor.is_floating_point() or "running" not in name and not isinstance(tensor, nn.Parameter):
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(1 + 0.1 * noise.abs())
            elif tensor.dim() < 2:
                # Biases and running means about 0, factors of normalisations about 1, layer scales about a third.
                centre = 1.0 if name.endswith("weight") else 0.0
                tensor.copy_(centre + 0.05 * noise)
            elif "layer_scale" in name:
                tensor.copy_(0.3 + 0.05 * noise)
            else:
                fan_in = tensor[0].numel() if tensor.dim() > 1 else 1
                tensor.copy_(noise * min(0.5, (2 / fan_in) ** 0.5) if tensor.dim() > 1 else noise)
    return module.eval()


def export(module: nn.Module, x: Tensor, path: Path, dynamo: bool) -> None:
    """Both exporters at their defaults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), str(path), dynamo=dynamo, **({"verbose": False} if dynamo else {}))


def samples(shape: tuple[int, ...], n: int = 2) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    x = random.integers(0, 17, (n, *shape)) if len(shape) == 1 else random.normal(size=(n, *shape)).astype(np.float32)
    return x, np.arange(n) % CLASSES


def folded(module: nn.Module) -> nn.Module:
    """The module with batch normalisation folded into convolutions."""
    from torch.fx.experimental.optimization import fuse

    return fuse(module)


def with_numbers(module: nn.Module, tensors: dict[str, np.ndarray[Any, Any]]) -> tuple[nn.Module, dict[str, tuple[str, bool]]] | None:
    """The module in float64 with the file's tensors, and for each parameter the name in the file and whether it lies turned."""
    module = module.double()
    found: dict[str, tuple[str, bool]] = {}
    free = dict(tensors)

    def same(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
        return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-4, atol=1e-6))

    with torch.no_grad():
        for name, parameter in [*module.named_parameters(), *module.named_buffers()]:
            if not parameter.is_floating_point():
                continue
            own = parameter.detach().numpy()
            first = [name] if name in free else []
            for theirs in first + [other for other in free if free[other].size == own.size]:
                value = free[theirs]
                turned = value.ndim == 2 and not same(own, value) and same(own, value.T)
                shaped = value.T if turned else value.reshape(own.shape)
                if same(own, shaped):
                    parameter.copy_(torch.from_numpy(np.ascontiguousarray(shaped)))
                    found[name] = (theirs, turned)
                    del free[theirs]
                    break
    return (module, found) if not free else None


class Hardsigmoid(nn.Module):
    """PyTorch's function; the derivative of its own cannot be differentiated."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu6(x + 3) / 6


class Hardswish(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * functional.relu6(x + 3) / 6


def differentiable(module: nn.Module) -> nn.Module:
    for name, child in module.named_children():
        if isinstance(child, nn.Hardsigmoid | nn.Hardswish):
            setattr(module, name, Hardsigmoid() if isinstance(child, nn.Hardsigmoid) else Hardswish())
        else:
            differentiable(child)
    return module


def products(
    module: nn.Module, found: dict[str, tuple[str, bool]], x: Tensor, y: Tensor, v: dict[str, np.ndarray[Any, Any]]
) -> tuple[float, Tensor, dict[str, np.ndarray[Any, Any]], dict[str, np.ndarray[Any, Any]]]:
    """Loss, outputs, H v and G v by reverse passes over reverse passes."""
    names = [name for name, _ in module.named_parameters() if name in found]
    theta = {name: p.detach().clone().requires_grad_(name in names) for name, p in module.named_parameters()}
    vectors = [
        torch.from_numpy(np.ascontiguousarray(v[found[n][0]].T if found[n][1] else v[found[n][0]])).reshape(theta[n].shape) for n in names
    ]
    chosen = [theta[name] for name in names]
    with sdpa_kernel(SDPBackend.MATH):
        outputs = functional_call(module, theta, (x,))
        loss = functional.cross_entropy(outputs, y)
        gradient = torch.autograd.grad(loss, chosen, create_graph=True)
        hv = torch.autograd.grad(sum((g * w).sum() for g, w in zip(gradient, vectors)), chosen, retain_graph=True, allow_unused=True)
        # J v by differentiating J^T u in u.
        u = torch.zeros_like(outputs, requires_grad=True)
        back = torch.autograd.grad(outputs, chosen, u, create_graph=True)
        jv = torch.autograd.grad(sum((b * w).sum() for b, w in zip(back, vectors)), u)[0]
        p = outputs.detach().softmax(1)
        hjv = (p * jv - p * (p * jv).sum(1, keepdim=True)) / len(y)
        gv = torch.autograd.grad(outputs, chosen, hjv, allow_unused=True)

    def named(parts: Any) -> dict[str, np.ndarray[Any, Any]]:
        result = {}
        for name, part in zip(names, parts):
            theirs, turned = found[name]
            value = np.zeros(theta[name].shape) if part is None else part.detach().numpy()
            result[theirs] = (value.T if turned else value).reshape(v[theirs].shape)
        return result

    return float(loss), outputs.detach(), named(hv), named(gv)


def check(name: str, make: Callable[[], nn.Module], shape: tuple[int, ...], dynamo: bool, folder: Path) -> str:
    import heigen
    import onnxruntime
    import safetensors.numpy

    torch.manual_seed(0)
    module = randomized(make(), seed=1)
    x, y = samples(shape)
    path = folder / f"{name.split()[0].replace('/', '_')}_{dynamo}.onnx"
    export(module, torch.from_numpy(x[:1]), path, dynamo)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    first = session.get_inputs()[0].name
    runtime = np.concatenate([session.run(None, {first: x[i : i + 1]})[0] for i in range(len(x))])

    began = time.perf_counter()
    own = folder / path.stem
    result = heigen.analyze(str(path), x.reshape(len(x), -1), y, eigenpairs=False, trace=6, memory=16 * 2**30, folder=str(own))
    random = np.random.default_rng(2)
    v = {key: random.normal(size=part.shape) for key, part in result.by_name(np.zeros(result.n_params)).items()}
    flat = np.concatenate([part.ravel() for part in v.values()])
    ours = [result.by_name(result.operator(kind) @ flat) for kind in ("hessian", "ggn")]
    seconds = time.perf_counter() - began

    # The file's tensors under the names that the engine gives them.
    (file,) = own.glob("models/own/*.safetensors")
    weights = safetensors.numpy.load_file(file)
    pair = None
    for candidate in (lambda: module, lambda: folded(module)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pair = with_numbers(candidate(), {k: w for k, w in weights.items() if k in v or "running" in k})
        if pair is not None:
            break
    if pair is None:
        return f"| {name} | {'dynamo' if dynamo else 'torchscript'} | {result.n_params:,} | the file's tensors are not the module's | | | |"
    double, found = differentiable(pair[0]), pair[1]
    inputs = torch.from_numpy(x) if len(shape) == 1 else torch.from_numpy(x).double()
    loss, outputs, hv, gv = products(double, found, inputs, torch.from_numpy(y), v)

    def worst(a: dict[str, Any], b: dict[str, Any]) -> float:
        largest = max(np.abs(b[key]).max() for key in b)
        return max(np.abs(a[key] - b[key]).max() for key in b) / largest

    logits = np.abs(runtime - outputs.numpy()).max() / np.abs(runtime).max()
    exporter = "`dynamo=True`" if dynamo else "`dynamo=False`"
    row = [name, exporter, f"{result.n_params:,}", f"{logits:.0e}", f"{abs(result.loss - loss):.0e}"]
    row += [f"{worst(ours[0], hv):.0e}", f"{worst(ours[1], gv):.0e}", f"{seconds:.1f} s"]
    return f"| {' | '.join(row)} |"


def main(chosen: list[str]) -> None:
    print("| network | exporter | P | outputs | loss | Hessian | GGN | time |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, make, shape in NETWORKS:
            if chosen and not any(part.lower() in name.lower() for part in chosen):
                continue
            for dynamo in (True, False):
                try:
                    print(check(name, make, shape if dynamo else DIVISIBLE.get(name, shape), dynamo, Path(folder)), flush=True)
                except Exception as error:
                    print(f"| {name} | {'`dynamo=True`' if dynamo else '`dynamo=False`'} | {str(error)[:300]} | | | | | |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
