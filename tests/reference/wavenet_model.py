"""A WaveNet with the module names of r9y9's repository, written from its description: forward on known samples, and
generation sample by sample, each with its noise given from outside."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import weight_norm


def counter_uniform(seed, index):
    """Numbers `index` (an array) of a seed in [0, 1): SplitMix64."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (np.asarray(index, np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def counter_normal(seed, index):
    index = np.asarray(index, np.uint64) * np.uint64(2)
    radius = np.sqrt(-2 * np.log1p(-counter_uniform(seed, index)))
    return radius * np.cos(2 * np.pi * counter_uniform(seed, index + np.uint64(1)))


def noise_rows(distribution, outputs):
    components = 1 if distribution == "softmax" or outputs == 2 else outputs // 3
    return components + 1 if components > 1 else 1


def counter_noise(distribution, outputs, seed, samples):
    """(samples, noise_rows): what the library draws for a seed."""
    rows = noise_rows(distribution, outputs)
    noise = counter_uniform(seed, np.arange(samples * rows)).reshape(samples, rows)
    if distribution == "normal":
        noise[:, -1] = counter_normal(2**64 - 1 - seed, np.arange(samples))
    return torch.from_numpy(noise.astype(np.float32))


def draw(distribution, outputs, noise):
    """The next value of outputs (C,), with sampling as in r9y9's mixture.py; softmax by cumulative probability."""
    if distribution == "softmax":
        cumulative = torch.cumsum(torch.softmax(outputs.double(), 0), 0)
        return min(int((cumulative <= float(noise[0]) * cumulative[-1]).sum()), len(outputs) - 1)
    u = noise.double() * (1 - 2e-5) + 1e-5
    if len(outputs) > 3:
        logits, means, log_scales = outputs.double().chunk(3)
        best = torch.argmax(logits - torch.log(-torch.log(u[:-1])))
    else:
        means, log_scales, best = outputs[-2:-1].double(), outputs[-1:].double(), 0
    if distribution == "normal":
        x = means[best] + torch.exp(log_scales[best]) * noise[-1].double()
    else:
        x = means[best] + torch.exp(log_scales[best]) * (torch.log(u[-1]) - torch.log(1 - u[-1]))
    return float(torch.clamp(x, -1, 1))


class Layer(nn.Module):
    def __init__(self, residual, gate, skip, kernel, dilation, features, speaker_features, norm):
        super().__init__()
        self.kernel, self.dilation = kernel, dilation
        self.conv = norm(nn.Conv1d(residual, gate, kernel, dilation=dilation))
        self.conv1x1c = norm(nn.Conv1d(features, gate, 1, bias=False))
        self.conv1x1g = norm(nn.Conv1d(speaker_features, gate, 1, bias=False)) if speaker_features else None
        self.conv1x1_out = norm(nn.Conv1d(gate // 2, residual, 1))
        self.conv1x1_skip = norm(nn.Conv1d(gate // 2, skip, 1))

    def forward(self, x, c, g, history=None):
        """`history`: the frames before x that conv reads, zeros where it is None."""
        reach = (self.kernel - 1) * self.dilation
        h = self.conv(F.pad(x, (reach, 0)) if history is None else torch.cat([history, x], -1)) + self.conv1x1c(c)
        if g is not None:
            h = h + self.conv1x1g(g)
        a, b = h.chunk(2, 1)
        u = torch.tanh(a) * torch.sigmoid(b)
        return (self.conv1x1_out(u) + x) * math.sqrt(0.5), self.conv1x1_skip(u)


class UpsampleNetwork(nn.Module):
    def __init__(self, scales, bins, indent, activation, norm):
        super().__init__()
        self.scales, self.indent = scales, indent
        self.up_layers = nn.ModuleList()
        for s in scales:
            self.up_layers.append(nn.Identity())
            conv = nn.Conv2d(1, 1, (bins, 2 * s + 1), padding=(bins // 2, s), bias=False)
            nn.init.constant_(conv.weight, 1 / (bins * (2 * s + 1)))
            conv.weight.data *= 1 + 0.3 * torch.randn_like(conv.weight)
            self.up_layers.append(norm(conv))
            if activation is not None:
                self.up_layers.append(activation)

    def forward(self, c):
        c = c[:, None]
        scales = iter(self.scales)
        for layer in self.up_layers:
            if isinstance(layer, nn.Identity):
                c = F.interpolate(c, scale_factor=(1, next(scales)), mode="nearest")
            else:
                c = layer(c)
        c = c[:, 0]
        return c[:, :, self.indent : -self.indent] if self.indent else c


class ConvInUpsampleNetwork(nn.Module):
    def __init__(self, scales, bins, features, cin_pad, activation, norm):
        super().__init__()
        self.conv_in = nn.Conv1d(features, features, 2 * cin_pad + 1, bias=False)
        self.upsample = UpsampleNetwork(scales, bins, 0, activation, norm)

    def forward(self, c):
        return self.upsample(self.conv_in(c))


class WaveNet(nn.Module):
    def __init__(self, outputs=30, layers=24, stacks=4, residual=128, gate=256, skip=128, kernel=3, features=80,
                 distribution="logistic", cin_pad=2, scales=(4, 4, 4, 4), bins=1, conv_in=True, activation=None,
                 speakers=0, speaker_features=0, norm=weight_norm):
        super().__init__()
        self.distribution, self.outputs, self.cin_pad = distribution, outputs, cin_pad
        self.first_conv = norm(nn.Conv1d(outputs if distribution == "softmax" else 1, residual, 1))
        self.conv_layers = nn.ModuleList(
            Layer(residual, gate, skip, kernel, 2 ** (i % (layers // stacks)), features, speaker_features, norm)
            for i in range(layers))
        self.last_conv_layers = nn.ModuleList(
            [nn.ReLU(), norm(nn.Conv1d(skip, skip, 1)), nn.ReLU(), norm(nn.Conv1d(skip, outputs, 1))])
        self.embed_speakers = nn.Embedding(speakers, speaker_features) if speakers else None
        self.upsample_net = None
        if scales:
            indent = cin_pad * math.prod(scales)
            self.upsample_net = (ConvInUpsampleNetwork(scales, bins, features, cin_pad, activation, norm) if conv_in
                                 else UpsampleNetwork(scales, bins, indent, activation, norm))
        self.tame()

    def tame(self):
        """Outputs as of a trained network: narrow distributions, so that samples are drawn and not clamped."""
        bias = self.last_conv_layers[3].bias
        if self.distribution != "softmax":
            count = max(self.outputs // 3, 1)
            bias.data[-count:] -= 3.0

    def upsampled(self, c):
        """(1, features, frames), without the padding that the caller adds, to the rate of the samples."""
        return self.upsample_net(F.pad(c, (self.cin_pad, self.cin_pad), "replicate"))

    def speaker(self, speaker):
        return None if self.embed_speakers is None else self.embed_speakers(torch.tensor([[speaker]])).transpose(1, 2)

    def last(self, skips):
        y = skips * math.sqrt(1 / len(self.conv_layers))
        for layer in self.last_conv_layers:
            y = layer(y)
        return y

    def forward(self, x, c, speaker=0):
        """c at the rate of x."""
        g = self.speaker(speaker)
        x, skips = self.first_conv(x), 0
        for layer in self.conv_layers:
            x, s = layer(x, c, g)
            skips = skips + s
        return self.last(skips)

    def network_input(self, value):
        if self.distribution != "softmax":
            return torch.full((1, 1, 1), float(value))
        return F.one_hot(torch.tensor([[value]]), self.outputs).transpose(1, 2).float()

    def generate(self, c, noise, speaker=0):
        """Samples (or classes) for c at their rate; noise (samples, rows)."""
        g = self.speaker(speaker)
        kept = [torch.zeros(1, self.first_conv.out_channels, (l.kernel - 1) * l.dilation) for l in self.conv_layers]
        value, values = (self.outputs - 1) // 2 if self.distribution == "softmax" else 0.0, []
        for n in range(c.shape[-1]):
            x, skips = self.first_conv(self.network_input(value)), 0
            for i, layer in enumerate(self.conv_layers):
                fed = x
                x, s = layer(fed, c[:, :, n : n + 1], g, kept[i])
                kept[i] = torch.cat([kept[i], fed], -1)[:, :, 1:]
                skips = skips + s
            value = draw(self.distribution, self.last(skips)[0, :, 0], noise[n])
            values.append(value)
        return torch.tensor(values)
