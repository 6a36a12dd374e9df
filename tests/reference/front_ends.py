"""Goldens of mel front ends as the configs of public recipes describe them, in float64: scipy's filters, torch's transform
and torchaudio's filterbank; where a recipe takes torchaudio's own transform, that one. Each case holds the changes to a
config that stands beside a checkpoint, or the settings of sound and features in the text that the recipe writes."""

import json

import numpy as np
import scipy.signal
import torch
import torchaudio
import yaml
from checkpoints import coqui_audio
from golden import Golden

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(6)
golden = Golden("front_ends")
SOUND = torch.from_numpy((0.2 * scipy.signal.lfilter([1], [1, -0.9], rng.standard_normal(3000))).astype(np.float32))


def mel(x, rate, n_fft, hop, win, mels, low, high):
    frames = torch.stft(torch.from_numpy(x), n_fft, hop, win, torch.hann_window(win), center=True, pad_mode="reflect",
                        return_complex=True).abs()
    return torchaudio.functional.melscale_fbanks(n_fft // 2 + 1, low, high, mels, rate, "slaney", "slaney").T @ frames


def coqui(a):
    x = SOUND.double().numpy()
    if a["preemphasis"]:
        x = scipy.signal.lfilter([1, -a["preemphasis"]], [1], x)
    high = a["mel_fmax"] or a["sample_rate"] / 2
    m = mel(x, a["sample_rate"], a["fft_size"], a["hop_length"], a["win_length"], a["num_mels"], a["mel_fmin"], high)
    y = torch.clamp(m, min=1e-8)
    y = a["spec_gain"] * (torch.log(y) if a["log_func"] == "np.log" else torch.log10(y))
    if not a["signal_norm"] or a["stats_path"]:
        return y
    y = (y - a["ref_level_db"] - a["min_level_db"]) / -a["min_level_db"]
    most = a["max_norm"]
    y = 2 * most * y - most if a["symmetric_norm"] else most * y
    return torch.clamp(y, -most if a["symmetric_norm"] else 0, most) if a["clip_norm"] else y


def r9y9(h):
    x = SOUND.double().numpy()
    if h.get("highpass_cutoff", 0) > 0:
        filter = scipy.signal.firwin(255, h["highpass_cutoff"] / (h["sample_rate"] // 2), pass_zero=False)
        x = scipy.signal.lfilter(filter, 1, x)
    m = mel(x, h["sample_rate"], h["fft_size"], h["hop_size"], h["fft_size"], h["num_mels"], h["fmin"], h["fmax"])
    return torch.log10(torch.clamp(m, min=1e-10))


for changes in ({}, {"log_func": "np.log10", "spec_gain": 20, "signal_norm": True, "ref_level_db": 20},
                {"signal_norm": True, "log_func": "np.log10", "spec_gain": 20.0, "symmetric_norm": False, "max_norm": 1.0,
                 "ref_level_db": 0, "preemphasis": 0.97, "mel_fmax": None},
                {"signal_norm": True, "log_func": "np.log10", "spec_gain": 20, "clip_norm": False, "win_length": 48},
                {"signal_norm": True, "log_func": "np.log10", "stats_path": "scale_stats.npy", "preemphasis": 0.98}):
    audio = {**coqui_audio(16), **changes}
    golden.add({"file": "hifigan-coqui/best_model.pth", "change": {"audio": audio}}, x=SOUND[None], y=coqui(audio))
for changes in ({}, {"highpass_cutoff": 70.0}, {"highpass_cutoff": 300, "fmax": 7000}):
    hparams = {"sample_rate": 16000, "num_mels": 10, "fmin": 125, "fmax": 7600, "fft_size": 64, "hop_size": 20, **changes}
    golden.add({"file": "wavenet-vocoder-mol/checkpoint_step000000010_ema.pth", "change": changes}, x=SOUND[None],
               y=r9y9(hparams))

VOCOS = """seed_everything: 4444
data:
  class_path: vocos.dataset.VocosDataModule
  init_args:
    train_params:
      filelist_path: ???
      sampling_rate: 22050
model:
  class_path: vocos.experiment.VocosExp
  init_args:
    sample_rate: 22050
    initial_learning_rate: 5e-4
    mel_loss_coeff: 45
    feature_extractor:
      class_path: vocos.feature_extractors.MelSpectrogramFeatures
      init_args:
        sample_rate: 22050
        n_fft: 1024
        hop_length: 256
        n_mels: 80
        padding: same
        f_min: 0
        f_max: 8000
        norm: "slaney"
        mel_scale: "slaney"
    backbone:
      class_path: vocos.models.VocosBackbone
      init_args: {input_channels: 80, dim: 512, intermediate_dim: 1536, num_layers: 8}
    head:
      class_path: vocos.heads.ISTFTHead
      init_args: {dim: 512, n_fft: 1024, hop_length: 256, padding: same}
trainer:
  logger:
    class_path: pytorch_lightning.loggers.TensorBoardLogger
    init_args: {save_dir: logs/}
  max_steps: 2000000
"""

SPEECHBRAIN = """sample_rate: 22050
hop_length: 256
win_length: 1024
n_mel_channels: 80
n_fft: 1024
n_stft: !ref <n_fft> // 2 + 1
mel_fmin: 0.0
mel_fmax: 8000
mel_normalized: null
power: 1.5
dynamic_range_compression: True
in_channels: 80
resblock_type: "1"
mel_spectogram: !name:speechbrain.lobes.models.HifiGAN.mel_spectogram
    sample_rate: !ref <sample_rate>
    power: !ref <power>
    normalized: !ref <mel_normalized>
    compression: !ref <dynamic_range_compression>
"""

NEMO = """preprocessor:
  _target_: nemo.collections.asr.parts.preprocessing.features.FilterbankFeatures
  nfilt: 80
  lowfreq: 0
  highfreq: 8000
  n_fft: 1024
  n_window_size: 1024
  n_window_stride: 256
  pad_to: 0
  pad_value: -11.52
  sample_rate: 22050
  window: hann
  normalize: null
  preemph: null
  dither: 0.0
  frame_splicing: 1
  log: true
  log_zero_guard_type: clamp
  log_zero_guard_value: 1e-05
  mag_power: 1.0
  use_grads: false
  exact_pad: true
target: nemo.collections.tts.models.hifigan.HifiGanModel
"""

PWG = """sampling_rate: 24000
fft_size: 2048
hop_size: 300
win_length: 1200
window: "hann"
num_mels: 80
fmin: 80
fmax: 7600
global_gain_scale: 1.0
trim_silence: false
generator_params:
    in_channels: 1
    aux_channels: 80
format: "hdf5"
"""

R9Y9 = {"name": "wavenet_vocoder", "input_type": "raw", "cin_channels": 80, "sample_rate": 22050, "preprocess": "preemphasis",
        "postprocess": "inv_preemphasis", "global_gain_scale": 0.55, "highpass_cutoff": 0.0, "num_mels": 80, "fmin": 125,
        "fmax": 7600, "fft_size": 1024, "hop_size": 256, "frame_shift_ms": None, "win_length": 1024, "win_length_ms": -1.0,
        "window": "hann"}


def torchaudio_mel(settings, center=True):
    x = SOUND.double()
    if not center:
        x = torch.nn.functional.pad(x[None, None], [(settings["n_fft"] - settings["hop_length"]) // 2] * 2, "reflect")[0, 0]
    return torchaudio.transforms.MelSpectrogram(center=center, **settings)(x)


def vocos(a):
    settings = {"sample_rate": 24000, "n_fft": 1024, "hop_length": 256, "n_mels": 100, "power": 1.0, **a}
    return torch.log(torch.clip(torchaudio_mel(settings, settings.pop("padding", "center") == "center"), min=1e-7))


def speechbrain(h):
    settings = {k: h[k] for k in ("sample_rate", "hop_length", "win_length", "n_fft")}
    settings |= {"n_mels": h["n_mel_channels"], "f_min": h["mel_fmin"], "f_max": h["mel_fmax"],
                 "normalized": bool(h.get("mel_normalized"))}
    # What is published for inference says nothing of these.
    published = {"power": 1.0, "norm": "slaney", "mel_scale": "slaney"}
    settings |= {k: h[k] for k in published if k in h} if "power" in h else published
    return torch.log(torch.clamp(torchaudio_mel(settings), min=1e-5))


def nemo(p):
    n_fft, hop, win = p["n_fft"], p["n_window_stride"], p["n_window_size"]
    x = torch.nn.functional.pad(SOUND.double()[None, None], [(n_fft - hop) // 2] * 2, "reflect")[0, 0]
    frames = torch.stft(x, n_fft, hop, win, torch.hann_window(win, periodic=False), center=False, return_complex=True)
    y = torch.sqrt(frames.abs() ** 2 + (1e-5 if p["use_grads"] else 0)) ** p["mag_power"]
    y = torchaudio.functional.melscale_fbanks(n_fft // 2 + 1, p["lowfreq"], p["highfreq"], p["nfilt"], p["sample_rate"],
                                              p.get("mel_norm", "slaney"), "slaney").T @ y
    guard = p["log_zero_guard_value"]
    guard = {"eps": torch.finfo(torch.float32).eps, "tiny": torch.finfo(torch.float32).tiny}.get(guard) or float(guard)
    return torch.log(torch.clamp(y, min=guard))


def pwg(c):
    x = SOUND.double().numpy()
    m = mel(x, c["sampling_rate"], c["fft_size"], c["hop_size"], c["win_length"] or c["fft_size"], c["num_mels"], c["fmin"],
            c["fmax"])
    return {10: torch.log10, 2: torch.log2, None: torch.log}[c.get("log_base", 10)](torch.clamp(m, min=1e-10))


def r9y9_head(h):
    rate = h["sample_rate"]
    hop = h["hop_size"] or int(h["frame_shift_ms"] / 1000 * rate)
    win = h["win_length"] if h["win_length"] >= 0 else int(h["win_length_ms"] / 1000 * rate)
    m = mel(SOUND.double().numpy(), rate, h["fft_size"], hop, win, h["num_mels"], h["fmin"], h["fmax"])
    return torch.log10(torch.clamp(m, min=1e-10))


class Lenient(yaml.SafeLoader):
    pass


Lenient.add_multi_constructor("!", lambda loader, tag, node: tag)


def add_text(config, text, features, section=(), **frames):
    settings = yaml.load(text, Lenient)
    for key in section:
        settings = settings[key]
    y = features(settings)
    golden.add({"config": config, "text": text, "frames": frames}, x=SOUND[None], y=y)


def changed(text, **lines):
    """The text with the values of these keys changed, or with further keys at the end."""
    for key, value in lines.items():
        at = [i for i, line in enumerate(text.split("\n")) if line.strip().startswith(key + ":")]
        line = f"{key}: {json.dumps(value)}"
        parts = text.split("\n")
        for i in at:
            parts[i] = parts[i][:len(parts[i]) - len(parts[i].lstrip())] + line
        text = "\n".join(parts) + ("" if at else line + "\n")
    return text


extractor = ("model", "init_args", "feature_extractor", "init_args")
add_text("config.yaml", VOCOS, vocos, extractor, bands=80, hop=256)
plain = VOCOS.replace("        f_min: 0\n        f_max: 8000\n        norm: \"slaney\"\n        mel_scale: \"slaney\"\n", "")
add_text("config.yaml", plain.replace("padding: same", "padding: center"), vocos, extractor, bands=80, hop=256)
top = yaml.safe_load(VOCOS)["model"]["init_args"]
for changes in ({"sample_rate": 24000}, {"f_min": 100, "power": 2.0}, {"mel_scale": "slaney"}, {"norm": "slaney", "f_max": 7000}):
    top["feature_extractor"]["init_args"] = changes
    add_text("config.yaml", yaml.safe_dump(top), vocos, extractor[2:], bands=100, hop=256)
for text in (SPEECHBRAIN, changed(SPEECHBRAIN, power=1, norm="slaney", mel_scale="slaney", mel_normalized=False),
             changed(SPEECHBRAIN, norm=None, mel_scale="slaney", mel_normalized=True),
             "".join(line + "\n" for line in SPEECHBRAIN.split("\n") if not line.startswith(("power", "dynamic", "mel_n", "  ")))):
    add_text("hyperparams.yaml", text, speechbrain, bands=80, hop=256)
for changes in ({}, {"mag_power": 2.0, "log_zero_guard_value": "eps", "n_window_size": 800}, {"use_grads": True},
                {"log_zero_guard_value": "tiny", "mel_norm": None}):
    text = NEMO
    if "mel_norm" in changes:
        text = text.replace("  pad_to: 0", "  pad_to: 0\n  mel_norm: null")
    text = changed(text, **{k: v for k, v in changes.items() if k != "mel_norm"})
    add_text("model_config.yaml", text, nemo, ("preprocessor",), bands=80, hop=256)
for changes in ({}, {"log_base": None, "win_length": None}, {"log_base": 2.0, "sampling_rate_for_feats": 24000}, {"log_base": 10.0}):
    add_text("config.yml", changed(PWG, **changes), pwg, bands=80, hop=300)
for changes, hop in (({}, 256), ({"hop_size": None, "frame_shift_ms": 12.5}, 275), ({"win_length": -1, "win_length_ms": 40.0}, 256)):
    add_text("hparams.json", json.dumps({**R9Y9, **changes}), r9y9_head, bands=80, hop=hop)
golden.save()
