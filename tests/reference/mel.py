"""Goldens of mel filterbanks (torchaudio, in float64; even n_fft, for it takes the last bin to lie at half the rate) and of
every preset's front end, written down a second time here from the definitions of the projects that the presets come from.
The signal is a recorded prompt of alsa-utils."""

import random
import wave

import numpy as np
import torch
import torch.nn.functional as F
import torchaudio
from golden import Golden
from scipy.signal import resample_poly

random.seed(4)
torch.manual_seed(4)
torch.set_default_dtype(torch.float64)


def filterbank(sample_rate, n_fft, n_mels, f_min, f_max, scale="slaney", norm="slaney"):
    return torchaudio.functional.melscale_fbanks(n_fft // 2 + 1, f_min, f_max, n_mels, sample_rate, norm, scale).T


golden = Golden("mel_filterbank")
for _ in range(40):
    sample_rate = random.choice((8000, 16000, 22050, 24000, 44100, 48000))
    f_min = random.choice((0.0, 20.0, 125.0, 300.5))
    p = dict(sample_rate=sample_rate, n_fft=random.choice((64, 100, 256, 402, 512)), n_mels=random.randint(1, 60), f_min=f_min,
             f_max=random.choice((sample_rate / 2, 3000.0, 3999.5)), scale=random.choice(("slaney", "htk")), norm=random.choice(("slaney", None)))
    golden.add(p, y=filterbank(**p))
golden.save()

with wave.open("/usr/share/sounds/alsa/Front_Center.wav") as file:
    clip = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
clip = clip[15000:51000]


def signal(sample_rate):
    x = resample_poly(clip, sample_rate // 50, 48000 // 50) + 1e-3 * np.random.default_rng(5).standard_normal(
        len(resample_poly(clip, sample_rate // 50, 48000 // 50)))
    return torch.from_numpy(x.astype(np.float32)).double()


def spectrum(x, n_fft, hop, win, center=True):
    return torch.stft(x, n_fft, hop, win, torch.hann_window(win), center=center, pad_mode="reflect", return_complex=True)


def hifigan(x):
    s = spectrum(F.pad(x[None, None], (384, 384), "reflect")[0, 0], 1024, 256, 1024, center=False)
    return torch.log(torch.clamp(filterbank(22050, 1024, 80, 0.0, 8000.0) @ torch.sqrt(s.real**2 + s.imag**2 + 1e-9), min=1e-5))


def pwg(sample_rate, n_fft, hop, win):
    def front_end(x):
        mel = filterbank(sample_rate, n_fft, 80, 80.0, 7600.0) @ spectrum(x, n_fft, hop, win).abs()
        return torch.log10(torch.clamp(mel, min=1e-10))

    return front_end


def vocos(x):
    mel = torchaudio.transforms.MelSpectrogram(24000, n_fft=1024, hop_length=256, n_mels=100, center=True, power=1)
    return torch.log(torch.clamp(mel(x), min=1e-7))


def wavernn(x):
    mel = filterbank(22050, 2048, 80, 40.0, 11025.0) @ spectrum(x, 2048, 275, 1100).abs()
    return torch.clamp((20 * torch.log10(torch.clamp(mel, min=1e-5)) + 100) / 100, 0, 1)


def whisper(x):
    power = spectrum(x, 400, 160, 400)[:, :-1].abs() ** 2
    log = torch.log10(torch.clamp(filterbank(16000, 400, 80, 0.0, 8000.0) @ power, min=1e-10))
    return (torch.maximum(log, log.max() - 8.0) + 4.0) / 4.0


def own(x):
    return torch.log(torch.clamp(filterbank(16000, 1024, 80, 0.0, 8000.0) @ spectrum(x, 1024, 160, 1024).abs(), min=1e-5))


golden = Golden("mel")
for name, sample_rate, front_end in (("hifigan-22k", 22050, hifigan), ("pwg-22k", 22050, pwg(22050, 1024, 256, 1024)),
                                     ("pwg-24k", 24000, pwg(24000, 2048, 300, 1200)), ("vocos-24k", 24000, vocos),
                                     ("wavernn-22k", 22050, wavernn), ("speecht5-16k", 16000, pwg(16000, 1024, 256, 1024)),
                                     ("whisper-16k", 16000, whisper), ("wavestride-16k", 16000, own)):
    x = signal(sample_rate)
    golden.add({"preset": name}, x=x, y=front_end(x))
golden.save()
