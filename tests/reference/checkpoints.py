"""Checkpoints as the recipes of vocoders save them, for the tests of the model readers: random weights, small.

A case is a directory tests/golden/models/<name> with the checkpoint and its config under their original names; the
golden file of the architecture holds what PyTorch makes of some frames.
"""

import json
import shutil
import struct

import numpy as np
import torch
import yaml
from golden import GOLDEN

MODELS = GOLDEN / "models"


weight_norm = torch.nn.utils.weight_norm


def new_spelling(state):
    """The names that torch has given weight norm since 2.1."""
    return {key.replace("weight_g", "parametrizations.weight.original0").replace(
        "weight_v", "parametrizations.weight.original1"): value for key, value in state.items()}


def fuse(module):
    """Weight norm removed, as before an export."""
    for m in module.modules():
        if hasattr(m, "weight_g"):
            torch.nn.utils.remove_weight_norm(m)
    return module


def randomise(module, seed):
    """Weights that keep activations of order one, biases that matter; lengths that are not those of the directions."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in module.named_parameters():
        if name.endswith("bias"):
            p.data = torch.randn(p.shape, generator=generator) * 0.1
        elif p.dim() > 2 and not name.endswith(("weight_g", "alpha")):
            transposed = isinstance(module.get_submodule(name.rpartition(".")[0]), torch.nn.ConvTranspose1d)
            inputs = p.shape[0] * 2 if transposed else p.shape[1] * p.shape[2]
            p.data = torch.randn(p.shape, generator=generator) * (1.1 / inputs**0.5)
        elif p.dim() == 2:
            p.data = torch.randn(p.shape, generator=generator) / p.shape[1] ** 0.5
    for m in module.modules():
        if hasattr(m, "weight_g"):
            norm = torch.norm_except_dim(m.weight_v.data, 2, 0)
            m.weight_g.data = norm * (torch.rand(norm.shape, generator=generator) * 0.6 + 0.7)
    return module


def flatten(value, prefix=""):
    """Dotted names of the tensors in nested dictionaries."""
    for key, v in value.items():
        if isinstance(v, dict):
            yield from flatten(v, f"{prefix}{key}.")
        elif hasattr(v, "detach"):
            yield prefix + key, v


def write_safetensors(path, tensors):
    header, offset, blobs = {}, 0, []
    for key, value in tensors:
        array = np.ascontiguousarray(value.detach().numpy(), dtype=np.float32)
        header[key] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
        blobs.append(array.tobytes())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def write_onnx(path, tensors):
    """A ModelProto with initializers alone, of which readers of weights look at nothing else."""

    def varint(n):
        out = b""
        while n > 0x7F:
            out += bytes((n & 0x7F | 0x80,))
            n >>= 7
        return out + bytes((n,))

    def field(number, payload):
        return varint(number << 3 | 2) + varint(len(payload)) + payload

    def tensor(name, value):
        array = np.ascontiguousarray(value.detach().numpy(), dtype=np.float32)
        dims = b"".join(varint(1 << 3) + varint(n) for n in array.shape)
        return dims + varint(2 << 3) + varint(1) + field(8, name.encode()) + field(9, array.tobytes())

    graph = b"".join(field(5, tensor(name, value)) for name, value in tensors)
    path.write_bytes(varint(1 << 3) + varint(8) + field(7, graph))


def save(case, file, value, format="zip", config=None, config_file="config.json"):
    """Writes value to tests/golden/models/<case>/<file>: format zip, legacy (torch before 1.6), safetensors or onnx."""
    folder = MODELS / case
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if format == "onnx":
        write_onnx(folder / file, value)
    elif format == "safetensors":
        write_safetensors(folder / file, flatten(value))
    else:
        torch.save(value, folder / file, _use_new_zipfile_serialization=format == "zip")
    if config is not None:
        as_yaml = config_file.endswith((".yml", ".yaml")) and not isinstance(config, str)
        text = config if isinstance(config, str) else yaml.safe_dump(config) if as_yaml else json.dumps(config, indent=2)
        (folder / config_file).write_text(text)
    size = (folder / file).stat().st_size
    print(f"{case}/{file}: {size / 1024:.0f} KiB")
    return f"{case}/{file}"


def add_frames(golden, file, net, inputs, lengths, **options):
    """What the net of a file makes of random frames, `lengths` of them."""
    for frames in lengths:
        x = torch.randn(inputs, frames)
        with torch.no_grad():
            golden.add({"file": file, **options}, x=x, y=net(x[None])[0])


def coqui_audio(hop, mels=10):
    """The section "audio" of Coqui's configs."""
    return {"sample_rate": 16000, "fft_size": 64, "win_length": 64, "hop_length": hop, "frame_length_ms": None,
            "frame_shift_ms": None, "num_mels": mels, "mel_fmin": 50.0, "mel_fmax": 7600.0, "spec_gain": 1, "log_func": "np.log",
            "signal_norm": False, "min_level_db": -100, "ref_level_db": 0, "preemphasis": 0.0, "symmetric_norm": True,
            "max_norm": 4.0, "clip_norm": True, "stats_path": None}
