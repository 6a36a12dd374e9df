"""Goldens of torchaudio.functional.griffinlim without random start, in float64, on magnitudes of speech (a recorded prompt of
alsa-utils) and of noise; and the speech itself, for the tests of convergence."""

import wave

import numpy as np
import torch
import torchaudio
from golden import Golden
from scipy.signal import resample_poly

torch.manual_seed(8)
torch.set_default_dtype(torch.float64)
WINDOWS = {"hann": torch.hann_window, "hamming": torch.hamming_window}

with wave.open("/usr/share/sounds/alsa/Front_Center.wav") as file:
    clip = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
speech = torch.from_numpy(resample_poly(clip[12000:60000], 1, 3).astype(np.float32)).double()

golden = Golden("griffin_lim")
golden.add({"kind": "clip"}, x=speech)
for n_fft, hop, win, window, power, momentum, n_iter, source, extra in (
        (256, 64, 256, "hann", 1.0, 0.99, 1, "speech", None), (256, 64, 256, "hann", 1.0, 0.99, 8, "speech", None),
        (256, 64, 256, "hann", 2.0, 0.99, 32, "speech", None), (256, 64, 256, "hann", 1.0, 0.0, 32, "speech", None),
        (400, 100, 300, "hann", 1.0, 0.5, 16, "speech", 37), (512, 128, 512, "hamming", 0.5, 0.9, 8, "speech", 90),
        (64, 16, 64, "hamming", 1.0, 0.99, 5, "noise", None), (100, 20, 80, "hann", 2.0, 0.3, 0, "noise", 7)):
    x = speech[4000:7000] if source == "speech" else torch.randn(1500)
    w = WINDOWS[window](win)
    s = torch.stft(x, n_fft, hop, win, w, return_complex=True).abs().pow(power).float().double()
    length = None if extra is None else (s.shape[1] - 1) * hop + min(extra, hop - 1)
    y = torchaudio.functional.griffinlim(s, w, n_fft, hop, win, power, n_iter, momentum, length, rand_init=False)
    golden.add({"kind": "case", "n_fft": n_fft, "hop": hop, "win": win, "window": window, "power": power, "momentum": momentum,
                "n_iter": n_iter, "length": length}, s=s, y=y)
golden.save()
