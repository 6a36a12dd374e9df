"""Goldens of torch.nn.functional.max_unpool1d of what max_pool1d gives."""

import random

import torch
import torch.nn.functional as F
from golden import Golden
from pool1d import signal

random.seed(2)
torch.manual_seed(2)
golden = Golden("max_unpool1d")
for kernel in (1, 2, 3, 4, 6):
    for stride in (1, 2, 3, 5, None):
        for padding in range(kernel // 2 + 1):
            step = stride or kernel
            for frames in (random.randint(kernel, kernel + 3), random.randint(kernel, kernel + 5 * step)):
                x = signal(2, frames, random.choice(("normal", "ties")))
                y, indices = F.max_pool1d(x[None], kernel, stride, padding, return_indices=True)
                usual = (y.shape[-1] - 1) * step - 2 * padding + kernel
                sizes = {usual, frames, usual + step - 1, usual - step + 1}
                for size in sorted(s for s in sizes if int(indices.max()) < s < usual + step and s > usual - step):
                    z = F.max_unpool1d(y, indices, kernel, stride, padding, output_size=[size])
                    parameters = {"kernel_size": kernel, "stride": stride or 0, "padding": padding}
                    if size != usual:
                        parameters["output_size"] = size
                    golden.add(parameters, x=x, y=y[0], indices=indices[0], z=z[0])
golden.save()
