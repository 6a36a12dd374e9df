#!/usr/bin/env bash
# run.sh WAY WORK_DIR SOURCE_DIR [BUILD_DIR]: uses the library as another project would, and runs the result.
#   installed   BUILD_DIR installed, then found by find_package and by pkg-config
#   core        the core alone, shared, likewise; what it links and how large it is
#   subproject  the core's source tree inside another project, by add_subdirectory and by FetchContent
set -euo pipefail
way=$1 work=$2 source=$3 build=${4-}
consumers=$source/tests/consumer
rm -rf "$work" && mkdir -p "$work"

quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; echo "failed: $*" >&2; exit 1; }; }

# consume NAME CMAKE_OPTIONS…: configures, builds and runs one of the projects beside this script.
consume() {
  local name=$1; shift
  quietly cmake -G Ninja -S "$consumers/$name" -B "$work/$name" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 "$@"
  quietly cmake --build "$work/$name"
  echo "$name: $("$work/$name/consumer")"
}

find_both_ways() {
  local prefix=$1
  # With vectors that the library was not built with, too.
  consume find_package -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_FLAGS=-march=native
  mkdir "$work/pkg_config"
  quietly env PKG_CONFIG_PATH="$(dirname "$(find "$prefix" -name wavestride.pc)")" \
    make -C "$consumers/pkg_config" CXXFLAGS=-march=native OUT="$work/pkg_config"
  echo "pkg_config: $(LD_LIBRARY_PATH=$prefix/lib "$work/pkg_config/consumer")"
}

case $way in
installed)
  quietly cmake --install "$build" --prefix "$work/prefix"
  find_both_ways "$work/prefix"
  "$work/prefix/bin/wavestride" --version
  ;;
core)
  quietly cmake -G Ninja -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
    -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON -DWAVESTRIDE_AUDIO_FILES=OFF \
    -DWAVESTRIDE_MODELS=OFF -DWAVESTRIDE_TOOL=OFF -DWAVESTRIDE_EXAMPLES=OFF -DWAVESTRIDE_TESTS=OFF
  quietly cmake --build "$work/build" -j "$(nproc)"
  quietly cmake --install "$work/build" --prefix "$work/prefix" --strip
  library=$(readlink -f "$work/prefix/lib/libwavestride.so")
  needed=$(objdump -p "$library" | awk '$1 == "NEEDED" && $2 !~ /^(libstdc\+\+|libm|libgcc_s|libc|ld-linux.*)\.so/ {print $2}' | sort | xargs)
  bytes=$(stat -c %s "$library")
  echo "core: ${library##*/}, $bytes bytes, needs $needed"
  [ "$needed" = "libfftw3.so.3 libfftw3f.so.3 libhwy.so.1" ]
  [ "$bytes" -lt $((2 * 1024 * 1024)) ]
  objdump -p "$library" | grep "SONAME  *libwavestride.so.0.1$" >"$work/log"  # not -q, which leaves before objdump is done
  find_both_ways "$work/prefix"
  ;;
subproject)
  core=(-DWAVESTRIDE_AUDIO_FILES=OFF -DWAVESTRIDE_MODELS=OFF)
  consume add_subdirectory "${core[@]}"
  consume fetch_content "${core[@]}" -DWAVESTRIDE_SOURCE="$source"
  ;;
esac
