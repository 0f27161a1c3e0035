#!/usr/bin/env bash
# The demonstration: sets up what is missing, then lets a telephone and two participants of a Jitsi room talk, both ways of
# calling. `npm run demo -- --help` tells the options.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
bash "$root/scripts/setup.sh"
# kamailio lives in sbin, which is not on everybody's path.
export PATH=$root/node_modules/.bin:$PATH:/usr/sbin:/sbin
exec node "$root/scripts/demo.ts" "$@"
