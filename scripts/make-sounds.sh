#!/usr/bin/env bash
# Makes the spoken prompts: sounds/<language>/prompts.txt → sounds/<language>/<name>.opus (48 kHz, mono), and the music on hold.
# Needs espeak-ng and ffmpeg.
# The files are in the repository; run this only after a change to a text. Better recordings may replace them, here or at run time.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

code() { # WAVE, Opus, further options of ffmpeg
  ffmpeg -nostdin -v error -y -i "$1" "${@:3}" -ac 1 -c:a libopus -frame_duration 20 -map_metadata -1 \
    -fflags +bitexact -flags:a +bitexact "$2"
}

for list in sounds/*/prompts.txt; do
  folder=$(dirname "$list")
  language=$(basename "$folder")
  while IFS=: read -r name text; do
    case $name in '' | '#'*) continue ;; esac
    espeak-ng -v "$language" -s 150 -a 120 -w "$scratch/said.wav" "${text# }" </dev/null
    code "$scratch/said.wav" "$folder/$name.opus" -b:a 24k -application voip \
      -af 'silenceremove=start_periods=1:start_threshold=-50dB,loudnorm=I=-20:TP=-3,aresample=48000'
  done <"$list"
done

node scripts/make-hold-music.ts "$scratch/music.wav"
code "$scratch/music.wav" sounds/hold-music.opus -b:a 32k -application audio
