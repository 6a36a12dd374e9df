"""The Python module: pytest with PYTHONPATH at build/release/python. What it computes is tested in C++ and, against
PyTorch, by parity.py; here, that arrays pass as they should."""

import inspect
import json
import pathlib
import re
import threading
import time

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


def test_models():
    model = ws.load_model(MODEL)
    mel = signal(model.n_mels, 20)
    y = model(mel)
    assert y.ndim == 1 and abs(len(y) - 20 * model.upsampling) <= model.upsampling
    assert model.sample_rate == 16000 and model.lookahead_frames > 0
    stream = model.stream(threads=2)
    parts = [stream.push(mel[:, n : n + 3]) for n in range(0, 20, 3)] + [stream.finish()]
    assert np.array_equal(np.concatenate(parts, 1)[0], y)
    assert np.array_equal(ws.load_model(str(MODEL), seed=1)(mel), y)
    with pytest.raises(ws.IoError, match="/nonexistent"):
        ws.load_model("/nonexistent")
    with pytest.raises(OSError, match="config"):
        ws.load_model(MODEL, config="/nonexistent.config")
    with pytest.raises(ws.IoError, match="speaker"):
        ws.load_model(MODEL, speaker=0)
    with pytest.raises(ws.IoError, match="/nonexistent.npy"):
        ws.load_model(MODEL, stats="/nonexistent.npy")


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
    parts = [stream.push(x[:, :7], y[:, :9]), stream.push(x[:, 7:], y[:, 9:]), stream.finish()]
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
    with pytest.raises(ValueError, match="inputs"):
        ws.operator("relu", [2, 2])


def test_refusals():
    x, w = signal(3, 40), signal(4, 9).reshape(4, 3, 3)
    for error, words, call in [
        (ValueError, "stride must be at least 1", lambda: ws.conv1d(x, w, stride=0)),
        (ValueError, "input must be .channels, frames.", lambda: ws.conv1d(x[None], w)),
        (ValueError, "channels", lambda: ws.conv1d(x[:2], w)),
        (TypeError, "stride must be an integer", lambda: ws.conv1d(x, w, stride=1.5)),
        (TypeError, "stride must be an integer", lambda: ws.conv1d(x, w, stride="2")),
        (TypeError, "stride must be an integer", lambda: ws.conv1d(x, w, stride=[[2]])),
        (OverflowError, "too", lambda: ws.conv1d(x, w, stride=2**70)),
        (TypeError, "scale_factor must be a number", lambda: ws.interpolate(x, scale_factor="2")),
        (TypeError, "scale_factor must be a number", lambda: ws.interpolate(x, scale_factor=(2.0, 3.0))),
        (ValueError, "conv1d: takes 3 channels", lambda: ws.operator("conv1d", 5, weight=w)),
        (ValueError, "mode must be one of", lambda: ws.interpolate(x, 5, mode="cubic")),
        (ValueError, "quality must be one of", lambda: ws.resample(x, 2, 1, "superb")),
        (ValueError, "whisper-16k", lambda: ws.MelSpectrogram("whisper")),
        (ValueError, "takes no option", lambda: ws.operator("relu", 3, colour="red")),
        (ValueError, "channels", lambda: ws.Resampler(2, 1).stream(2).push(x)),
        (ValueError, "goal must be one of", lambda: ws.Resampler(2, 1, goal="speed")),
        (ValueError, "has shape ..", lambda: ws.conv1d(None, w)),
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
    start = time.perf_counter()
    op(x)
    end = time.perf_counter()
    stop.set()
    ticker.join()
    assert sum(start < t < end for t in ticks) >= 3, f"{end - start} s of work"


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


def test_memory_is_given_back():
    import resource

    x = signal(16, 20000)
    for _ in range(20):
        ws.pixel_shuffle1d(x, 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(500):  # 640 MB in all
        ws.pixel_shuffle1d(x, 2)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_everything_public_is_documented_and_typed():
    stubs = (pathlib.Path(ws.__file__).parent / "__init__.pyi").read_text()
    typed = set(re.findall(r"^(?:class|def) (\w+)", stubs, re.M))
    public = {name for name in ws.__all__}
    assert typed == public
    for name in public:
        thing = getattr(ws, name)
        assert thing.__doc__ or name in {"IoError", "NotStreamable"}, name
    for name in ["Stream", "Op", "Resampler", "MelSpectrogram", "Model"]:
        block = re.search(rf"^class {name}:\n((?:    .*\n)+)", stubs, re.M).group(1)
        members = {m for m in re.findall(r"def (\w+)", block) if not m.startswith("__")}
        actual = {m for m, _ in inspect.getmembers(getattr(ws, name)) if not m.startswith("_")}
        assert members == actual, name
