"""Goldens of r9y9's WaveNet vocoders: checkpoints as its repository saves them, and what PyTorch generates from them
sample by sample, from the library's random numbers."""

import numpy as np
import torch
from checkpoints import randomise, save
from golden import Golden
from torch import nn
from wavenet_model import WaveNet, counter_noise

HPARAMS = {"name": "wavenet_vocoder", "input_type": "raw", "quantize_channels": 65536, "preprocess": "preemphasis",
           "postprocess": "inv_preemphasis", "global_gain_scale": 0.55, "sample_rate": 16000, "num_mels": 10, "fmin": 125,
           "fmax": 7600, "fft_size": 64, "hop_size": 20, "output_distribution": "Logistic", "log_scale_min": -16.0,
           "dropout": 0.0, "kernel_size": 3, "cin_channels": 10, "cin_pad": 2, "upsample_conditional_features": True,
           "upsample_net": "ConvInUpsampleNetwork", "upsample_params": {"upsample_scales": [4, 5]}, "gin_channels": -1,
           "n_speakers": 3, "residual_channels": 12, "gate_channels": 24, "skip_out_channels": 16, "layers": 6, "stacks": 2}
CASES = {
    "mol": ({"out_channels": 12}, dict(distribution="logistic", outputs=12), "legacy"),
    "gaussian": ({"out_channels": 2, "output_distribution": "Normal", "upsample_params": {
        "upsample_scales": [4, 5], "freq_axis_kernel_size": 3, "upsample_activation": "LeakyReLU",
        "upsample_activation_params": {"negative_slope": 0.4}}},
        dict(distribution="normal", outputs=2, bins=3, activation=nn.LeakyReLU(0.4)), "zip"),
    "mulaw256": ({"input_type": "mulaw-quantize", "quantize_channels": 256, "out_channels": 256, "postprocess": "",
                  "global_gain_scale": 1.0, "layers": 4, "stacks": 1}, dict(distribution="softmax", outputs=256), "legacy"),
    "speakers": ({"input_type": "mulaw", "quantize_channels": 256, "out_channels": 9, "gin_channels": 4,
                  "postprocess": "none", "upsample_net": "UpsampleNetwork"},
                 dict(distribution="logistic", outputs=9, conv_in=False, speakers=3, speaker_features=4), "zip"),
}


def processed(y, hparams):
    """What the repository does to generated samples, in double."""
    y = y.numpy().astype(np.float64)
    if hparams["input_type"] != "raw":
        mu = hparams["quantize_channels"] - 1
        if hparams["input_type"] == "mulaw-quantize":
            y = 2 * y / mu - 1
        y = np.sign(y) * ((1 + mu) ** np.abs(y) - 1) / mu
    if hparams["postprocess"] == "inv_preemphasis":
        last = 0.0
        for n in range(len(y)):
            last = y[n] = y[n] + 0.85 * last
    return torch.from_numpy(y / hparams["global_gain_scale"])


def small():
    golden = Golden("wavenet-vocoder")
    torch.manual_seed(13)
    for i, (name, (changes, sizes, format)) in enumerate(CASES.items()):
        hparams = {**HPARAMS, **changes}
        shape = {key: hparams[key] for key in ("layers", "stacks")}
        net = WaveNet(residual=12, gate=24, skip=16, features=10, scales=hparams["upsample_params"]["upsample_scales"],
                      **shape, **sizes)
        randomise(net, i)
        net.tame()
        file = save(f"wavenet-vocoder-{name}", "checkpoint_step000000010_ema.pth",
                    {"state_dict": net.state_dict(), "optimizer": None, "global_step": 10, "global_epoch": 1}, format,
                    hparams, "hparams.json")
        speaker = {"speaker": 1} if "speakers" in sizes else {}
        x = torch.randn(10, 100)
        c = net.upsampled(x[None])
        with torch.no_grad():
            drawn = net.generate(c, counter_noise(net.distribution, net.outputs, 5, c.shape[-1]), **speaker)
            fed = torch.cat([net.network_input((net.outputs - 1) // 2 if net.distribution == "softmax" else 0.0),
                             *(net.network_input(v.item()) for v in drawn[:99])], -1)
            said = net(fed, c[:, :, :100], **speaker)
        golden.add({"file": file, "config": "hparams.json", "seed": 5, **speaker}, x=x, y=processed(drawn, hparams)[None],
                   fed=fed[0] if net.distribution != "softmax" else None, said=said[0, :12])
    golden.save()


if __name__ == "__main__":
    torch.set_num_threads(1)
    small()
