"""Goldens of HiFi-GAN generators in the spellings of the recipes that train them, with random weights.

The modules are written from the facts (layer lists and names), so that their state dicts have the original keys.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from checkpoints import add_frames, coqui_audio, fuse, new_spelling, randomise, save, weight_norm
from golden import Golden
from pqmf import synthesise

V1 = {"resblock": "1", "upsample_rates": [8, 8, 2, 2], "upsample_kernel_sizes": [16, 16, 4, 4],
      "upsample_initial_channel": 512, "resblock_kernel_sizes": [3, 7, 11], "resblock_dilation_sizes": [[1, 3, 5]] * 3}
V2 = {**V1, "upsample_initial_channel": 128}
V3 = {"resblock": "2", "upsample_rates": [8, 8, 4], "upsample_kernel_sizes": [16, 16, 8], "upsample_initial_channel": 256,
      "resblock_kernel_sizes": [3, 5, 7], "resblock_dilation_sizes": [[1, 2], [2, 6], [3, 12]]}
MEL = {"sampling_rate": 22050, "n_fft": 1024, "hop_size": 256, "win_size": 1024, "num_mels": 80, "fmin": 0, "fmax": 8000}


class Wrapped(nn.Module):
    """A convolution under the name `conv`, padded by reflection."""

    def __init__(self, conv, transposed=False):
        super().__init__()
        self.conv = conv
        self.transposed = transposed

    def forward(self, x):
        if self.transposed:
            return self.conv(x)
        both = (self.conv.kernel_size[0] - 1) * self.conv.dilation[0]
        return self.conv(F.pad(x, (both // 2, both // 2), "reflect"))


class ResBlock(nn.Module):
    def __init__(self, conv, channels, kernel, dilations, twice):
        super().__init__()
        first = nn.ModuleList(conv(channels, kernel, d) for d in dilations)
        if twice:
            self.convs1 = first
            self.convs2 = nn.ModuleList(conv(channels, kernel, 1) for _ in dilations)
        else:
            self.convs = first

    def forward(self, x):
        if hasattr(self, "convs"):
            for c in self.convs:
                x = x + c(F.leaky_relu(x, 0.1))
            return x
        for c1, c2 in zip(self.convs1, self.convs2):
            x = x + c2(F.leaky_relu(c1(F.leaky_relu(x, 0.1)), 0.1))
        return x


class Generator(nn.Module):
    """jik876's generator; `reflect`: SpeechBrain's; `ups` and `cond`: the names that others use."""

    def __init__(self, c, inputs, reflect=False, plain_ends=False, post_bias=True, ups="ups", cond=None, gin=0,
                 stage_cond=False, outputs=1):
        super().__init__()
        norm_end = (lambda m: m) if plain_ends else weight_norm

        def end(a, b, bias=True):
            if reflect:
                return Wrapped(norm_end(nn.Conv1d(a, b, 7, bias=bias)))
            return norm_end(nn.Conv1d(a, b, 7, padding=3, bias=bias))

        def conv(channels, kernel, dilation):
            if reflect:
                return Wrapped(weight_norm(nn.Conv1d(channels, channels, kernel, dilation=dilation)))
            return weight_norm(nn.Conv1d(channels, channels, kernel, dilation=dilation,
                                         padding=(kernel * dilation - dilation) // 2))

        channels = c["upsample_initial_channel"]
        twice = str(c["resblock"]) == "1"
        self.branches = len(c["resblock_kernel_sizes"])
        self.conv_pre = end(inputs, channels)
        up, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for i, (rate, kernel) in enumerate(zip(c["upsample_rates"], c["upsample_kernel_sizes"])):
            layer = weight_norm(nn.ConvTranspose1d(channels >> i, channels >> (i + 1), kernel, rate,
                                                   padding=(kernel - rate) // 2))
            up.append(Wrapped(layer, transposed=True) if reflect else layer)
            for k, d in zip(c["resblock_kernel_sizes"], c["resblock_dilation_sizes"]):
                self.resblocks.append(ResBlock(conv, channels >> (i + 1), k, d, twice))
        setattr(self, ups, up)
        self.up_name, self.cond_name = ups, cond
        self.conv_post = end(channels >> len(up), outputs, post_bias)
        if cond:
            setattr(self, cond, nn.Conv1d(gin, channels, 1))
        if stage_cond:
            self.conds = nn.ModuleList(nn.Conv1d(gin, channels >> (i + 1), 1) for i in range(len(up)))

    def body(self, x, g=None):
        x = self.conv_pre(x)
        if self.cond_name:
            x = x + getattr(self, self.cond_name)(g)
        for i, up in enumerate(getattr(self, self.up_name)):
            x = up(F.leaky_relu(x, 0.1))
            if hasattr(self, "conds"):
                x = x + self.conds[i](g)
            blocks = self.resblocks[i * self.branches:(i + 1) * self.branches]
            x = sum(block(x) for block in blocks) / self.branches
        return F.leaky_relu(x)

    def forward(self, x, g=None):
        return torch.tanh(self.conv_post(self.body(x, g)))


class CausalConv(nn.Module):
    def __init__(self, inputs, outputs, kernel, dilation=1):
        super().__init__()
        self.left = (kernel - 1) * dilation
        self.conv = weight_norm(nn.Conv1d(inputs, outputs, kernel, dilation=dilation))

    def forward(self, x):
        return self.conv(F.pad(x, (self.left, 0)))


class CausalUp(nn.Module):
    def __init__(self, inputs, outputs, scale, repeats_first):
        super().__init__()
        self.scale, self.repeats_first = scale, repeats_first
        self.deconv = weight_norm(nn.ConvTranspose1d(inputs, outputs, 2 * scale, scale))

    def forward(self, x):
        if self.repeats_first:  # from 0.5.5 on
            return self.deconv(F.pad(x, (1, 0), "replicate"))[:, :, self.scale:-self.scale]
        return self.deconv(x)[:, :, :-self.scale]


def pwg_activation(p, usual):
    """What ParallelWaveGAN's constructors make of a config: what it leaves out is `usual`, parameters as a whole."""
    return getattr(nn, p.get("nonlinear_activation", "LeakyReLU"))(
        **p.get("nonlinear_activation_params", {"negative_slope": usual}))


class PwgBlock(nn.Module):
    def __init__(self, conv, channels, kernel, dilations, twice, act):
        super().__init__()

        def layers(ds):
            return nn.ModuleList(nn.Sequential(act, conv(channels, channels, kernel, d)) for d in ds)

        self.convs1 = layers(dilations)
        if twice:
            self.convs2 = layers([1] * len(dilations))

    def forward(self, x):
        for m, c in enumerate(self.convs1):
            y = c(x)
            x = x + (self.convs2[m](y) if hasattr(self, "convs2") else y)
        return x


class PwgGenerator(nn.Module):
    def __init__(self, p, causal_start=None, global_channels=0):
        super().__init__()
        causal = p.get("use_causal_conv", False)

        def conv(a, b, kernel, dilation=1):
            if causal:
                return CausalConv(a, b, kernel, dilation)
            return weight_norm(nn.Conv1d(a, b, kernel, padding=(kernel - 1) // 2 * dilation, dilation=dilation))

        def up(a, b, scale):
            if causal:
                return CausalUp(a, b, scale, causal_start)
            return weight_norm(nn.ConvTranspose1d(a, b, 2 * scale, scale, padding=scale // 2 + scale % 2,
                                                  output_padding=scale % 2))

        channels, kernel, act = p["channels"], p["kernel_size"], pwg_activation(p, 0.1)
        self.branches = len(p["resblock_kernel_sizes"])
        self.input_conv = conv(p["in_channels"], channels, kernel)
        self.upsamples, self.blocks = nn.ModuleList(), nn.ModuleList()
        for i, scale in enumerate(p["upsample_scales"]):
            self.upsamples.append(nn.Sequential(act, up(channels >> i, channels >> (i + 1), scale)))
            for k, d in zip(p["resblock_kernel_sizes"], p["resblock_dilations"]):
                self.blocks.append(PwgBlock(conv, channels >> (i + 1), k, d, p["use_additional_convs"], act))
        self.output_conv = nn.Sequential(nn.LeakyReLU(), conv(channels >> len(self.upsamples), p["out_channels"], kernel),
                                         nn.Tanh())
        if global_channels:
            self.global_conv = nn.Conv1d(global_channels, channels, 1)

    def forward(self, x, g=None):
        x = self.input_conv(x)
        if g is not None:
            x = x + self.global_conv(g)
        for i, up in enumerate(self.upsamples):
            x = up(x)
            blocks = self.blocks[i * self.branches:(i + 1) * self.branches]
            x = sum(block(x) for block in blocks) / self.branches
        return self.output_conv(x)


def prefixed(prefix, state):
    return {prefix + key: value for key, value in state.items()}


SMALL1 = {"resblock": "1", "upsample_rates": [4, 2, 2], "upsample_kernel_sizes": [8, 4, 4], "upsample_initial_channel": 16,
          "resblock_kernel_sizes": [3, 5], "resblock_dilation_sizes": [[1, 3, 5], [1, 2]]}
SMALL2 = {"resblock": "2", "upsample_rates": [4, 3], "upsample_kernel_sizes": [8, 7], "upsample_initial_channel": 12,
          "resblock_kernel_sizes": [3, 5, 7], "resblock_dilation_sizes": [[1, 2], [2, 6], [3, 12]]}
SMALL_MEL = {"sampling_rate": 16000, "n_fft": 64, "win_size": 64, "num_mels": 10, "fmin": 0, "fmax": 8000}
PWG = {"in_channels": 10, "out_channels": 1, "channels": 16, "kernel_size": 7, "upsample_scales": [5, 2],
       "upsample_kernel_sizes": [10, 4], "resblock_kernel_sizes": [3, 5], "resblock_dilations": [[1, 3], [1, 5]],
       "use_additional_convs": True, "bias": True, "nonlinear_activation": "LeakyReLU",
       "nonlinear_activation_params": {"negative_slope": 0.1}, "use_weight_norm": True}
PWG_MEL = {"sampling_rate": 16000, "fft_size": 64, "hop_size": 10, "win_length": None, "num_mels": 10, "fmin": 80,
           "fmax": 7600, "generator_type": "HiFiGANGenerator"}


def small():
    golden = Golden("hifigan")

    def add(file, net, inputs, g=None, **options):
        net.eval()
        add_frames(golden, file, lambda x: net(x) if g is None else net(x, g), inputs, (6, 7, 23), **options)

    torch.manual_seed(11)
    for name, sizes, format in (("1", SMALL1, "zip"), ("2", SMALL2, "legacy")):
        net = randomise(Generator(sizes, 10), 1)
        hop = torch.tensor(sizes["upsample_rates"]).prod().item()
        config = {**sizes, **SMALL_MEL, "hop_size": hop, "num_freq": 33, "batch_size": 16, "fmax_for_loss": None}
        file = save(f"hifigan-jik876-{name}", "g_02500000", {"generator": net.state_dict()}, format, config)
        add(file, net, 10)
    net = randomise(Generator(SMALL1, 10), 2)
    state = {"model": {f"model_g.{key}": value for key, value in new_spelling(net.state_dict()).items()}, "step": 3}
    config = {"generator_model": "hifigan_generator", "generator_model_params": {
        **{k: SMALL1[k] for k in ("upsample_initial_channel", "resblock_kernel_sizes", "resblock_dilation_sizes",
                                  "upsample_kernel_sizes")},
        "in_channels": 10, "out_channels": 1, "resblock_type": "1", "upsample_factors": SMALL1["upsample_rates"]},
        "audio": coqui_audio(16)}
    add(save("hifigan-coqui", "best_model.pth", state, "zip", config), net, 10)

    net = fuse(randomise(Generator(SMALL1, 11, plain_ends=True, post_bias=False, ups="upsampler", cond="cond", gin=3), 12))
    voices = torch.randn(4, 3)
    state = {**prefixed("decoder.", net.state_dict()), "embed_speaker.weight": voices,
             "text_encoder.embed_tokens.weight": torch.randn(4, 11), "flow.flows.0.conv_pre.weight": torch.randn(2, 2, 1)}
    config = {"model_type": "vits", "vocab_size": 4, "flow_size": 11, "num_speakers": 4, "speaker_embedding_size": 3,
              "leaky_relu_slope": 0.1, "sampling_rate": 16000, **{k: v for k, v in SMALL1.items() if k != "resblock"}}
    add(save("hifigan-vits-transformers", "model.safetensors", state, "safetensors", config), net, 11,
        voices[1][None, :, None], speaker=1)

    net = randomise(Generator(SMALL2, 14, plain_ends=True, post_bias=False, cond="cond", gin=5), 3)
    voices = torch.randn(3, 5)
    state = {"model": {**prefixed("dec.", net.state_dict()), "emb_g.weight": voices,
                       "enc_p.emb.weight": torch.randn(4, 14)}, "iteration": 7}
    # As configs/vctk_base.json: the kernel_size is the text encoder's.
    config = {"train": {"segment_size": 8192, "learning_rate": 2e-4, "fp16_run": True},
              "data": {"max_wav_value": 32768.0, "sampling_rate": 16000, "filter_length": 64, "hop_length": 12,
                       "win_length": 64, "n_mel_channels": 80, "mel_fmin": 0.0, "mel_fmax": None, "n_speakers": 3},
              "model": {"inter_channels": 14, "hidden_channels": 14, "filter_channels": 768, "n_heads": 2, "n_layers": 6,
                        "kernel_size": 3, "p_dropout": 0.1, **SMALL2, "n_layers_q": 3, "use_spectral_norm": False,
                        "gin_channels": 5}}
    file = save("hifigan-vits", "G_100000.pth", state, "zip", config)
    add(file, net, 14, voices[2][None, :, None], speaker=2)
    other = torch.randn(5)
    add(file, net, 14, other[None, :, None], speaker_embedding=other.tolist())

    net = randomise(Generator(SMALL1, 9, plain_ends=True, cond="cond_layer", gin=4, stage_cond=True), 4)
    state = {"model": prefixed("hifigan_decoder.waveform_decoder.", net.state_dict())}
    config = {"model": "xtts", "model_args": {"input_sample_rate": 22050}, **SMALL1,
              "audio": {"sample_rate": 22050, "output_sample_rate": 24000}}
    other = torch.randn(4)
    add(save("hifigan-xtts", "model.pth", state, "zip", config), net, 9, other[None, :, None],
        speaker_embedding=other.tolist())

    net = randomise(Generator(SMALL1, 10, reflect=True), 5)
    config = """# hyperparams.yaml as SpeechBrain has it
sample_rate: 16000
hop_length: 16
win_length: 64
n_fft: 64
n_mel_channels: 10
mel_fmin: 0.0
mel_fmax: 8000
in_channels: !ref <n_mel_channels>
resblock_type: "1"
resblock_dilation_sizes: [[1, 3, 5], [1, 2]]
resblock_kernel_sizes: [3, 5]
upsample_kernel_sizes: [8, 4, 4]
upsample_initial_channel: 16
upsample_factors: [4, 2, 2]
generator: !new:speechbrain.lobes.models.HifiGAN.HifiganGenerator
    in_channels: !ref <in_channels>
    resblock_type: !ref <resblock_type>
modules:
    generator: !ref <generator>
"""
    add(save("hifigan-speechbrain", "generator.ckpt", net.state_dict(), "zip", config, "hyperparams.yaml"), net, 10)

    net = fuse(randomise(Generator(V1 | {"upsample_initial_channel": 16}, 6, plain_ends=True, post_bias=False), 10))
    tensors = [(f"dec.{key}", value) for key, value in net.state_dict().items()]
    others = [("enc_p.emb.weight", torch.randn(4, 6)), ("onnx::MatMul_2031", torch.randn(3, 3))]
    config = {"audio": {"sample_rate": 16000, "quality": "high"}, "num_speakers": 1, "phoneme_id_map": {"_": [0]}, **V1,
              "upsample_initial_channel": 16}
    add(save("hifigan-piper", "en_US-test-high.onnx", tensors + others, "onnx", config, "en_US-test-high.onnx.json"), net, 6)

    mean, scale = torch.randn(10), torch.rand(10) + 0.5
    config = {"model_type": "hifigan", "model_in_dim": 10, "sampling_rate": 16000, "leaky_relu_slope": 0.1,
              "normalize_before": True, **{k: v for k, v in SMALL1.items() if k != "resblock"},
              "upsample_rates": [16, 8, 2], "upsample_kernel_sizes": [32, 16, 4]}
    net = fuse(randomise(Generator({**SMALL1, **config}, 10, ups="upsampler"), 6))
    state = {**net.state_dict(), "mean": mean, "scale": scale}

    class Normalised(nn.Module):
        def forward(self, x):
            return net((x - mean[:, None]) / scale[:, None])

    add(save("hifigan-speecht5", "model.safetensors", state, "safetensors", config), Normalised(), 10)

    net = randomise(Generator({**SMALL2, "resblock": 2}, 10), 7)
    config = {"preprocessor": {"_target_": "nemo.collections.asr.parts.preprocessing.features.FilterbankFeatures",
                               "nfilt": 10, "lowfreq": 0, "highfreq": 8000, "n_fft": 64, "n_window_size": 64,
                               "n_window_stride": 12, "pad_to": 0, "pad_value": -11.52, "sample_rate": 16000,
                               "window": "hann", "normalize": None, "preemph": None, "dither": 0.0, "frame_splicing": 1,
                               "log": True, "log_zero_guard_type": "clamp", "log_zero_guard_value": 1e-05,
                               "mag_power": 1.0, "use_grads": False, "exact_pad": True},
              "generator": {"_target_": "nemo.collections.tts.modules.hifigan_modules.Generator", **SMALL2, "resblock": 2}}
    add(save("hifigan-nemo", "model_weights.ckpt", prefixed("generator.", net.state_dict()), "zip", config,
             "model_config.yaml"), net, 10)

    for name, changes, version, start in (("pwg", {}, "0.5.4", None), ("pwg-single", {"use_additional_convs": False}, "0.6.1", None),
                                          ("pwg-causal-old", {"use_causal_conv": True}, "0.5.4", False),
                                          ("pwg-causal", {"use_causal_conv": True}, "0.5.5", True)):
        params = {**PWG, **changes}
        net = randomise(PwgGenerator(params, start), 8)
        config = {**PWG_MEL, "generator_params": params, "version": version}
        state = {"model": {"generator": net.state_dict(), "discriminator": {"convs.0.weight": torch.zeros(2, 2)}}, "steps": 1}
        add(save(f"hifigan-{name}", "checkpoint-400000steps.pkl", state, "zip", config, "config.yml"), net, 10)
    net = randomise(PwgGenerator(PWG, global_channels=3), 9)
    voices = torch.randn(2, 3)
    state = {**prefixed("tts.generator.decoder.", net.state_dict()), "tts.generator.global_emb.weight": voices}
    config = {"feats_extract": "linear_spectrogram", "feats_extract_conf": {"n_fft": 64, "hop_length": 10, "win_length": None},
              "tts": "vits", "tts_conf": {"sampling_rate": 16000, "generator_type": "vits_generator", "generator_params": {
        "hidden_channels": 10, "spks": 2, "global_channels": 3, "text_encoder_conformer_kernel_size": 7,
        "decoder_channels": 16, "decoder_kernel_size": 7, "decoder_upsample_scales": PWG["upsample_scales"],
        "decoder_upsample_kernel_sizes": PWG["upsample_kernel_sizes"],
        "decoder_resblock_kernel_sizes": PWG["resblock_kernel_sizes"],
        "decoder_resblock_dilations": PWG["resblock_dilations"], "posterior_encoder_kernel_size": 5}}}
    add(save("hifigan-espnet", "train.total_count.ave_10best.pth", state, "zip", config, "config.yaml"), net, 10,
        voices[1][None, :, None], speaker=1)

    # Configs that leave settings out, or say them otherwise.
    tiny = {k: v for k, v in PWG.items() if not k.startswith("nonlinear")}
    tiny.update(channels=8, resblock_kernel_sizes=[3], resblock_dilations=[[1, 3]])
    for name, changes in (("slope", {"nonlinear_activation_params": {"negative_slope": 0.3}}),
                          ("relu", {"nonlinear_activation": "ReLU", "nonlinear_activation_params": {}}),
                          ("multiband", {"out_channels": 4, "upsample_scales": [2, 3], "upsample_kernel_sizes": [4, 6]})):
        params = {**tiny, **changes}
        net = randomise(PwgGenerator(params), 13)
        bands = params["out_channels"]
        hop = bands * params["upsample_scales"][0] * params["upsample_scales"][1]
        config = {**PWG_MEL, "hop_size": hop, "generator_params": params, "version": "0.5.5"}
        file = save(f"hifigan-pwg-{name}", "checkpoint-400000steps.pkl", {"model": {"generator": net.state_dict()}}, "zip",
                    config, "config.yml")
        joined = net if bands == 1 else lambda x, net=net: synthesise(net(x)[0], (bands, 62, 0.142, 9.0))[None]
        add_frames(golden, file, joined, 10, (6, 7, 23))

    # A module saved whole after a step of training: it still has the weights of the forward pass before. And lists that
    # go on behind what the code reads of them.
    sizes = {"resblock": "2", "upsample_rates": [4, 2], "upsample_kernel_sizes": [8, 4], "upsample_initial_channel": 8,
             "resblock_kernel_sizes": [3, 5], "resblock_dilation_sizes": [[1, 3], [1, 3]]}
    net = randomise(Generator(sizes, 10), 14)
    net(torch.randn(1, 10, 8))
    randomise(net, 15)
    config = {**sizes, **SMALL_MEL, "hop_size": 8, "upsample_kernel_sizes": [8, 4, 4],
              "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]]}
    add(save("hifigan-whole-module", "generator.pth", net, "zip", config), net, 10)

    # As piper_train saves it: Lightning keeps the arguments, and the config has a word of the user's for them.
    net = randomise(Generator(SMALL2, 6, plain_ends=True, post_bias=False), 16)
    state = {"epoch": 3, "global_step": 7, "state_dict": {**prefixed("model_g.dec.", net.state_dict()),
                                                          "model_g.enc_p.emb.weight": torch.randn(4, 6)},
             "hyper_parameters": {"num_symbols": 256, "num_speakers": 1, **SMALL2, "filter_length": 1024, "hop_length": 12,
                                  "win_length": 1024, "mel_channels": 80, "sample_rate": 16000, "mel_fmin": 0.0,
                                  "mel_fmax": None, "inter_channels": 6, "kernel_size": 3, "quality": "medium"}}
    config = {"dataset": "mine", "audio": {"sample_rate": 16000, "quality": "mine"}, "num_speakers": 1, "num_symbols": 256,
              "phoneme_id_map": {"_": [0]}}
    add(save("hifigan-piper-training", "last.ckpt", state, "zip", config), net, 6)

    # Transformers' FastSpeech2ConformerWithHifiGan.
    net = randomise(Generator({**SMALL1, "upsample_rates": [16, 8, 2], "upsample_kernel_sizes": [32, 16, 4]}, 10,
                              ups="upsampler"), 17)
    state = {**prefixed("vocoder.", {**new_spelling(net.state_dict()), "mean": mean, "scale": scale}),
             "model.encoder.embed.weight": torch.randn(4, 3)}
    config = {"model_type": "fastspeech2_conformer_with_hifigan", "model_config": {"num_mel_bins": 10, "vocab_size": 78},
              "vocoder_config": {"model_type": "hifigan", "model_in_dim": 10, "leaky_relu_slope": 0.1,
                                 "normalize_before": True, **{k: v for k, v in SMALL1.items() if k != "resblock"},
                                 "upsample_rates": [16, 8, 2], "upsample_kernel_sizes": [32, 16, 4]}}
    add(save("hifigan-fastspeech2", "model.safetensors", state, "safetensors", config), Normalised(), 10)

    # ESPnet's JETS.
    params = {**PWG, "use_additional_convs": False, "nonlinear_activation_params": {"negative_slope": 0.2}}
    net = randomise(PwgGenerator(params), 18)
    state = {**prefixed("tts.generator.generator.", net.state_dict()), "tts.generator.encoder.embed.0.weight": torch.randn(4, 10)}
    config = {"feats_extract": "fbank", "feats_extract_conf": {"n_fft": 64, "hop_length": 10, "win_length": None, "fs": 16000,
                                                               "fmin": 80, "fmax": 7600, "n_mels": 80},
              "tts": "jets", "tts_conf": {"generator_type": "jets_generator", "generator_params": {
                  "adim": 10, "positionwise_conv_kernel_size": 3, "generator_out_channels": 1,
                  **{f"generator_{k}": v for k, v in params.items() if k not in ("in_channels", "out_channels")}}}}
    add(save("hifigan-jets", "train.total_count.ave_5best.pth", state, "zip", config, "config.yaml"), net, 10)
    golden.save()


if __name__ == "__main__":
    small()
