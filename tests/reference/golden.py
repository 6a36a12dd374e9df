"""Writes golden cases for the C++ tests (tests/golden.h reads them).

Run a generator with Debian's interpreter, which has torch 1.13: /usr/bin/python3 tests/reference/conv1d.py
"""

import json
import pathlib
import struct

import numpy as np

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"


class Golden:
    """Collects cases: parameters (JSON) and named float32 arrays; save() writes one .safetensors file."""

    def __init__(self, name):
        self.name = name
        self.cases = []
        self.arrays = {}

    def add(self, parameters, **tensors):
        case = f"{len(self.cases):04d}"
        present = {key: value for key, value in tensors.items() if value is not None}
        self.cases.append({"name": case, "parameters": parameters, "tensors": sorted(present)})
        for key, value in present.items():
            array = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
            self.arrays[f"{case}/{key}"] = np.ascontiguousarray(array, dtype=np.float32)

    def save(self):
        header = {"__metadata__": {"cases": json.dumps(self.cases)}}
        offset = 0
        for key, array in self.arrays.items():
            header[key] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
            offset += array.nbytes
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        GOLDEN.mkdir(exist_ok=True)
        with open(GOLDEN / f"{self.name}.safetensors", "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for array in self.arrays.values():
                file.write(array.tobytes())
        print(f"{self.name}: {len(self.cases)} cases, {offset / 1024:.0f} KiB")
