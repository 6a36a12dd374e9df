"""Goldens of Vocos: ConvNeXt blocks and an inverse STFT, centred and "same"; on mel frames and on EnCodec's codes."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from checkpoints import randomise, save
from golden import Golden


BANDWIDTHS = (1.5, 3.0, 6.0, 12.0)


class AdaLayerNorm(nn.Module):
    """Gains and shifts are of a condition, here the place of the bandwidth among BANDWIDTHS."""

    condition = 0

    def __init__(self, conditions, dim):
        super().__init__()
        self.scale = nn.Embedding(conditions, dim)
        self.shift = nn.Embedding(conditions, dim)

    def forward(self, x):
        chosen = torch.tensor(self.condition)
        return F.layer_norm(x, x.shape[-1:], eps=1e-6) * self.scale(chosen) + self.shift(chosen)


def norm(dim, conditions):
    return AdaLayerNorm(conditions, dim) if conditions else nn.LayerNorm(dim, eps=1e-6)


class Codebooks(nn.Module):
    """Tables of 1024 rows, one below the other; a frame is the sum of the rows that its codes [codebooks, frames] name."""

    def __init__(self, books, dim):
        super().__init__()
        self.codebook_weights = nn.Parameter(torch.randn(1024 * books, dim))

    def forward(self, codes):
        return sum(F.embedding(book, self.codebook_weights[1024 * q:1024 * q + 1024]) for q, book in enumerate(codes)).T


class Block(nn.Module):
    def __init__(self, dim, inner, scaled=True, conditions=0):
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.norm = norm(dim, conditions)
        self.pwconv1 = nn.Linear(dim, inner)
        self.pwconv2 = nn.Linear(inner, dim)
        if scaled:
            self.gamma = nn.Parameter(torch.rand(dim) + 0.2)

    def forward(self, x):
        h = self.pwconv2(F.gelu(self.pwconv1(self.norm(self.dwconv(x).transpose(1, 2)))))
        if hasattr(self, "gamma"):
            h = self.gamma * h
        return x + h.transpose(1, 2)


class Backbone(nn.Module):
    def __init__(self, inputs, dim, inner, layers, scaled=True, conditions=0):
        super().__init__()
        self.embed = nn.Conv1d(inputs, dim, 7, padding=3)
        self.norm = norm(dim, conditions)
        self.convnext = nn.ModuleList(Block(dim, inner, scaled, conditions) for _ in range(layers))
        self.final_layer_norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, x):
        x = self.norm(self.embed(x).transpose(1, 2)).transpose(1, 2)
        for block in self.convnext:
            x = block(x)
        return self.final_layer_norm(x.transpose(1, 2))


class Istft(nn.Module):
    def __init__(self, n_fft, hop, padding):
        super().__init__()
        self.n_fft, self.hop, self.padding = n_fft, hop, padding
        self.register_buffer("window", torch.hann_window(n_fft))

    def forward(self, spectrum):
        if self.padding == "center":
            return torch.istft(spectrum, self.n_fft, self.hop, self.n_fft, self.window, center=True)
        frames = torch.fft.irfft(spectrum, self.n_fft, dim=1) * self.window[:, None]
        length = (spectrum.shape[-1] - 1) * self.hop + self.n_fft

        def overlap_add(columns):
            return F.fold(columns, (1, length), (1, self.n_fft), stride=(1, self.hop))[0, 0, 0]

        envelope = overlap_add(self.window.square()[None, :, None].expand(1, -1, spectrum.shape[-1]))
        cut = (self.n_fft - self.hop) // 2
        return (overlap_add(frames)[cut:length - cut] / envelope[cut:length - cut])[None]


class Head(nn.Module):
    def __init__(self, dim, n_fft, hop, padding):
        super().__init__()
        self.out = nn.Linear(dim, n_fft + 2)
        self.istft = Istft(n_fft, hop, padding)

    def forward(self, x):
        magnitude, phase = self.out(x).transpose(1, 2).chunk(2, dim=1)
        magnitude = torch.clip(torch.exp(magnitude), max=1e2)
        return self.istft(torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase)))


class Vocos(nn.Module):
    def __init__(self, inputs, dim, inner, layers, n_fft, hop, padding, scaled=True, conditions=0):
        super().__init__()
        self.backbone = Backbone(inputs, dim, inner, layers, scaled, conditions)
        self.head = Head(dim, n_fft, hop, padding)

    def forward(self, x):
        return self.head(self.backbone(x))


class CodesVocos(Vocos):
    def __init__(self, inputs, dim, inner, layers, n_fft=1280, hop=320, padding="same"):
        super().__init__(inputs, dim, inner, layers, n_fft, hop, padding, conditions=len(BANDWIDTHS))
        self.feature_extractor = Codebooks(codes_at(max(BANDWIDTHS)), inputs)

    def forward(self, codes, kbps):
        for module in self.modules():
            if isinstance(module, AdaLayerNorm):
                module.condition = BANDWIDTHS.index(kbps)
        return super().forward(self.feature_extractor(codes)[None])


def codes_at(kbps):
    """Codes of a frame: each has 10 bits, 75 times a second."""
    return int(kbps * 1000 / (75 * 10))


def config_of(inputs, dim, inner, layers, n_fft, hop, padding, rate=16000):
    return {"feature_extractor": {"class_path": "vocos.feature_extractors.MelSpectrogramFeatures", "init_args": {
                "sample_rate": rate, "n_fft": n_fft, "hop_length": hop, "n_mels": inputs, "padding": padding}},
            "backbone": {"class_path": "vocos.models.VocosBackbone", "init_args": {
                "input_channels": inputs, "dim": dim, "intermediate_dim": inner, "num_layers": layers}},
            "head": {"class_path": "vocos.heads.ISTFTHead", "init_args": {
                "dim": dim, "n_fft": n_fft, "hop_length": hop, "padding": padding}}}


def codes_config_of(inputs, dim, inner, layers, n_fft=1280, hop=320, padding="same"):
    config = config_of(inputs, dim, inner, layers, n_fft, hop, padding)
    config["feature_extractor"] = {"class_path": "vocos.feature_extractors.EncodecFeatures", "init_args": {
        "encodec_model": "encodec_24khz", "bandwidths": list(BANDWIDTHS), "train_codebooks": True}}
    config["backbone"]["init_args"]["adanorm_num_embeddings"] = len(BANDWIDTHS)
    return config


def training_config_of(network):
    """configs/vocos.yaml, by which the repository trains."""
    return {"seed_everything": 4444, "data": {"class_path": "vocos.dataset.VocosDataModule", "init_args": {
                "train_params": {"sampling_rate": 16000, "num_samples": 16384}}},
            "model": {"class_path": "vocos.experiment.VocosExp", "init_args": {
                "sample_rate": 16000, "initial_learning_rate": 5e-4, "mel_loss_coeff": 45, **network}},
            "trainer": {"max_steps": 2000000}}


def small():
    golden = Golden("vocos")
    torch.manual_seed(13)
    for name, sizes, wrap in (("center", (12, 16, 32, 2, 64, 16, "center"), False),
                              ("same", (9, 16, 24, 3, 80, 20, "same"), False),
                              ("lightning", (12, 8, 32, 1, 64, 16, "center", False), True)):
        net = randomise(Vocos(*sizes), 1)
        for p in (net.backbone.norm, net.backbone.final_layer_norm, *(block.norm for block in net.backbone.convnext)):
            p.weight.data = torch.rand_like(p.weight) + 0.5
        net.head.out.weight.data *= 3  # magnitudes over the limit occur
        state = net.state_dict()
        bins = sizes[4] // 2 + 1
        state["feature_extractor.mel_spec.spectrogram.window"] = torch.hann_window(sizes[4])
        state["feature_extractor.mel_spec.mel_scale.fb"] = torch.rand(bins, sizes[0])
        if wrap:
            state["multiperioddisc.discriminators.0.convs.0.weight"] = torch.zeros(2, 2)
            state = {"state_dict": state, "global_step": 4}
        config = config_of(*sizes[:7])
        if name == "same":
            del config["head"]["init_args"]["padding"]  # the constructor's default
        if wrap:
            config = training_config_of(config)
        file = save(f"vocos-{name}", "pytorch_model.bin", state, "zip", config,
                    "config.json" if name == "center" else "config.yaml")
        for frames in (2, 9, 31):
            x = torch.randn(sizes[0], frames)
            with torch.no_grad():
                golden.add({"file": file}, x=x, y=net(x[None]))
    of_codes(golden)
    golden.save()


def of_codes(golden):
    sizes = (3, 8, 16, 2)
    net = randomise(CodesVocos(*sizes), 2)
    net.head.out.weight.data *= 3
    state = net.state_dict()
    books = state["feature_extractor.codebook_weights"]
    books.copy_(books.half())
    file = save("vocos-encodec", "pytorch_model.bin", {**state, "feature_extractor.codebook_weights": books.half()}, "zip",
                codes_config_of(*sizes), "config.json")
    for kbps in BANDWIDTHS:
        for frames in (1, 9) if kbps < 12 else (31,):
            codes = torch.randint(1024, (codes_at(kbps), frames))
            codes[:, 0] = torch.arange(len(codes)) % 2 * 1023
            with torch.no_grad():
                golden.add({"file": file, "bandwidth_kbps": kbps}, x=codes, y=net(codes, kbps))


if __name__ == "__main__":
    small()
