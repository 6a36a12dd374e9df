"""Goldens of torch.nn.functional.conv_transpose1d over strides, paddings, output paddings, dilations and groups."""

import random

import torch
import torch.nn.functional as F
from golden import Golden

random.seed(2)
torch.manual_seed(2)
golden = Golden("conv_transpose1d")


def case(channels_in, channels_out, kernel, frames, bias, **options):
    groups = options.get("groups", 1)
    x = torch.randn(channels_in, frames)
    w = torch.randn(channels_in, channels_out // groups, kernel) / (channels_in // groups * kernel) ** 0.5
    b = torch.randn(channels_out) if bias else None
    y = F.conv_transpose1d(x[None], w, b, **options)[0]
    golden.add(options, x=x, w=w, b=b, y=y)


for kernel in (1, 2, 3, 4, 7, 11, 16):
    for stride in (1, 2, 3, 5, 8):
        for dilation in (1, 2, 3):
            frames = random.randint(1, 14)
            reach = (kernel - 1) * dilation
            output_padding = random.randrange(max(stride, dilation))
            longest = (frames - 1) * stride + reach + output_padding + 1
            padding = random.choice((0, 1, reach // 2, max(0, kernel - stride) // 2, reach + 2))
            padding = min(padding, (longest - 1) // 2)
            case(6, random.choice((6, 12)), kernel, frames, random.random() < 0.7, stride=stride, padding=padding,
                 output_padding=output_padding, dilation=dilation, groups=random.choice((1, 1, 2, 3, 6)))
for channels in (1, 8, 16, 17, 33, 48):
    case(channels, channels, 4, 9, True, stride=2, padding=1, groups=channels)
    case(channels, 40 - channels % 3, 6, 7, True, stride=3)
    case(4, channels, 3, 9, False, stride=2, output_padding=1)
for scale in (2, 3, 4, 5, 8):  # the upsampling layers of HiFi-GAN and of its relatives
    case(8, 4, 2 * scale, 6, True, stride=scale, padding=(scale + 1) // 2, output_padding=scale % 2)
golden.save()
