"""Goldens of ParallelWaveGAN's gated block and of its upsampling networks, as PyTorch modules."""

import random

import torch
import torch.nn.functional as F
from golden import Golden
from torch import nn

random.seed(4)
torch.manual_seed(4)
golden = Golden("wavenet")


class Block(nn.Module):
    def __init__(self, residual, gate, skip, aux, kernel, dilation, causal):
        super().__init__()
        self.reach, self.causal = (kernel - 1) * dilation, causal
        self.conv = nn.Conv1d(residual, 2 * gate, kernel, dilation=dilation)
        self.conv1x1_aux = nn.Conv1d(aux, 2 * gate, 1, bias=False) if aux else None
        self.conv1x1_skip = nn.Conv1d(gate, skip, 1)
        self.conv1x1_out = nn.Conv1d(gate, residual, 1)

    def forward(self, x, c):
        left = self.reach if self.causal else self.reach // 2
        h = self.conv(F.pad(x, (left, self.reach - left)))
        if self.conv1x1_aux is not None:
            h = h + self.conv1x1_aux(c)
        a, b = h.chunk(2, 1)
        u = torch.tanh(a) * torch.sigmoid(b)
        return (self.conv1x1_out(u) + x) * 0.5**0.5, self.conv1x1_skip(u)


class Upsample(nn.Module):
    def __init__(self, scales, bins, causal, slope, channels=0, context=None):
        super().__init__()
        self.scales, self.causal, self.slope, self.context = scales, causal, slope, context
        self.conv_in = None
        if context is not None:
            self.conv_in = nn.Conv1d(channels, channels, context + 1 if causal else 2 * context + 1, bias=False)
        self.up_layers = nn.ModuleList(
            nn.Conv2d(1, 1, (bins, 2 * s + 1), padding=(bins // 2, 2 * s if causal else s), bias=False) for s in scales)

    def forward(self, c):
        if self.conv_in is not None:  # the caller's padding at inference, and the module's own crop
            c = self.conv_in(F.pad(c, (self.context, self.context), "replicate"))
            if self.causal and self.context > 0:
                c = c[:, :, : -self.context]
        c = c[:, None]
        for s, conv in zip(self.scales, self.up_layers):
            c = F.interpolate(c, scale_factor=(1, s), mode="nearest")
            c = conv(c)[..., : c.shape[-1]]
            if self.slope is not None:
                c = F.leaky_relu(c, self.slope)
        return c[:, 0]


def weights(module):
    return {name: value.detach() for name, value in module.named_parameters()}


with torch.no_grad():
    for residual, gate, skip, aux in ((4, 4, 4, 0), (4, 4, 4, 5), (8, 6, 3, 2), (16, 20, 17, 10)):
        for kernel in (1, 2, 3, 5):
            for dilation in (1, 4, 9):
                causal = kernel % 2 == 0 or random.random() < 0.5
                module = Block(residual, gate, skip, aux, kernel, dilation, causal)
                frames = random.choice((1, 5, 30, 50))
                x, c = torch.randn(residual, frames), torch.randn(aux, frames) if aux else None
                out, s = module(x[None], c[None] if aux else None)
                golden.add({"kind": "block", "dilation": dilation, "causal": causal}, x=x, c=c, out=out[0], skip=s[0],
                           **weights(module))
    for scales in ([4], [2, 3], [4, 5, 3], [1, 2]):
        for bins in (1, 3, 5):
            for causal in (False, True):
                for context in (None, 0, 2):
                    channels = random.choice((1, 4, 7))
                    slope = random.choice((None, None, 0.2))
                    module = Upsample(scales, bins, causal, slope, channels, context)
                    c = torch.randn(channels, random.choice((1, 2, 3, 9)))
                    golden.add({"kind": "upsample", "scales": scales, "causal": causal, "slope": slope},
                               c=c, y=module(c[None])[0], **weights(module))
golden.save()
