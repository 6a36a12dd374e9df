"""Goldens of bandwidth extension by AudioUNet, from low-rate samples to high-rate ones."""

import torch
from audio_unet_model import AudioUNet, spline
from checkpoints import randomise, save
from golden import Golden


def small():
    golden = Golden("audio-super-res")
    torch.manual_seed(14)
    for i, (arithmetic, rate, factor, filters, kernels) in enumerate((("tensorflow", 16000, 2, (4, 6, 5, 5), (13, 7, 5, 3)),
                                                                      ("tensorflow", 16000, 4, (6, 8), (9, 5)),
                                                                      ("pytorch", 12000, 3, (5, 4, 4), (7, 5, 3)))):
        net = randomise(AudioUNet(filters, kernels, (8, 3), 9, arithmetic == "tensorflow"), i)
        net.last.weight.data *= 0.2
        config = {"sampling_rate": rate, "r": factor, "filters": list(filters), "arithmetic": arithmetic}
        file = save(f"audio-super-res-{i}", "model.safetensors" if i == 1 else "model.pth",
                    net.state_dict() if i != 2 else {"state_dict": net.state_dict()},
                    "safetensors" if i == 1 else "zip", config)
        for samples in (70, 200, 301):
            x = torch.randn(samples) * 0.3
            with torch.no_grad():
                golden.add({"file": file}, x=x[None], y=net(spline(x, factor)[None, None])[0])
    golden.save()


if __name__ == "__main__":
    torch.set_num_threads(1)
    small()
