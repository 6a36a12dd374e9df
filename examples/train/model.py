"""The vocoder: log-mel frames at 100 Hz, gated dilated blocks, sub-pixel to 400 Hz, more blocks, inverse STFT.

Every convolution reads more of the past than of the future (`right` of a stage: frames ahead, block by block), so
that the network streams with a short lookahead. The last layer has no weights: it measures the log-mel frames of what the
network made and mends what differs from those asked for, frame by frame in the signal itself (`Refinement`).
"""
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from features import FLOOR, HOP, N_FFT, SAMPLE_RATE, magnitude, mel_constants, slaney_mel

DEFAULTS = {
    "architecture": "gated-istft",
    "preset": "wavestride-16k",
    "sample_rate": 16000,
    "mels": 80,
    "mean": -5.0,
    "scale": 2.5,
    "input_kernel": 5,
    "input_right": 1,
    "stages": [
        {"channels": 192, "kernel": 3, "dilations": [1, 2, 4, 1, 2, 4], "right": [0, 0, 0, 0, 0, 0]},
        {"channels": 112, "kernel": 3, "dilations": [1, 2, 4, 8, 1, 2, 4, 8], "right": [1, 0, 0, 0, 0, 0, 0, 0]},
    ],
    "upsample": [4],
    "n_fft": 160,
    "hop": 40,
    "max_log_magnitude": 4.6,
    # Gentler than in the network that comes along (two sweeps, gain 3): before a network is trained, strong gains
    # let rounding grow from frame to frame, until torch and the library differ by more than 1e-4.
    "refine": {"ahead": 3, "left": 320, "sweeps": 1, "updates": 4, "strength": 1.0, "max_log_gain": 1.0},
}


class GatedBlock(nn.Module):
    """x + W (tanh(a) * sigmoid(b)), [a; b] = a dilated convolution of x."""

    def __init__(self, channels, kernel, dilation, right):
        super().__init__()
        self.padding = ((kernel - 1) * dilation - right, right)
        self.conv = nn.Conv1d(channels, 2 * channels, kernel, dilation=dilation)
        self.out = nn.Conv1d(channels, channels, 1)
        nn.init.xavier_normal_(self.conv.weight)
        nn.init.xavier_normal_(self.out.weight, gain=0.5)
        nn.init.zeros_(self.conv.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, x):
        a, b = self.conv(F.pad(x, self.padding)).chunk(2, 1)
        return x + self.out(torch.tanh(a) * torch.sigmoid(b))


def bands_to_bins(mels):
    """[N_FFT/2 + 1, mels]: values of mel bands at the frequencies of bins, linear between the centres of the bands."""
    hertz = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    place = np.clip(slaney_mel(hertz) / slaney_mel(SAMPLE_RATE / 2) * (mels + 1) - 1, 0, mels - 1)
    return torch.from_numpy(np.maximum(0, 1 - np.abs(place[:, None] - np.arange(mels))).astype(np.float32))


def share_of_bands(bands):
    """[bins, mels] of bands [mels, bins]: the share of every band in a bin, together 1.

    The first and the last bin are in no band; they are like their neighbours.
    """
    bands = bands.clone()
    bands[:, 0], bands[:, -1] = bands[:, 1], bands[:, -2]
    return (bands / bands.sum(0)).T.contiguous()


class Refinement(nn.Module):
    """[B, samples], [B, mels, T] -> [B, HOP * (T - 1)]: a signal whose mel frames are nearer to those asked for.

    Frame m is mended in the signal itself, so that the next frames start from what was made of it; with every frame m
    first those `ahead`, from m + ahead down to m, `sweeps` times. Mending measures the magnitudes of a frame, finds
    gains towards its mel bands, and filters with them what a window of `left` samples before the centre and N_FFT/2
    after it cuts out; phases stay.
    """

    def __init__(self, mels, ahead, left, sweeps, updates, strength, max_log_gain):
        super().__init__()
        self.ahead, self.left, self.sweeps, self.updates = ahead, left, sweeps, updates
        self.strength, self.limit = strength, max_log_gain
        right = N_FFT // 2
        assert left <= right
        half = lambda n: torch.sin(math.pi / 2 * (torch.arange(n, dtype=torch.float64) + 0.5) / n) ** 2
        window = torch.cat([half(left), half(right).flip(0)])
        # Windowed twice and added every HOP samples, frames that nothing changes give the signal.
        overlap = torch.zeros(-(-len(window) // HOP) * HOP, dtype=torch.float64)
        overlap[: len(window)] = window**2
        overlap = overlap.view(-1, HOP).sum(0).repeat(len(overlap) // HOP)[: len(window)]
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("synthesis", (window / overlap).float(), persistent=False)
        self.register_buffer("spread", bands_to_bins(mels).T.contiguous(), persistent=False)

    def mend(self, y, at, mel, analysis, bands, share):
        magnitudes = torch.fft.rfft(y[:, at - N_FFT // 2 : at + N_FFT // 2] * analysis).abs()

        def lacking(x):
            return torch.clamp(mel - torch.log(torch.clamp(x @ bands.T, min=FLOOR)), -self.limit, self.limit)

        gain = torch.exp(lacking(magnitudes) @ self.spread)
        # As Richardson and Lucy deconvolve: each update multiplies a bin by what its bands still lack.
        for _ in range(self.updates):
            gain = gain * (torch.exp(lacking(magnitudes * gain)) @ share.T)
        # Its neighbours have a share in every sample: a frame goes further than it should alone.
        gain = torch.clamp(gain**self.strength, max=math.exp(self.limit))
        cut = slice(at - self.left, at + N_FFT // 2)
        spectrum = torch.fft.rfft(y[:, cut] * self.window, N_FFT)
        y[:, cut] += torch.fft.irfft(spectrum * (gain - 1), N_FFT)[:, : len(self.window)] * self.synthesis

    def forward(self, x, mel):
        analysis, bands = mel_constants(x.device)
        share = share_of_bands(bands)
        frames = mel.shape[2]
        end, before = HOP * (frames - 1), N_FFT // 2
        y = F.pad(x[:, None], (before, end + N_FFT // 2 - x.shape[1]), mode="reflect")[:, 0]
        for m in range(-self.ahead, frames):
            for _ in range(self.sweeps):
                for j in range(min(m + self.ahead, frames - 1), max(m, 0) - 1, -1):
                    self.mend(y, before + HOP * j, mel[:, :, j], analysis, bands, share)
        return y[:, before : before + end]


class Vocoder(nn.Module):
    """[B, mels, T] log-mel frames -> [B, HOP * (T - 1)] samples, or 160 T - 40 where nothing is refined."""

    def __init__(self, config=None):
        super().__init__()
        c = self.config = {**DEFAULTS, **(config or {})}
        stages = c["stages"]
        kernel = c["input_kernel"]
        self.padding = (kernel - 1 - c["input_right"], c["input_right"])
        self.input = nn.Conv1d(c["mels"], stages[0]["channels"], kernel)
        self.stages = nn.ModuleList(
            nn.ModuleList(GatedBlock(s["channels"], s["kernel"], d, r) for d, r in zip(s["dilations"], s["right"]))
            for s in stages
        )
        self.up = nn.ModuleList(
            nn.Conv1d(a["channels"], r * b["channels"], 1)
            for a, b, r in zip(stages, stages[1:], c["upsample"])
        )
        self.bins = c["n_fft"] // 2 + 1
        self.output = nn.Conv1d(stages[-1]["channels"], 2 * self.bins, 1)
        self.register_buffer("window", torch.hann_window(c["n_fft"]), persistent=False)
        self.refine = Refinement(c["mels"], **c["refine"]) if c["refine"] else None
        for layer in (self.input, *self.up):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
        # The start is quiet noise: small magnitudes, phases all over the circle.
        nn.init.xavier_normal_(self.output.weight)
        with torch.no_grad():
            self.output.bias[: self.bins] = -2.0
            self.output.bias[self.bins :].uniform_(-math.pi, math.pi)

    def forward(self, mel, unrefined=False, noise=0.0):
        """With `unrefined` also what the network makes before it is mended; `noise`: deviation of what is added to the
        features that the network sees."""
        c = self.config
        seen = mel + noise * torch.randn_like(mel) if noise else mel
        x = (seen - c["mean"]) / c["scale"]
        x = self.input(F.pad(x, self.padding, mode="replicate"))
        for i, blocks in enumerate(self.stages):
            if i > 0:
                r = c["upsample"][i - 1]
                x = self.up[i - 1](x)
                # [B, C r, T] -> [B, C, T r], PyTorch's channel order c r + phase.
                x = x.view(x.shape[0], -1, r, x.shape[2]).transpose(2, 3).flatten(2)
            for block in blocks:
                x = block(x)
        m, p = self.output(x).chunk(2, 1)
        m = torch.exp(torch.clamp(m, max=c["max_log_magnitude"]))
        y = torch.istft(
            torch.complex(m * torch.cos(p), m * torch.sin(p)), c["n_fft"], c["hop"], window=self.window, center=True
        )
        mended = self.refine(y, mel) if self.refine else y
        return (mended, y) if unrefined else mended


def append_blocks(net, dilations):
    """The same network with more blocks at the end of its first stage, which change nothing until they are trained."""
    first, *others = net.config["stages"]
    first = {**first, "dilations": first["dilations"] + dilations, "right": first["right"] + [0] * len(dilations)}
    wider = Vocoder({**net.config, "stages": [first, *others]})
    missing, unexpected = wider.load_state_dict(net.state_dict(), strict=False)
    assert not unexpected and len(missing) == 4 * len(dilations)
    with torch.no_grad():
        for block in wider.stages[0][len(net.stages[0]) :]:
            block.out.weight.zero_()
    return wider


class PeriodDiscriminator(nn.Module):
    """Looks at every period-th sample: the waveform folded into a picture `period` wide (Kong et al. 2020)."""

    def __init__(self, period, channels=(1, 16, 32, 64, 64)):
        super().__init__()
        self.period = period
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0)) for a, b in zip(channels, channels[1:])
        )
        self.last = nn.Conv2d(channels[-1], 1, (3, 1), 1, (1, 0))

    def forward(self, x):
        x = x[:, : x.shape[1] // self.period * self.period].view(x.shape[0], 1, -1, self.period)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return self.last(x), features


class SpectrumDiscriminator(nn.Module):
    """Looks at the magnitudes of one STFT resolution (Jang et al. 2021)."""

    def __init__(self, n_fft, hop, channels=16):
        super().__init__()
        self.hop = hop
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        strides = (4, 2, 2)
        self.layers = nn.ModuleList(
            nn.Conv2d(1 if i == 0 else channels, channels, (7, 3), (s, 1), (3, 1)) for i, s in enumerate(strides)
        )
        self.last = nn.Conv2d(channels, 1, 3, 1, 1)

    def forward(self, x):
        x = (magnitude(x, self.n_fft, self.hop, self.window).unsqueeze(1) + 1e-4) ** 0.3
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return self.last(x), features


class Discriminators(nn.Module):
    def __init__(self):
        super().__init__()
        self.all = nn.ModuleList(
            [PeriodDiscriminator(p) for p in (2, 3, 5, 7)]
            + [SpectrumDiscriminator(n, h) for n, h in ((256, 64), (512, 128), (1024, 256))]
        )

    def forward(self, x, chosen):
        return [self.all[i](x) for i in chosen]
