#!/usr/bin/env bash
# Runs the three layers of test in order, and ends with one line per layer and a verdict; the unit tests of the dev cluster have a line
# of their own. A layer that this machine cannot run is skipped and the reason is printed; with CI=true it fails instead, so that a
# green run there means that all of it ran.
set -uo pipefail
cd "$(dirname "$0")/.."

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
summary=()
failed=0
skipped=0

run() { # NAME COMMAND...
  local name=$1 start=$SECONDS
  shift
  echo
  echo "=== $name: $*"
  if "$@" 2>&1 | tee "$logs/$name"; then
    summary+=("PASS  $name ($((SECONDS - start)) s)")
  else
    summary+=("FAIL  $name ($((SECONDS - start)) s)")
    failed=1
  fi
}

skip() { # NAME REASON
  echo
  echo "=== $1: skipped, $2"
  if [ "${CI:-}" = true ]; then
    summary+=("FAIL  $1 (nothing may be skipped when CI=true, but $2)")
    failed=1
  else
    summary+=("SKIP  $1 ($2)")
    skipped=1
  fi
}

# The tests of the control plane wait more than they compute, so that the other parts of the dev cluster are built meanwhile, with what they leave.
# A part that cannot be built is built once more, and told, when the cluster is started.
control_plane() {
  make devcluster control-plane || return 1
  if [ "$(id -u)" -ne 0 ]; then
    make test-controlplane
    return
  fi
  nice -n 19 ./bin/devcluster build >"$logs/parts" 2>&1 &
  local parts=$! result=0
  trap 'kill "$parts"' EXIT # of the subshell that this runs in
  make test-controlplane || result=1
  echo "wait until the other parts of the dev cluster are built"
  wait "$parts" || true
  trap - EXIT
  return "$result"
}

# A cluster that ran before stays; one that the tests started goes.
end_to_end() {
  local was_up=0
  make devcluster || return 1
  ./bin/devcluster status >/dev/null 2>&1 && was_up=1
  local result=0
  for suite in e2e/suites/*/; do
    # Two nodes from the beginning: most suites need them.
    make e2e SUITE="$(basename "$suite")" DEVCLUSTER_FLAGS=--nodes=2 || result=1
  done
  if [ "$was_up" -eq 0 ]; then
    make down || result=1
  fi
  return "$result"
}

run "unit" make test-unit
run "unit, dev cluster" make test-devcluster

if [ "$(uname -s)" != Linux ]; then
  skip "control plane" "kube-apiserver and etcd are built for Linux, this is $(uname -s)"
  skip "end to end" "the dev cluster needs Linux, this is $(uname -s)"
else
  run "control plane" control_plane
  if [ "$(id -u)" -ne 0 ]; then
    skip "end to end" "the dev cluster makes namespaces and mounts and needs root"
  else
    run "end to end" end_to_end
  fi
fi

echo
echo "=== summary"
printf '%s\n' "${summary[@]}"
if [ "$failed" -ne 0 ]; then
  echo
  echo "=== what failed"
  grep -hE -A 12 '^ *--- FAIL|Error Trace:|^panic:' "$logs"/* | grep -vE '^(=== |--$| *--- PASS)' | tail -n 150
  echo "TESTS FAILED"
  exit 1
fi
if [ "$skipped" -ne 0 ]; then
  echo "ALL TESTS THAT RAN PASSED; some were skipped, see above"
else
  echo "ALL TESTS PASSED"
fi
