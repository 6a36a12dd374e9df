#!/usr/bin/env bash
# Installs what is missing (Debian packages), builds, and runs every test: optimised, then under AddressSanitizer and
# UndefinedBehaviorSanitizer with all assertions on. Takes well under an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
. examples/setup.sh
install_packages "${build_packages[@]}" catch2 libbenchmark-dev python3-torch python3-torchaudio python3-numpy python3-scipy \
  python3-matplotlib ffmpeg ccache dpkg-dev file valgrind pybind11-dev \
  python3-dev python3-pytest python3-venv abigail-tools doxygen groff-base

jobs=$(nproc)
# The tests build the library once more, as other projects would.
export CMAKE_CXX_COMPILER_LAUNCHER=ccache
for preset in release asan; do
  echo "== $preset: configure and build"
  cmake --preset "$preset" -DWAVESTRIDE_TESTS=ON -DWAVESTRIDE_EXAMPLES=ON \
    -DWAVESTRIDE_PYTHON="$([ "$preset" = release ] && echo ON || echo OFF)" >"/tmp/wavestride-configure.$$" || {
    cat "/tmp/wavestride-configure.$$" >&2
    rm -f "/tmp/wavestride-configure.$$"
    exit 1
  }
  rm -f "/tmp/wavestride-configure.$$"
  cmake --build --preset "$preset" -j "$jobs"
done
echo "== asan: tests"
ctest --preset asan -j "$jobs"
echo "== release: tests"
ctest --preset release -j "$jobs"
