"""Goldens of mel front ends that a recipe's config describes in full, Coqui's and r9y9's, in float64: scipy's filters,
torch's transform and torchaudio's filterbank. Each case holds the config that stands beside a checkpoint."""

import numpy as np
import scipy.signal
import torch
import torchaudio
from checkpoints import coqui_audio
from golden import Golden

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(6)
golden = Golden("front_ends")
SOUND = torch.from_numpy((0.2 * scipy.signal.lfilter([1], [1, -0.9], rng.standard_normal(3000))).astype(np.float32))


def mel(x, rate, n_fft, hop, win, mels, low, high):
    frames = torch.stft(torch.from_numpy(x), n_fft, hop, win, torch.hann_window(win), center=True, pad_mode="reflect",
                        return_complex=True).abs()
    return torchaudio.functional.melscale_fbanks(n_fft // 2 + 1, low, high, mels, rate, "slaney", "slaney").T @ frames


def coqui(a):
    x = SOUND.double().numpy()
    if a["preemphasis"]:
        x = scipy.signal.lfilter([1, -a["preemphasis"]], [1], x)
    high = a["mel_fmax"] or a["sample_rate"] / 2
    m = mel(x, a["sample_rate"], a["fft_size"], a["hop_length"], a["win_length"], a["num_mels"], a["mel_fmin"], high)
    y = torch.clamp(m, min=1e-8)
    y = a["spec_gain"] * (torch.log(y) if a["log_func"] == "np.log" else torch.log10(y))
    if not a["signal_norm"] or a["stats_path"]:
        return y
    y = (y - a["ref_level_db"] - a["min_level_db"]) / -a["min_level_db"]
    most = a["max_norm"]
    y = 2 * most * y - most if a["symmetric_norm"] else most * y
    return torch.clamp(y, -most if a["symmetric_norm"] else 0, most) if a["clip_norm"] else y


def r9y9(h):
    x = SOUND.double().numpy()
    if h.get("highpass_cutoff", 0) > 0:
        filter = scipy.signal.firwin(255, h["highpass_cutoff"] / (h["sample_rate"] // 2), pass_zero=False)
        x = scipy.signal.lfilter(filter, 1, x)
    m = mel(x, h["sample_rate"], h["fft_size"], h["hop_size"], h["fft_size"], h["num_mels"], h["fmin"], h["fmax"])
    return torch.log10(torch.clamp(m, min=1e-10))


for changes in ({}, {"log_func": "np.log10", "spec_gain": 20, "signal_norm": True, "ref_level_db": 20},
                {"signal_norm": True, "log_func": "np.log10", "spec_gain": 20.0, "symmetric_norm": False, "max_norm": 1.0,
                 "ref_level_db": 0, "preemphasis": 0.97, "mel_fmax": None},
                {"signal_norm": True, "log_func": "np.log10", "spec_gain": 20, "clip_norm": False, "win_length": 48},
                {"signal_norm": True, "log_func": "np.log10", "stats_path": "scale_stats.npy", "preemphasis": 0.98}):
    audio = {**coqui_audio(16), **changes}
    golden.add({"file": "hifigan-coqui/best_model.pth", "change": {"audio": audio}}, x=SOUND[None], y=coqui(audio))
for changes in ({}, {"highpass_cutoff": 70.0}, {"highpass_cutoff": 300, "fmax": 7000}):
    hparams = {"sample_rate": 16000, "num_mels": 10, "fmin": 125, "fmax": 7600, "fft_size": 64, "hop_size": 20, **changes}
    golden.add({"file": "wavenet-vocoder-mol/checkpoint_step000000010_ema.pth", "change": changes}, x=SOUND[None],
               y=r9y9(hparams))
golden.save()
