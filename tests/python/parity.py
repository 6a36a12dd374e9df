"""500 random operator configurations, the Python module against PyTorch: parity.py [COUNT [SEED]]. Fails unless the
largest error stays within 1e-5 of an output's scale. --overhead measures what a call costs beyond C++ instead."""

import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
import wavestride as ws

torch.set_num_threads(1)


def tensor(x):
    return torch.tensor(np.ascontiguousarray(x))[None]


class Case:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def int(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def array(self, *shape):
        return self.rng.normal(size=shape).astype("f4")

    def flag(self):
        return bool(self.int(0, 1))

    def bias(self, n):
        return self.array(n) if self.flag() else None


def conv1d(c):
    groups, kernel, dilation = c.int(1, 3), c.int(1, 7), c.int(1, 3)
    cin, cout = groups * c.int(1, 8), groups * c.int(1, 8)
    w, b = c.array(cout, cin // groups, kernel), c.bias(cout)
    same = c.int(0, 4) == 0
    options = dict(stride=1 if same else c.int(1, 4), padding="same" if same else c.int(0, 9), dilation=dilation,
                   groups=groups)
    x = c.array(cin, c.int((kernel - 1) * dilation + 1, 80))
    return x, lambda: ws.conv1d(x, w, b, **options), lambda t: F.conv1d(
        t, torch.tensor(w), None if b is None else torch.tensor(b), **options)


def conv_transpose1d(c):
    groups, kernel, dilation, stride = c.int(1, 3), c.int(1, 8), c.int(1, 2), c.int(1, 5)
    cin, cout = groups * c.int(1, 8), c.int(1, 8)
    w, b = c.array(cin, cout, kernel), c.bias(groups * cout)
    options = dict(stride=stride, padding=c.int(0, (kernel - 1) * dilation // 2),
                   output_padding=c.int(0, max(stride, dilation) - 1), groups=groups, dilation=dilation)
    x = c.array(cin, c.int(3, 40))
    return x, lambda: ws.conv_transpose1d(x, w, b, **options), lambda t: F.conv_transpose1d(
        t, torch.tensor(w), None if b is None else torch.tensor(b), **options)


def max_pool1d(c):
    kernel = c.int(1, 8)
    args = (kernel, c.int(1, 8), c.int(0, kernel // 2), 1, c.flag(), True)
    x = c.array(c.int(1, 8), c.int(kernel, 90))
    return x, lambda: ws.max_pool1d(x, *args), lambda t: F.max_pool1d(t, *args)


def max_unpool1d(c):
    kernel, stride = c.int(1, 6), c.int(1, 6)
    x = c.array(c.int(1, 8), c.int(kernel, 90))
    v, i = F.max_pool1d(tensor(x), kernel, stride, return_indices=True)
    size = [x.shape[0], (v.shape[2] - 1) * stride + kernel + c.int(0, stride - 1)]
    # Where windows overlap a maximum may stand twice; the order in which torch writes is of no account then.
    return x, lambda: ws.max_unpool1d(v[0].numpy(), i[0].numpy(), kernel, stride, output_size=size), \
        lambda t: F.max_unpool1d(v, i, kernel, stride, output_size=size[1:])


def avg_pool1d(c):
    kernel = c.int(1, 8)
    args = (kernel, c.int(1, 8), c.int(0, kernel // 2), c.flag(), c.flag())
    x = c.array(c.int(1, 8), c.int(kernel, 90))
    return x, lambda: ws.avg_pool1d(x, *args), lambda t: F.avg_pool1d(t, *args)


def adaptive(c):
    size, x = c.int(1, 40), c.array(c.int(1, 8), c.int(1, 90))
    if c.flag():
        return x, lambda: ws.adaptive_avg_pool1d(x, size), lambda t: F.adaptive_avg_pool1d(t, size)
    return x, lambda: ws.adaptive_max_pool1d(x, size, True), lambda t: F.adaptive_max_pool1d(t, size, True)


def interpolate(c):
    x, mode = c.array(c.int(1, 8), c.int(2, 60)), ["nearest", "nearest-exact", "linear"][c.int(0, 2)]
    options = dict(mode=mode)
    if c.flag():
        options["size"] = c.int(1, 150)
        if mode == "linear":
            options["align_corners"] = c.flag()
    else:
        options["scale_factor"] = c.int(1, 8) / [1, 2, 4][c.int(0, 2)]
        if int(x.shape[1] * options["scale_factor"]) < 1:
            options["scale_factor"] = 1.0
    return x, lambda: ws.interpolate(x, **options), lambda t: F.interpolate(t, **options)


def shuffle(c):
    r, x = c.int(1, 6), c.array(c.int(1, 8), c.int(1, 50))
    x = np.repeat(x, r, 0)
    if c.flag():
        x = np.repeat(x, r, 1)[: x.shape[0] // r]
        return x, lambda: ws.pixel_unshuffle1d(x, r), lambda t: t.unflatten(2, (-1, r)).mT.flatten(1, 2)
    return x, lambda: ws.pixel_shuffle1d(x, r), lambda t: t.unflatten(1, (-1, r)).mT.flatten(2, 3)


def pyramid(c):
    levels, x = [c.int(1, 6) for _ in range(c.int(1, 4))], c.array(c.int(1, 8), c.int(1, 60))
    return x, lambda: ws.spatial_pyramid_pool1d(x, levels), lambda t: torch.cat(
        [F.adaptive_max_pool1d(t, n).flatten(1) for n in levels], 1)[..., None]


def stft(c):
    n_fft = 2 * c.int(4, 100)
    win = c.int(n_fft // 2, n_fft)
    hop, window = c.int(1, win), np.hanning(win + 2)[1:-1].astype("f4")
    center, onesided, normalized = c.flag(), c.flag(), c.flag()
    x = c.array(1, c.int(n_fft, 1000))
    return x, lambda: ws.stft(x[0], n_fft, hop, win, window, center, normalized=normalized, onesided=onesided), \
        lambda t: torch.stft(t[0], n_fft, hop, win, torch.tensor(window), center, normalized=normalized,
                             onesided=onesided, return_complex=True)


OPERATORS = [conv1d, conv_transpose1d, max_pool1d, max_unpool1d, avg_pool1d, adaptive, interpolate, shuffle, pyramid, stft]


def compare(count, seed):
    worst = {}
    for k in range(count):
        make = OPERATORS[k % len(OPERATORS)]
        x, ours, theirs = make(Case([seed, k]))
        results, expected = ours(), theirs(tensor(x))
        if not isinstance(expected, tuple):
            results, expected = (results,), (expected,)
        for y, t in zip(results, expected):
            t = t[0].numpy()
            assert y.shape == t.shape, f"{make.__name__}, case {k}: {y.shape}, torch {t.shape}"
            error = float(np.abs(y - t).max() / max(np.abs(t).max(), 1e-3)) if t.size else 0.0
            assert error <= 1e-5, f"{make.__name__}, case {k}: error {error}"
            worst[make.__name__] = max(worst.get(make.__name__, 0.0), error)
    for name, error in worst.items():
        print(f"{name:20} {error:.2e}")
    print(f"{count} configurations, largest error {max(worst.values()):.2e} of the output's scale")


def overhead():
    """A frame through an operator that does next to nothing, in C++ and from Python, differs by the module's share."""
    x = np.ones((1, 1), "f4")
    stream = ws.operator("scale", 1, gain=2).stream()
    calls = {"stream.push of 1 frame": lambda: stream.push(x),
             "pixel_shuffle1d of 1 frame": lambda: ws.pixel_shuffle1d(x, 1),
             "conv1d 1 to 1 channels, kernel 1": lambda: ws.conv1d(x, x[None])}
    for name, call in calls.items():
        best = min(timed(call) for _ in range(7))
        print(f"{name:36} {best:6.2f} us a call")


def timed(call, repeats=5000):
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats * 1e6


if __name__ == "__main__":
    if sys.argv[1:] == ["--overhead"]:
        overhead()
    else:
        compare(*(int(a) for a in (sys.argv[1:] + ["500", "1"][len(sys.argv) - 1 :])))
