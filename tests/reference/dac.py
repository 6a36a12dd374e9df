"""Goldens of DAC: snakes and transposed convolutions make sound of a residual quantiser's codes, strided ones codes of sound.

The modules are written from the facts (layer lists, names, formulas), so that their state dicts have the original keys.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from checkpoints import fuse, new_spelling, randomise, save, weight_norm
from golden import Golden

ORIGINAL = {"encoder_dim": 64, "encoder_rates": [2, 4, 8, 8], "latent_dim": 1024, "decoder_dim": 1536, "decoder_rates": [8, 8, 4, 2],
            "n_codebooks": 9, "codebook_size": 1024, "codebook_dim": 8, "quantizer_dropout": 0.5, "sample_rate": 44100}
AT_24K = {**ORIGINAL, "encoder_rates": [2, 4, 5, 8], "decoder_rates": [8, 5, 4, 2], "n_codebooks": 32, "sample_rate": 24000}


def conv(inputs, outputs, kernel, dilation=1, **options):
    return weight_norm(nn.Conv1d(inputs, outputs, kernel, dilation=dilation, padding=(kernel - 1) * dilation // 2, **options))


class Snake(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))

    def forward(self, x):
        return x + torch.sin(self.alpha * x) ** 2 / (self.alpha + 1e-9)


class Blocks(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.block = nn.Sequential(*layers)

    def forward(self, x):
        return self.block(x)


class Unit(Blocks):
    def __init__(self, channels, dilation, groups=1):
        super().__init__(Snake(channels), conv(channels, channels, 7, dilation, groups=groups), Snake(channels),
                         conv(channels, channels, 1))

    def forward(self, x):
        return x + self.block(x)


def units(channels):
    return [Unit(channels, dilation) for dilation in (1, 3, 9)]


class Encoder(Blocks):
    def __init__(self, width, rates, latent):
        layers = [conv(1, width, 7)]
        for rate in rates:
            down = weight_norm(nn.Conv1d(width, 2 * width, 2 * rate, rate, padding=math.ceil(rate / 2)))
            layers.append(Blocks(*units(width), Snake(width), down))
            width *= 2
        super().__init__(*layers, Snake(width), conv(width, latent, 3))


class Codebook(nn.Module):
    def __init__(self, rows, dim, latent, encoder):
        super().__init__()
        if encoder:
            self.in_proj = conv(latent, dim, 1)
        self.out_proj = conv(dim, latent, 1)
        self.codebook = nn.Embedding(rows, dim)

    def forward(self, codes):
        return self.out_proj(F.embedding(codes, self.codebook.weight).T[None])

    def encode(self, latents):
        """The codes of [1, latent, frames], by angle, and what they stand for."""
        looked_up = self.in_proj(latents)
        v, rows = F.normalize(looked_up[0].T), F.normalize(self.codebook.weight)
        distances = v.pow(2).sum(1, keepdim=True) - 2 * v @ rows.T + rows.pow(2).sum(1)
        codes = (-distances).max(1)[1]
        found = F.embedding(codes, self.codebook.weight).T[None]
        return codes, self.out_proj(looked_up + (found - looked_up))


class Quantiser(nn.Module):
    def __init__(self, rows, dims, latent, encoder):
        super().__init__()
        self.quantizers = nn.ModuleList(Codebook(rows, dim, latent, encoder) for dim in dims)

    def forward(self, codes):
        return sum(book(its) for book, its in zip(self.quantizers, codes))

    def encode(self, latents, used):
        codes = []
        for book in self.quantizers[:used]:
            its, meant = book.encode(latents)
            latents = latents - meant
            codes.append(its)
        return torch.stack(codes)


class Decoder(nn.Module):
    def __init__(self, latent, width, rates):
        super().__init__()
        layers = [conv(latent, width, 7)]
        for rate in rates:
            up = weight_norm(nn.ConvTranspose1d(width, width // 2, 2 * rate, rate, padding=math.ceil(rate / 2)))
            layers.append(Blocks(Snake(width), up, *units(width // 2)))
            width //= 2
        self.model = nn.Sequential(*layers, Snake(width), conv(width, 1, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)


class Dac(nn.Module):
    """From codes [codebooks, frames] of the first codebooks, any number of them, to [1, samples]."""

    def __init__(self, c, encoder=True):
        super().__init__()
        latent = c["latent_dim"] or c["encoder_dim"] * 2 ** len(c["encoder_rates"])
        dims = c["codebook_dim"] if isinstance(c["codebook_dim"], list) else [c["codebook_dim"]] * c["n_codebooks"]
        if encoder:
            self.encoder = Encoder(c["encoder_dim"], c["encoder_rates"], latent)
        self.quantizer = Quantiser(c["codebook_size"], dims, latent, encoder)
        self.decoder = Decoder(latent, c["decoder_dim"], c["decoder_rates"])
        self.hop = math.prod(c["encoder_rates"])

    def forward(self, codes):
        return self.decoder(self.quantizer(codes))[0]

    def encode(self, x, used):
        """Latents of [1, samples], and codes of as many codebooks."""
        latents = self.encoder(padded(x[None], self.hop))
        return latents[0], self.quantizer.encode(latents, used)

    def tame(self):
        tame(self)


def padded(x, multiple):
    return F.pad(x, (0, -x.shape[-1] % multiple))


def add_encoded(golden, parameters, net, used, lengths, seed):
    """What a net makes of noise."""
    generator = torch.Generator().manual_seed(seed)
    for length in lengths:
        x = 0.3 * torch.randn(1, length, generator=generator)
        with torch.no_grad():
            latents, codes = net.encode(x, used)
        golden.add(parameters, x=x, z=latents, y=codes)


def tame(net):
    """As after training: no two snakes alike, and none adds so much that sound is a chaos of rounding errors."""
    generator = torch.Generator().manual_seed(3)
    for module in net.modules():
        if isinstance(module, Snake):
            module.alpha.data = torch.exp(0.5 * torch.randn(module.alpha.shape, generator=generator))
        if isinstance(module, Unit):
            module.block[3].weight_g.data *= 0.3
    net.decoder.model[-2].weight_g.data *= 0.05


def saved(net, config):
    """What audiotools saves: the constructor's arguments beside the weights."""
    return {"state_dict": net.state_dict(), "metadata": {"kwargs": config, "version": "1.0.0"}}


def of_transformers(state):
    """The names that Transformers gave the same layers."""

    def unit(name):
        return {"0": "snake1", "1": "conv1", "2": "snake2", "3": "conv2"}[name]

    def renamed(key):
        parts = key.split(".")
        if parts[0] == "quantizer":
            return key
        side, at, rest = parts[0], int(parts[2]), parts[3:]
        stages = max(int(other.split(".")[2]) for other in state if other.startswith(side)) - 2
        if not 1 <= at <= stages:
            layer = {0: "conv1", stages + 1: "snake1", stages + 2: "conv2"}[at]
            return ".".join([side, layer, *rest])
        inner = int(rest[1])
        first = 0 if side == "encoder" else 2
        if first <= inner < first + 3:
            layer = [f"res_unit{inner - first + 1}", unit(rest[3]), *rest[4:]]
        else:
            layer = [{3: "snake1", 4: "conv1"}[inner] if side == "encoder" else {0: "snake1", 1: "conv_t1"}[inner], *rest[2:]]
        return ".".join([side, "block", str(at - 1), *layer])

    return {renamed(key): value for key, value in state.items()}


def config_of_transformers(c):
    return {"architectures": ["DacModel"], "codebook_dim": c["codebook_dim"], "codebook_loss_weight": 1.0,
            "codebook_size": c["codebook_size"], "commitment_loss_weight": 0.25, "decoder_hidden_size": c["decoder_dim"],
            "downsampling_ratios": c["encoder_rates"], "encoder_hidden_size": c["encoder_dim"],
            "hidden_size": c["encoder_dim"] * 2 ** len(c["encoder_rates"]), "hop_length": 512, "model_type": "dac",
            "n_codebooks": c["n_codebooks"], "quantizer_dropout": 0.0, "sampling_rate": c["sample_rate"], "torch_dtype": "float32",
            "transformers_version": "4.42.0.dev0", "upsampling_ratios": c["decoder_rates"]}


def random_codes(books, frames, rows):
    codes = torch.randint(rows, (books, frames))
    codes[:, 0] = torch.arange(books) % 2 * (rows - 1)
    return codes


SMALL = {**ORIGINAL, "encoder_dim": 2, "encoder_rates": [2, 2, 4], "latent_dim": 16, "decoder_dim": 24, "decoder_rates": [4, 2, 2],
         "n_codebooks": 4, "codebook_size": 20, "codebook_dim": 3, "sample_rate": 16000}
SMALL_ODD = {**SMALL, "encoder_rates": [2, 5], "latent_dim": None, "decoder_rates": [5, 2], "decoder_dim": 12, "codebook_dim": [3, 2, 4],
             "n_codebooks": 3}


def small():
    golden, encoded = Golden("dac"), Golden("dac_encoder")
    torch.manual_seed(41)
    transformers = {**SMALL_ODD, "codebook_dim": 2}
    cases = (("44khz", SMALL, "zip", "weights.pth", lambda net: saved(net, SMALL), None),
             ("24khz", SMALL_ODD, "zip", "weights_24khz.pth",
              lambda net: {**saved(net, SMALL_ODD), "state_dict": new_spelling(net.state_dict())}, None),
             ("transformers", transformers, "safetensors", "model.safetensors",
              lambda net: of_transformers(fuse(net).state_dict()), config_of_transformers(transformers)))
    for seed, (name, sizes, format, file, layout, config) in enumerate(cases):
        net = randomise(Dac(sizes), seed).eval()
        net.tame()
        path = save(f"dac-{name}", file, layout(net), format, config)
        books = sizes["n_codebooks"]
        for used in (books, *range(1, books)):
            for frames in (1, 2, 7, 23) if used == books else (9,):
                codes = random_codes(used, frames, sizes["codebook_size"])
                options = {} if used == books else {"codebooks": used}
                with torch.no_grad():
                    golden.add({"file": path, **options}, x=codes, y=net(codes))
            add_encoded(encoded, {"file": path, **({} if used == books else {"codebooks": used})}, net, used,
                        (1, net.hop, 20 * net.hop + 3) if used == books else (9 * net.hop - 1,), 100 * seed + used)
    golden.save()
    encoded.save()


if __name__ == "__main__":
    small()
