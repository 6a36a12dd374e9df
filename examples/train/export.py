#!/usr/bin/env python3
"""Writes the averaged weights of a run as one .safetensors that the library loads: config in its metadata.

    export.py --run DIR --output my.safetensors [--dtype F16|BF16|F32] [--mix START.safetensors]

--mix: the mean of these weights and those of the file that train.py had as its --start. A mean of weights along one
course of training often does better than either end (Izmailov et al. 2018, Wortsman et al. 2022).
"""
import argparse
import json
import pathlib
import struct

import numpy as np
import torch

import model


def normalised(net, mean=model.DEFAULTS["mean"], scale=model.DEFAULTS["scale"]):
    """The same network for features less `mean`, over `scale`: what its first convolution sees."""
    old_mean, old_scale = net.config["mean"], net.config["scale"]
    with torch.no_grad():
        weight = net.input.weight.double()
        net.input.bias.copy_(net.input.bias.double() + weight.sum((1, 2)) * ((mean - old_mean) / old_scale))
        net.input.weight.copy_(weight * (scale / old_scale))
    net.config = {**net.config, "mean": mean, "scale": scale}
    return net


def encode(tensor, dtype):
    if dtype == "F16":
        return tensor.numpy().astype("<f2").tobytes()
    if dtype == "BF16":
        return tensor.bfloat16().view(torch.int16).numpy().astype("<i2").tobytes()
    return tensor.numpy().astype("<f4").tobytes()


def write(path, net, dtype="F16", **metadata):
    # The scale goes into the weights. The mean stays: without it large sums would cancel in the first convolution, and
    # what rounding leaves of them is what torch and the library would differ by, some hundred times later.
    net = normalised(net, net.config["mean"], 1.0)
    config = {k: v for k, v in net.config.items() if k != "scale"}
    header = {"__metadata__": {"config": json.dumps(config), **metadata}}
    values, offset = [], 0
    for name, tensor in sorted(net.state_dict().items()):
        stored = dtype if tensor.dim() > 1 else "F32"  # the few biases are exact
        data = encode(tensor.detach().cpu().float(), stored)
        header[name] = {"dtype": stored, "shape": list(tensor.shape), "data_offsets": [offset, offset + len(data)]}
        values.append(data)
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(values))


def read(path):
    """The network in such a file, with the rounded weights that the library sees."""
    blob = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", blob[:8])[0]
    header = json.loads(blob[8 : 8 + size])
    config = json.loads(header.pop("__metadata__")["config"])
    net = model.Vocoder({**config, "mean": config.get("mean", 0.0), "scale": 1.0})
    state = {}
    for name, entry in header.items():
        begin, end = (8 + size + o for o in entry["data_offsets"])
        raw = np.frombuffer(blob[begin:end], {"F16": "<f2", "BF16": "<u2", "F32": "<f4"}[entry["dtype"]])
        if entry["dtype"] == "BF16":
            raw = (raw.astype(np.uint32) << 16).view(np.float32)
        state[name] = torch.from_numpy(raw.astype(np.float32).reshape(entry["shape"]))
    net.load_state_dict(state)
    return net.eval()


def mixed(net, start, share=0.5):
    """`share` of the weights of net, the rest from the network that its training started from."""
    kept = len(start.stages[0])
    start = normalised(start, net.config["mean"], net.config["scale"])
    if kept < len(net.stages[0]):
        start = model.append_blocks(start, net.config["stages"][0]["dilations"][kept:])
    with torch.no_grad():
        for (name, a), (other, b) in zip(net.named_parameters(), start.named_parameters()):
            assert name == other
            a.lerp_(b, 1 - share)
    return net


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--mix", type=pathlib.Path, metavar="START", help="weights to take the mean with")
    parser.add_argument("--dtype", choices=("F16", "BF16", "F32"), default="F16")
    parser.add_argument("--attribution", default="", help="whose voices, under which licence; kept in the file")
    args = parser.parse_args()
    state = torch.load(args.run / "checkpoint.pt", map_location="cpu")
    net = model.Vocoder(state["config"])
    net.load_state_dict(state["average"])
    if args.mix:
        net = mixed(net, read(args.mix))
    metadata = {"attribution": args.attribution} if args.attribution else {}
    write(args.output, net, args.dtype, **metadata)
    count = sum(p.numel() for p in net.parameters())
    print(f"{args.output}: {count} parameters, step {state['step']}, {args.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
