#!/usr/bin/env bash
# Fails when `make generate` changes one of the given files or folders. It compares with what is there, not with the last
# commit, so it can be run before committing.
set -euo pipefail

before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT

for path in "$@"; do
  if [ -e "$path" ]; then
    mkdir -p "$before/$(dirname "$path")"
    cp -R "$path" "$before/$(dirname "$path")/"
  fi
done

make generate

stale=0
for path in "$@"; do
  diff --recursive --unified --new-file "$before/$path" "$path" || stale=1
done
if [ "$stale" -ne 0 ]; then
  echo "verify: generated files were stale (- is what was there); they are up to date now: commit them" >&2
  exit 1
fi
echo "verify: generated files are up to date"
