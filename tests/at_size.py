#!/usr/bin/python3
"""Vocoders at their published sizes: checkpoints that torch saves now, played by the tool, against torch; and the encoders of
codecs.

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
    import scipy.io.wavfile
    import torch
    from checkpoints import coqui_audio, new_spelling, randomise
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from audio_unet_model import AudioUNet, spline
from bigvgan import BASE, BigVgan, mel, randomise_snakes
from dac import AT_24K, Dac, saved
from encodec import AT_32K as ENCODEC_32K
from encodec import PUBLISHED, Encodec, codes_at, of_transformers
from hifigan import MEL, V1, V2, V3, Generator, PwgGenerator
from istftnet import Istftnet
from melgan import COQUI, CoquiMelgan, Melgan
from model_sizes import AUDIO_UNET_KERNELS, MU_LAW, PWG, WAVEGAN, WAVENET, audio_unet, melgan, pwg
from parallel_wavegan import ParallelWaveGAN
from pqmf import synthesise
from snac import AT_24K as SNAC_24K
from snac import AT_32K as SNAC_32K
from snac import Snac, codes_of_frame
from vocos import Vocos, config_of
from wavenet_model import WaveNet, counter_noise
from wavenet_vocoder import processed

FRAMES = 24


class Case:
    """A network, what torch saves of it, its config, if any, and how torch runs it on x, of codes where there are some."""

    def __init__(self, net, state, config, run=None, command="vocode", frames=FRAMES, inputs=80, codes=0, rate=0):
        self.net, self.state, self.config, self.command, self.shape, self.codes = net, state, config, command, (inputs, frames), codes
        self.rate = rate  # of the sound that a codec encodes
        self.run = run or (lambda x: net(x[None])[0])


def read_float_wav(path):
    data = path.read_bytes()
    at = data.index(b"data")
    return np.frombuffer(data, dtype="<f4", offset=at + 8)


def hifigan(sizes, new=False):
    net = Generator(sizes, 80)
    return Case(net, lambda: {"generator": new_spelling(net.state_dict()) if new else net.state_dict()}, {**sizes, **MEL})


def piper(sizes, quality, channels):
    net = Generator(sizes, channels, plain_ends=True, post_bias=False)
    config = {"audio": {"sample_rate": 22050, "quality": quality}, "phoneme_id_map": {}}
    return Case(net, lambda: {"state_dict": {f"model_g.dec.{key}": value for key, value in net.state_dict().items()}}, config,
                inputs=channels)


def of_pwg(net, config, bank=None):
    run = (lambda x: synthesise(net(x[None])[0], bank)) if bank else None
    return Case(net, lambda: {"model": {"generator": net.state_dict()}}, config, run)


def coqui_multiband():
    net = CoquiMelgan(COQUI["multiband_melgan"])
    audio = {**coqui_audio(256, 80), "sample_rate": 22050, "fft_size": 1024, "win_length": 1024}
    return Case(net, lambda: {"model": net.state_dict()}, {"generator_model": "multiband_melgan_generator", "audio": audio})


def istftnet():
    config = {**V1, "upsample_rates": [8, 8], "upsample_kernel_sizes": [16, 16], "gen_istft_n_fft": 16,
              "gen_istft_hop_size": 4, **MEL}
    net = Istftnet(config, 80)
    return Case(net, lambda: {"generator": net.state_dict()}, config)


def bigvgan():
    net, features = BigVgan(BASE, 100), mel(24000, 100)
    randomise_snakes(net, 2)
    return Case(net, lambda: {"generator": net.state_dict()}, {**BASE, **features}, inputs=100)


def vocos():
    sizes = (100, 512, 1536, 8, 1024, 256, "center")
    net = Vocos(*sizes)
    return Case(net, net.state_dict, config_of(*sizes, 24000), inputs=100)


def dac(sizes):
    """What its constructor was given stands in the file."""
    net = Dac(sizes)
    return Case(net, lambda: saved(net, sizes), None, net, frames=8, inputs=sizes["n_codebooks"], codes=sizes["codebook_size"],
                rate=sizes["sample_rate"])


def snac(sizes, frames=3):
    """Without the noise, which torch draws otherwise."""
    net = Snac(sizes)
    return Case(net, lambda: new_spelling(net.state_dict()), {**sizes, "noise": False}, net, frames=frames,
                inputs=codes_of_frame(sizes, len(sizes["vq_strides"])), codes=sizes["codebook_size"],
                rate=sizes["sampling_rate"])


def encodec():
    net = Encodec(PUBLISHED, encoder=True)
    return Case(net, net.state_dict, None, net, inputs=codes_at(24, PUBLISHED), codes=1024, rate=PUBLISHED["sampling_rate"])


def encodec_of_transformers(c):
    net = Encodec(c, encoder=True)
    return Case(net, lambda: of_transformers(net.state_dict()), c, net, inputs=codes_at(max(c["target_bandwidths"]), c),
                codes=c["codebook_size"], rate=c["sampling_rate"])


def wavenet(config, *sizes, **options):
    """Generates, each sample from those before it."""
    net = WaveNet(*sizes, **options)

    def run(x):
        c = net.upsampled(x[None])
        return processed(net.generate(c, counter_noise(net.distribution, net.outputs, 0, c.shape[-1])), config)

    return Case(net, lambda: {"state_dict": net.state_dict()}, config, run, frames=2)


def extension(filters, arithmetic):
    config = audio_unet(filters, arithmetic)
    net = AudioUNet(filters, AUDIO_UNET_KERNELS, tensorflow=arithmetic == "tensorflow")
    return Case(net, net.state_dict, config, lambda x: net(spline(x[0], config["r"])[None, None])[0], "extend", 500, 1)


MULTIBAND = melgan(channels=384, upsample_scales=[8, 4, 2], stacks=4, out_channels=4)
NETWORKS = {
    "hifigan-v1": lambda: hifigan(V1),
    "hifigan-v2": lambda: hifigan(V2, new=True),
    "hifigan-v3": lambda: hifigan(V3),
    "piper-medium": lambda: piper(V3, "medium", 192),
    "pwg-hifigan-24k": lambda: of_pwg(PwgGenerator(PWG), pwg(24000, 300, PWG)),
    "melgan": lambda: of_pwg(Melgan(melgan()), pwg(22050, 256, melgan())),
    "multiband-melgan": lambda: of_pwg(Melgan(MULTIBAND), pwg(22050, 256, MULTIBAND), (4, 62, 0.142, 9.0)),
    "coqui-multiband-melgan": coqui_multiband,
    "parallel-wavegan": lambda: of_pwg(ParallelWaveGAN(WAVEGAN), pwg(22050, 256, WAVEGAN)),
    "istftnet": istftnet,
    "bigvgan": bigvgan,
    "vocos": vocos,
    "encodec": encodec,
    "encodec-32k": lambda: encodec_of_transformers(ENCODEC_32K),
    "wavenet": lambda: wavenet(WAVENET),
    "wavenet-mulaw": lambda: wavenet(MU_LAW, 256, 30, 3, distribution="softmax"),
    "audio-unet": lambda: extension((128, 384, 512, 512), "tensorflow"),
    "audio-unet-paper": lambda: extension((128, 256, 512, 512), "pytorch"),
    "dac-24k": lambda: dac(AT_24K),
    "snac-24k": lambda: snac(SNAC_24K),
    "snac-32k": lambda: snac(SNAC_32K, 8),
}


def tame(net):
    """What is far beyond full scale is no test of samples."""
    for name, factor in (("conv_post", 0.1), ("last", 0.2)):
        layer = getattr(net, name, None)
        for p in layer.parameters() if isinstance(layer, torch.nn.Module) else ():
            p.data *= factor
    if hasattr(net, "tame"):
        net.tame()


def encode(tool, name, net, rate, folder):
    """Of a second of noise most codes are torch's: the first of a frame that is not lies between two rows, and others follow."""
    x = 0.1 * torch.randn(1, rate, generator=torch.Generator().manual_seed(3))
    scipy.io.wavfile.write(folder / "x.wav", rate, x[0].numpy())
    subprocess.run([tool, "encode", folder / "x.wav", folder / "codes.npy", "--model", folder / "weights"], check=True,
                   capture_output=True)
    got, expected = np.load(folder / "codes.npy"), net.encode(x, None)[1].numpy()
    assert got.shape == expected.shape, f"{name}: codes {got.shape}, torch has {expected.shape}"
    equal = float((got == expected).mean())
    assert equal >= 0.99, f"{name}: {equal} of the codes are torch's"
    print(f"{name}: {got.size} codes, of which torch's {equal:.4f}")


def main():
    tool, wanted = sys.argv[1], sys.argv[2:] or list(NETWORKS)
    torch.manual_seed(17)
    torch.set_num_threads(1)
    worst = 0.0
    for number, name in enumerate(wanted):
        case = NETWORKS[name]()
        net = randomise(case.net, 1).eval()
        tame(net)
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            folder = pathlib.Path(folder)
            torch.save(case.state(), folder / "weights", _use_new_zipfile_serialization=number % 2 == 1)
            if case.config is not None:
                (folder / "config.json").write_text(json.dumps(case.config))
            x = torch.randint(case.codes, case.shape) if case.codes else torch.randn(case.shape)
            if case.command == "extend":
                given = folder / "x.wav"
                scipy.io.wavfile.write(given, case.config["sampling_rate"] // case.config["r"], x[0].mul_(0.3).numpy())
            else:
                given = folder / "x.npy"
                np.save(given, x.numpy())
            y = case.run(x).flatten().numpy()
            for chunk in (1, 7, 1000):
                subprocess.run([tool, case.command, given, folder / "y.wav", "--model", folder / "weights",
                                "--bits", "float", "--chunk", str(chunk)], check=True, capture_output=True)
                got = read_float_wav(folder / "y.wav")
                assert got.shape == y.shape, f"{name}: {got.shape} samples, torch has {y.shape}"
                error = float(np.abs(got - y).max())
                assert error <= 1e-4, f"{name}: {error}"
                whole = got if chunk == 1 else whole
                assert np.array_equal(got, whole), f"{name}: chunks of {chunk} differ from chunks of 1"
            if case.rate:
                encode(tool, name, net, case.rate, folder)
            print(f"{name}: {len(y)} samples up to {np.abs(y).max():.3f}, largest error {error:.1e}")
            worst = max(worst, error)
    print(f"largest error of all {worst:.1e}")


if __name__ == "__main__":
    main()
