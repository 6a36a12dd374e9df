"""Goldens of torch.nn.functional.interpolate over frames and over bins × frames.

PyTorch computes positions in float32, so signals are short enough for its frame numbers to be the exact ones. Left out:
a linear scale other than 1 that leaves the length as it is, where PyTorch copies the signal.
"""

import itertools

import torch
import torch.nn.functional as F
from golden import Golden

torch.manual_seed(5)
golden = Golden("interpolate")

SCALES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 0.75, 0.4, 1 / 3, 4 / 3, 5.0, 16.0, 22050 / 16000, 16000 / 22050, 0.1, 2 ** 0.5)
TORCH = {"nearest": ("nearest", "nearest"), "nearest-exact": ("nearest-exact",) * 2, "linear": ("linear", "bilinear")}
KINDS = [("nearest", None), ("nearest-exact", None), ("linear", False), ("linear", True)]


def case(x, mode, align, dims, **where):
    y = F.interpolate(x[None] if dims == 1 else x[None, None], mode=TORCH[mode][dims - 1], align_corners=align, **where)
    shown = {key: list(v) if isinstance(v, tuple) else v for key, v in where.items()}
    golden.add({"dims": dims, "mode": mode, "align_corners": bool(align), **shown}, x=x, y=y.reshape(y.shape[-2:]))


for mode, align in KINDS:
    for scale in SCALES:
        for frames in (1, 2, 5, 13, 24):
            if int(frames * scale) >= 1 and (int(frames * scale) != frames or scale == 1 or mode != "linear"):
                case(torch.randn(3, frames), mode, align, 1, scale_factor=scale)
    for size in (1, 2, 3, 7, 16, 24, 40):
        for frames in (1, 2, 5, 16, 24):
            case(torch.randn(3, frames), mode, align, 1, size=size)
    for bins, frames in ((1, 1), (3, 5), (16, 16), (20, 9)):
        for size in ((1, 1), (16, 16), (7, 11), (40, 3)):
            case(torch.randn(bins, frames), mode, align, 2, size=size)
        for scale in itertools.product((1.0, 2.0, 1.5, 0.5, 1 / 3), (1.0, 2.0, 3.0, 0.75, 1.6)):
            if int(bins * scale[0]) >= 1 and int(frames * scale[1]) >= 1:
                case(torch.randn(bins, frames), mode, align, 2, scale_factor=scale)
golden.save()
