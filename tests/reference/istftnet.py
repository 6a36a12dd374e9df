"""Goldens of iSTFTNet: HiFi-GAN's trunk, then magnitudes and phases of a short inverse STFT."""

import torch
import torch.nn.functional as F
from checkpoints import randomise, save
from golden import Golden
from hifigan import SMALL_MEL, Generator


class Istftnet(Generator):
    def __init__(self, c, inputs):
        super().__init__(c, inputs, outputs=c["gen_istft_n_fft"] + 2)
        self.n_fft, self.hop = c["gen_istft_n_fft"], c["gen_istft_hop_size"]

    def forward(self, x):
        h = self.conv_post(F.pad(self.body(x), (1, 0), "reflect"))
        bins = self.n_fft // 2 + 1
        magnitude, phase = torch.exp(h[:, :bins]), torch.sin(h[:, bins:])
        spectrum = torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase))
        return torch.istft(spectrum, self.n_fft, self.hop, self.n_fft, torch.hann_window(self.n_fft))


def small():
    golden = Golden("istftnet")
    torch.manual_seed(14)
    for name, changes, format in (("1", {"resblock": "1", "gen_istft_n_fft": 16, "gen_istft_hop_size": 4}, "zip"),
                                  ("2", {"resblock": "2", "gen_istft_n_fft": 20, "gen_istft_hop_size": 5}, "legacy")):
        config = {"upsample_rates": [3, 4], "upsample_kernel_sizes": [7, 8], "upsample_initial_channel": 16,
                  "resblock_kernel_sizes": [3, 5], "resblock_dilation_sizes": [[1, 3], [1, 2]], **SMALL_MEL, **changes}
        config["hop_size"] = 12 * config["gen_istft_hop_size"]
        net = randomise(Istftnet(config, 10), 1)
        net.conv_post.weight_g.data *= 0.4
        file = save(f"istftnet-{name}", "g_00500000", {"generator": net.state_dict()}, format, config)
        for frames in (1, 6, 23):
            x = torch.randn(10, frames)
            with torch.no_grad():
                golden.add({"file": file}, x=x, y=net(x[None]))
    golden.save()


if __name__ == "__main__":
    small()
