"""Goldens of torch.nn.functional.softmax and log_softmax over channels."""

import torch
import torch.nn.functional as F
from golden import Golden

torch.manual_seed(41)
golden = Golden("softmax")

for channels in (1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 31, 32, 33, 80, 513):
    for scale in (1.0, 40.0):
        x = scale * torch.randn(channels, 70 if channels == 3 else 5) + scale
        for name, function in (("softmax", F.softmax), ("log_softmax", F.log_softmax)):
            golden.add({"name": name}, x=x, y=function(x, 0))
for channels in (3, 20):
    x = torch.randn(channels, 6)
    for frame, value in ((0, "nan"), (1, "inf"), (2, "-inf")):
        x[channels // 2, frame] = float(value)
    x[:, 3] = float("-inf")
    for name, function in (("softmax", F.softmax), ("log_softmax", F.log_softmax)):
        golden.add({"name": name}, x=x, y=function(x, 0))
golden.save()
