"""Files that lie, as seeds of the fuzzers' corpus (tests/fuzz/seeds/checkpoint): pickles that hold themselves or claim
what can't be, zip archives that were cut off or swell, tensors that share their bytes many times over, messages nested
without end. Those that run a command are made by checkpoint.py."""

import io
import json
import pathlib
import pickle
import struct
import zipfile

SEEDS = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "seeds" / "checkpoint"


def text(s):
    return b"X" + struct.pack("<I", len(s)) + s.encode()


def number(n):
    return b"\x8a\x08" + struct.pack("<q", n)


def storage(elements):
    return b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(elements) + b"tQ"


def tensor(elements, shape, stride):
    numbers = [b"(" + b"".join(map(number, values)) + b"t" for values in (shape, stride)]
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(elements) + number(0) + b"".join(numbers) + b"\x89NtR"


def dictionary(items):
    return b"\x80\x02}" + b"".join(text(key) + value + b"s" for key, value in items.items()) + b"."


def archive(data, values=bytes(8), method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as out:
        for name, content in (("x/data.pkl", data), ("x/data/0", values)):
            out.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def legacy(data):
    magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
    return magic + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2) + data + pickle.dumps(["0"], 2)


def save(name, data):
    (SEEDS / name).write_bytes(data)
    print(f"{name}: {len(data)} bytes")


good = dictionary({"w": tensor(2, [2], [1])})
save("cyclic-memo.zip", archive(b"\x80\x02}q\x01" + text("self") + b"h\x01s" + text("list") + b"]q\x02h\x02ah\x01as."))
laughs = b"\x80\x02]q\x00" + b"".join(b"]q%c(h%ch%ce" % (i, i - 1, i - 1) for i in range(1, 60)) + b"."
save("billion-laughs.zip", archive(laughs))
save("huge-counts.zip", archive(dictionary({"w": tensor(1 << 62, [1 << 31, 1 << 31], [1 << 31, 1])})))
save("huge-counts.legacy", legacy(dictionary({"w": tensor(2, [2], [1])})) + struct.pack("<q", 1 << 62) + bytes(8))
save("truncated.zip", archive(good)[:-9])
save("cut-values.legacy", legacy(good) + struct.pack("<q", 2) + bytes(5))
save("bomb.zip", archive(good, bytes(8 << 20), zipfile.ZIP_DEFLATED))
save("pickle-bomb.zip", archive(b"\x80\x02" + b"]" * (8 << 20) + b".", method=zipfile.ZIP_DEFLATED))
claimed = bytearray(archive(good))
at = claimed.index(b"PK\x01\x02")
claimed[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFFF)
save("claimed-size.zip", bytes(claimed))
save("overlapping.zip", archive(dictionary({f"w{i}": tensor(2, [1 << 16, 2], [0, 1]) for i in range(20)})))
entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
header = json.dumps({f"w{i}": entry for i in range(3)}).encode()
save("overlapping.safetensors", struct.pack("<Q", len(header)) + header + bytes(8))
deep = b""
for _ in range(400):
    length = bytes((len(deep) & 0x7F | 0x80, len(deep) >> 7))
    deep = b"\x3a" + length + deep
save("deep.onnx", b"\x08\x08" + deep)
