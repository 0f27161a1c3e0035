#!/usr/bin/env bash
# Makes a Python of the bench's own with PESQ (ITU-T P.862, PyPI "pesq") and prints its path; quick when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

packages='numpy==1.26.4 pesq==0.0.4'
home=$PWD/node_modules/.cache/jigasi-pesq
python=$home/bin/python

works() { [ -x "$python" ] && [ "$(cat "$home/packages" 2>/dev/null)" = "$packages" ] && "$python" -c 'import pesq' 2>/dev/null; }
fail() {
  printf 'pesq: %s\n' "$@" >&2
  exit 1
}

if ! works; then
  command -v gcc >/dev/null || fail 'gcc is missing; Debian: apt-get install gcc libc6-dev'
  command -v python3 >/dev/null || fail 'python3 is missing; Debian: apt-get install python3 python3-venv python3-dev'
  rm -rf "$home"
  mkdir -p "$(dirname "$home")"
  python3 -m venv "$home" >&2 || fail 'python3 makes no virtual environment; Debian: apt-get install python3-venv'
  # shellcheck disable=SC2086 # a list of words
  "$python" -m pip install --quiet --disable-pip-version-check $packages >&2 ||
    fail "pip could not install $packages (see above): it needs a package index, gcc and Python.h (Debian: apt-get install python3-dev)"
  printf '%s' "$packages" >"$home/packages"
  works || fail "the installed pesq does not load: $home"
fi
printf '%s\n' "$python"
