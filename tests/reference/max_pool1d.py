"""Goldens of torch.nn.functional.max_pool1d with indices."""

import random

import torch
import torch.nn.functional as F
from golden import Golden
from pool1d import frames_for, kind, pool_options, signal

random.seed(2)
torch.manual_seed(2)
golden = Golden("max_pool1d")
for options, dilation in pool_options((1, 2, 3, 4, 6), (1, 2, 3, 5), (1, 2, 3)):
    x = signal(2, frames_for(**options, dilation=dilation), kind())
    y, indices = F.max_pool1d(x[None], **options, dilation=dilation, return_indices=True)
    golden.add({**options, "dilation": dilation}, x=x, y=y[0], indices=indices[0])
for channels, kernel, stride in ((1, 3, None), (70, 3, 2), (129, 4, None)):
    x = signal(channels, 17, "special")
    y, indices = F.max_pool1d(x[None], kernel, stride, return_indices=True)
    golden.add({"kernel_size": kernel, "stride": stride or 0}, x=x, y=y[0], indices=indices[0])
x = signal(1, 4)
y, indices = F.max_pool1d(x[None], 2, 1, 1, 5, return_indices=True)  # the one window has no tap on the signal
golden.add({"kernel_size": 2, "stride": 1, "padding": 1, "dilation": 5}, x=x, y=y[0], indices=indices[0])
golden.save()
