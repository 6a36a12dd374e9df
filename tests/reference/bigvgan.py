"""Goldens of BigVGAN: HiFi-GAN's layers with snakes at twice the rate, between two low-pass filters.

The modules are written from the facts (layer lists, names, formulas), so that their state dicts have the original keys.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from checkpoints import add_frames, fuse, new_spelling, randomise, save, weight_norm
from golden import Golden
from hifigan import MEL, SMALL1, SMALL2, SMALL_MEL

BASE = {"resblock": "1", "upsample_rates": [8, 8, 2, 2], "upsample_kernel_sizes": [16, 16, 4, 4],
        "upsample_initial_channel": 512, "resblock_kernel_sizes": [3, 7, 11], "resblock_dilation_sizes": [[1, 3, 5]] * 3,
        "activation": "snakebeta", "snake_logscale": True}
LARGE_V2 = {**BASE, "upsample_rates": [4, 4, 2, 2, 2, 2], "upsample_kernel_sizes": [8, 8, 4, 4, 4, 4],
            "upsample_initial_channel": 1536, "use_tanh_at_final": False, "use_bias_at_final": False}


def mel(rate, bands=80, fmax=None, hop=256):
    return {**MEL, "sampling_rate": rate, "num_mels": bands, "fmax": fmax, "hop_size": hop, "n_fft": 4 * hop, "win_size": 4 * hop}


def low_pass():
    """Twelve taps of a Kaiser-windowed sinc: cutoff 1/4, half width 0.3, sum 1."""
    beta = 0.1102 * (2.285 * 5 * math.pi * 1.2 + 7.95 - 8.7)
    window = torch.kaiser_window(12, periodic=False, beta=beta)
    h = window * torch.sinc((torch.arange(12) - 5.5) / 2)
    return (h / h.sum())[None, None]


class Snake(nn.Module):
    def __init__(self, channels, kind, logarithms):
        super().__init__()
        self.logarithms = logarithms
        self.alpha = nn.Parameter(torch.ones(channels))
        if kind == "snakebeta":
            self.beta = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        alpha = self.alpha[:, None]
        beta = self.beta[:, None] if hasattr(self, "beta") else alpha
        if self.logarithms:
            alpha, beta = torch.exp(alpha), torch.exp(beta)
        return x + 1 / (beta + 1e-9) * torch.sin(alpha * x) ** 2


class LowPass(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("filter", low_pass())


class Down(nn.Module):
    def __init__(self):
        super().__init__()
        self.lowpass = LowPass()


class Activation(nn.Module):
    """At twice the rate; what filters read beyond the ends is the first or the last value."""

    def __init__(self, channels, c):
        super().__init__()
        self.act = Snake(channels, c["activation"], c["snake_logscale"])
        self.upsample, self.downsample = LowPass(), Down()

    def forward(self, x):
        channels = x.shape[1]
        up, down = (f.expand(channels, 1, 12) for f in (self.upsample.filter, self.downsample.lowpass.filter))
        y = 2 * F.conv_transpose1d(F.pad(x, (5, 5), "replicate"), up, stride=2, groups=channels)[..., 15:-15]
        return F.conv1d(F.pad(self.act(y), (5, 6), "replicate"), down, stride=2, groups=channels)


class Block(nn.Module):
    def __init__(self, channels, kernel, dilations, c):
        super().__init__()

        def conv(dilation):
            return weight_norm(nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=(kernel - 1) * dilation // 2))

        first = nn.ModuleList(conv(d) for d in dilations)
        self.twice = c["resblock"] == "1"
        if self.twice:
            self.convs1, self.convs2 = first, nn.ModuleList(conv(1) for _ in dilations)
        else:
            self.convs = first
        self.activations = nn.ModuleList(Activation(channels, c) for _ in range(len(dilations) * (1 + self.twice)))

    def forward(self, x):
        if not self.twice:
            for conv, act in zip(self.convs, self.activations):
                x = x + conv(act(x))
            return x
        for m, (c1, c2) in enumerate(zip(self.convs1, self.convs2)):
            x = x + c2(self.activations[2 * m + 1](c1(self.activations[2 * m](x))))
        return x


class BigVgan(nn.Module):
    def __init__(self, c, inputs):
        super().__init__()
        channels, self.tanh = c["upsample_initial_channel"], c.get("use_tanh_at_final", True)
        self.branches = len(c["resblock_kernel_sizes"])
        self.conv_pre = weight_norm(nn.Conv1d(inputs, channels, 7, padding=3))
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(c["upsample_rates"], c["upsample_kernel_sizes"]):
            up = nn.ConvTranspose1d(channels, channels // 2, kernel, rate, padding=(kernel - rate) // 2)
            self.ups.append(nn.ModuleList([weight_norm(up)]))
            channels //= 2
            for k, d in zip(c["resblock_kernel_sizes"], c["resblock_dilation_sizes"]):
                self.resblocks.append(Block(channels, k, d, c))
        self.activation_post = Activation(channels, c)
        self.conv_post = weight_norm(nn.Conv1d(channels, 1, 7, padding=3, bias=c.get("use_bias_at_final", True)))

    def forward(self, x):
        x = self.conv_pre(x)
        for i, up in enumerate(self.ups):
            x = up[0](x)
            x = sum(block(x) for block in self.resblocks[i * self.branches:(i + 1) * self.branches]) / self.branches
        x = self.conv_post(self.activation_post(x))
        return torch.tanh(x) if self.tanh else torch.clamp(x, -1, 1)

    def tame(self):
        """Snakes add to what they are fed: of large values they would make a chaos of rounding errors."""
        for name, p in self.named_parameters():
            if name.startswith("resblocks") and name.endswith("weight_g"):
                p.data *= 0.3


def randomise_snakes(net, seed):
    """As after training: no two channels alike."""
    generator = torch.Generator().manual_seed(seed)
    for m in net.modules():
        if isinstance(m, Snake):
            for p in m.parameters():
                spread = 0.5 * torch.randn(p.shape, generator=generator)
                p.data = spread if m.logarithms else torch.exp(spread)
    return net


def without_filters(state):
    return {key: value for key, value in state.items() if not key.endswith(".filter")}


def small():
    golden = Golden("bigvgan")
    torch.manual_seed(31)
    snakes = {"activation": "snake", "snake_logscale": False}
    v2 = {"activation": "snakebeta", "snake_logscale": True, "use_tanh_at_final": False, "use_bias_at_final": False}
    cases = (
        ("1", {**SMALL1, **snakes}, "zip", "bigvgan_generator.pt", lambda s: {"generator": s}),
        ("2", {**SMALL2, **snakes, "snake_logscale": True}, "legacy", "g_05000000", lambda s: {"generator": s}),
        ("v2", {**SMALL1, **v2}, "zip", "bigvgan_generator.pt", lambda s: {"generator": new_spelling(s)}),
        ("fused", {**SMALL2, **v2, "snake_logscale": False, "use_tanh_at_final": True}, "safetensors", "model.safetensors",
         without_filters))
    for seed, (name, sizes, format, file, layout) in enumerate(cases):
        net = randomise_snakes(randomise(BigVgan(sizes, 10), seed), seed).eval()
        net.tame()
        net.conv_post.weight_g.data *= 0.3
        if name == "1":  # filters of its own
            for m in net.modules():
                if isinstance(m, LowPass):
                    m.filter *= 1 + 0.2 * torch.randn(12)
        if name == "v2":
            net.conv_post.weight_g.data *= 1.5  # beyond what is clamped
        state = layout(fuse(net).state_dict() if name == "fused" else net.state_dict())
        config = {**SMALL_MEL, "fmax": None, "hop_size": math.prod(sizes["upsample_rates"]), "batch_size": 32,
                  "discriminator": "mrd", "fmax_for_loss": None, **sizes}
        path = save(f"bigvgan-{name}", file, state, format, config)
        add_frames(golden, path, net, 10, (1, 2, 7, 23))
    golden.save()


if __name__ == "__main__":
    small()
