#!/usr/bin/env bash
# c_abi.sh LIBRARY HEADER BASELINE: the binary interface of C is the recorded one, but for functions that are new. After a
# change that is meant, and a new soname if it breaks callers: RECORD=1 c_abi.sh ...
set -euo pipefail
library=$1 header=$2 baseline=$3
command -v abidw >/dev/null || { echo "skipped: abigail-tools is missing"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
abi=$work/now.abi
mkdir "$work/headers" && cp "$header" "$work/headers"
abidw --headers-dir "$work/headers" --exported-interfaces-only --drop-private-types --no-corpus-path --no-comp-dir-path \
  --no-show-locs --no-parameter-names --no-elf-needed --no-architecture "$library" >"$abi"
sed -i "s| path='[^']*/src/| path='src/|" "$abi"  # wherever it was built
[ -z "${RECORD:-}" ] || cp "$abi" "$baseline"
grep -q "name='wavestride_stream_push'" "$baseline"
abidiff --no-added-syms --no-architecture "$baseline" "$abi"
