"""Goldens of torch.nn.functional.layer_norm over channels, of rms_norm by its definition, and of per-channel gains.

PyTorch computes layer_norm in double here: in float its own variance of one channel, or of equal values, is noise.
"""

import torch
import torch.nn.functional as F
from golden import Golden

torch.manual_seed(4)
golden = Golden("norm")

for channels in (2, 3, 15, 16, 17, 33, 64, 100, 513):
    for affine in (False, True):
        for eps in (1e-5, 1e-6, 0.1):
            for scale, offset in ((1.0, 0.0), (30.0, 5.0), (1e-3, 0.0), (0.0, 2.0)):
                x = scale * torch.randn(channels, 2) + offset
                w = torch.randn(channels) if affine else None
                b = torch.randn(channels) if affine else None
                y = F.layer_norm(x.T.double(), (channels,), *(v if v is None else v.double() for v in (w, b)), eps).T
                golden.add({"name": "layer_norm", "eps": eps}, x=x, w=w, b=b, y=y)
    x = torch.randn(channels, 4)
    w = torch.randn(channels)
    b = torch.randn(channels)
    golden.add({"name": "channel_scale"}, x=x, w=w, y=w[:, None] * x)
    golden.add({"name": "channel_scale"}, x=x, w=w, b=b, y=w[:, None] * x + b[:, None])
for channels in (1, 3, 64, 70):
    x, mean, variance = 3 * torch.randn(channels, 17) + 2, torch.randn(channels), 4 * torch.rand(channels)
    w, b = (torch.randn(channels), torch.randn(channels)) if channels != 3 else (None, None)
    golden.add({"name": "batch_norm", "eps": 1e-3}, x=x, mean=mean, variance=variance, w=w, b=b,
               y=F.batch_norm(x[None], mean, variance, w, b, eps=1e-3)[0])
for channels in (1, 2, 3, 16, 17, 80, 513):
    for eps, scale in ((1e-5, 1.0), (1e-6, 30.0), (0.1, 1.0), (1e-6, 0.0)):
        x = scale * torch.randn(channels, 3) + scale
        w = torch.randn(channels) if eps != 0.1 else None
        y = x.double() / torch.sqrt((x.double() ** 2).mean(0) + eps) * (1 if w is None else w[:, None])
        golden.add({"name": "rms_norm", "eps": eps}, x=x, w=w, y=y)
golden.save()
