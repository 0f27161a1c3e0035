#!/usr/bin/env bash
# Set-up, then one bench: everything that loads and measures on core 0; the bench puts the gateway on core 1.
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/.."
# What the programs in C need, and the venv of PESQ; only for benches.
case "${1:-}" in
  media | soak) bash scripts/setup.sh gcc libc6-dev libopus-dev libsrtp2-dev libssl-dev ;;
  sound) bash scripts/setup.sh gcc libc6-dev python3-venv python3-dev ;;
  *) bash scripts/setup.sh ;;
esac
export PATH=$PWD/node_modules/.bin:$PATH
main=$PWD/test/bench/main.ts
cd "${INIT_CWD:-$here}" # --json names a file of the caller's
if [ "$(nproc)" -gt 1 ] && command -v taskset >/dev/null; then
  exec taskset -c 0 node "$main" "$@"
fi
exec node "$main" "$@"
