"""Goldens of the pseudo-QMF bank of multi-band vocoders: zero-stuffing and torch's convolutions, scipy's window."""

import math

import numpy as np
import scipy.signal
import torch
import torch.nn.functional as F
from golden import Golden

torch.manual_seed(9)
golden = Golden("pqmf")


def bank(subbands, taps, cutoff_ratio, beta, sign):
    n = np.arange(taps + 1) - taps / 2
    prototype = cutoff_ratio * np.sinc(cutoff_ratio * n) * scipy.signal.windows.kaiser(taps + 1, beta)
    k = np.arange(subbands)[:, None]
    phase = sign * (-1.0) ** k * math.pi / 4
    return 2 * prototype * np.cos((2 * k + 1) * math.pi / (2 * subbands) * n + phase)


def filters(options, sign):
    return torch.tensor(bank(*options, sign), dtype=torch.float32)


def analyse(x, options):
    subbands, taps = options[:2]
    bands = F.conv1d(F.pad(x[None], (taps // 2, taps // 2)), filters(options, 1)[:, None])
    return bands[0, :, : x.shape[1] // subbands * subbands : subbands]


def synthesise(bands, options):
    subbands, taps = options[:2]
    stuffed = torch.zeros(1, subbands, bands.shape[1] * subbands)
    stuffed[0, :, ::subbands] = bands * subbands
    return F.conv1d(F.pad(stuffed, (taps // 2, taps // 2)), filters(options, -1)[None])[0]


if __name__ == "__main__":
    for options in ((4, 62, 0.142, 9.0), (4, 62, 0.15, 9.0), (2, 30, 0.26, 7.0), (8, 126, 0.071, 9.0), (5, 40, 0.12, 0.0)):
        named = dict(zip(("subbands", "taps", "cutoff_ratio", "beta"), options))
        for samples in (1, options[0], 97, 240):
            x = torch.randn(1, samples)
            bands = analyse(x, options)
            golden.add({"kind": "analysis", **named}, x=x, y=bands)
            noise = torch.randn(options[0], samples)
            golden.add({"kind": "synthesis", **named}, x=noise, y=synthesise(noise, options))
    golden.save()
