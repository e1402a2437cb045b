"""Modules that use PyTorch's operations in many ways: their graphs must compute what they compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations


class Using(nn.Module):
    """A linear map of sequences [N, 5, 6], followed by a function of the module and of its values."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor], **parts: Any) -> None:
        super().__init__()
        self.function, self.fc = function, nn.Linear(6, 6)
        for name, part in parts.items():
            if isinstance(part, nn.Parameter):
                self.register_parameter(name, part)
            elif isinstance(part, Tensor):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, self.fc(x)).flatten(1)


class Tokens(nn.Module):
    """A table of seven tokens, whose first one is padding, followed by a function."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.table, self.places, self.fc = nn.Embedding(7, 4, padding_idx=0), nn.Embedding(9, 4), nn.Linear(4, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.function(self, tokens) + 0.1 * self.places.weight.sum()


def _random(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(shape))


def _flat(*parts: Tensor) -> Tensor:
    return torch.cat([part.flatten(1) for part in parts], 1)


def _assignments(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, 1:4] = x[:, :3]
    y[:, 0, ::2] = x[:, 0, 1::2]
    return y


def _through_a_view(x: Tensor) -> Tensor:
    y = x * 2
    y.transpose(1, 2).relu_()
    return y


def _activations(m: Any, x: Tensor) -> Tensor:
    hard = F.hardtanh(x) + F.relu6(x) + F.hardswish(x) + F.softshrink(x) + F.hardshrink(x) + F.threshold(x, 0.1, 0.2)
    # PyTorch computes 1 / alpha of CELU in float32, which is exact for a power of two.
    units = F.elu(x, 0.7) + F.selu(x) + F.celu(x, 0.5) + F.leaky_relu(x, 0.2) + F.rrelu(x, 0.1, 0.3) + F.glu(torch.cat([x, x], 2))
    smooth = F.silu(x) + F.mish(x) + F.gelu(x) + F.gelu(x, approximate="tanh") + F.softplus(x, 2.0, 10.0) + F.softmin(x, -1)
    return hard + units + smooth + F.softsign(x) + F.tanhshrink(x) + F.logsigmoid(x) + m.one(x) + m.each(x)


def _functions(m: Any, x: Tensor) -> Tensor:
    roots = (x + 2 * x.abs() + 1).sqrt() + torch.rsqrt(x * x + 1) - 1 / (x * x + 2) + torch.log2(x.abs() + 1) + torch.log10(x.abs() + 1)
    powers = torch.exp(-x.pow(2)) + torch.expm1(x) + torch.log1p(x.square()) + 2.0**x + x**3 + (x.abs() + 1) ** m.b
    others = torch.erf(x) + torch.erfc(x) + x.sin() * x.cos() + x.tan() + torch.sigmoid(x)
    return roots + powers + others - x.sign() + x.floor() + x.ceil() + x.round() + x.trunc() + x.frac()


def _arithmetic(m: Any, x: Tensor) -> Tensor:
    joined = torch.addcmul(x, m.a, x, value=2) + torch.addcdiv(x, x, m.b.exp()) + torch.lerp(x, m.a, 0.3)
    bounds = torch.maximum(x, m.a) + torch.minimum(x, m.b) + x.clamp(-1, 1) + x.clamp(min=m.a) + x.clamp_max(0.4)
    rests = torch.remainder(x, 0.7) + torch.fmod(x, 0.7) + torch.div(x, 0.3, rounding_mode="floor")
    return joined + bounds + rests + torch.rsub(x, m.a, alpha=2) + torch.sub(x, m.a, alpha=3) + x * m.s


def _truths(m: Any, x: Tensor) -> Tensor:
    chosen = torch.where((x > 0) & (x < 1) | ~(x > -1), x * 2, x.new_zeros(()))
    masked = x.masked_fill(x < 0, 3.0) + x.masked_fill(torch.ones(6, 6).triu(1).bool()[:5], -1.0)
    return chosen + masked + (x >= 0.5).float() * x + ((x > 0) ^ (x > 0.2)).to(x.dtype) + x.int() * x


def _shapes(m: Any, x: Tensor) -> Tensor:
    turned = _flat(x.transpose(1, 2), x.permute(0, 2, 1), x.movedim(1, -1), x.mT, x.swapaxes(1, 2), x.flip(1, 2), x.roll(2, 1))
    more = _flat(x.repeat(1, 2, 1), x.repeat_interleave(2, 1), x.unsqueeze(1).expand(-1, 2, -1, -1), x.tile(1, 2, 1))
    parts = _flat(*x.split(2, 1), *x.chunk(3, 2), torch.stack(x.unbind(1), 2), x[:, 1:4, ::2], x[:, -1], x[..., 2], x.narrow(1, 1, 2))
    return _flat(turned, more, parts, x.roll((1, -1), (1, 2)), x.diagonal(1, 1, 2), x.unfold(2, 2, 2), x.tril() + 2 * x.triu())


def _pads(m: Any, x: Tensor) -> Tensor:
    constant = _flat(F.pad(x, (1, 2)), F.pad(x, (1, 2, 0, 1), value=0.5), F.pad(x, (-1, 1)))
    modes = [F.pad(x, (2, 2), mode="reflect"), F.pad(x, (1, 3), mode="replicate"), F.pad(x, (1, 1), mode="circular")]
    return _flat(constant, *modes)


def _indices(m: Any, x: Tensor) -> Tensor:
    places = torch.tensor([[0, 1, 2, 3, 4, 0]] * 2)[None].expand(x.shape[0], -1, -1)
    rows = [x[:, [0, 2, -1]], x[:, torch.tensor([[0, 1], [2, 3]]), torch.tensor([1, 2])], x[:, [1, 2], :][:, :, [0, 5]]]
    return _flat(*rows, x.index_select(1, torch.tensor([2, 0])), x.gather(1, places), x[:, 0][:, torch.tensor([1, 1])])


def _reductions(m: Any, x: Tensor) -> Tensor:
    plain = _flat(x.sum(1), x.mean((1,), keepdim=True), x.mean((1, 2))[:, None], x.amax(1), x.amin(2), x.prod(2), x.logsumexp(1))
    norms = _flat(x.norm(dim=1), torch.linalg.vector_norm(x, 1, 2), x.norm(p=float("inf"), dim=2), F.normalize(x, dim=2))
    spread = _flat(x.var(1), x.std(2, correction=0), x.cumsum(1), F.softmax(x, 1), F.log_softmax(x, 2))
    return _flat(plain, norms, spread, x.max(1).values, x.min(2)[0], (x.abs() > 0.5).any(2).to(x.dtype))


def _products(m: Any, x: Tensor) -> Tensor:
    square = torch.baddbmm(x[:, :, :5], x, x.transpose(1, 2)[:, :, :5], alpha=0.5)
    sums = [torch.einsum("bij,jk->bki", x, m.a), torch.einsum("...i,oi", x, m.a), torch.einsum("bij,bkj,jl->bikl", x, x, m.a)]
    return _flat(x @ m.a, m.b @ x, torch.bmm(x, x.transpose(1, 2)), x @ m.v, *sums, F.bilinear(x, x, m.w, m.c), square)


def _images(m: Any, x: Tensor) -> Tensor:
    z = x.unsqueeze(1)
    convolved = _flat(m.a(z), m.b(z), m.c(z), m.d(z))
    pools = [F.max_pool2d(z, 2, 1, 1, dilation=2), F.avg_pool2d(z, (2, 3), (1, 2), (1, 1), ceil_mode=True, divisor_override=4)]
    adaptive = [F.adaptive_avg_pool2d(z, (2, None)), F.adaptive_max_pool2d(z, 3), F.lp_pool2d(z, 2, 2)]
    larger = [F.interpolate(z, scale_factor=2, mode="bilinear", align_corners=True), F.interpolate(z, (3, 4), mode="bilinear")]
    others = [F.interpolate(z, (7, 9)), F.pixel_unshuffle(z[:, :, :4], 2), F.unfold(z, 2), F.interpolate(z, (7, 9), mode="bicubic")]
    return _flat(convolved, *pools, *adaptive, *larger, *others, F.pixel_shuffle(m.a(z)[:, :4], 2), F.local_response_norm(z, 3))


def _signals(m: Any, x: Tensor) -> Tensor:
    pools = [F.max_pool1d(x, 3, 2, 1, ceil_mode=True), F.avg_pool1d(x, 3, 2, 1, count_include_pad=False)]
    sizes = [F.adaptive_avg_pool1d(x, 4), F.adaptive_max_pool1d(x, 4), F.interpolate(x, 9)]
    return _flat(m.a(x), m.b(x), m.c(x), *pools, *sizes, F.interpolate(x, scale_factor=1.5, mode="linear"))


def _normalised(m: Any, x: Tensor) -> Tensor:
    layers = m.layer(x) + F.layer_norm(x, (6,)) + F.layer_norm(x, (5, 6)) + m.rms(x) + F.rms_norm(x, (5, 6), eps=1e-3)
    return layers + m.group(x) + m.instance(x) + F.instance_norm(x) + m.batch(x) + m.running(x)


def _attention(m: Any, x: Tensor) -> Tensor:
    attend = F.scaled_dot_product_attention
    heads = x.view(-1, 5, 3, 2).transpose(1, 2)
    masks = [attend(x, x, x, torch.ones(5, 5).tril().bool()), attend(x, x, x, m.mask), attend(x, 2 * x, x, is_causal=True, scale=0.3)]
    shared = attend(heads[:, [0, 1, 2, 0]], heads[:, :2], heads[:, :2], enable_gqa=True)
    return _flat(attend(x, x, x), *masks, shared, m.mha(x, x, x)[0], m.mha(x, x, x, need_weights=False)[0])


def modules() -> dict[str, nn.Module]:
    """The modules of sequences [N, 5, 6] by name."""
    torch.manual_seed(5)
    same, depthwise = nn.Conv1d(5, 4, 3, padding="same"), nn.Conv1d(5, 5, 2, stride=2, groups=5, dilation=2)
    reflecting = nn.Conv2d(1, 4, (2, 3), (2, 1), (1, 2), padding_mode="reflect")
    made = {
        "activations": Using(_activations, one=nn.PReLU(), each=nn.PReLU(5)),
        "a hard sigmoid": Using(lambda m, x: F.hardsigmoid(x)),
        "functions": Using(_functions, b=_random(6)),
        "arithmetic": Using(_arithmetic, a=_random(5, 6), b=_random(6), s=nn.Parameter(torch.tensor(1.3))),
        "truth values": Using(_truths),
        "shapes": Using(_shapes),
        "pads": Using(_pads),
        "indices": Using(_indices),
        "reductions": Using(_reductions),
        "products": Using(_products, a=_random(6, 6), b=_random(2, 5), v=_random(6), w=_random(2, 6, 6), c=_random(2)),
        "images": Using(
            _images, a=reflecting, b=nn.Conv2d(1, 2, 3, padding="same", dilation=(1, 2)),
            c=nn.ConvTranspose2d(1, 2, (3, 2), 2, 1, 1, dilation=2), d=nn.Conv2d(1, 3, 2, padding_mode="circular", padding=1),
        ),
        "signals": Using(_signals, a=same, b=depthwise, c=nn.ConvTranspose1d(5, 3, 3, stride=2, padding=1, output_padding=1)),
        "normalisation": Using(
            _normalised, layer=nn.LayerNorm(6), group=nn.GroupNorm(5, 5), instance=nn.InstanceNorm1d(5, affine=True),
            rms=nn.RMSNorm(6), batch=nn.BatchNorm1d(5), running=nn.InstanceNorm1d(5, track_running_stats=True),
        ),
        "attention": Using(_attention, mask=torch.randn(5, 5), mha=nn.MultiheadAttention(6, 2, batch_first=True)),
        "a decoder layer": Using(
            lambda m, x: m.layer(x, x), layer=nn.TransformerDecoderLayer(6, 2, 8, batch_first=True, norm_first=True)
        ),
        "a recurrent network": Using(lambda m, x: m.rnn(x)[0], rnn=nn.RNN(6, 3, 2, batch_first=True)),
        "the last state of an LSTM": Using(lambda m, x: m.rnn(x)[1][0].transpose(0, 1), rnn=nn.LSTM(6, 3, batch_first=True)),
        "an LSTM with projections": Using(
            lambda m, x: m.rnn(x)[0], rnn=nn.LSTM(6, 3, 2, batch_first=True, bidirectional=True, proj_size=2)
        ),
        "assignments to parts of a tensor": Using(lambda m, x: _assignments(x)),
        "a change in place through a view": Using(lambda m, x: _through_a_view(x)),
        "weight normalisation": Using(lambda m, x: m.fc2(x), fc2=parametrizations.weight_norm(nn.Linear(6, 3))),
        "spectral normalisation": Using(lambda m, x: m.fc2(x), fc2=parametrizations.spectral_norm(nn.Linear(6, 3))),
        "constants of the way": Using(lambda m, x: x + m.large + torch.linspace(0, 1, 30).view(5, 6), large=torch.randn(20, 5, 6)[3]),
        "gradients that are not needed": Using(lambda m, x: x + (x.new_ones(5, 6) * m.large).detach(), large=torch.randn(5, 6)),
    }  # fmt: skip
    for module in made.values():
        for part in module.modules():
            if getattr(part, "running_mean", None) is not None:
                part.running_mean.normal_()
                part.running_var.uniform_(0.5, 2.0)
    return {name: module.eval() for name, module in made.items()}


def token_modules() -> dict[str, nn.Module]:
    """The modules of tokens [N, 5] by name; the last token is padding."""
    torch.manual_seed(6)
    attend = F.scaled_dot_product_attention
    functions: dict[str, Callable[[Any, Tensor], Tensor]] = {
        "places": lambda m, t: m.fc((m.table(t) + m.places(torch.arange(t.shape[1]))).mean(1)),
        "a mean over tokens that are no padding": lambda m, t: m.fc(
            (m.table(t) * (t != 0).unsqueeze(-1)).sum(1) / (t != 0).sum(1, keepdim=True).clamp(min=1)
        ),
        "the last token": lambda m, t: m.fc(m.table(t)[torch.arange(t.shape[0]), (t != 0).sum(1) - 1]),
        "tokens by one and zeros": lambda m, t: m.fc(F.one_hot(t, 7).to(m.fc.weight.dtype) @ m.table.weight).mean(1),
        "a mask of padding": lambda m, t: m.fc(
            attend(m.table(t), m.table(t), m.table(t), (t != 0)[:, None, :] | torch.eye(5).bool()).mean(1)
        ),
        "arithmetic of tokens": lambda m, t: m.fc(m.table((t * 2 + 1) % 7) + m.table(t // 2)).flatten(1),
    }
    return {name: Tokens(function).eval() for name, function in functions.items()}
