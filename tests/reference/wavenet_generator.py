"""Goldens of autoregressive WaveNets: what PyTorch generates sample by sample, from the library's random numbers."""

import torch
from golden import Golden
from wavenet_model import WaveNet, counter_noise

torch.manual_seed(6)
torch.set_num_threads(1)
golden = Golden("wavenet_generator")

CASES = (
    ("logistic", 9, dict(layers=6, stacks=2, residual=16, gate=32, skip=16, kernel=3)),
    ("logistic", 3, dict(layers=4, stacks=1, residual=7, gate=10, skip=9, kernel=2)),
    ("normal", 2, dict(layers=6, stacks=1, residual=12, gate=18, skip=20, kernel=3)),
    ("normal", 6, dict(layers=3, stacks=3, residual=8, gate=16, skip=8, kernel=1)),
    ("softmax", 256, dict(layers=7, stacks=1, residual=16, gate=24, skip=16, kernel=2)),
    ("softmax", 17, dict(layers=4, stacks=2, residual=5, gate=34, skip=3, kernel=4)),
)
REPEAT = 50

with torch.no_grad():
    for distribution, outputs, shape in CASES:
        net = WaveNet(outputs, features=4, distribution=distribution, scales=None, norm=lambda layer: layer, **shape)
        c = torch.randn(1, 4, 2000 // REPEAT)
        noise = counter_noise(distribution, outputs, 7, 2000)
        y = net.generate(c.repeat_interleave(REPEAT, -1), noise)
        golden.add({"distribution": distribution, "repeat": REPEAT, "seed": 7, "layers": shape["layers"],
                    "stacks": shape["stacks"]}, c=c[0], y=y[None],
                   **{name: value for name, value in net.named_parameters()})
golden.save()
