"""A layer from Python, whole and as a stream, checked against torch where that is installed."""

import numpy as np
import wavestride as ws

rng = np.random.default_rng(1)
x = rng.normal(size=(80, 400)).astype("f4")
weight = (0.1 * rng.normal(size=(64, 80, 5))).astype("f4")
bias = rng.normal(size=64).astype("f4")

y = ws.conv1d(x, weight, bias, stride=2, padding=2)

layer = ws.operator("conv1d", 80, weight=weight, bias=bias, stride=2, padding=2)  # packs its weights once
stream = layer.stream()
chunks = [stream.push(x[:, n : n + 10]) for n in range(0, x.shape[1], 10)] + [stream.finish()]
assert np.array_equal(np.concatenate(chunks, 1), y)
print(f"{x.shape} to {y.shape}; the stream lags by {layer.latency_frames} frames and gives the same bits")

try:
    import torch
except ImportError:
    print("no torch here to compare with")
else:
    expected = torch.nn.functional.conv1d(*map(torch.tensor, (x[None], weight, bias)), stride=2, padding=2)[0].numpy()
    error = np.abs(y - expected).max() / np.abs(expected).max()
    print(f"torch differs by {error:.1e} of the output's scale")
    assert error < 1e-5
