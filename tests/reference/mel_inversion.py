"""Goldens of mel inversion from scipy.optimize.nnls: the residual of plain non-negative least squares, and the solution
of the problem with the small norm penalty that makes it unique."""

import numpy as np
import torch
import torchaudio
from golden import Golden
from scipy.optimize import nnls

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(6)
golden = Golden("mel_inversion")
for n_fft, n_mels, scale, norm in ((256, 20, "slaney", "slaney"), (256, 40, "htk", None), (400, 80, "slaney", "slaney"),
                                   (128, 60, "slaney", None), (1024, 80, "slaney", "slaney")):
    F = torchaudio.functional.melscale_fbanks(n_fft // 2 + 1, 0.0, 8000.0, n_mels, 16000, norm, scale).T.numpy()
    spectra = np.abs(rng.standard_normal((n_fft // 2 + 1, 3))) ** 3
    consistent = F @ spectra
    contradicting = np.abs(rng.standard_normal((n_mels, 3))) * F.sum(1, keepdims=True)
    delta = 1e-7 * np.abs(F @ F.T).sum(1).max()
    penalised = np.vstack([F, np.sqrt(delta) * np.eye(F.shape[1])])
    for mel in (consistent, contradicting):
        mel = mel.astype(np.float32).astype(np.float64)
        x = np.stack([nnls(penalised, np.append(m, np.zeros(F.shape[1])), maxiter=100000)[0] for m in mel.T], 1)
        golden.add({"n_fft": n_fft, "n_mels": n_mels, "scale": scale, "norm": norm}, mel=mel, x=x,
                   residual=[nnls(F, m, maxiter=100000)[1] for m in mel.T])
golden.save()
