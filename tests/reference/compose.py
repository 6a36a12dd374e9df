"""Goldens of residual blocks, interpolate-then-convolve and sub-pixel upsampling, as PyTorch modules."""

import random

import torch
import torch.nn.functional as F
from golden import Golden
from torch import nn

random.seed(3)
torch.manual_seed(3)
golden = Golden("compose")


class ResidualBlock(nn.Module):
    """HiFi-GAN's ResBlock1, or with `single` its ResBlock2."""

    def __init__(self, channels, kernel, dilations, single, slope, mode):
        super().__init__()

        def conv(dilation):
            return nn.Conv1d(channels, channels, kernel, padding=dilation * (kernel - 1) // 2, dilation=dilation,
                             padding_mode=mode)

        self.slope = slope
        self.convs1 = nn.ModuleList(conv(d) for d in dilations)
        self.convs2 = nn.ModuleList(() if single else (conv(1) for _ in dilations))

    def forward(self, x):
        for i, first in enumerate(self.convs1):
            h = first(F.leaky_relu(x, self.slope))
            if self.convs2:
                h = self.convs2[i](F.leaky_relu(h, self.slope))
            x = x + h
        return x


class SubPixel(nn.Module):
    def __init__(self, channels_in, channels_out, kernel, factor, groups, bias):
        super().__init__()
        self.factor = factor
        self.conv = nn.Conv1d(channels_in, channels_out * factor, kernel, padding="same", groups=groups, bias=bias)

    def forward(self, x):
        y = self.conv(x)
        batch, channels, frames = y.shape
        y = y.view(batch, channels // self.factor, self.factor, frames)
        return y.permute(0, 1, 3, 2).reshape(batch, channels // self.factor, frames * self.factor)


def add(kind, module, x, **parameters):
    with torch.no_grad():
        golden.add({"kind": kind, **parameters}, x=x, y=module(x[None])[0], **dict(module.named_parameters()))


for channels, kernel in ((1, 3), (8, 3), (8, 7), (17, 5)):
    for dilations in ([1], [1, 2], [1, 3, 5], [2, 6]):
        for single in (False, True):
            slope = random.choice((0.1, 0.2))
            mode = random.choice(("zeros", "reflect", "replicate"))
            longest = max(dilations) * (kernel - 1) // 2
            module = ResidualBlock(channels, kernel, dilations, single, slope, mode)
            frames = random.randint(1, 70) if mode == "zeros" else random.randint(longest + 1, longest + 30)
            add("residual_block", module, torch.randn(channels, frames), dilations=dilations, slope=slope, mode=mode)
for scale in (2, 3, 5, 1.5):
    for mode in ("nearest", "linear"):
        for kernel in (1, 3, 4, 9):
            channels_in, channels_out = random.randint(1, 9), random.randint(1, 9)
            module = nn.Sequential(nn.Upsample(scale_factor=scale, mode=mode),
                                   nn.Conv1d(channels_in, channels_out, kernel, padding="same"))
            add("interpolate_conv", module, torch.randn(channels_in, 2 * random.randint(1, 12)), scale=scale, mode=mode)
for factor in (1, 2, 3, 4, 8):
    for kernel in (1, 3, 4, 5):
        for groups in (1, 2):
            channels_in, channels_out = 2 * random.randint(1, 4), 2 * random.randint(1, 6)
            module = SubPixel(channels_in, channels_out, kernel, factor, groups, random.random() < 0.7)
            add("sub_pixel_upsampler", module, torch.randn(channels_in, random.randint(1, 20)), factor=factor, groups=groups)
golden.save()
