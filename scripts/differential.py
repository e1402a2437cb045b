"""Compares heigen with float64 PyTorch on random networks, losses, matrices and options.

    pip install -r scripts/differential.requirements.txt
    cargo build --release
    python3 scripts/differential.py --program target/release/heigen

Each network is drawn from the seed and its number alone, so that `--first 17 --count 1` repeats network 17. A network that
disagrees prints one line; the end is a summary, with exit code 1 if any disagreed.

Eigenvalues must agree to 1e-8 of the largest in magnitude: the exact way leaves out those below 1e-10 of it, and Lanczos stops at
a residual of 1e-8 of it. Loss and gradient are rounding alone and must agree to 1e-10.
"""
import argparse
import collections
import itertools
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors.torch import save_file

import differential_oracle as oracle

LOSSES = ["cross_entropy", "mse", "nll", "hinge"]
OPERATORS = ["hessian", "ggn", "fisher", "remainder"]
EIGENVALUES, NUMBERS, TINY = 1e-8, 1e-10, 1e-12


def activation(rng):
    kind = rng.choice(["relu", "tanh", "sigmoid", "gelu", "softplus"])
    return {"type": kind, "approximate": rng.choice(["none", "tanh"])} if kind == "gelu" else {"type": kind}


def draw_layers(rng, shape, classes, loss):
    """A list of layers for samples of this shape."""
    bias = rng.random() < 0.7
    layers = []

    def normalised():
        if rng.random() < 0.3:
            layers.append({"type": "batchnorm", "eps": rng.choice([1e-5, 1e-3]), "affine": rng.random() < 0.8})

    if len(shape) == 3:
        for _ in range(rng.choice([1, 1, 2])):
            layers.append({"type": "conv2d", "out_channels": rng.randint(1, 3), "kernel_size": rng.randint(1, 3),
                           "stride": rng.choice([1, 1, 2]), "padding": rng.choice([0, 1]), "bias": bias})
            normalised()
            layers.append(activation(rng))
            if rng.random() < 0.3:
                channels = layers[-1].get("out_channels") or next(
                    of["out_channels"] for of in reversed(layers) if of["type"] == "conv2d")
                shortcut = [{"type": "conv2d", "out_channels": channels, "kernel_size": 1}] if rng.random() < 0.5 else []
                layers.append({"type": "residual", "shortcut": shortcut, "main": [
                    {"type": "conv2d", "out_channels": channels, "kernel_size": 3, "padding": 1}, activation(rng)]})
        pool = rng.choice(["maxpool", "avgpool", "global_avgpool", None])
        if pool == "global_avgpool":
            layers.append({"type": pool})
        elif pool:
            layers.append({"type": pool, "kernel_size": 2, "stride": rng.choice([1, 2]), "padding": rng.choice([0, 1])})
        layers.append({"type": "flatten"})
    for _ in range(rng.choice([0, 1, 1, 2])):
        width = rng.randint(2, 7)
        layers.append({"type": "linear", "out_features": width, "bias": rng.random() < 0.7})
        normalised()
        layers.append(activation(rng))
        if rng.random() < 0.25:
            layers.append({"type": "residual", "main": [
                {"type": "linear", "out_features": width, "bias": bias}, activation(rng)], "shortcut": []})
    layers.append({"type": "linear", "out_features": classes, "bias": rng.random() < 0.8})
    return layers + ([{"type": "log_softmax"}] if loss == "nll" else [])


def draw(seed, number, small):
    """The case of this number: network, samples and options."""
    rng = random.Random(f"{seed}/{number}")
    torch.manual_seed(rng.randrange(2**31))
    loss, operator = list(itertools.product(LOSSES, OPERATORS))[number % 16]
    classes = rng.randint(2, 5)
    while True:
        shape = [rng.randint(1, 6)] if rng.random() < 0.6 else [rng.randint(1, 2)] + [rng.randint(4, 6)] * 2
        layers = draw_layers(rng, shape, classes, loss)
        try:
            net, _ = oracle.module(layers, shape)
        except RuntimeError:
            continue  # a window that does not fit
        if sum(p.numel() for p in net.parameters()) <= (60 if small else 300):
            break
    single = small or rng.random() < 0.3
    gain = rng.choice([1, 1, 1, 0.1, 3])
    stored = {}
    for name, tensor in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if name.endswith("running_var"):
            tensor = torch.rand_like(tensor) + 0.3
        elif tensor.dim() == 1:
            tensor = torch.randn_like(tensor) * 0.7 + rng.choice([0, 1])
        else:
            tensor = torch.randn_like(tensor) * gain / (tensor[0].numel() ** 0.5)
        stored[name] = tensor.float() if single else tensor
    net.load_state_dict({k: v.double() for k, v in stored.items()}, strict=False)
    n = rng.randint(8, 14 if small else 30)
    x = (torch.randn(n, *shape) * rng.choice([1, 1, 0.1, 5])).float()
    y = torch.cat([torch.arange(classes), torch.randint(0, classes, (n - classes,))])
    has_norm = any(layer["type"] == "batchnorm" for layer in layers)
    case = {"number": number, "loss": loss, "operator": operator, "smoothing": 0.0, "weight_decay": 0.0, "layers": None,
            "batch_statistics": has_norm and operator == "hessian" and rng.random() < 0.4,
            "command": "hessian", "n_classes": classes, "shape": shape, "top_k": None, "which": None}
    case["arch"] = {"batchnorm": "batch" if case["batch_statistics"] else "running", "layers": layers}
    draw_options(rng, case, net, y, small)
    return case, net, stored, x, y


def draw_options(rng, case, net, y, small):
    """Chooses the command and its options; `case` gets what the oracle must know of them."""
    options, named = [], []

    def option(name, *values):
        named.append(name)
        options.extend([name, *map(str, values)])

    if case["operator"] == "hessian" and not small and rng.random() < 0.2:
        case["command"] = "analyze"
    option("--loss", case["loss"])
    taken = torch.arange(len(y))
    if case["command"] == "hessian":
        option("--operator", case["operator"])
        if rng.random() < 0.25:
            kept = sorted(rng.sample(range(case["n_classes"]), rng.randint(1, case["n_classes"])))
            option("--classes", ",".join(map(str, kept)))
            taken = taken[torch.isin(y, torch.tensor(kept))]
        if rng.random() < 0.25 and len(taken) > 3:
            a = rng.choice([0, rng.randint(0, len(taken) - 3)])
            b = rng.randint(a + 2, len(taken))
            option("--samples", f"{a}..{b}" if a else b)
            taken = taken[a:b]
        if rng.random() < 0.25:
            names = [name for name, _ in net.named_parameters()]
            of = rng.choice(names)
            case["layers"] = [of if rng.random() < 0.4 else of.rsplit(".", 1)[0]]
            option("--layers", case["layers"][0])
        if rng.random() < 0.2:
            option("--dtype", "float64")
    if rng.random() < 0.3:
        case["weight_decay"] = rng.choice([1e-4, 0.01, 0.5])
        option("--weight-decay", case["weight_decay"])
    if case["loss"] == "cross_entropy" and rng.random() < 0.4:
        case["smoothing"] = rng.choice([0.05, 0.3, 1.0])
        option("--label-smoothing", case["smoothing"])
    chosen = sum(p.numel() for k, p in net.named_parameters() if not case["layers"]
                 or any(k == of or k.startswith(of + ".") for of in case["layers"]))
    if chosen >= 8 and rng.random() < 0.25:
        case["which"] = rng.choice(["largest", "smallest", "both", "magnitude"]) if case["command"] == "hessian" else "largest"
        case["top_k"] = 2 * rng.randint(1, 2)
        option("--top-k", case["top_k"])
        if case["command"] == "hessian":
            option("--which", case["which"])
    else:
        option("--method", rng.choice(["auto", "dense", "exact"]))
    if not case["batch_statistics"] and rng.random() < 0.25 and (case["top_k"] or case["command"] == "hessian"):
        option("--batch", rng.randint(1, len(y)))
    case["taken"], case["options"], case["named"] = taken.tolist(), options, named


def experiment(case):
    """An experiment file with the case's network and samples, whose weights are given."""
    return {"model": {"type": "Sequential", "args": case["arch"]},
            "optimizer": {"type": "SGD", "args": {"lr": 0.01, "momentum": 0.0, "weight_decay": 0.0}},
            "dataset": {"type": "file", "args": {"path": "data.npz", "num_classes": case["n_classes"]}},
            "loss": case["loss"], "init_model_at": "", "train_fraction": 1.0, "test_fraction": 0.0,
            "trainer": {"num_epochs": 0, "batch_size": "full", "how_often_print": 1, "how_often_save_model": 0,
                        "how_often_compute_grads": 0}}


def write(folder, case, stored, x, y):
    save_file({k: v.contiguous() for k, v in stored.items()}, folder / "net.safetensors")
    np.savez(folder / "data.npz", X=x.numpy(), y=y.numpy())
    (folder / "arch.json").write_text(json.dumps(case["arch"]))
    (folder / "net.json").write_text(json.dumps(experiment(case)))
    network = ["--arch", "arch.json", "--data", "data.npz"] if case["command"] == "analyze" else ["net.json"]
    arguments = [case["command"], *network, "--model", "net.safetensors", *case["options"], "--json"]
    (folder / "command.json").write_text(json.dumps(arguments))
    return arguments


def of_top_k(values, case):
    """Those of the ascending eigenvalues that --top-k and --which take, ascending."""
    k = case["top_k"]
    if k is None:
        return values
    taken = {"largest": values[-k:], "smallest": values[:k], "both": values[:k // 2] + values[-(k // 2):],
             "magnitude": sorted(values, key=abs)[-k:]}
    return sorted(taken[case["which"]])


def disagreements(folder, program, arguments, case, want, gradient_scale):
    """What the program says otherwise, as texts."""
    run = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
    if run.returncode != 0:
        return [f"exit code {run.returncode}: {run.stderr.strip().splitlines()[-1:]}"]
    got = json.loads(run.stdout)
    # `analyze` has the spectrum under one of two keys, `hessian` at the top.
    got = got.get("analysis") or got.get("top_k") or got
    found = []
    for key, scale in [("loss", max(abs(want["loss"]), TINY)), ("grad_norm", max(gradient_scale, TINY))]:
        if not abs(got[key] - want[key]) <= NUMBERS * scale:
            found.append(f"{key} {got[key]} for {want[key]}")
    values = np.sort(np.load(next((folder / "results/grads").rglob("*_heigenvalues.npy"))))
    wanted = np.array(of_top_k(want["eigenvalues"], case))
    scale = max(np.abs(want["eigenvalues"]).max(), TINY)
    if values.shape != wanted.shape:
        found.append(f"{values.shape} eigenvalues for {wanted.shape}")
    elif not np.abs(values - wanted).max() <= EIGENVALUES * scale:
        found.append(f"eigenvalues differ by {np.abs(values - wanted).max() / scale:.2g} of the largest, {scale:.6g}")
    if "trace" in got and not abs(got["trace"] - want["trace"]) <= EIGENVALUES * scale * len(wanted):
        found.append(f"trace {got['trace']} for {want['trace']}")
    return found


def record(case, stored, x, y, want):
    """The case with its oracle, as the stored part has it."""
    short = lambda tensor: [float(str(v)) for v in tensor.float().flatten().numpy()]
    config = experiment(case)
    config["dataset"]["args"].update(path="X.npy", labels_path="y.npy")
    return {"name": f"{case['loss']} {case['operator']} {case['number']}", "config": config, "options": case["options"],
            "tensors": {k: {"shape": list(v.shape), "values": short(v)} for k, v in stored.items()},
            "x_shape": list(x.shape), "x": short(x), "y": y.tolist(), "loss": want["loss"], "grad_norm": want["grad_norm"],
            "trace": want["trace"], "scale": max(map(abs, want["eigenvalues"])),
            "eigenvalues": of_top_k(want["eigenvalues"], case)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/heigen", help="the program [target/release/heigen]")
    parser.add_argument("--seed", type=int, default=0, help="seed of all draws [0]")
    parser.add_argument("--count", type=int, default=200, help="number of networks [200]")
    parser.add_argument("--first", type=int, default=0, help="number of the first network [0]")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR",
                        help="keep the inputs of networks that disagree in DIR/<number>")
    parser.add_argument("--store", type=pathlib.Path, metavar="FILE",
                        help="draw networks of at most 60 parameters, and write them with PyTorch's numbers: "
                             "--count 24 --store tests/fixtures/differential/cases.json")
    parser.add_argument("--perturb", type=float, default=0.0, metavar="EPS",
                        help="move PyTorch's eigenvalues by this fraction of the largest, to see every network disagree")
    options = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    program = str(pathlib.Path(options.program).resolve())
    counts, failed, records = collections.Counter(), 0, []
    for number in range(options.first, options.first + options.count):
        case, net, stored, x, y = draw(options.seed, number, options.store is not None)
        taken = torch.tensor(case["taken"])
        want, gradient_scale = oracle.numbers(net, x.double()[taken], y[taken], case)
        if options.store:
            records.append(record(case, stored, x, y, want))
        shift = options.perturb * max(*map(abs, want["eigenvalues"]), TINY)
        want["eigenvalues"] = [value + shift for value in want["eigenvalues"]]
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            arguments = write(folder, case, stored, x, y)
            found = disagreements(folder, program, arguments, case, want, gradient_scale)
            if found:
                failed += 1
                print(f"network {number}: heigen {' '.join(arguments)}: {'; '.join(found)}", flush=True)
                if options.keep:
                    shutil.copytree(folder, options.keep / str(number), dirs_exist_ok=True)
                    (options.keep / str(number) / "oracle.json").write_text(json.dumps(want))
        statistics = "batch statistics" if case["batch_statistics"] else "no batch statistics"
        counts.update([f"command {case['command']}", f"loss {case['loss']}", f"operator {case['operator']}", statistics,
                       *(name for name in case["named"] if name not in ("--loss", "--operator"))])
    if options.store:
        options.store.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in records)
        options.store.write_text(f"[\n{lines}\n]\n")
    print(f"{options.count} networks, {failed} disagree; seed {options.seed}")
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
