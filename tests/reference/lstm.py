"""Goldens of torch.nn.LSTM: one direction, from zeros."""

import torch
from golden import Golden

torch.manual_seed(37)
golden = Golden("lstm")

for inputs, hidden, layers, bias, scale in (
        (1, 1, 1, True, 1.0), (3, 2, 1, False, 1.0), (2, 5, 2, True, 3.0), (7, 15, 1, True, 1.0), (16, 16, 2, True, 1.0),
        (5, 17, 3, False, 1.0), (33, 32, 1, True, 8.0), (20, 40, 2, True, 1.0)):
    net = torch.nn.LSTM(inputs, hidden, layers, bias=bias)
    for p in net.parameters():
        p.data *= scale  # large ones saturate the gates
    for frames in (1, 2, 60) if hidden < 8 else (60,):
        x = torch.randn(inputs, frames)
        with torch.no_grad():
            y = net(x.T)[0].T
        golden.add({"layers": layers}, x=x, y=y, **{name: p for name, p in net.named_parameters()})
golden.save()
