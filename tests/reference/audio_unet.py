"""Goldens of AudioUNet, layer by layer as PyTorch modules."""

import torch
from audio_unet_model import AudioUNet
from golden import Golden

torch.manual_seed(9)
torch.set_num_threads(1)
golden = Golden("audio_unet")
with torch.no_grad():
    for tensorflow in (True, False):
        for filters, kernels, bottleneck, last in (((4,), (3,), (5, 3), 1), ((3, 4), (9, 5), (4, 1), 3),
                                                   ((4, 6, 5, 5), (13, 7, 5, 3), (8, 3), 9)):
            net = AudioUNet(filters, kernels, bottleneck, last, tensorflow)
            for samples in (4, 64, 200, 301):
                x = torch.randn(1, 1, samples)
                if samples >= 2 ** (len(filters) + 1):
                    golden.add({"tensorflow": tensorflow}, x=x[0], y=net(x)[0],
                               **{name: value for name, value in net.named_parameters()})
golden.save()
