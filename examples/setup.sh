# Sourced by examples/quickstart.sh and tests/run.sh: installs what is missing of the given Debian packages.
#
#   . examples/setup.sh
#   install_packages cmake ninja-build …

install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This system has no apt. Install the equivalents of these Debian packages, then run" \
         "'cmake --preset release && cmake --build --preset release':" >&2
    echo "  $*" >&2
    return 1
  fi
  missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "These Debian packages are missing, and neither root nor sudo is here to install them: ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "Installing ${missing[*]}" >&2
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update &&
         "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
       } >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# What the library and its tool are built with.
build_packages=(g++ cmake ninja-build pkg-config libeigen3-dev libhwy-dev libfftw3-dev libsndfile1-dev
                nlohmann-json3-dev libyaml-cpp-dev libpng-dev libcli11-dev)
