"""Modules that the native engine does not know, each with a loss and data: what operators are compared on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass
class Case:
    """A module, its loss and its batches; ``total(model)`` is the loss over all batches as one would write it."""

    model: nn.Module
    loss: Any
    batches: list[Any]
    total: Callable[[nn.Module], Tensor]

    def to(self, dtype: torch.dtype) -> Case:
        """Changes the case to another type of numbers."""
        self.loss = self.loss.to(dtype) if isinstance(self.loss, nn.Module) else self.loss

        def converted(tree: Any) -> Any:
            if isinstance(tree, Tensor):
                return tree.to(dtype) if tree.is_floating_point() else tree
            if isinstance(tree, dict):
                return {key: converted(value) for key, value in tree.items()}
            return tuple(converted(value) for value in tree)

        self.batches = [converted(batch) for batch in self.batches]
        self.model = self.model.to(dtype)
        return self


def case(model: nn.Module, loss: Any, X: Tensor, y: Tensor, sizes: tuple[int, ...] = ()) -> Case:
    """A case of a loss of outputs and targets; the batches have the given sizes, all other samples make the last one."""
    sizes = (*sizes, len(X) - sum(sizes))
    batches = list(zip(X.split(sizes), y.split(sizes)))
    out = Case(model, loss, batches, lambda m: m(X))

    def total(m: nn.Module) -> Tensor:
        inputs = torch.cat([batch[0] for batch in out.batches])
        return out.loss(m(inputs), torch.cat([batch[1] for batch in out.batches]))

    out.total = total
    return out


class Attention(nn.Module):
    """Embedding, attention with causal mask, LayerNorm, and a head of the mean token."""

    def __init__(self, causal: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 6)
        self.norm = nn.LayerNorm(6)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.head = nn.Linear(6, 3)
        self.causal = causal

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.norm(self.embed(tokens))
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]).to(x.dtype) if self.causal else None
        attended, _ = self.attention(x, x, x, need_weights=False, attn_mask=mask)
        return self.head((x + attended).mean(1))


class Fused(nn.Module):
    """Attention by the function whose fused kernels have no second derivative."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(4, 12)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (2, 2)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        x = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.head(x.transpose(1, 2).flatten(2).mean(1))


class Recurrent(nn.Module):
    """An LSTM or a GRU, with a head at the last step."""

    def __init__(self, kind: type[nn.RNNBase], **options: Any) -> None:
        super().__init__()
        self.rnn = kind(3, 4, batch_first=True, **options)
        self.head = nn.Linear(8 if options.get("bidirectional") else 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


class Tied(nn.Module):
    """A language model whose head has the weights of its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(6, 5)
        self.mix = nn.Linear(5, 5)
        self.head = nn.Linear(5, 6, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(torch.tanh(self.mix(self.embed(tokens)))).transpose(1, 2)


class Residual(nn.Module):
    """A block with a skip connection, and several inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.gate = nn.Linear(4, 4), nn.Linear(4, 3), nn.Bilinear(4, 4, 4)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.second(a + functional.gelu(self.first(a)) + self.gate(a, b))


def images(n: int = 6, channels: int = 2, size: int = 6) -> tuple[Tensor, Tensor]:
    """Random images with labels of three classes."""
    return torch.randn(n, channels, size, size), torch.arange(n) % 3


def _double(model: nn.Module, batch: Any) -> Tensor:
    (a, b), y = batch
    return functional.cross_entropy(model(a, b), y)


def _residual() -> Case:
    a, b, y = torch.randn(7, 4), torch.randn(7, 4), torch.arange(7) % 3
    batches = [((a[:4], b[:4]), y[:4]), ((a[4:], b[4:]), y[4:])]
    out = Case(Residual(), _double, batches, lambda m: torch.zeros(()))

    def total(m: nn.Module) -> Tensor:
        parts = [out.loss(m, batch) * len(batch[1]) for batch in out.batches]
        return sum(parts) / 7  # type: ignore[return-value]

    out.total = total
    return out


def _tokens() -> Case:
    tokens, y = torch.randint(0, 6, (5, 4)), torch.randint(0, 6, (5, 4))
    y[0, 1:], y[3, 0] = -100, -100
    return case(Tied(), nn.CrossEntropyLoss(ignore_index=-100), tokens, y, (1, 3))


def _chain(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


def _made(name: str) -> Case:
    vectors, labels = torch.randn(9, 4), torch.arange(9) % 3
    tokens, steps = torch.randint(0, 7, (5, 4)), torch.randn(5, 6, 3)
    pictures, kinds = images()
    ce = nn.CrossEntropyLoss()
    mlp = _chain(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    binary = _chain(nn.Linear(4, 6), nn.ELU(), nn.Linear(6, 1), nn.Flatten(0))
    cases: dict[str, Callable[[], Case]] = {
        "attention": lambda: case(Attention(), ce, tokens, labels[:5], (2,)),
        "attention with a causal mask": lambda: case(Attention(True), ce, tokens, labels[:5]),
        "encoder layer": lambda: case(
            _chain(nn.TransformerEncoderLayer(4, 2, 6, 0.0, batch_first=True), nn.Flatten(), nn.Linear(12, 3)),
            ce, torch.randn(5, 3, 4), labels[:5],
        ),
        "fused attention": lambda: case(Fused(), ce, torch.randn(5, 3, 4), labels[:5]),
        "GroupNorm and SiLU": lambda: case(
            _chain(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.SiLU(), nn.Flatten(), nn.Linear(64, 3)), ce, pictures, kinds
        ),
        "LeakyReLU": lambda: case(_chain(nn.Linear(4, 7), nn.LeakyReLU(), nn.Linear(7, 3)), ce, vectors, labels, (2, 5)),
        "depthwise convolution": lambda: case(
            _chain(nn.Conv2d(2, 4, 3, groups=2), nn.GELU(), nn.Conv2d(4, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            ce, pictures, kinds, (4,),
        ),
        "dilated convolution": lambda: case(
            _chain(nn.Conv2d(2, 3, 3, dilation=2), nn.Softplus(), nn.Flatten(), nn.Linear(12, 3)), ce, pictures, kinds
        ),
        "convolution in one dimension": lambda: case(
            _chain(nn.Conv1d(3, 4, 3, padding=1, padding_mode="circular"), nn.Mish(), nn.Flatten(), nn.Linear(24, 3)),
            ce, steps.transpose(1, 2).contiguous(), labels[:5],
        ),
        "LSTM": lambda: case(Recurrent(nn.LSTM), ce, steps, labels[:5], (2,)),
        "GRU in both directions": lambda: case(Recurrent(nn.GRU, bidirectional=True), ce, steps, labels[:5]),
        "tied weights and ignore_index": _tokens,
        "one logit": lambda: case(binary, nn.BCEWithLogitsLoss(), vectors, (labels > 0).float(), (4,)),
        "one logit with pos_weight": lambda: case(
            binary, nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)), vectors, (labels > 0).float(), (4,)
        ),
        "label smoothing": lambda: case(mlp, nn.CrossEntropyLoss(label_smoothing=0.2), vectors, labels, (3,)),
        "class weights": lambda: case(mlp, nn.CrossEntropyLoss(torch.tensor([0.2, 1.0, 3.0])), vectors, labels, (2, 4)),
        "class weights and ignore_index": lambda: case(
            mlp, nn.CrossEntropyLoss(torch.tensor([0.2, 1.0, 3.0]), ignore_index=1, label_smoothing=0.1), vectors, labels, (2, 4)
        ),
        "probabilities as targets": lambda: case(mlp, ce, vectors, torch.rand(9, 3).softmax(1), (4,)),
        "regression": lambda: case(mlp, nn.MSELoss(), vectors, torch.randn(9, 3), (4,)),
        "regression, Huber": lambda: case(mlp, nn.HuberLoss(delta=0.7), vectors, torch.randn(9, 3), (4,)),
        "sum over samples": lambda: case(mlp, nn.CrossEntropyLoss(reduction="sum"), vectors, labels, (4,)),
        "several inputs and a loss of the model": _residual,
        "log-probabilities": lambda: case(
            _chain(nn.Linear(4, 6), nn.Sigmoid(), nn.Linear(6, 3), nn.LogSoftmax(1)), nn.NLLLoss(), vectors, labels, (4,)
        ),
        "instance normalisation": lambda: case(
            _chain(nn.Conv2d(2, 3, 3), nn.InstanceNorm2d(3, affine=True), nn.Hardswish(), nn.Flatten(), nn.Linear(48, 3)),
            ce, pictures, kinds,
        ),
        "batch normalisation by running statistics": lambda: case(
            _chain(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.CELU(), nn.Linear(5, 3)).eval(), ce, vectors, labels, (4,)
        ),
    }
    return cases[name]() if name else Case(nn.Module(), list(cases), [], lambda m: torch.zeros(()))


NAMES: list[str] = _made("").loss


def made(name: str, dtype: torch.dtype) -> Case:
    """The case of a name, always the same, in a type of numbers."""
    before = torch.get_default_dtype(), torch.get_rng_state()
    torch.manual_seed(sum(map(ord, name)))
    out = _made(name).to(dtype)
    torch.set_rng_state(before[1])
    return out
