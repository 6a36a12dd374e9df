"""Goldens of one-dimensional pixel shuffle. torch has it for images only, where one row becomes `factor` rows; with the
same channels for each of them these are all the wanted signal."""

import torch
import torch.nn.functional as F
from golden import Golden

torch.manual_seed(3)
golden = Golden("pixel_shuffle1d")
for channels in (1, 2, 3, 5, 16):
    for factor in (1, 2, 3, 4, 5, 8):
        for frames in (1, 2, 7, 20):
            x = torch.randn(channels * factor, frames)
            image = x.view(channels, 1, factor, frames).expand(-1, factor, -1, -1).reshape(-1, 1, frames)
            channel_major = F.pixel_shuffle(image, factor)[:, 0]
            phase_major = x.view(factor, channels, frames).permute(1, 2, 0).reshape(channels, -1)
            golden.add({"factor": factor}, x=x, channel_major=channel_major, phase_major=phase_major)
golden.save()
