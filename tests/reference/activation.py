"""Goldens of PyTorch's activations, on a grid of ordinary values and on the edges of float."""

import torch
import torch.nn.functional as F
from golden import Golden

torch.manual_seed(3)
golden = Golden("activation")

EDGES = torch.tensor([0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 1e-10, -1e-10, 0.1, -0.1, 0.34, -0.36, 0.99, 1.0, -1.0, 8.9, -8.9,
                      12.0, -12.0, 20.0, -20.0, 87.0, -87.0, 88.8, 104.0, -104.0, 300.0, -300.0, 3e38, -3e38,
                      float("inf"), float("-inf"), float("nan")])
INPUTS = (EDGES[None], torch.randn(7, 23), 4 * torch.randn(16, 5))
CASES = {
    "relu": (F.relu, [{}]),
    "leaky_relu": (F.leaky_relu, [{}, {"negative_slope": 0.1}, {"negative_slope": 0.0}, {"negative_slope": -0.5},
                                  {"negative_slope": 2.0}]),
    "elu": (F.elu, [{}, {"alpha": 0.3}, {"alpha": 2.0}]),
    "tanh": (torch.tanh, [{}]),
    "sigmoid": (torch.sigmoid, [{}]),
    "gelu": (F.gelu, [{}]),
    "silu": (F.silu, [{}]),
    "softplus": (F.softplus, [{}, {"beta": 2.5, "threshold": 5.0}, {"beta": -0.5}, {"beta": 1.0, "threshold": -1.0}]),
    "exp": (torch.exp, [{}]),
    "sin": (torch.sin, [{}]),
    "cos": (torch.cos, [{}]),
    "clip": (torch.clamp, [{"min": -1.0, "max": 1.0}, {"min": 0.25, "max": float("inf")}, {"min": 1.0, "max": -1.0}]),
    "scale": (lambda x, factor: factor * x, [{"factor": 0.5}, {"factor": -3.0}, {"factor": 0.0}]),
}
for name, (function, parameter_sets) in CASES.items():
    for parameters in parameter_sets:
        for x in INPUTS:
            limits = {key: 1e39 if value == float("inf") else value for key, value in parameters.items()}
            golden.add({"name": name, **limits}, x=x, y=function(x, **parameters))
for channels in (1, 3, 16, 20):
    x = 2 * torch.randn(2 * channels, 11)
    golden.add({"name": "gated"}, x=x, y=torch.tanh(x[:channels]) * torch.sigmoid(x[channels:]))
# BigVGAN's, and DAC's where beta is alpha.
for channels, values in ((1, EDGES[None]), (1, 1e3 * torch.randn(1, 40)), (3, 4 * torch.randn(3, 17)), (16, torch.randn(16, 5)),
                         (20, 2 * torch.randn(20, 9)), (33, torch.randn(33, 7))):
    alpha, beta = torch.exp(torch.randn(channels)), torch.exp(torch.randn(channels))
    for name, b in (("snake", alpha), ("snake_beta", beta)):
        y = values + 1 / (b[:, None] + 1e-9) * torch.sin(alpha[:, None] * values) ** 2
        golden.add({"name": name, "alpha": alpha.tolist(), "beta": b.tolist()}, x=values, y=y)
for channels in (1, 3, 16, 20, 700, 1030):
    x = 2 * torch.randn(2 * channels, 2 if channels > 20 else 90)
    golden.add({"name": "glu"}, x=x, y=F.glu(x, 0))
for channels, values in ((1, EDGES[None]), (3, torch.randn(3, 60)), (16, torch.randn(16, 5)), (70, torch.randn(70, 3))):
    weight = torch.randn(channels)
    golden.add({"name": "prelu", "weight": weight.tolist()}, x=values, y=F.prelu(values[None], weight)[0])
# What overflows within PyTorch (6x) or is far from its own definition (ln(1 + x) of large e^x) is left out of the edges.
MODERATE = EDGES[EDGES.abs() != 3e38][None]
MORE = {
    "selu": (F.selu, [{}]),
    "celu": (F.celu, [{}, {"alpha": 0.3}, {"alpha": 2.0}]),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), [{}]),
    "mish": (F.mish, [{}]),
    "logsigmoid": (F.logsigmoid, [{}]),
    "softsign": (F.softsign, [{}]),
    "hardsigmoid": (F.hardsigmoid, [{}]),
    "hardswish": (F.hardswish, [{}]),
    "hardtanh": (F.hardtanh, [{}, {"min_val": 0.25, "max_val": 0.5}]),
    "relu6": (F.relu6, [{}]),
    "hardshrink": (F.hardshrink, [{}, {"lambd": 0.0}, {"lambd": 1.0}]),
    "softshrink": (F.softshrink, [{}, {"lambd": 0.0}, {"lambd": 1.0}]),
    "log": (torch.log, [{}]),
    "sqrt": (torch.sqrt, [{}]),
    "abs": (torch.abs, [{}]),
    "pow": (lambda x, exponent: torch.pow(x.double(), exponent).float(),
            [{"exponent": v} for v in (2.0, 1.0, 0.0, 3.0, -1.0, -2.0, 0.75, -1.25, 7.0)]),
}
for name, (function, parameter_sets) in MORE.items():
    for parameters in parameter_sets:
        for x in (MODERATE, *INPUTS[1:]):
            if parameters.get("exponent", 1) % 1 != 0:
                x = x[x > 0.05][None]
            if name == "softshrink" or parameters.get("exponent") == 0:
                x = torch.where(x.isnan(), 0.5, x)  # PyTorch 1.13 makes a number of NaN there
            golden.add({"name": name, **parameters}, x=x, y=function(x, **parameters))
golden.save()
