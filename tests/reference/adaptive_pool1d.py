"""Goldens of torch.nn.functional.adaptive_avg_pool1d and adaptive_max_pool1d with indices."""

import random

import torch
import torch.nn.functional as F
from golden import Golden
from pool1d import kind, signal

random.seed(2)
torch.manual_seed(2)
golden = Golden("adaptive_pool1d")
for frames in (1, 2, 3, 5, 8, 13, 21, 50):
    for size in (0, 1, 2, 3, 5, 7, 12):
        x = signal(3, frames, kind())
        y, indices = F.adaptive_max_pool1d(x[None], size, return_indices=True)
        golden.add({"output_size": size}, x=x, mean=F.adaptive_avg_pool1d(x[None], size)[0], max=y[0], indices=indices[0])
x = signal(150, 40)
y, indices = F.adaptive_max_pool1d(x[None], 9, return_indices=True)
golden.add({"output_size": 9}, x=x, mean=F.adaptive_avg_pool1d(x[None], 9)[0], max=y[0], indices=indices[0])
golden.save()
