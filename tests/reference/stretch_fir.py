"""Goldens of ParallelWaveGAN's Stretch2d and Conv2d: nearest interpolation of frames, then one FIR over bins × frames."""

import torch
import torch.nn.functional as F
from golden import Golden

torch.manual_seed(6)
golden = Golden("stretch_fir")


def case(bins, frames, scale, bin_taps, frame_taps, causal, bias):
    x = torch.randn(bins, frames)
    w = torch.randn(1, 1, bin_taps, frame_taps) / (bin_taps * frame_taps) ** 0.5
    b = torch.randn(1) if bias else None
    u = F.interpolate(x[None, None], scale_factor=(1, scale), mode="nearest")
    left = frame_taps - 1 if causal else (frame_taps - 1) // 2
    y = F.conv2d(F.pad(u, (left, frame_taps - 1 - left)), w, b, padding=((bin_taps - 1) // 2, 0))[0, 0]
    golden.add({"scale": scale, "causal": causal}, x=x, w=w, b=b, y=y)


for scale in (1, 2, 3, 4, 5, 8):
    for bin_taps in (1, 3, 5, 9):
        for causal in (False, True):
            for bins in (1, 4, 20):
                case(bins, 7, scale, bin_taps, 2 * scale + 1, causal, bins == 4)
            for frame_taps in (1, 2, 7, 4 * scale, 6 * scale + 1):
                case(6, 5, scale, bin_taps, frame_taps, causal, False)
case(80, 9, 16, 1, 33, False, False)
case(80, 9, 4, 3, 9, False, False)
golden.save()
