"""Goldens of torch.stft and torch.istft, in float64, over random options; explicit padding by F.pad and, for istft, by
overlap-add and a trim."""

import random

import torch
import torch.nn.functional as F
from golden import Golden

random.seed(3)
torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
WINDOWS = {"hann": torch.hann_window, "hamming": torch.hamming_window, "rectangular": torch.ones}


def interleaved(spectrum):
    return torch.view_as_real(spectrum).permute(0, 2, 1).reshape(-1, spectrum.shape[1])


def options():
    n_fft = random.choice((1, 2, 3, 8, 16, 31, 64, 100, 128, 257))
    win_length = random.choice((n_fft, n_fft, max(1, n_fft * 3 // 4), (n_fft + 1) // 2))
    kind = random.choice((*WINDOWS, "own"))
    window = torch.rand(win_length) + 0.1 if kind == "own" else WINDOWS[kind](win_length)
    o = dict(n_fft=n_fft, hop_length=random.randint(1, max(1, win_length // 2)), win_length=win_length,
             normalized=random.random() < 0.3, onesided=random.random() < 0.7)
    return o, kind, window


def record(golden, o, kind, window, **more):
    golden.add({**o, "window": kind, **{k: v for k, v in more.items() if not torch.is_tensor(v)}},
               window=window if kind == "own" else None, **{k: v for k, v in more.items() if torch.is_tensor(v)})


golden = Golden("stft")
while len(golden.cases) < 150:
    o, kind, window = options()
    x = torch.randn(random.randint(o["n_fft"] + 2, 2 * o["n_fft"] + 20)).float().double()
    mode = random.choice(("reflect", "constant", "replicate"))
    center = random.random() < 0.6
    pads = [0, 0] if center else random.choice(([0, 0], [(o["n_fft"] - o["hop_length"]) // 2] * 2, [random.randint(0, 20), random.randint(0, 20)]))
    if mode == "reflect" and max(pads + [o["n_fft"] // 2]) >= len(x):
        continue
    padded = F.pad(x[None, None], [o["n_fft"] // 2] * 2 if center else pads, mode)[0, 0]
    if len(padded) < o["n_fft"]:
        continue
    y = torch.stft(padded, window=window, center=False, return_complex=True, **o)
    if center and mode != "replicate":
        assert torch.equal(y, torch.stft(x, window=window, center=True, pad_mode=mode, return_complex=True, **o))
    record(golden, o, kind, window, center=center, pads=pads, pad_mode=mode, x=x, y=interleaved(y))
golden.save()

golden = Golden("istft")
while len(golden.cases) < 150:
    o, kind, window = options()
    frames = random.randint(1, 12)
    bins = o["n_fft"] // 2 + 1 if o["onesided"] else o["n_fft"]
    spectrum = torch.complex(torch.randn(bins, frames).float().double(), torch.randn(bins, frames).float().double())
    center = random.random() < 0.7
    total = o["n_fft"] + o["hop_length"] * (frames - 1)
    length = random.choice((None, None, random.randint(1, total + 5)))
    try:
        y = torch.istft(spectrum, window=window, center=center, length=length, **o)
    except RuntimeError:  # torch refuses samples without weight
        continue
    if len(y) > 0:
        record(golden, o, kind, window, center=center, pads=[0, 0], length=length, X=interleaved(spectrum), y=y)
while len(golden.cases) < 180:  # trimmed by (win_length − hop)/2, where every sample has weight
    o, kind, window = options()
    n_fft, hop, frames = o["n_fft"], o["hop_length"], random.randint(1, 12)
    o.update(win_length=n_fft, onesided=True, normalized=False)
    window = WINDOWS["hann"](n_fft)
    trim = (n_fft - hop) // 2
    spectrum = torch.complex(*torch.randn(2, n_fft // 2 + 1, frames).float().double())
    y, weight = torch.zeros(n_fft + hop * (frames - 1)), torch.zeros(n_fft + hop * (frames - 1))
    for i, frame in enumerate(torch.fft.irfft(spectrum, n_fft, dim=0).T):
        y[i * hop : i * hop + n_fft] += frame * window
        weight[i * hop : i * hop + n_fft] += window**2
    y, weight = y[trim : len(y) - trim], weight[trim : len(weight) - trim]
    if len(y) == 0 or weight.min() < 1e-6:
        continue
    record(golden, o, "hann", window, center=False, pads=[trim, trim], length=None, X=interleaved(spectrum), y=y / weight)
golden.save()
