"""Goldens of torch.nn.functional.conv1d over a grid of strides, paddings, dilations, groups and padding modes."""

import random

import torch
import torch.nn.functional as F
from golden import Golden

random.seed(1)
torch.manual_seed(1)
golden = Golden("conv1d")

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate"}


def case(channels_in, channels_out, kernel, frames, bias, mode="zeros", padding=0, **options):
    groups = options.get("groups", 1)
    x = torch.randn(channels_in, frames)
    w = torch.randn(channels_out, channels_in // groups, kernel) / (channels_in // groups * kernel) ** 0.5
    b = torch.randn(channels_out) if bias else None
    if isinstance(padding, str):
        total = options.get("dilation", 1) * (kernel - 1) if padding == "same" else 0
        sides = (total // 2, total - total // 2)
    else:
        sides = padding if isinstance(padding, tuple) else (padding, padding)
    if mode == "zeros" and not isinstance(padding, tuple):
        y = F.conv1d(x[None], w, b, padding=padding, **options)[0]
    else:
        y = F.conv1d(F.pad(x[None], sides, MODES.get(mode, mode)), w, b, **options)[0]
    golden.add({"padding": list(sides) if isinstance(padding, tuple) else padding, "mode": mode, **options}, x=x, w=w, b=b, y=y)


for kernel in (1, 2, 3, 5, 7, 11):
    for stride in (1, 2, 3, 5):
        for dilation in (1, 2, 3):
            groups = random.choice((1, 1, 2, 3, 6))
            mode = random.choice(tuple(MODES))
            padding = random.choice((0, 1, (kernel - 1) * dilation // 2, ((kernel - 1) * dilation, 0), (2, 3)))
            frames = random.randint((kernel - 1) * dilation + 4, 48)
            case(6, random.choice((6, 12, 18)), kernel, frames, random.random() < 0.7, mode, padding,
                 stride=stride, dilation=dilation, groups=groups)
for padding in ("same", "valid"):
    for kernel in (1, 2, 3, 4, 7):
        for dilation in (1, 2):
            case(3, 5, kernel, 40, True, padding=padding, dilation=dilation)
            if padding == "same":
                case(3, 5, kernel, 40, True, "reflect", padding=padding, dilation=dilation)
for channels in (1, 8, 16, 17, 31, 33, 48, 70):
    case(channels, channels, 3, 20, True, padding=1, groups=channels)
    case(channels, 40 - channels % 3, 5, 20, True, padding=2)
    case(4, channels, 3, 33, False, padding=1, stride=2)
for padding in (1, 7, "same", (5, 0), (0, 2)):
    for options in ({}, {"dilation": 3, "groups": 2}, {"stride": 3}):
        if padding != "same" or "stride" not in options:
            case(6, 8, 5, 30, True, "circular", padding, **options)
golden.save()
