"""Goldens of EnCodec, from codes to samples and back: Meta's checkpoints and transformers'.

The modules are written from the facts (layer lists, names, formulas), so that their state dicts have the original keys.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from checkpoints import fuse, new_spelling, randomise, save, weight_norm
from dac import add_encoded
from golden import Golden

PUBLISHED = {"model_type": "encodec", "sampling_rate": 24000, "audio_channels": 1, "normalize": False, "num_filters": 32,
             "hidden_size": 128, "kernel_size": 7, "last_kernel_size": 7, "residual_kernel_size": 3,
             "upsampling_ratios": [8, 5, 4, 2], "num_residual_layers": 1, "dilation_growth_rate": 2, "compress": 2,
             "num_lstm_layers": 2, "use_conv_shortcut": True, "use_causal_conv": True, "pad_mode": "reflect",
             "norm_type": "weight_norm", "trim_right_ratio": 1.0, "codebook_size": 1024, "codebook_dim": 128,
             "target_bandwidths": [1.5, 3.0, 6.0, 12.0, 24.0], "chunk_length_s": None, "overlap": None,
             "architectures": ["EncodecModel"], "torch_dtype": "float32"}

AT_32K = {**PUBLISHED, "sampling_rate": 32000, "num_filters": 64, "upsampling_ratios": [8, 5, 4, 4], "use_conv_shortcut": False,
          "use_causal_conv": False, "codebook_size": 2048, "target_bandwidths": [2.2]}


class Named(nn.Module):
    def __init__(self, **modules):
        super().__init__()
        for name, module in modules.items():
            setattr(self, name, module)


def padded(x, left, mode, right=0):
    """A signal that is too short to be reflected has zeros behind it for that."""
    frames = x.shape[-1] + left + right
    if mode == "reflect" and x.shape[-1] <= max(left, right):
        x = F.pad(x, (0, max(left, right) - x.shape[-1] + 1))
    return F.pad(x, (left, right), mode)[..., :frames]


class Conv(nn.Module):
    def __init__(self, inputs, outputs, kernel, c, dilation=1, stride=1):
        super().__init__()
        self.conv = Named(conv=weight_norm(nn.Conv1d(inputs, outputs, kernel, stride, dilation=dilation)))
        self.kernel, self.stride, self.mode = (kernel - 1) * dilation + 1, stride, c["pad_mode"]
        self.total = self.kernel - stride
        self.right = 0 if c["use_causal_conv"] else self.total // 2

    def forward(self, x):
        """Padded on the right to what the stride leaves nothing of."""
        frames = math.ceil((x.shape[-1] - self.kernel + self.total) / self.stride + 1)
        over = (frames - 1) * self.stride + self.kernel - self.total - x.shape[-1]
        return self.conv.conv(padded(x, self.total - self.right, self.mode, self.right + over) if self.total + over else x)


class ConvTransposed(nn.Module):
    def __init__(self, inputs, outputs, ratio, c):
        super().__init__()
        self.convtr = Named(convtr=weight_norm(nn.ConvTranspose1d(inputs, outputs, 2 * ratio, ratio)))
        self.right = ratio if c["use_causal_conv"] else ratio // 2
        self.left = ratio - self.right

    def forward(self, x):
        return self.convtr.convtr(x)[..., self.left:-self.right]


class Residual(nn.Module):
    def __init__(self, channels, dilation, c):
        super().__init__()
        inner = channels // c["compress"]
        self.block = nn.Sequential(nn.ELU(), Conv(channels, inner, c["residual_kernel_size"], c, dilation), nn.ELU(),
                                   Conv(inner, channels, 1, c))
        self.shortcut = Conv(channels, channels, 1, c) if c["use_conv_shortcut"] else nn.Identity()

    def forward(self, x):
        return self.shortcut(x) + self.block(x)


class Lstm(nn.Module):
    def __init__(self, channels, layers):
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, layers)

    def forward(self, x):
        return self.lstm(x.permute(2, 0, 1))[0].permute(1, 2, 0) + x


class Book(nn.Module):
    """Its rows, and what their training keeps beside them."""

    def __init__(self, codes, size, kept):
        super().__init__()
        self.embed = nn.Parameter(torch.randn(codes, size), requires_grad=False)
        if kept:
            self.register_buffer("inited", torch.ones(1))
            self.register_buffer("cluster_size", torch.ones(codes))
            self.register_buffer("embed_avg", torch.zeros(codes, size))


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        channels = c["num_filters"]
        layers = [Conv(1, channels, c["kernel_size"], c)]
        for ratio in reversed(c["upsampling_ratios"]):
            layers += [Residual(channels, c["dilation_growth_rate"]**n, c) for n in range(c["num_residual_layers"])]
            layers += [nn.ELU(), Conv(channels, 2 * channels, 2 * ratio, c, stride=ratio)]
            channels *= 2
        layers += [Lstm(channels, c["num_lstm_layers"]), nn.ELU(), Conv(channels, c["hidden_size"], c["last_kernel_size"], c)]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


class Encodec(nn.Module):
    def __init__(self, c, kept=False, encoder=False):
        super().__init__()
        if encoder:
            self.encoder = Encoder(c)
        channels = c["num_filters"] * 2 ** len(c["upsampling_ratios"])
        layers = [Conv(c["hidden_size"], channels, c["kernel_size"], c), Lstm(channels, c["num_lstm_layers"])]
        for ratio in c["upsampling_ratios"]:
            layers += [nn.ELU(), ConvTransposed(channels, channels // 2, ratio, c)]
            channels //= 2
            layers += [Residual(channels, c["dilation_growth_rate"]**n, c) for n in range(c["num_residual_layers"])]
        layers += [nn.ELU(), Conv(channels, 1, c["last_kernel_size"], c)]
        self.decoder = Named(model=nn.Sequential(*layers))
        books = codes_at(max(c["target_bandwidths"]), c)
        self.quantizer = Named(vq=Named(layers=nn.ModuleList(
            Named(_codebook=Book(c["codebook_size"], c["hidden_size"], kept)) for _ in range(books))))

    def forward(self, codes):
        rows = sum(F.embedding(book, layer._codebook.embed) for book, layer in zip(codes, self.quantizer.vq.layers))
        return self.decoder.model(rows.T[None])[0]

    def encode(self, x, used):
        """Latents of [1, samples], and codes of as many books."""
        latents, codes = self.encoder(x[None])[0], []
        rest = latents.T
        for layer in self.quantizer.vq.layers[:used]:
            rows = layer._codebook.embed
            distances = -(rest.pow(2).sum(1, keepdim=True) - 2 * rest @ rows.T + rows.pow(2).sum(1))
            codes.append(distances.max(dim=-1).indices)
            rest = rest - F.embedding(codes[-1], rows)
        return latents, torch.stack(codes)

    def tame(self):
        """Books of hundreds of rows to a frame, and blocks that add to what they are fed."""
        for layer in self.quantizer.vq.layers:
            layer._codebook.embed.data *= len(self.quantizer.vq.layers) ** -0.5
        self.decoder.model[-1].conv.conv.weight_g.data *= 0.3


def codes_at(kbps, c):
    """Codes of a frame."""
    frames = math.ceil(c["sampling_rate"] / math.prod(c["upsampling_ratios"]))
    return max(1, int(kbps * 1000 // (frames * math.log2(c["codebook_size"]))))


def of_transformers(state):
    """The names of EncodecModel."""
    for old, new in (("decoder.model.", "decoder.layers."), (".conv.conv.", ".conv."), (".convtr.convtr.", ".conv."),
                     ("encoder.model.", "encoder.layers."), ("quantizer.vq.", "quantizer."), ("._codebook.", ".codebook.")):
        state = {key.replace(old, new): value for key, value in state.items()}
    return state


def with_encoder(state):
    """The layers of an encoder, which nothing here reads."""
    return {"encoder.model.0.conv.conv.weight_g": torch.rand(2, 1, 1), "encoder.model.0.conv.conv.weight_v": torch.rand(2, 1, 7),
            "encoder.model.13.lstm.weight_ih_l0": torch.rand(8, 2), **state}


def random_codes(c, kbps, frames):
    return torch.randint(c["codebook_size"], (codes_at(kbps, c), frames))


def networks(meta, sizes, encoder=False):
    """Name, config, network and the file of it, for each way in which such files are saved: of Meta's network and of others."""
    tiny = {**PUBLISHED, "sampling_rate": 16000, "num_filters": 2, "upsampling_ratios": [3, 2], **sizes}
    beside = (lambda state: state) if encoder else with_encoder
    cases = (
        ("meta", {**PUBLISHED, "num_filters": 2, "target_bandwidths": [1.5, 3.0], **meta}, "zip", "encodec_24khz-d7cc33bc.th",
         beside),
        ("transformers", tiny, "safetensors", "model.safetensors", lambda state: of_transformers(beside(state))),
        ("new", {**tiny, "use_conv_shortcut": False, "num_residual_layers": 2, "dilation_growth_rate": 3, "num_lstm_layers": 1,
                 "pad_mode": "constant", "compress": 1, "num_filters": 3}, "zip", "pytorch_model.bin",
         lambda state: new_spelling(of_transformers(state))),
        ("fused", {**tiny, "upsampling_ratios": [1, 4], "kernel_size": 5, "last_kernel_size": 9, "residual_kernel_size": 4,
                   "pad_mode": "replicate"}, "safetensors", "model.safetensors", of_transformers),
        ("ahead", {**tiny, "use_causal_conv": False, "use_conv_shortcut": False, "num_residual_layers": 2}, "safetensors",
         "model.safetensors", of_transformers))
    for seed, (name, c, format, file, layout) in enumerate(cases):
        net = randomise(Encodec(c, kept=name == "meta", encoder=encoder), seed + (10 if encoder else 0)).eval()
        net.tame()
        if name == "fused":
            fuse(net)
        folder = f"encodec-both-{name}" if encoder else f"encodec-{name}"
        yield name, c, net, save(folder, file, layout(net.state_dict()), format, c)


def small():
    golden = Golden("encodec")
    torch.manual_seed(41)
    sizes = {"hidden_size": 3, "codebook_dim": 3, "codebook_size": 16, "target_bandwidths": [15.0, 32.0]}
    for name, c, net, path in networks({"hidden_size": 2}, sizes):
        for kbps in c["target_bandwidths"]:
            for frames in (1, 2, 6, 7, 10) if name == "meta" else (1, 2, 3, 6, 7, 8, 31):
                codes = random_codes(c, kbps, frames)
                with torch.no_grad():
                    golden.add({"file": path, "bandwidth_kbps": kbps}, x=codes, y=net(codes))
    golden.save()


def encoders():
    golden = Golden("encodec_encoder")
    torch.manual_seed(47)
    sizes = {"hidden_size": 5, "codebook_dim": 5, "codebook_size": 24, "target_bandwidths": [24.0, 49.0]}
    for seed, (name, c, net, path) in enumerate(networks({"hidden_size": 4, "codebook_size": 600}, sizes, encoder=True)):
        hop = math.prod(c["upsampling_ratios"])
        for kbps in c["target_bandwidths"]:
            add_encoded(golden, {"file": path, "bandwidth_kbps": kbps}, net, codes_at(kbps, c),
                        (1, 2, hop - 1, hop, 3 * hop + 1, 9 * hop - 1, 20 * hop + 3), seed)
    golden.save()


if __name__ == "__main__":
    small()
    encoders()
