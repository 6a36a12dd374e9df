"""The tensors of published vocoders at their published sizes (names and shapes alone), as PyTorch makes them.

tests/model_sizes.cpp builds these networks and measures what they cost.
"""

import json

import torch
from audio_unet_model import AudioUNet
from bigvgan import BASE, LARGE_V2, BigVgan, mel
from checkpoints import fuse
from dac import AT_24K, ORIGINAL, Dac
from encodec import PUBLISHED, Encodec
from golden import GOLDEN
from hifigan import MEL, V1, V2, V3, Generator, PwgGenerator
from istftnet import Istftnet
from melgan import Melgan
from parallel_wavegan import ParallelWaveGAN
from snac import AT_24K as SNAC_24K
from snac import Snac
from vocos import CodesVocos, Vocos, codes_config_of, config_of
from wavenet_model import WaveNet

MELGAN = {"in_channels": 80, "out_channels": 1, "kernel_size": 7, "channels": 512, "bias": True,
          "upsample_scales": [8, 8, 2, 2], "stack_kernel_size": 3, "stacks": 3, "nonlinear_activation": "LeakyReLU",
          "nonlinear_activation_params": {"negative_slope": 0.2}, "pad": "ReflectionPad1d", "pad_params": {},
          "use_final_nonlinear_activation": True, "use_weight_norm": True, "use_causal_conv": False}
PWG = {"in_channels": 80, "out_channels": 1, "channels": 512, "kernel_size": 7, "upsample_scales": [5, 5, 4, 3],
       "upsample_kernel_sizes": [10, 10, 8, 6], "resblock_kernel_sizes": [3, 7, 11], "resblock_dilations": [[1, 3, 5]] * 3,
       "use_additional_convs": True, "bias": True, "nonlinear_activation": "LeakyReLU",
       "nonlinear_activation_params": {"negative_slope": 0.1}, "use_weight_norm": True, "use_causal_conv": False}
WAVEGAN = {"in_channels": 1, "out_channels": 1, "kernel_size": 3, "layers": 30, "stacks": 3, "residual_channels": 64,
           "gate_channels": 128, "skip_channels": 64, "aux_channels": 80, "aux_context_window": 2, "bias": True,
           "use_weight_norm": True, "use_causal_conv": False, "upsample_net": "ConvInUpsampleNetwork",
           "upsample_params": {"upsample_scales": [4, 4, 4, 4]}}
WAVENET = {"input_type": "raw", "postprocess": "inv_preemphasis", "global_gain_scale": 0.55, "output_distribution": "Logistic", "sample_rate": 22050, "num_mels": 80, "fmin": 125,
           "fmax": 7600, "fft_size": 1024, "hop_size": 256, "kernel_size": 3, "cin_channels": 80, "cin_pad": 2,
           "upsample_conditional_features": True, "upsample_net": "ConvInUpsampleNetwork",
           "upsample_params": {"upsample_scales": [4, 4, 4, 4]}, "residual_channels": 128, "gate_channels": 256,
           "skip_out_channels": 128, "layers": 24, "stacks": 4, "out_channels": 30}
MU_LAW = {**WAVENET, "input_type": "mulaw-quantize", "quantize_channels": 256, "out_channels": 256, "layers": 30, "stacks": 3}
AUDIO_UNET_KERNELS = (65, 33, 17, 9)
PIPER = {"phoneme_id_map": {}, "num_speakers": 1}
entries = []


def add(name, net, config):
    state = net.state_dict()
    parameters = sum(p.numel() for p in fuse(net).parameters())
    entries.append({"name": name, "config": config, "parameters": parameters,
                    "tensors": {key: list(value.shape) for key, value in state.items()}})


def add_encoder(name, net, config):
    """A codec with both halves, of which the parameters of the encoder count, without what quantises."""
    add(name, net, config)
    entries[-1].update(encoder=True, parameters=sum(p.numel() for p in net.encoder.parameters()))


def pwg(rate, hop, params):
    return {"sampling_rate": rate, "fft_size": 2048 if rate == 24000 else 1024, "hop_size": hop,
            "win_length": 1200 if rate == 24000 else None, "num_mels": 80, "fmin": 80, "fmax": 7600, "version": "0.5.5",
            "generator_params": params}


def audio_unet(filters, arithmetic="tensorflow"):
    return {"sampling_rate": 16000, "r": 4, "filters": list(filters), "arithmetic": arithmetic}


def melgan(**changes):
    return {**MELGAN, **changes}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, sizes in (("HiFi-GAN V1", V1), ("HiFi-GAN V2", V2), ("HiFi-GAN V3", V3)):
        add(name, Generator(sizes, 80), {**sizes, **MEL})
    add("Piper high", Generator(V1, 192, plain_ends=True, post_bias=False),
        {**PIPER, "audio": {"sample_rate": 22050, "quality": "high"}})
    add("Piper medium", Generator(V3, 192, plain_ends=True, post_bias=False),
        {**PIPER, "audio": {"sample_rate": 22050, "quality": "medium"}})
    add("Piper x_low", Generator(V3, 96, plain_ends=True, post_bias=False),
        {**PIPER, "audio": {"sample_rate": 16000, "quality": "x_low"}})
    speecht5 = {**V1, "upsample_rates": [4, 4, 4, 4], "upsample_kernel_sizes": [8, 8, 8, 8]}
    add("SpeechT5", Generator(speecht5, 80, ups="upsampler"),
        {**speecht5, "model_in_dim": 80, "sampling_rate": 16000, "normalize_before": False})
    add("HiFi-GAN 24k", PwgGenerator(PWG), pwg(24000, 300, PWG))
    istft = {**V1, "upsample_rates": [8, 8], "upsample_kernel_sizes": [16, 16], "gen_istft_n_fft": 16,
             "gen_istft_hop_size": 4, **MEL}
    add("iSTFTNet", Istftnet(istft, 80), istft)
    for name, sizes, features in (("BigVGAN base", BASE, mel(22050, fmax=8000)), ("BigVGAN base 24k", BASE, mel(24000, 100)),
                                  ("BigVGAN v2", LARGE_V2, mel(22050))):
        add(name, BigVgan(sizes, features["num_mels"]), {**sizes, **features})
    for name, rate, hop, params in (
            ("MelGAN", 22050, 256, melgan()),
            ("MelGAN large", 22050, 256, melgan(channels=1024, upsample_scales=[4, 4, 4, 2, 2], stacks=4)),
            ("MelGAN full-band", 22050, 256, melgan(upsample_scales=[8, 8, 4], stacks=4)),
            ("MB-MelGAN", 22050, 256, melgan(channels=384, upsample_scales=[8, 4, 2], stacks=4, out_channels=4)),
            ("MB-MelGAN 24k", 24000, 300, melgan(channels=384, upsample_scales=[5, 5, 3], stacks=4, out_channels=4))):
        add(name, Melgan(params), pwg(rate, hop, params))
    add("Vocos", Vocos(100, 512, 1536, 8, 1024, 256, "center"), config_of(100, 512, 1536, 8, 1024, 256, "center", 24000))
    add("Vocos of codes", CodesVocos(128, 384, 1152, 8), codes_config_of(128, 384, 1152, 8))
    add("EnCodec", Encodec(PUBLISHED), PUBLISHED)
    for name, params in (("ParallelWaveGAN v1", WAVEGAN), ("ParallelWaveGAN v3", {**WAVEGAN, "kernel_size": 5})):
        add(name, ParallelWaveGAN(params), pwg(22050, 256, params))
    add("WaveNet", WaveNet(), WAVENET)
    add("WaveNet, mu-law", WaveNet(256, 30, 3, distribution="softmax"), MU_LAW)
    for name, filters in (("AudioUNet", (128, 384, 512, 512)), ("AudioUNet of the paper", (128, 256, 512, 512))):
        add(name, AudioUNet(filters, AUDIO_UNET_KERNELS), audio_unet(filters))
    for name, sizes in (("DAC", ORIGINAL), ("DAC 24k", AT_24K)):
        add(name, Dac(sizes, encoder=False), sizes)
    add("SNAC 24k", Snac(SNAC_24K, encoder=False), SNAC_24K)
    add_encoder("EnCodec", Encodec(PUBLISHED, encoder=True), PUBLISHED)
    for name, sizes in (("DAC", ORIGINAL), ("DAC 24k", AT_24K)):
        add_encoder(name, Dac(sizes), sizes)
    add_encoder("SNAC 24k", Snac(SNAC_24K), SNAC_24K)
    (GOLDEN / "model_sizes.json").write_text(json.dumps(entries))
    print(f"model_sizes: {len(entries)} networks")
