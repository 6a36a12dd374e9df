"""Goldens of SNAC: DAC with depthwise convolutions, noise and, some, attention, and codes at several rates.

The modules are written from the facts (layer lists, names, formulas), so that their state dicts have the original keys.
"""

import json
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from checkpoints import MODELS, new_spelling, randomise, save, weight_norm
from dac import Blocks, Codebook, Snake, Unit, add_encoded, conv, padded, tame
from golden import Golden

AT_24K = {"sampling_rate": 24000, "encoder_dim": 48, "encoder_rates": [2, 4, 8, 8], "decoder_dim": 1024, "decoder_rates": [8, 8, 4, 2],
          "attn_window_size": None, "codebook_size": 4096, "codebook_dim": 8, "vq_strides": [4, 2, 1], "noise": True, "depthwise": True}

AT_32K = {**AT_24K, "sampling_rate": 32000, "encoder_dim": 64, "encoder_rates": [2, 3, 8, 8], "decoder_dim": 1536,
          "decoder_rates": [8, 8, 3, 2], "attn_window_size": 32, "vq_strides": [8, 4, 2, 1]}


class Noise(nn.Module):
    """x + n·linear(x), of one n for all channels: random in the original, here what is given, or none."""

    def __init__(self, channels):
        super().__init__()
        self.linear = conv(channels, channels, 1, bias=False)
        self.noise = None

    def forward(self, x):
        return x if self.noise is None else x + self.noise * self.linear(x)


def units(channels):
    return [Unit(channels, dilation, groups=channels) for dilation in (1, 3, 9)]


class LocalMha(nn.Module):
    """Frames attend to those of their window. The last one is what is left, where the original must have whole windows."""

    def __init__(self, channels, window, head):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.norm.weight.data = 1 + 0.3 * torch.randn(channels)
        self.to_qkv, self.to_out = nn.Linear(channels, 3 * channels, bias=False), nn.Linear(channels, channels, bias=False)
        self.rel_pos = nn.Module()
        self.rel_pos.register_buffer("inv_freq", 1.0 / 10000 ** (torch.arange(0, head, 2).float() / head))
        self.window, self.head = window, head

    def turned(self, x):
        """By the place in the window: [heads, frames, head]."""
        angle = torch.arange(x.shape[1]).float()[:, None] * self.rel_pos.inv_freq
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)

    def attention(self, x):
        """Of the frames of one window, [frames, channels]."""
        q, k, v = (part.reshape(len(x), -1, self.head).transpose(0, 1) for part in self.to_qkv(x).chunk(3, dim=-1))
        weights = (self.turned(q) @ self.turned(k).transpose(1, 2) / self.head**0.5).softmax(-1)
        return self.to_out((weights @ v).transpose(0, 1).reshape(len(x), -1))

    def forward(self, x):
        windows = self.norm(x[0].T).split(self.window)
        return x + torch.cat([self.attention(w) for w in windows]).T[None]


class Encoder(Blocks):
    def __init__(self, width, rates, attention):
        layers = [conv(1, width, 7)]
        for rate in rates:
            down = weight_norm(nn.Conv1d(width, 2 * width, 2 * rate, rate, padding=math.ceil(rate / 2)))
            layers.append(Blocks(*units(width), Snake(width), down))
            width *= 2
        super().__init__(*layers, *([LocalMha(width, *attention)] if attention else []), conv(width, width, 7, groups=width))


class Quantiser(nn.Module):
    """A frame has the codes of the first book, in order of time, those of the second, and so on."""

    def __init__(self, rows, dim, latent, strides, encoder):
        super().__init__()
        self.strides = strides
        self.quantizers = nn.ModuleList(Codebook(rows, dim, latent, encoder) for _ in strides)

    def forward(self, codes):
        latents, first = 0, 0
        for stride, book in zip(self.strides, self.quantizers):
            if first == len(codes):
                break
            count = max(self.strides) // stride
            its = codes[first:first + count].T.reshape(-1)
            latents, first = latents + book(its).repeat_interleave(stride, dim=-1), first + count
        return latents

    def encode(self, latents, used):
        rows = []
        for stride, book in zip(self.strides[:used], self.quantizers):
            codes, meant = book.encode(F.avg_pool1d(latents, stride, stride) if stride > 1 else latents)
            latents = latents - meant.repeat_interleave(stride, dim=-1)
            rows.append(codes.reshape(-1, max(self.strides) // stride).T)
        return torch.cat(rows)


class Decoder(nn.Module):
    def __init__(self, latent, width, rates, noise, attention):
        super().__init__()
        layers = [conv(latent, latent, 7, groups=latent), conv(latent, width, 1)]
        layers += [LocalMha(width, *attention)] if attention else []
        for rate in rates:
            up = weight_norm(nn.ConvTranspose1d(width, width // 2, 2 * rate, rate, padding=math.ceil(rate / 2),
                                                output_padding=rate % 2))
            layers.append(Blocks(Snake(width), up, *([Noise(width // 2)] if noise else []), *units(width // 2)))
            width //= 2
        self.model = nn.Sequential(*layers, Snake(width), conv(width, 1, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)


class Snac(nn.Module):
    """From codes [codes of a frame, frames] to [1, samples]."""

    def __init__(self, c, encoder=True, head=64):
        super().__init__()
        attention = (c["attn_window_size"], head) if c["attn_window_size"] else None
        latent = c["encoder_dim"] * 2 ** len(c["encoder_rates"])
        if encoder:
            self.encoder = Encoder(c["encoder_dim"], c["encoder_rates"], attention)
        self.quantizer = Quantiser(c["codebook_size"], c["codebook_dim"], latent, c["vq_strides"], encoder)
        self.decoder = Decoder(latent, c["decoder_dim"], c["decoder_rates"], c["noise"], attention)
        self.hop = math.prod(c["encoder_rates"]) * math.lcm(max(c["vq_strides"]), c["attn_window_size"] or 1)

    def forward(self, codes):
        return self.decoder(self.quantizer(codes))[0]

    def encode(self, x, used):
        latents = self.encoder(padded(x[None], self.hop))
        return latents[0], self.quantizer.encode(latents, used)

    def tame(self):
        tame(self)


def codes_of_frame(c, books):
    return sum(max(c["vq_strides"]) // stride for stride in c["vq_strides"][:books])


def small():
    golden, noisy, encoded = Golden("snac"), Golden("snac_noise"), Golden("snac_encoder")
    torch.manual_seed(43)
    usual = {**AT_24K, "sampling_rate": 16000, "encoder_dim": 2, "encoder_rates": [2, 2, 3], "decoder_dim": 16,
             "decoder_rates": [3, 2, 2], "codebook_size": 20, "codebook_dim": 3}
    plain = {**usual, "decoder_rates": [4, 3], "encoder_rates": [3, 4], "vq_strides": [6, 3, 2], "noise": False}
    attentive = {**usual, "encoder_dim": 4, "encoder_rates": [3, 2], "decoder_dim": 24, "decoder_rates": [2, 3], "attn_window_size": 6,
                 "vq_strides": [4, 2, 1]}
    for seed, (name, sizes, format, file) in enumerate((("24khz", usual, "zip", "pytorch_model.bin"),
                                                        ("plain", plain, "safetensors", "model.safetensors"),
                                                        ("32khz", attentive, "zip", "pytorch_model.bin"))):
        net = randomise(Snac(sizes, head=8), seed).eval()
        net.tame()
        path = save(f"snac-{name}", file, new_spelling(net.state_dict()), format, sizes)
        options = {"file": path}
        if sizes["noise"]:
            (MODELS / f"snac-{name}" / "quiet.json").write_text(json.dumps({**sizes, "noise": False}))
            options["config"] = "quiet.json"
        for used in (len(sizes["vq_strides"]), *range(1, len(sizes["vq_strides"]))):
            whole = used == len(sizes["vq_strides"])
            for frames in (1, 2, 9) if whole and name != "32khz" else (3, 6, 7, 8) if whole else (5,):
                codes = torch.randint(sizes["codebook_size"], (codes_of_frame(sizes, used), frames))
                with torch.no_grad():
                    golden.add({**options, **({} if whole else {"codebooks": used})}, x=codes, y=net(codes))
            add_encoded(encoded, {"file": path, **({} if whole else {"codebooks": used})}, net, used,
                        (1, net.hop, 6 * net.hop + 3) if whole else (4 * net.hop - 1,), 100 * seed + used)
        blocks = [module for module in net.modules() if isinstance(module, Noise)]
        if not blocks:
            continue
        codes, made = torch.randint(20, (codes_of_frame(sizes, 3), 7)), {}
        length = codes.shape[1] * max(sizes["vq_strides"])
        for i, (block, rate) in enumerate(zip(blocks, sizes["decoder_rates"])):
            length *= rate
            block.noise = torch.randn(1, length)
            made[f"noise{i}"] = block.noise
        with torch.no_grad():
            noisy.add({"file": path}, x=codes, y=net(codes), **made)
    golden.save()
    noisy.save()
    encoded.save()


if __name__ == "__main__":
    small()
