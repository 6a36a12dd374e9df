"""Goldens of torch.nn.functional.avg_pool1d."""

import random

import torch
import torch.nn.functional as F
from golden import Golden
from pool1d import frames_for, pool_options, signal

random.seed(2)
torch.manual_seed(2)
golden = Golden("avg_pool1d")
for options, _ in pool_options((1, 2, 3, 4, 5, 7), (1, 2, 3, 5)):
    for include in (True, False):
        x = signal(2, frames_for(**options), random.choice(("normal", "normal", "special")))
        y = F.avg_pool1d(x[None], **options, count_include_pad=include)[0]
        golden.add({**options, "count_include_pad": include}, x=x, y=y)
for channels, kernel, stride in ((1, 3, None), (70, 3, 2), (129, 16, None)):
    x = signal(channels, 33)
    golden.add({"kernel_size": kernel, "stride": stride or 0}, x=x, y=F.avg_pool1d(x[None], kernel, stride)[0])
golden.save()
