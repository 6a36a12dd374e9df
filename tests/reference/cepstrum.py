"""Goldens of torchaudio's create_dct, MFCC and compute_deltas."""

import torch
import torchaudio
from golden import Golden

torch.manual_seed(39)
golden = Golden("cepstrum")

for channels, coefficients in ((1, 1), (2, 2), (20, 13), (40, 40), (80, 20), (128, 1)):
    x = torch.randn(channels, 30)
    golden.add({"op": "dct", "size": coefficients}, x=x, y=torchaudio.functional.create_dct(coefficients, channels, "ortho").T @ x)
for win_length in (3, 4, 5, 9, 15):
    for frames in (2, 7, 40):
        x = torch.randn(3, frames)
        golden.add({"op": "deltas", "size": win_length}, x=x, y=torchaudio.functional.compute_deltas(x[None], win_length)[0])
for mels, coefficients in ((80, 40), (40, 13)):
    x = 0.1 * torch.randn(1, 3000) * torch.linspace(0, 1, 3000) ** 4
    y = torchaudio.transforms.MFCC(16000, coefficients, melkwargs={"n_mels": mels})(x)[0]
    golden.add({"op": "mfcc", "size": coefficients, "mels": mels}, x=x, y=y)
golden.save()
