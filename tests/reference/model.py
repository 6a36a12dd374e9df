"""Goldens of trained networks: the recipe's own features and models (examples/train), as it exports them.

model-N.safetensors: small random networks of every shape that the architecture allows. Run this again after the
shipped model has changed: the last case is its output.
"""

import math
import pathlib
import sys

import torch
from golden import GOLDEN, Golden

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "train"))
import export
import features
import model

torch.manual_seed(5)
golden = Golden("model")
SHIPPED = ROOT / "src" / "data" / "vocoder-16k.safetensors"

CONFIGS = (
    {"stages": [{"channels": 8, "kernel": 3, "dilations": [1, 2], "right": [1, 0]},
                {"channels": 6, "kernel": 3, "dilations": [1, 4], "right": [2, 3]}],
     "upsample": [4], "n_fft": 160, "hop": 40,
     "refine": {"ahead": 2, "left": 240, "sweeps": 1, "updates": 1, "strength": 1.3, "max_log_gain": 0.5}},
    {"stages": [{"channels": 12, "kernel": 5, "dilations": [1], "right": [2]}],
     "upsample": [], "n_fft": 640, "hop": 160, "input_kernel": 1, "input_right": 0, "refine": None},
    {"stages": [{"channels": 8, "kernel": 2, "dilations": [1, 2], "right": [0, 2]},
                {"channels": 7, "kernel": 3, "dilations": [3], "right": [0]},
                {"channels": 3, "kernel": 7, "dilations": [1], "right": [6]}],
     "upsample": [2, 5], "n_fft": 48, "hop": 16, "input_kernel": 7, "input_right": 6, "max_log_magnitude": 0.5,
     "refine": {"ahead": 0, "left": 512, "sweeps": 2, "updates": 3, "strength": 1.0, "max_log_gain": 3.0}},
)


def speech_like(samples):
    """A gliding harmonic tone in noise, with a pause."""
    t = torch.arange(samples) / features.SAMPLE_RATE
    phase = 2 * math.pi * torch.cumsum(120 + 40 * torch.sin(7 * t), 0) / features.SAMPLE_RATE
    x = sum(torch.sin(k * phase) / k for k in range(1, 30)) * 0.1 + 0.003 * torch.randn(samples)
    return torch.where((t > 0.2) & (t < 0.25), torch.zeros(()), x)


for samples in (1024, 5000, 9600):
    x = speech_like(samples)
    golden.add({"kind": "features"}, x=x[None], y=features.log_mel(x[None])[0])
for number, config in enumerate(CONFIGS):
    path = GOLDEN / f"model-{number}.safetensors"
    export.write(path, model.Vocoder(config), ("F32", "BF16", "F16")[number])
    net = export.read(path)
    # torch refuses to reflect more than there is, which refining does to its 1024 samples.
    for frames in (6, 7, 9, 40) if config["refine"] else (2, 3, 9, 40):
        mel = torch.randn(features.MELS, frames) * 2 - 5
        with torch.no_grad():
            golden.add({"kind": path.name}, mel=mel, y=net(mel[None]))
if SHIPPED.exists():
    net = export.read(SHIPPED)
    mel = features.log_mel(speech_like(9600)[None])
    with torch.no_grad():
        golden.add({"kind": "shipped"}, mel=mel[0], y=net(mel))
golden.save()
