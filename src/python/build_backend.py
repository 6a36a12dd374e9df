"""What pip calls (PEP 517) to make a wheel of the source tree: CMake builds the module, the rest is a zip file."""

import base64
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DATA = SOURCE / "src" / "data"
PROJECT = (SOURCE / "CMakeLists.txt").read_text()
VERSION = re.search(r"project\(wavestride VERSION ([0-9.]+)", PROJECT).group(1)
SUMMARY = re.search(r'DESCRIPTION "([^"]*)"', PROJECT).group(1)
TAG = f"cp{sys.version_info.major}{sys.version_info.minor}-cp{sys.version_info.major}{sys.version_info.minor}-" + \
    re.sub(r"[-.]", "_", sysconfig.get_platform())
INFO = f"wavestride-{VERSION}.dist-info"
METADATA = (f"Metadata-Version: 2.1\nName: wavestride\nVersion: {VERSION}\nSummary: {SUMMARY}\nLicense: MIT\n"
            "Requires-Python: >=3.9\nRequires-Dist: numpy\n")
WHEEL = f"Wheel-Version: 1.0\nGenerator: wavestride\nRoot-Is-Purelib: false\nTag: {TAG}\n"


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory, INFO)
    folder.mkdir()
    (folder / "METADATA").write_text(METADATA)
    (folder / "WHEEL").write_text(WHEEL)
    return INFO


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with tempfile.TemporaryDirectory() as build:
        options = ["-DCMAKE_BUILD_TYPE=Release", f"-DPython_EXECUTABLE={sys.executable}", "-DWAVESTRIDE_PYTHON=ON"]
        options += [f"-DWAVESTRIDE_{part}=OFF" for part in ("TOOL", "EXAMPLES", "TESTS", "INSTALL")]
        subprocess.run(["cmake", "-S", str(SOURCE), "-B", build, *options], check=True)
        subprocess.run(["cmake", "--build", build, "--target", "wavestride_python", "-j", str(os.cpu_count())], check=True)
        package = pathlib.Path(build, "python")
        files = {str(path.relative_to(package)): path.read_bytes() for path in sorted(package.rglob("*")) if path.is_file()}
    # Where the library looks: share/wavestride beside the module.
    files |= {f"wavestride/share/wavestride/{path.name}": path.read_bytes() for path in sorted(DATA.iterdir())}
    files |= {f"{INFO}/METADATA": METADATA.encode(), f"{INFO}/WHEEL": WHEEL.encode(),
              f"{INFO}/LICENSE": (SOURCE / "LICENSE").read_bytes()}
    record = ""
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(content)}\n"
    files[f"{INFO}/RECORD"] = f"{record}{INFO}/RECORD,,\n".encode()
    wheel = f"wavestride-{VERSION}-{TAG}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return wheel


def build_sdist(sdist_directory, config_settings=None):
    base = f"wavestride-{VERSION}"
    parts = ["CMakeLists.txt", "LICENSE", "README.md", "include", "pyproject.toml", "src"]

    def wanted(member):
        return None if "__pycache__" in member.name else member

    with tarfile.open(pathlib.Path(sdist_directory, base + ".tar.gz"), "w:gz") as archive:
        for part in parts:
            archive.add(SOURCE / part, f"{base}/{part}", filter=wanted)
    return base + ".tar.gz"
