#!/usr/bin/env python3
"""Collects recordings into one array of 16 kHz mono samples and an index, ready for train.py.

    prepare.py --data DIR                        the five studio voices of Debian's asterisk-core-sounds-*-g722
    prepare.py --data DIR --from my/recordings   your own: one folder a speaker, any format that ffmpeg reads

Silence and tones are left out. --held-out clips a speaker, chosen by the seed, are set aside for evaluation:
they are never trained on.
"""
import argparse
import concurrent.futures
import json
import pathlib
import random
import subprocess
import sys

import numpy as np
from scipy.signal import resample_poly

RATE = 16000
ASTERISK = pathlib.Path("/usr/share/asterisk/sounds")
# Resampling ratios of the extra copies: each voice is also heard lower and slower, higher and faster.
SPEEDS = ((8, 7), (7, 8))
# Clips of the library's audio/ folder, heard in its examples: always held out.
ALWAYS_HELD_OUT = {"en_US_f_Allison/demo-thanks.g722", "fr_CA_f_June/invalid.g722"}
# Tonality from which on a clip is a beep, and below which it is speech beyond doubt, fit to be held out.
BEEP = 0.999
CLEAR = 0.97


def find_clips(folder):
    """{speaker: files}; a speaker is a folder directly below `folder`, links to one count once."""
    speakers = {}
    for speaker in sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink()):
        files = sorted(p for p in speaker.rglob("*") if p.is_file())
        if files:
            speakers[speaker.name] = files
    return speakers


def decode(path):
    """int16 samples at 16 kHz, or None where ffmpeg finds no audio in it."""
    kind = ["-f", "g722"] if path.suffix == ".g722" else []
    command = ["ffmpeg", "-v", "error", *kind, "-i", path, "-f", "s16le", "-ac", "1", "-ar", str(RATE), "-"]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return np.frombuffer(run.stdout, np.int16) if run.returncode == 0 and run.stdout else None


def tonality(samples):
    """Share of the power that its twelve strongest lines hold, in the median loud frame; 1 for silence."""
    frame = 1024
    count = len(samples) // frame
    if count < 5:
        return 1.0
    power = np.abs(np.fft.rfft(samples[: count * frame].reshape(count, frame) / 32768.0 * np.hanning(frame))) ** 2
    energy = power.sum(1)
    if np.sqrt(energy.max()) / frame < 1e-3:
        return 1.0
    loud = power[energy > energy.max() * 1e-2]
    return np.median(np.sort(loud, axis=1)[:, -12:].sum(1) / loud.sum(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder to write")
    parser.add_argument("--from", dest="source", type=pathlib.Path, default=ASTERISK)
    parser.add_argument("--held-out", type=int, default=10, help="clips a speaker, at least 1.5 s long")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if not args.source.is_dir():
        sys.exit(f"{args.source} is no folder; install asterisk-core-sounds-en-g722 and its sisters, or name --from")

    args.data.mkdir(parents=True, exist_ok=True)
    draw = random.Random(args.seed)
    index = {"rate": RATE, "train": [], "held_out": [], "left_out": []}
    offset = 0
    with open(args.data / "samples.s16", "wb") as out:

        def write(samples, part, **entry):
            nonlocal offset
            out.write(samples.tobytes())
            index[part].append({**entry, "offset": offset, "length": len(samples)})
            offset += len(samples)

        for speaker, files in find_clips(args.source).items():
            clips, candidates = [], []
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                decoded = list(pool.map(decode, files))
            for path, samples in zip(files, decoded):
                if samples is None:
                    continue
                name, tonal = str(path.relative_to(args.source)), tonality(samples)
                if tonal >= BEEP:
                    index["left_out"].append(name)
                    continue
                clips.append((name, samples))
                if tonal < CLEAR and len(samples) >= 1.5 * RATE:
                    candidates.append(name)
            held_out = set(draw.sample(candidates, min(args.held_out, len(candidates) // 2)))
            for name, samples in clips:
                if name in held_out | ALWAYS_HELD_OUT:
                    write(samples, "held_out", speaker=speaker, name=name)
                    continue
                write(samples, "train", speaker=speaker, name=name, speed=1.0)
                for up, down in SPEEDS:
                    changed = np.clip(np.rint(resample_poly(samples.astype(np.float32), up, down)), -32768, 32767)
                    write(changed.astype(np.int16), "train", speaker=speaker, name=name, speed=down / up)
            minutes = sum(len(samples) for _, samples in clips) / RATE / 60
            print(f"{speaker}: {len(clips)} clips, {minutes:.1f} minutes, {len(held_out)} held out", flush=True)
    (args.data / "index.json").write_text(json.dumps(index, indent=1))
    print(f"left out as silence or tones: {len(index['left_out'])}")


if __name__ == "__main__":
    main()
