"""Goldens of torch.nn.functional.instance_norm over one signal."""

import random

import torch
import torch.nn.functional as F
from golden import Golden

random.seed(4)
torch.manual_seed(4)
golden = Golden("instance_norm1d")
for channels in (1, 2, 5, 64, 70):
    for frames in (2, 3, 17, 60):
        for eps in (1e-5, 1e-2):
            mean, deviation = random.choice(((0, 1), (3, 1), (-1, 0.01), (0, 0)))
            x = mean + deviation * torch.randn(channels, frames)
            w = torch.randn(channels) if random.random() < 0.6 else None
            b = torch.randn(channels) if random.random() < 0.6 else None
            y = F.instance_norm(x[None].double(), weight=w if w is None else w.double(),
                                bias=b if b is None else b.double(), eps=eps)[0]
            golden.add({"eps": eps}, x=x, w=w, b=b, y=y)
for value in (float("nan"), float("inf")):
    x = torch.randn(3, 9)
    x[1, 4] = value
    golden.add({"eps": 1e-5}, x=x, y=F.instance_norm(x[None])[0])
golden.save()
