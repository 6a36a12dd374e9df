"""The log-mel features of the library's preset "wavestride-16k", in torch, differentiable."""
import functools

import numpy as np
import torch
import torchaudio

SAMPLE_RATE = 16000
N_FFT = 1024
HOP = 160
MELS = 80
FLOOR = 1e-5


@functools.lru_cache(maxsize=None)
def mel_constants(device):
    bands = torchaudio.functional.melscale_fbanks(
        N_FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )
    return torch.hann_window(N_FFT, device=device), bands.T.contiguous().to(device)


def slaney_mel(hertz):
    """Mels of frequencies in Hz: linear below 1 kHz, logarithmic above (Slaney's Auditory Toolbox)."""
    return np.where(hertz < 1000, 3 * hertz / 200, 15 + 27 * np.log(np.maximum(hertz, 1000) / 1000) / np.log(6.4))


def magnitude(audio, n_fft, hop, window):
    """|STFT| of audio [B, T]: [B, n_fft/2 + 1, 1 + T // hop]."""
    return torch.stft(audio, n_fft, hop, len(window), window, center=True, return_complex=True).abs()


def log_mel(audio):
    """ln of the mel magnitudes, clamped at 1e-5: [B, 80, 1 + T // 160] of audio [B, T] at 16 kHz."""
    window, bands = mel_constants(audio.device)
    return torch.log(torch.clamp(bands @ magnitude(audio, N_FFT, HOP, window), min=FLOOR))
