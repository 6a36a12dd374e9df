#!/usr/bin/env bash
# The training recipe from end to end, far too short to learn anything: recipe.sh TOOL AUDIO_DIR. ctest runs it, and
# counts 77 as skipped.
set -euo pipefail
tool=$(realpath "$1") audio=$(realpath "$2")
python=/usr/bin/python3
command -v ffmpeg >/dev/null && $python -c "import matplotlib, scipy, torch, torchaudio" 2>/dev/null || {
  echo "needs ffmpeg, python3-torch, python3-torchaudio, python3-scipy and python3-matplotlib"
  exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$(dirname "$0")/../examples/train"
export PYTHONDONTWRITEBYTECODE=1
mkdir -p "$work/clips/one" "$work/clips/two"
cp "$audio"/speech-*-16k.flac "$audio"/speech-*-8k.flac "$work/clips/one"
cp "$audio"/speech-*-48k.flac "$audio"/speech-*-22k.flac "$work/clips/two"
head -c 100 /dev/urandom >"$work/clips/two/no-sound"
ffmpeg -v error -f lavfi -i "sine=frequency=800:duration=2" "$work/clips/two/beep.wav"

$python prepare.py --data "$work/data" --from "$work/clips" | tee "$work/prepare.log"
grep -q "silence or tones: 1" "$work/prepare.log"
train=($python train.py --data "$work/data" --run "$work/run" --batch 2 --adversarial 0.5 --minutes)
"${train[@]}" 0.02
"${train[@]}" 0.04 | tee "$work/train.log"
grep -q "going on at step" "$work/train.log"
[ -s "$work/run/losses.png" ]
$python export.py --run "$work/run" --output "$work/my.safetensors" --attribution "nobody"
$python check_export.py --model "$work/my.safetensors" --tool "$tool" "$audio/speech-en-8k.flac"
