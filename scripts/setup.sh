#!/usr/bin/env bash
# Brings what the tests and the demo need onto a bare Debian or Ubuntu machine that has Node 20 or newer with npm:
# Debian's telephony packages, the npm packages, and the project's own Node. Quiet when everything is there.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

# Further Debian packages, given as arguments.
more=("$@")

# command  Debian package
tools='prosody prosody
sipp sip-tester
baresip baresip-core
kamailio kamailio
openssl openssl
ffmpeg ffmpeg
espeak-ng espeak-ng
linphone-daemon linphone-cli'

missing_packages() {
  while read -r command package; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null || printf '%s ' "$package"
  done <<<"$tools"
  # A module of kamailio has no command of its own.
  compgen -G '/usr/lib/*/kamailio/modules/tls.so' >/dev/null || printf 'kamailio-tls-modules '
  for package in "${more[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Debian starts daemons when it installs them; ours listen on free ports only, and those would hold 5060 and 5222.
policy=/usr/sbin/policy-rc.d
mark='# written by the jigasi set-up'
forbid_autostart() {
  if [ -e "$policy" ] && ! grep -q "$mark" "$policy"; then as_root mv "$policy" "$policy.before-jigasi"; fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
}
restore_autostart() {
  as_root rm -f "$policy"
  if [ -e "$policy.before-jigasi" ]; then as_root mv "$policy.before-jigasi" "$policy"; fi
}

install_packages() {
  local packages=$1 log package
  local remedy="Install these Debian packages yourself, then run this again: $packages"
  command -v apt-get >/dev/null || fail "This machine has no apt-get (Debian or Ubuntu is needed)." "$remedy"
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail "Neither root nor sudo." "$remedy"
  say "installing $packages(Debian packages; about a minute)"
  log=$(mktemp)
  trap restore_autostart EXIT
  forbid_autostart
  # shellcheck disable=SC2086 # a list of words
  if ! { as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 update -q &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q \
      --no-install-recommends $packages; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    fail "apt-get failed (whole log: $log)." "$remedy"
  fi
  rm -f "$log"
  # Nor shall they start at the next boot of a machine that did not have them before.
  for package in $packages; do
    case $package in
      prosody | kamailio) as_root update-rc.d "$package" disable >/dev/null 2>&1 || true ;;
    esac
  done
  restore_autostart
  trap - EXIT
}

# True when node_modules holds exactly what package-lock.json says (npm keeps its own copy of the lock there). Contents,
# not times: a fresh clone is always "newer".
npm_packages_current() {
  [ -f node_modules/.package-lock.json ] && node -e '
    const packages = (file) => JSON.parse(require("fs").readFileSync(file, "utf8")).packages;
    const want = packages("package-lock.json"), have = packages("node_modules/.package-lock.json");
    const differs = (path) => path !== "" && want[path]?.version !== have[path]?.version && !(want[path]?.optional && !have[path]);
    process.exit(Object.keys({ ...want, ...have }).some(differs) ? 1 : 0);' 2>/dev/null
}

own_node_works() {
  [ -x node_modules/.bin/node ] && [ "$(node_modules/.bin/node -p 'Number(process.versions.node.split(".")[0]) >= 24' 2>/dev/null)" = true ]
}

install_npm_packages() {
  local log
  log=$(mktemp)
  say 'installing the npm packages and Node 24 (npm ci)'
  if ! npm ci --no-audit --no-fund >"$log" 2>&1 </dev/null; then
    grep -v '^npm warn' "$log" | head -n 20 >&2
    fail "npm ci failed (whole log: $log)." 'Check that this machine reaches an npm registry: npm ping'
  fi
  rm -f "$log"
}

# The package "node" fetches its binary in an install script, which npm can be told not to run.
fetch_own_node() {
  say 'fetching Node 24 (npm rebuild node)'
  npm rebuild node --ignore-scripts=false >/dev/null 2>&1 </dev/null || true
  own_node_works || fail 'The project needs Node 24 or newer; node_modules/.bin/node is missing or does not run.' \
    'Its install script did not run or could not reach the npm registry. Try: npm ci --ignore-scripts=false'
}

command -v node >/dev/null && command -v npm >/dev/null ||
  fail 'node and npm are needed first (Node 20 or newer): apt-get install nodejs npm'

packages=$(missing_packages)
[ -z "$packages" ] || install_packages "$packages"
[ -z "$(missing_packages)" ] || fail "Still missing after the installation: $(missing_packages)"

# One set-up at a time in one work tree.
exec 9<package-lock.json
if command -v flock >/dev/null; then flock 9; fi
npm_packages_current || install_npm_packages
own_node_works || fetch_own_node
