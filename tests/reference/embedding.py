"""Goldens of torch.nn.functional.embedding, and of the sum of several tables' rows."""

import torch
import torch.nn.functional as F
from golden import Golden

torch.manual_seed(31)
golden = Golden("embedding")

for channels, rows, out in ((1, 1, 1), (1, 7, 3), (1, 1000, 5), (2, 4, 1), (3, 5, 16), (8, 9, 33), (16, 3, 128)):
    weight = torch.randn(channels * rows, out)
    for frames in (1, 6):
        x = torch.randint(rows, (channels, frames))
        y = sum(F.embedding(x[c], weight[c * rows:(c + 1) * rows]) for c in range(channels)).T
        golden.add({}, x=x, w=weight, y=y)
golden.save()
