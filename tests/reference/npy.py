"""Arrays of every type, order, version and rank as numpy saves them: the bytes of the file, and the values."""

import io

import numpy as np

from golden import Golden

SHAPES = [(), (1,), (0,), (5,), (2, 3), (3, 0), (2, 0, 3), (2, 3, 4), (1, 5, 1, 2)]
READ = "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1".split()


def saved(array, version):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return np.frombuffer(file.getvalue(), dtype=np.uint8)


golden = Golden("npy")
rng = np.random.default_rng(1)
for kind in READ:
    for shape in SHAPES:
        for order in "CF":
            values = rng.normal(size=shape) * 40 if kind[0] == "f" else rng.integers(0, 100, size=shape)
            if kind[0] == "i":
                values = values - 50
            array = np.asarray(values).astype("<" + kind).copy(order=order)
            for version in (1, 0), (2, 0), (3, 0):
                if version[0] > 1 and shape != (2, 3):
                    continue
                golden.add(
                    {"dtype": kind, "order": order, "version": version[0], "shape": list(shape)},
                    file=saved(array, version),
                    values=array.astype(np.float32),
                )
for array, reason in [
    (np.zeros(3, ">f4"), "big-endian values, >f4"),
    (np.zeros(3, ">i2"), "big-endian values, >i2"),
    (np.zeros(3, "<c8"), 'the dtype "<c8"'),
    (np.zeros(3, "<U4"), 'the dtype "<U4"'),
    (np.zeros(3, "S4"), 'the dtype "|S4"'),
    (np.zeros(3, "<M8[s]"), 'the dtype "<M8[s]"'),
    (np.zeros(3, [("a", "<f4"), ("b", "<i2")]), "describes records"),
    (np.array([None, {}]), 'the dtype "|O"'),
]:
    golden.add({"reason": reason}, file=saved(array, None))
golden.save()
