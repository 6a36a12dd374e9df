#!/usr/bin/env bash
# exports.sh LIBRARY INCLUDE_DIR [ARCHIVE]: the shared library exports its interface, all of it and nothing else; a program
# of the objects in ARCHIVE finds there what it calls.
set -euo pipefail
library=$1 include=$2 archive=${3-}
if unmarked=$(grep -l '^namespace wavestride {' "$include"/wavestride/*.h); then
  echo "must open with \"namespace WAVESTRIDE_API wavestride {\", or nothing of them is exported:" "$unmarked" >&2
  exit 1
fi
symbols=$(nm -DC --defined-only "$library" | cut -d' ' -f3-)
[ "$(wc -l <<<"$symbols")" -gt 100 ]
interface='^((vtable|typeinfo|typeinfo name|VTT|guard variable) for |[^(]* )?wavestride::|^wavestride_[a-z0-9_]+$'
# What is internal though it lives in the library's own namespace.
internal='wavestride::(detail|kernels|[A-Za-z]*::(Design|File|State)\b|\(anonymous namespace\))'
unintended=$(grep -vE "$interface" <<<"$symbols" || true; grep -E "^[^(]*$internal" <<<"$symbols" || true)
if [ -n "$unintended" ]; then
  echo "exported by ${library##*/}, but no part of the interface:" >&2
  echo "$unintended" >&2
  exit 1
fi
# The words of messages, which the tool chooses as the library does.
shared='^(message_of|fail_with|printable)$'
if undeclared=$(grep -oE '^[^(]*' <<<"$symbols" | grep -oE 'wavestride::[A-Za-z0-9_:~]+' | grep -oE '[A-Za-z0-9_]+$' | sort -u |
    grep -vE "$shared" | grep -vxFf <(grep -ohE '[A-Za-z0-9_]+' "$include"/wavestride/*.h | sort -u)); then
  echo "exported by ${library##*/}, but declared by no header of the interface:" >&2
  echo "$undeclared" >&2
  exit 1
fi
[ -z "$archive" ] && exit 0
here=$( { nm -D --defined-only "$library"; nm --defined-only "$archive" 2>/dev/null; } | awk 'NF == 3 {print $3}' | sort -u)
if missing=$(nm -u "$archive" | awk '$1 == "U" && $2 ~ /^_ZNK?10wavestride|^wavestride_/ {print $2}' | sort -u |
    grep -vxFf <(echo "$here")); then
  echo "${archive##*/} calls what ${library##*/} does not export:" >&2
  c++filt <<<"$missing" >&2
  exit 1
fi
