#!/usr/bin/python3
"""Models and spectral operators side by side with ONNX Runtime, PyTorch and torchaudio, on one and two threads; and
r9y9's WaveNet, sample by sample, and LSTMs with PyTorch on one.

    mkdir /tmp/ort && npm install --ignore-scripts --prefix /tmp/ort onnxruntime-node
    NODE_PATH=/tmp/ort/node_modules tests/bench/compare.py build/release/tests/bench [NAME…]

Models have random weights; each engine runs in processes of its own, one after another and in turn, and the median of
all repetitions counts. Without onnxruntime-node its columns stay empty. Errors are against PyTorch, of the largest sample.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "reference")]
from at_size import NETWORKS, tame  # noqa: E402
from checkpoints import fuse, randomise  # noqa: E402
from wavenet_model import WaveNet, counter_noise, draw  # noqa: E402

# Those whose network alone makes the sound; others of NETWORKS have a filter bank, noise or samples beside it.
VOCODERS = ["hifigan-v1", "hifigan-v2", "hifigan-v3", "melgan", "vocos"]


def seconds_of(command, **extra):
    done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True,
                          env={**os.environ, **extra})
    return [float(line) for line in done.stdout.split()]


def time_torch(folder, threads, repeats):
    """In a process of its own: what the engines of the others do in theirs."""
    from time import perf_counter

    torch.set_num_threads(threads)
    net = torch.load(folder / "net")
    x = torch.from_numpy(np.load(folder / "x.npy"))[None]
    with torch.no_grad():
        for i in range(repeats + 1):
            start = perf_counter()
            y = net(x)
            if i > 0:
                print(f"{perf_counter() - start:.6f}")
    np.save(folder / "torch.npy", y.numpy().reshape(-1))


class Engine:
    def __init__(self, command, out, read, **environment):
        self.command, self.out, self.read, self.environment = command, out, read, environment
        self.seconds = []

    def run(self, repeats):
        self.seconds += seconds_of([*self.command, repeats], **self.environment)

    def error(self, expected):
        y = self.read(self.out).reshape(-1)
        return float(np.abs(y - expected).max() / np.abs(expected).max())

    def decibels(self, expected):
        """Signal to error."""
        y = self.read(self.out).reshape(-1)
        return 20 * np.log10(np.linalg.norm(expected) / np.linalg.norm(y - expected))


WAYS = ("minimal", "bfloat16", "both")


def engines(folder, binaries, bands, threads, chunks):
    raw = lambda path: np.fromfile(path, "<f4")  # noqa: E731
    found = {"torch": Engine([sys.executable, __file__, "--time-torch", folder, "--threads", threads, "--repeats"],
                             folder / "torch.npy", np.load)}
    if (folder / "net.onnx").exists():
        found["onnx"] = Engine(["node", HERE / "time_onnx.js", folder / "net.onnx", folder / "x.f32", bands,
                                folder / "onnx.f32", threads], folder / "onnx.f32", raw)
    for name, way, chunk in [("ours", "direct", 0), *((way, way, 0) for way in WAYS),
                             *((f"chunk {chunk}", "direct", chunk) for chunk in chunks)]:
        out = folder / f"{name}.npy"
        found[name] = Engine([binaries / "time_model", folder / "weights", folder / "x.npy", out, way, threads, chunk], out,
                             np.load)
    return found


def has_onnxruntime():
    return subprocess.run(["node", "-e", 'require("onnxruntime-node")'], capture_output=True).returncode == 0


def prepare(folder, name, frames, onnx):
    case = NETWORKS[name]()
    net = randomise(case.net, 1).eval()
    tame(net)
    torch.save(case.state(), folder / "weights")
    (folder / "config.json").write_text(json.dumps(case.config))
    fuse(net)
    torch.save(net, folder / "net")
    bands = next(m for m in net.modules() if isinstance(m, torch.nn.Conv1d)).in_channels
    x = torch.randn(bands, frames)
    np.save(folder / "x.npy", x.numpy())
    x.numpy().astype("<f4").tofile(folder / "x.f32")
    if onnx:
        try:
            torch.onnx.export(net, x[None], str(folder / "net.onnx"), opset_version=13)
        except Exception as error:  # an operator that ONNX does not have
            print(f"{name}: not for ONNX Runtime: {str(error).splitlines()[0][:80]}")
    return bands


def models(names, arguments):
    onnx = has_onnxruntime()
    print(f"{'model':12} threads {'torch':>9} {'ONNX':>9} {'ours':>9} ours/ONNX ours/torch  chunks of 8, 1   error (ONNX)"
          "   minimal/ONNX (error)  bfloat16/ONNX (dB)  both/ONNX (dB)")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            bands = prepare(folder, name, arguments.frames, onnx)
            alone = None
            for threads in arguments.threads:
                chunks = (8, 1)
                runs = engines(folder, arguments.binaries, bands, threads, chunks)
                for _ in range(arguments.rounds):
                    for engine in runs.values():
                        engine.run(arguments.repeats)
                t = {key: statistics.median(engine.seconds) for key, engine in runs.items()}
                expected = np.load(folder / "torch.npy")
                ours, theirs = t["ours"], t.get("onnx", float("nan"))
                alone = alone or ours
                onnx_error = f"{runs['onnx'].error(expected):.0e}" if "onnx" in runs else "-"
                print(f"{name:12} {threads:7} {t['torch']:8.3f}s {theirs:8.3f}s {ours:8.3f}s {ours / theirs:9.3f} "
                      f"{ours / t['torch']:10.3f}  {t['chunk 8'] / ours:6.2f}, {t['chunk 1'] / ours:.2f}x     "
                      f"{runs['ours'].error(expected):.0e} ({onnx_error})  {t['minimal'] / theirs:9.3f} "
                      f"({runs['minimal'].error(expected):.0e})  {t['bfloat16'] / theirs:9.3f} "
                      f"({runs['bfloat16'].decibels(expected):.1f})  {t['both'] / theirs:9.3f} "
                      f"({runs['both'].decibels(expected):.1f})   {alone / ours:.2f} x one thread", flush=True)


def time_torchaudio(repeats):
    """Seconds of each repetition, by operator, over ten seconds of 22.05 kHz."""
    from time import perf_counter

    import torchaudio

    torch.set_num_threads(1)
    x = torch.randn(1, 220500)
    window = torch.hann_window(1024)
    mel = torchaudio.transforms.MelSpectrogram(22050, 1024, hop_length=256, n_mels=80, f_max=8000, power=1,
                                               norm="slaney", mel_scale="slaney")
    spectrum = torch.stft(x, 1024, 256, window=window, return_complex=True)
    lim = torchaudio.transforms.GriffinLim(1024, 32, hop_length=256, power=1)
    calls = {
        "stft_whole": lambda: torch.stft(x, 1024, 256, window=window, return_complex=True),
        "istft_whole": lambda: torch.istft(spectrum, 1024, 256, window=window),
        "mel_whole": lambda: torch.log(torch.clamp(mel(x), min=1e-5)),
        "griffin_lim_32": lambda: lim(spectrum.abs()),
    }
    for name, call in calls.items():
        with torch.no_grad():
            call()
            for _ in range(repeats if "lim" in name else 20 * repeats):
                start = perf_counter()
                call()
                print(name, perf_counter() - start)


def spectral(arguments):
    theirs, ours = {}, {}
    for _ in range(arguments.rounds):
        done = subprocess.run([sys.executable, __file__, "--time-torchaudio", "--repeats", str(arguments.repeats)],
                              check=True, capture_output=True, text=True)
        for name, seconds in (line.split() for line in done.stdout.splitlines()):
            theirs.setdefault(name, []).append(float(seconds))
        done = subprocess.run([arguments.binaries / "bench_spectral", "--benchmark_format=json"], check=True,
                              capture_output=True, text=True)
        for run in json.loads(done.stdout)["benchmarks"]:
            ours.setdefault(run["name"], []).append(10 / run["realtime"])
    print(f"{'operator':16} {'torchaudio':>12} {'ours':>12}  (times real time, one thread)")
    for name, seconds in theirs.items():
        t, o = statistics.median(seconds), statistics.median(ours[name])
        print(f"{name:16} {10 / t:12.0f} {10 / o:12.0f}  {t / o:.2f} x")


def linear(layer, x):
    return F.linear(x, layer.weight[:, :, 0], layer.bias)


def generate_by_linear(net, c, noise):
    """WaveNet.generate() in the manner of r9y9's repository, which is the faster one: each convolution keeps its frames
    in a buffer, shifts it by a copy, and is a product of matrices."""
    buffers = [torch.zeros(1, (conv.kernel_size[0] - 1) * conv.dilation[0] + 1, conv.in_channels)
               for conv in (layer.conv for layer in net.conv_layers)]
    weights = [layer.conv.weight.transpose(1, 2).reshape(layer.conv.out_channels, -1) for layer in net.conv_layers]
    value, values = 0.0, []
    for n in range(c.shape[-1]):
        x, skips, features = linear(net.first_conv, torch.full((1, 1), value)), 0, c[:, :, n]
        for layer, buffer, weight in zip(net.conv_layers, buffers, weights):
            buffer[:, :-1] = buffer[:, 1:].clone()
            buffer[:, -1] = x
            h = F.linear(buffer[:, :: layer.dilation].reshape(1, -1), weight, layer.conv.bias)
            a, b = (h + linear(layer.conv1x1c, features)).chunk(2, 1)
            u = torch.tanh(a) * torch.sigmoid(b)
            x = (linear(layer.conv1x1_out, u) + x) * 0.5**0.5
            skips = skips + linear(layer.conv1x1_skip, u)
        h = F.relu(skips * len(net.conv_layers) ** -0.5)
        y = linear(net.last_conv_layers[3], F.relu(linear(net.last_conv_layers[1], h)))
        value = draw(net.distribution, y[0], noise[n])
        values.append(value)
    return torch.tensor(values)


def time_wavenet(samples):
    """Samples a second by either way, of r9y9's mixture of logistics: 24 layers of 128 channels."""
    from time import perf_counter

    torch.set_num_threads(1)
    net = WaveNet(scales=None, norm=lambda layer: layer)
    c, noise = torch.randn(1, 80, samples), counter_noise("logistic", 30, 1, samples)
    with torch.no_grad():
        made = []
        for way in (generate_by_linear, WaveNet.generate):
            way(net, c[:, :, :20], noise)
            start = perf_counter()
            made.append(way(net, c, noise))
            print(samples / (perf_counter() - start))
        assert (made[0] - made[1]).abs()[:50].max() < 1e-3


def wavenet(arguments):
    theirs, ours = [], {}
    for _ in range(arguments.rounds):
        done = subprocess.run([sys.executable, __file__, "--time-wavenet"], check=True, capture_output=True, text=True)
        theirs.append([float(line) for line in done.stdout.split()])
        done = subprocess.run([arguments.binaries / "bench_wavenet", "--benchmark_filter=shape:1/utterances:(1|12|32|64)/",
                               "--benchmark_format=json"], check=True, capture_output=True, text=True)
        for run in json.loads(done.stdout)["benchmarks"]:
            ours.setdefault(run["name"].split("/", 2)[2], []).append(run["samples"])
    by_linear, by_conv1d = (statistics.median(t) for t in zip(*theirs))
    print(f"WaveNet, samples/s: PyTorch step by step {by_linear:.0f} by F.linear, {by_conv1d:.0f} by Conv1d")
    for name, rates in ours.items():
        rate = statistics.median(rates)
        print(f"{name:27} {rate:9.0f}  {rate / by_linear:6.1f} and {rate / by_conv1d:.1f} x")


def time_lstm(repeats):
    """Frames a second of the processor's time, of two layers, by channels and frames at a time."""
    from time import process_time

    torch.set_num_threads(1)
    frames = 512
    for channels in (64, 256, 512):
        net, x = torch.nn.LSTM(channels, channels, 2), torch.randn(frames, 1, channels)
        for chunk in (frames, 8, 1):
            with torch.no_grad():
                for i in range(repeats + 1):
                    state, start = None, process_time()
                    for part in x.split(chunk):
                        _, state = net(part, state)
                    if i > 0:
                        print(f"channels:{channels}/chunk:{chunk}", frames / (process_time() - start))


def lstm(arguments):
    theirs, ours = {}, {}
    for _ in range(arguments.rounds):
        done = subprocess.run([sys.executable, __file__, "--time-lstm", "--repeats", str(2 * arguments.repeats)], check=True,
                              capture_output=True, text=True)
        for name, rate in (line.split() for line in done.stdout.splitlines()):
            theirs.setdefault(name, []).append(float(rate))
        done = subprocess.run([arguments.binaries / "bench_lstm", "--benchmark_format=json"], check=True, capture_output=True,
                              text=True)
        for run in json.loads(done.stdout)["benchmarks"]:
            ours.setdefault(run["name"].split("/", 1)[1], []).append(run["frames"])
    print(f"{'LSTM, 2 layers':24} {'PyTorch':>10} {'ours':>10}  (frames/s of processor time, one thread)")
    for name, rates in theirs.items():
        t, o = statistics.median(rates), statistics.median(ours[name])
        print(f"{name:24} {t:10.0f} {o:10.0f}  {o / t:.2f} x")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=pathlib.Path, nargs="?", help="where bench_spectral and time_model lie")
    parser.add_argument("names", nargs="*", help=f"of {', '.join([*VOCODERS, 'spectral', 'wavenet', 'lstm'])}")
    parser.add_argument("--frames", type=int, default=862, help="of the features: 862 are 10 s of HiFi-GAN")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=2, help="in each process")
    parser.add_argument("--time-torch", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--time-torchaudio", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--time-wavenet", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--time-lstm", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.manual_seed(17)
    warnings.simplefilter("ignore")  # the exporter of models has many
    if arguments.time_torch:
        time_torch(arguments.time_torch, arguments.threads[0], arguments.repeats)
    elif arguments.time_torchaudio:
        time_torchaudio(arguments.repeats)
    elif arguments.time_wavenet:
        time_wavenet(400)
    elif arguments.time_lstm:
        time_lstm(arguments.repeats)
    elif arguments.binaries is None:
        parser.error("the directory of the benchmarks is missing")
    else:
        others = {"spectral": spectral, "wavenet": wavenet, "lstm": lstm}
        names = arguments.names or [*VOCODERS, *others]
        networks = [n for n in names if n not in others]
        if networks:
            models(networks, arguments)
        for name, compare in others.items():
            if name in names:
                compare(arguments)


if __name__ == "__main__":
    main()
