#!/usr/bin/env python3
"""Compares a model in torch with the same file in the C++ library, sample by sample.

    check_export.py --model my.safetensors --tool build/release/wavestride speech.wav…
"""
import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
import torch

import export
import features
import prepare


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tool", default="build/release/wavestride")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of the largest sample")
    parser.add_argument("clips", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    net = export.read(args.model)
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for clip in args.clips:
            audio = torch.from_numpy(prepare.decode(clip).astype(np.float32) / 32768)[None]
            mel = features.log_mel(audio)
            with torch.no_grad():
                expected = net(mel)[0].numpy()
            np.save(folder / "mel.npy", mel[0].numpy())

            def vocode(name, *options):
                command = [args.tool, "vocode", folder / "mel.npy", folder / name, "--model", args.model]
                subprocess.run([*command, "--bits", "float", *options], check=True, stdout=subprocess.DEVNULL)
                raw = ["ffmpeg", "-v", "error", "-i", folder / name, "-f", "f32le", "-"]
                return np.frombuffer(subprocess.run(raw, stdout=subprocess.PIPE, check=True).stdout, "<f4")

            whole = vocode("whole.wav")
            for chunk in (1, 7, 64):
                if not np.array_equal(vocode("chunks.wav", "--chunk", str(chunk)), whole):
                    raise SystemExit(f"{clip}: chunks of {chunk} frames give other samples")
            if len(whole) != len(expected):
                raise SystemExit(f"{clip}: {len(whole)} samples, torch gives {len(expected)}")
            error = float(np.abs(whole - expected).max() / np.abs(expected).max())
            print(f"{clip}: {len(whole)} samples, largest difference {error:.2e} of the largest sample")
            worst = max(worst, error)
    if worst > args.tolerance:
        raise SystemExit(f"{worst:.2e} is above {args.tolerance:.0e}")


if __name__ == "__main__":
    main()
