#!/usr/bin/env bash
# All gates, cheapest first; stops at the first one that fails. The last line counts the tests.
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0
failed=0
skipped=0

finish() {
  printf '\n%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
  exit "$1"
}

stop_at() {
  printf '\nGATE FAILED: %s\n' "$1"
  [ "$failed" -gt 0 ] || failed=1
  finish 1
}

gate() {
  local name=$1
  shift
  printf '== %s\n' "$name"
  "$@" || stop_at "$name"
}

# Runs node's test runner on files and adds up its counts; no test executed is a failure too.
tests() {
  local name=$1 concurrency=$2 report status
  shift 2
  [ "$#" -gt 0 ] || { printf '== %s: no test files\n' "$name"; return 0; }
  printf '== %s\n' "$name"
  report=$(mktemp)
  node --test --test-concurrency="$concurrency" --test-timeout=240000 \
    --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination="$report" "$@"
  status=$?
  local ran
  ran=$(count pass "$report")
  passed=$((passed + ran))
  failed=$((failed + $(count fail "$report") + $(count cancelled "$report")))
  skipped=$((skipped + $(count skipped "$report") + $(count todo "$report")))
  rm -f "$report"
  [ "$status" = 0 ] || stop_at "$name"
  [ "$ran" -gt 0 ] || stop_at "$name (no test was executed)"
}

count() {
  local number
  number=$(sed -n "s/^# $1 \([0-9][0-9]*\)\$/\1/p" "$2" | tail -n 1)
  printf '%s' "${number:-0}"
}

files() { find "$@" -name '*.test.ts' 2>/dev/null | sort; }

gate set-up bash scripts/setup.sh
export PATH=$PWD/node_modules/.bin:$PATH
gate types tsc --noEmit
gate lint biome check --error-on-warnings .
gate layers node scripts/layers.ts
mapfile -t unit < <(files src test/kit test/gates scripts)
tests 'unit tests' 2 "${unit[@]}"
# Each file starts servers of its own and mostly waits for them; more than two at a time would measure how busy the machine is.
mapfile -t integration < <(files test/integration test/conformance test/fuzz)
tests 'integration tests' "${JIGASI_TEST_CONCURRENCY:-2}" "${integration[@]}"
finish 0
