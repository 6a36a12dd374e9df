"""The Python module: pytest with PYTHONPATH at build/release/python. What it computes is tested in C++ and, against
PyTorch, by parity.py; here, that arrays pass as they should."""

import copy
import inspect
import json
import os
import pathlib
import pickle
import re
import subprocess
import sys
import threading
import time
from signal import SIGINT

import numpy as np
import pytest
import wavestride as ws

TESTS = pathlib.Path(__file__).resolve().parents[1]
MODEL = TESTS / "golden" / "model-0.safetensors"
rng = np.random.default_rng(1)


def signal(channels, frames):
    return rng.normal(size=(channels, frames)).astype("f4")


def golden_tensor(file, name):
    blob = (TESTS / "golden" / f"{file}.safetensors").read_bytes()
    size = int.from_bytes(blob[:8], "little")
    entry = json.loads(blob[8 : 8 + size])[name]
    begin, end = (8 + size + offset for offset in entry["data_offsets"])
    return np.frombuffer(blob[begin:end], "<f4").reshape(entry["shape"])


def test_every_layout_gives_the_same():
    x = signal(3, 50)
    w = signal(4, 9).reshape(4, 3, 3)
    expected = ws.conv1d(x, w)
    padded = np.zeros((7, 120), "f4")
    padded[1:4, 10:110:2] = x
    unaligned = np.zeros(4 * x.size + 1, "u1")[1:].view("f4").reshape(x.shape)
    unaligned[:] = x
    for y in [np.asfortranarray(x), padded[1:4, 10:110:2], x[::-1][::-1], x.astype("f8"), unaligned, x[:, ::-1][:, ::-1]]:
        assert np.array_equal(ws.conv1d(y, w), expected)
    assert np.array_equal(ws.conv1d(x.tolist(), w.tolist()), expected)
    negative = x[::-1, ::-1]
    assert np.array_equal(ws.conv1d(negative, w), ws.conv1d(negative.copy(), w))


def test_results_are_frames_that_pass_on_without_a_copy():
    y = ws.conv1d(signal(3, 50), signal(4, 9).reshape(4, 3, 3), padding="same")
    assert (y.dtype, y.shape, y.strides) == (np.float32, (4, 50), (4, 16))
    assert y.flags.writeable
    y[:] = 0  # its own memory
    part = ws.pixel_shuffle1d(y[:, 5:20], 2)
    assert part.shape == (2, 30)


def test_the_type_of_numbers_does_not_change_a_shape():
    x = np.array([-1, 0, 1, 2], "f4")
    relu, resampler = ws.operator("relu", 1), ws.Resampler(1, 2)
    same = [x, x.astype("f8"), x.astype("i2"), x.astype(">f4"), x.astype("f2"), x.tolist()]
    torch = pytest.importorskip("torch")
    same += [torch.tensor(x), torch.tensor(x, dtype=torch.float64), torch.tensor(x, dtype=torch.int8)]
    for y in same:
        assert np.array_equal(relu(y), [0, 0, 1, 2])
        assert np.array_equal(relu(input=y), relu(x))
        assert resampler(y).shape == ws.resample(y, 1, 2).shape == (8,)
        assert relu.stream().push(y).shape == (1, 4)
    assert np.array_equal(relu(x > 0), [0, 0, 1, 1])
    assert relu([x.tolist()]).shape == relu(x[None]).shape == relu(torch.tensor(x)[None]).shape == (1, 4)


def test_what_is_no_signal_is_refused():
    x, w = signal(1, 4), np.ones((1, 1, 1), "f4")
    op = ws.operator("relu", 1)
    for value, reason in [
        (None, "got None"),
        ([1, None, 3], "dtype object"),
        ("12", "dtype <U2"),
        (["1", "2"], "dtype <U1"),
        (b"12", "dtype .S2"),
        (np.array(["2020-01-01"], "M8[D]"), "datetime64"),
        (np.zeros(3, "f4,f4"), "f0"),
        (np.ones(3, "c8"), "complex64"),
        (np.ma.array([1.0, 2.0], mask=[False, True]), "masked"),
    ]:
        for name, call in [("input", lambda: ws.conv1d(value, w)), ("weight", lambda: ws.conv1d(x, value)),
                           ("input", lambda: op(value)), ("input", lambda: op.stream().push(value)),
                           ("x", lambda: ws.resample(value, 1, 2)), ("input", lambda: ws.stft(value, 4)),
                           ("mel", lambda: ws.MelSpectrogram("hifigan-22k").griffin_lim(value))]:
            with pytest.raises(TypeError, match=f"^{name} must be .*{reason}"):
                call()
    assert ws.resample(np.ma.array([1.0, 2.0], mask=False), 1, 2).shape == (4,)  # without gaps
    for call in [lambda: ws.conv1d(x, w, bias=["1"]), lambda: ws.operator("conv1d", 1, weight=w, bias=["1"])]:
        with pytest.raises(TypeError, match="^bias must be an array of real numbers"):
            call()
    with pytest.raises(TypeError, match="^window must be an array of real numbers"):
        ws.stft(x, 4, window="hann")
    with pytest.raises(TypeError, match="^specgram must be an array of real numbers, has dtype complex64"):
        ws.griffin_lim(ws.stft(signal(1, 100)[0], 16), None, 16)
    with pytest.raises(TypeError, match="^input must be an array of numbers, has dtype object"):
        ws.istft([[None]], 16)
    values, indices = ws.max_pool1d(x, 2, return_indices=True)
    assert ws.max_unpool1d(values, indices.astype("u2"), 2).shape == (1, 4)
    with pytest.raises(TypeError, match="^indices must be an array of integers, has dtype float64"):
        ws.max_unpool1d(values, indices + 0.5, 2)
    with pytest.raises(ValueError, match="^input is no array: .*inhomogeneous"):
        ws.conv1d([[1, 2], [3]], w)


def test_what_a_tensor_says_is_passed_on():
    torch = pytest.importorskip("torch")
    x, w = torch.ones(1, 4), torch.ones(1, 1, 1)
    for call in [lambda t: ws.conv1d(t, w), lambda t: ws.conv1d(x, t[None]), ws.operator("relu", 1),
                 ws.operator("relu", 1).stream().push, lambda t: ws.resample(t, 1, 2)]:
        with pytest.raises(RuntimeError, match=r"^\w+ is no array: .*tensor.detach\(\).numpy\(\)") as caught:
            call(torch.ones(1, 4, requires_grad=True))
        assert caught.value.__cause__ is not None
        with pytest.raises(TypeError, match=r"^\w+ is no array: .*BFloat16"):
            call(x.bfloat16())


def test_numbers_may_be_arrays_of_one():
    x, w = signal(2, 30), signal(2, 6).reshape(2, 2, 3)
    for two in [2, (2,), [2], np.int64(2), np.array(2), np.array([2]), *torch_numbers(2)]:
        assert np.array_equal(ws.max_pool1d(x, two), ws.max_pool1d(x, 2))
        assert np.array_equal(ws.conv1d(x, w, None, two, two, two), ws.conv1d(x, w, None, 2, 2, 2))
        assert np.array_equal(ws.pixel_shuffle1d(x, two), ws.pixel_shuffle1d(x, 2))
        assert ws.operator("max_pool1d", 2, kernel_size=two)(x).shape == (2, 15)
        assert ws.operator("conv1d", 2, weight=w, padding=two)(x).shape == (2, 32)
    for scale in [1.5, (1.5,), np.float32(1.5), np.array(1.5), np.array([1.5]), *torch_numbers(1.5)]:
        assert ws.interpolate(x, scale_factor=scale).shape == (2, 45)
        assert ws.operator("interpolate", 2, scale_factor=scale)(x).shape == (2, 45)
    for yes in [True, np.bool_(True), np.array(True), *torch_numbers(True)]:
        assert ws.operator("max_pool1d", 2, kernel_size=4, ceil_mode=yes).total(30) == 8
    for sides in [(1, 2), [1, 2], np.array([1, 2]), *torch_numbers([1, 2])]:
        assert ws.operator("conv1d", 2, weight=w, padding=sides)(x).shape == (2, 31)
    with pytest.raises(ValueError, match="padding must be"):
        ws.operator("conv1d", 2, weight=w, padding=[[1, 2]])


def torch_numbers(value):
    try:
        import torch
    except ImportError:
        return []
    return [torch.tensor(value)]


def test_none_is_not_given():
    x, w = signal(2, 30), signal(2, 6).reshape(2, 2, 3)
    op = ws.operator("conv1d", 2, weight=w, bias=None, stride=None, padding_mode=None)
    assert np.array_equal(op(x), ws.conv1d(x, w, bias=None))
    assert ws.operator("max_pool1d", 2, kernel_size=2, stride=None)(x).shape == (2, 15)
    with pytest.raises(ValueError, match="weight"):
        ws.operator("conv1d", 2, weight=None)
    with pytest.raises(ValueError, match="kernel-size"):
        ws.operator("max_pool1d", 2, kernel_size=None)


def test_arrays_of_a_value_for_each_channel():
    x, alphas, betas = signal(2, 30), np.array([0.5, 3], "f4"), [1, 0.25]
    expected = x + np.sin(alphas[:, None] * x) ** 2 / np.array(betas)[:, None]
    assert np.allclose(ws.operator("snake_beta", 2, alphas=alphas, betas=betas)(x), expected, atol=1e-6)
    assert np.array_equal(ws.operator("snake", 2, alphas=[2, 3])(x), ws.operator("snake_beta", 2, alphas=[2, 3], betas=[2, 3])(x))
    with pytest.raises(ValueError, match="snake_beta: betas must be given"):
        ws.operator("snake_beta", 2, alphas=alphas)
    with pytest.raises(ValueError, match="snake_beta: beta must have 2 values, got 1"):
        ws.operator("snake_beta", 2, alphas=alphas, betas=[1])


def test_lstm():
    rng = np.random.default_rng(4)
    x = signal(3, 20)
    w_ih, w_hh, b_ih, b_hh = (rng.normal(size=shape).astype("f4") for shape in [(8, 3), (8, 2), 8, 8])
    sigmoid, h, c, expected = (lambda v: 1 / (1 + np.exp(-v))), np.zeros(2), np.zeros(2), []
    for frame in x.T:
        i, f, g, o = np.split(w_ih @ frame + w_hh @ h + b_ih + b_hh, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        expected.append(h)
    layer = ws.operator("lstm", 3, weight_ih=w_ih, weight_hh=w_hh, bias_ih=b_ih, bias_hh=b_hh)
    assert np.allclose(layer(x), np.transpose(expected), atol=1e-5)
    assert np.array_equal(pickle.loads(pickle.dumps(layer))(x), layer(x))
    with pytest.raises(TypeError, match="^weight_hh must be an array of real numbers"):
        ws.operator("lstm", 3, weight_ih=w_ih, weight_hh="w")


def test_empty_signals():
    assert ws.conv1d(np.zeros((3, 0), "f4"), np.ones((4, 3, 3), "f4")).shape == (4, 0)
    assert ws.resample(np.zeros(0, "f4"), 48000, 16000).shape == (0,)


def test_torch_spellings():
    x = signal(4, 30)
    w = signal(4, 12).reshape(4, 4, 3)
    assert np.array_equal(ws.conv1d(x, w, stride=(2,), padding=(1,)), ws.conv1d(x, w, None, 2, 1))
    values, indices = ws.max_pool1d(x, 3, 2, 1, return_indices=True)
    assert indices.dtype == np.int64
    assert np.array_equal(np.take_along_axis(x, indices, 1), values)
    assert np.array_equal(ws.max_pool1d(x, 3, 2, 1), values)
    back = ws.max_unpool1d(values, indices, 3, 2, 1, output_size=(4, 30))
    assert back.shape == x.shape and np.array_equal(np.take_along_axis(back, indices, 1), values)
    assert ws.interpolate(x, scale_factor=(1.5,), mode="linear").shape == (4, 45)
    assert ws.spatial_pyramid_pool1d(x, [1, 2, 4]).shape == (28, 1)
    assert np.array_equal(ws.pixel_unshuffle1d(ws.pixel_shuffle1d(x, 2), 2), x)


def test_resampling():
    x = np.sin(np.arange(48000) * 0.05).astype("f4")
    y = ws.resample(x, 48000, 16000, quality="best")
    assert y.shape == (16000,)
    assert np.abs(y[200:-200] - x[600:-600:3]).max() < 1e-5
    stereo = np.stack([x, -x])
    resampler = ws.Resampler(48000, 16000, "best")
    both = resampler(stereo)
    assert np.array_equal(both[0], y) and np.array_equal(both[1], -y)
    stream = resampler.stream(2)
    parts = [stream.push(stereo[:, n : n + 1000]) for n in range(0, 48000, 1000)] + [stream.finish()]
    assert np.array_equal(np.concatenate(parts, 1), both)
    assert (stream.received, stream.emitted) == (48000, 16000)
    stream.reset()
    assert stream.received == 0
    assert resampler.taps > 10 and 0 < resampler.filter_delay_s < 0.1
    blocks = ws.Resampler(48000, 16000, "best", goal="throughput")
    assert np.abs(blocks(stereo) - both).max() < 1e-6
    assert np.array_equal(ws.resample(x, 48000, 16000, "best", goal="throughput"), blocks(x))


def test_spectra():
    x = signal(1, 2000)[0]
    window = np.hanning(257)[:-1].astype("f4")
    X = ws.stft(x, 256, 64, window=window)
    assert (X.dtype, X.shape) == (np.complex64, (129, 32))
    assert np.array_equal(ws.stft(x, 256, 64, window=window, return_complex=True), X)
    frame = np.fft.rfft(x[256:512] * window)
    assert np.abs(X[:, 6] - frame).max() < 1e-4
    assert np.abs(ws.istft(X, 256, 64, window=window, length=2000) - x).max() < 1e-5
    mel = ws.MelSpectrogram("wavestride-16k")
    features = mel(x)
    assert features.shape[0] == mel.n_mels == 80 and mel.sample_rate == 16000
    stream = mel.stream()
    assert np.array_equal(np.concatenate([stream.push(x[:700]), stream.push(x[700:]), stream.finish()], 1), features)
    assert mel.griffin_lim(features, n_iter=2).ndim == 1
    assert ws.griffin_lim(np.abs(X), window, 256, 64, power=1, n_iter=3, length=2000).shape == (2000,)
    assert "whisper-16k" in ws.mel_presets()


def triangles(rate, n_fft, n_mels, f_min, f_max):
    """librosa.filters.mel(htk=True, norm=None) in plain float64."""
    mel = lambda f: 2595 * np.log10(1 + f / 700)
    edges = 700 * (10 ** (np.linspace(mel(f_min), mel(f_max), n_mels + 2) / 2595) - 1)
    f = np.arange(n_fft // 2 + 1) * rate / n_fft
    rows = [np.minimum((f - a) / (b - a), (c - f) / (c - b)) for a, b, c in zip(edges, edges[1:], edges[2:])]
    return np.maximum(rows, 0)


def test_mel_options():
    x = signal(1, 8000)[0]
    whisper = ws.MelSpectrogram("whisper-16k", n_mels=128, peak_range=0)
    features = whisper(x)
    assert features.shape == (128, 50) and whisper.n_mels == 128 and whisper.preset == "whisper-16k"
    stream = whisper.stream()
    assert np.array_equal(np.concatenate([stream.push(x[:700]), stream.push(x[700:]), stream.finish()], 1), features)
    faded = x * np.linspace(1, 0, 8000, dtype="f4") ** 6
    features, limited = whisper(faded), ws.MelSpectrogram("whisper-16k", n_mels=128)(faded)
    assert np.array_equal(limited, np.maximum(features, features.max() - np.float32(2)))  # 8 units of a quarter
    assert limited.min() > features.min()
    for samples in [faded, x[:700], x[:0], np.append(x, np.nan)]:
        assert np.array_equal(ws.MelSpectrogram("whisper-16k")(samples),
                              ws.operator("mel_spectrogram", 1, preset="whisper-16k")(samples[None]), equal_nan=True)
    with pytest.raises(ws.NotStreamable, match="peak_range"):
        ws.MelSpectrogram("whisper-16k").stream()

    given = dict(sample_rate=8000, prefilter=[1, -0.5], n_fft=256, hop_length=64, win_length=200, framing="tight",
                 power=2.0, epsilon=1e-3, n_mels=20, f_min=50.0, f_max=3900.0, mel_scale="htk", norm="none", log="db",
                 floor=1e-4, scale=0.5, offset=3.0, clip_low=-4.0, clip_high=20.0, peak_range=0.0)
    own = ws.MelSpectrogram(**given)
    assert own.options == given and own.preset is None and (own.sample_rate, own.hop_length) == (8000, 64)
    bands = triangles(8000, 256, 20, 50, 3900)
    assert np.abs(ws.mel_filterbank(**given) - bands).max() < 1e-6
    assert np.array_equal(ws.mel_filterbank("whisper-16k", n_mels=128), ws.mel_filterbank(**whisper.options))
    filtered = np.convolve(x.astype("f8"), [1, -0.5])[: len(x)]
    padded = np.pad(filtered, (256 - 64) // 2, "reflect")
    window = np.zeros(256)
    window[28:228] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 200)
    frames = np.stack([padded[n : n + 256] * window for n in range(0, len(padded) - 255, 64)], 1)
    power = np.abs(np.fft.rfft(frames, axis=0)) ** 2 + 1e-3
    expected = np.clip(0.5 * 20 * np.log10(np.maximum(bands @ power, 1e-4)) + 3, -4, 20)
    assert np.abs(own(x) - expected).max() < 1e-3 and expected.std() > 1

    assert ws.MelSpectrogram("hifigan-22k", norm=None).options["norm"] == "none"
    assert ws.MelSpectrogram().options["sample_rate"] == 16000
    for preset in ws.mel_presets():
        same = ws.MelSpectrogram(**ws.MelSpectrogram(preset).options)
        assert np.array_equal(same(x), ws.MelSpectrogram(preset)(x))
    for error, words, options in [
        (TypeError, "colour; there are sample_rate, .*, peak_range", dict(colour=1)),
        (TypeError, "n_mels must be an integer, got 1.5", dict(n_mels=1.5)),
        (TypeError, "f_max must be a number, got None", dict(f_max=None)),
        (ValueError, "log must be one of ln, log10, db, got log2", dict(log="log2")),
        (ValueError, "f_min", dict(f_min=9000)),
        (TypeError, "prefilter must be an array of real numbers", dict(prefilter="no")),
    ]:
        for make in [ws.MelSpectrogram] + [ws.mel_filterbank] * ("prefilter" not in words):
            with pytest.raises(error, match=words):
                make("whisper-16k", **options)


def test_models():
    model = ws.load_model(MODEL)
    mel = signal(model.n_mels, 20)
    y = model(mel)
    assert y.ndim == 1 and abs(len(y) - 20 * model.upsampling) <= model.upsampling
    assert model.sample_rate == 16000 and model.lookahead_frames > 0
    stream = model.stream(threads=2)
    parts = [stream.push(mel[:, n : n + 3]) for n in range(0, 20, 3)] + [stream.finish()]
    assert np.array_equal(np.concatenate(parts, 1)[0], y)
    assert np.array_equal(ws.load_model(str(MODEL), seed=2**64 - 1)(mel), y)
    with pytest.raises(ws.IoError, match="/nonexistent"):
        ws.load_model("/nonexistent")
    with pytest.raises(OSError, match="config"):
        ws.load_model(MODEL, config="/nonexistent.config")
    with pytest.raises(ws.IoError, match="speaker"):
        ws.load_model(MODEL, speaker=0)
    with pytest.raises(ws.IoError, match='no tensor whose name begins with "ema."'):
        ws.load_model(MODEL, prefix="ema")
    with pytest.raises(ws.IoError, match="/nonexistent.npy"):
        ws.load_model(MODEL, stats="/nonexistent.npy")
    xtts = TESTS / "golden" / "models" / "hifigan-xtts" / "model.pth"
    with pytest.raises(ws.IoError, match="an embedding of 4 values"):
        ws.load_model(xtts)
    one, same, other = (ws.load_model(xtts, speaker_embedding=e) for e in
                        [[0.1, 0.2, 0.3, 0.4], np.array([0.1, 0.2, 0.3, 0.4]), [0.1, 0.2, 0.3, 0.5]])
    x = signal(one.n_mels, 20)
    assert np.array_equal(one(x), same(x)) and not np.array_equal(one(x), other(x))
    with pytest.raises(ws.IoError, match="4 values, got 3"):
        ws.load_model(xtts, speaker_embedding=[1, 2, 3])
    with pytest.raises(TypeError, match="^speaker_embedding must be an array of real numbers"):
        ws.load_model(xtts, speaker_embedding="me")


def test_models_can_be_copied(tmp_path, monkeypatch):
    golden = TESTS / "golden" / "models"
    xtts, wavegan = golden / "hifigan-xtts" / "model.pth", golden / "parallel-wavegan-v1" / "checkpoint-400000steps.pkl"
    monkeypatch.chdir(golden / "hifigan-speecht5")
    models = [ws.load_model(MODEL), ws.load_model(str(MODEL), minimal_filtering=True, bfloat16=True), ws.load_model(),
              ws.load_model("model.safetensors", config="config.json"),
              ws.load_model(xtts, speaker_embedding=np.array([0.1, 0.2, 0.3, 0.4])),
              ws.load_model(wavegan, seed=5)]
    saved = [pickle.dumps(model) for model in models]
    monkeypatch.chdir(tmp_path)
    for model, data in zip(models, saved):
        x = signal(model.n_mels, 9)
        again = pickle.loads(data)
        assert type(again) is ws.Model and repr(again) == repr(model)
        assert np.array_equal(again(x), model(x)) and pickle.dumps(again) == data
        assert copy.copy(model) is model and copy.deepcopy([model])[0] is model
    assert not np.array_equal(models[-1](x), ws.load_model(wavegan, seed=6)(x))
    data = pickle.dumps(ws.load_model(MODEL)).replace(b"model-0", b"model-x")
    with pytest.raises(ws.IoError, match="model-x"):
        pickle.loads(data)


def test_models_take_what_they_would_draw():
    golden = TESTS / "golden" / "models"
    path = golden / "parallel-wavegan-v1" / "checkpoint-400000steps.pkl"
    model = ws.load_model(path, given="noise")
    mel = signal(model.n_mels, 9)
    noise = signal(1, round(9 * model.upsampling))
    y = model(mel, noise)
    assert y.shape == noise.shape[1:] and not np.array_equal(y, model(mel, 0 * noise))
    assert np.array_equal(model(mel, noise[0]), y) and np.array_equal(pickle.loads(pickle.dumps(model))(mel, noise), y)
    stream = model.stream()
    assert np.array_equal(np.concatenate([stream.push(mel, noise), stream.finish()], 1)[0], y)
    with pytest.raises(ValueError, match="has 2 inputs, got 1"):
        model(mel)
    with pytest.raises(ValueError, match="has 1 inputs, got 2"):
        ws.load_model(path)(mel, noise)
    says = ws.load_model(golden / "wavenet-vocoder-gaussian" / "checkpoint_step000000010_ema.pth", given="samples")
    mel = signal(says.n_mels, 4)
    assert says(mel, np.zeros(round(4 * says.upsampling))).shape == (2, 4 * says.upsampling)
    with pytest.raises(ValueError, match="given must be one of features, noise, samples, got nothing"):
        ws.load_model(MODEL, given="nothing")
    with pytest.raises(ws.IoError, match="has no use for given noise"):
        ws.load_model(MODEL, given="noise")


def test_features_of_models():
    mel = ws.load_model().mel
    assert repr(mel) == "wavestride.MelSpectrogram('wavestride-16k')"
    model = ws.load_model(TESTS / "golden" / "models" / "hifigan-jik876-1" / "g_02500000")
    own = model.mel
    assert own.n_mels == model.n_mels and own.sample_rate == model.sample_rate
    samples = signal(1, 5000)[0]
    assert model(own(samples)).ndim == 1
    assert np.array_equal(ws.MelSpectrogram(own.preset, **own.options)(samples), own(samples))
    assert np.array_equal(pickle.loads(pickle.dumps(own))(samples), own(samples))
    latents = ws.load_model(TESTS / "golden" / "models" / "hifigan-xtts" / "model.pth", speaker_embedding=[0, 0, 0, 1])
    with pytest.raises(ValueError, match="latents"):
        latents.mel


def test_codes_of_a_codec():
    path = TESTS / "golden" / "models" / "vocos-encodec" / "pytorch_model.bin"
    for kbps, books in [(1.5, 2), (3, 4), (6.0, 8), (12, 16), (None, 16)]:
        model = ws.load_model(path, bandwidth_kbps=kbps)
        assert (model.n_mels, model.codes, model.sample_rate, model.upsampling) == (books, 1024, 24000, 320)
        assert repr(model) == f"<wavestride.Model vocos, {books} codes to 24000 Hz>" and model.preset == "EnCodec"
        codes = np.random.default_rng(books).integers(0, 1024, (books, 20))
        made = model(codes)
        assert made.shape == (20 * 320,) and np.array_equal(model(codes.astype("f4")), made)
        stream = model.stream()
        pieces = [stream.push(codes[:, :9]), stream.push(codes[:, 9:]), stream.finish()]
        assert np.array_equal(np.concatenate(pieces, 1)[0], made)
        assert np.array_equal(pickle.loads(pickle.dumps(model))(codes), made)
        beyond = codes.copy()
        codes[0, 3], beyond[0, 3] = 1023, 5000
        codes[1, 4], beyond[1, 4] = 0, -1
        assert np.array_equal(model(beyond), model(codes))
        with pytest.raises(ValueError, match="the codes that EnCodec makes of sound"):
            model.mel
    with pytest.raises(ws.IoError, match="takes codes of 1.5, 3, 6, 12 kbps: name one of these bandwidths, not 2"):
        ws.load_model(path, bandwidth_kbps=2)
    with pytest.raises(ws.IoError, match="no codes of a codec"):
        ws.load_model(MODEL, bandwidth_kbps=6)
    assert ws.load_model().codes == 0
    assert np.array_equal(ws.load_model(path, codebooks=8)(codes[:8]), ws.load_model(path, bandwidth_kbps=6)(codes[:8]))


def test_codes_of_sound():
    samples = np.random.default_rng(1).standard_normal(16000).astype("f4") * 0.1
    for path, options, per_frame, hop, rows in [
            ("dac-44khz/weights.pth", {}, 4, 16, 20), ("dac-44khz/weights.pth", {"codebooks": 2}, 2, 16, 20),
            ("snac-24khz/pytorch_model.bin", {}, 7, 48, 20),
            ("encodec-both-transformers/model.safetensors", {"bandwidth_kbps": 24}, 1, 6, 24)]:
        path = TESTS / "golden" / "models" / path
        encoder, decoder = ws.load_codec_encoder(path, **options), ws.load_model(path, **options)
        assert (encoder.per_frame, encoder.hop_length, encoder.codes, encoder.sample_rate) == (per_frame, hop, rows, 16000)
        assert (decoder.n_mels, decoder.upsampling, decoder.codes) == (per_frame, hop, rows)
        assert repr(encoder) == f"<wavestride.CodecEncoder {encoder.architecture}, 16000 Hz to {per_frame} codes>"
        codes = encoder(samples)
        assert codes.dtype == np.int64 and codes.shape == (per_frame, -(-16000 // hop))
        assert codes.min() >= 0 and codes.max() < rows and len(np.unique(codes)) > 1
        assert decoder(codes).shape == (codes.shape[1] * hop,)
        stream = encoder.stream()
        pieces = [stream.push(samples[None, :777]), stream.push(samples[None, 777:]), stream.finish()]
        assert np.array_equal(np.concatenate(pieces, axis=1), codes)
        assert np.array_equal(pickle.loads(pickle.dumps(encoder))(samples), codes)
        faster = ws.load_codec_encoder(path, minimal_filtering=True, bfloat16=True, **options)
        assert pickle.loads(pickle.dumps(faster))(samples).tolist() == faster(samples).tolist()
        assert encoder.latents(samples).shape[1] % codes.shape[1] == 0 and encoder.lookahead_frames >= hop - 1
    with pytest.raises(ws.IoError, match="holds no encoder"):
        ws.load_codec_encoder(TESTS / "golden/models/encodec-fused/model.safetensors")
    with pytest.raises(ws.IoError, match="makes codes of the first 1 to 4 of its codebooks, not of 5"):
        ws.load_codec_encoder(TESTS / "golden/models/dac-44khz/weights.pth", codebooks=5)
    for load in (ws.load_codec_encoder, ws.load_model):
        with pytest.raises(ValueError, match="config must not be an empty path"):
            load(TESTS / "golden/models/dac-44khz/weights.pth", config="")


def test_codes_of_some_codebooks():
    path = TESTS / "golden" / "models" / "dac-44khz" / "weights.pth"
    for codebooks, books in [(None, 4), (1, 1), (3, 3)]:
        model = ws.load_model(path, codebooks=codebooks)
        assert (model.n_mels, model.codes, model.sample_rate, model.upsampling) == (books, 20, 16000, 16)
        assert repr(model) == f"<wavestride.Model dac, {books} codes to 16000 Hz>" and model.preset == "DAC"
        codes = np.random.default_rng(books).integers(0, 20, (books, 20))
        assert np.array_equal(pickle.loads(pickle.dumps(model))(codes), model(codes))
    with pytest.raises(ws.IoError, match="of the first 1 to 4 of its codebooks, not of 5"):
        ws.load_model(path, codebooks=5)


def test_files_that_are_not_there():
    def error_of(call):
        with pytest.raises(ws.IoError) as caught:
            call()
        return caught.value

    for call, name, shown in [
            (lambda: ws.load_model("/nonexistent"), "/nonexistent", "/nonexistent"),
            (lambda: ws.load_model(MODEL, stats=pathlib.Path("/nonexistent.npy")), "/nonexistent.npy", "/nonexistent.npy"),
            (lambda: ws.load_model("/nö\x1b[2J"), "/nö\x1b[2J", "/nö\\033[2J"),
            (lambda: ws.load_model(""), "", '"" (an empty path)'),
            (lambda: ws.load_model(b"/nowhere/\xff".decode("utf8", "surrogateescape")), "/nowhere/\udcff", "/nowhere/\\377")]:
        error = error_of(call)
        assert isinstance(error, FileNotFoundError) and error.filename == name
        assert (error.errno, error.strerror) == (2, "can't be opened: No such file or directory")
        assert str(error) == f"{shown}: can't be opened: No such file or directory"
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.errno) == (type(error), str(error), 2)
    assert isinstance(error_of(lambda: ws.load_model(MODEL / "beneath")), NotADirectoryError)
    error = error_of(lambda: ws.load_model(__file__))
    assert type(error) is ws.IoError and error.errno is None and error.filename == __file__
    assert str(error).startswith(f"{__file__}: is no ")
    assert str(ws.IoError("of one's own")) == "of one's own"


def test_the_vocoder_that_comes_along():
    model = ws.load_model()
    assert (model.sample_rate, model.preset, model.upsampling) == (16000, "wavestride-16k", 160)
    mel = np.full((80, 50), -5, "f4")
    y = model(mel)
    assert np.abs(y).max() < 1
    speech = golden_tensor("model", "0015/mel")
    minimal = ws.load_model(minimal_filtering=True)
    assert minimal.lookahead_frames > model.lookahead_frames and np.abs(minimal(speech) - model(speech)).max() < 1e-4
    rounded = ws.load_model(bfloat16=True)
    assert rounded.lookahead_frames == model.lookahead_frames
    assert 0 < np.abs(rounded(mel) - y).max() < 0.05
    assert ws.bfloat16_in_hardware() in (False, True)
    assert np.array_equal(ws.load_model(int8=True)(mel), y)  # of WaveNets alone


def test_operators_by_name():
    x, w = signal(3, 40), signal(4, 9).reshape(4, 3, 3)
    op = ws.operator("conv1d", 3, weight=w, stride=2, padding=[1, 2], padding_mode="replicate")
    padded = np.pad(x, ((0, 0), (1, 2)), "edge")
    assert np.array_equal(op(x), ws.conv1d(padded, w, stride=2))
    assert (op.in_channels, op.out_channels, op.receptive_field, op.total(40)) == (3, 4, 3, 21)
    assert "conv1d" in op.name and "conv1d" in repr(op)
    stream = op.stream(threads=0)
    assert np.array_equal(np.concatenate([stream.push(x[:, :11]), stream.push(x[:, 11:]), stream.finish()], 1), op(x))
    assert np.array_equal(ws.operator("conv1d", 3, weight=w.tolist(), stride=2, padding=[1, 2],
                                      padding_mode="replicate")(x), op(x))
    assert ws.operator("max_pool1d", 3, kernel_size=3, ceil_mode=np.bool_(True)).total(4) == 2
    with pytest.raises(ws.NotStreamable, match="stream"):
        ws.operator("adaptive_avg_pool1d", 3, output_size=4).stream()


def test_several_inputs_and_outputs():
    x, y = signal(2, 40), signal(3, 40)
    both = ws.operator("concatenate", [2, 3])
    assert np.array_equal(both(x, y), np.concatenate([x, y]))
    stream = both.stream()
    parts = [stream.push(x[:, :7], y[:, :9]), stream.finish(x[:, 7:], y[:, 9:])]
    assert np.array_equal(np.concatenate(parts, 1), both(x, y))
    pool, unpool = (ws.operator(name, c, kernel_size=2, **more) for name, c, more in
                    [("max_pool1d", 2, {"return_indices": True}), ("max_unpool1d", [2, 2], {})])
    values, offsets = pool(x)
    assert np.array_equal(values, ws.max_pool1d(x, 2))
    restored = unpool(values, offsets)
    assert np.array_equal(restored, np.where(np.repeat(values, 2, 1) == x, x, 0))
    stream = pool.stream()
    halves = [stream.push(x[:, :13]), stream.push(x[:, 13:]), stream.finish()]
    assert np.array_equal(np.concatenate([h[1] for h in halves], 1), offsets)
    with pytest.raises(ValueError, match="inputs"):
        both(x)
    with pytest.raises(ValueError, match="inputs"):
        both.stream().push(x, y, x)
    with pytest.raises(ValueError, match="relu: takes 1 inputs, got 2"):
        ws.operator("relu", [2, 2])
    with pytest.raises(ValueError, match="add: takes 1 to [0-9]+ inputs, got 0"):
        ws.operator("add", [])


def test_refusals():
    x, w = signal(3, 40), signal(4, 9).reshape(4, 3, 3)
    for error, words, call in [
        (ValueError, "stride must be at least 1", lambda: ws.conv1d(x, w, stride=0)),
        (ValueError, "input must be .channels, frames.", lambda: ws.conv1d(x[None], w)),
        (ValueError, "channels", lambda: ws.conv1d(x[:2], w)),
        (TypeError, "stride must be an integer", lambda: ws.conv1d(x, w, stride=1.5)),
        (TypeError, "stride must be an integer", lambda: ws.conv1d(x, w, stride="2")),
        (TypeError, "stride must be an integer", lambda: ws.conv1d(x, w, stride=[[2]])),
        (TypeError, "stride must be an integer", lambda: ws.conv1d(x, w, stride=b"2")),
        (TypeError, "padding must be an integer", lambda: ws.conv1d(x, w, padding=(1, 2))),
        (TypeError, "kernel_size must be an integer", lambda: ws.max_pool1d(x, np.array([2, 3]))),
        (TypeError, "groups must be an integer", lambda: ws.conv1d(x, w, groups=1.5)),
        (TypeError, "n_fft must be an integer", lambda: ws.stft(x[0], "256")),
        (OverflowError, "stride is too large", lambda: ws.conv1d(x, w, stride=2**70)),
        (ValueError, "seed must not be negative, got -1", lambda: ws.griffin_lim(x, None, 4, seed=-1)),
        (ValueError, "seed must not be negative, got -2", lambda: ws.load_model(MODEL, seed=np.int64(-2))),
        (OverflowError, "seed is too large for 64 bits", lambda: ws.load_model(MODEL, seed=2**64)),
        (TypeError, "seed must be an integer, got 0.5", lambda: ws.MelSpectrogram().griffin_lim(x, seed=0.5)),
        (ValueError, "^stride must be at least 1, got 0", lambda: ws.max_pool1d(x, 2, stride=0)),
        (ValueError, "^stride must be at least 1, got 0", lambda: ws.avg_pool1d(x, 2, stride=0)),
        (ValueError, "^stride must be at least 1, got 0", lambda: ws.max_unpool1d(x, x.astype(int), 2, stride=0)),
        (ValueError, "^hop_length must be at least 1, got 0", lambda: ws.stft(x[0], 16, 0)),
        (ValueError, "^win_length must be at least 1, got 0", lambda: ws.istft(x, 16, 4, 0)),
        (ValueError, "^hop_length must be at least 1, got -3", lambda: ws.griffin_lim(x, None, 4, -3)),
        (ValueError, "batch", lambda: ws.conv1d(np.ones((2, 3, 40)), w)),
        (ValueError, "input must be one channel", lambda: ws.stft(x, 16)),
        (ValueError, "input must be one channel", lambda: ws.MelSpectrogram("hifigan-22k")(x)),
        (ValueError, "has 40; of .frames, 1. give the transposed", lambda: ws.MelSpectrogram("hifigan-22k")(x[:1].T)),
        (ValueError, "return_complex must be True", lambda: ws.stft(x[0], 16, return_complex=False)),
        (TypeError, "scale_factor must be a number", lambda: ws.interpolate(x, scale_factor="2")),
        (TypeError, "scale_factor must be a number", lambda: ws.interpolate(x, scale_factor=(2.0, 3.0))),
        (ValueError, "conv1d: takes 3 channels", lambda: ws.operator("conv1d", 5, weight=w)),
        (ValueError, "mode must be one of", lambda: ws.interpolate(x, 5, mode="cubic")),
        (ValueError, "quality must be one of", lambda: ws.resample(x, 2, 1, "superb")),
        (ValueError, "whisper-16k", lambda: ws.MelSpectrogram("whisper")),
        (ValueError, "takes no option", lambda: ws.operator("relu", 3, colour="red")),
        (ValueError, "unknown operator \"rule\"; known: conv1d, ", lambda: ws.operator("rule", 3)),
        (ValueError, "expects 2 channels at input 0, got 3", lambda: ws.Resampler(2, 1).stream(2).push(x)),
        (ValueError, "has 2 inputs, got 1", lambda: ws.operator("add", [3, 3]).stream().push(x)),
        (ValueError, "at input 1, got 2", lambda: ws.operator("add", [3, 3]).stream().push(x, x[:2])),
        (ValueError, "frames must not be negative, got -1", lambda: ws.operator("relu", 3).total(-1)),
        (ValueError, "goal must be one of", lambda: ws.Resampler(2, 1, goal="speed")),
        (ValueError, "mel must have 80 channels, has 5; of .frames, 80. give the transposed", lambda: ws.load_model()(np.zeros((5, 80)))),
        (ValueError, "expects 80 channels at input 0, got 5", lambda: ws.load_model()(np.zeros((5, 81)))),
        (TypeError, "input must be an array of real numbers, got None", lambda: ws.conv1d(None, w)),
        (ValueError, "has shape ..", lambda: ws.conv1d(1.5, w)),
        (ValueError, "has 2 inputs, got 1", lambda: ws.operator("add", [3, 3])(x)),
        (ValueError, "has 1 inputs, got 0", lambda: ws.operator("relu", 3)()),
        (TypeError, "incompatible", lambda: ws.conv1d()),
    ]:
        with pytest.raises(error, match=words):
            call()
    stream = ws.Resampler(2, 1).stream()
    stream.finish()
    with pytest.raises(ValueError):
        stream.push(x[:1])


def test_others_run_while_it_computes():
    x = signal(64, 40000)
    op = ws.operator("conv1d", 64, weight=signal(64, 64 * 31).reshape(64, 64, 31))
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    amid = 0  # well within a call
    for _ in range(100):  # where others keep the processors busy, too
        start = time.perf_counter()
        op(x)
        quarter = (time.perf_counter() - start) / 4
        amid += sum(start + quarter < t < start + 3 * quarter for t in ticks)
        if amid >= 3:
            break
    stop.set()
    ticker.join()
    assert amid >= 3


def interrupt_after(seconds, sent=None):
    """Presses Ctrl-C when this process has computed for so long, which takes longer where others compute, too."""
    start = time.process_time()

    def wait():
        while time.process_time() - start < seconds:
            time.sleep(0.01)
        if sent is not None:
            sent.append(time.process_time())
        os.kill(os.getpid(), SIGINT)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


LONG = ["resample", "operator", "conv1d", "max_pool1d", "griffin_lim", "mel", "whisper", "model", "stream", "varispeed"]


@pytest.mark.parametrize("what", LONG)
def test_ctrl_c_ends_what_takes_long(what):
    x, w = signal(1, 1000)[0], np.ones((256, 256, 31), "f4")
    zeros = lambda channels, frames: np.zeros((channels, frames), "f4", order="F")
    mel = ws.MelSpectrogram("wavestride-16k")
    window = np.hanning(16)
    call = {
        "resample": lambda: ws.resample(zeros(1, 60_000_000), 48000, 44101, "best"),
        "operator": lambda: ws.operator("conv1d", 256, weight=w)(zeros(256, 300_000)),
        "conv1d": lambda: ws.conv1d(zeros(256, 300_000), w),
        "max_pool1d": lambda: ws.max_pool1d(zeros(1, 60_000_000), 301, 1, dilation=100),
        "stream": lambda: ws.operator("conv1d", 256, weight=w).stream().push(zeros(256, 300_000)),
        "varispeed": lambda: ws.Varispeed(1, 1.01, "best").push(zeros(1, 60_000_000)),
        "griffin_lim": lambda: ws.griffin_lim(np.ones((9, 1000)), window, 16, 4, n_iter=10**7),
        "mel": lambda: mel.griffin_lim(mel(x), n_iter=10**7),
        "whisper": lambda: ws.MelSpectrogram("whisper-16k")(zeros(1, 150_000_000)),
        "model": lambda model=ws.load_model(): model(zeros(80, 200_000)),
    }[what]
    sent = []
    with pytest.raises(KeyboardInterrupt):
        interrupter = interrupt_after(0.7, sent)
        call()
    computed = time.process_time() - sent[0]
    interrupter.join()
    assert computed < 3, f"{computed} s after Ctrl-C"  # of 10 to 200


def test_ctrl_c_ends_the_wait_for_another_thread():
    op = ws.operator("conv1d", 256, weight=np.ones((256, 256, 31), "f4"))
    stream, x = op.stream(), np.zeros((256, 1000), "f4", order="F")
    start = time.thread_time()
    stream.push(x)
    frames = round(1000 * 4 / (time.thread_time() - start))  # 4 s of work, and out of Ctrl-C's reach
    thread = threading.Thread(target=lambda: stream.push(np.zeros((256, frames), "f4", order="F")))
    start = time.process_time()
    thread.start()
    while time.process_time() - start < 0.3:  # it is at work
        time.sleep(0.01)
    with pytest.raises(KeyboardInterrupt):
        interrupter = interrupt_after(0.3)
        stream.received
    assert thread.is_alive()
    thread.join()
    interrupter.join()
    assert stream.received == 1000 + frames


def test_a_stream_can_begin_anew_after_ctrl_c():
    w = np.ones((256, 256, 31), "f4")
    op, x = ws.operator("conv1d", 256, weight=w), signal(256, 100)
    stream = op.stream()
    with pytest.raises(KeyboardInterrupt):
        interrupter = interrupt_after(0.5)
        stream.push(np.zeros((256, 300_000), "f4", order="F"))
    interrupter.join()
    assert 0 < stream.received < 300_000
    stream.reset()
    assert np.array_equal(np.concatenate([stream.push(x), stream.finish()], 1), op(x))


def test_pieces_of_several_inputs_and_outputs_give_the_same():
    frames = 8_000_000
    x, y = np.asfortranarray(signal(2, frames)), np.asfortranarray(signal(2, frames - 1000))
    both = ws.operator("concatenate", [2, 2])
    shorter = x[:, : frames - 1000]
    assert np.array_equal(both(shorter, y), np.concatenate([shorter, y]))
    stream = both.stream()
    parts = [stream.push(x[:, :777], y[:, :77]), stream.push(x[:, 777 : frames - 1000], y[:, 77:]), stream.finish()]
    assert np.array_equal(np.concatenate(parts, 1), np.concatenate([shorter, y]))
    uneven = stream.reset(), stream.push(x, y)
    assert uneven[1].shape == (4, frames - 1000) and stream.received == frames
    pool = ws.operator("max_pool1d", 2, kernel_size=3, stride=2, padding=1, return_indices=True)
    values, offsets = pool(np.concatenate([x, x], 1))
    padded = np.full((2, 2 * frames + 2), -np.inf, "f4")
    padded[:, 1 : frames + 1] = padded[:, frames + 1 : -1] = x
    a, b, c = (padded[:, k : k + 2 * frames : 2] for k in range(3))
    assert np.array_equal(values, np.maximum(np.maximum(a, b), c))
    assert np.array_equal(offsets, np.where(c > np.maximum(a, b), 2, b > a))


def test_pieces_give_the_same():
    """What is long enough to look for Ctrl-C on the way."""
    w = signal(64, 64 * 9).reshape(64, 64, 9)
    x = np.asfortranarray(signal(64, 60_000))
    op = ws.operator("conv1d", 64, weight=w, stride=2, padding=[3, 4])
    stream = op.stream()
    parts = [stream.push(x[:, n : n + 7001]) for n in range(0, x.shape[1], 7001)] + [stream.finish()]
    assert np.array_equal(op(x), np.concatenate(parts, 1))
    samples = rng.normal(size=7_000_000).astype("f4")
    resampler = ws.Resampler(48000, 16000, "best")
    stream = resampler.stream()
    parts = [stream.push(part) for part in np.array_split(samples, 9)] + [stream.finish()]
    assert np.array_equal(resampler(samples), np.concatenate(parts, 1)[0])
    stream.reset()
    assert np.array_equal(stream.finish(samples), np.concatenate(parts, 1))


def test_varispeed():
    x = signal(2, 3000)
    whole, cut = ws.Varispeed(2, 1.5, "best"), ws.Varispeed(channels=2, speed=1.5, quality="best")
    results = []
    for v, step in [(whole, 1500), (cut, 75)]:
        parts = []
        for n in range(0, 3000, step):
            if n == 1500:
                v.set_speed(0.8, ramp_frames=200)
            expected = v.frames_after(step)
            parts.append(v.push(x[:, n : n + step]))
            assert parts[-1].shape == (2, expected)
        parts.append(v.finish())
        results.append(np.concatenate(parts, 1))
        assert (v.received, v.emitted, v.speed) == (3000, results[-1].shape[1], 0.8)
    assert np.array_equal(*results) and results[0].shape[1] > 1000 + 1500
    with pytest.raises(ValueError, match="finished"):
        whole.push(x)
    whole.reset()
    assert (whole.received, whole.speed) == (0, 1.5)
    sine = ws.Varispeed(1, 2).push(np.sin(np.arange(4000) * 0.05))[0]
    assert np.abs(sine[100:1900] - np.sin(np.arange(100, 1900) * 0.1)).max() < 1e-4
    assert whole.lookahead_frames(4) > 2 * whole.lookahead_frames(1) > 2
    long = signal(1, 2_000_000)  # in pieces
    halves = ws.Varispeed(1, 1.1)
    parts = [halves.push(long[:, :900_000]), halves.push(long[:, 900_000:])]
    assert np.array_equal(ws.Varispeed(1, 1.1).push(long), np.concatenate(parts, 1))
    assert "2 channels" in repr(whole)
    for error, words, call in [
        (ValueError, "speed must be 1/16 to 16, got 17", lambda: whole.set_speed(17)),
        (ValueError, "a ramp must not be negative", lambda: whole.set_speed(1, -1)),
        (ValueError, "channels must be 1 to 65536, got 0", lambda: ws.Varispeed(0)),
        (ValueError, "quality must be one of", lambda: ws.Varispeed(1, quality="good")),
        (ValueError, "input must have 2 channels, has 1", lambda: whole.push(x[0])),
        (ValueError, "frames must not be negative", lambda: whole.frames_after(-1)),
        (TypeError, "input must be an array of real numbers", lambda: whole.push(None)),
    ]:
        with pytest.raises(error, match=words):
            call()
    assert whole.received == 0 and whole.push(np.zeros((2, 0))).shape == (2, 0)


def test_objects_can_be_copied():
    x = signal(2, 500)
    w, b = signal(3, 6).reshape(3, 2, 3), signal(1, 3)[0]
    weight = w.copy()
    conv = ws.operator("conv1d", 2, weight=weight, bias=b, stride=2, padding=[1, 2], padding_mode="replicate")
    weight[:] = 0  # its own by now
    for thing, arrays in [
        (conv, [x]),
        (ws.operator("add", [2, 2]), [x, x]),
        (ws.operator("max_pool1d", 2, kernel_size=2, return_indices=True), [x]),
        (ws.Resampler(48000, 16000, "best", passband=0.8, stopband_db=90, phase="minimum", causal=True), [x]),
        (ws.Resampler(3, 2, goal="throughput", max_delay_s=30), [x]),
        (ws.MelSpectrogram("hifigan-22k"), [np.tile(x[0], 9)]),
        (ws.MelSpectrogram("whisper-16k", n_mels=40, log="ln", prefilter=[1, -0.97]), [np.tile(x[0], 9)]),
        (ws.MelSpectrogram(n_fft=512), [np.tile(x[0], 9)]),
    ]:
        for again in [pickle.loads(pickle.dumps(thing)), copy.copy(thing), copy.deepcopy([thing])[0]]:
            assert repr(again) == repr(thing) and type(again) is type(thing)
            assert np.array_equal(again(*arrays), thing(*arrays))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert repr(pickle.loads(pickle.dumps(conv, protocol))) == repr(conv)
        for stream in [conv.stream(), ws.Varispeed()]:
            with pytest.raises(TypeError, match="cannot pickle"):
                pickle.dumps(stream, protocol)


def test_objects_say_what_they_are():
    whisper = ws.MelSpectrogram("whisper-16k", peak_range=0)
    assert repr(whisper) == "wavestride.MelSpectrogram('whisper-16k', peak_range=0.0)"
    resampler = ws.Resampler(48000, 16000, "best", causal=True)
    assert repr(resampler) == "wavestride.Resampler(48000.0, 16000.0, 'best', causal=True)"
    for thing in [resampler, ws.MelSpectrogram("hifigan-22k"), ws.MelSpectrogram(norm="none", log="db")]:
        again = eval(repr(thing), {"wavestride": ws})
        assert repr(again) == repr(thing)
    assert repr(ws.operator("relu", 2).stream()) == "<wavestride.Stream of relu(2)>"
    assert repr(ws.load_model()) == "<wavestride.Model gated-istft, 80 bands to 16000 Hz>"
    assert resampler.output_delay_s == resampler.filter_delay_s > 0
    assert ws.Resampler(48000, 16000).output_delay_s == 0
    assert 0 < abs(ws.Resampler(48000, 16000, phase="minimum").output_delay_s) < 1 / 48000


def test_streams_tell_their_state():
    op = ws.operator("avg_pool1d", 2, kernel_size=4)
    stream = op.stream()
    assert stream.latency_frames == op.latency_frames and not stream.finished
    for n in [0, 3, 1, 9]:
        expected = stream.frames_after(n)
        assert stream.push(signal(2, n)).shape == (2, expected)
    stream.finish()
    assert stream.finished
    stream.reset()
    assert not stream.finished and stream.frames_after(8) == 2
    both = ws.operator("max_pool1d", 2, kernel_size=2, return_indices=True).stream()
    assert both.frames_after(5) == (2, 2)
    assert isinstance(both.finish(), tuple)
    with pytest.raises(ValueError, match="frames must not be negative"):
        stream.frames_after(-1)


def test_one_op_serves_many_threads():
    op = ws.operator("conv1d", 8, weight=signal(8, 64).reshape(8, 8, 8))
    xs = [signal(8, 5000) for _ in range(4)]
    results = [None] * 4

    def work(i):
        results[i] = op(xs[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for x, y in zip(xs, results):
        assert np.array_equal(op(x), y)


def test_short_signals_do_not_disturb_each_other():
    """They pass through one stream, if it is free."""
    w = signal(3, 10).reshape(3, 2, 5)
    for op, whole in [(ws.operator("conv1d", 2, weight=w, padding=[3, 0]), lambda x: ws.conv1d(np.pad(x, ((0, 0), (3, 0))), w)),
                      (ws.operator("max_pool1d", 2, kernel_size=4, return_indices=True), None),
                      (ws.operator("adaptive_avg_pool1d", 2, output_size=3), None),
                      (ws.MelSpectrogram("whisper-16k"), None)]:
        lengths = [300, 0, 1, 299, 4, 300, 5, 17]
        x = np.tile(signal(1, 300), 9) if isinstance(op, ws.MelSpectrogram) else signal(2, 300)
        first = [op(x[:, :n]) for n in lengths]
        for n, y in zip(lengths, first):
            fresh = pickle.loads(pickle.dumps(op))(x[:, :n])
            assert all(np.array_equal(a, b) for a, b in zip(y, fresh)), n
            if whole and n > 4:
                assert np.array_equal(y, whole(x[:, :n]))
        with pytest.raises(ValueError):
            op(np.concatenate([x, x]))
        failed = []

        def work():
            for n, y in zip(20 * lengths, 20 * first):
                if not all(np.array_equal(a, b) for a, b in zip(op(x[:, :n]), y)):
                    failed.append(n)

        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert not failed


def test_short_signals_of_several_conversions_do_not_disturb_each_other():
    """Their operators are kept for the next call, a few of them."""
    x = signal(2, 300)
    conversions = [(48000, 16000, "standard", "low_latency"), (16000, 48000, "standard", "low_latency"),
                   (44100, 48000, "best", "low_latency"), (44100, 48000, "fast", "low_latency"),
                   (44100, 48000, "fast", "throughput"), (3, 2, "standard", "low_latency")]
    expected = []
    for channels in [1, 2]:
        for conversion in conversions:
            resampler = ws.Resampler(*conversion[:3], goal=conversion[3])
            for frames in [300, 0, 1, 299]:
                stream, part = resampler.stream(channels), x[:channels, :frames]
                expected.append((conversion, resampler, part, np.concatenate([stream.push(part), stream.finish()], 1)))
    failed = []

    def work():
        for n in np.random.default_rng(1).integers(0, len(expected), 300):
            conversion, resampler, part, y = expected[n]
            if not np.array_equal(ws.resample(part, *conversion), y) or not np.array_equal(resampler(part), y):
                failed.append(n)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failed


def test_memory_is_given_back():
    def resident():  # pages; the most that there ever were says nothing behind the other tests
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1])

    x = signal(16, 20000)
    for _ in range(20):
        ws.pixel_shuffle1d(x, 2)
    before = resident()
    for _ in range(500):  # 640 MB in all
        ws.pixel_shuffle1d(x, 2)
    assert (resident() - before) * os.sysconf("SC_PAGESIZE") < 50_000_000


def test_everything_public_is_documented_and_typed():
    stubs = (pathlib.Path(ws.__file__).parent / "__init__.pyi").read_text()
    typed = set(re.findall(r"^(?:class|def) (\w+)", stubs, re.M))
    public = {name for name in ws.__all__}
    assert typed == public
    for name in public:
        thing = getattr(ws, name)
        assert thing.__doc__, name
    options = re.findall(r"(\w+): [\w\[\]]+ = \.\.\.", stubs)
    assert options == 2 * list(ws.MelSpectrogram().options)
    for name in ["Stream", "Op", "Resampler", "Varispeed", "MelSpectrogram", "Model"]:
        block = re.search(rf"^class {name}:\n((?:    .*\n)+)", stubs, re.M).group(1)
        members = {m for m in re.findall(r"def (\w+)", block) if not m.startswith("__")}
        actual = {m for m, _ in inspect.getmembers(getattr(ws, name)) if not m.startswith("_")}
        assert members == actual, name
        assert all(getattr(getattr(ws, name), m).__doc__ for m in members), name


def in_another_process(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_process_ends_beside_threads_that_compute():
    in_another_process("""
import threading, time, numpy as np, wavestride as ws
x, resampler = np.zeros((1, 64), "f4"), ws.Resampler(48000, 16000)
def work(call):
    while True: call()
for call in (lambda: resampler(x), lambda: ws.resample(x, 48000, 16000), lambda: ws.conv1d(x, np.ones((1, 1, 3), "f4"))):
    threading.Thread(target=work, args=(call,), daemon=True).start()
time.sleep(0.3)
""")


def test_a_fork_beside_threads_that_resample_goes_on():
    in_another_process("""
import os, signal, threading, numpy as np, wavestride as ws
x, resampler, done = np.zeros((1, 16), "f4"), ws.Resampler(48000, 16000), []
def work(call):
    while not done: call()
calls = [lambda: resampler(x), lambda: ws.resample(x, 48000, 16000)]
for call in calls: call()
threads = [threading.Thread(target=work, args=(call,)) for call in 2 * calls]
for thread in threads: thread.start()
try:
    for n in range(60):
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            for call in calls: call()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
finally:
    done.append(True)
""")


def test_a_fork_waits_for_no_thread_of_the_process_that_it_came_from():
    in_another_process("""
import os, signal, threading, time, numpy as np, wavestride as ws
stream = ws.operator("conv1d", 256, weight=np.ones((256, 256, 31), "f4")).stream()
done = []
def design():
    n = 0
    while not done:
        n += 1
        ws.Resampler(48000, 44100, stopband_db=60 + 1e-5 * n)
push = lambda: stream.push(np.zeros((256, 3000), "f4", order="F"))
def push_on():
    while not done: push()
threads = [threading.Thread(target=work) for work in (design, push_on)]
for thread in threads: thread.start()
time.sleep(0.1)
refused = 0
try:
    for n in range(5):
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            ws.Resampler(48000, 44100, stopband_db=90 + 1e-5 * n)
            try:
                push()
            except RuntimeError as error:
                os._exit(7 if str(error) == "a thread was at work on it when this process was forked: make another" else 1)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, 7), status
        refused += status == 7
finally:
    done.append(True)
assert refused
""")
