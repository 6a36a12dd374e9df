#!/usr/bin/env bash
# Speech to low-rate features and back: installs what is missing (Debian packages), builds the tool, analyses a clip
# of audio/, makes a waveform from the features alone, and says how near it came.
set -euo pipefail
cd "$(dirname "$0")/.."
. examples/setup.sh
install_packages "${build_packages[@]}"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A tree that was configured already keeps its choices.
options=()
[ -f build/release/CMakeCache.txt ] || options=(-DWAVESTRIDE_TESTS=OFF -DWAVESTRIDE_EXAMPLES=OFF)
echo "Building (some minutes the first time) ..."
{ cmake --preset release ${options[@]+"${options[@]}"} && cmake --build --preset release --target wavestride_tool; } >"$log" 2>&1 || {
  cat "$log" >&2
  exit 1
}

wavestride=build/release/wavestride
clip=audio/speech-en-16k.flac
preset=wavestride-16k
out=build/quickstart
mkdir -p "$out"

echo "1. Speech to mel features"
"$wavestride" mel "$clip" "$out/features.npy" --preset "$preset"
echo "2. Features to a waveform, by the network that comes with the library and by Griffin-Lim"
"$wavestride" vocode "$out/features.npy" "$out/out.wav"
"$wavestride" vocode "$out/features.npy" "$out/griffin-lim.wav" --method griffin-lim --preset "$preset" --iterations 60
echo "3. The original against both results"
"$wavestride" compare "$clip" "$out/out.wav" "$out/griffin-lim.wav" --preset "$preset" --picture "$out/spectrograms.png"
echo "Listen to $out/out.wav, look at $out/spectrograms.png"
