"""ONNX files as the onnx package and torch.onnx.export write them, and the values of their initializers."""

import io
import pathlib

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from golden import Golden

golden = Golden("onnx_initializers")
SEEDS = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "seeds" / "checkpoint"
rng = np.random.default_rng(6)
TYPES = {
    TensorProto.FLOAT: ("F32", np.float32),
    TensorProto.DOUBLE: ("F64", np.float64),
    TensorProto.FLOAT16: ("F16", np.float16),
    TensorProto.BFLOAT16: ("BF16", np.float32),
    TensorProto.INT8: ("I8", np.int8),
    TensorProto.INT16: ("I16", np.int16),
    TensorProto.INT32: ("I32", np.int32),
    TensorProto.INT64: ("I64", np.int64),
    TensorProto.UINT8: ("U8", np.uint8),
    TensorProto.UINT16: ("U16", np.uint16),
    TensorProto.UINT32: ("U32", np.uint32),
    TensorProto.UINT64: ("U64", np.uint64),
    TensorProto.BOOL: ("BOOL", np.bool_),
}


def add(what, model, dtypes, tensors):
    golden.add(
        {"what": what, "tensors": {k: {"dtype": dtypes[k], "shape": list(np.shape(v))} for k, v in tensors.items()},
         "metadata": {p.key: p.value for p in model.metadata_props}},
        file=np.frombuffer(model.SerializeToString(), dtype=np.uint8),
        **{f"expected/{k}": np.asarray(v) for k, v in tensors.items()},
    )  # fmt: skip


for raw in (True, False):
    initializers, dtypes, tensors = [], {}, {}
    for number, (dtype, numpy) in TYPES.items():
        for shape in [(), (0, 2), (2, 3)]:
            name = f"{dtype} {list(shape)}"
            values = np.asarray(rng.normal(size=shape) * 40 if dtype[-2:] in ("32", "64", "16") and dtype[0] in "FB"
                                else rng.integers(0 if dtype[0] in "UB" else -100, 2 if dtype == "BOOL" else 100, size=shape)).astype(numpy)  # fmt: skip
            if dtype == "BF16":  # the upper half of float32
                bits = values.reshape(-1).view(np.uint32) >> 16
                values = (bits << 16).astype(np.uint32).view(np.float32).reshape(shape)
                content = bits.astype("<u2").tobytes() if raw else values.reshape(-1).tolist()
            else:
                content = values.tobytes() if raw else values.reshape(-1).tolist()
            initializers.append(helper.make_tensor(name, number, shape, content, raw=raw))
            dtypes[name], tensors[name] = dtype, values.astype(np.float32)
    words = helper.make_tensor("words", TensorProto.STRING, [1], [b"left out"])
    graph = helper.make_graph([], "g", [], [], initializers + [words])
    model = helper.make_model(graph)
    helper.set_model_props(model, {"sample_rate": "22050", "comment": "größe"})
    (SEEDS / f"{'raw' if raw else 'lists'}.onnx").write_bytes(model.SerializeToString())
    add("raw" if raw else "lists", model, dtypes, tensors)

torch.manual_seed(1)
net = nn.Sequential(nn.Conv1d(2, 3, 3), nn.ConvTranspose1d(3, 1, 4, stride=2))
file = io.BytesIO()
torch.onnx.export(net, torch.zeros(1, 2, 8), file, opset_version=15)
state = {k: v.numpy() for k, v in net.state_dict().items()}
add("exported by torch", onnx.load_from_string(file.getvalue()), dict.fromkeys(state, "F32"), state)
golden.save()
