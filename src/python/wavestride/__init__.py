"""Wavestride: exact streaming, rate-changing operators for audio and speech.

Arrays are [channels, frames] float32; other numbers are converted, with the values that they have: divide 16-bit
samples by 32768 where full scale must be 1. What a function returns owns its memory and is laid out frame by frame, so
that it goes into the next function without a copy; so does an array of one channel, and x.T of an array [frames,
channels]. Functions named as in torch.nn.functional take their arguments and give their results. Everything computes
without the interpreter's lock, and Ctrl-C ends what takes long. A value that a parameter can't have raises ValueError,
one of another kind TypeError (integers beyond 64 bits OverflowError), files raise IoError.
"""

from ._errors import IoError, NotStreamable
from ._wavestride import (
    CodecEncoder,
    MelSpectrogram,
    Model,
    Op,
    Resampler,
    Stream,
    Varispeed,
    __version__,
    adaptive_avg_pool1d,
    adaptive_max_pool1d,
    avg_pool1d,
    bfloat16_in_hardware,
    conv1d,
    conv_transpose1d,
    griffin_lim,
    interpolate,
    istft,
    load_codec_encoder,
    load_model,
    max_pool1d,
    max_unpool1d,
    mel_filterbank,
    mel_presets,
    operator,
    pixel_shuffle1d,
    pixel_unshuffle1d,
    resample,
    spatial_pyramid_pool1d,
    stft,
)

__all__ = [name for name in dir() if not name.startswith("_")]
