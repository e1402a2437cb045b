"""Loss, gradient and curvature matrices of a network by float64 PyTorch's automatic differentiation.

The definitions are those of the guide's chapter "The numbers". Nothing here is shared with heigen.
"""
import torch
from torch import nn
from torch.func import functional_call


class Residual(nn.Module):
    """The sum main(x) + shortcut(x), with the identity for an empty shortcut."""

    def __init__(self, main, shortcut):
        super().__init__()
        self.main, self.shortcut = main, shortcut

    def forward(self, x):
        return self.main(x) + self.shortcut(x)


def module(layers, shape):
    """The PyTorch module of a list of layers as an architecture file has it, and the shape that it makes of `shape`."""
    made = nn.Sequential()
    for layer in layers:
        of = dict(layer)
        kind = of.pop("type")
        if kind == "linear":
            one = nn.Linear(shape[0], **of)
        elif kind == "conv2d":
            one = nn.Conv2d(shape[0], **of)
        elif kind == "maxpool":
            one = nn.MaxPool2d(**of)
        elif kind == "avgpool":
            one = nn.AvgPool2d(**of)
        elif kind == "batchnorm":
            one = (nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d)(shape[0], **of)
        elif kind == "residual":
            one = Residual(module(of["main"], shape)[0], module(of.get("shortcut", []), shape)[0])
        else:
            plain = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "softplus": nn.Softplus,
                     "flatten": nn.Flatten, "global_avgpool": lambda: nn.AdaptiveAvgPool2d(1),
                     "log_softmax": lambda: nn.LogSoftmax(1)}
            one = plain[kind](**of)
        made.append(one)
        with torch.no_grad():
            # Two samples, because batch statistics of one sample are undefined.
            shape = list(one.double()(torch.zeros(2, *shape, dtype=torch.float64)).shape[1:])
    return made, shape


def loss_of(o, y, loss, smoothing):
    """The losses [N] of outputs o [N, C] against labels y [N]."""
    if loss == "cross_entropy":
        return nn.functional.cross_entropy(o, y, label_smoothing=smoothing, reduction="none")
    own = o.gather(1, y[:, None])
    if loss == "nll":
        return -own[:, 0]
    if loss == "mse":
        return ((o - nn.functional.one_hot(y, o.shape[1])) ** 2).mean(1)
    # PyTorch's multi_margin_loss has no second derivative: it is written out.
    others = 1 - nn.functional.one_hot(y, o.shape[1]).to(o)
    return (torch.relu(1 - own + o) * others).mean(1)


def numbers(net, x, y, case):
    """Loss, norm of the gradient, and ascending eigenvalues of the case's matrix, with the scale of the gradient's rounding."""
    names = [name for name, _ in net.named_parameters()]
    shapes = [p.shape for p in net.parameters()]
    theta = torch.cat([p.detach().flatten() for p in net.parameters()])
    sizes = [s.numel() for s in shapes]
    loss, smoothing = case["loss"], case["smoothing"]
    net.train(case["batch_statistics"])
    # The buffers are copied, because functional_call updates running statistics in place.
    buffers = {k: v.clone() for k, v in net.named_buffers()}
    # Where the outputs are log-probabilities, Gauss-Newton splits at the logits.
    logits_net = net[:-1] if loss == "nll" else net
    split = "cross_entropy" if loss == "nll" else loss

    def outputs(t, inputs, of=net):
        parts = {k: p.reshape(s) for k, p, s in zip(names, t.split(sizes), shapes)}
        return functional_call(of, {**parts, **{k: v.clone() for k, v in buffers.items()}}, (inputs,))

    chosen = [any(k == of or k.startswith(of + ".") for of in case["layers"] or [k]) for k in names]
    chosen = torch.cat([torch.full((s,), c) for s, c in zip(sizes, chosen)])
    mu = case["weight_decay"]

    def objective(t):
        return loss_of(outputs(t, x), y, loss, smoothing).mean() + mu / 2 * (t * t).sum()

    value = objective(theta).item()
    gradient = torch.func.grad(objective)(theta)
    n, penalty = len(y), mu * torch.eye(len(theta))
    each = None
    if not case["batch_statistics"]:
        each = torch.autograd.functional.jacobian(lambda t: loss_of(outputs(t, x), y, loss, smoothing), theta)
    if case["operator"] == "hessian":
        matrix = torch.autograd.functional.hessian(objective, theta)
    elif case["operator"] == "fisher":
        matrix = each.T @ each / n + penalty
    else:
        o = outputs(theta, x, logits_net).detach()
        if case["operator"] == "ggn":
            jacobian = torch.autograd.functional.jacobian(lambda t: outputs(t, x, logits_net), theta)
            matrix = penalty
            for i in range(n):
                a = torch.autograd.functional.hessian(lambda o: loss_of(o[None], y[i:i + 1], split, smoothing).sum(), o[i])
                matrix = matrix + jacobian[i].T @ a @ jacobian[i] / n
        else:
            delta = torch.autograd.functional.jacobian(lambda o: loss_of(o, y, split, smoothing).sum(), o)
            matrix = torch.autograd.functional.hessian(lambda t: (delta * outputs(t, x, logits_net)).sum() / n, theta)
    matrix = matrix[chosen][:, chosen]
    values = torch.linalg.eigvalsh((matrix + matrix.T) / 2)
    scale = gradient.norm().item()
    if each is not None:
        scale = max(scale, each.norm(dim=1).mean().item())
    return {"loss": value, "grad_norm": gradient.norm().item(), "trace": matrix.trace().item(),
            "eigenvalues": values.tolist()}, scale
