"""AudioUNet in PyTorch, from its description: TensorFlow's arithmetic, or that of a port."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.interpolate import splev, splrep
from torch import nn


def spline(x, factor):
    """(samples,) to (factor·samples,), as audio-super-res does before its network."""
    samples = len(x)
    y = splev(np.arange(samples * factor), splrep(np.arange(samples) * factor, x.numpy().astype(np.float64)))
    return torch.from_numpy(y.astype(np.float32))


class AudioUNet(nn.Module):
    def __init__(self, filters, kernels, bottleneck=(512, 9), last=9, tensorflow=True):
        super().__init__()
        self.tensorflow = tensorflow
        self.down = nn.ModuleList(
            nn.Conv1d(i, o, k, stride=2) for i, o, k in zip([1, *filters], filters, kernels))
        self.bottleneck = nn.Conv1d(filters[-1], bottleneck[0], bottleneck[1], stride=2)
        below = [*(2 * f for f in filters[1:]), bottleneck[0]]
        self.up = nn.ModuleList(nn.Conv1d(i, 2 * o, k) for i, o, k in zip(below, filters, kernels))
        self.last = nn.Conv1d(2 * filters[0], 2, last)

    def conv(self, layer, x):
        kernel, total = layer.kernel_size[0], layer.kernel_size[0] - 1
        if self.tensorflow and layer.stride[0] == 2:  # "same" of an even length
            total = max(kernel - 2, 0)
        left = total // 2 if self.tensorflow else kernel // 2
        return layer(F.pad(x, (left, total - left)))

    def shuffle(self, x):
        batch, channels, frames = x.shape
        if self.tensorflow:  # frame 2t + p takes channels p·C … of frame t
            return x.reshape(batch, 2, channels // 2, frames).permute(0, 2, 3, 1).reshape(batch, channels // 2, -1)
        return x.reshape(batch, channels // 2, 2, frames).permute(0, 1, 3, 2).reshape(batch, channels // 2, -1)

    def forward(self, x):
        """(1, 1, samples) at the new rate."""
        whole = x.shape[-1] - x.shape[-1] % 2 ** (len(self.down) + 1)
        x = given = x[:, :, :whole]
        skips = []
        for layer in self.down:
            x = F.leaky_relu(self.conv(layer, x), 0.2)
            skips.append(x)
        x = F.leaky_relu(self.conv(self.bottleneck, x), 0.2)
        for layer, skip in reversed(list(zip(self.up, skips))):
            x = torch.cat([self.shuffle(torch.relu(self.conv(layer, x))), skip], 1)
        return self.shuffle(self.conv(self.last, x)) + given
