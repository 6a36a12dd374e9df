"""Checkpoint files as torch.save writes them, zip and legacy: the bytes of the file, the values, and the rest."""

import argparse
import collections
import io
import os
import pathlib
import subprocess

import numpy as np
import torch
from torch import nn

from golden import Golden

golden = Golden("checkpoint")
SEEDS = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "seeds" / "checkpoint"
DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
          torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}  # fmt: skip
torch.manual_seed(4)


def flat(value, path=""):
    """The tensors in nested containers under dotted names, as PyTorch itself holds them."""
    if isinstance(value, torch.Tensor):
        return {path: value.detach()}
    if isinstance(value, nn.Module):
        return {f"{path}.{k}".strip("."): v for k, v in value.state_dict().items()}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else []
    return {k: v for key, inner in items for k, v in flat(inner, f"{path}.{key}" if path else str(key)).items()}


def add(what, value, values, state_dicts, protocols=(2,), **options):
    for zipped in (True, False):
        for protocol in protocols:
            file = io.BytesIO()
            torch.save(value, file, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol, **options)
            if what in ("HiFi-GAN", "values", "hostile"):
                (SEEDS / f"{what}-{protocol}.{'zip' if zipped else 'legacy'}").write_bytes(file.getvalue())
            tensors = flat(value)
            golden.add(
                {
                    "what": what,
                    "zip": zipped,
                    "tensors": {k: {"dtype": DTYPES[v.dtype], "shape": list(v.shape)}
                                for k, v in tensors.items()},
                    "values": values,
                    "state_dicts": state_dicts,
                },  # fmt: skip
                file=np.frombuffer(file.getvalue(), dtype=np.uint8),
                **{f"expected/{k}": v.float() for k, v in tensors.items()},
            )


conv = nn.utils.weight_norm(nn.Conv1d(2, 3, 3))
up = nn.utils.weight_norm(nn.ConvTranspose1d(3, 2, 4, stride=2))
network = collections.OrderedDict([*(("conv_pre." + k, v) for k, v in conv.state_dict().items()),
                                   *(("ups.0." + k, v) for k, v in up.state_dict().items())])
flat_dict = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2)).state_dict()

add("flat", flat_dict, {}, [""], protocols=(2, 3, 4, 5))
add("HiFi-GAN", {"generator": network}, {}, ["generator"])
add(
    "PWG",
    {"model": {"generator": network, "discriminator": {"conv.weight": torch.randn(2, 2)}},
     "optimizer": {"state": {0: {"step": 7, "exp_avg": torch.randn(3)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]},
     "steps": 400000, "epochs": None},
    {"optimizer": {"state": {"0": {"step": 7}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}, "steps": 400000, "epochs": None},
    ["model.generator", "model.discriminator"],
)  # fmt: skip

base = torch.randn(4, 6)
long_rows = torch.randn(2, 1100)
add(
    "views",
    {
        "base": base,
        "transposed": base.t(),
        "column": base[:, 2],
        "slice": base[1:3, ::2],
        "permuted": torch.randn(2, 3, 5).permute(2, 0, 1),
        "expanded": torch.randn(3, 1, 2).expand(3, 4, 2),
        "overlapping": base.view(-1).as_strided((5, 4), (2, 3), 1),
        "zero_dimensional": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "empty view": base[2:2, 1:],
        "one": base[1:2, 3:4].t(),
    },
    {},
    [""],
)
add("long views", {"rows": long_rows[:, 1:], "columns": long_rows.t()[1:]}, {}, [""])
add(
    "types",
    {name: (torch.rand(5) * 50 - (0 if name in ("U8", "BOOL") else 25)).to(t) for t, name in DTYPES.items()},
    {},
    [""],
)
add(
    "values",
    {
        "state_dict": {"w": nn.Parameter(torch.randn(2)), "frozen": nn.Parameter(torch.randn(2), requires_grad=False)},
        "hyper_parameters": argparse.Namespace(rates=[8, 8, 2, 2], name="größe", path=pathlib.PurePosixPath("a/b"), flag=True),
        "numbers": (np.float64(2.5), np.float32(0.5), np.int64(-3), np.uint8(200), np.bool_(True), -(1 << 40), 3.25, None),
        "shape": torch.Size([2, 3]),
        "set": {5},
        "dtype": torch.float16,
        "huge": 1 << 100,
        "bytes": b"\x00\xff\x80a",
        "function": torch.nn.functional.relu,
        "lists": [[torch.randn(2)], {"t": torch.randn(1), 3: "three"}],
        "default": collections.defaultdict(int, {"a": 1}),
    },
    {
        "hyper_parameters": {
            "__class__": "argparse.Namespace", "rates": [8, 8, 2, 2], "name": "größe", "flag": True,
            "path": {"__class__": "pathlib.PurePosixPath", "__args__": ["a", "b"]},
        },
        "numbers": [2.5, 0.5, -3, 200, True, -(1 << 40), 3.25, None],
        "shape": [2, 3],
        "set": [5],
        "dtype": "torch.float16",
        "huge": "(13 bytes)",
        "bytes": "(4 bytes)",
        "function": "torch.nn.functional.relu",
        "lists": [None, {"3": "three"}],
        "default": {"a": 1},
    },
    ["state_dict"],
    protocols=(2, 4),
)  # fmt: skip


class Hostile:
    """A pickle that runs a command when Python reads it."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


add(
    "hostile",
    {
        "w": torch.randn(2),
        "system": Hostile(os.system, "touch wavestride-was-here"),
        "eval": Hostile(eval, "__import__('os').system('touch wavestride-was-here')"),
        "popen": {"inner": [Hostile(subprocess.Popen, ["touch", "wavestride-was-here"])]},
    },
    {
        "system": {"__class__": "posix.system", "__args__": ["touch wavestride-was-here"]},
        "eval": {"__class__": "__builtin__.eval", "__args__": ["__import__('os').system('touch wavestride-was-here')"]},
        "popen": {"inner": [{"__class__": "commands.Popen", "__args__": [["touch", "wavestride-was-here"]]}]},
    },
    [""],
)


class AttrDict(dict):
    """As in the code of HiFi-GAN, which reads it from its config."""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(2))


h = AttrDict(rates=[8, 2], seed=1234)
h.path = "config.json"
add(
    "protocol 1",
    {
        "generator": network,
        "h": h,
        "options": argparse.Namespace(lr=2.5, best=True, last=False, name="größe"),
        "numbers": [-1, 300, 70000, 1 << 40, -(1 << 40), np.float64(2.5), np.int64(-3)],
        "huge": 1 << 100,
        "set": {5},
        "shape": torch.Size([2, 3]),
        "bytes": b"\x00\xff",
        "net": Net(),
    },
    None,
    ["generator", "net"],
    protocols=(1,),
)
shared = {"w": torch.randn(3)}
whole = nn.Sequential(nn.Conv1d(1, 1, 1), nn.Sequential(nn.BatchNorm1d(1)))
add("module", {"net": whole}, None, ["net.0", "net.1.0"])
add("shared dictionary", {"model": shared, "ema": shared}, {}, ["model", "ema"])

golden.save()
