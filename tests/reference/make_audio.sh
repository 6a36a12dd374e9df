#!/usr/bin/env bash
# Makes the clips of audio/ from Debian 12's packages (fetched, not installed). Needs apt, dpkg and ffmpeg; audio/README.md
# tells what each clip is.
set -euo pipefail
out=$(cd "$(dirname "$0")/../../audio" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

packages=(asterisk-core-sounds-en-g722 asterisk-core-sounds-fr-g722 asterisk-core-sounds-en-wav asterisk-moh-opsound-wav
  alsa-utils ktuberling-data)
apt-get download -qq "${packages[@]}"
for package in *.deb; do dpkg -x "$package" root; done
asterisk=root/usr/share/asterisk/sounds alsa=root/usr/share/sounds/alsa tux=root/usr/share/ktuberling/sounds/ca

# clip NAME FILTER FILE...: the files one after another, through a filter, as 16-bit FLAC without tags.
clip() {
  local name=$1 filter=$2 inputs=() labels=""
  shift 2
  for file in "$@"; do
    labels+="[$((${#inputs[@]} / 2)):a]"
    inputs+=(-i "$file")
  done
  ffmpeg -v error -y "${inputs[@]}" -filter_complex "${labels}concat=n=$#:v=0:a=1,$filter" \
    -map_metadata -1 -fflags +bitexact -flags:a +bitexact -c:a flac -sample_fmt s16 -compression_level 12 "$out/$name.flac"
}

clip speech-en-8k anull "$asterisk/en_US_f_Allison/vm-forwardoptions.wav"
clip speech-en-16k anull "$asterisk/en_US_f_Allison/demo-thanks.g722"
clip speech-fr-16k anull "$asterisk/fr_CA_f_June/invalid.g722"
clip speech-ca-22k anull "$tux"/{letter-love,candles-glow,Guard-Tux,butterflies_purple_shape}.ogg
clip speech-en-48k anull "$alsa"/{Front_Center,Front_Left,Rear_Right,Side_Left}.wav
clip music-8k atrim=20:26,asetpts=PTS-STARTPTS root/usr/share/asterisk/moh/manolo_camp-morning_coffee.wav
