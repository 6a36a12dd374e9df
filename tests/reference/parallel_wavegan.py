"""Goldens of ParallelWaveGAN, with random weights, saved as its repository does.

Modules are written from the facts, so that their state dicts have the original keys; the noise is the library's.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from checkpoints import add_frames, coqui_audio, fuse, new_spelling, randomise, save, weight_norm
from golden import Golden
from melgan import Melgan
from torch import nn
from wavenet_model import counter_normal


class Block(nn.Module):
    def __init__(self, p, dilation):
        super().__init__()
        self.reach, self.causal = (p["kernel_size"] - 1) * dilation, p["use_causal_conv"]
        self.scale = p.get("residual_scale", math.sqrt(0.5))
        half = p["gate_channels"] // 2
        self.conv = nn.Conv1d(p["residual_channels"], 2 * half, p["kernel_size"], dilation=dilation, bias=p["bias"])
        self.conv1x1_aux = nn.Conv1d(p["aux_channels"], 2 * half, 1, bias=False)
        self.conv1x1_out = nn.Conv1d(half, p["residual_channels"], 1, bias=p["bias"])
        self.conv1x1_skip = nn.Conv1d(half, p["skip_channels"], 1, bias=p["bias"])

    def forward(self, x, c):
        left = self.reach if self.causal else self.reach // 2
        a, b = (self.conv(F.pad(x, (left, self.reach - left))) + self.conv1x1_aux(c)).chunk(2, 1)
        u = torch.tanh(a) * torch.sigmoid(b)
        return (self.conv1x1_out(u) + x) * self.scale, self.conv1x1_skip(u)


class UpsampleNetwork(nn.Module):
    def __init__(self, p):
        super().__init__()
        up = p["upsample_params"]
        self.scales, self.causal = up["upsample_scales"], p["use_causal_conv"]
        bins = up.get("freq_axis_kernel_size", 1)
        self.up_layers = nn.ModuleList()
        for s in self.scales:
            self.up_layers.append(nn.Identity())
            self.up_layers.append(nn.Conv2d(1, 1, (bins, 2 * s + 1), bias=False,
                                            padding=(bins // 2, 2 * s if self.causal else s)))
            if "nonlinear_activation" in up:
                self.up_layers.append(nn.LeakyReLU(**up["nonlinear_activation_params"]))

    def forward(self, c):
        c, scales = c[:, None], iter(self.scales)
        for layer in self.up_layers:
            if isinstance(layer, nn.Identity):
                c = F.interpolate(c, scale_factor=(1, next(scales)), mode="nearest")
            else:
                c = layer(c)[..., : c.shape[-1]]
        return c[:, 0]


class ConvInUpsampleNetwork(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.context, self.causal = p["aux_context_window"], p["use_causal_conv"]
        kernel = self.context + 1 if self.causal else 2 * self.context + 1
        self.conv_in = nn.Conv1d(p["aux_channels"], p["aux_channels"], kernel, bias=False)
        self.upsample = UpsampleNetwork(p)

    def forward(self, c):
        c = self.conv_in(c)
        return self.upsample(c[:, :, : -self.context] if self.causal and self.context else c)


class ParallelWaveGAN(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.context = p["aux_context_window"]
        self.first_conv = nn.Conv1d(1, p["residual_channels"], 1)
        if p["upsample_net"] == "MelGANGenerator":
            self.upsample_net = Melgan({**p["upsample_params"], "use_causal_conv": p["use_causal_conv"],
                                        "use_final_nonlinear_activation": False}, True)
            for m in self.upsample_net.modules():  # not to have it twice
                if hasattr(m, "weight_g"):
                    nn.utils.remove_weight_norm(m)
        else:
            self.upsample_net = (ConvInUpsampleNetwork if p["upsample_net"] == "ConvInUpsampleNetwork" else UpsampleNetwork)(p)
        per_stack = p["layers"] // p["stacks"]
        self.conv_layers = nn.ModuleList(Block(p, 2 ** (i % per_stack)) for i in range(p["layers"]))
        skip = p["skip_channels"]
        self.last_conv_layers = nn.ModuleList([nn.ReLU(), nn.Conv1d(skip, skip, 1), nn.ReLU(), nn.Conv1d(skip, 1, 1)])
        for m in self.modules():
            if isinstance(m, (nn.Conv1d, nn.Conv2d)):
                weight_norm(m)

    def forward(self, c, seed=0):
        c = self.upsample_net(F.pad(c, (self.context, self.context), "replicate"))
        z = counter_normal(seed, np.arange(c.shape[-1])).astype(np.float32)
        x, skips = self.first_conv(torch.from_numpy(z)[None, None]), 0
        for layer in self.conv_layers:
            x, s = layer(x, c)
            skips = skips + s
        x = skips * math.sqrt(1 / len(self.conv_layers))
        for layer in self.last_conv_layers:
            x = layer(x)
        return x


SMALL = {"in_channels": 1, "out_channels": 1, "kernel_size": 3, "layers": 6, "stacks": 2, "residual_channels": 8,
         "gate_channels": 16, "skip_channels": 6, "aux_channels": 10, "aux_context_window": 2, "dropout": 0.0, "bias": True,
         "use_weight_norm": True, "use_causal_conv": False, "upsample_conditional_features": True,
         "upsample_net": "ConvInUpsampleNetwork", "upsample_params": {"upsample_scales": [4, 2]}}
LEAKY = {"nonlinear_activation": "LeakyReLU", "nonlinear_activation_params": {"negative_slope": 0.4}}
MELGAN = {"in_channels": 10, "out_channels": 10, "channels": 16, "upsample_scales": [4, 3], "stacks": 2, "kernel_size": 5,
          "stack_kernel_size": 3, "use_weight_norm": False, "use_final_nonlinear_activation": False}
CONFIG_FILES = ("config.json", "config.yml")
CASES = {
    "v1": ({}, "zip"),
    "v3": ({"kernel_size": 5, "bias": False, "upsample_params": {"upsample_scales": [2, 3], "freq_axis_kernel_size": 3}},
           "legacy"),
    "causal": ({"use_causal_conv": True}, "zip"),
    "upsample": ({"upsample_net": "UpsampleNetwork", "aux_context_window": 0,
                  "upsample_params": {"upsample_scales": [3, 4], **LEAKY}}, "legacy"),
    "melgan": ({"upsample_net": "MelGANGenerator", "aux_context_window": 0, "upsample_params": MELGAN}, "zip"),
    "melgan-causal": ({"upsample_net": "MelGANGenerator", "aux_context_window": 0, "upsample_params": MELGAN,
                       "use_causal_conv": True}, "zip"),
}


def coqui():
    """What Coqui's generator has where its config says nothing, in the names of ParallelWaveGAN; and a config."""
    params = {"num_res_blocks": 6, "stacks": 2, "res_channels": 8, "gate_channels": 16, "skip_channels": 6, "aux_channels": 10,
              "upsample_factors": [4, 2]}
    p = {**SMALL, "aux_context_window": 0, "upsample_params": {"upsample_scales": [4, 2]}, "residual_scale": 0.25}
    config = {"generator_model": "parallel_wavegan_generator", "generator_model_params": params, "audio": coqui_audio(8)}
    return ParallelWaveGAN(p), config


def small():
    golden = Golden("parallel-wavegan")
    torch.manual_seed(12)
    for i, (name, (changes, format)) in enumerate(CASES.items()):
        params = {**SMALL, **changes}
        net = randomise(ParallelWaveGAN(params), i)
        hop = math.prod(params["upsample_params"]["upsample_scales"])
        config = {"sampling_rate": 16000, "fft_size": 64, "hop_size": hop, "win_length": None, "window": "hann",
                  "num_mels": 10, "fmin": 80, "fmax": 7600, "version": "0.5.5", "generator_params": params}
        state = net.state_dict() if i != 2 else new_spelling(net.state_dict())
        if i == 3:
            state = fuse(net).state_dict()
        file = save(f"parallel-wavegan-{name}", "checkpoint-400000steps.pkl",
                    {"model": {"generator": state, "discriminator": {"conv_layers.0.bias": torch.zeros(2)}}, "steps": 1},
                    format, config, CONFIG_FILES[i % 2])
        add_frames(golden, file, net, 10, (7, 9, 40) if "melgan" in name else (1, 2, 9, 40), config=CONFIG_FILES[i % 2])
    net, config = coqui()
    randomise(net, 9)
    file = save("parallel-wavegan-coqui", "best_model.pth", {"model": net.state_dict(), "step": 1}, "zip", config)
    add_frames(golden, file, net, 10, (1, 9, 40))

    params = {**SMALL, "layers": 2, "residual_channels": 4, "gate_channels": 8, "skip_channels": 4}
    net = randomise(ParallelWaveGAN(params), 10)
    net.last_conv_layers[3].weight_g.data *= 0.3  # samples within the range of sound
    config = {"sampling_rate": 16000, "fft_size": 64, "hop_size": 8, "win_length": None, "window": "hann", "num_mels": 10,
              "fmin": 80, "fmax": 7600, "apply_mulaw": True, "generator_params": params}
    file = save("parallel-wavegan-mulaw", "checkpoint-400000steps.pkl", {"model": {"generator": net.state_dict()}}, "zip",
                config, "config.yml")

    def expanded(x, mu=65535):
        y = net(x)
        return torch.sign(y) / mu * ((1 + mu) ** torch.abs(y) - 1)

    add_frames(golden, file, expanded, 10, (1, 9, 40))
    golden.save()


if __name__ == "__main__":
    torch.set_num_threads(1)
    small()
