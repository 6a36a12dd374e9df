"""Goldens of torch.nn.GRU: one direction, from zeros. In double: large weights make much of what float rounds."""

import torch
from golden import Golden

torch.manual_seed(38)
golden = Golden("gru")

for inputs, hidden, layers, bias, scale in (
        (1, 1, 1, True, 1.0), (3, 2, 1, False, 1.0), (2, 5, 2, True, 3.0), (7, 15, 1, True, 1.0), (16, 16, 2, True, 1.0),
        (5, 17, 3, False, 1.0), (33, 32, 1, True, 4.0), (20, 40, 2, True, 1.0)):
    net = torch.nn.GRU(inputs, hidden, layers, bias=bias)
    for p in net.parameters():
        p.data *= scale  # large ones saturate the gates
    for frames in (1, 2, 60) if hidden < 8 else (60,):
        x = torch.randn(inputs, frames)
        with torch.no_grad():
            y = net.double()(x.T.double())[0].T
            net.float()
        golden.add({"layers": layers}, x=x, y=y, **{name: p for name, p in net.named_parameters()})
golden.save()
