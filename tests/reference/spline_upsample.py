"""Goldens of upsampling by an interpolating cubic spline: scipy's splrep and splev, as audio-super-res calls them."""

import numpy as np
from golden import Golden
from scipy.interpolate import splev, splrep

rng = np.random.default_rng(8)
golden = Golden("spline_upsample")
for factor in (1, 2, 3, 4, 7):
    for samples in (4, 5, 6, 7, 12, 13, 14, 15, 16, 17, 20, 27, 28, 29, 30, 33, 60, 100):
        x = rng.standard_normal(samples).astype(np.float32)
        y = splev(np.arange(samples * factor), splrep(np.arange(samples) * factor, x))
        golden.add({"factor": factor}, x=x[None], y=y[None])
golden.save()
