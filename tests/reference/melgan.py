"""Goldens of MelGAN generators: the original, ParallelWaveGAN's, multi-band with its filter bank, causal ones, Coqui's."""

import json
import math

import numpy as np
import scipy.signal
import torch
import torch.nn as nn
import torch.nn.functional as F
from checkpoints import add_frames, coqui_audio, new_spelling, randomise, save, weight_norm
from golden import Golden
from hifigan import CausalUp, pwg_activation
from pqmf import synthesise


class CausalConv(nn.Module):
    """Padded by reflection on both sides, and cut to the length of its input."""

    def __init__(self, inputs, outputs, kernel, dilation=1):
        super().__init__()
        self.left = (kernel - 1) * dilation
        self.conv = weight_norm(nn.Conv1d(inputs, outputs, kernel, dilation=dilation))

    def forward(self, x):
        return self.conv(F.pad(x, (self.left, self.left), "reflect"))[:, :, : x.shape[2]]


class ResidualStack(nn.Module):
    def __init__(self, channels, kernel, dilation, causal, names, act):
        super().__init__()
        pointwise = weight_norm(nn.Conv1d(channels, channels, 1))
        if causal:
            layers = nn.Sequential(act, CausalConv(channels, channels, kernel, dilation), act, pointwise)
        else:
            wide = weight_norm(nn.Conv1d(channels, channels, kernel, dilation=dilation))
            layers = nn.Sequential(act, nn.ReflectionPad1d((kernel - 1) // 2 * dilation), wide, act, pointwise)
        self.names = names
        setattr(self, names[0], layers)
        setattr(self, names[1], weight_norm(nn.Conv1d(channels, channels, 1)))

    def forward(self, x):
        return getattr(self, self.names[0])(x) + getattr(self, self.names[1])(x)


def sequence(p, causal_start=None, names=("stack", "skip_layer")):
    causal, channels, kernel = p.get("use_causal_conv", False), p["channels"], p["kernel_size"]
    act = pwg_activation(p, 0.2)

    def conv(a, b):
        if causal:
            return [CausalConv(a, b, kernel)]
        return [nn.ReflectionPad1d((kernel - 1) // 2), weight_norm(nn.Conv1d(a, b, kernel))]

    layers = conv(p["in_channels"], channels)
    for scale in p["upsample_scales"]:
        if causal:
            up = CausalUp(channels, channels // 2, scale, causal_start)
        else:
            up = weight_norm(nn.ConvTranspose1d(channels, channels // 2, 2 * scale, scale, padding=scale // 2 + scale % 2,
                                                output_padding=scale % 2))
        channels //= 2
        layers += [act, up]
        layers += [ResidualStack(channels, p["stack_kernel_size"], p["stack_kernel_size"] ** j, causal, names, act)
                   for j in range(p["stacks"])]
    layers += [act, *conv(channels, p["out_channels"])]
    return nn.Sequential(*layers, nn.Tanh()) if p.get("use_final_nonlinear_activation", True) else nn.Sequential(*layers)


class Melgan(nn.Module):
    def __init__(self, p, causal_start=None):
        super().__init__()
        self.melgan = sequence(p, causal_start)

    def forward(self, x):
        return self.melgan(x)


class Original(nn.Module):
    def __init__(self, mels, ngf, residual_layers):
        super().__init__()
        self.model = sequence({"in_channels": mels, "out_channels": 1, "channels": 16 * ngf, "kernel_size": 7,
                               "upsample_scales": [8, 8, 2, 2], "stack_kernel_size": 3, "stacks": residual_layers},
                              names=("block", "shortcut"))

    def forward(self, x):
        return self.model(x)


class CoquiStacks(nn.Module):
    """All residual stacks of a scale."""

    def __init__(self, channels, kernel, count):
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LeakyReLU(0.2), nn.ReflectionPad1d((kernel - 1) // 2 * kernel**j),
                          weight_norm(nn.Conv1d(channels, channels, kernel, dilation=kernel**j)), nn.LeakyReLU(0.2),
                          weight_norm(nn.Conv1d(channels, channels, 1))) for j in range(count))
        self.shortcuts = nn.ModuleList(weight_norm(nn.Conv1d(channels, channels, 1)) for _ in range(count))

    def forward(self, x):
        for block, shortcut in zip(self.blocks, self.shortcuts):
            x = shortcut(x) + block(x)
        return x


class CoquiBank(nn.Module):
    """A filter bank whose filters are buffers: scipy's firwin, its cosines half a sample beside the centre."""

    def __init__(self, subbands=4, taps=62, cutoff=0.15, beta=9.0):
        super().__init__()
        prototype = scipy.signal.firwin(taps + 1, cutoff, window=("kaiser", beta))
        k = np.arange(subbands)[:, None]
        turns = (2 * k + 1) * math.pi / (2 * subbands) * (np.arange(taps + 1) - (taps - 1) / 2)
        phase = (-1.0) ** k * math.pi / 4
        self.register_buffer("H", torch.tensor(2 * prototype * np.cos(turns + phase)).float()[:, None])
        self.register_buffer("G", torch.tensor(2 * prototype * np.cos(turns - phase)).float()[None])
        self.register_buffer("updown_filter", torch.eye(subbands)[:, :, None] * (torch.arange(subbands) == 0))

    def synthesise(self, x):
        subbands, taps = self.G.shape[1], self.G.shape[2] - 1
        return F.conv1d(F.conv_transpose1d(x, subbands * self.updown_filter, stride=subbands), self.G, padding=taps // 2)


class CoquiMelgan(nn.Module):
    def __init__(self, p):
        super().__init__()
        channels, kernel = p["base_channels"], p["proj_kernel"]
        layers = [nn.ReflectionPad1d((kernel - 1) // 2), weight_norm(nn.Conv1d(p["in_channels"], channels, kernel))]
        for scale in p["upsample_factors"]:
            odd = scale % 2
            layers += [nn.LeakyReLU(0.2), weight_norm(nn.ConvTranspose1d(channels, channels // 2, 2 * scale, scale,
                                                                         padding=scale // 2 + odd, output_padding=odd)),
                       CoquiStacks(channels // 2, p["res_kernel"], p["num_res_blocks"])]
            channels //= 2
        self.layers = nn.Sequential(*layers, nn.LeakyReLU(0.2), nn.ReflectionPad1d((kernel - 1) // 2),
                                    weight_norm(nn.Conv1d(channels, p["out_channels"], kernel)), nn.Tanh())
        if p["out_channels"] > 1:
            self.pqmf_layer = CoquiBank(p["out_channels"])

    def forward(self, x):
        y = self.layers(x)
        return self.pqmf_layer.synthesise(y) if hasattr(self, "pqmf_layer") else y


# What the constructors have where a config says nothing.
COQUI = {"melgan": {"in_channels": 80, "out_channels": 1, "proj_kernel": 7, "base_channels": 512,
                    "upsample_factors": [8, 8, 2, 2], "res_kernel": 3, "num_res_blocks": 3},
         "multiband_melgan": {"in_channels": 80, "out_channels": 4, "proj_kernel": 7, "base_channels": 384,
                              "upsample_factors": [2, 8, 2, 2], "res_kernel": 3, "num_res_blocks": 3},
         "fullband_melgan": {"in_channels": 80, "out_channels": 1, "proj_kernel": 7, "base_channels": 512,
                             "upsample_factors": [2, 8, 2, 2], "res_kernel": 3, "num_res_blocks": 4}}
# As the repository's recipes have them, and what these leave out.
PARAMS = {"in_channels": 10, "out_channels": 1, "kernel_size": 7, "channels": 16, "upsample_scales": [5, 2],
          "stack_kernel_size": 3, "stacks": 2, "use_weight_norm": True, "use_causal_conv": False}
MORE = {"bias": True, "nonlinear_activation": "LeakyReLU", "nonlinear_activation_params": {"negative_slope": 0.3},
        "pad": "ReflectionPad1d", "pad_params": {}, "use_final_nonlinear_activation": False}
MEL = {"sampling_rate": 16000, "fft_size": 64, "win_length": None, "num_mels": 10, "fmin": 80, "fmax": 7600,
       "generator_type": "MelGANGenerator"}


def small():
    golden = Golden("melgan")

    def add(file, net, inputs, options=None):
        net.eval()
        add_frames(golden, file, lambda x: net(x) if options is None else synthesise(net(x)[0], options)[None], inputs,
                   (7, 8, 25))

    torch.manual_seed(12)
    net = randomise(Original(80, 1, 2), 1)
    config = "!!python/object:argparse.Namespace\nn_layers_D: 4\nn_mel_channels: 80\nn_residual_layers: 2\nngf: 1\n"
    add(save("melgan-neurips", "best_netG.pt", net.state_dict(), "legacy", config, "args.yml"), net, 80)
    cases = (("pwg", {}, "0.5.0", None, {}), ("no-tanh", MORE, "0.5.0", None, {}),
             ("causal", {"use_causal_conv": True}, "0.5.5", True, {}),
             ("causal-old", {"use_causal_conv": True, "upsample_scales": [2, 2, 3]}, "0.5.4", False, {}),
             ("multiband", {"out_channels": 4, "upsample_scales": [2, 3]}, "0.4.3", None, {"cutoff_ratio": 0.142}),
             ("multiband-old", {"out_channels": 4, "upsample_scales": [2, 3], "stacks": 3}, None, None, {"cutoff_ratio": 0.15}),
             ("multiband-own", {"out_channels": 2, "stacks": 1}, "0.5.0", None,
              {"taps": 30, "cutoff_ratio": 0.26, "beta": 7.0}),
             # Parameters of one's own replace those of an old version as a whole.
             ("multiband-old-own", {"out_channels": 4, "channels": 8, "upsample_scales": [2, 3], "stacks": 1}, "0.4.2", None,
              {"taps": 62, "cutoff_ratio": 0.142, "beta": 9.0}))
    for name, changes, version, start, bank in cases:
        params = {**PARAMS, **changes}
        net = randomise(Melgan(params, start), 2)
        hop = params["out_channels"]
        for scale in params["upsample_scales"]:
            hop *= scale
        config = {**MEL, "hop_size": hop, "generator_params": params}
        if version:
            config["version"] = version
        if name == "multiband-own":
            config["pqmf_params"] = bank
        if name == "multiband-old-own":
            config["pqmf_params"] = {"taps": 62, "beta": 9.0}
        options = (params["out_channels"], bank.get("taps", 62), bank.get("cutoff_ratio"), bank.get("beta", 9.0))
        state = {"model": {"generator": net.state_dict()}}
        file = save(f"melgan-{name}", "checkpoint-1000000steps.pkl", state, "zip", config,
                    "config.json" if name in ("pwg", "multiband", "multiband-own") else "config.yml")
        add(file, net, 10, options if bank else None)
    for kind, changes, hop in (("melgan", {"upsample_factors": [3, 2], "num_res_blocks": 2}, 6),
                               ("fullband_melgan", {"upsample_factors": [2, 2], "num_res_blocks": 2}, 4),
                               ("multiband_melgan", {"upsample_factors": [2, 3], "num_res_blocks": 1, "proj_kernel": 5}, 24)):
        params = {"in_channels": 10, "base_channels": 16, **changes}
        net = randomise(CoquiMelgan({**COQUI[kind], **params}), 3)
        state = net.state_dict()
        if kind == "fullband_melgan":  # of the newer trainer
            state = {f"model_g.{key}": value for key, value in new_spelling(state).items()}
        config = {"generator_model": f"{kind}_generator", "generator_model_params": params, "audio": coqui_audio(hop)}
        if kind == "multiband_melgan":  # whose config is a JSON with comments
            config = json.dumps(config, indent=4).replace('"audio"', '// AUDIO PARAMETERS\n    "audio"').replace(
                ",\n", ",  // \"quoted\"\n")
        add(save(f"melgan-coqui-{kind.split('_')[0]}", "best_model.pth", {"model": state, "step": 1}, "zip", config), net, 10)
    golden.save()


if __name__ == "__main__":
    small()
