"""The live page of an analysis: it is served at the analysis's weights, in a frame, until it is closed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode

import heigen
import numpy as np
import pytest
import torch
from torch import nn


def module(features: int, classes: int) -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(features, 6), nn.Tanh(), nn.Linear(6, classes))


def samples(features: int, classes: int, n: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    y = torch.arange(n) % classes
    return torch.randn(n, features, generator=generator) + y[:, None], y


def fetch(address: str) -> tuple[int, str, str]:
    """Status, body and policy of a page."""
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.status, answer.read().decode(), answer.headers["content-security-policy"]
    except urllib.error.HTTPError as error:
        return error.code, "", ""


def exactly(stream: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = stream.recv(count - len(found))
        assert part, "the server has closed the connection"
        found += part
    return found


def first_of(address: str, kind: str) -> dict:
    """The header of the first message of a kind that the page of an address gets."""
    host, token = re.fullmatch(r"http://([^/]+)/(\w+)/", address).groups()
    name, port = host.split(":")
    key = b64encode(os.urandom(16)).decode()
    with socket.create_connection((name, int(port)), timeout=60) as stream:
        lines = [f"GET /{token}/socket HTTP/1.1", f"Host: {host}", f"Origin: http://{host}", "Connection: Upgrade"]
        lines += ["Upgrade: websocket", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        stream.sendall("\r\n".join(lines).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += exactly(stream, 1)
        assert head.startswith(b"HTTP/1.1 101"), head
        while True:
            first, length = exactly(stream, 2)
            if length == 126:
                (length,) = struct.unpack(">H", exactly(stream, 2))
            elif length == 127:
                (length,) = struct.unpack(">Q", exactly(stream, 8))
            content = exactly(stream, length)
            if first & 15 == 2:
                (size,) = struct.unpack("<I", content[:4])
                content = content[4 : 4 + size]
            message = json.loads(content)
            if message["is"] == kind:
                return message


def loss_of(address: str) -> float:
    """The training loss of the first picture."""
    return first_of(address, "picture")["parts"][0]["loss"]


def test_a_module_is_shown_at_its_weights_until_the_page_is_closed():
    X, y = samples(2, 3)
    analysis = heigen.analyze(module(2, 3), X, y, weight_decay=1e-3, progress=False)
    with torch.no_grad():
        wanted = nn.functional.cross_entropy(module(2, 3).double()(X.double()), y).item()
    with analysis.explore(height=700) as page:
        status, body, policy = fetch(page.address)
        assert status == 200 and "<title>heigen explorer</title>" in body
        assert "frame-ancestors http://localhost:*" in policy
        assert f'<iframe src="{page.address}"' in page._repr_html_() and 'height="700"' in page._repr_html_()
        assert "own/Sequential" in repr(page) and page.address in repr(page)
        host, token = page.address.removesuffix("/").rsplit("/", 1)
        assert len(token) == 32 and fetch(f"{host}/{'0' * 32}/")[0] == 404
        # What the page shows is the loss at the analysis's own weights.
        assert loss_of(page.address) == pytest.approx(wanted, rel=1e-6)
        ground = first_of(page.address, "ground")
        # Where no samples are kept apart, all three parts are all samples.
        assert ground["n_params"] == analysis.n_params and ground["n_samples"] == [48, 48, 48]
        assert ground["experiment"]["optimizer"]["args"]["weight_decay"] == 1e-3
        assert not page.closed
        folder = page._folder.name
        assert os.path.isdir(folder)
    assert page.closed and "closed" in page._repr_html_() and "closed" in repr(page)
    assert not os.path.exists(folder)
    with pytest.raises(OSError):
        urllib.request.urlopen(page.address, timeout=5)
    page.close()


def test_a_trained_experiment_is_shown_where_its_training_has_ended(tmp_path):
    trained = heigen.experiment("circle/normal_training").train(seed=3, progress=False)
    analysis = trained.analyze(k=2, progress=False)
    with analysis.explore() as page:
        assert loss_of(page.address) == pytest.approx(analysis.loss, rel=1e-5)
        assert first_of(page.address, "ground")["name"] == "circle/normal_training"
    # From a folder of results, too, and at other weights of the same function.
    analysis.save(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with heigen.load(tmp_path).explore() as page:
        assert loss_of(page.address) == pytest.approx(analysis.loss, rel=1e-5)
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written"


def test_samples_of_more_features_and_other_losses_are_shown():
    X, y = samples(5, 2)
    model = module(5, 2)
    analysis = heigen.analyze(model, X, y, label_smoothing=0.1, k=2, progress=False)
    with torch.no_grad():
        wanted = nn.functional.cross_entropy(model.double()(X.double()), y, label_smoothing=0.1).item()
    with analysis.explore() as page:
        ground = first_of(page.address, "ground")
        assert ground["embedded"] and ground["n_features"] == 5
        assert loss_of(page.address) == pytest.approx(wanted, rel=1e-6)


def test_samples_in_files_are_found_where_the_analysis_found_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = samples(2, 2)
    np.savez("points.npz", X=X.numpy(), y=y.numpy())
    weights = {name: value.numpy() for name, value in module(2, 2).state_dict().items()}
    layers = [{"type": "linear", "name": "0", "out_features": 6}, {"type": "tanh"}, {"type": "linear", "name": "2", "out_features": 2}]
    analysis = heigen.analyze((layers, weights), "points.npz", k=2, progress=False)
    with analysis.explore() as page:
        assert loss_of(page.address) == pytest.approx(analysis.loss, rel=1e-6)


@pytest.mark.parametrize(
    ("features", "classes", "n", "words"),
    [(1, 2, 48, "samples of 1 features"), (2, 13, 52, "13 classes"), (2, 2, 1001, "1001 samples")],
)
def test_what_a_page_cannot_show_is_said(features, classes, n, words):
    X, y = samples(features, classes, n)
    analysis = heigen.analyze(module(features, classes), X, y, k=1, progress=False)
    with pytest.raises(heigen.InputError, match=f"cannot be explored: .*{words}"):
        analysis.explore()


def test_options_that_make_no_sense_are_refused():
    X, y = samples(2, 2)
    analysis = heigen.analyze(module(2, 2), X, y, k=1, progress=False)
    for height in (0, 99, True, "900"):
        with pytest.raises(heigen.Error, match="height"):
            analysis.explore(height=height)
    with pytest.raises(heigen.InputError, match="threads"):
        analysis.explore(threads=-1)


KEEPS_ONE_OPEN = """
import sys, time, heigen, torch
torch.manual_seed(0)
X = torch.randn(30, 2)
analysis = heigen.analyze(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)), X, (X[:, 0] > 0).long(), k=1)
print(analysis.explore().address, flush=True)
if sys.argv[1] == "stay":
    time.sleep(300)
"""


@pytest.mark.parametrize("end", ["by itself", "killed"])
def test_the_page_ends_with_its_interpreter(end):
    command = [sys.executable, "-W", "ignore", "-c", KEEPS_ONE_OPEN, "stay" if end == "killed" else "go"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:")
    if end == "killed":
        assert fetch(address)[0] == 200
        process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    begun = time.monotonic()
    while True:
        try:
            fetch(address)
        except OSError:
            break
        assert time.monotonic() - begun < 20, "the page outlives its interpreter"
        time.sleep(0.1)
    process.stdout.close()
