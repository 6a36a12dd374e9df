#!/usr/bin/env python3
"""Measures a model on clips that it never heard, beside Griffin-Lim from the same features.

    evaluate.py --model my.safetensors --data DIR [--unheard FOLDER] [--short] [--output DIR]

Means over clips of: multi-resolution STFT distance, log-mel L1, extended STOI, F0 error (cents, frames voiced in
both), voicing error (share of frames); of the F0 error, the mean of those up to 50 cents and the share of frames
beyond, which weigh most in its mean. --unheard: recordings of other speakers, any rate. --short: the clips that
train.py never drew because they are shorter than what it draws, at every speed. OUTPUT gets
figures.json and pictures of three clips.
"""
import argparse
import json
import pathlib

import numpy as np
import torch
import torchaudio
from scipy.signal import resample_poly

import export
import features
import prepare
import train

RATE = features.SAMPLE_RATE


def estoi(clean, other):
    """Extended short-time objective intelligibility (Jensen and Taal 2016), 1 for equal signals."""
    frame, hop, n_fft, segment = 256, 128, 512, 30
    a, b = (resample_poly(s.astype(np.float64), 5, 8) for s in (clean, other))
    window = np.hanning(frame + 2)[1:-1]
    count = (len(a) - frame) // hop + 1
    at = np.arange(frame) + hop * np.arange(count)[:, None]
    a, b = a[at] * window, b[at] * window
    energy = 20 * np.log10(np.linalg.norm(a, axis=1) + 1e-12)
    heard = energy > energy.max() - 40
    a, b = (np.abs(np.fft.rfft(s[heard], n_fft)) ** 2 for s in (a, b))

    frequency = np.arange(n_fft // 2 + 1) * 10000 / n_fft
    centre = 150 * 2.0 ** (np.arange(15) / 3)
    nearest = lambda f: np.abs(frequency[:, None] - f).argmin(0)
    low, high = nearest(centre * 2 ** (-1 / 6)), nearest(centre * 2 ** (1 / 6))
    bands = np.array([(np.arange(len(frequency)) >= l) & (np.arange(len(frequency)) < h) for l, h in zip(low, high)])
    a, b = (np.sqrt(s @ bands.T) for s in (a, b))
    if len(a) < segment:
        return float("nan")

    def normalise(s):
        s = s - s.mean(0)
        s = s / (np.linalg.norm(s, axis=0) + 1e-12)
        s = s - s.mean(1, keepdims=True)
        return s / (np.linalg.norm(s, axis=1, keepdims=True) + 1e-12)

    scores = [
        (normalise(a[i : i + segment]) * normalise(b[i : i + segment])).sum() / segment
        for i in range(len(a) - segment + 1)
    ]
    return float(np.mean(scores))


def track_f0(x, low=60.0, high=400.0):
    """F0 in Hz every 10 ms, 0 where unvoiced: the normalised autocorrelation of 40 ms, its earliest high peak."""
    frame, hop = 640, 160
    shortest, longest = int(RATE / high), int(RATE / low)
    x = np.pad(x.astype(np.float64), (frame // 2, frame // 2 + longest))
    count = (len(x) - frame - longest) // hop + 1
    start = hop * np.arange(count)[:, None]
    first = x[start + np.arange(frame)]
    both = x[start + np.arange(frame + longest)]
    n = 2048
    product = np.fft.irfft(np.conj(np.fft.rfft(first, n)) * np.fft.rfft(both, n))[:, : longest + 1]
    power = np.concatenate([np.zeros((count, 1)), np.cumsum(both**2, 1)], 1)
    energy = power[:, frame : frame + longest + 1] - power[:, : longest + 1]
    r = product / (np.sqrt(energy[:, :1] * energy) + 1e-9)
    inner = r[:, shortest:longest]
    peaks = (inner > r[:, shortest - 1 : longest - 1]) & (inner >= r[:, shortest + 1 : longest + 1])
    peaks &= inner > 0.85 * inner.max(1, keepdims=True)
    lag = peaks.argmax(1) + shortest
    rows = np.arange(count)
    before, top, after = r[rows, lag - 1], r[rows, lag], r[rows, lag + 1]
    curve = before - 2 * top + after
    shift = np.where(curve < -1e-9, 0.5 * (before - after) / np.minimum(curve, -1e-9), 0)
    loud = energy[:, 0] > energy[:, 0].max() * 1e-4
    voiced = peaks.any(1) & (top > 0.55) & loud
    return np.where(voiced, RATE / (lag + np.clip(shift, -1, 1)), 0)


def measure(clean, guess):
    a, b = torch.from_numpy(clean)[None], torch.from_numpy(guess)[None]
    f, g = track_f0(clean), track_f0(guess)
    both = (f > 0) & (g > 0)
    cents = np.abs(1200 * np.log2(g[both] / f[both]))
    gross = cents > 50
    mean = lambda x: float(x.mean()) if x.size else float("nan")
    return {
        "stft": train.stft_distance(b, a).item(),
        "log_mel": train.mel_distance(b, a).item(),
        "estoi": estoi(clean, guess),
        "f0_cents": mean(cents),
        "voicing": float(((f > 0) != (g > 0)).mean()),
        "f0_fine": mean(cents[~gross]),
        "f0_gross": mean(gross),
    }


def invert_mel(mel, iterations=300):
    """Non-negative least squares: magnitudes whose mel bands are exp(mel), by accelerated projected gradient."""
    bands = features.mel_constants(mel.device)[1]
    target = torch.exp(mel)
    rate = 1 / torch.linalg.matrix_norm(bands, 2) ** 2
    x = y = torch.clamp(torch.linalg.pinv(bands) @ target, min=0)
    t = 1.0
    for _ in range(iterations):
        z = torch.clamp(y - rate * (bands.T @ (bands @ y - target)), min=0)
        s = (1 + (1 + 4 * t * t) ** 0.5) / 2
        x, y, t = z, z + (t - 1) / s * (z - x), s
    return x


def griffin_lim(mel, length, iterations=60):
    torch.manual_seed(0)
    window = torch.hann_window(features.N_FFT)
    return torchaudio.functional.griffinlim(
        invert_mel(mel), window, features.N_FFT, features.HOP, features.N_FFT, 1.0, iterations, 0.99, length, True
    )


def draw(signals, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(signals), 1, figsize=(8, 6), sharex=True, constrained_layout=True)
    window = torch.hann_window(512)
    for ax, (title, x) in zip(axes, signals.items()):
        level = 20 * torch.log10(features.magnitude(torch.from_numpy(x)[None], 512, 80, window)[0] + 1e-4)
        top = float(level.max())
        ax.imshow(level, origin="lower", aspect="auto", cmap="magma", vmin=top - 80, vmax=top,
                  extent=(0, len(x) / RATE, 0, RATE / 2000))
        ax.set(title=title, ylabel="kHz")
    axes[-1].set_xlabel("s")
    figure.savefig(path, dpi=70)
    plt.close(figure)


@torch.no_grad()
def evaluate(net, clips, output=None):
    """{method: {measure: mean}} over (name, samples) pairs; pictures of the first three."""
    results = {"griffin-lim": [], "model": []}
    for i, (name, clean) in enumerate(clips):
        mel = features.log_mel(torch.from_numpy(clean)[None])
        guesses = {"griffin-lim": griffin_lim(mel, len(clean))[0].numpy(), "model": net(mel)[0].numpy()}
        length = min(len(clean), *(len(g) for g in guesses.values()))
        guesses = {method: g[:length] for method, g in guesses.items()}
        for method, guess in guesses.items():
            results[method].append({"clip": name, **measure(clean[:length], guess)})
        if output and i < 3:
            draw({"original": clean[:length], **guesses}, output / f"clip{i + 1}.png")
        print(f"\r{i + 1}/{len(clips)}", end="", flush=True)
    print("\r", end="")
    means = {
        method: {k: float(np.nanmean([r[k] for r in rows])) for k in rows[0] if k != "clip"}
        for method, rows in results.items()
    }
    return means, results


def table(title, means, count):
    names = ("stft", "log_mel", "estoi", "f0_cents", "voicing", "f0_fine", "f0_gross")
    print(f"{title}, {count} clips\n  {'':12}" + "".join(f"{n:>10}" for n in names))
    for method, row in means.items():
        print(f"  {method:12}" + "".join(f"{row[n]:10.4f}" for n in names))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--unheard", type=pathlib.Path, help="folder of recordings of speakers not trained on")
    parser.add_argument("--short", action="store_true", help="measure the clips too short to be trained on, too")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--clips", type=int, default=1000, help="held-out clips to use at most")
    args = parser.parse_args()
    net = export.read(args.model)
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)

    samples = np.memmap(args.data / "samples.s16", np.int16, "r")
    index = json.loads((args.data / "index.json").read_text())
    read = lambda clips: [(c["name"], samples[c["offset"] : c["offset"] + c["length"]]) for c in clips]
    # Every so many, so that fewer clips still come from all speakers.
    sets = {"held out": read(index["held_out"][:: max(1, len(index["held_out"]) // args.clips)])}
    if args.short:
        drawn = {c["name"] for c in index["train"] if c["length"] > train.FRAMES * features.HOP}
        sets["short"] = read(c for c in index["train"] if c["speed"] == 1.0 and c["name"] not in drawn)
    if args.unheard:
        decoded = [(p.name, prepare.decode(p)) for p in sorted(args.unheard.iterdir()) if p.is_file()]
        sets["unheard"] = [(n, s) for n, s in decoded if s is not None and prepare.tonality(s) < prepare.BEEP]

    figures = {}
    for title, clips in sets.items():
        clips = [(name, s.astype(np.float32) / 32768) for name, s in clips]
        means, results = evaluate(net, clips, args.output if title == "held out" else None)
        table(title, means, len(clips))
        figures[title] = {"means": means, "clips": results}
    if args.output:
        (args.output / "figures.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
