#!/usr/bin/env bash
# exports.sh LIBRARY INCLUDE_DIR: the shared library exports its interface, all of it and nothing else.
set -euo pipefail
library=$1 include=$2
if unmarked=$(grep -l '^namespace wavestride {' "$include"/wavestride/*.h); then
  echo "must open with \"namespace WAVESTRIDE_API wavestride {\", or nothing of them is exported:" "$unmarked" >&2
  exit 1
fi
symbols=$(nm -DC --defined-only "$library" | cut -d' ' -f3-)
[ "$(wc -l <<<"$symbols")" -gt 100 ]
interface='^((vtable|typeinfo|typeinfo name|VTT|guard variable) for )?wavestride::|^wavestride_[a-z0-9_]+$'
# What is internal though it lives in the library's own namespace.
internal='wavestride::(detail|[A-Za-z]*::(Design|File|State)\b|\(anonymous namespace\))'
if unintended=$(grep -vE "$interface" <<<"$symbols"; grep -E "^[^(]*$internal" <<<"$symbols"); then
  echo "exported by ${library##*/}, but no part of the interface:" >&2
  echo "$unintended" >&2
  exit 1
fi
