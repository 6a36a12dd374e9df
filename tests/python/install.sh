#!/usr/bin/env bash
# install.sh PYTHON SOURCE_DIR WORK_DIR: `pip install` makes a wheel of the source tree, without a network, and the module
# works from where pip put it, the vocoder that comes along included.
set -euo pipefail
python=$1 source=$2 work=$3
"$python" -c "import ensurepip, venv" 2>/dev/null || { echo "skipped: python3-venv is missing"; exit 77; }
rm -rf "$work"
# numpy comes from the system, pip from the environment.
"$python" -m venv --system-site-packages "$work"
"$work/bin/pip" install --no-index --disable-pip-version-check "$source" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
cd "$work"
env -u WAVESTRIDE_DATA bin/python - <<'CHECK'
import pathlib, sys
import numpy as np
import wavestride as ws

home = pathlib.Path(ws.__file__).parent
assert home.is_relative_to(sys.prefix), home
y = ws.load_model()(np.full((80, 50), -5, "f4"))
assert np.isfinite(y).all() and ws.resample(y, 16000, 48000).shape == (3 * len(y),)
# It is the package's own: the source tree may go.
(weights,) = (home / "share").rglob("vocoder-16k.safetensors")
content = weights.read_bytes()
weights.write_bytes(b"broken")
try:
    ws.load_model()
    sys.exit("the weights came from elsewhere")
except ws.IoError as e:
    assert str(weights) in str(e), e
weights.write_bytes(content)
assert (home / "py.typed").exists()
print("wavestride", ws.__version__, "in", home)
CHECK
"$work/bin/pip" uninstall -y --disable-pip-version-check wavestride >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
[ -z "$(find "$work" -path '*/site-packages/wavestride*')" ]
