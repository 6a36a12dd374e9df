#!/usr/bin/python3
"""Vocoders at their published sizes: checkpoints that torch saves now, played by the tool, against torch.

    tests/at_size.py build/release/wavestride [NAME…]

Exits with 77, which ctest takes for skipped, where torch is not installed.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "reference"))
try:
    import numpy as np
    import torch
    from checkpoints import fuse, new_spelling, randomise
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from hifigan import MEL, V1, V2, V3, Generator, PwgGenerator
from istftnet import Istftnet
from melgan import Melgan
from model_sizes import PWG, melgan, pwg
from pqmf import synthesise
from vocos import Vocos, config_of

FRAMES = 24


def read_float_wav(path):
    data = path.read_bytes()
    at = data.index(b"data")
    return np.frombuffer(data, dtype="<f4", offset=at + 8)


def hifigan(sizes, new=False):
    net = Generator(sizes, 80)
    return net, lambda: {"generator": new_spelling(net.state_dict()) if new else net.state_dict()}, {**sizes, **MEL}, None


def piper(sizes, quality, channels):
    net = Generator(sizes, channels, plain_ends=True, post_bias=False)
    config = {"audio": {"sample_rate": 22050, "quality": quality}, "phoneme_id_map": {}}
    return net, lambda: {"state_dict": {f"model_g.dec.{key}": value for key, value in net.state_dict().items()}}, config, None


def of_pwg(net, config, bank=None):
    return net, lambda: {"model": {"generator": net.state_dict()}}, config, bank


def istftnet():
    config = {**V1, "upsample_rates": [8, 8], "upsample_kernel_sizes": [16, 16], "gen_istft_n_fft": 16,
              "gen_istft_hop_size": 4, **MEL}
    net = Istftnet(config, 80)
    return net, lambda: {"generator": net.state_dict()}, config, None


def vocos():
    sizes = (100, 512, 1536, 8, 1024, 256, "center")
    net = Vocos(*sizes)
    return net, net.state_dict, config_of(*sizes, 24000), None


MULTIBAND = melgan(channels=384, upsample_scales=[8, 4, 2], stacks=4, out_channels=4)
NETWORKS = {
    "hifigan-v1": lambda: hifigan(V1),
    "hifigan-v2": lambda: hifigan(V2, new=True),
    "hifigan-v3": lambda: hifigan(V3),
    "piper-medium": lambda: piper(V3, "medium", 192),
    "pwg-hifigan-24k": lambda: of_pwg(PwgGenerator(PWG), pwg(24000, 300, PWG)),
    "melgan": lambda: of_pwg(Melgan(melgan()), pwg(22050, 256, melgan())),
    "multiband-melgan": lambda: of_pwg(Melgan(MULTIBAND), pwg(22050, 256, MULTIBAND), (4, 62, 0.142, 9.0)),
    "istftnet": istftnet,
    "vocos": vocos,
}


def quieten(net):
    """What is far beyond full scale is no test of samples."""
    for p in getattr(net, "conv_post", torch.nn.Identity()).parameters():
        p.data *= 0.1


def main():
    tool, wanted = sys.argv[1], sys.argv[2:] or list(NETWORKS)
    torch.manual_seed(17)
    worst = 0.0
    for number, name in enumerate(wanted):
        net, state, config, bank = NETWORKS[name]()
        randomise(net, 1).eval()
        quieten(net)
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            folder = pathlib.Path(folder)
            torch.save(state(), folder / "weights", _use_new_zipfile_serialization=number % 2 == 1)
            (folder / "config.json").write_text(json.dumps(config))
            first = next(m for m in net.modules() if isinstance(m, torch.nn.Conv1d))
            x = torch.randn(first.in_channels, FRAMES)
            np.save(folder / "x.npy", x.numpy())
            y = net(x[None])[0]
            if bank:
                y = synthesise(y, bank)
            y = y.flatten().numpy()
            for chunk in (1, 7, 1000):
                subprocess.run([tool, "vocode", folder / "x.npy", folder / "y.wav", "--model", folder / "weights",
                                "--bits", "float", "--chunk", str(chunk)], check=True, capture_output=True)
                got = read_float_wav(folder / "y.wav")
                assert got.shape == y.shape, f"{name}: {got.shape} samples, torch has {y.shape}"
                error = float(np.abs(got - y).max())
                assert error <= 1e-4, f"{name}: {error}"
                whole = got if chunk == 1 else whole
                assert np.array_equal(got, whole), f"{name}: chunks of {chunk} differ from chunks of 1"
            print(f"{name}: {len(y)} samples up to {np.abs(y).max():.3f}, largest error {error:.1e}")
            worst = max(worst, error)
    print(f"largest error of all {worst:.1e}")


if __name__ == "__main__":
    main()
