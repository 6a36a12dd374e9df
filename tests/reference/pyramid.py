"""Goldens of a U-Net and of a feature pyramid over time, as PyTorch modules."""

import random

import torch
import torch.nn.functional as F
from golden import Golden
from torch import nn

random.seed(5)
torch.manual_seed(5)
golden = Golden("pyramid")


def shuffle(y, factor):
    batch, channels, frames = y.shape
    y = y.view(batch, channels // factor, factor, frames).permute(0, 1, 3, 2)
    return y.reshape(batch, channels // factor, frames * factor)


class Unet(nn.Module):
    def __init__(self, channels, strides, extra, upsampling, slope):
        super().__init__()
        self.strides, self.extra, self.upsampling, self.slope = strides, extra, upsampling, slope
        self.down, self.up, self.merge = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i, s in enumerate(strides):
            fine, coarse = channels[i], channels[i + 1]
            self.down.append(nn.Conv1d(fine, coarse, s + extra, s))
            if upsampling == "transposed":
                self.up.append(nn.ConvTranspose1d(coarse, fine + 1, s + extra, s, (extra + 1) // 2, extra % 2))
            else:
                self.up.append(nn.Conv1d(coarse, (fine + 1) * s, 3, padding=1))
            self.merge.append(nn.Conv1d(2 * fine + 1, fine, 3, padding=1))

    def forward(self, x):
        skips, h = [], x
        for down in self.down:
            skips.append(h)
            h = F.leaky_relu(down(F.pad(h, (self.extra // 2, self.extra - self.extra // 2))), self.slope)
        for i in reversed(range(len(self.strides))):
            up = self.up[i](h)
            if self.upsampling == "sub_pixel":
                up = shuffle(up, self.strides[i])
            h = self.merge[i](torch.cat((up, skips[i][:, :, : up.shape[2]]), 1))
            if i > 0:
                h = F.leaky_relu(h, self.slope)
        return h


class FeaturePyramid(nn.Module):
    """torchvision's FeaturePyramidNetwork in one dimension, for lengths that the scales divide."""

    def __init__(self, channels, out):
        super().__init__()
        self.inner_blocks = nn.ModuleList(nn.Conv1d(c, out, 1) for c in channels)
        self.layer_blocks = nn.ModuleList(nn.Conv1d(out, out, 3, padding=1) for _ in channels)

    def forward(self, levels):
        merged = [block(c) for block, c in zip(self.inner_blocks, levels)]
        for i in reversed(range(len(merged) - 1)):
            merged[i] = merged[i] + F.interpolate(merged[i + 1], size=merged[i].shape[-1], mode="nearest")
        return [block(p) for block, p in zip(self.layer_blocks, merged)]


with torch.no_grad():
    for strides in ([2], [2, 2], [4, 2, 3], [5, 2]):
        for extra in (0, 1, 2, 3):
            for upsampling in ("transposed", "sub_pixel"):
                slope = random.choice((0.01, 0.2))
                channels = [random.randint(1, 6) for _ in range(len(strides) + 1)]
                module = Unet(channels, strides, extra, upsampling, slope)
                deepest = 1
                for s in strides:
                    deepest *= s
                x = torch.randn(channels[0], deepest * random.randint(1, 3) + random.choice((0, 0, deepest - 1)))
                golden.add({"kind": "unet", "strides": strides, "upsampling": upsampling, "slope": slope}, x=x,
                           y=module(x[None])[0], **dict(module.named_parameters()))
    for scales in ([], [2], [2, 2], [3, 1, 4]):
        for out in (1, 4, 9):
            channels = [random.randint(1, 8) for _ in range(len(scales) + 1)]
            module = FeaturePyramid(channels, out)
            frames = random.randint(1, 3)
            lengths = [frames]
            for s in reversed(scales):
                lengths.insert(0, lengths[0] * s)
            levels = [torch.randn(c, n) for c, n in zip(channels, lengths)]
            results = module([c[None] for c in levels])
            golden.add({"kind": "feature_pyramid", "scales": scales}, **dict(module.named_parameters()),
                       **{f"x{i}": x for i, x in enumerate(levels)}, **{f"y{i}": y[0] for i, y in enumerate(results)})
golden.save()
