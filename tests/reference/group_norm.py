"""Goldens of torch.nn.functional.group_norm over one signal."""

import random

import torch
import torch.nn.functional as F
from golden import Golden

random.seed(6)
torch.manual_seed(6)
golden = Golden("group_norm")
for channels, groups in ((1, 1), (2, 1), (6, 2), (6, 3), (5, 1), (12, 12), (64, 8), (70, 7), (96, 32)):
    for frames in (2, 3, 17, 60):
        eps = random.choice((1e-5, 1e-2))
        mean, deviation = random.choice(((0, 1), (3, 1), (-1, 0.01), (0, 0)))
        x = mean + deviation * torch.randn(channels, frames)
        w = torch.randn(channels) if random.random() < 0.6 else None
        b = torch.randn(channels) if random.random() < 0.6 else None
        y = F.group_norm(x[None].double(), groups, w if w is None else w.double(), b if b is None else b.double(), eps)[0]
        golden.add({"groups": groups, "eps": eps}, x=x, w=w, b=b, y=y)
x = torch.randn(4, 9)
x[1, 4] = float("nan")
golden.add({"groups": 2, "eps": 1e-5}, x=x, y=F.group_norm(x[None], 2)[0])
golden.save()
