"""What the goldens of the pooling operators share: signals with ties, NaN and infinities, and grids of options."""

import random

import torch

INF, NAN = float("inf"), float("nan")


def signal(channels, frames, kind="normal"):
    """Normal noise; "ties" rounds it; "special" scatters NaN and infinities over it."""
    x = torch.randn(channels, frames)
    if kind == "ties":
        return x.round()
    if kind == "special":
        x = x.round()
        for value in (NAN, INF, -INF, -INF):
            x[torch.rand(x.shape) < 0.12] = value
    return x


def kind():
    return random.choice(("normal", "ties", "special"))


def pool_options(kernels, strides, dilations=(1,)):
    for kernel in kernels:
        for stride in strides:
            for padding in range(kernel // 2 + 1):
                for dilation in dilations:
                    for ceil in (False, True):
                        yield dict(kernel_size=kernel, stride=stride, padding=padding, ceil_mode=ceil), dilation


def frames_for(kernel_size, stride, padding, ceil_mode, dilation=1):
    """A random length that PyTorch accepts, often one that leaves a remainder."""
    reach = dilation * (kernel_size - 1) + 1
    return random.randint(max(1, reach - 2 * padding), reach + 4 * stride + 5)
