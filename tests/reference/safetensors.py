"""Safetensors files made by hand after their specification: the bytes of the file, and the values."""

import json
import struct

import numpy as np

from golden import Golden


def bfloat16(values):
    """The upper half of float32, rounded towards zero."""
    return (values.astype(np.float32).view(np.uint32) >> 16).astype("<u2")


def write(tensors, metadata=None, align=8, indent=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, dtype, shape, raw in tensors:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, indent=indent).encode()
    text += b" " * (-len(text) % align)
    return np.frombuffer(struct.pack("<Q", len(text)) + text + data, dtype=np.uint8)


golden = Golden("safetensors")
rng = np.random.default_rng(2)
NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
for dtype in ["F32", "F16", "BF16", "F64", "I64", "I32", "I16", "I8", "U8", "BOOL"]:
    for shape in [(), (0,), (7,), (2, 3), (2, 0, 3), (3, 2, 5)]:
        values = rng.normal(size=shape) if dtype[0] in "FB" else rng.integers(0, 100, size=shape)
        if dtype == "BF16":
            raw = bfloat16(np.asarray(values).reshape(-1))
            values = (raw.astype(np.uint32) << 16).view(np.float32).reshape(shape)
        else:
            raw = np.asarray(values).astype(NUMPY[dtype])
            values = raw.astype(np.float32)
        other = np.arange(4, dtype="<f4")
        file = write(
            [("one.weight", dtype, shape, raw.tobytes()), ("zwei/größe", "F32", (4,), other.tobytes())],
            {"format": "pt", "note": "ä \"quoted\""} if shape == (7,) else None,
            align=1 if shape == (2, 3) else 8,
            indent=2 if shape == (3, 2, 5) else None,
        )
        golden.add({"dtype": dtype, "shape": list(shape)}, file=file, values=values, other=other)
golden.save()
