#!/usr/bin/env bash
# Set-up, then one bench: everything that loads and measures on core 0; the bench puts the gateway on core 1.
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export PATH=$PWD/node_modules/.bin:$PATH
main=$PWD/test/bench/main.ts
cd "${INIT_CWD:-$here}" # --json names a file of the caller's
if [ "$(nproc)" -gt 1 ] && command -v taskset >/dev/null; then
  exec taskset -c 0 node "$main" "$@"
fi
exec node "$main" "$@"
