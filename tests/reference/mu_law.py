"""Goldens of torchaudio's mu-law encoding and decoding."""

import torch
import torchaudio.functional as TF
from golden import Golden

torch.manual_seed(7)
golden = Golden("mu_law")
for channels in (16, 255, 256, 1024):
    x = torch.cat([torch.tensor([-1.0, -0.5, 0.0, 1e-4, 0.5, 1.0]), torch.rand(200) * 2 - 1])
    every = torch.arange(channels)
    golden.add({"channels": channels}, x=x[None], classes=TF.mu_law_encoding(x, channels)[None], all=every[None],
               decoded=TF.mu_law_decoding(every, channels)[None])
golden.save()
