#!/usr/bin/env bash
# pictures.sh [BUILD_DIR [OUT_DIR]]: draws the pictures of examples/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "${1:-build/release}") out=${2:-examples/pictures}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
"$build/examples/pictures" "$work"
"$build/wavestride" compare "$work/resampled.wav" "$work/every-third.wav" --preset wavestride-16k --picture "$out/aliasing.png"
"$build/wavestride" plot "$work/upsamplers.wav" "$out/upsamplers.png"
"$build/wavestride" mel audio/speech-en-16k.flac "$work/features.npy" --preset wavestride-16k
"$build/wavestride" vocode "$work/features.npy" "$work/speech.wav" --method griffin-lim --preset wavestride-16k --iterations 60
"$build/wavestride" compare audio/speech-en-16k.flac "$work/speech.wav" --preset wavestride-16k --picture "$out/speech.png"
"$build/wavestride" resample --describe --from 48000 --to 16000 --quality standard --plot "$out/resampler.png"
