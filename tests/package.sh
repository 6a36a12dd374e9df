#!/usr/bin/env bash
# package.sh WORK_DIR SOURCE_DIR BUILD_DIR: the .deb that cpack makes of BUILD_DIR installs into an empty root with a dpkg
# database of its own, serves another project from there, and leaves nothing behind when it is removed.
set -euo pipefail
work=$1 source=$2 build=$3
command -v dpkg-shlibdeps >/dev/null || { echo "skipped: dpkg-dev is missing"; exit 77; }
rm -rf "$work" && mkdir -p "$work/root/var/lib/dpkg"/{info,updates}
touch "$work/root/var/lib/dpkg/status"

cpack --config "$build/CPackConfig.cmake" -B "$work" -G DEB >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
deb=$(echo "$work"/wavestride_*.deb)
field() { dpkg-deb -f "$deb" "$1"; }
[ "$(field Package)" = wavestride ]
[ "$(field Architecture)" = "$(dpkg --print-architecture)" ]
for library in libc6 libfftw3-double3 libfftw3-single3 libhwy1 libsndfile1 libstdc++6 libeigen3-dev; do
  field Depends | tr , '\n' | awk '{print $1}' | grep -xF "$library" >/dev/null || { echo "Depends lacks $library: $(field Depends)" >&2; exit 1; }
done
# Owned by root, nothing outside /usr, nothing that others may write.
if dpkg-deb -c "$deb" | grep -vE '^(d|-)rw[-x]r-[-x]r-[-x] root/root .* \./(usr/.*)?$|^l.* \./usr/'; then
  echo "the lines above are not as they should be in a package" >&2
  exit 1
fi

dpkg() { command dpkg --root="$work/root" --log="$work/dpkg.log" --force-depends,not-root,bad-path "$@" >>"$work/log" 2>&1; }
dpkg -i "$deb" || { cat "$work/log" >&2; exit 1; }
"$work/root/usr/bin/wavestride" --version
cmake -G Ninja -S "$source/tests/consumer/find_package" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$work/root/usr" \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 >"$work/log" 2>&1 && cmake --build "$work/consumer" >>"$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }
"$work/consumer/consumer"
dpkg -r wavestride || { cat "$work/log" >&2; exit 1; }
[ -z "$(find "$work/root" -path "$work/root/var/lib/dpkg" -prune -o ! -type d -print)" ]
