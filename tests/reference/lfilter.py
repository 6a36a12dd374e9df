"""Goldens of torchaudio.functional.lfilter, filtfilt and its biquads, in double."""

import torch
import torchaudio.functional as AF
from golden import Golden

torch.manual_seed(44)
golden = Golden("lfilter")

FILTERS = (([1.0, -1.8, 0.9], [0.5, -0.25, 0.125]), ([2.0, -1.9], [1.0, 0.5]), ([0.5], [2.0]), ([1.0, 0.5, 0.25, -0.125, 0.3], [1.0]),
           ([1.0], [0.25, -0.5, 0.25, 1.0]), ([1.0, -2.5, 2.4, -0.9, 0.05, 0.01], [0.1, 0.2, 0.3, 0.3, 0.2, 0.1]))
for channels in (1, 2, 3, 11):
    for a, b in FILTERS:
        size = max(len(a), len(b))
        x = torch.randn(channels, 120)
        full = [torch.tensor(v + [0.0] * (size - len(v)), dtype=torch.float64) for v in (a, b)]
        golden.add({"name": "lfilter", "a": a, "b": b}, x=x, y=AF.lfilter(x.double(), *full, clamp=False))
        if channels == 2:
            golden.add({"name": "filtfilt", "a": a, "b": b}, x=x, y=AF.filtfilt(x.double(), *full, clamp=False))
x = 0.05 * torch.randn(2, 300)
RATE = 16000
CASES = [("lowpass_biquad", [f, q], {}) for f, q in ((300.0, 0.707), (7000.0, 3.0))]
CASES += [("highpass_biquad", [f, q], {}) for f, q in ((300.0, 0.707), (7000.0, 3.0))]
CASES += [("bandpass_biquad", [1000.0, 2.0], {"const_skirt_gain": s}) for s in (False, True)]
CASES += [("bandreject_biquad", [1000.0, 2.0], {}), ("allpass_biquad", [500.0, 0.5], {})]
CASES += [("equalizer_biquad", [1000.0, g, 1.5], {}) for g in (6.0, -12.0)]
CASES += [(name, [g, f, 0.8], {}) for name in ("bass_biquad", "treble_biquad") for g in (6.0, -9.0) for f in (200.0, 4000.0)]
for name, numbers, options in CASES:
    y = getattr(AF, name)(x.double(), RATE, *numbers, **options)
    assert y.abs().max() < 1
    golden.add({"name": name, "numbers": numbers, **options}, x=x, y=y)
golden.save()
