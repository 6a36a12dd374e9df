#!/usr/bin/env bash
# reference.sh DOXYFILE: the reference of every public header is made without a complaint. Members that say with their name
# what they are may go without a comment.
set -euo pipefail
command -v doxygen >/dev/null || { echo "skipped: doxygen is missing"; exit 77; }
complaints=$(doxygen "$1" 2>&1 >/dev/null | grep -vE 'warning: Member .* is not documented\.$' || true)
[ -z "$complaints" ] || { echo "$complaints" >&2; exit 1; }
