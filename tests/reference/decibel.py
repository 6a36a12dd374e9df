"""Goldens of torchaudio.functional.amplitude_to_DB and DB_to_amplitude."""

import math

import torch
import torchaudio.functional as AF
from golden import Golden

torch.manual_seed(42)
golden = Golden("decibel")

for channels in (1, 3, 20):
    x = torch.randn(channels, 30).abs() ** 3
    x[0, :3] = torch.tensor([0.0, 1e-12, -1.0])
    for name, multiplier, amin in (("amplitude_to_db", 20.0, 1e-5), ("power_to_db", 10.0, 1e-10)):
        for ref, floor, top in ((1.0, amin, 0.0), (0.25, 1e-3, 0.0), (4.0, amin, 30.0)):
            y = AF.amplitude_to_DB(x[None], multiplier, floor, math.log10(max(floor, ref)), top or None)[0]
            golden.add({"name": name, "ref": ref, "amin": floor, "top_db": top}, x=x, y=y)
    db = 30 * torch.randn(channels, 30)
    for name, power in (("db_to_amplitude", 0.5), ("db_to_power", 1.0)):
        for ref in (1.0, 0.3):
            golden.add({"name": name, "ref": ref}, x=db, y=ref * AF.DB_to_amplitude(db.double(), 1.0, power))
golden.save()
