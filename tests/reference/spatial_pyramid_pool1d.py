"""Goldens of pyramids of torch.nn.functional.adaptive_avg_pool1d and adaptive_max_pool1d."""

import random

import torch
import torch.nn.functional as F
from golden import Golden
from pool1d import kind, signal

random.seed(2)
torch.manual_seed(2)
golden = Golden("spatial_pyramid_pool1d")
for channels, frames in ((1, 1), (3, 2), (2, 7), (5, 16), (70, 31), (4, 61)):
    for levels in ([1], [1, 2, 4], [4, 2, 1], [3, 3], [1, 2, 3, 6], [16]):
        x = signal(channels, frames, kind())
        both = {
            name: torch.cat([pool(x[None], level).flatten() for level in levels])[:, None]
            for name, pool in (("max", F.adaptive_max_pool1d), ("mean", F.adaptive_avg_pool1d))
        }
        golden.add({"levels": levels}, x=x, **both)
golden.save()
