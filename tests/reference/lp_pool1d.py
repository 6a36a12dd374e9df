"""Goldens of torch.nn.functional.lp_pool1d."""

import torch
import torch.nn.functional as F
from golden import Golden

torch.manual_seed(43)
golden = Golden("lp_pool1d")

for p in (1.0, 2.0, 3.0, 1.5, 4.0):
    for kernel, stride, ceil in ((3, 0, False), (4, 2, False), (5, 3, True), (70, 7, False), (1, 1, False)):
        x = torch.randn(3, 201)
        x = x if p in (1.0, 2.0, 4.0) else x.abs()
        y = F.lp_pool1d(x[None].double(), p, kernel, stride or None, ceil)[0]
        golden.add({"norm_type": p, "kernel_size": kernel, "stride": stride, "ceil_mode": ceil}, x=x, y=y)
golden.save()
