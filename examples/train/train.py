#!/usr/bin/env python3
"""Trains the vocoder: train.py --data DIR --run DIR (--minutes M | --steps N) [--start FILE.safetensors].

Ctrl-C (or SIGTERM) saves and stops; the same command goes on from there, also with another length of the schedule.

Loss: 15 x L1 of log-mel + 2.5 x STFT distance, its three resolutions in turn, both before and after refinement; 10 x
distance of autocorrelations, 5 x that of the frequencies in every bin; --pitch x (10 x distance of the correlations in
which evaluate.py tracks F0 + the cross entropy of their highest lag in voiced frames + 10 x how near these are to
another octave); and from --adversarial of the schedule on, least-squares discriminators with feature matching, two of
the seven a step. The learning rate stays until --decay of the schedule, then falls as a cosine. --start goes on from
weights as export.py writes them, those that come with the library among them, to fit them to other voices.
RUN/log.jsonl gets the losses, RUN/losses.png their picture, RUN/checkpoint.pt all that a restart needs; the weights
that count are its "average", an exponential mean over the steps.
"""
import argparse
import copy
import json
import math
import os
import pathlib
import signal
import time

import numpy as np
import torch
import torch.nn.functional as F

import export
import features
import model

FRAMES = 96
RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))


class Data:
    """Random crops; the whole corpus stays on disk, mapped."""

    def __init__(self, folder, seed):
        self.samples = np.memmap(folder / "samples.s16", np.int16, "r")
        self.index = json.loads((folder / "index.json").read_text())
        self.length = FRAMES * features.HOP
        self.clips = [c for c in self.index["train"] if c["length"] > self.length]
        if not self.clips or not self.index["held_out"]:
            raise SystemExit(f"{folder} needs clips longer than 1 s to train on and clips to hold out (1.5 s)")
        # A clip is drawn as often as it is long; the resampled copies together half as often as the recordings.
        weight = np.array([c["length"] * (1.0 if c["speed"] == 1.0 else 0.25) for c in self.clips])
        self.weight = weight / weight.sum()
        self.random = np.random.default_rng(seed)

    def batch(self, size):
        out = np.empty((size, self.length), np.float32)
        for row in out:
            for _ in range(10):
                clip = self.clips[self.random.choice(len(self.clips), p=self.weight)]
                start = clip["offset"] + self.random.integers(clip["length"] - self.length + 1)
                row[:] = self.samples[start : start + self.length]
                if np.abs(row).max() > 300:
                    break
            gain = 10 ** (self.random.uniform(-12, 6) / 20)
            row *= min(gain, 32000 / max(1, np.abs(row).max())) / 32768
        return torch.from_numpy(out)

    def held_out(self, count):
        step = max(1, len(self.index["held_out"]) // count)
        for c in self.index["held_out"][::step]:
            yield torch.from_numpy(self.samples[c["offset"] : c["offset"] + c["length"]].astype(np.float32) / 32768)


def stft_distance(x, y, resolutions=RESOLUTIONS):
    """Mean over resolutions of the spectral convergence and the L1 of log magnitudes (Yamamoto et al. 2020)."""
    total = 0
    for n_fft, hop, length in resolutions:
        window = torch.hann_window(length, device=x.device)
        a, b = (features.magnitude(s, n_fft, hop, window) for s in (x, y))
        total += torch.norm(b - a) / torch.norm(b) + F.l1_loss(torch.log(a + 1e-5), torch.log(b + 1e-5))
    return total / len(resolutions)


def mel_distance(x, y):
    return F.l1_loss(features.log_mel(x), features.log_mel(y))


def periodicity_distance(x, y):
    """L1 of normalised autocorrelations at the lags of 60 to 400 Hz, frames of 64 ms, where y is loud."""
    window = torch.hann_window(1024, device=x.device)

    def correlate(s):
        spectrum = torch.fft.rfft(s.unfold(1, 1024, 320) * window, 2048)
        r = torch.fft.irfft(spectrum.real**2 + spectrum.imag**2)
        return r[..., 40:268] / (r[..., :1] + 1e-5), r[..., 0]

    (a, _), (b, energy) = correlate(x), correlate(y)
    loud = energy > 1e-3 * energy.amax(1, keepdim=True)
    return (a - b).abs().mean(2)[loud].mean()


def tracked_correlation(x, offset, frame=640, hop=320, shortest=40, longest=266):
    """Normalised correlation of every frame with what follows it, at the lags of 60 to 400 Hz, as evaluate.py tracks F0;
    and the energy of the frames. Frames start at `offset`."""
    whole = x[:, offset:].unfold(1, frame + longest, hop)
    first = whole[..., :frame]
    n = 2048
    product = torch.fft.irfft(torch.fft.rfft(first, n).conj() * torch.fft.rfft(whole, n))[..., shortest : longest + 1]
    power = F.pad(torch.cumsum(whole.square(), -1), (1, 0))
    energy = power[..., frame:] - power[..., : longest + 1]
    r = product / torch.sqrt(energy[..., :1] * energy[..., shortest:] + 1e-12)
    return r, energy[..., 0]


def pitch_distance(x, y, offset, sharpness=30.0):
    """L1 of those correlations where y is loud; where y is voiced, too, the cross entropy of which lag is the highest, and
    how near the tracker is to another octave."""
    a, _ = tracked_correlation(x, offset)
    with torch.no_grad():
        b, energy = tracked_correlation(y, offset)
        loud = energy > 1e-4 * energy.amax(1, keepdim=True)
        voiced = loud & (b.amax(2) > 0.5)
        target = torch.softmax(sharpness * b[voiced], 1)
        least = -(target * torch.log_softmax(sharpness * b[voiced], 1)).sum(1)
    entropy = -(target * torch.log_softmax(sharpness * a[voiced], 1)).sum(1) - least
    return (a - b).abs().mean(2)[loud].mean(), entropy.sum() / max(1, len(entropy)), octave_distance(a, b, loud)


def octave_distance(a, b, loud, threshold=0.85, margin=0.05, shortest=40):
    """How much of those correlations of x, a, would let the tracker take another octave than in y, b: it takes the earliest
    peak higher than `threshold` of the highest. A mean over voiced frames of what earlier peaks than y's exceed that by,
    and of what the peak at y's lag lacks."""

    def peaks(r):
        return F.pad((r[..., 1:-1] > r[..., :-2]) & (r[..., 1:-1] >= r[..., 2:]), (1, 1))

    with torch.no_grad():
        high = peaks(b) & (b > threshold * b.amax(2, keepdim=True))
        place = high.float().argmax(2, keepdim=True)
        voiced = loud & high.any(2) & (b.gather(2, place)[..., 0] > 0.55)
        lags = torch.arange(b.shape[2], device=b.device)
        far = (lags - place) / (place + shortest)
        earlier, there = (far < -0.04) & peaks(a), far.abs() < 0.04
    highest = a.amax(2)
    too_high = F.relu(a.masked_fill(~earlier, 0).amax(2) - (threshold - margin) * highest)
    too_low = F.relu((threshold + margin) * highest - a.masked_fill(~there, 0).amax(2))
    return (too_high + too_low)[voiced].sum() / max(1, int(voiced.sum()))


def frequency_distance(x, y):
    """1 - cos of how far the phases of x turn otherwise than those of y in 10 ms; below 4 kHz, by y's magnitude."""
    window = torch.hann_window(1024, device=x.device)

    def turn(s):
        spectrum = torch.stft(s, 1024, 160, 1024, window, center=True, return_complex=True)[:, 1:257]
        p = spectrum[:, :, 1:] * spectrum[:, :, :-1].conj()
        power = torch.sqrt(p.real**2 + p.imag**2 + 1e-12)
        return p / power, power

    (a, _), (b, power) = turn(x), turn(y)
    weight = power.sqrt()
    return (weight * (1 - a.real * b.real - a.imag * b.imag)).sum() / weight.sum()


@torch.no_grad()
def validate(net, data, device):
    mel, stft, count = 0.0, 0.0, 0
    for clip in data.held_out(10):
        clip = clip[: 16000 * 4].to(device)[None]
        guess = net(features.log_mel(clip))
        length = min(clip.shape[1], guess.shape[1])
        clip, guess = clip[:, :length], guess[:, :length]
        mel += mel_distance(guess, clip).item()
        stft += stft_distance(guess, clip).item()
        count += 1
    return mel / count, stft / count


def draw_losses(log, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), constrained_layout=True)
    train = [e for e in log if "mel" in e]
    held_out = [e for e in log if "held_out_mel" in e]
    for ax, key, title in zip(axes, ("mel", "stft"), ("log-mel L1", "multi-resolution STFT distance")):
        ax.plot([e["step"] for e in train], [e[key] for e in train], lw=0.8, label="training crops")
        ax.plot([e["step"] for e in held_out], [e["held_out_" + key] for e in held_out], "o-", ms=3, label="held-out clips")
        ax.set(xlabel="step", title=title, yscale="log")
        ax.legend()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def save(path, value):
    torch.save(value, str(path) + ".part")
    os.replace(str(path) + ".part", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--run", type=pathlib.Path, required=True)
    limit = parser.add_mutually_exclusive_group(required=True)
    limit.add_argument("--minutes", type=float, help="length of the schedule in time, stops not counted")
    limit.add_argument("--steps", type=int, help="length of the schedule in steps")
    parser.add_argument("--start", type=pathlib.Path, help="weights to start from, as export.py writes them")
    parser.add_argument("--append", type=int, nargs="+", default=[], metavar="DILATION",
                        help="gated blocks of these dilations to append to the first stage of those weights")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=8e-4, help="learning rate of AdamW")
    parser.add_argument("--adversarial", type=float, default=0.6, help="share of the schedule before the discriminators")
    parser.add_argument("--pitch", type=float, default=8.0, help="weight of the losses on F0 as evaluate.py tracks it")
    parser.add_argument("--noise", type=float, default=0.0, metavar="NEPERS",
                        help="deviation of noise in the features, lest tiny changes of them, rounding too, be heard")
    parser.add_argument("--decay", type=float, default=0.4, help="share of the schedule at the full learning rate")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(args.seed)
    args.run.mkdir(parents=True, exist_ok=True)
    data = Data(args.data, args.seed)
    net = export.normalised(export.read(args.start)) if args.start else model.Vocoder()
    if args.append:
        net = model.append_blocks(net, args.append)
    net = net.train().to(device)
    average = copy.deepcopy(net)
    judges = model.Discriminators().to(device)
    optimizer = torch.optim.AdamW(net.parameters(), args.rate, betas=(0.8, 0.99), weight_decay=0.01)
    judge_optimizer = torch.optim.AdamW(judges.parameters(), args.rate / 2, betas=(0.8, 0.99), weight_decay=0.01)
    parts = {"net": net, "average": average, "judges": judges, "optimizer": optimizer, "judge_optimizer": judge_optimizer}
    step, minutes, log = 0, 0.0, []
    checkpoint = args.run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        step, minutes, log = state["step"], state["minutes"], state["log"]
        data.random.bit_generator.state = state["random"]
        print(f"going on at step {step}", flush=True)

    def report(entry):
        log.append(entry)
        with open(args.run / "log.jsonl", "a") as f:
            f.write(json.dumps(entry) + "\n")
        print(" ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in entry.items()), flush=True)

    def finish_slice():
        mel, stft = validate(average, data, device)
        report({"step": step, "minutes": round(minutes, 2), "held_out_mel": mel, "held_out_stft": stft})
        state = {name: part.state_dict() for name, part in parts.items()}
        state.update(step=step, minutes=minutes, log=log, random=data.random.bit_generator.state, config=net.config)
        save(checkpoint, state)
        draw_losses(log, args.run / "losses.png")

    stopped = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.append(True))
    sums, saved = {}, time.time()
    while not stopped:
        progress = step / args.steps if args.steps else minutes / args.minutes
        if progress >= 1:
            break
        started = time.time()
        fall = max(0.0, (progress - args.decay) / (1 - args.decay))
        rate = args.rate * min(1, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fall)))
        adversarial = progress >= args.adversarial

        audio = data.batch(args.batch).to(device)
        guess, made = net(features.log_mel(audio)[:, :, :FRAMES], unrefined=True, noise=args.noise)
        audio, made = audio[:, : guess.shape[1]], made[:, : guess.shape[1]]
        mel, made_mel = mel_distance(guess, audio), mel_distance(made, audio)
        resolution = [RESOLUTIONS[step % len(RESOLUTIONS)]]
        stft, made_stft = stft_distance(guess, audio, resolution), stft_distance(made, audio, resolution)
        # Were only the mended signal judged, the network would leave its work to the mending and learn little.
        loss = 15 * (mel + made_mel) + 2.5 * (stft + made_stft)
        period = periodicity_distance(guess, audio)
        frequency = frequency_distance(guess, audio)
        correlation, pitch, octave = pitch_distance(guess, audio, int(data.random.integers(320)))
        loss = loss + 10 * period + 5 * frequency + args.pitch * (10 * correlation + pitch + 10 * octave)
        terms = {"mel": mel, "stft": stft, "period": period, "frequency": frequency, "made_mel": made_mel,
                 "made_stft": made_stft, "correlation": correlation, "pitch": pitch, "octave": octave}
        if adversarial:
            # Half a batch and two of them a step: a seventh of what they all would cost.
            half = (args.batch + 1) // 2
            chosen = data.random.choice(len(judges.all), 2, replace=False)
            share = len(chosen) / len(judges.all)
            for group in judge_optimizer.param_groups:
                group["lr"] = rate / 2
            real, fake = judges(audio[:half], chosen), judges(guess[:half].detach(), chosen)
            judge_loss = sum((1 - r).square().mean() + f.square().mean() for (r, _), (f, _) in zip(real, fake))
            judge_optimizer.zero_grad(set_to_none=True)
            judge_loss.backward()
            judge_optimizer.step()
            judges.requires_grad_(False)
            fake = judges(guess[:half], chosen)
            judges.requires_grad_(True)
            fooled = sum((1 - f).square().mean() for f, _ in fake)
            matching = sum(
                F.l1_loss(a, b.detach()) / b.detach().abs().mean().clamp(min=1e-3)
                for (_, fs), (_, rs) in zip(fake, real)
                for a, b in zip(fs, rs)
            )
            loss = loss + (fooled + matching) / share
            terms.update(judge=judge_loss, fooled=fooled, matching=matching)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 50.0)
        if torch.isfinite(norm):
            optimizer.step()
        step += 1
        with torch.no_grad():
            keep = min(0.999, step / (step + 10))
            for a, b in zip(average.parameters(), net.parameters()):
                a.lerp_(b, 1 - keep)

        for name, value in {**terms, "norm": norm}.items():
            sums[name] = sums.get(name, []) + [value.item()]
        minutes += (time.time() - started) / 60
        if step % 100 == 0:
            means = {name: float(np.mean(values)) for name, values in sums.items()}
            report({"step": step, "minutes": round(minutes, 2), "rate": rate, **means})
            sums = {}
        if time.time() - saved > 300:
            finish_slice()
            saved = time.time()
    finish_slice()


if __name__ == "__main__":
    main()
