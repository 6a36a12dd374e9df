"""Goldens of bidirectional torch.nn.LSTM and GRU, of one layer, from zeros."""

import torch
from golden import Golden

torch.manual_seed(40)
golden = Golden("flip")

for kind in ("LSTM", "GRU"):
    for inputs, hidden, bias, frames in ((1, 1, True, 1), (3, 2, False, 30), (7, 17, True, 200)):
        net = getattr(torch.nn, kind)(inputs, hidden, bias=bias, bidirectional=True)
        x = torch.randn(inputs, frames)
        with torch.no_grad():
            y = net(x.T)[0].T
        golden.add({"kind": kind}, x=x, y=y, **{name: p for name, p in net.named_parameters()})
golden.save()
